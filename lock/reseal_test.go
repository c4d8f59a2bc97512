package lock_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// rotated is the same ledger in a process whose active key is "new"; edits may change its sealer.
func rotated(t *testing.T, f *locktest.Fixture, edits ...func(*lock.Config)) *locktest.Fixture {
	t.Helper()
	edits = append([]func(*lock.Config){func(c *lock.Config) { c.Sealer = locktest.Keyring("new", "test") }}, edits...)
	return locktest.New(t, f.Store, edits...)
}

func reseal(t *testing.T, f *locktest.Fixture) (int, error) {
	t.Helper()
	return f.Service.Reseal(t.Context(), locktest.Admin(), "test")
}

func sealedBy(t *testing.T, f *locktest.Fixture, key string) int {
	t.Helper()
	counts, err := f.Service.Sealed(t.Context(), locktest.Admin())
	require.NoError(t, err)
	return counts[key]
}

// sealMany fills the ledger with locks of n devices and returns their PINs.
func sealMany(t *testing.T, f *locktest.Fixture, n int) map[lock.ID]string {
	t.Helper()
	pins := map[lock.ID]string{}
	for i := range n {
		d := locktest.Device(fmt.Sprint("mac-", i))
		a := f.Lock(d)
		pins[a.ID] = f.Deliver(d).PIN
	}
	return pins
}

// requireAll expects every PIN to be there, with the new key alone.
func requireAll(t *testing.T, f *locktest.Fixture, pins map[lock.ID]string) {
	t.Helper()
	alone := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("new") })
	for id, code := range pins {
		require.Equal(t, code, alone.PIN(id))
		requireReplay(t, f.Store, id)
	}
}

func TestReseal(t *testing.T) {
	f := newFixture(t)
	pins := sealMany(t, f, 520) // more than one batch
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", parsed(t, "a token")))
	r := rotated(t, f)
	require.Equal(t, 521, sealedBy(t, r, "test"))
	done, err := reseal(t, r)
	require.NoError(t, err)
	assert.Equal(t, 521, done)
	assert.Zero(t, sealedBy(t, r, "test"))
	assert.Equal(t, 521, sealedBy(t, r, "new"))
	requireAll(t, f, pins)
	token, err := r.Service.Escrowed(t.Context(), mac(), "unlock-token")
	require.NoError(t, err)
	assert.Equal(t, "a token", token.Expose())

	again, err := reseal(t, r)
	require.NoError(t, err)
	assert.Zero(t, again)
}

func TestResealIsRecorded(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	before, err := f.Store.Get(t.Context(), a.ID)
	require.NoError(t, err)
	_, err = reseal(t, rotated(t, f))
	require.NoError(t, err)
	e := eventsOf(t, f, a.ID)[1]
	assert.Equal(t, lock.EventResealed, e.Type)
	assert.Equal(t, locktest.Admin(), e.Actor)
	assert.Equal(t, "test", e.Facts["from_key"])
	require.Len(t, e.Secrets, 1)
	assert.Equal(t, "new", e.Secrets[0].KeyID)
	assert.NotEqual(t, before.Secrets[0].SHA256, e.Secrets[0].SHA256)
	assert.Equal(t, before.State, f.Get(a.ID).State)
}

// TestResealGoesOnAfterACrash: a process that dies in a commit, before or after it was stored, leaves nothing half done.
func TestResealGoesOnAfterACrash(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*locktest.Faulty, int)
		left int
	}{
		"before it was stored": {(*locktest.Faulty).FailBefore, 120}, "after it was stored": {(*locktest.Faulty).FailAfter, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			pins := sealMany(t, f, 620)
			r := rotated(t, f)
			gate := &closing{Store: f.Store, after: 1, close: func() { c.fail(f.Store, locktest.Forever) }}
			dying := rotated(t, f, func(c *lock.Config) { c.Store = gate })
			done, err := reseal(t, dying)
			require.ErrorIs(t, err, locktest.ErrFault)
			require.Equal(t, 500, done, "one batch was known to be done")
			c.fail(f.Store, 0)
			require.Equal(t, c.left, sealedBy(t, r, "test"))
			done, err = reseal(t, r)
			require.NoError(t, err)
			assert.Equal(t, c.left, done)
			requireAll(t, f, pins)
		})
	}
}

// closing calls close after so many commits.
type closing struct {
	lock.Store
	after int
	close func()
}

func (c *closing) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	defer func() {
		if c.after--; c.after == 0 {
			c.close()
		}
	}()
	return c.Store.Commit(ctx, changes)
}

// TestResealWhileOrdersGoOn has a process that knows the new key and still seals with the old one, and moves what is being sealed anew.
func TestResealWhileOrdersGoOn(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Sealer = locktest.Keyring("test", "new") })
	pins := sealMany(t, f, 200)
	r := rotated(t, f)
	stop := make(chan struct{})
	work := make(chan worked, 3)
	for w := range cap(work) {
		go func() { work <- keepWorking(t.Context(), f.Service, w, stop) }()
	}
	first, err := reseal(t, r)
	close(stop)
	for range cap(work) {
		w := <-work
		require.NoError(t, w.err)
		maps.Copy(pins, w.pins)
	}
	require.NoError(t, err)
	require.GreaterOrEqual(t, first, 200)
	last, err := reseal(t, r) // what was sealed with the old key since
	require.NoError(t, err)
	assert.Equal(t, len(pins), first+last)
	assert.Zero(t, sealedBy(t, r, "test"))
	requireAll(t, f, pins)
}

