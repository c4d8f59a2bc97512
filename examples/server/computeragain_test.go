package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// A device made a PIN, and was removed or disconnected while that was on its way: nothing that it says is believed any more, but its answer is
// kept for people.
func TestPINOfAFormerWindowsDeviceIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		user   string
		leaves func(t *testing.T, s *secure, phone *computer)
	}{
		"removed": {"", func(t *testing.T, s *secure, phone *computer) {
			s.must(t, http.StatusNoContent, http.MethodDelete, "/api/v1/devices/"+phone.id, nil)
		}},
		"disconnected": {"hedy", func(t *testing.T, s *secure, phone *computer) {
			_, err := s.open(t).Exec(t.Context(), `UPDATE server_devices SET enrolled = 0 WHERE id = $1`, phone.id)
			require.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTLS(t, nil)
			phone := s.computer(t, windowstest.Config{PIN: "2580", User: c.user})
			phone.sync(t)
			id := phone.reset(t, s)
			answered := phone.beforeItsPIN(func([]byte) { c.leaves(t, s, phone) })
			_ = phone.Sync(t.Context()) // how it ends is not the point
			require.True(t, answered())
			require.NotEqual(t, "2580", phone.State().PIN)
			path := "/api/v1/actions/" + id
			a := s.must(t, http.StatusOK, http.MethodGet, path, nil)
			assert.Equal(t, []any{true, false}, []any{a["answer_kept"], a["has_pin"]}, "it is kept, and not believed")
			answer := s.must(t, http.StatusOK, http.MethodPost, path+"/reveal-answer", object{"reason": "removed"}).text("answer")
			assert.Contains(t, answer, phone.State().PIN)
			phone.OnSend(nil)
			require.ErrorContains(t, phone.Sync(t.Context()), "403", "it has nothing more to do here")
			s.replays(t)
		})
	}
}

// beforeItsPIN does something once, before the device sends the message with the PIN that it made.
func (c *computer) beforeItsPIN(do func(message []byte)) (done func() bool) {
	did := false
	c.OnSend(func(_ int, body []byte) error {
		if !did && bytes.Contains(body, []byte("Results")) && bytes.Contains(body, []byte("NewPINValue")) {
			did = true
			do(body)
		}
		return nil
	})
	return func() bool { return did }
}

// Who has a certificate that was replaced says nothing in the name of the device; that a PIN is lost by it is said where it is replaced.
func TestReplacedWindowsCertificateIsRefused(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{PIN: "2580"})
	phone.sync(t)
	old, oldClient := phone.issued, clientWith(t, s.roots, phone.cert)
	id := phone.reset(t, s)
	answered := phone.beforeItsPIN(func([]byte) { phone.issued = s.issue(t, "-name", "Lumia", "-id", phone.Config().ID) })
	require.ErrorContains(t, phone.Sync(t.Context()), "403")
	require.True(t, answered())
	assert.Empty(t, old.warned)
	assert.Contains(t, phone.warned, "action="+id)
	a := s.action(t, id)
	assert.Equal(t, []any{nil, false}, []any{a["answer_kept"], a["has_pin"]})

	phone.OnSend(nil)
	require.NoError(t, phone.SetServer(s.url+windowsPath, clientWith(t, s.roots, phone.cert)))
	phone.sync(t)
	s.must(t, http.StatusOK, http.MethodPost, "/api/v1/actions/"+id+"/cancel", object{"reason": "its PIN is lost"})
	another := phone.reset(t, s)
	answered = phone.beforeItsPIN(func(body []byte) {
		forged := bytes.ReplaceAll(body, []byte(phone.State().PIN), []byte("000000"))
		assert.Equal(t, http.StatusForbidden, s.statusFrom(t, oldClient, forged))
	})
	phone.comesUntil(t, s.site, another, "confirmed")
	require.True(t, answered())
	assert.Equal(t, phone.State().PIN, s.reveal(t, another))
	s.replays(t)
}

// leavesOf are the ways in which a device leaves.
func leavesOf(t *testing.T) map[string]func(s *secure, d *computer) {
	t.Helper()
	return map[string]func(s *secure, d *computer){
		"disconnected": func(_ *secure, d *computer) { d.Disconnect(); d.sync(t) },
		"removed": func(s *secure, d *computer) {
			s.must(t, http.StatusNoContent, http.MethodDelete, "/api/v1/devices/"+d.id, nil)
		},
	}
}

// lockedOut is a desktop that nobody can sign in to, and the lock.
func (s *secure) lockedOut(t *testing.T, cfg windowstest.Config) (*computer, string) {
	t.Helper()
	pc := s.computer(t, cfg)
	pc.sync(t)
	id := pc.order(t, s.site, "lock", object{"reason": "stolen", "force": true})
	pc.comesUntil(t, s.site, id, "confirmed")
	require.ErrorIs(t, pc.SignIn("alan"), windowstest.ErrDenied)
	return pc, id
}

