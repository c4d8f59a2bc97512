package delivery_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// TestServerDiesWhileItSends: nobody else sends before the lease is over.
func TestServerDiesWhileItSends(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, "", userMail)
	ctx, die := context.WithCancel(t.Context())
	var met error
	b.post.rcpt = func(string) error {
		// What a dead server leaves is a claim: the other one meets it here.
		met = b.another().Work(context.WithoutCancel(ctx))
		die()
		return refusal(451, "too late")
	}
	_ = b.d.Work(ctx)
	require.NoError(t, met)
	assert.Empty(t, b.post.taken())
	assert.Equal(t, 1, b.only(a).Attempts)
	b.post.say(func(p *post) { p.rcpt = nil })
	b.work()
	assert.Len(t, b.post.taken(), 1, "one that was stopped says so at once, and the next one need not wait")
}

// TestOtherServersClock: the clock of the other server is ahead, and the attempt takes as long as it may.
func TestOtherServersClock(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, "", userMail)
	cfg := b.cfg
	cfg.Now = func() time.Time { return b.Clock.Now().Add(2*time.Minute - time.Second) }
	ahead, err := delivery.New(cfg)
	require.NoError(t, err)
	var met error
	b.post.rcpt = func(string) error {
		b.Clock.Advance(3 * timeLimit)
		met = ahead.Work(context.WithoutCancel(t.Context()))
		return nil
	}
	b.work()
	require.NoError(t, met)
	assert.Equal(t, 1, b.only(a).Attempts)
	assert.Len(t, b.post.taken(), 1)
}

func TestPausesGrow(t *testing.T) {
	b := newBench(t)
	b.post.rcpt = func(string) error { return refusal(451, "try later") }
	a := b.done("a")
	b.order(a, "", userMail)
	for _, pause := range []time.Duration{
		10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour,
	} {
		b.work()
		assert.Equal(t, pause, b.only(a).Next.Sub(b.Clock.Now().Truncate(time.Microsecond)))
		b.Clock.Advance(pause)
	}
}

// TestDayOfTheMailServer begins with the first attempt, however long ago the mail was ordered.
func TestDayOfTheMailServer(t *testing.T) {
	b := newBench(t)
	b.post.rcpt = func(string) error { return refusal(451, "try later") }
	a := b.done("a")
	b.order(a, "", userMail)
	b.Clock.Advance(25 * time.Hour)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	b.Clock.Advance(23 * time.Hour)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	b.Clock.Advance(time.Hour)
	b.work()
	assert.Equal(t, delivery.Failed, b.only(a).State)
}

// secondReveals needs a second person for reveals, for whom they wait three days.
func secondReveals(c *lock.Config) {
	c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbReveal }
	c.Patience = 72 * time.Hour
}

// TestSecondPersonTakesTheirTime: it is not the mail server's.
func TestSecondPersonTakesTheirTime(t *testing.T) {
	b := newBenchWith(t, newPost(t, false, false), secondReveals, inClear)
	a := b.done("a")
	b.order(a, "", userMail)
	for range 30 {
		b.work()
		assert.Equal(t, time.Minute, b.only(a).Next.Sub(b.Clock.Now().Truncate(time.Microsecond)), "approved, it goes out soon")
		b.Clock.Advance(time.Hour)
	}
	waiting, err := b.Service.Requests(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	_, err = b.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "fine")
	require.NoError(t, err)
	b.post.say(func(p *post) { p.from = func() error { return refusal(451, "try later") } })
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State, "the first that the mail server says")
	assert.Contains(t, b.only(a).Cause, "mail server")
}

func TestSecondPersonNeverComes(t *testing.T) {
	b := newBenchWith(t, newPost(t, false, false), secondReveals, inClear)
	a := b.done("a")
	b.order(a, "", userMail)
	began := b.Clock.Now()
	for b.only(a).State == delivery.Waiting {
		b.work()
		b.Clock.Advance(time.Hour)
		require.Less(t, b.Clock.Now().Sub(began), 8*24*time.Hour)
	}
	assert.Equal(t, delivery.Failed, b.only(a).State)
	assert.Contains(t, b.only(a).Cause, "second person")
	assert.Greater(t, b.Clock.Now().Sub(began), 7*24*time.Hour)
}

// TestLogSaysWhatIsNew: an operator hears of a failure at once, and not again with every attempt.
func TestLogSaysWhatIsNew(t *testing.T) {
	b := newBench(t)
	b.post.rcpt = func(string) error { return refusal(451, "try later") }
	a := b.done("a")
	b.order(a, "", userMail)
	attempt := func() int {
		b.work()
		b.Clock.Advance(time.Hour)
		return strings.Count(b.log.String(), "level=WARN")
	}
	assert.Equal(t, 1, attempt())
	assert.Contains(t, b.log.String(), "(451)")
	assert.Equal(t, 1, attempt())
	b.post.say(func(p *post) { p.from = func() error { return refusal(550, "not yours") } })
	assert.Equal(t, 2, attempt())
	assert.Contains(t, b.log.String(), "check -mail-from")
	for _, secret := range []string{b.PIN(a.ID), userMail, "try later", "/collect/"} {
		assert.NotContains(t, b.log.String(), secret)
	}
}

