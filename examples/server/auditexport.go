package main

import (
	"context"
	"errors"
	"os"
)

// export writes the ledger to a new file, which nobody else may read.
func (j *auditJob) export(ctx context.Context) error {
	f, err := os.OpenFile(j.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &usageError{"audit export", "FILE must be a new file, in a folder that this program may write", err}
	}
	err = j.trail.Export(ctx, auditor(), f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(j.file)) // half an export is none
	}
	j.say("Exported to %s. To verify it anywhere: server audit verify %[1]s -key KEY", j.file)
	return nil
}

// checkpoint prints the newest checkpoint.
func (j *auditJob) checkpoint(ctx context.Context) error {
	signed, err := j.trail.Checkpoint(ctx, auditor())
	if err == nil {
		_, err = j.stdout.Write(signed)
	}
	return err
}

// printKey prints the public key.
func (j *auditJob) printKey(context.Context) error {
	j.say("%s", j.trail.Key)
	return nil
}
