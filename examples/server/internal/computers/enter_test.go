package computers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func TestDeviceIsKnownByItsCertificate(t *testing.T) {
	w := newWorld(t)
	made, cert := w.enter(computers.Entry{Name: "Hedy's Lumia", ID: "urn:x", User: "hedy"})
	other, _ := w.enter(computers.Entry{Name: "Hedy's Lumia"})
	assert.NotEqual(t, made.Device, other.Device, "a name tells nothing")
	assert.Empty(t, other.Secret)
	assert.False(t, made.Known)

	e, err := w.Device(t.Context(), cert, "")
	require.NoError(t, err)
	assert.Equal(t, made.Device, e.Device.ID)
	assert.Equal(t, "windows", e.Device.Platform)
	assert.Equal(t, "Hedy's Lumia", e.Device.Name)
	assert.Equal(t, "urn:x", e.ID)
	assert.Equal(t, "hedy", e.User)
	assert.Equal(t, syncml.Inner("hedy", made.Secret), e.Inner)
	sum := sha256.Sum256(made.Certificate)
	assert.Contains(t, w.noted, map[string]string{"kind": "new", "device": made.Device, "certificate_sha256": hex.EncodeToString(sum[:])})
	assert.Equal(t, map[string]string{"kind": "enrol", "platform": "windows"}, w.links[0])

	again, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	forged := *cert // the same names and the same serial number, but another certificate
	forged.Raw = append([]byte{}, cert.Raw...)
	forged.Raw[len(forged.Raw)-1] ^= 1
	forged.PublicKey = again.Public()
	_, err = w.Device(t.Context(), &forged, "")
	require.ErrorIs(t, err, windows.ErrNotEnrolled)
}

func TestDeviceWithoutCertificate(t *testing.T) {
	w := newWorld(t)
	made, _ := w.enter(computers.Entry{Name: "Lumia", ID: "with a digest", User: "hedy"})
	w.enter(computers.Entry{Name: "Lumia", ID: "without"})
	w.now = w.now.Add(time.Hour)
	e, err := w.Device(t.Context(), nil, "with a digest")
	require.NoError(t, err)
	assert.Equal(t, made.Device, e.Device.ID)
	assert.NotEmpty(t, e.Inner)
	found, err := w.devices.Find(t.Context(), made.Device)
	require.NoError(t, err)
	assert.Equal(t, w.now, found.LastSeen, "a simulated device is not gone")
	for name, id := range map[string]string{
		"no digest": "without", "unknown": "x", "empty": "", "the server's ID": made.Device, "in capitals": "With a digest", "a part": "with",
		"no text": "\x00", "long": strings.Repeat("x", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Device(t.Context(), nil, id)
			require.ErrorIs(t, err, windows.ErrNotEnrolled)
		})
	}
}

// A second issue for the same device is no wipe: the ledger hears of it, and ends nothing.
func TestSecondIssueReplacesTheFirst(t *testing.T) {
	w := newWorld(t)
	first, old := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", User: "hedy"})
	require.NoError(t, w.Learn(t.Context(), w.device(old), windows.Learnt{Facts: map[string]string{"class": "phone"}}))
	require.NoError(t, w.Save(t.Context(), "default", first.Device, []byte("state"), 0))
	w.seen = nil
	second, cert := w.enter(computers.Entry{Name: "Hedy's Lumia", ID: "urn:x"})
	assert.Equal(t, first.Device, second.Device)
	assert.True(t, second.Renewed)
	assert.Empty(t, w.seen, "it proves nothing")
	assert.Equal(t, "renewed", w.noted[len(w.noted)-1]["kind"])
	assert.Equal(t, map[string]string{"kind": "renew", "platform": "windows", "device": first.Device}, w.links[1])

	w.isNobody(old)
	e, err := w.Device(t.Context(), cert, "")
	require.NoError(t, err)
	assert.False(t, e.Former)
	assert.Equal(t, "Hedy's Lumia", e.Device.Name)
	assert.Equal(t, "phone", e.Device.Facts["class"].Value, "what was learnt stays")
	assert.Empty(t, e.Inner, "the earlier secret is good no more")
	state, _, err := w.Load(t.Context(), "default", first.Device)
	require.NoError(t, err)
	assert.Equal(t, "state", string(state), "what is under way goes on")
}

