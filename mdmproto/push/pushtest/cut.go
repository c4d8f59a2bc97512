package pushtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// cut ends the connection of a request.
func cut(r *http.Request, a Answer) {
	secure, ok := r.Context().Value(connKey{}).(*tls.Conn)
	if !ok {
		return
	}
	below, ok := secure.NetConn().(*corked)
	if !ok {
		return
	}
	if a.Cut == CutReset {
		_ = below.SetLinger(0)
		_ = below.Close()
		return
	}
	last := uint32(0)
	if a.Cut == CutGoAway {
		last = 1<<31 - 1
	}
	// All of it arrives at once, so that nothing that the client answers meanwhile makes the server say more.
	below.cork()
	framer := http2.NewFramer(secure, nil)
	err := errors.Join(
		framer.WriteSettings(), // which must come first, and the server's own may not have left yet
		framer.WriteGoAway(last, http2.ErrCodeNo, reasonOf(a)),
		secure.CloseWrite(),
	)
	if err == nil {
		below.uncork()
	}
	_ = below.TCPConn.Close()
}

// listener makes connections that can be corked.
type listener struct{ net.Listener }

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	plain, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	return &corked{TCPConn: plain}, nil
}

// corked is a connection that can hold back what is written, and its end.
type corked struct {
	*net.TCPConn

	mu   sync.Mutex
	held *bytes.Buffer // nil: nothing is held back
}

// Write implements net.Conn.
func (c *corked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return c.held.Write(b)
	}
	return c.TCPConn.Write(b)
}

// Close implements net.Conn. What is held back is not lost: who corked it closes it.
func (c *corked) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return nil
	}
	return c.TCPConn.Close()
}

func (c *corked) cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = &bytes.Buffer{}
}

func (c *corked) uncork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.SetWriteDeadline(time.Time{}) // which CloseWrite set to now
	_, _ = c.TCPConn.Write(c.held.Bytes())
	c.held = &bytes.Buffer{} // what comes later goes nowhere
}
