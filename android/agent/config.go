package agent

import (
	"context"
	"crypto/ecdsa"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	// ErrNotEnrolled says that no device of this ID is enrolled. The handler answers 401 with the code not_enrolled.
	ErrNotEnrolled lock.Error = "no device of this ID is enrolled"
	// ErrCode says that an enrolment code is unknown, expired, or was used by another key. The handler answers 403 and does not say which.
	ErrCode lock.Error = "the enrolment code is not accepted"
)

// Service is what the handler needs of the ledger: a *lock.Service.
type Service interface {
	Next(ctx context.Context, d lock.Device) (lock.Command, error)
	Report(ctx context.Context, r lock.Report) error
	Seen(ctx context.Context, d lock.Device, evidence lock.Evidence) error
}

// Enrollments is what the handler needs of the embedder's device records. The methods may be called concurrently. What they record is
// durable when they return. An error that wraps ErrNotEnrolled is answered with 401, one that wraps ErrCode with 403, a *lock.InputError
// with 400, any other with 503, so that the device comes back.
type Enrollments interface {
	// Enroll binds the device's keys if the code allows it, in one transaction that uses the code up. The same code with the same signing
	// key again is a lost answer: it returns the same device, as long as the code has not expired. With any other key it is ErrCode. A
	// serial number that is known keeps its device ID, and the keys of before are no longer accepted.
	//
	// The ledger must hear once of each enrolment (lock.EvidenceReenrolled), and durably, before the device is answered. settled says that
	// Enroll, or one before it, has seen to that. Else the handler tells the ledger, also when the enrolment is a repeated one, so that a
	// crash in between is made good; but whatever was ordered since is then taken for gone with the old device.
	Enroll(ctx context.Context, e Enrollment) (d lock.Device, settled bool, err error)
	// Device returns an enrolled device with its facts, "agreement_key" among them, and the key that it signs with.
	Device(ctx context.Context, id string) (Enrolled, error)
	// State keeps what a device said of itself. A fact that is absent is unknown now. When s.Key is no longer the device's, it keeps nothing,
	// and is ErrNotEnrolled.
	State(ctx context.Context, d lock.Device, s State) error
}

// Requests remembers what must never repeat. The methods may be called concurrently, from several processes.
type Requests interface {
	// Once reports whether this request ID of this device is new, and remembers it, durably, at least until then.
	Once(ctx context.Context, device, jti string, until time.Time) (fresh bool, err error)
	// Number takes the next number of the device's durable counter, last + 1, if last is still the one before (0 before the first); else it
	// takes none, and is 0. To bind other keys to a device and to remove it take a number too, in the same transaction: what was made for the
	// keys of before then gets none.
	Number(ctx context.Context, device string, last int64) (int64, error)
	// Raise has the counter go on above what the device has signed to have seen, at most 2^52. It never goes back.
	Raise(ctx context.Context, device string, seen int64) error
}

// Queries is where commands come from that change nothing and are in no ledger. They go when no order waits.
type Queries interface {
	// Query returns what the device should be asked now, or the zero Query. It comes again until Answered has taken its ID.
	Query(ctx context.Context, d lock.Device) (Query, error)
	// Answered takes the answer to a query; what the device said came through Enrollments.State before. lock.ErrNotOurs passes it on.
	Answered(ctx context.Context, d lock.Device, id lock.ID) error
}

// Query is one question for a device.
type Query struct {
	ID      lock.ID
	Command string // "report_state" or "token_status"
}

// Enrollment is a request to enrol that its own signing key has signed.
type Enrollment struct {
	Code                      string
	SigningKey                *ecdsa.PublicKey // P-256
	AgreementKey              string           // P-256, as a JWK in JSON: the value of the fact "agreement_key"
	Serial, Name, Model, User string           // at most 255 bytes each, without control characters; may be empty
	FCMToken                  string           // empty: the device has none
	State                     State
}

// Enrolled is a device with the key that its requests are verified by.
type Enrolled struct {
	Device lock.Device
	Key    *ecdsa.PublicKey
	Last   int64 // the last number that Requests took, or was raised to
}

// State is what a device said of itself.
type State struct {
	FCMToken string            // empty: nothing was said of it
	Facts    map[string]string // by android.FactName; absent is unknown
	At       time.Time         // when it was so, never later than now: do not let it replace what is newer
	Key      *ecdsa.PublicKey  // that signed it: keep nothing of a key that is no longer the device's
}

// Config is what the device-facing handler is made of.
type Config struct {
	Service     Service     // required
	Enrollments Enrollments // required
	Requests    Requests    // required
	// Keys are the server's signing keys: the first signs, and devices learn all of them when they enrol. To change the key, add the
	// new one behind the old, and put it first when every device has enrolled since. At least one.
	Keys    []Key
	Queries Queries          // nil: none
	Hub     *Hub             // nil: a long poll looks at the ledger every Recheck only
	Now     func() time.Time // nil: time.Now
	Skew    time.Duration    // how far a device's clock may be off; 0: five minutes
	Recheck time.Duration    // how often a long poll looks at the ledger without being woken; 0: 15 seconds
	Logger  *slog.Logger     // nil: slog.Default
}