// TestKickWritesNothing: one comes with every report of every device.
func TestKickWritesNothing(t *testing.T) {
	b := newBench(t)
	waits, fails := b.reset("a"), b.done("b")
	b.post.rcpt = func(string) error { return refusal(451, "try later") }
	b.order(waits, "", userMail)
	b.order(fails, "", adminMail)
	b.work()
	b.post.say(func(p *post) { p.rcpt = nil })
	before := b.table()
	for range 3 {
		require.NoError(t, b.d.WorkKicked(t.Context()))
	}
	assert.Equal(t, before, b.table())
	assert.Empty(t, b.post.taken(), "what failed keeps its pause")
	b.Deliver(waits.Device)
	b.Answer(waits, lock.Acknowledged)
	require.NoError(t, b.d.WorkKicked(t.Context()))
	assert.Len(t, b.post.taken(), 1)
}

// down is a ledger that cannot be read.
type down struct{ delivery.Ledger }

// Get fails.
func (down) Get(context.Context, lock.ID) (lock.Action, error) {
	return lock.Action{}, errors.New("down")
}

func TestLedgerCannotBeRead(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, "", userMail)
	b.cfg.Ledger = down{b.db.Ledger}
	require.NoError(t, b.another().Work(t.Context()))
	assert.Equal(t, 5*time.Second, b.only(a).Next.Sub(b.Clock.Now().Truncate(time.Microsecond)), "it rests")
	assert.Contains(t, b.log.String(), "delivery cannot go on now")
	b.Clock.Advance(5 * time.Second)
	b.work()
	assert.Len(t, b.post.taken(), 1)
}

// TestWhatEndedHasNoToken: the link of an attempt that failed for good, or whose passcode is gone, opens nothing.
func TestWhatEndedHasNoToken(t *testing.T) {
	for name, end := range map[string]func(b *bench){
		"failed": func(b *bench) {
			b.post.say(func(p *post) { p.data = nil; p.rcpt = func(string) error { return refusal(550, "no") } })
		},
		"void": func(b *bench) { b.done("a") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.post.data = func(*smtp.Conn) error { return refusal(451, "try later") }
			a := b.done("a")
			b.order(a, "", userMail)
			b.work()
			require.Contains(t, b.table(), string(delivery.HashOf(b.token(userMail))))
			b.Clock.Advance(time.Minute)
			end(b)
			b.work()
			assert.Equal(t, name, string(b.only(a).State))
			assert.Contains(t, b.table(), "token=<nil>")
		})
	}
}

// stubborn is a service that reveals nothing, and says why.
type stubborn struct {
	delivery.Service
	err   error
	calls int
}

// Reveal fails.
func (s *stubborn) Reveal(context.Context, lock.Actor, lock.ID, string, string) (pin.PIN, error) {
	s.calls++
	return pin.PIN{}, s.err
}

// TestOnlyTheReasonIsSaidAgain: for a reason that may have the passcode another one is given, for nothing else.
func TestOnlyTheReasonIsSaidAgain(t *testing.T) {
	for field, calls := range map[string]int{"reason": 2, "ticket": 1} {
		t.Run(field, func(t *testing.T) {
			b := newBench(t)
			_, token := b.mailed("a")
			s := &stubborn{Service: b.Service, err: &lock.InputError{Field: field, Rule: "is not good"}}
			b.cfg.Service = s
			_, _, err := b.another().Collect(t.Context(), token, stranger())
			require.ErrorIs(t, err, s.err)
			assert.Equal(t, calls, s.calls)
		})
	}
}

// TestOldDeliveriesAreForgotten: their rows have addresses of people.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	const day = 24 * time.Hour
	b := newBench(t)
	b.mailed("sent")
	_, token := b.mailed("opened")
	_, _, err := b.d.Collect(t.Context(), token, stranger())
	require.NoError(t, err)
	b.order(b.reset("void"), "", userMail)
	b.post.say(func(p *post) { p.rcpt = func(string) error { return refusal(550, "no") } })
	b.order(b.done("failed"), "", userMail)
	b.Clock.Advance(10 * day) // nobody worked
	b.work()
	waiting := b.done("waiting")
	b.order(waiting, "", userMail)
	rows := func() int {
		require.NoError(t, b.d.Forget(t.Context()))
		return strings.Count(b.table(), "address="+userMail+"\n")
	}
	require.Equal(t, 5, rows())
	b.Clock.Advance(81 * day)
	assert.Equal(t, 5, rows(), "a link ends when it expires")
	b.Clock.Advance(time.Second)
	assert.Equal(t, 3, rows(), "those that were sent")
	b.Clock.Advance(10 * day)
	assert.Equal(t, 1, rows())
	assert.Equal(t, delivery.Waiting, b.only(waiting).State)
}
