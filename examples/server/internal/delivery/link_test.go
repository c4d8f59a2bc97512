package delivery_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestLinkWorksOnce(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	for range 5 { // scanners of mail servers
		l, err := b.d.Look(t.Context(), token, stranger())
		require.NoError(t, err)
		assert.Equal(t, "Mac of a", l.Device.Name)
	}
	assert.Empty(t, b.reveals(a), "to look gives nothing away")
	var running sync.WaitGroup
	codes, errs := make(chan string, 8), make(chan error, 8)
	for range 8 {
		running.Go(func() {
			_, code, err := b.d.Collect(t.Context(), token, stranger())
			if err == nil {
				codes <- code.Expose()
			}
			errs <- err
		})
	}
	running.Wait()
	close(codes)
	close(errs)
	assert.Len(t, codes, 1)
	code := <-codes
	for err := range errs {
		if err != nil {
			require.ErrorIs(t, err, delivery.ErrDead)
		}
	}
	reveals := b.reveals(a)
	require.Len(t, reveals, 1)
	assert.Equal(t, locktest.Admin().ID, reveals[0].Actor.ID, "with the rights of whoever ordered it")
	assert.Equal(t, stranger().Address, reveals[0].Actor.Address, "from where it was opened")
	assert.Equal(t, "Passcode for the device's user, by the one-time link that was mailed: "+userMail, reveals[0].Reason)
	assert.Equal(t, b.PIN(a.ID), code)
	one := b.only(a)
	assert.Equal(t, delivery.Opened, one.State)
	assert.Equal(t, b.Clock.Now().UTC().Truncate(time.Microsecond), one.Opened)
	_, err := b.d.Look(t.Context(), token, stranger())
	require.ErrorIs(t, err, delivery.ErrDead)
}

func TestLinkIsDead(t *testing.T) {
	for name, end := range map[string]func(b *bench, a lock.Action){
		"too old": func(b *bench, _ lock.Action) { b.Clock.Advance(24 * time.Hour) },
		"the passcode was changed again": func(b *bench, _ lock.Action) {
			b.Clock.Advance(time.Second)
			b.done("a")
		},
		"the device enrolled anew": func(b *bench, a lock.Action) { b.anew(a.Device) },
		"the passcode was removed": func(b *bench, a lock.Action) {
			b.Clock.Advance(time.Second)
			clearing, err := b.Service.ClearPasscode(b.t.Context(), locktest.Admin(), lock.Request{Device: a.Device, Reason: "sold"})
			require.NoError(b.t, err)
			b.Deliver(a.Device)
			b.Answer(clearing, lock.Acknowledged)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a, token := b.mailed("a")
			end(b, a)
			_, err := b.d.Look(t.Context(), token, stranger())
			require.ErrorIs(t, err, delivery.ErrDead)
			_, _, err = b.d.Collect(t.Context(), token, stranger())
			require.ErrorIs(t, err, delivery.ErrDead)
			assert.Empty(t, b.reveals(a))
		})
	}
}

func TestLinkLivesToItsLastSecond(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	b.Clock.Advance(24*time.Hour - time.Second)
	_, _, err := b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
	assert.Len(t, b.reveals(a), 1)
}

func TestExpiredLinkIsSaidToBe(t *testing.T) {
	b := newBench(t)
	a, _ := b.mailed("a")
	b.Clock.Advance(24 * time.Hour)
	assert.Equal(t, delivery.Expired, b.only(a).State)
}

func TestUnknownLink(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	for name, other := range map[string]string{
		"empty": "", "longer": token + "a", "shorter": token[1:], "in capitals": "A" + token[1:], "the hash": string(delivery.HashOf(token)),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := b.d.Collect(t.Context(), other, lock.Actor{Address: "203.0.113." + name})
			require.ErrorIs(t, err, delivery.ErrDead)
		})
	}
	assert.Empty(t, b.reveals(a))
}

