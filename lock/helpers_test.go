package lock_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// newFixture is a service on a memory store of its own.
func newFixture(t testing.TB, edits ...func(*lock.Config)) *locktest.Fixture {
	t.Helper()
	return locktest.New(t, store.NewMemory(), edits...)
}

// mac is the device of most tests.
func mac() lock.Device { return locktest.Device("mac-1") }

// through has commands sent, instead of fetched.
func through(s lock.Sender) func(*lock.Config) {
	return func(c *lock.Config) { c.Platforms[0].Sender, c.Platforms[0].Waker = s, nil }
}

func parsed(t require.TestingT, s string) pin.PIN {
	p, err := pin.Parse(s)
	require.NoError(t, err)
	return p
}

// order asks for a lock of mac-1 as Admin.
func order(t testing.TB, f *locktest.Fixture, edits ...func(*lock.Request)) (lock.Action, error) {
	t.Helper()
	r := lock.Request{Device: mac(), Reason: "stolen"}
	for _, edit := range edits {
		edit(&r)
	}
	return f.Service.Lock(t.Context(), locktest.Admin(), r)
}

func withKey(key string) func(*lock.Request) { return func(r *lock.Request) { r.Key = key } }

func supplied(t testing.TB, code string) func(*lock.Request) {
	t.Helper()
	return func(r *lock.Request) { r.PIN = parsed(t, code) }
}

func seen(t testing.TB, f *locktest.Fixture, e lock.Evidence) {
	t.Helper()
	require.NoError(t, f.Service.Seen(t.Context(), mac(), e))
}

func cancel(t testing.TB, f *locktest.Fixture, id lock.ID) {
	t.Helper()
	_, err := f.Service.Cancel(t.Context(), locktest.Admin(), id, "ordered by mistake")
	require.NoError(t, err)
}

func answerOf(a lock.Action, outcome lock.Outcome, facts map[string]string) lock.Report {
	return lock.Report{Scope: a.Device.Scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome, Facts: facts}
}

// eventsOf reads an action's events from the store, past the gate.
func eventsOf(t testing.TB, f *locktest.Fixture, id lock.ID) []lock.Event {
	t.Helper()
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Action: id, Limit: 1000})
	require.NoError(t, err)
	return events
}

func typesOf(events []lock.Event) []lock.EventType {
	types := make([]lock.EventType, len(events))
	for i, e := range events {
		types[i] = e.Type
	}
	return types
}

// noticesOf reads every event that belongs to no action.
func noticesOf(t testing.TB, f *locktest.Fixture) []lock.Event {
	t.Helper()
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Limit: 1000})
	require.NoError(t, err)
	var notices []lock.Event
	for _, e := range events {
		if e.Action == "" {
			notices = append(notices, e)
		}
	}
	return notices
}

// requireEmpty says that the store holds nothing at all.
func requireEmpty(t testing.TB, f *locktest.Fixture) {
	t.Helper()
	actions, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	require.Empty(t, actions)
	events, err := f.Store.Events(t.Context(), lock.EventFilter{})
	require.NoError(t, err)
	require.Empty(t, typesOf(events))
}

// requireReplay says that the stored action is what its events say. It takes a TB so that rapid's T will do.
func requireReplay(t interface {
	require.TestingT
	Context() context.Context
}, st lock.Store, id lock.ID) {
	stored, err := st.Get(t.Context(), id)
	require.NoError(t, err)
	events, err := st.Events(t.Context(), lock.EventFilter{Action: id, Limit: 1000})
	require.NoError(t, err)
	replayed, err := lock.Action{}.Replay(events)
	require.NoError(t, err)
	want, err := json.Marshal(stored)
	require.NoError(t, err)
	got, err := json.Marshal(replayed)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

// inputField is the field that an *InputError blames; empty when err is none.
func inputField(err error) string {
	var input *lock.InputError
	if errors.As(err, &input) {
		return input.Field
	}
	return ""
}

// swapped is a store that hands out the boxes of one action as those of another.
type swapped struct {
	lock.Store
	of, from lock.ID
}

func (s swapped) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	a, err := s.Store.Get(ctx, id)
	if err != nil || id != s.of {
		return a, err
	}
	other, err := s.Store.Get(ctx, s.from)
	a.Secrets = other.Secrets
	return a, err
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// drain returns what was logged since it was called last.
func (l *lines) drain() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}
