package inventory_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// ada sees every device.
var ada = lock.Actor{ID: "ada"}

// world is an inventory and the CA that it asks.
type world struct {
	*inventory.Store
	t      *testing.T
	db     *db.DB
	now    time.Time
	renews map[string]string // of each certificate that was issued
	broken bool              // the CA cannot be asked
	mute   bool              // nothing can be put on record
	noted  []map[string]string
	wiped  int // times that the ledger was told of a new enrolment

	meanwhile func() // what happens just as it is
}

// Renews implements inventory.Issuer.
func (w *world) Renews(_ context.Context, cert *x509.Certificate) (string, error) {
	if w.broken {
		return "", errors.New("disk full")
	}
	device, ok := w.renews[string(cert.Raw)]
	if !ok {
		return "", ca.ErrUnknown
	}
	return device, nil
}

// Note implements inventory.Notices.
func (w *world) Note(_ context.Context, a lock.Actor, kind lock.EventType, scope string, facts map[string]string) error {
	assert.Equal(w.t, map[lock.EventType]lock.Actor{lock.EventEnrolled: {ID: "device"}, lock.EventRemoved: ada}[kind], a)
	assert.Equal(w.t, inventory.Scope, scope)
	if w.mute {
		return errors.New("disk full")
	}
	w.noted = append(w.noted, facts)
	return nil
}

// Seen implements inventory.Notices.
func (w *world) Seen(ctx context.Context, d lock.Device, evidence lock.Evidence) error {
	_, bounded := ctx.Deadline()
	assert.True(w.t, bounded, "it ends, also where nobody answers")
	assert.Equal(w.t, lock.EvidenceReenrolled, evidence)
	assert.NotEmpty(w.t, d.ID)
	if w.mute {
		return errors.New("disk full")
	}
	w.wiped++
	if w.meanwhile != nil {
		w.meanwhile()
	}
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := dbtest.Open(t, dbtest.Source(t, &server))
	_, err := d.Exec(t.Context(), `INSERT INTO server_accounts (name, password) VALUES ($1, '')`, ada.ID)
	require.NoError(t, err)
	w := &world{t: t, db: d, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), renews: map[string]string{}}
	w.Store = w.open()
	return w
}

func (w *world) open() *inventory.Store {
	return inventory.New(inventory.Config{DB: w.db, Issuer: w, Notices: w, Now: func() time.Time { return w.now }})
}

// cert is a certificate that the CA issued; of one the inventory needs no more than the bytes.
func (w *world) cert(renews string) *x509.Certificate {
	raw := "certificate " + strconv.Itoa(len(w.renews))
	w.renews[raw] = renews
	return &x509.Certificate{Raw: []byte(raw), NotAfter: w.now.AddDate(5, 0, 0)}
}

func hello(udid string) mdmproto.Checkin {
	return mdmproto.Checkin{
		Enrollment: mdmproto.Enrollment{UDID: udid}, MessageType: "Authenticate", DeviceName: "Mac " + udid, SerialNumber: "S" + udid,
		OSVersion: "15.1", ProductName: "Mac14,2", ModelName: "MacBook Air",
	}
}

func tokenUpdate(t *testing.T, udid, user string) mdmproto.Checkin {
	t.Helper()
	body := `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>MessageType</key><string>TokenUpdate</string>
		<key>UDID</key><string>` + udid + `</string><key>Topic</key><string>com.apple.mgmt.x</string>
		<key>Token</key><data>dG9rZW4=</data><key>PushMagic</key><string>magic</string>`
	if user != "" {
		body += `<key>UserID</key><string>U-1</string><key>UserShortName</key><string>` + user + `</string>`
	}
	m, err := mdmproto.ParseCheckin([]byte(body + `</dict></plist>`))
	require.NoError(t, err)
	return m
}

// enrol is a whole enrolment.
func (w *world) enrol(udid string) *x509.Certificate {
	w.t.Helper()
	cert := w.cert("")
	w.authenticate(cert, udid, false)
	w.complete(cert, udid)
	return cert
}