func TestLinkIsGivenBack(t *testing.T) {
	second := func(c *lock.Config) {
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbReveal }
	}
	b := newBenchWith(t, newPost(t, false, false), second)
	a, token := b.mailed("a")
	for range 12 { // none is a guess
		_, _, err := b.d.Collect(t.Context(), token, stranger())
		require.ErrorIs(t, err, lock.ErrPending)
		assert.Equal(t, delivery.Sent, b.only(a).State)
	}
	waiting, err := b.Service.Requests(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Len(t, waiting, 1, "one request, however often it is opened")
	_, err = b.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "fine")
	require.NoError(t, err)
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.ErrorIs(t, err, delivery.ErrDead)
	assert.Len(t, b.reveals(a), 1)
}

// TestLinkOfSomebodyWhoMayNoMore: rights are asked for when the link is opened, once: who opens it might fill the ledger with denials.
func TestLinkOfSomebodyWhoMayNoMore(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	b.Rights.DenyTo(locktest.Admin().ID, lock.VerbReveal)
	_, _, err := b.d.Collect(t.Context(), token, stranger())
	require.ErrorIs(t, err, lock.ErrDenied)
	for i := range 29 {
		want := error(delivery.ErrDead)
		if i >= 9 {
			want = account.ErrTooOften
		}
		_, _, err = b.d.Collect(t.Context(), token, stranger())
		require.ErrorIs(t, err, want, "after %d tries", i+1)
	}
	assert.Equal(t, 1, b.denials())
	b.Rights.Allow(lock.VerbReveal)
	assert.Empty(t, b.reveals(a))
	one := b.only(a)
	assert.Equal(t, delivery.Failed, one.State)
	assert.Equal(t, "Who ordered this mail may not reveal the passcode.", one.Cause)
	assert.Zero(t, one.Opened)
	b.order(a, "", userMail)
	b.work()
	_, _, err = b.d.Collect(t.Context(), b.token(userMail), stranger())
	require.NoError(t, err, "who may again can order another one")
}

// denials is how many are on record.
func (b *bench) denials() int {
	b.t.Helper()
	if feed, ok := b.db.Ledger.(interface {
		Sequence(ctx context.Context) (more bool, err error)
	}); ok {
		_, err := feed.Sequence(b.t.Context())
		require.NoError(b.t, err)
	}
	denied, err := b.db.Ledger.Events(b.t.Context(), lock.EventFilter{Types: []lock.EventType{lock.EventDenied}})
	require.NoError(b.t, err)
	return len(denied)
}

// TestUseOfADeadLinkIsATry, unlike a look at it, as at a page that is still open.
func TestUseOfADeadLinkIsATry(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	_, _, err := b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
	for range 10 {
		_, _, err = b.d.Collect(t.Context(), token, stranger())
		require.ErrorIs(t, err, delivery.ErrDead)
	}
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.ErrorIs(t, err, account.ErrTooOften)
	assert.Len(t, b.reveals(a), 1)
}

// TestLedgerIsDown: what could not be recorded was not given, and the link is as it was.
func TestLedgerIsDown(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	b.Store.FailBefore(3) // each of the times it is tried
	_, _, err := b.d.Collect(t.Context(), token, stranger())
	require.Error(t, err)
	require.NotErrorIs(t, err, delivery.ErrDead)
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
	assert.Len(t, b.reveals(a), 1)
}

// hangUp is a service whose caller is gone as it begins to reveal.
type hangUp struct {
	delivery.Service
	now func()
}

// Reveal is lock.Service's, too late.
func (h hangUp) Reveal(ctx context.Context, a lock.Actor, id lock.ID, reason, ticket string) (pin.PIN, error) {
	h.now()
	return h.Service.Reveal(ctx, a, id, reason, ticket)
}

func TestCallerHangsUp(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	ctx, now := context.WithCancel(t.Context())
	b.cfg.Service = hangUp{b.Service, now}
	_, _, err := b.another().Collect(ctx, token, stranger())
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, b.reveals(a))
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
}

