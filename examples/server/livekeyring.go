package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/latchkey-mdm/latchkey/pin"
)

// liveKeyring is a keyring whose file may change while it is in use, as by the command "keyring rotate". It seals with the key that is
// active in the file at that moment, so that no key gets out of use unnoticed, and no box needs a key that the file does not have.
type liveKeyring struct {
	path   string
	logger *slog.Logger

	mu   sync.Mutex
	ring *pin.Keyring
	seen fs.FileInfo // the file when it was looked at last; nil: there was none
}

var _ pin.Sealer = (*liveKeyring)(nil)

// openLiveKeyring loads the file. Its errors are those of pin.LoadKeyring.
func openLiveKeyring(path string, logger *slog.Logger) (*liveKeyring, error) {
	l := &liveKeyring{path: path, logger: logger}
	var err error
	// Before it is read, so that a change in between is noticed later. What is wrong with it, loading says.
	l.seen, _ = os.Stat(path) //nolint:gosec // where the operator wants it
	l.ring, err = loadDurable(path)
	return l, err
}

// loadDurable loads a keyring that outlives a loss of power. Who changed the file may not have come to that yet: it is there from the
// moment on in which it got its name.
func loadDurable(path string) (*pin.Keyring, error) {
	ring, err := pin.LoadKeyring(path)
	if err != nil {
		return nil, err
	}
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	return ring, syncFolder(filepath.Dir(file))
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing
	}
	d, err := os.Open(folder) //nolint:gosec // where the operator has the keyring
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Seal implements pin.Sealer.
func (l *liveKeyring) Seal(ctx context.Context, p pin.PIN, b pin.Binding) (pin.Box, error) {
	return l.current(ctx).Seal(ctx, p, b)
}

// Open implements pin.Sealer. It looks at the file only when the key is missing.
func (l *liveKeyring) Open(ctx context.Context, box pin.Box, b pin.Binding) (pin.PIN, error) {
	l.mu.Lock()
	ring := l.ring
	l.mu.Unlock()
	code, err := ring.Open(ctx, box, b)
	if missing := (*pin.MissingKeyError)(nil); errors.As(err, &missing) {
		return l.current(ctx).Open(ctx, box, b)
	}
	return code, err
}

// current is the keyring as the file has it now. When the file cannot be used, it is the one that was loaded last, and each change for
// the worse is logged once.
func (l *liveKeyring) current(ctx context.Context) *pin.Keyring {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := os.Stat(l.path)
	if sameFile(l.seen, file) {
		return l.ring
	}
	l.seen = file
	var ring *pin.Keyring
	if err == nil {
		ring, err = loadDurable(l.path)
	}
	if err != nil {
		l.logger.ErrorContext(ctx, "the keyring file changed and cannot be used, so the keys from before stay in use: restore it",
			slog.Any("error", err))
		return l.ring
	}
	l.ring = ring
	l.logger.InfoContext(ctx, "keyring changed", slog.String("active_key", ring.KeyIDs()[0]), slog.Int("keys", len(ring.KeyIDs())))
	return ring
}

// sameFile reports whether nothing about the file has changed. None at all is nil.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
