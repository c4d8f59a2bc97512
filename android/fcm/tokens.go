package fcm

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Tokens is where the embedder keeps the registration tokens that agents sent. The methods may be called concurrently.
type Tokens interface {
	// Token returns the device's registration token (or its Firebase installation ID); empty: there is none, or it is dead.
	Token(ctx context.Context, d lock.Device) (string, error)
	// Dead notes that FCM knew this token as dead at that time. It must change nothing when the device's token is another one by now.
	Dead(ctx context.Context, d lock.Device, token string, at time.Time) error
}
