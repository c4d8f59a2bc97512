package inventory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// next polls for a question and returns its ID and kind.
func (w *world) next(answered mdmproto.Result) (id, kind string) {
	w.t.Helper()
	body, err := w.Next(w.t.Context(), lock.Device{ID: "A"}, answered)
	require.NoError(w.t, err)
	if body == nil {
		return "", ""
	}
	_, rest, found := strings.Cut(string(body), "<key>CommandUUID</key><string>")
	require.True(w.t, found, string(body))
	id, _, _ = strings.Cut(rest, "<")
	for _, kind := range []string{"DeviceInformation", "SecurityInfo"} {
		if strings.Contains(string(body), "<string>"+kind+"</string>") {
			return id, kind
		}
	}
	return id, ""
}

func (w *world) result(id string, status mdmproto.Status, facts map[string]string) mdmproto.Result {
	w.t.Helper()
	r := mdmproto.Result{Status: status, CommandUUID: id, Facts: facts}
	require.NoError(w.t, w.Result(w.t.Context(), lock.Device{ID: "A"}, r))
	return r
}

// answer answers the first question with some facts.
func (w *world) answer(facts map[string]string) {
	w.t.Helper()
	id, _ := w.next(idle)
	w.result(id, mdmproto.StatusAcknowledged, facts)
}

var idle = mdmproto.Result{Status: mdmproto.StatusIdle}

func TestAnswersBecomeFacts(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	w.now = w.now.Add(time.Hour)
	first, kind := w.next(idle)
	assert.Equal(t, "DeviceInformation", kind)
	second, kind := w.next(w.result(first, mdmproto.StatusAcknowledged, map[string]string{"OSVersion": "15.2", "IsAppleSilicon": "true"}))
	assert.Equal(t, "SecurityInfo", kind)
	none, _ := w.next(w.result(second, mdmproto.StatusAcknowledged, map[string]string{"FDE_Enabled": "true"}))
	assert.Empty(t, none)
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.Equal(t, "15.2", d.OSVersion)
	assert.True(t, d.Silicon != nil && *d.Silicon)
	assert.Equal(t, lock.Fact{Value: "15.2", At: w.now}, d.Facts["OSVersion"])
	assert.Equal(t, w.now.Add(-time.Hour), d.Facts["SerialNumber"].At, "what was not answered keeps its age")
}

func TestUnansweredIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	first, _ := w.next(idle)
	again, _ := w.next(idle)
	assert.Equal(t, first, again)
}

func TestNotNowWaitsForTheNextIdle(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	first, _ := w.next(idle)
	second, kind := w.next(w.result(first, mdmproto.StatusNotNow, nil))
	assert.Equal(t, "SecurityInfo", kind)
	none, _ := w.next(w.result(second, mdmproto.StatusNotNow, nil))
	assert.Empty(t, none)
	again, _ := w.next(idle)
	assert.Equal(t, first, again)
}

func TestOtherAnswersEndTheQuestion(t *testing.T) {
	for _, status := range []mdmproto.Status{mdmproto.StatusError, mdmproto.StatusCommandFormatError, "Sideways"} {
		t.Run(string(status), func(t *testing.T) {
			w := newWorld(t)
			w.enrol("A")
			first, _ := w.next(idle)
			w.result(first, status, nil)
			next, _ := w.next(idle)
			assert.NotEqual(t, first, next)
		})
	}
}

func TestAnswersToNothingAreIgnored(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	w.enrol("B")
	first, _ := w.next(idle)
	facts := map[string]string{"OSVersion": "1.0"}
	w.result("made up", mdmproto.StatusAcknowledged, facts)
	r := mdmproto.Result{Status: mdmproto.StatusAcknowledged, CommandUUID: first, Facts: facts}
	require.NoError(t, w.Result(t.Context(), lock.Device{ID: "B"}, r), "a question of another device")
	for _, id := range []string{"A", "B"} {
		d, err := w.Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, "15.1", d.OSVersion)
	}
}

func TestTokenUpdateAsksAnew(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	for range 2 {
		id, _ := w.next(idle)
		w.result(id, mdmproto.StatusAcknowledged, nil)
	}
	none, _ := w.next(idle)
	require.Empty(t, none)
	w.complete(cert, "A")
	id, _ := w.next(idle)
	assert.NotEmpty(t, id)
}

func TestUserChannelIsAskedNothing(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	id, _ := w.next(mdmproto.Result{Status: mdmproto.StatusIdle, Enrollment: mdmproto.Enrollment{UDID: "A", UserID: "u"}})
	assert.Empty(t, id)
}
