package auditlog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/latchkey-mdm/latchkey/lock"
)

// InclusionProof proves that an event is in the log at its position (RFC 6962, section 2.1.1). Its JSON form, with hashes in base64:
//
//	{"position": 17, "size": 1000, "hashes": ["...", ...], "checkpoint": "origin\n1000\n...\n\n— origin ...\n"}
type InclusionProof struct {
	Position   int64       `json:"position"`   // of the event: its leaf
	Size       int64       `json:"size"`       // of the tree
	Hashes     []tlog.Hash `json:"hashes"`     // from the leaf's sibling up; about log2(Size) of them
	Checkpoint string      `json:"checkpoint"` // the signed one of that size
}

// ConsistencyProof proves that the log only grew between two sizes (RFC 6962, section 2.1.2). Its JSON form, with hashes in base64:
//
//	{"from": 700, "size": 1000, "hashes": ["...", ...], "checkpoint": "origin\n1000\n...\n\n— origin ...\n"}
type ConsistencyProof struct {
	From       int64       `json:"from"`       // size of the smaller tree
	Size       int64       `json:"size"`       // size of the larger tree
	Hashes     []tlog.Hash `json:"hashes"`     // about log2(Size) of them
	Checkpoint string      `json:"checkpoint"` // the signed one of Size
}

// ProveInclusion proves the event at a position, in the tree of a size for which a checkpoint is kept; 0 is the newest. An *lock.InputError
// says which of them the log does not have; a *TamperError, that the stored tiles do not lead to the checkpoint.
func (l *Log) ProveInclusion(ctx context.Context, position, size int64) (InclusionProof, error) {
	of, err := l.kept(ctx, size)
	if err != nil {
		return InclusionProof{}, err
	}
	if position < 0 || position >= of.size {
		return InclusionProof{}, &lock.InputError{Field: "position", Rule: fmt.Sprintf("must be from 0 to %d in a log of size %[2]d", of.size-1, of.size)}
	}
	t := newTiles(ctx, l.cfg.Storage, of)
	hashes, err := tlog.ProveRecord(of.size, position, t)
	if err != nil {
		return InclusionProof{}, t.explain(err)
	}
	return InclusionProof{Position: position, Size: of.size, Hashes: hashes, Checkpoint: string(of.note)}, nil
}

// ProveConsistency proves that the tree of size from is the beginning of a larger one, for which a checkpoint is kept; size 0 is the newest.
// Errors are those of ProveInclusion.
func (l *Log) ProveConsistency(ctx context.Context, from, size int64) (ConsistencyProof, error) {
	of, err := l.kept(ctx, size)
	if err != nil {
		return ConsistencyProof{}, err
	}
	if from < 1 || from > of.size {
		return ConsistencyProof{}, &lock.InputError{Field: "from", Rule: fmt.Sprintf("must be from 1 to %d, the size of the log", of.size)}
	}
	t := newTiles(ctx, l.cfg.Storage, of)
	hashes, err := tlog.ProveTree(of.size, from, t)
	if err != nil {
		return ConsistencyProof{}, t.explain(err)
	}
	return ConsistencyProof{From: from, Size: of.size, Hashes: hashes, Checkpoint: string(of.note)}, nil
}

// kept returns the checkpoint of a size, the newest for 0.
func (l *Log) kept(ctx context.Context, size int64) (checkpoint, error) {
	if size == 0 {
		newest, err := l.newest(ctx)
		if err == nil && newest.size == 0 {
			err = noCheckpoint("has no checkpoint yet: run Integrate")
		}
		return newest, err
	}
	notes, err := l.cfg.Storage.Checkpoints(ctx, size-1, 1)
	if err != nil {
		return checkpoint{}, fmt.Errorf("auditlog: read the checkpoint of size %d: %w", size, err)
	}
	if len(notes) == 0 {
		return checkpoint{}, noCheckpoint(fmt.Sprintf("has no checkpoint of size %d", size))
	}
	found, err := l.public.open(notes[0])
	switch {
	case errors.Is(err, errCheckpoint):
		return checkpoint{}, &TamperError{What: TamperedCheckpoint, Upto: size, Detail: "a stored checkpoint is not one that this log signed", Err: err}
	case err == nil && found.size != size:
		err = noCheckpoint(fmt.Sprintf("has no checkpoint of size %d; the next is of size %d", size, found.size))
	}
	return found, err
}

func noCheckpoint(rule string) error { return &lock.InputError{Field: "size", Rule: "the log " + rule} }
