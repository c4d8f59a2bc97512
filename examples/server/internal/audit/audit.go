// Package audit is what people do with the record of a server: they read and export its events, keep checkpoints of the log outside, have
// them proven, and verify the whole ledger.
//
// Everything needs the right to audit (lock.VerbAudit), which lock.Service decides. To read is an event itself, lock.EventAuditRead, and is
// on record before anything is shown; its fact "kind" is "export", and missing for a page of a list. What came of a verification is another,
// lock.EventAuditVerified. Checkpoints and proofs hold
// nothing of an event: to take them is not recorded.
package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// ErrUnsigned says that the log has no checkpoint yet: the first one is signed within a second of the first event.
var ErrUnsigned = errors.New("nothing is signed yet: the first checkpoint comes within a second of the first event")

// ErrUnderWay says that this process is verifying the ledger for somebody else.
var ErrUnderWay = errors.New("the ledger is being verified: wait until that has ended")

// ErrUnreadable says that the ledger answers, and that what it has as an event is none.
var ErrUnreadable = errors.New("an event cannot be read: verify the log")

// Config is what a Trail stands on. Every field is required.
type Config struct {
	Service *lock.Service
	Ledger  lock.Store
	Storage auditlog.Storage
	Log     *auditlog.Log // may be nil for who only verifies
	Key     string        // the log's public key; it must not come from the ledger's tables, which it is to judge
	Scope   string
	Logger  *slog.Logger
}

// Trail is the record of a server. It is safe for concurrent use.
type Trail struct {
	Config
	verifying sync.Mutex
}

// New makes a Trail.
func New(cfg Config) *Trail { return &Trail{Config: cfg} }

// allowed asks for the right to audit, and the ledger for nothing: an event that cannot be read must not keep anybody from a verification.
func (t *Trail) allowed(ctx context.Context, a lock.Actor) error {
	_, err := t.Service.Events(ctx, a, lock.EventFilter{Scope: t.Scope, From: math.MaxInt64, Limit: 1})
	return err
}

// events reads events. When the ledger fails at these and not as such, that is ErrUnreadable.
func (t *Trail) events(ctx context.Context, a lock.Actor, f lock.EventFilter) ([]lock.Event, error) {
	found, err := t.Service.Events(ctx, a, f)
	input := (*lock.InputError)(nil)
	if err == nil || errors.Is(err, lock.ErrDenied) || errors.Is(err, lock.ErrNotFound) || errors.As(err, &input) || t.allowed(ctx, a) != nil {
		return found, err
	}
	return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
}

// note records that the log was read.
func (t *Trail) note(ctx context.Context, a lock.Actor, facts map[string]string) error {
	return t.Service.Note(ctx, a, lock.EventAuditRead, t.Scope, facts)
}

// Checkpoint returns the newest signed checkpoint, or ErrUnsigned. An *auditlog.TamperError says that the stored one cannot be right.
func (t *Trail) Checkpoint(ctx context.Context, a lock.Actor) ([]byte, error) {
	if err := t.allowed(ctx, a); err != nil {
		return nil, err
	}
	return t.newest(ctx)
}

func (t *Trail) newest(ctx context.Context) ([]byte, error) {
	signed, err := t.Log.Checkpoint(ctx)
	if err == nil && signed == nil {
		err = ErrUnsigned
	}
	return signed, err
}

// ProveInclusion proves that the event at a position is in the log of a size, see auditlog.Log.
func (t *Trail) ProveInclusion(ctx context.Context, a lock.Actor, position, size int64) (auditlog.InclusionProof, error) {
	if _, err := t.Checkpoint(ctx, a); err != nil {
		return auditlog.InclusionProof{}, err
	}
	return t.Log.ProveInclusion(ctx, position, size)
}

// ProveConsistency proves that the log of a size begins with that of the size from, see auditlog.Log.
func (t *Trail) ProveConsistency(ctx context.Context, a lock.Actor, from, size int64) (auditlog.ConsistencyProof, error) {
	if _, err := t.Checkpoint(ctx, a); err != nil {
		return auditlog.ConsistencyProof{}, err
	}
	return t.Log.ProveConsistency(ctx, from, size)
}

// whole asks for the right to audit everything, which nobody has who is limited to some devices.
func (t *Trail) whole(ctx context.Context, a lock.Actor) error {
	return t.Service.Allow(ctx, a, lock.VerbAudit, lock.Target{Device: lock.Device{Scope: t.Scope}})
}

// Export writes the whole ledger with its checkpoints, for auditlog.VerifyExport, or returns ErrUnsigned. It needs the right to audit
// everything: of a lock.Target without a device.
func (t *Trail) Export(ctx context.Context, a lock.Actor, w io.Writer) error {
	if err := t.whole(ctx, a); err != nil {
		return err
	}
	if _, err := t.Checkpoint(ctx, a); err != nil {
		return err
	}
	if err := t.note(ctx, a, map[string]string{factKind: kindExport, "format": "log"}); err != nil {
		return err
	}
	return t.Log.Export(ctx, w)
}
