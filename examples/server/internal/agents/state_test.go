package agents_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestStateBecomesFacts(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.now = w.now.Add(time.Hour)
	require.NoError(t, w.State(t.Context(), d, w.state(map[string]string{
		"api_level": "35", "token_state": "active", "token_id": "T", "agreement_key": "that of a thief", "DeviceName": "Eve's", "locked_now": "a\x00",
	})))
	known := w.facts(d.ID)
	assert.Equal(t, "35", known["api_level"])
	assert.Equal(t, "T", known["token_id"])
	assert.JSONEq(t, agreementKey, known["agreement_key"], "which it says at its enrolment alone")
	assert.NotContains(t, known, "DeviceName")
	assert.NotContains(t, known, "locked_now")
	now, err := w.devices.Find(t.Context(), d.ID)
	require.NoError(t, err)
	assert.Equal(t, "Android 15 (API 35)", now.OSVersion)
	assert.Equal(t, w.now, now.Facts["api_level"].At)

	old := w.state(map[string]string{"token_state": "pending"})
	old.At = w.now.Add(-time.Second)
	require.NoError(t, w.State(t.Context(), d, old))
	assert.Equal(t, "active", w.facts(d.ID)["token_state"], "what comes late changes nothing")
	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	assert.NotContains(t, w.facts(d.ID), "token_id", "what it does not say any more is not known")
}

// Another server's clock is ahead: what comes to this one next is newer all the same, unless it is old by the device's own word.
func TestStateAfterThatOfAServerAhead(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	says := func(boots string, ago time.Duration) {
		s := w.state(map[string]string{"boot_count": boots})
		s.At = w.now.Add(-ago)
		require.NoError(t, w.State(t.Context(), d, s))
	}
	w.now = w.now.Add(5 * time.Second)
	says("2", 0)
	w.now = w.now.Add(-4 * time.Second)
	says("1", 10*time.Second)
	assert.Equal(t, "2", w.facts(d.ID)["boot_count"], "a result that comes late")
	says("3", time.Second)
	assert.Equal(t, "3", w.facts(d.ID)["boot_count"], "a state of just now")
	w.now = w.now.Add(4 * time.Second)
	says("4", 0)
	assert.Equal(t, "4", w.facts(d.ID)["boot_count"])
}

func TestOldStateIsAskedFor(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	assert.Empty(t, w.asks(d))
	w.now = w.now.Add(25 * time.Hour)
	asked := w.asks(d)
	require.NotEmpty(t, asked)
	require.ErrorIs(t, w.Answered(t.Context(), lock.Device{ID: "other"}, asked), lock.ErrNotOurs)
	require.NoError(t, w.Answered(t.Context(), d, asked))
	require.ErrorIs(t, w.Answered(t.Context(), d, asked), lock.ErrNotOurs)
	require.ErrorIs(t, w.Answered(t.Context(), d, ""), lock.ErrNotOurs)
	w.now = w.now.Add(2 * time.Hour)
	assert.Empty(t, w.asks(d), "an answer that says nothing is not asked for again at once")
	w.now = w.now.Add(24 * time.Hour)
	require.NotEmpty(t, w.asks(d))
	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	w.now = w.now.Add(time.Hour)
	assert.Empty(t, w.asks(d), "it has said all")
}

// A device that never answers is not asked at every poll: a long poll that is answered at once would come again at once.
func TestUnansweredQuestionIsBounded(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.now = w.now.Add(25 * time.Hour)
	first := w.asks(d)
	require.NotEmpty(t, first)
	assert.Empty(t, w.asks(d), "not twice within a minute")
	for range 9 {
		w.now = w.now.Add(time.Minute)
		require.Equal(t, first, w.asks(d), "the answer may have been lost")
	}
	w.now = w.now.Add(time.Hour)
	require.Empty(t, w.asks(d), "ten times, and no more")
	w.now = w.now.Add(24 * time.Hour)
	second := w.asks(d)
	require.NotEmpty(t, second)
	assert.NotEqual(t, first, second)
	w.now = w.now.Add(time.Minute)
	assert.Equal(t, second, w.asks(d))
	require.NoError(t, w.Answered(t.Context(), d, second))
	w.now = w.now.Add(time.Minute)
	assert.Empty(t, w.asks(d))
}

// asks is the ID of the question that a device gets now.
func (w *world) asks(d lock.Device) lock.ID {
	w.t.Helper()
	q, err := w.Query(w.t.Context(), d)
	require.NoError(w.t, err)
	if q.ID != "" {
		assert.Equal(w.t, "report_state", q.Command)
	}
	return q.ID
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	tokens := agents.Tokens{DB: w.db}
	d := w.enrol(w.phone("R5CT"))
	token := func() string {
		text, err := tokens.Token(t.Context(), d)
		require.NoError(t, err)
		return text
	}
	assert.Equal(t, "fcm 1", token())
	w.now = w.now.Add(time.Minute)
	require.NoError(t, tokens.Dead(t.Context(), d, "another", w.now))
	assert.Equal(t, "fcm 1", token())
	require.NoError(t, tokens.Dead(t.Context(), d, "fcm 1", w.now))
	assert.Empty(t, token())
	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	assert.Empty(t, token(), "nothing was said of it")
	w.now = w.now.Add(time.Minute)
	anew := w.state(nil)
	anew.FCMToken = "fcm 1"
	require.NoError(t, w.State(t.Context(), d, anew))
	assert.Equal(t, "fcm 1", token(), "it was sent anew")
	_, err := w.db.Exec(t.Context(), `UPDATE server_devices SET enrolled = 0`)
	require.NoError(t, err)
	assert.Empty(t, token())
}
