package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latchkey-mdm/latchkey/pin"
)

// liveKeyring is a keyring whose file may change while it is in use, as by the command "keyring rotate". It seals with the key that is
// active in the file at that moment, and with none when the file cannot be used: what was sealed then might need a key that is nowhere
// but in memory. It opens with the keys that the file had when it could be used last, so that a slip of the hand shuts nobody out.
type liveKeyring struct {
	path   string
	sealed func(context.Context) (map[string]int, error) // counts the secrets by the key that they need
	logger *slog.Logger

	ring atomic.Pointer[pin.Keyring] // as the file was when it could be used last

	mu    sync.Mutex  // one looks at the file at a time
	seen  fs.FileInfo // the file of ring
	fault error       // why the file cannot be used; nil: it was the file of ring when it was looked at last
}

var _ pin.Sealer = (*liveKeyring)(nil)

// openLiveKeyring loads the file. Its errors are those of pin.LoadKeyring. Whether a key is missing that is needed, it asks only when the
// file changes.
func openLiveKeyring(path string, sealed func(context.Context) (map[string]int, error), logger *slog.Logger) (*liveKeyring, error) {
	l := &liveKeyring{path: path, sealed: sealed, logger: logger}
	// Before it is read, so that a change in between is noticed later. What is wrong with it, loading says.
	l.seen, _ = os.Stat(path) //nolint:gosec // where the operator wants it
	ring, err := pin.LoadKeyring(path)
	l.ring.Store(ring)
	return l, err
}

// Seal implements pin.Sealer. While the file cannot be used, the error wraps pin.ReasonKeyring.
func (l *liveKeyring) Seal(ctx context.Context, p pin.PIN, b pin.Binding) (pin.Box, error) {
	ring, err := l.look(ctx)
	if err != nil {
		return nil, err
	}
	return ring.Seal(ctx, p, b)
}

// Open implements pin.Sealer. It looks at the file only when the key is missing.
func (l *liveKeyring) Open(ctx context.Context, box pin.Box, b pin.Binding) (pin.PIN, error) {
	code, err := l.ring.Load().Open(ctx, box, b)
	if missing := (*pin.MissingKeyError)(nil); !errors.As(err, &missing) {
		return code, err
	}
	ring, fault := l.look(ctx)
	if fault != nil { // it is on record, and the answer is that the key is missing
		return code, err
	}
	return ring.Open(ctx, box, b)
}

// usable looks at the file, and says why it cannot be used.
func (l *liveKeyring) usable(ctx context.Context) error {
	_, err := l.look(ctx)
	return err
}

// look returns the keyring as its file is now. While that cannot be used it is read again each time, for a repair may leave no trace that
// sameFile would see. Each new fault is logged once.
func (l *liveKeyring) look(ctx context.Context) (*pin.Keyring, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, _ := os.Stat(l.path) // what is wrong with it, loading says
	if l.fault == nil && sameFile(l.seen, file) {
		return l.ring.Load(), nil
	}
	lasting := context.WithoutCancel(ctx) // that a caller is gone is no fault
	ring, err := l.load(lasting)
	if now, _ := os.Stat(l.path); err != nil && !sameFile(file, now) { // it changed while it was judged, as by one more rotation
		file = now
		ring, err = l.load(lasting)
	}
	if err != nil {
		if l.fault == nil || l.fault.Error() != err.Error() {
			l.logger.ErrorContext(ctx, "the keyring file cannot be used: PINs are shown, and nothing new is sealed until it is restored",
				slog.Any("error", err))
		}
		l.fault = err
		return nil, fmt.Errorf("%w: %w", &pin.Error{
			Reason: pin.ReasonKeyring, Rule: "nothing is sealed while the keyring file cannot be used: restore it",
		}, err)
	}
	l.ring.Store(ring)
	l.seen, l.fault = file, nil
	l.logger.InfoContext(ctx, "keyring changed", slog.String("active_key", ring.KeyIDs()[0]), slog.Int("keys", len(ring.KeyIDs())))
	return ring, nil
}

// load reads the file. It refuses a keyring in which a key is not what it was: what that sealed would be lost when the file is repaired.
// It refuses one that lacks a key which some box needs: it is another server's, or an old one.
func (l *liveKeyring) load(ctx context.Context) (*pin.Keyring, error) {
	ring, err := pin.LoadKeyring(l.path)
	if err != nil {
		return nil, err
	}
	if err := sameSecrets(ctx, l.ring.Load(), ring); err != nil {
		return nil, fmt.Errorf("%s is not the right one: %w", l.path, err)
	}
	sealed, err := l.sealed(ctx)
	if err != nil {
		return nil, fmt.Errorf("whether %s is the right one is not known: %w", l.path, err)
	}
	if missing := needs(sealed, ring.KeyIDs()); missing != "" {
		return nil, fmt.Errorf("%s is not the right one: %s", l.path, missing)
	}
	return ring, nil
}

// sameSecrets is an error when a key of both keyrings is not the same in both: what it seals in one must open in the other.
func sameSecrets(ctx context.Context, known, ring *pin.Keyring) error {
	code, err := pin.Parse("000000")
	if err != nil {
		return err
	}
	probe := pin.Binding{Scope: "probe", Action: "probe", Secret: 1}
	for _, id := range known.KeyIDs() {
		if !slices.Contains(ring.KeyIDs(), id) {
			continue
		}
		one, err := known.Activate(id)
		if err != nil {
			return err
		}
		box, err := one.Seal(ctx, code, probe)
		if err != nil {
			return err
		}
		if _, err := ring.Open(ctx, box, probe); err != nil {
			return fmt.Errorf("the key ID %s has another secret than before; if the present file is the right one, restart the server: %w", id, err)
		}
	}
	return nil
}

// sameFile reports whether nothing about the file has changed. None at all is nil, and the same as nothing.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