// authenticate sends Authenticate; quiet says that it does not make the device look wiped.
func (w *world) authenticate(cert *x509.Certificate, udid string, quiet bool) {
	w.t.Helper()
	before := w.wiped
	d, settled, err := w.Authenticate(w.t.Context(), cert, hello(udid))
	require.NoError(w.t, err)
	assert.True(w.t, settled, "the handler has nothing to tell")
	assert.Equal(w.t, quiet, w.wiped == before, "quiet")
	assert.Equal(w.t, udid, d.ID)
}

func (w *world) complete(cert *x509.Certificate, udid string) {
	w.t.Helper()
	d, err := w.Device(w.t.Context(), cert, udid)
	require.NoError(w.t, err)
	require.NoError(w.t, w.TokenUpdate(w.t.Context(), d, tokenUpdate(w.t, udid, "")))
}

func (w *world) refuses(cert *x509.Certificate, udid string) {
	w.t.Helper()
	_, err := w.Device(w.t.Context(), cert, udid)
	assert.ErrorIs(w.t, err, mdmproto.ErrNotEnrolled)
}

func TestEnrolledDeviceIsFoundByItsCertificate(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	d, err := w.Device(t.Context(), cert, "A")
	require.NoError(t, err)
	assert.Equal(t, lock.Fact{Value: "15.1", At: w.now}, d.Facts["OSVersion"])
	d.Facts = nil
	assert.Equal(t, lock.Device{Scope: "default", ID: "A", Platform: "apple", Serial: "SA", Name: "Mac A", Model: "MacBook Air"}, d)
	w.refuses(cert, "B")
	w.refuses(w.cert(""), "A")
	bound, err := w.BoundTo(t.Context(), cert)
	require.NoError(t, err)
	assert.Equal(t, "A", bound)
}

func TestAuthenticateRefuses(t *testing.T) {
	w := newWorld(t)
	mine := w.enrol("A")
	for name, c := range map[string]struct {
		cert *x509.Certificate
		m    mdmproto.Checkin
	}{
		"certificate of another enrolment": {mine, hello("B")},
		"certificate that nobody issued":   {&x509.Certificate{Raw: []byte("?")}, hello("B")},
		"renewal of another device":        {w.cert("A"), hello("B")},
		"user channel":                     {w.cert(""), mdmproto.Checkin{Enrollment: mdmproto.Enrollment{UDID: "B", UserID: "u"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := w.Authenticate(t.Context(), c.cert, c.m)
			require.ErrorIs(t, err, mdmproto.ErrNotEnrolled)
			_, err = w.Find(t.Context(), "B")
			assert.ErrorIs(t, err, lock.ErrNotFound, "nothing was made")
		})
	}
}

func TestRenewalKeepsTheOldCertificateUntilTheNewOneIsUsed(t *testing.T) {
	w := newWorld(t)
	old := w.enrol("A")
	renewed := w.cert("A")
	w.authenticate(renewed, "A", true)
	_, err := w.Device(t.Context(), old, "A")
	require.NoError(t, err, "the answer to Authenticate may have got lost")
	w.authenticate(renewed, "A", true)
	w.complete(renewed, "A")
	w.refuses(old, "A")
	_, _, err = w.Authenticate(t.Context(), old, hello("A"))
	assert.ErrorIs(t, err, mdmproto.ErrNotEnrolled)
}

func TestRenewalThatGotLostIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	used := w.enrol("A")
	w.authenticate(w.cert("A"), "A", true) // neither this certificate nor the answer arrived
	second := w.cert("A")
	w.authenticate(second, "A", true)
	for _, cert := range []*x509.Certificate{used, second} {
		bound, err := w.BoundTo(t.Context(), cert)
		require.NoError(t, err)
		assert.Equal(t, "A", bound)
	}
	w.complete(used, "A")
	w.complete(second, "A")
	w.refuses(used, "A")
}

