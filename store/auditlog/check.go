package auditlog

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrProof says that a proof does not hold: what it is given for is not in the log, or not with this history.
var ErrProof = errors.New("auditlog: the proof does not hold")

// CheckInclusion checks, with nothing but the log's public key, that the event with this hash (lock.Event.Hash, the SHA-256 over its bytes)
// is in the log where the proof says. The error wraps ErrProof, or is an *lock.InputError for what is no key.
func CheckInclusion(p InclusionProof, key string, hash []byte) error {
	signed, err := signedProof(key, p.Checkpoint, p.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(p.Hashes, signed.size, signed.root, p.Position, tlog.RecordHash(hash)); err != nil {
		return fmt.Errorf("%w: the event is not at position %d: %w", ErrProof, p.Position, err)
	}
	return nil
}

// CheckConsistency checks, with nothing but the log's public key and a checkpoint that was kept, that the log of the proof begins with all
// that the older checkpoint covers. Errors are those of CheckInclusion.
func CheckConsistency(p ConsistencyProof, key string, older []byte) error {
	signed, err := signedProof(key, p.Checkpoint, p.Size)
	if err != nil {
		return err
	}
	before, err := signedProof(key, string(older), p.From)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(p.Hashes, signed.size, signed.root, before.size, before.root); err != nil {
		return fmt.Errorf("%w: the log of size %d does not begin with that of size %d: %w", ErrProof, p.Size, p.From, err)
	}
	return nil
}

// signedProof opens a checkpoint that must be of this size.
func signedProof(key, signed string, size int64) (checkpoint, error) {
	v, err := newVerifier(key)
	if err != nil {
		return checkpoint{}, err
	}
	c, err := v.open([]byte(signed))
	if err == nil && c.size != size {
		err = fmt.Errorf("%w of size %d, but of size %d", errCheckpoint, size, c.size)
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("%w: its checkpoint %w", ErrProof, err)
	}
	return c, nil
}
