package postgres_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-mdm/latchkey/store/storetest"
)

var (
	errCut    = errors.New("the connection was cut")
	errSilent = errors.New("the message does not arrive")
)

// wire is what the connections of a pool go through. While a fault is armed, every other message that is sent meets it.
type wire struct {
	sent  atomic.Int64 // messages
	fault atomic.Pointer[func(c *wired, message []byte) error]
	taken atomic.Pointer[func(ctx context.Context)] // a connection is taken from the pool
}

// prepare is what a pool asks of a connection that is taken from it.
func (w *wire) prepare(ctx context.Context, _ *pgx.Conn) (bool, error) {
	if taken := w.taken.Load(); taken != nil {
		(*taken)(ctx)
	}
	return true, nil
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wired{Conn: c, wire: w}, nil
}

type wired struct {
	net.Conn
	wire *wire
	deaf atomic.Bool // the next answer is received, and lost
}

func (c *wired) Write(message []byte) (int, error) {
	count := c.wire.sent.Add(1)
	if fault := c.wire.fault.Load(); fault != nil && count%2 == 1 {
		err := (*fault)(c, message)
		if errors.Is(err, errSilent) {
			return len(message), nil
		}
		if err != nil {
			_ = c.Close()
			return 0, err
		}
	}
	return c.Conn.Write(message)
}

func (c *wired) Read(buffer []byte) (int, error) {
	n, err := c.Conn.Read(buffer)
	if err == nil && c.deaf.Load() {
		_ = c.Close()
		return 0, errCut
	}
	return n, err
}

// faults are ways in which a connection is lost, before, while and after the server does what it was told.
func (w *wire) faults() []storetest.Fault {
	arm := func(fault func(c *wired, message []byte) error) func(testing.TB) func() {
		return func(testing.TB) func() {
			w.sent.Store(0) // so that the first message meets it
			w.fault.Store(&fault)
			return func() { w.fault.Store(nil) }
		}
	}
	return []storetest.Fault{
		{Name: "the connection is cut before anything is sent", Arm: arm(func(*wired, []byte) error { return errCut })},
		{Name: "the connection is cut in the middle of what is sent", Arm: arm(func(c *wired, message []byte) error {
			_, _ = c.Conn.Write(message[:len(message)/2])
			return errCut
		})},
		{Name: "everything is sent and the answer is lost", Arm: arm(func(c *wired, _ []byte) error {
			c.deaf.Store(true)
			return nil
		})},
	}
}
