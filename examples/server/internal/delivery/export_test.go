package delivery

import (
	"context"
	"net"
)

// Work looks once at what is due.
func (d *Deliveries) Work(ctx context.Context) error { return d.work(ctx, false) }

// WorkKicked looks once as after a Kick.
func (d *Deliveries) WorkKicked(ctx context.Context) error { return d.work(ctx, true) }

// Forget deletes what ended long ago.
func (d *Deliveries) Forget(ctx context.Context) error { return d.forget(ctx) }

// Over is the mail server by another way than the network.
func (s SMTP) Over(connect func(ctx context.Context, network, address string) (net.Conn, error)) SMTP {
	s.connect = connect
	return s
}

// What tests look into.
var (
	InWords = inWords
	HashOf  = hashOf
)
