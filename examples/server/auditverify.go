package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// verifyFile verifies an export with nothing else at hand.
func (j *auditJob) verifyFile(ctx context.Context) error {
	if j.key == "" {
		return &usageError{"-key", "give the log's public key (server audit key, or GET /api/v1/audit/key): it must come from elsewhere than the file", nil}
	}
	f, err := os.Open(j.file)
	if err != nil {
		return &usageError{"audit verify", "FILE must be an export that can be read (server audit export)", err}
	}
	defer func() { _ = f.Close() }() // it was only read
	report, err := auditlog.VerifyExport(ctx, f, auditlog.Trust{Key: j.key, Older: j.older})
	if err != nil {
		return j.explain(err)
	}
	j.tell(report)
	j.say("An export has no actions and no sealed boxes: to compare them with their events, verify the ledger where it is (server audit verify).")
	return nil
}

// verify verifies the ledger where it is.
func (j *auditJob) verify(ctx context.Context) error {
	report, err := j.trail.Verify(ctx, auditor(), j.older)
	if err != nil {
		return j.explain(err)
	}
	j.tell(report)
	j.say("Compared with the events: %s, and every sealed box.", number(report.Actions, "action"))
	if j.key == "" {
		j.say("The key was that of the database and its keyring. Who has both could have signed another ledger: an auditor gives -key.")
	}
	return nil
}

// explain says what to do about what a verification found, or could not do.
func (j *auditJob) explain(err error) error {
	tampered, input := (*auditlog.TamperError)(nil), (*lock.InputError)(nil)
	switch {
	case errors.As(err, &tampered):
		return fmt.Errorf("TAMPERED: %w. Keep a copy of the database and this text as evidence, and compare with an older backup or export", err)
	case errors.As(err, &input) && input.Field == "key":
		return &usageError{"-key", input.Rule + " (server audit key)", input.Err}
	case errors.As(err, &input):
		return &usageError{"-checkpoint", input.Rule, input.Err}
	}
	return err
}

// tell says what a verification found to be in order.
func (j *auditJob) tell(r auditlog.Report) {
	if r.Events == 0 {
		j.say("There is no event yet.")
		return
	}
	j.say("Intact: %s, from position 0 to %d.", number(r.Events, "event"), r.Events-1)
	switch {
	case r.Size == 0:
		j.say("Nothing is signed yet: only hashes and chains were checked.")
	case r.Unsigned() == 0:
		j.say("Signed: all of them; %s.", number(int64(r.Checkpoints), "stored checkpoint"))
	default:
		j.say("Signed: the first %d of them; %s. What came after the newest has its hashes and chains checked.",
			r.Size, number(int64(r.Checkpoints), "stored checkpoint"))
	}
	if len(j.older) == 0 {
		j.say("No checkpoint from outside was given: a ledger that was cut off, or put back to what it was, looks the same. See -checkpoint.")
		return
	}
	j.say("Kept outside: the ledger goes on from %s that you gave.", number(int64(r.Older), "checkpoint"))
}

// number counts things in words.
func number(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
