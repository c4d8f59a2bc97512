package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// live is a keyring in a new file, what is logged of it, and a box that was sealed with its first key.
type live struct {
	*liveKeyring
	t    *testing.T
	logs bytes.Buffer
	box  pin.Box
}

var somewhere = pin.Binding{Scope: "default", Action: "a", Secret: 1}

func newLive(t *testing.T) *live {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	_, err := pin.CreateKeyring(path)
	require.NoError(t, err)
	l := &live{t: t}
	l.liveKeyring, err = openLiveKeyring(path, slog.New(slog.NewTextHandler(&l.logs, nil)))
	require.NoError(t, err)
	l.box = l.seal()
	return l
}

func (l *live) seal() pin.Box {
	l.t.Helper()
	code, err := pin.Parse("483920")
	require.NoError(l.t, err)
	box, err := l.Seal(l.t.Context(), code, somewhere)
	require.NoError(l.t, err)
	return box
}

// opens opens a box that another process has sealed, too.
func (l *live) opens(box pin.Box) {
	l.t.Helper()
	code, err := l.Open(l.t.Context(), box, somewhere)
	require.NoError(l.t, err)
	assert.Equal(l.t, "483920", code.Expose())
}

func (l *live) rotate() *pin.Keyring {
	l.t.Helper()
	ring, err := pin.LoadKeyring(l.path)
	require.NoError(l.t, err)
	next := ring.Rotate()
	require.NoError(l.t, next.Save(l.path))
	return next
}

func TestLiveKeyringFollowsItsFile(t *testing.T) {
	l := newLive(t)
	for range 3 { // a file system may give the next file the place of the last but one
		next := l.rotate()
		code, err := pin.Parse("483920")
		require.NoError(t, err)
		elsewhere, err := next.Seal(t.Context(), code, somewhere)
		require.NoError(t, err)
		l.opens(elsewhere)
		assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
		l.opens(l.box)
	}
	assert.Equal(t, 3, strings.Count(l.logs.String(), "keyring changed"), "each once")
}

func TestLiveKeyringSealsWithTheKeyInTheFileAtOnce(t *testing.T) {
	l := newLive(t)
	next := l.rotate()
	assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
}

func TestLiveKeyringSurvivesItsFile(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"gone": os.Remove,
		"invalid": func(path string) error {
			return os.WriteFile(path, []byte("latchkey-keyring 1\nactive k1 short\n"), 0o600)
		},
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"open":      func(path string) error { return os.Chmod(path, 0o644) },
		"no file":   func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"not there": func(path string) error { return os.Rename(filepath.Dir(path), filepath.Dir(path)+".moved") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			kept, err := os.ReadFile(l.path)
			require.NoError(t, err)
			require.NoError(t, spoil(l.path))
			for range 3 {
				code, err := pin.Parse("483920")
				require.NoError(t, err)
				_, err = l.Seal(t.Context(), code, somewhere)
				require.ErrorContains(t, err, "restore it", "its key is nowhere but in memory")
				l.opens(l.box)
			}
			assert.Equal(t, 1, strings.Count(l.logs.String(), "level=ERROR"), l.logs.String())
			assert.Contains(t, l.logs.String(), l.path)

			require.NoError(t, os.RemoveAll(l.path))
			require.NoError(t, os.MkdirAll(filepath.Dir(l.path), 0o700))
			require.NoError(t, os.WriteFile(l.path, kept, 0o600))
			next := l.rotate()
			assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID(), "it comes back")
			assert.Equal(t, 1, strings.Count(l.logs.String(), "level=ERROR"))
		})
	}
}

// A key that was taken out by mistake is missed at the next start, and not while somebody stands before a locked Mac.
func TestLiveKeyringOpensWithAKeyThatIsGone(t *testing.T) {
	l := newLive(t)
	next := l.rotate()
	between := l.seal()
	without, err := next.Without(l.box.KeyID())
	require.NoError(t, err)
	require.NoError(t, without.Save(l.path))
	assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
	l.opens(l.box)
	l.opens(between)
	assert.Contains(t, l.logs.String(), "keys are gone from the keyring file")
	assert.Contains(t, l.logs.String(), l.box.KeyID())

	elsewhere := newLive(t).box
	_, err = l.Open(t.Context(), elsewhere, somewhere)
	require.ErrorAs(t, err, new(*pin.MissingKeyError))
}

// An order that was on its way while the key was removed: it is found, and the key comes back.
func TestRemovedKeyThatIsNeededComesBack(t *testing.T) {
	for name, after := range map[string]error{"something was sealed": nil, "nobody knows": errors.New("disk gone")} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			ring := l.rotate()
			old := l.box.KeyID()
			counts := 0
			j := keyringJob{path: l.path, ring: ring, sealed: func(context.Context) (map[string]int, error) {
				counts++
				if counts == 1 {
					return map[string]int{}, nil
				}
				gone, err := pin.LoadKeyring(l.path)
				require.NoError(t, err)
				assert.NotContains(t, gone.KeyIDs(), old, "counted when the file was saved")
				return map[string]int{old: 1}, after
			}}
			err := j.remove(t.Context(), old)
			require.ErrorContains(t, err, "put back")
			again, err := pin.LoadKeyring(l.path)
			require.NoError(t, err)
			assert.Equal(t, ring.KeyIDs(), again.KeyIDs())
			l.opens(l.box)
		})
	}
}