// A device that left while it was locked out, and is issued anew, is locked out still: the lock holds here too, and its unlock restores it.
func TestWindowsDeviceThatIsBackIsUnlocked(t *testing.T) {
	for name, leaves := range leavesOf(t) {
		t.Run(name, func(t *testing.T) {
			s := openTLS(t, nil)
			pc, id := s.lockedOut(t, windowstest.Config{Name: "Alan's laptop", Class: windowstest.Desktop, SignedIn: "alan"})
			leaves(s, pc)
			again := s.issue(t, "-name", "Alan's laptop", "-id", pc.Config().ID)
			assert.Equal(t, pc.id, again.id)
			assert.Contains(t, again.said, "issue again with -wiped")
			require.NoError(t, pc.SetServer(s.url+windowsPath, clientWith(t, s.roots, again.cert)))
			pc.sync(t)
			require.ErrorIs(t, pc.SignIn("alan"), windowstest.ErrDenied)
			assert.Equal(t, "confirmed", s.action(t, id).text("state"))
			unlock := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+pc.id+"/unlock", object{"reason": "found"}).text("id")
			pc.comesUntil(t, s.site, unlock, "confirmed")
			require.NoError(t, pc.SignIn("alan"))
			s.replays(t)
		})
	}
}

// Of a device that was reset no lock of before holds: another one reaches it.
func TestWindowsDeviceThatEnrolsAgainIsLockedAgain(t *testing.T) {
	ways := leavesOf(t)
	ways["enrolled"] = func(*secure, *computer) {}
	for name, leaves := range ways {
		t.Run(name, func(t *testing.T) {
			s := openTLS(t, nil)
			cfg := windowstest.Config{Name: "Alan's laptop", Class: windowstest.Desktop, SignedIn: "alan"}
			old, first := s.lockedOut(t, cfg)
			leaves(s, old)

			cfg.ID = old.Config().ID
			fresh := s.computer(t, cfg, "-wiped")
			require.Equal(t, old.id, fresh.id)
			assert.NotContains(t, fresh.said, "issue again")
			fresh.sync(t)
			require.NoError(t, fresh.SignIn("alan"))
			second := fresh.order(t, s.site, "lock", object{"reason": "stolen", "force": true})
			assert.NotEqual(t, first, second)
			fresh.comesUntil(t, s.site, second, "confirmed")
			require.ErrorIs(t, fresh.SignIn("alan"), windowstest.ErrDenied)
			s.replays(t)
		})
	}
}

// The serial number on the label finds the PINs of a device that enrols under another ID; one that a device says itself, while another one has
// it, finds nothing.
func TestPINsAreFoundByTheSerialOfAWindowsDevice(t *testing.T) {
	label := []string{"-serial", "5CD1234XYZ", "-model", "Lumia 950", "-holder", "hedy"}
	says := windowstest.Config{Class: windowstest.Desktop, RemoteLock: true, PIN: "2580", Serial: "5CD1234XYZ"}
	for name, c := range map[string]struct {
		cfg           windowstest.Config
		first, second []string
		found         bool
	}{
		"said":               {says, nil, nil, false},
		"said, and of label": {says, nil, label, true},
		"of label":           {windowstest.Config{PIN: "2580"}, label, label, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTLS(t, nil)
			c.cfg.ID = "ONE"
			first := s.computer(t, c.cfg, c.first...)
			assert.Empty(t, s.device(t, first.id).text("last_seen_at"), "it never came")
			first.sync(t)
			d := s.device(t, first.id)
			assert.Equal(t, "5CD1234XYZ", d.text("serial_number"))
			assert.NotEmpty(t, d.text("model"))
			id := first.order(t, s.site, "reset-passcode", object{"reason": "forgot it", "force": true})
			first.comesUntil(t, s.site, id, "confirmed")

			c.cfg.ID = "TWO"
			second := s.computer(t, c.cfg, c.second...)
			second.sync(t)
			require.NotEqual(t, first.id, second.id)
			found := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+second.id+"/pins", nil).list("items")
			if !c.found {
				assert.Empty(t, found)
				assert.Contains(t, s.logs.String(), "is not taken over")
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, id, found[0].text("action_id"))
		})
	}
}

// While another server is just telling the ledger of the device, its certificate is issued all the same, and good.
func TestWindowsCertificateIsAnnouncedLater(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{PIN: "2580"})
	phone.sync(t)
	d := s.open(t)
	_, err := d.Exec(t.Context(), `UPDATE server_devices SET told_until = $1 WHERE id = $2`, time.Now().Add(time.Hour).UnixMicro(), phone.id)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "device")
	var errs bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"windows", "issue", "-data", s.data(), "-out", folder, "-name", "Lumia", "-id", phone.Config().ID},
		s.env, io.Discard, &errs))
	assert.Contains(t, errs.String(), "level=WARN")
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, files, 3)
}

// A session that does not decrypt is begun anew.
func TestWindowsSessionThatIsDamaged(t *testing.T) {
	s := openTLS(t, nil)
	phone := s.computer(t, windowstest.Config{PIN: "2580"})
	phone.sync(t)
	_, err := s.open(t).Exec(t.Context(), `UPDATE server_computers SET session = $1`, bytes.Repeat([]byte("x"), 99))
	require.NoError(t, err)
	phone.sync(t)
	assert.Contains(t, s.logs.String(), "begin anew")
}
