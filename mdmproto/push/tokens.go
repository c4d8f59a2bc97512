package push

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Tokens is where the embedder keeps what TokenUpdate brought. The methods may be called concurrently.
type Tokens interface {
	// Channel returns the device's own channel, never that of a user. The zero Channel says that there is none: no TokenUpdate came yet,
	// or the device is not enrolled.
	Channel(ctx context.Context, d lock.Device) (Channel, error)
	// Dead notes that APNs knew this token as dead at that time. It must change nothing when the device's token is another one by now.
	Dead(ctx context.Context, d lock.Device, token []byte, at time.Time) error
}

// Channel is where a device is reached.
type Channel struct {
	Token []byte // as TokenUpdate brought it, 1 to 256 bytes
	Magic string // PushMagic, as TokenUpdate brought it
	Topic string // for which the device enrolled; empty: that of the certificate
	// Updated is when the TokenUpdate came, and Dead the time that Tokens.Dead was told of this token, zero for never. The token is not
	// used while Updated is not after Dead.
	Updated, Dead time.Time
}

// dead says that APNs gave the token up, and the device has not sent it since.
func (c Channel) dead() bool { return !c.Dead.IsZero() && !c.Updated.After(c.Dead) }