func TestWhoOpensALink(t *testing.T) {
	other := lock.Actor{ID: "eve", Name: "Eve", Address: "203.0.113.9"}
	ada := lock.Actor{ID: locktest.Admin().ID, Name: "Ada", Address: "203.0.113.10"}
	for _, c := range []struct {
		name    string
		to      delivery.Recipient
		signIn  bool
		opener  lock.Actor
		err     error
		reveals string // who is on record
	}{
		{"user, nobody", delivery.ToUser, false, stranger(), nil, ada.ID},
		{"user, somebody", delivery.ToUser, false, other, nil, ada.ID},
		{"user with a policy, nobody", delivery.ToUser, true, stranger(), delivery.ErrSignIn, ""},
		{"user with a policy, somebody", delivery.ToUser, true, other, nil, other.ID},
		{"admin, nobody", delivery.ToAdmin, false, stranger(), delivery.ErrSignIn, ""},
		{"admin, somebody else", delivery.ToAdmin, false, other, delivery.ErrOther, ""},
		{"admin with a policy, somebody else", delivery.ToAdmin, true, other, delivery.ErrOther, ""},
		{"admin, who ordered it", delivery.ToAdmin, false, ada, nil, ada.ID},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, func(cfg *delivery.Config) { cfg.SignIn = c.signIn })
			a := b.done("a")
			if c.to == delivery.ToAdmin {
				b.order(a, userMail, "")
			} else {
				b.order(a, "", userMail)
			}
			b.work()
			_, looked := b.d.Look(t.Context(), b.token(userMail), c.opener)
			_, _, err := b.d.Collect(t.Context(), b.token(userMail), c.opener)
			require.ErrorIs(t, err, c.err)
			require.ErrorIs(t, looked, c.err)
			reveals := b.reveals(a)
			if c.err != nil {
				assert.Empty(t, reveals)
				assert.Equal(t, delivery.Sent, b.only(a).State, "the link is as it was")
				return
			}
			require.Len(t, reveals, 1)
			assert.Equal(t, c.reveals, reveals[0].Actor.ID)
			assert.Equal(t, c.opener.Address, reveals[0].Actor.Address)
		})
	}
}

// TestSignedInWithoutTheRight: with the policy an account opens a link by its own right.
func TestSignedInWithoutTheRight(t *testing.T) {
	b := newBench(t, func(c *delivery.Config) { c.SignIn = true })
	a, token := b.mailed("a")
	b.Rights.DenyTo("eve", lock.VerbReveal)
	l, err := b.d.Look(t.Context(), token, lock.Actor{ID: "eve"})
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Empty(t, l.Device, "the page does not say whose passcode it is")
	_, _, err = b.d.Collect(t.Context(), token, lock.Actor{ID: "eve"})
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Empty(t, b.reveals(a))
	_, _, err = b.d.Collect(t.Context(), token, locktest.Second())
	require.NoError(t, err, "it still works for who may")
}

func TestGuessesAreLimited(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	for range 30 {
		_, err := b.d.Look(t.Context(), token, stranger())
		require.NoError(t, err, "a link that works is no guess")
	}
	for i := range 12 {
		want := error(delivery.ErrDead)
		if i >= 10 {
			want = account.ErrTooOften
		}
		_, err := b.d.Look(t.Context(), "guess", stranger())
		require.ErrorIs(t, err, want)
	}
	_, _, err := b.d.Collect(t.Context(), "guess", stranger())
	require.ErrorIs(t, err, account.ErrTooOften)
	_, _, err = b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err, "whoever shares the address with one who guesses opens theirs")
	assert.Len(t, b.reveals(a), 1)
	_, err = b.d.Look(t.Context(), token, stranger())
	require.ErrorIs(t, err, delivery.ErrDead, "nor is one that worked")
	_, err = b.d.Look(t.Context(), "guess", lock.Actor{Address: "198.51.100.5"})
	require.ErrorIs(t, err, delivery.ErrDead, "other addresses go on")
	b.Clock.Advance(time.Minute)
	_, err = b.d.Look(t.Context(), "guess", stranger())
	require.ErrorIs(t, err, delivery.ErrDead)
}
