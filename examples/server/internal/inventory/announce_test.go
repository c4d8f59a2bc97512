package inventory_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

func notice(kind, device string, cert *x509.Certificate) map[string]string {
	sum := sha256.Sum256(cert.Raw)
	return map[string]string{"kind": kind, "device": device, "certificate_sha256": hex.EncodeToString(sum[:])}
}

func TestEveryBindingIsOnRecordOnce(t *testing.T) {
	w := newWorld(t)
	first, renewal, again, back := w.cert(""), w.cert("A"), w.cert(""), w.cert("")
	w.authenticate(first, "A", false)
	w.authenticate(first, "A", true) // a repetition
	w.complete(first, "A")
	w.authenticate(first, "A", true) // a recording
	w.authenticate(renewal, "A", true)
	w.complete(renewal, "A")
	w.authenticate(again, "A", false) // while it is still enrolled
	require.NoError(t, w.CheckOut(t.Context(), lock.Device{ID: "A"}, mdmproto.Checkin{}))
	w.authenticate(back, "A", false)
	assert.Equal(t, []map[string]string{
		notice("new", "A", first), notice("renewed", "A", renewal), notice("again", "A", again), notice("again", "A", back),
	}, w.noted)
}

func TestNoAnswerWithoutARecord(t *testing.T) {
	w := newWorld(t)
	cert := w.cert("")
	w.mute = true
	_, _, err := w.Authenticate(t.Context(), cert, hello("A"))
	require.Error(t, err)
	require.NotErrorIs(t, err, mdmproto.ErrNotEnrolled, "the device must come back")
	_, err = w.Device(t.Context(), cert, "A")
	require.Error(t, err, "a device that goes on all the same gets nothing either")
	w.mute = false
	_, err = w.Device(t.Context(), cert, "A")
	require.NoError(t, err)
	assert.Equal(t, 1, w.wiped, "what an earlier enrolment left behind is ended first")
	w.authenticate(cert, "A", true)
	assert.Equal(t, []map[string]string{notice("new", "A", cert)}, w.noted)
}

func TestRefusalIsNoBinding(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.Authenticate(t.Context(), w.cert("B"), hello("A"))
	require.ErrorIs(t, err, mdmproto.ErrNotEnrolled)
	assert.Empty(t, w.noted)
}

func TestACAThatCannotBeAskedRefusesNobody(t *testing.T) {
	w := newWorld(t)
	w.broken = true
	_, _, err := w.Authenticate(t.Context(), w.cert(""), hello("A"))
	require.ErrorContains(t, err, "disk full")
	assert.NotErrorIs(t, err, mdmproto.ErrNotEnrolled)
}

func TestUserEnrolmentIsKnownFromTheStart(t *testing.T) {
	w := newWorld(t)
	const fact = "ManagementStatus.IsUserEnrollment"
	for name, c := range map[string]struct {
		enrollment mdmproto.Enrollment
		want       string
	}{
		"user":   {mdmproto.Enrollment{EnrollmentID: "E"}, "true"},
		"device": {mdmproto.Enrollment{UDID: "A"}, ""},
		"both":   {mdmproto.Enrollment{UDID: "B", EnrollmentID: "F"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, _, err := w.Authenticate(t.Context(), w.cert(""), mdmproto.Checkin{Enrollment: c.enrollment})
			require.NoError(t, err)
			assert.Equal(t, c.want, d.Facts[fact].Value)
		})
	}
}

func TestExpiryIsThatOfTheCertificateInUse(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	w.now = w.now.AddDate(1, 0, 0)
	w.authenticate(w.cert("A"), "A", true)
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, w.now.AddDate(5, 0, 0), d.Expires)
}

// A Mac that was wiped may renew before the ledger has heard of it, and use either certificate next.
func TestRenewalBesideAnUntoldEnrolment(t *testing.T) {
	for name, renewedFirst := range map[string]bool{"under the old certificate": false, "under the new one": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.enrol("A")
			w.wiped, w.noted, w.mute = 0, nil, true
			again, renewed := w.cert(""), w.cert("A")
			for _, cert := range []*x509.Certificate{again, renewed} {
				_, _, err := w.Authenticate(t.Context(), cert, hello("A"))
				require.Error(t, err)
			}
			w.mute = false
			if !renewedFirst {
				w.complete(again, "A")
			}
			w.complete(renewed, "A")
			w.refuses(again, "A")
			assert.Equal(t, 1, w.wiped)
			assert.Equal(t, []map[string]string{notice("again", "A", again), notice("renewed", "A", renewed)}, w.noted)
		})
	}
}

func TestStuckAnnouncementStopsNoOtherDevice(t *testing.T) {
	w := newWorld(t)
	stuck, err := w.tryAgent(w.pixel("R5CT", "key"))
	require.NoError(t, err)
	other, err := w.tryAgent(w.pixel("R5CU", "another key"))
	require.NoError(t, err)
	w.meanwhile = func() {
		w.meanwhile = nil
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.NoError(t, w.AnnounceAgent(ctx, other))
		assert.Len(t, w.noted, 1)
	}
	require.NoError(t, w.AnnounceAgent(t.Context(), stuck))
	assert.Len(t, w.noted, 2)
}

// waits checks that a device is being told of, by somebody.
func (w *world) waits(id string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(w.t, w.AnnounceAgent(ctx, id), context.DeadlineExceeded)
}

func TestClaimOfAStoppedServerRunsOut(t *testing.T) {
	w := newWorld(t)
	id, err := w.tryAgent(w.pixel("R5CT", "key"))
	require.NoError(t, err)
	w.meanwhile = func() { panic("power cut") }
	require.Panics(t, func() { _ = w.AnnounceAgent(t.Context(), id) })
	w.meanwhile = nil
	w.waits(id)
	assert.Empty(t, w.noted)
	w.now = w.now.Add(30 * time.Second)
	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	assert.Len(t, w.noted, 1)
}

func TestLateOneGivesBackItsOwnClaimAlone(t *testing.T) {
	w := newWorld(t)
	id, err := w.tryAgent(w.pixel("R5CT", "key"))
	require.NoError(t, err)
	w.meanwhile = func() { // another server goes on, after this one stood still
		w.meanwhile, w.mute = nil, true
		_, err := w.db.Exec(t.Context(), `UPDATE server_devices SET told_until = $1`, db.Micros(w.now.Add(time.Minute)))
		require.NoError(t, err)
	}
	require.Error(t, w.AnnounceAgent(t.Context(), id))
	w.mute = false
	w.waits(id)
	assert.Empty(t, w.noted)
}
