package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/latchkey-mdm/latchkey/pin"
)

// liveKeyring is a keyring whose file may change while it is in use, as by the command "keyring rotate". It seals with the key that is
// active in the file at that moment, and with none when the file cannot be used: what was sealed then might need a key that is nowhere
// but in memory. It opens with every key that it ever had, so that a slip of the hand shuts nobody out before somebody sees it.
type liveKeyring struct {
	path   string
	logger *slog.Logger

	mu    sync.Mutex
	rings []*pin.Keyring // as the file was, the newest first
	fault error          // why the file cannot be used now; nil: it is the first of rings
	seen  fs.FileInfo    // the file when it was looked at last; nil: there was none
}

var _ pin.Sealer = (*liveKeyring)(nil)

// openLiveKeyring loads the file. Its errors are those of pin.LoadKeyring.
func openLiveKeyring(path string, logger *slog.Logger) (*liveKeyring, error) {
	l := &liveKeyring{path: path, logger: logger}
	// Before it is read, so that a change in between is noticed later. What is wrong with it, loading says.
	l.seen, _ = os.Stat(path) //nolint:gosec // where the operator wants it
	ring, err := loadDurable(path)
	l.rings = []*pin.Keyring{ring}
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
	rings, err := l.current(ctx)
	if err != nil {
		return nil, fmt.Errorf("nothing is sealed while the keyring file cannot be used: restore it: %w", err)
	}
	return rings[0].Seal(ctx, p, b)
}

// Open implements pin.Sealer. It looks at the file only when the key is missing.
func (l *liveKeyring) Open(ctx context.Context, box pin.Box, b pin.Binding) (code pin.PIN, err error) {
	l.mu.Lock()
	rings := l.rings
	l.mu.Unlock()
	if code, err = rings[0].Open(ctx, box, b); !isMissing(err) {
		return code, err
	}
	rings, _ = l.current(ctx) // what is wrong with the file is on record, and no matter here
	for _, ring := range rings {
		if code, err = ring.Open(ctx, box, b); !isMissing(err) {
			return code, err
		}
	}
	return code, err
}

func isMissing(err error) bool {
	var missing *pin.MissingKeyError
	return errors.As(err, &missing)
}

// current looks at the file and returns all keyrings that it has been, the newest first, and what is wrong with it now. That is logged
// once for each change.
func (l *liveKeyring) current(ctx context.Context) ([]*pin.Keyring, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := os.Stat(l.path)
	if sameFile(l.seen, file) {
		return l.rings, l.fault
	}
	l.seen = file
	var ring *pin.Keyring
	if err == nil {
		ring, err = loadDurable(l.path)
	}
	if l.fault = err; err != nil {
		l.logger.ErrorContext(ctx, "the keyring file cannot be used: PINs are shown, and nothing new is sealed until it is restored",
			slog.Any("error", err))
		return l.rings, err
	}
	if gone := missingIDs(l.rings[0], ring); len(gone) > 0 {
		l.logger.WarnContext(ctx, "keys are gone from the keyring file: they are used for opening until this server stops",
			slog.Any("keys", gone))
	}
	l.rings = append([]*pin.Keyring{ring}, l.rings...)
	l.logger.InfoContext(ctx, "keyring changed", slog.String("active_key", ring.KeyIDs()[0]), slog.Int("keys", len(ring.KeyIDs())))
	return l.rings, nil
}

// missingIDs are the keys of the one keyring that the other lacks.
func missingIDs(before, now *pin.Keyring) []string {
	has := now.KeyIDs()
	return slices.DeleteFunc(before.KeyIDs(), func(id string) bool { return slices.Contains(has, id) })
}

// sameFile reports whether nothing about the file has changed. None at all is nil.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
