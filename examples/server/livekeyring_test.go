package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// live is a keyring in a new file, what is logged of it, and a box that was sealed with its first key.
type live struct {
	*liveKeyring
	t     *testing.T
	logs  bytes.Buffer
	box   pin.Box
	needs func(context.Context) (map[string]int, error)
}

var somewhere = pin.Binding{Scope: "default", Action: "a", Secret: 1}

func newLive(t *testing.T) *live {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	_, err := pin.CreateKeyring(path)
	require.NoError(t, err)
	l := &live{t: t}
	l.needs = func(context.Context) (map[string]int, error) { return map[string]int{l.box.KeyID(): 1}, nil }
	needs := func(ctx context.Context) (map[string]int, error) { return l.needs(ctx) }
	l.liveKeyring, err = openLiveKeyring(path, needs, slog.New(slog.NewTextHandler(&l.logs, nil)))
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

// fails is the error with which nothing is sealed.
func (l *live) fails() error {
	l.t.Helper()
	code, err := pin.Parse("483920")
	require.NoError(l.t, err)
	_, err = l.Seal(l.t.Context(), code, somewhere)
	require.Error(l.t, err)
	return err
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
				err := l.fails()
				require.ErrorContains(t, err, "restore it", "its key is nowhere but in memory")
				require.ErrorIs(t, err, pin.ReasonKeyring)
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

// A key that was taken out by mistake, or a keyring of another server: what is sealed opens on, and nothing is sealed with what is there.
func TestLiveKeyringRefusesAKeyringThatLacksAKey(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, l *live){
		"key taken out": func(t *testing.T, l *live) {
			without, err := l.rotate().Without(l.box.KeyID())
			require.NoError(t, err)
			require.NoError(t, without.Save(l.path))
		},
		"of another server": func(t *testing.T, l *live) {
			require.NoError(t, os.Rename(newLive(t).path, l.path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			kept, err := os.ReadFile(l.path)
			require.NoError(t, err)
			replace(t, l)
			for range 2 {
				require.ErrorIs(t, l.fails(), pin.ReasonKeyring)
				l.opens(l.box)
				require.ErrorIs(t, l.usable(t.Context()), pin.ReasonKeyring)
			}
			assert.Equal(t, 1, strings.Count(l.logs.String(), "level=ERROR"), l.logs.String())
			assert.Contains(t, l.logs.String(), "1 sealed secrets need the key "+l.box.KeyID())

			require.NoError(t, os.WriteFile(l.path, kept, 0o600))
			assert.Equal(t, l.box.KeyID(), l.seal().KeyID())
			require.NoError(t, l.usable(t.Context()))
		})
	}
}

// One wrong character in a key that is known: what it sealed would be lost when the line is repaired.
func TestLiveKeyringRefusesAKeyThatIsAnother(t *testing.T) {
	for _, state := range []string{"active", "retired"} {
		t.Run(state, func(t *testing.T) {
			l := newLive(t)
			next := l.rotate()
			l.seal()
			right, err := os.ReadFile(l.path)
			require.NoError(t, err)
			first := regexp.MustCompile(`(?m)^` + state + ` \S+ .`)
			wrong := first.ReplaceAllFunc(right, func(line []byte) []byte {
				other := byte('A')
				if line[len(line)-1] == other {
					other = 'B'
				}
				return append(slices.Clone(line[:len(line)-1]), other)
			})
			require.NotEqual(t, right, wrong)
			require.NoError(t, os.WriteFile(l.path, wrong, 0o600))
			for range 2 {
				err := l.fails()
				require.ErrorIs(t, err, pin.ReasonKeyring)
				require.ErrorContains(t, err, "has another secret than before")
				require.ErrorContains(t, err, "restart")
				l.opens(l.box)
			}
			assert.Equal(t, 1, strings.Count(l.logs.String(), "level=ERROR"), l.logs.String())

			require.NoError(t, os.WriteFile(l.path, right, 0o600))
			assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
		})
	}
}

// The file is read, it is rotated once more, and another server seals with that key before the boxes are counted.
func TestLiveKeyringReadsAFileAgainThatChangedMeanwhile(t *testing.T) {
	l := newLive(t)
	l.rotate()
	newest := ""
	l.needs = func(context.Context) (map[string]int, error) {
		if newest == "" {
			newest = l.rotate().KeyIDs()[0]
		}
		return map[string]int{newest: 1}, nil
	}
	box := l.seal()
	assert.Equal(t, newest, box.KeyID())
	l.seal()
	assert.NotContains(t, l.logs.String(), "level=ERROR")
	assert.Equal(t, 1, strings.Count(l.logs.String(), "keyring changed"), "it is the file that was read last")
}

func TestLiveKeyringForgetsAKeyThatNothingNeeds(t *testing.T) {
	l := newLive(t)
	without, err := l.rotate().Without(l.box.KeyID())
	require.NoError(t, err)
	require.NoError(t, without.Save(l.path))
	l.needs = func(context.Context) (map[string]int, error) { return map[string]int{without.KeyIDs()[0]: 3}, nil }
	assert.Equal(t, without.KeyIDs()[0], l.seal().KeyID())
	_, err = l.Open(t.Context(), l.box, somewhere)
	require.ErrorAs(t, err, new(*pin.MissingKeyError))
}

// What is wrong may pass without a trace in the file's size and times, as an error of the disk does, and a wrong owner.
func TestLiveKeyringLooksAgainWhileSomethingIsWrong(t *testing.T) {
	l := newLive(t)
	needs := l.needs
	elsewhere := newLive(t)
	next := l.rotate()
	elsewhere.ring.Store(next)
	theirs := elsewhere.seal()
	for i, text := range []string{"disk gone", "disk gone", "disk full"} {
		l.needs = func(context.Context) (map[string]int, error) { return nil, errors.New(text) }
		require.ErrorContains(t, l.fails(), text)
		_, err := l.Open(t.Context(), theirs, somewhere)
		require.ErrorAs(t, err, new(*pin.MissingKeyError))
		assert.Equal(t, []int{1, 1, 2}[i], strings.Count(l.logs.String(), "level=ERROR"), "each text once")
	}
	l.needs = needs
	l.opens(theirs)
	assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
	assert.Equal(t, 2, strings.Count(l.logs.String(), "level=ERROR"))
}

func TestLiveKeyringSaysWhenItIsWrongOnceMore(t *testing.T) {
	l := newLive(t)
	for n := 1; n <= 2; n++ {
		require.NoError(t, os.Rename(l.path, l.path+".away"))
		require.ErrorIs(t, l.fails(), pin.ReasonKeyring)
		assert.Equal(t, n, strings.Count(l.logs.String(), "level=ERROR"))
		require.NoError(t, os.Rename(l.path+".away", l.path))
		l.seal()
	}
}

func TestLiveKeyringMindsNoCallerThatIsGone(t *testing.T) {
	l := newLive(t)
	next := l.rotate()
	l.needs = func(ctx context.Context) (map[string]int, error) { return nil, ctx.Err() }
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, l.usable(gone))
	assert.Equal(t, next.KeyIDs()[0], l.seal().KeyID())
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
