package lock_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

var errSealer = errors.New("the key service is out of reach")

// brokenSealer is a key service that is out of reach.
type brokenSealer struct{}

func (brokenSealer) Seal(context.Context, pin.PIN, pin.Binding) (pin.Box, error) {
	return nil, errSealer
}

func (brokenSealer) Open(context.Context, pin.Box, pin.Binding) (pin.PIN, error) {
	return pin.PIN{}, errSealer
}

// TestEscrowFirst is I1: without a sealed PIN there is no action, and so nothing that could be delivered.
func TestEscrowFirst(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Sealer = brokenSealer{} })
	_, err := order(t, f, supplied(t, "739184"))
	require.ErrorIs(t, err, errSealer)
	assert.NotContains(t, err.Error(), "739184")
	requireEmpty(t, f)
	assert.Empty(t, f.Deliver(mac()).ID)
}

func TestOrderThatCannotBeEncoded(t *testing.T) {
	f := newFixture(t)
	f.Codec.Err = errors.New("no such command")
	_, err := order(t, f)
	require.ErrorIs(t, err, f.Codec.Err)
	requireEmpty(t, f)
}

func TestOrderWhenTheStoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		before, after int
		fails         bool
		stored        int
	}{
		"once, before the commit":       {1, 0, false, 1},
		"once, after the commit":        {0, 1, false, 1},
		"before and after":              {1, 1, false, 1},
		"for good, before the commit":   {locktest.Forever, 0, true, 0},
		"for good, answers get lost":    {0, locktest.Forever, true, 1},
		"three times, answers get lost": {0, 3, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Store.FailBefore(c.before)
			f.Store.FailAfter(c.after)
			a, err := order(t, f, withKey("k"))
			if c.fails {
				require.ErrorIs(t, err, locktest.ErrFault)
			} else {
				require.NoError(t, err)
				assert.False(t, a.Joined)
			}
			stored, err := f.Store.List(t.Context(), lock.Filter{})
			require.NoError(t, err)
			require.Len(t, stored, c.stored)

			f.Store.FailBefore(0)
			f.Store.FailAfter(0)
			again := f.Lock(mac(), withKey("k"))
			assert.Equal(t, c.stored == 1, again.Joined, "repeating with the key finds the action that was stored, if one was")
			all, err := f.Store.List(t.Context(), lock.Filter{})
			require.NoError(t, err)
			require.Len(t, all, 1)
			assert.Equal(t, []lock.EventType{lock.EventOrdered}, typesOf(eventsOf(t, f, again.ID)))
			assert.Equal(t, f.PIN(again.ID), f.Deliver(mac()).PIN)
		})
	}
}

func TestOrderGivesUpWithItsContext(t *testing.T) {
	f := newFixture(t)
	f.Store.FailBefore(locktest.Forever)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := f.Service.Lock(ctx, locktest.Admin(), lock.Request{Device: mac()})
	require.ErrorIs(t, err, context.Canceled)
	requireEmpty(t, f)
}

// personalActs are all acts of a person, on an action that is there.
func personalActs() map[lock.Verb]func(context.Context, *locktest.Fixture, lock.ID) error {
	admin := locktest.Admin()
	return map[lock.Verb]func(context.Context, *locktest.Fixture, lock.ID) error{
		lock.VerbLock: func(ctx context.Context, f *locktest.Fixture, _ lock.ID) error {
			_, err := f.Service.Lock(ctx, admin, lock.Request{Device: mac()})
			return err
		},
		lock.VerbCancel: func(ctx context.Context, f *locktest.Fixture, id lock.ID) error {
			_, err := f.Service.Cancel(ctx, admin, id, "by mistake")
			return err
		},
		lock.VerbReveal: func(ctx context.Context, f *locktest.Fixture, id lock.ID) error {
			code, err := f.Service.Reveal(ctx, admin, id, "owner verified", "")
			if !code.IsZero() {
				return errors.New("a PIN came with the error")
			}
			return err
		},
		lock.VerbView: func(ctx context.Context, f *locktest.Fixture, _ lock.ID) error {
			_, err := f.Service.Candidates(ctx, admin, mac())
			return err
		},
		lock.VerbAudit: func(ctx context.Context, f *locktest.Fixture, _ lock.ID) error {
			_, err := f.Service.Events(ctx, admin, lock.EventFilter{Scope: "acme"})
			return err
		},
	}
}

func TestDeniedIsRecordedAndNothingElse(t *testing.T) {
	for verb, act := range personalActs() {
		t.Run(string(verb), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Rights.Deny(verb)
			err := act(t.Context(), f, a.ID)
			require.ErrorIs(t, err, lock.ErrDenied)
			require.ErrorContains(t, err, "ada has no right to "+string(verb))
			notices := noticesOf(t, f)
			require.Equal(t, []lock.EventType{lock.EventDenied}, typesOf(notices))
			assert.Equal(t, locktest.Admin(), notices[0].Actor)
			assert.Equal(t, "ada has no right to "+string(verb), notices[0].Reason)
			assert.Equal(t, string(verb), notices[0].Facts["verb"])
			assert.Equal(t, "acme", notices[0].Scope)
			assert.Len(t, eventsOf(t, f, a.ID), 1, "the action is as it was")
		})
	}
}

func TestWithoutAuthorizerNobodyMay(t *testing.T) {
	for verb, act := range personalActs() {
		t.Run(string(verb), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			closed := locktest.New(t, f.Store, func(c *lock.Config) { c.Authorize = nil })
			require.ErrorIs(t, act(t.Context(), closed, a.ID), lock.ErrDenied)
			require.Equal(t, []lock.EventType{lock.EventDenied}, typesOf(noticesOf(t, f)))
		})
	}
}

func TestDenialThatCannotBeRecordedStillDenies(t *testing.T) {
	for verb, act := range personalActs() {
		t.Run(string(verb), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			f.Rights.Deny(verb)
			f.Store.FailBefore(locktest.Forever)
			err := act(t.Context(), f, a.ID)
			require.ErrorIs(t, err, lock.ErrDenied)
			require.ErrorIs(t, err, locktest.ErrFault)
		})
	}
}