func TestReenrolmentForgetsWhatWasKnown(t *testing.T) {
	w := newWorld(t)
	old := w.enrol("A")
	w.answer(map[string]string{"IsAppleSilicon": "true"})
	anew := w.cert("")
	w.authenticate(anew, "A", false)
	w.refuses(old, "A")
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.NotContains(t, d.Facts, "IsAppleSilicon")
	assert.Nil(t, d.Silicon)
	assert.Equal(t, "15.1", d.OSVersion)
	_, _, err = w.Authenticate(t.Context(), old, hello("A"))
	assert.ErrorIs(t, err, mdmproto.ErrNotEnrolled, "the certificate before the wipe does not come back")
}

func TestRepeatedAuthenticate(t *testing.T) {
	w := newWorld(t)
	cert := w.cert("")
	w.authenticate(cert, "A", false)
	w.authenticate(cert, "A", true) // its answer was lost
	w.complete(cert, "A")
	w.authenticate(cert, "A", true) // a recording
}

func TestCheckOutAndBack(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	require.NoError(t, w.CheckOut(t.Context(), lock.Device{ID: "A"}, mdmproto.Checkin{}))
	w.refuses(cert, "A")
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.False(t, d.Enrolled)
	listed, err := w.Devices(t.Context(), ada, "", "", 0)
	require.NoError(t, err)
	for _, facts := range []map[string]lock.Fact{d.Facts, listed[0].Facts} {
		assert.Equal(t, lock.Fact{Value: "false", At: w.now}, facts["Enrolled"])
	}
	assert.Contains(t, d.Facts, "OSVersion", "what is known of it stays")
	w.authenticate(w.cert("A"), "A", false) // a renewal of nothing is an enrolment
	d, err = w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.True(t, d.Enrolled)
	assert.NotContains(t, d.Facts, "Enrolled")
}

func TestChannelsAreKeptApart(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	require.NoError(t, w.TokenUpdate(t.Context(), lock.Device{ID: "A"}, tokenUpdate(t, "A", "ada")))
	var channels int
	require.NoError(t, w.db.Readers.QueryRow(`SELECT count(*) FROM server_channels WHERE device = 'A'`).Scan(&channels))
	assert.Equal(t, 2, channels)
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, "ada", d.User)
}

func TestSeenIsWrittenOnceAMinute(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	begun := w.now
	for range 3 {
		w.now = w.now.Add(25 * time.Second)
		_, err := w.Device(t.Context(), cert, "A")
		require.NoError(t, err)
	}
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, begun.Add(75*time.Second), d.LastSeen, "known at once")
	d, err = w.open().Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, begun.Add(75*time.Second), d.LastSeen, "written when a minute had passed")
	w.now = w.now.Add(30 * time.Second)
	_, err = w.Device(t.Context(), cert, "A")
	require.NoError(t, err)
	d, err = w.open().Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, begun.Add(75*time.Second), d.LastSeen, "and not before the next")
}

func TestListing(t *testing.T) {
	w := newWorld(t)
	for _, udid := range []string{"C", "A", "B_1", "B%1"} {
		w.enrol(udid)
	}
	for name, c := range map[string]struct {
		search, after string
		limit         int
		want          []string
	}{
		"all by name":          {"", "", 0, []string{"A", "B%1", "B_1", "C"}},
		"page":                 {"", "A", 2, []string{"B%1", "B_1"}},
		"last page":            {"", "C", 2, nil},
		"after an unknown one": {"", "Z", 2, nil},
		"search in any case":   {"mac c", "", 0, []string{"C"}},
		"by serial":            {"SA", "", 0, []string{"A"}},
		"percent is a letter":  {"%", "", 0, []string{"B%1"}},
		"underscore too":       {"_", "", 0, []string{"B_1"}},
		"quotes do no harm":    {`'"!`, "", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := w.Devices(t.Context(), ada, c.search, c.after, c.limit)
			require.NoError(t, err)
			var ids []string
			for _, d := range found {
				ids = append(ids, d.ID)
			}
			assert.Equal(t, c.want, ids)
		})
	}
}
