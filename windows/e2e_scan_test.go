package windows_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// TestNoPINInClear looks for PINs that devices made wherever the server leaves something: the database with its journal, the logs, the
// session states, the errors.
func TestNoPINInClear(t *testing.T) {
	folder := t.TempDir()
	w := newWorld(t, sqliteStore(t, folder))
	m := w.machine(windowstest.Config{PIN: personal, PINPolicy: windowstest.LettersAndDigits})
	var pins []string
	reset := func(faults ...windowstest.Fault) lock.Action {
		a := m.must(lock.KindResetPasscode)
		m.Script(faults...)
		m.settles()
		require.NotContains(t, pins, m.State().PIN)
		pins = append(pins, m.State().PIN)
		return w.get(a.ID)
	}
	first := reset()
	require.Equal(t, m.State().PIN, w.reveal(first.ID))
	reset(windowstest.HoldResults())
	reset(windowstest.Refuse(nodeNewPIN, 500))
	reset(windowstest.LoseAnswer(2))
	reset(windowstest.SplitPackages())

	for _, change := range []string{"</Status>", "</Results>", "<SyncBody", "utf"} { // bodies that cannot be read
		a := m.must(lock.KindResetPasscode)
		m.mangle(2, change, "\xff<!")
		_ = m.Sync(t.Context())
		pins = append(pins, m.State().PIN)
		if change != "utf" {
			body, err := w.service().RevealAnswer(t.Context(), locktest.Admin(), a.ID, "asked by a test", "")
			require.NoError(t, err)
			require.True(t, holds(body, m.State().PIN), "it is the body with the PIN that is kept")
		}
		m.mangle(0, "", "")
		m.settles()
	}
	for name, text := range traces(t, w, folder) {
		for i, code := range pins {
			require.False(t, holds(text, code), "PIN %d is in clear in %s", i, name)
		}
	}
}

// traces is everything that the server leaves, by its name.
func traces(t *testing.T, w *world, folder string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{"the logs": []byte(w.logs.String()), "the session states": bytes.Join(w.sessions.all, nil)}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		if found[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			require.NoError(t, err)
		}
	}
	for name, text := range found {
		require.NotEmpty(t, text, name)
	}
	return found
}

// holds reports whether the text has the code: as it is, in hexadecimal, or in base64 at any offset.
func holds(text []byte, code string) bool {
	forms := [][]byte{[]byte(code), []byte(hex.EncodeToString([]byte(code)))}
	for offset := range 3 {
		padded := base64.StdEncoding.EncodeToString(append(make([]byte, offset), code...))
		forms = append(forms, []byte(padded[(offset*8+5)/6:(offset+len(code))*8/6]))
	}
	for _, form := range forms {
		if bytes.Contains(text, form) {
			return true
		}
	}
	return false
}

func TestScanFindsAPIN(t *testing.T) {
	for offset := range 4 {
		text := append(bytes.Repeat([]byte("x"), offset), "k7Rb92pQ and more"...)
		require.True(t, holds(text, "k7Rb92pQ"))
		require.True(t, holds([]byte(hex.EncodeToString(text)), "k7Rb92pQ"))
		require.True(t, holds([]byte(base64.StdEncoding.EncodeToString(text)), "k7Rb92pQ"))
		require.False(t, holds(text, "k7Rb92pX"))
	}
}
