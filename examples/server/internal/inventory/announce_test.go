package inventory_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
