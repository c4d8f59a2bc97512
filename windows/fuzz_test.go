package windows_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// FuzzHandler gives the handler two bodies of a device that was told to make a PIN, whatever they are.
func FuzzHandler(f *testing.F) {
	const made = "483920" // the PIN in the samples
	samples, err := filepath.Glob(filepath.Join("syncml", "testdata", "facts", "*-c*.xml"))
	if err != nil || len(samples) == 0 {
		f.Fatal("no sample messages")
	}
	results := answered(made)
	f.Add(results, results)
	f.Add(bytes.ReplaceAll(results, []byte("<Final"), []byte("<Finale")), results)
	f.Add(results[:len(results)/2], results)
	for _, name := range samples {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, results)
	}
	f.Fuzz(func(t *testing.T, body, next []byte) {
		s := newSite(t, store.NewMemory())
		e, err := s.fleet.Device(t.Context(), nil, desktopID)
		require.NoError(t, err)
		reset, err := s.svc.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: e.Device, Reason: "asked by the user"})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, s.post(conversation(t, "D", "", 1)).Code)
		for _, said := range [][]byte{body, next} {
			w := s.post(said)
			switch w.Code {
			case http.StatusOK:
				answer, err := syncml.Decode(w.Body.Bytes())
				require.NoError(t, err)
				require.Equal(t, desktopID, answer.Header.Target.URI)
			case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
			default:
				t.Fatalf("status %d", w.Code)
			}
			require.NotContains(t, w.Body.String(), made)
		}
		require.NotContains(t, s.logs.String(), made)
		a, err := s.svc.Get(t.Context(), locktest.Admin(), reset.ID)
		require.NoError(t, err)
		if a.State == lock.StateConfirmed && !hasPIN(a) {
			require.NotEmpty(t, lost(a), "confirmed without a PIN, and nobody is told")
		}
	})
}

// answered is what a device says of a reset: the PIN that it made.
func answered(code string) []byte {
	body, err := os.ReadFile(filepath.Join("syncml", "testdata", "facts", "4.3-c3.xml"))
	if err != nil {
		panic(err)
	}
	text := strings.NewReplacer(
		"<MsgID>3<", "<MsgID>2<", "<MsgRef>2<", "<MsgRef>1<", "<CmdRef>5<", "<CmdRef>4<", "<CmdRef>6<", "<CmdRef>5<", "<CmdRef>7<", "<CmdRef>6<", "483920", code,
	).Replace(string(body))
	return []byte(text)
}