// The certificate of a Windows device lets nobody enrol a Mac.
func TestCertificateEnrolsNoMac(t *testing.T) {
	w := newWorld(t)
	made, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	for _, udid := range []string{"a Mac", made.Device} {
		_, _, err := w.devices.Authenticate(t.Context(), cert, mdmproto.Checkin{Enrollment: mdmproto.Enrollment{UDID: udid}})
		require.ErrorIs(t, err, mdmproto.ErrNotEnrolled, udid)
		_, err = w.devices.Device(t.Context(), cert, udid)
		require.ErrorIs(t, err, mdmproto.ErrNotEnrolled, udid)
	}
	bound, err := w.devices.BoundTo(t.Context(), cert)
	require.NoError(t, err)
	assert.Empty(t, bound, "nor renew one over SCEP")
	renews, err := w.ca.Renews(t.Context(), cert)
	require.NoError(t, err)
	assert.Equal(t, made.Device, renews)
}

func TestRemovedDevice(t *testing.T) {
	w := newWorld(t)
	made, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", User: "hedy"})
	require.NoError(t, w.Save(t.Context(), "default", made.Device, []byte("state"), 0))
	require.NoError(t, w.account("ada"))
	require.NoError(t, w.devices.Remove(t.Context(), lock.Actor{ID: "ada"}, made.Device))
	w.isFormer(cert, made.Device)
	_, err := w.Device(t.Context(), nil, "urn:x")
	require.ErrorIs(t, err, windows.ErrNotEnrolled)
	require.ErrorIs(t, w.Learn(t.Context(), lock.Device{ID: made.Device}, windows.Learnt{}), windows.ErrNotEnrolled)
	require.ErrorIs(t, w.Save(t.Context(), "default", made.Device, []byte("late"), 1), windows.ErrConflict)
	state, version, err := w.Load(t.Context(), "default", made.Device)
	require.NoError(t, err)
	assert.Empty(t, state)
	assert.EqualValues(t, 2, version)

	again, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	assert.Equal(t, made.Device, again.Device, "it is the same one")
	assert.Equal(t, made.Device, w.device(cert).ID)
}

func TestEntryThatIsNone(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		entry computers.Entry
		field string
	}{
		"no name":         {computers.Entry{ID: "a"}, "name"},
		"no ID":           {computers.Entry{Name: "a"}, "id"},
		"long serial":     {computers.Entry{Name: "a", ID: "a", Serial: strings.Repeat("x", 65)}, "serial"},
		"model":           {computers.Entry{Name: "a", ID: "a", Model: "a\x00"}, "model"},
		"holder":          {computers.Entry{Name: "a", ID: "a", Holder: "a\nb"}, "holder"},
		"long name":       {computers.Entry{Name: strings.Repeat("x", 65)}, "name"},
		"two lines":       {computers.Entry{Name: "a\nb"}, "name"},
		"no text":         {computers.Entry{Name: "a", ID: "\xff"}, "id"},
		"space around it": {computers.Entry{Name: "a", ID: " x"}, "id"},
		"colon":           {computers.Entry{Name: "a", ID: "a", User: "a:b"}, "user"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Enter(t.Context(), lock.Actor{ID: "ada"}, c.entry)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
			assert.Empty(t, w.links)
		})
	}
}

// One box is all that a keyring has to do with Windows devices: resealed, everything opens with the new key alone.
func TestKeyIsResealed(t *testing.T) {
	w := newWorld(t)
	made, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x", User: "hedy"})
	require.NoError(t, w.Save(t.Context(), "default", made.Device, []byte("state"), 0))
	old := w.keyring.KeyIDs()[0]
	next := w.keyring.Rotate()
	_, err := secret.Reseal(t.Context(), w.db, next, old)
	require.NoError(t, err)
	alone, err := next.Without(old)
	require.NoError(t, err)
	_, err = ca.Open(t.Context(), ca.Config{DB: w.db, Sealer: alone})
	require.NoError(t, err)
	w.Store = w.another(alone)
	state, _, err := w.Load(t.Context(), "default", made.Device)
	require.NoError(t, err)
	assert.Equal(t, "state", string(state))
	e, err := w.Device(t.Context(), cert, "")
	require.NoError(t, err)
	assert.NotEmpty(t, e.Inner)
}
