package computers_test

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// isFormer says that who has a certificate is heard only as the device that it was.
func (w *world) isFormer(cert *x509.Certificate, device string) {
	w.t.Helper()
	before := len(w.seen)
	e, err := w.Device(w.t.Context(), cert, "")
	require.NoError(w.t, err)
	assert.True(w.t, e.Former)
	assert.Equal(w.t, []string{"default", "windows", device}, []string{e.Device.Scope, e.Device.Platform, e.Device.ID})
	assert.NotEmpty(w.t, e.ID)
	assert.Empty(w.t, e.User+e.Inner, "its certificate is enough")
	assert.Len(w.t, w.seen, before, "it tells nothing of the device of today")
}

// isNobody says that a certificate was replaced.
func (w *world) isNobody(cert *x509.Certificate) {
	w.t.Helper()
	_, err := w.Device(w.t.Context(), cert, "")
	require.ErrorIs(w.t, err, windows.ErrNotEnrolled)
}

// A device that left, or was reset, enrols again. Only where it is said that it was reset is what it was told before over, which the ledger hears
// once: what locks another one still holds, though the server has forgotten how it talked to it.
func TestDeviceEnrolsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		wiped  bool
		told   []lock.Evidence
		kind   string
		before func(w *world, d lock.Device) error
	}{
		"disconnected": {false, nil, "back", func(w *world, d lock.Device) error {
			return w.Learn(w.t.Context(), d, windows.Learnt{Gone: true})
		}},
		"removed": {false, nil, "back", func(w *world, d lock.Device) error {
			return errors.Join(w.account("ada"), w.devices.Remove(w.t.Context(), lock.Actor{ID: "ada"}, d.ID))
		}},
		"disconnected, and wiped": {true, []lock.Evidence{lock.EvidenceReenrolled}, "again", func(w *world, d lock.Device) error {
			return w.Learn(w.t.Context(), d, windows.Learnt{Gone: true})
		}},
		"wiped": {true, []lock.Evidence{lock.EvidenceReenrolled}, "again", func(*world, lock.Device) error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			made, old := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", Serial: "5CD1", User: "hedy"})
			d := w.device(old)
			require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{
				Facts: map[string]string{"class": "phone"}, ChannelURI: "https://a.notify.windows.com/?token=1",
			}))
			require.NoError(t, w.Save(t.Context(), "default", d.ID, []byte("state"), 0))
			require.NoError(t, c.before(w, d))
			w.seen, w.now = nil, w.now.Add(time.Hour)

			again, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", User: "hedy", Wiped: c.wiped})
			assert.Equal(t, made.Device, again.Device, "its history stays")
			assert.True(t, again.Known)
			assert.False(t, again.Renewed)
			assert.Equal(t, c.told, w.seen)
			assert.Equal(t, c.kind, w.noted[len(w.noted)-1]["kind"])
			assert.Equal(t, map[string]string{"kind": "enrol", "platform": "windows", "device": d.ID}, w.links[len(w.links)-1])
			state, _, err := w.Load(t.Context(), "default", d.ID)
			require.NoError(t, err)
			assert.Empty(t, state, "its sessions begin anew")
			e, err := w.Device(t.Context(), cert, "")
			require.NoError(t, err)
			assert.NotEmpty(t, e.Inner)
			assert.Equal(t, "5CD1", e.Device.Serial, "it is the same hardware")
			assert.NotContains(t, e.Device.Facts, "class")
			found, err := w.devices.Find(t.Context(), d.ID)
			require.NoError(t, err)
			assert.Equal(t, w.now, found.EnrolledAt)
			w.isNobody(old)
			assert.Equal(t, c.told, w.seen)
		})
	}
}

// A certificate that was issued is the device's, also where the ledger could not be told of it: it is told before the device is answered.
func TestIssueIsAnnouncedLater(t *testing.T) {
	w := newWorld(t)
	w.failing = errors.New("no space left")
	_, cert := w.enter(computers.Entry{Name: "Lumia"})
	_, err := w.Device(t.Context(), cert, "")
	require.ErrorIs(t, err, w.failing)
	assert.Empty(t, w.noted)
	w.failing = nil
	w.device(cert)
	require.Len(t, w.noted, 1)
	assert.Equal(t, "new", w.noted[0]["kind"])
}

// What was said of a device that was wiped is not lost when it is issued once more before the ledger could be told.
func TestWipeIsToldLater(t *testing.T) {
	w := newWorld(t)
	w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	w.seen, w.noted, w.failing = nil, nil, errors.New("no space left")
	w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", Wiped: true})
	_, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	w.seen, w.failing = nil, nil
	w.device(cert)
	assert.Equal(t, []lock.Evidence{lock.EvidenceReenrolled}, w.seen)
	require.Len(t, w.noted, 2)
	w.device(cert)
	assert.Len(t, w.seen, 1)
}

// A device that never came was never seen.
func TestDeviceIsNotSeenBeforeItComes(t *testing.T) {
	w := newWorld(t)
	made, cert := w.enter(computers.Entry{Name: "Lumia"})
	found, err := w.devices.Find(t.Context(), made.Device)
	require.NoError(t, err)
	assert.Zero(t, found.LastSeen)
	assert.Equal(t, w.now, found.EnrolledAt)
	w.now = w.now.Add(time.Hour)
	w.device(cert)
	found, err = w.devices.Find(t.Context(), made.Device)
	require.NoError(t, err)
	assert.Equal(t, w.now, found.LastSeen)
}
