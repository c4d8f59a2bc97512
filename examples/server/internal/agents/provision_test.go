package agents_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// obey lets the device do what the newest order says.
func (w *world) obey(d lock.Device, outcome lock.Outcome) {
	w.t.Helper()
	known, err := w.Device(w.t.Context(), d.ID)
	require.NoError(w.t, err)
	cmd, err := w.ledger.Next(w.t.Context(), known.Device)
	require.NoError(w.t, err)
	require.Equal(w.t, w.ordered[len(w.ordered)-1].ID, cmd.ID)
	require.NoError(w.t, w.ledger.Report(w.t.Context(), lock.Report{Scope: d.Scope, Device: d.ID, Action: cmd.ID, Outcome: outcome}))
}

// polls asks for the device's question, as the handler does at each of its polls.
func (w *world) polls(id string) {
	w.t.Helper()
	d, err := w.Device(w.t.Context(), id)
	require.NoError(w.t, err)
	_, err = w.Query(w.t.Context(), d.Device)
	require.NoError(w.t, err)
}

func TestTokenIsOrderedOnce(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	assert.Empty(t, w.ordered, "not before the device knows that it is enrolled")
	w.polls(d.ID)
	require.Len(t, w.ordered, 1)
	assert.Equal(t, lock.KindProvisionToken, w.ordered[0].Kind)

	w.now = w.now.Add(time.Hour)
	w.polls(d.ID)
	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	assert.Len(t, w.ordered, 1, "one is on its way")

	said := w.state(nil) // as it was before it obeyed
	w.now = w.now.Add(time.Second)
	w.obey(d, lock.Acknowledged)
	require.NoError(t, w.State(t.Context(), d, said))
	assert.Len(t, w.ordered, 1, "what it said before may not be true any more")
	require.NoError(t, w.State(t.Context(), d, w.state(map[string]string{"token_state": "active", "token_id": string(w.ordered[0].ID)})))
	w.now = w.now.Add(time.Hour)
	w.polls(d.ID)
	assert.Len(t, w.ordered, 1, "one is in force")

	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	assert.Len(t, w.ordered, 2, "it is gone")
}

func TestTokenIsNotOrderedTooOften(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.polls(d.ID)
	for n := range 20 { // the device refuses each of them
		require.Len(t, w.ordered, n+1)
		w.obey(d, lock.Refused)
		pause := min(time.Minute<<n, 24*time.Hour)
		w.now = w.now.Add(pause - time.Second)
		w.polls(d.ID)
		require.Len(t, w.ordered, n+1, "the pause after it")
		w.now = w.now.Add(time.Second)
		w.polls(d.ID)
	}
	w.enrol(w.phone("R5CT"))
	w.obey(d, lock.Refused)
	before := len(w.ordered)
	w.polls(d.ID)
	assert.Len(t, w.ordered, before+1, "whoever enrols anew begins anew")
}

// orders counts what is ordered, and orders nothing.
type orders struct{ n atomic.Int64 }

func (o *orders) ProvisionToken(context.Context, lock.Actor, lock.Request) (lock.Action, error) {
	o.n.Add(1)
	return lock.Action{}, errors.New("disk full")
}

func TestTokenIsOrderedByOneServer(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	var all sync.WaitGroup
	var ordered orders
	for range 8 {
		s := w.another()
		s.Orders = &ordered
		all.Go(func() {
			_, err := s.Query(t.Context(), d)
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, ordered.n.Load())
}

// On SQLite there is one writer, for which a poll that orders nothing must not wait.
func TestLookAfterATokenWritesNothing(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.polls(d.ID)
	w.obey(d, lock.Refused)
	w.now = w.now.Add(time.Minute - time.Second) // of the pause
	writer, err := w.db.Writer.Conn(t.Context())
	require.NoError(t, err)
	defer func() { assert.NoError(t, writer.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err = w.Query(ctx, d)
	require.NoError(t, err)
	assert.Len(t, w.ordered, 1)
}

func TestTokenThatAPersonTookBackStaysAway(t *testing.T) {
	w := newWorld(t)
	d := w.enrol(w.phone("R5CT"))
	w.polls(d.ID)
	w.now = w.now.Add(time.Second)
	w.obey(d, lock.Acknowledged)
	active := w.state(map[string]string{"token_state": "active", "token_id": string(w.ordered[0].ID)})
	require.NoError(t, w.State(t.Context(), d, active))
	known, err := w.Device(t.Context(), d.ID)
	require.NoError(t, err)
	revoked, err := w.ledger.RevokeToken(t.Context(), lock.Actor{ID: "ada"}, w.ordered[0].ID, lock.Request{Device: known.Device})
	require.NoError(t, err)
	w.ordered = append(w.ordered, revoked)
	w.now = w.now.Add(time.Hour)
	w.obey(d, lock.Acknowledged)
	w.now = w.now.Add(time.Hour)
	require.NoError(t, w.State(t.Context(), d, w.state(nil)))
	assert.Len(t, w.ordered, 2)
	d = w.enrol(w.phone("R5CT"))
	w.polls(d.ID)
	assert.Len(t, w.ordered, 3, "until it enrols anew")
}

func TestTokenIsOrderedOnlyWhereItWouldWork(t *testing.T) {
	for name, facts := range map[string]map[string]string{
		"one is in force":       {"token_state": "active", "token_id": "T"},
		"one waits for a user":  {"token_state": "pending", "token_id": "T"},
		"not known":             {"token_state": "sideways"},
		"the device has none":   {"token_state": "unsupported"},
		"before Android 8":      {"api_level": "25"},
		"legacy administrator":  {"mode": "device_admin"},
		"no secure lock screen": {"secure_lock_feature": "false"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.phone("R5CT")
			e.State = w.state(facts)
			w.polls(w.enrol(e).ID)
			assert.Empty(t, w.ordered)
		})
	}
}
