package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// Outcome is what came of a verification.
type Outcome string

// The outcomes.
const (
	Intact     Outcome = "intact"
	Tampered   Outcome = "tampered"
	Unfinished Outcome = "unfinished" // there was not enough time
)

// Verification is one that is on record.
type Verification struct {
	By      lock.Actor
	At      time.Time
	Outcome Outcome
	Events  int64  // that were read
	Signed  int64  // of them covered by the newest checkpoint
	Actions int64  // compared with their events and boxes
	Older   int64  // checkpoints kept outside that were given
	Finding string // in words: what was tampered with
}

// Upto is the last position that was read.
func (v Verification) Upto() int64 { return v.Events - 1 }

// Unsigned is the number of events that no checkpoint covered yet.
func (v Verification) Unsigned() int64 { return v.Events - v.Signed }

// The facts of a verification, and what kinds of reading there are.
const (
	factKind    = "kind"
	factOutcome = "outcome"
	factEvents  = "events"
	factSigned  = "signed"
	factActions = "actions"
	factOlder   = "older_checkpoints"
	factFinding = "finding"
	kindExport  = "export"
)

// recordPatience is how long it may take to record what came of a verification that had no time left.
const recordPatience = 5 * time.Second

// Verify verifies the ledger, against checkpoints that were kept outside, and returns what auditlog.Verify returns once the outcome is on
// record. An error that is neither an *auditlog.TamperError nor context.DeadlineExceeded is no outcome. One verification runs at a time in a
// process: ErrUnderWay. It needs the right to audit everything: of a lock.Target without a device.
func (t *Trail) Verify(ctx context.Context, a lock.Actor, older [][]byte) (auditlog.Report, error) {
	if err := t.whole(ctx, a); err != nil {
		return auditlog.Report{}, err
	}
	if !t.verifying.TryLock() {
		return auditlog.Report{}, ErrUnderWay
	}
	defer t.verifying.Unlock()
	report, err := auditlog.Verify(ctx, t.Ledger, t.Storage, auditlog.Trust{Key: t.Key, Older: older})
	facts := map[string]string{
		factOutcome: string(Intact), factEvents: count(report.Events), factSigned: count(report.Size),
		factActions: count(report.Actions), factOlder: strconv.Itoa(len(older)),
	}
	tampered := (*auditlog.TamperError)(nil)
	switch {
	case err == nil:
	case errors.As(err, &tampered):
		facts[factOutcome], facts[factFinding] = string(Tampered), tampered.Error()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		facts[factOutcome], err = string(Unfinished), ctx.Err()
	default:
		return report, err
	}
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordPatience)
	defer cancel()
	noted := t.Service.Note(record, a, lock.EventAuditVerified, t.Scope, facts)
	if noted == nil {
		noted = t.place(record)
	}
	if noted != nil {
		return report, errors.Join(err, fmt.Errorf("what came of it could not be recorded: %w", noted))
	}
	return report, err
}

// place gives the events their place in the feed where the store does so later, so that Last finds a verification as soon as it is over.
func (t *Trail) place(ctx context.Context) error {
	store, later := t.Ledger.(interface {
		Sequence(ctx context.Context) (more bool, err error)
	})
	for later {
		var err error
		if later, err = store.Sequence(ctx); err != nil {
			return err
		}
	}
	return nil
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// Last returns the last verification that is on record, whichever server did it; nil when there is none, ErrUnreadable when its record is
// no event.
func (t *Trail) Last(ctx context.Context, a lock.Actor) (*Verification, error) {
	found, err := t.events(ctx, a, lock.EventFilter{
		Scope: t.Scope, Types: []lock.EventType{lock.EventAuditVerified}, Newest: true, Limit: 1,
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	e := found[0]
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(e.Facts[name], 10, 64) // 0 for what is not there
		return n
	}
	return &Verification{
		By: e.Actor, At: e.Time, Outcome: Outcome(e.Facts[factOutcome]), Events: number(factEvents), Signed: number(factSigned),
		Actions: number(factActions), Older: number(factOlder), Finding: e.Facts[factFinding],
	}, nil
}

// MaxCheckpoint is the size of a checkpoint in bytes.
const MaxCheckpoint = 64 << 10

// CleanCheckpoint returns a checkpoint as it was signed, after it went through a form, a mail or an editor: these change the ends of lines
// and the white space around it.
func CleanCheckpoint(text []byte) []byte {
	return append(bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), '\n')
}

// Size is the number of events that a checkpoint covers, which the log has returned: nothing is checked.
func Size(checkpoint []byte) int64 {
	lines := strings.SplitN(string(checkpoint), "\n", 3)
	if len(lines) < 3 {
		return 0
	}
	n, _ := strconv.ParseInt(lines[1], 10, 64)
	return n
}
