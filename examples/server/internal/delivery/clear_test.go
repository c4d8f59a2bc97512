package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// inClear is the policy that the passcode itself is in the mail.
func inClear(c *delivery.Config) { c.Mode = delivery.PasscodeClear }

func TestMailInClear(t *testing.T) {
	b := newBench(t, inClear)
	a := b.done("a")
	b.order(a, "", userMail)
	b.post.rcpt = func(string) error {
		assert.Len(t, b.reveals(a), 1, "on record before it leaves")
		return nil
	}
	b.work()
	b.post.say(func(p *post) { p.rcpt = nil })
	mails := b.post.taken()
	require.Len(t, mails, 1)
	_, body := read(t, mails[0])
	assert.NotContains(t, body, "/collect/")
	reveals := b.reveals(a)
	require.Len(t, reveals, 1)
	assert.Equal(t, locktest.Admin(), reveals[0].Actor)
	assert.Equal(t, "Passcode for the device's user, mailed in clear: "+userMail, reveals[0].Reason)
	assert.Contains(t, body, b.PIN(a.ID))
	assert.Equal(t, delivery.Sent, b.only(a).State)
	assert.True(t, b.only(a).Expires.IsZero())
}

// TestNothingIsRevealedToNobody: without a mail server that takes mail there is nobody to disclose to.
func TestNothingIsRevealedToNobody(t *testing.T) {
	b := newBench(t, inClear, func(c *delivery.Config) { c.Mail.Port = 1 })
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	assert.Equal(t, "The mail server cannot be reached.", b.only(a).Cause)
	assert.Empty(t, b.reveals(a))
}

func TestMailInClearWaitsForASecondPerson(t *testing.T) {
	b := newBenchWith(t, newPost(t, false, false), func(c *lock.Config) {
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbReveal }
	}, inClear)
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Empty(t, b.post.taken())
	assert.Contains(t, b.only(a).Cause, "second person")
	waiting, err := b.Service.Requests(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	_, err = b.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "fine")
	require.NoError(t, err)
	b.Clock.Advance(time.Minute)
	b.work()
	assert.Len(t, b.post.taken(), 1)
	assert.Equal(t, delivery.Sent, b.only(a).State)
}

func TestMailInClearOfSomebodyWhoMayNoMore(t *testing.T) {
	b := newBench(t, inClear)
	a := b.done("a")
	b.order(a, "", userMail)
	b.Rights.Deny(lock.VerbReveal)
	b.work()
	assert.Empty(t, b.post.taken())
	assert.Equal(t, delivery.Failed, b.only(a).State)
	assert.Equal(t, "Who ordered this mail may not reveal the passcode.", b.only(a).Cause)
}

// TestPasscodeInTheAddress: a reason is kept in clear, so it is left out there; the mail goes out all the same.
func TestPasscodeInTheAddress(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, "", "grace"+b.PIN(a.ID)+"@example.org")
	b.work()
	_, _, err := b.d.Collect(t.Context(), b.token("grace"+b.PIN(a.ID)+"@example.org"), stranger())
	require.NoError(t, err)
	reveals := b.reveals(a)
	assert.Equal(t, "Passcode for the device's user, by the one-time link that was mailed", reveals[len(reveals)-1].Reason)
}
