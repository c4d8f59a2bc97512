package pin

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watched is a disk that keeps a list of what was done, and fails at one step.
type watched struct {
	path  string // of the keyring
	steps []string
	fails int // the number of the step; 0: none
	fault error
}

func (w *watched) disk() disk {
	d := system()
	return disk{
		write: func(f *os.File, text string) error {
			return w.step("write "+w.name(f), func() error { return d.write(f, text) })
		},
		sync:   func(f *os.File) error { return w.step("sync "+w.name(f), func() error { return d.sync(f) }) },
		chown:  func(f *os.File, _, _ int) error { return w.step("chown "+w.name(f), func() error { return nil }) },
		link:   func(from, to string) error { return w.step("link", func() error { return d.link(from, to) }) },
		rename: func(from, to string) error { return w.step("rename", func() error { return d.rename(from, to) }) },
	}
}

func (w *watched) step(name string, do func() error) error {
	w.steps = append(w.steps, name)
	if len(w.steps) == w.fails {
		return w.fault
	}
	return do()
}

func (w *watched) name(f *os.File) string {
	switch f.Name() {
	case w.path:
		return "file"
	case filepath.Dir(w.path):
		return "folder"
	}
	return "new"
}

// watch makes a keyring file, and does one thing with it under a watch.
func watch(t *testing.T, job string, fails int, fault error) (w *watched, before *Keyring, err error) {
	t.Helper()
	w = &watched{path: filepath.Join(t.TempDir(), "keyring"), fails: fails, fault: fault}
	if job == "create" {
		_, err = createKeyring(w.path, w.disk())
		return w, nil, err
	}
	before, err = CreateKeyring(w.path)
	require.NoError(t, err)
	if job == "load" {
		_, err = loadKeyring(w.path, w.disk())
		return w, before, err
	}
	return w, before, before.Rotate().save(w.path, w.disk())
}

// A key is durable before anybody can seal with it: its text before its name, and its name before the function returns.
var durableSteps = map[string][]string{
	"create": {"write new", "sync new", "link", "sync folder"},
	"save":   {"sync file", "sync folder", "write new", "sync new", "rename", "sync folder"},
	"load":   {"sync file", "sync folder"},
}

func TestKeyringsAreDurable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no sync of a folder")
	}
	for job, want := range durableSteps {
		t.Run(job, func(t *testing.T) {
			w, _, err := watch(t, job, 0, nil)
			require.NoError(t, err)
			assert.Equal(t, want, w.steps)
		})
	}
}

// Whatever fails, the error says so, and the file is the old one until the step that names the new one.
func TestKeyringsSayWhenTheyAreNotDurable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no sync of a folder")
	}
	broken := errors.New("broken")
	for job, steps := range durableSteps {
		for i, step := range steps {
			t.Run(job+" "+step, func(t *testing.T) {
				w, before, err := watch(t, job, i+1, broken)
				require.ErrorIs(t, err, broken)
				named := i == len(steps)-1 && job != "load"
				after, err := LoadKeyring(w.path)
				switch {
				case before == nil && !named:
					require.ErrorIs(t, err, os.ErrNotExist)
					return
				case before != nil:
					assert.Equal(t, named, len(after.KeyIDs()) > len(before.KeyIDs()))
				}
				require.NoError(t, err)
			})
		}
	}
}

func TestLoadKeyringSyncsBehindALink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring")
	_, err := CreateKeyring(path)
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil || runtime.GOOS == "windows" {
		t.Skip("no symbolic links, or no sync of folders here: ", err)
	}
	var synced []string
	d := system()
	d.sync = func(f *os.File) error { synced = append(synced, f.Name()); return nil }
	_, err = loadKeyring(link, d)
	require.NoError(t, err)
	assert.Equal(t, []string{link, filepath.Dir(path)}, synced)
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	if e.read += len(b); e.read > 16*maxKeyFile {
		return 0, errors.New("read on and on")
	}
	return len(b), nil
}

func TestReadTextStops(t *testing.T) {
	text, err := readText(new(endless))
	require.NoError(t, err)
	assert.Len(t, text, maxKeyFile+1)
}