type worked struct {
	pins map[lock.ID]string
	err  error
}

// keepWorking orders and delivers new locks, and delivers those that are being sealed anew.
func keepWorking(ctx context.Context, svc *lock.Service, worker int, stop <-chan struct{}) worked {
	w := worked{pins: map[lock.ID]string{}}
	for i := range 200 {
		select {
		case <-stop:
			return w
		default:
		}
		d := locktest.Device(fmt.Sprintf("new-%d-%d", worker, i))
		a, err := svc.Lock(ctx, locktest.Admin(), lock.Request{Device: d})
		var sent locktest.Command
		if err == nil {
			var cmd lock.Command
			cmd, err = svc.Next(ctx, d)
			err = cmp.Or(err, json.Unmarshal(cmd.Body, &sent))
		}
		if err == nil {
			_, err = svc.Next(ctx, locktest.Device(fmt.Sprint("mac-", i)))
		}
		if err != nil {
			return worked{err: err}
		}
		w.pins[a.ID] = sent.PIN
	}
	return w
}

// TestResealPassesOverWhatDoesNotOpen and says so; all else is done.
func TestResealPassesOverWhatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	pins := sealMany(t, f, 20)
	broken := f.Lock(locktest.Device("broken"))
	r := rotated(t, f, func(c *lock.Config) { c.Sealer = blind{c.Sealer, string(broken.ID), pin.ErrOpen} })
	done, err := reseal(t, r)
	require.ErrorIs(t, err, lock.ErrSealed)
	assert.Contains(t, err.Error(), "1 secrets stay under key test")
	assert.Contains(t, err.Error(), string(broken.ID))
	assert.Equal(t, 20, done)
	assert.Equal(t, 1, sealedBy(t, r, "test"), "it stays")
	requireAll(t, f, pins)
}

// TestResealGoesPastAPageThatDoesNotOpen: what is behind it is done.
func TestResealGoesPastAPageThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	first := f.Lock(locktest.Device("first"))
	code := opened(t, get(t, f, first.ID))
	f.Clock.Advance(time.Second)
	for i := range 501 {
		f.Lock(locktest.Device(fmt.Sprint("mac-", i)))
	}
	r := rotated(t, f, func(c *lock.Config) { c.Sealer = only{c.Sealer, string(first.ID)} })
	done, err := reseal(t, r)
	require.ErrorContains(t, err, "501 secrets stay under key test")
	assert.Equal(t, 1, done)
	requireAll(t, f, map[lock.ID]string{first.ID: code})
}

func get(t *testing.T, f *locktest.Fixture, id lock.ID) lock.Action {
	t.Helper()
	a, err := f.Store.Get(t.Context(), id)
	require.NoError(t, err)
	return a
}

// only is a sealer that opens what belongs to one action.
type only struct {
	pin.Sealer
	action string
}

func (s only) Open(ctx context.Context, box pin.Box, to pin.Binding) (pin.PIN, error) {
	if s.action != to.Action {
		return pin.PIN{}, pin.ErrOpen
	}
	return s.Sealer.Open(ctx, box, to)
}

// blind is a sealer that fails to open what belongs to one action, or to any.
type blind struct {
	pin.Sealer
	action string
	err    error
}

func (b blind) Open(ctx context.Context, box pin.Box, to pin.Binding) (pin.PIN, error) {
	if b.action == "" || b.action == to.Action {
		return pin.PIN{}, b.err
	}
	return b.Sealer.Open(ctx, box, to)
}

func TestResealStopsWhenTheSealerDoesNotAnswer(t *testing.T) {
	f := newFixture(t)
	sealMany(t, f, 20)
	down := errors.New("the key service does not answer")
	done, err := reseal(t, rotated(t, f, func(c *lock.Config) { c.Sealer = blind{c.Sealer, "", down} }))
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, lock.ErrSealed, "nothing is wrong with the boxes")
	assert.Zero(t, done)
}

// forgetful is a sealer that seals something else.
type forgetful struct {
	pin.Sealer
	other pin.PIN
}

func (s forgetful) Seal(ctx context.Context, _ pin.PIN, b pin.Binding) (pin.Box, error) {
	return s.Sealer.Seal(ctx, s.other, b)
}

func TestResealComparesBeforeItReplaces(t *testing.T) {
	f := newFixture(t)
	pins := sealMany(t, f, 3)
	done, err := reseal(t, rotated(t, f, func(c *lock.Config) { c.Sealer = forgetful{c.Sealer, parsed(t, "739184")} }))
	require.ErrorContains(t, err, "the old one stays")
	assert.Zero(t, done)
	for id, code := range pins {
		require.Equal(t, code, f.PIN(id))
	}
}

func TestResealOfTheActiveKeyIsRefused(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	_, err := reseal(t, f)
	require.Equal(t, "key", inputField(err))
	require.Len(t, eventsOf(t, f, a.ID), 1)
}

func TestResealNeedsARight(t *testing.T) {
	f := newFixture(t)
	f.Lock(mac())
	r := rotated(t, f)
	r.Rights.Deny(lock.VerbReseal)
	_, err := reseal(t, r)
	require.ErrorIs(t, err, lock.ErrDenied)
	_, err = r.Service.Sealed(t.Context(), locktest.Admin())
	require.ErrorIs(t, err, lock.ErrDenied)
	require.Len(t, noticesOf(t, f), 2)
	_, err = locktest.New(t, store.NewMemory()).Service.Reseal(t.Context(), locktest.Admin(), "")
	require.Equal(t, "key", inputField(err))
}
