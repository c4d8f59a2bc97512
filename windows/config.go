package windows

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

// Config is what the device-facing handler is made of.
type Config struct {
	Service  *lock.Service // required
	Devices  Devices       // required
	Sessions Sessions      // shared by all replicas; nil: in memory, for one process, after whose restart sessions begin anew
	Commands Commands      // nil: no others
	// DigestAlone serves a device without a client certificate by its digest (auth-md5), if it has one. Without it there is no service
	// without a certificate.
	DigestAlone bool
	// Reported is called after a report of a device is durable, and before the device is answered. It must not wait. nil: nobody is told.
	Reported func(ctx context.Context, r lock.Report)
	Now      func() time.Time // nil: time.Now
	Logger   *slog.Logger     // nil: slog.Default
}

// Devices is what the handler needs of the embedder's device records. The methods may be called concurrently. An error that wraps
// ErrNotEnrolled is answered with 403, any other with 503, so that the device comes back.
type Devices interface {
	// Device returns an enrolled device, with its facts. With a certificate, which TLS has verified, it goes by that alone, and the whole of
	// it (its key or fingerprint, never a part of its name); id is empty then. Without one, cert is nil and id is what the message says,
	// which proves nothing yet: the digest must follow, so an enrolment without one is refused.
	Device(ctx context.Context, cert *x509.Certificate, id string) (Enrolled, error)
	// Learn keeps what the device told of itself. It is durable when Learn returns. The time of a fact is that of the call.
	Learn(ctx context.Context, d lock.Device, l Learnt) error
}

// Enrolled is one device as its enrolment made it known.
type Enrolled struct {
	Device lock.Device // with its facts; see FactName
	ID     string      // its DevInfo/DevId, which every message must name as its source, exactly
	// User and Inner are what its digest is checked with: the name, and syncml.Inner of name and password, which is as good as the password
	// and must be kept sealed. Inner empty: the certificate is enough.
	User, Inner string
	// Former is a device whose enrolment has ended. It is answered with 403. While an action awaits a PIN, what it sends with its certificate
	// is kept sealed, and shown by lock.Service.RevealAnswer; nothing of it is believed.
	Former bool
}

// Learnt is what a device told of itself.
type Learnt struct {
	Facts      map[string]string // by FactName; those that are absent stay as they are
	ChannelURI string            // where WNS reaches it, see windows/wns; empty: nothing was said. Comes from the device: do not fetch it yourself
	Gone       bool              // its user has ended the management: nothing is sent to it with this answer
}

// Commands is where the embedder's other commands come from. A lock always goes first, and alone.
type Commands interface {
	// Next returns the works that wait for the device, without those that Done has seen complete. What does not fit into the message is
	// left out, and asked for again. A Ref must not look like the handler's own (see SplitRef), nor be "probe".
	Next(ctx context.Context, d lock.Device) ([]omadm.Work, error)
	// Done takes what the device said of a work, with its results; until Complete there may be more. An error is answered with 503, and the
	// device says it again.
	Done(ctx context.Context, d lock.Device, a omadm.Answer) error
}
