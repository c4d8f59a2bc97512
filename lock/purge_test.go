package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// old is a purge of all that nothing happened to for a week.
func old(f *locktest.Fixture, edits ...func(*lock.Purge)) lock.Purge {
	r := lock.Purge{Scope: "acme", Before: f.Clock.Now().Add(-7 * day), Reason: "kept for a week", Apply: true}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func dry(r *lock.Purge) { r.Apply = false }

// purge runs a purge, and returns what became of each action.
func purge(t *testing.T, f *locktest.Fixture, edits ...func(*lock.Purge)) map[lock.ID]string {
	t.Helper()
	judged := map[lock.ID]string{}
	r := old(f, edits...)
	r.Each = func(a lock.Action, v lock.Finding) {
		assert.Empty(t, judged[a.ID], "an action is judged once")
		assert.Equal(t, v.Code == "purged", v.Level == lock.LevelInfo)
		assert.NotEmpty(t, v.Text)
		judged[a.ID] = v.Code
	}
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	want := map[string]int{}
	for _, code := range judged {
		want[code]++
	}
	assert.Equal(t, want, counts)
	return judged
}

func gone(t *testing.T, f *locktest.Fixture, id lock.ID) bool {
	t.Helper()
	secret := get(t, f, id).Secrets[0]
	assert.Equal(t, secret.Purged(), len(secret.Box) == 0)
	return secret.Purged()
}

// released is a lock that went all the way, and ended.
func released(t *testing.T, f *locktest.Fixture, d lock.Device, edits ...func(*lock.Request)) lock.Action {
	t.Helper()
	a := f.Lock(d, edits...)
	require.Equal(t, a.ID, f.Deliver(d).ID)
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	require.NoError(t, f.Service.Seen(t.Context(), d, lock.EvidencePoll))
	require.Equal(t, lock.StateReleased, f.Get(a.ID).State)
	f.Clock.Advance(time.Second)
	return a
}

// life is what a device and its people do with one lock.
type life struct {
	t *testing.T
	f *locktest.Fixture
	a lock.Action
}

func (l life) deliver()                    { require.Equal(l.t, l.a.ID, l.f.Deliver(mac()).ID) }
func (l life) answer(outcome lock.Outcome) { l.f.Answer(l.a, outcome) }
func (l life) cancel()                     { cancel(l.t, l.f, l.a.ID) }
func (l life) say(said lock.Feedback)      { feedback(l.t, l.f, l.a.ID, said) }
func (l life) wait(d time.Duration)        { l.f.Clock.Advance(d) }

func (l life) open(e lock.Evidence) {
	l.wait(time.Hour)
	seen(l.t, l.f, e)
	l.wait(time.Second)
}

// requireJudged purges eight days after the action's life began, and looks what became of it.
func requireJudged(t *testing.T, f *locktest.Fixture, a lock.Action, want string) {
	t.Helper()
	f.Clock.Set(a.Created.Add(8 * day))
	assert.Equal(t, want, purge(t, f, dry)[a.ID])
	assert.False(t, gone(t, f, a.ID), "a dry run purges nothing")
	assert.Equal(t, want, purge(t, f)[a.ID])
	assert.Equal(t, want == "purged", gone(t, f, a.ID))
	requireReplay(t, f.Store, a.ID)
}

func TestPurgeJudgesLocks(t *testing.T) {
	const yes, no, worked, wrong = lock.Acknowledged, lock.Refused, lock.FeedbackWorked, lock.FeedbackWrongPIN
	const poll, anew = lock.EvidencePoll, lock.EvidenceReenrolled
	for name, c := range map[string]struct {
		live func(l life)
		want string
	}{
		"released":               {func(l life) { l.deliver(); l.answer(yes); l.open(poll) }, "purged"},
		"never left":             {func(l life) { l.cancel() }, "purged"},
		"refused":                {func(l life) { l.deliver(); l.answer(no) }, "purged"},
		"re-enrolled":            {func(l life) { l.deliver(); l.answer(yes); l.open(anew) }, "purged"},
		"queued":                 {func(life) {}, "live"},
		"issued":                 {func(l life) { l.deliver() }, "live"},
		"locked":                 {func(l life) { l.deliver(); l.answer(yes) }, "live"},
		"cancelled once issued":  {func(l life) { l.deliver(); l.cancel() }, "may_be_on_device"},
		"and seen open since":    {func(l life) { l.deliver(); l.cancel(); l.open(poll) }, "purged"},
		"and acknowledged then":  {func(l life) { l.deliver(); l.cancel(); l.open(poll); l.answer(yes) }, "may_be_on_device"},
		"revealed since":         {func(l life) { l.cancel(); l.wait(2 * day); l.f.PIN(l.a.ID) }, "too_young"},
		"revealed before":        {func(l life) { l.cancel(); l.wait(day); l.f.PIN(l.a.ID) }, "purged"},
		"refused, and worked":    {func(l life) { l.deliver(); l.answer(no); l.say(worked) }, "pin_in_use"},
		"never left, worked":     {func(l life) { l.cancel(); l.say(worked) }, "pin_in_use"},
		"released, and worked":   {func(l life) { l.deliver(); l.answer(yes); l.open(poll); l.say(worked) }, "purged"},
		"worked, and released":   {func(l life) { l.deliver(); l.answer(yes); l.say(worked); l.open(poll) }, "purged"},
		"wrong, and not open":    {func(l life) { l.deliver(); l.cancel(); l.say(wrong) }, "may_be_on_device"},
		"wiped, by a slow clock": {func(l life) { l.deliver(); l.answer(yes); l.wait(-2 * time.Hour); l.open(anew) }, "may_be_on_device"},
		"late, by a slow clock":  {func(l life) { l.deliver(); l.cancel(); l.open(poll); l.wait(-time.Minute); l.answer(yes) }, "may_be_on_device"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			c.live(life{t, f, a})
			requireJudged(t, f, a, c.want)
		})
	}
}

func TestPurgeJudgesOthers(t *testing.T) {
	t.Run("held", func(t *testing.T) {
		f := newFixture(t)
		requireJudged(t, f, held(t, f), "held")
	})
	t.Run("done, and the device stays open to it", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{Policy: pin.SixDigits()}
		a := f.Lock(mac())
		f.Deliver(mac())
		f.Answer(a, lock.Acknowledged)
		require.Empty(t, f.Get(a.ID).Lane)
		requireJudged(t, f, a, "may_be_on_device")
	})
	t.Run("handed over", func(t *testing.T) {
		f := newFixture(t)
		requireJudged(t, f, handedOver(t, f), "escrow_in_force")
	})
	t.Run("handed over and withdrawn", func(t *testing.T) {
		f := newFixture(t)
		a := handedOver(t, f)
		require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", pin.PIN{}))
		requireJudged(t, f, a, "purged")
	})
	t.Run("without a secret", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{NoPIN: true}
		ended(t, f)
		f.Clock.Advance(8 * day)
		assert.Empty(t, purge(t, f))
	})
}

// TestPurgeOfAPINInUse: the box of an older action with the same PIN stays for as long as that may be on the device.
func TestPurgeOfAPINInUse(t *testing.T) {
	f := newFixture(t)
	a := released(t, f, mac())
	f.Clock.Advance(8 * day)
	b := f.Lock(mac(), keep)
	require.Equal(t, a.ID, b.Kept)
	assert.Equal(t, map[lock.ID]string{a.ID: "pin_in_use", b.ID: "live"}, purge(t, f))
	f.Deliver(mac())
	cancel(t, f, b.ID)
	assert.Equal(t, map[lock.ID]string{a.ID: "pin_in_use", b.ID: "may_be_on_device"}, purge(t, f))
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, map[lock.ID]string{a.ID: "purged", b.ID: "too_young"}, purge(t, f))
	assert.Equal(t, f.PIN(b.ID), opened(t, get(t, f, b.ID)), "each has a box of its own")
}

// TestPurgeOfTheLastConfirmed: as long as the device may be locked by another, what it had for certain stays.
func TestPurgeOfTheLastConfirmed(t *testing.T) {
	f := newFixture(t)
	first, last := released(t, f, mac()), released(t, f, mac())
	unsure := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, unsure.ID)
	f.Clock.Advance(8 * day)
	assert.Equal(t, map[lock.ID]string{first.ID: "purged", last.ID: "last_confirmed", unsure.ID: "may_be_on_device"}, purge(t, f))
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, map[lock.ID]string{first.ID: "already_purged", last.ID: "purged", unsure.ID: "too_young"}, purge(t, f))
}

func TestPurgeIsRecorded(t *testing.T) {
	f := newFixture(t)
	a, b := released(t, f, mac()), f.Lock(locktest.Device("mac-2"))
	f.Clock.Advance(8 * day)
	before := len(noticesOf(t, f))
	purge(t, f, dry)
	require.Len(t, noticesOf(t, f), before, "a dry run leaves no trace")
	purge(t, f, func(r *lock.Purge) { r.Devices = []string{"mac-1", "mac-2"} })

	notices := noticesOf(t, f)[before:]
	require.Len(t, notices, 2)
	facts := map[string]string{"phase": "begun", "before": old(f).Before.Format(time.RFC3339Nano), "devices": "mac-1, mac-2"}
	assert.Equal(t, facts, notices[0].Facts)
	facts["phase"], facts["run"], facts["purged"], facts["live"] = "ended", string(notices[0].ID), "1", "1"
	assert.Equal(t, facts, notices[1].Facts)
	for _, n := range notices {
		assert.Equal(t, lock.EventPurge, n.Type)
		assert.Equal(t, locktest.Admin(), n.Actor)
		assert.Equal(t, "kept for a week", n.Reason)
	}

	events := eventsOf(t, f, a.ID)
	e := events[len(events)-1]
	assert.Equal(t, lock.EventPurged, e.Type)
	assert.Less(t, notices[0].Position, e.Position, "the intent comes first")
	assert.Equal(t, locktest.Admin(), e.Actor)
	assert.Equal(t, "kept for a week", e.Reason)
	assert.Equal(t, string(notices[0].ID), e.Facts["run"])
	assert.Equal(t, []lock.Secret{{N: 1, Name: lock.SecretPIN}}, e.Secrets)
	assert.Equal(t, lock.StateReleased, f.Get(a.ID).State)
	assert.Len(t, eventsOf(t, f, b.ID), 1)
}

func TestPurgeThatIsRefused(t *testing.T) {
	f := newFixture(t)
	a := released(t, f, mac())
	f.Clock.Advance(8 * day)
	now := f.Clock.Now()
	for name, c := range map[string]struct {
		edit  func(*lock.Purge)
		field string
	}{
		"no scope":         {func(r *lock.Purge) { r.Scope = "" }, "scope"},
		"no date":          {func(r *lock.Purge) { r.Before = time.Time{} }, "before"},
		"of the future":    {func(r *lock.Purge) { r.Before = now.Add(time.Hour) }, "before"},
		"of today":         {func(r *lock.Purge) { r.Before = now.Add(-day + time.Second) }, "before"},
		"no reason":        {func(r *lock.Purge) { r.Reason = "" }, "reason"},
		"no name":          {func(r *lock.Purge) { r.Devices = []string{"mac-1", ""} }, "devices"},
		"a dry run of it":  {func(r *lock.Purge) { r.Reason, r.Apply = "", false }, "reason"},
		"a day is allowed": {func(r *lock.Purge) { r.Before, r.Apply = now.Add(-day), false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Service.Purge(t.Context(), locktest.Admin(), old(f, c.edit))
			assert.Equal(t, c.field, inputField(err))
		})
	}
	f.Rights.Deny(lock.VerbPurge)
	_, err := f.Service.Purge(t.Context(), locktest.Admin(), old(f, dry))
	require.ErrorIs(t, err, lock.ErrDenied, "what would be purged is nobody's business either")
	assert.False(t, gone(t, f, a.ID))
}

func TestPurgeOfSomeDevicesOrScopes(t *testing.T) {
	f := newFixture(t)
	a, b := released(t, f, mac()), released(t, f, locktest.Device("mac-2"))
	foreign := mac()
	foreign.Scope = "other"
	c := released(t, f, foreign)
	f.Clock.Advance(8 * day)
	assert.Equal(t, map[lock.ID]string{b.ID: "purged"}, purge(t, f, func(r *lock.Purge) { r.Devices = []string{"mac-2"} }))
	assert.Equal(t, map[lock.ID]string{a.ID: "purged", b.ID: "already_purged"}, purge(t, f))
	assert.False(t, gone(t, f, c.ID))
}

// TestPurgeGoesOnAfterACrash: what was done stays done, and the next call does the rest.
func TestPurgeGoesOnAfterACrash(t *testing.T) {
	for name, fail := range map[string]func(*locktest.Faulty, int){
		"before it was stored": (*locktest.Faulty).FailBefore, "after it was stored": (*locktest.Faulty).FailAfter,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for i := range 450 {
				d := locktest.Device(fmt.Sprint("mac-", i))
				f.Lock(d, func(r *lock.Request) { r.NotAfter = f.Clock.Now().Add(time.Hour) })
				f.Clock.Advance(2 * time.Hour)
				require.Empty(t, f.Deliver(d).ID, "expired")
			}
			f.Clock.Advance(8 * day)
			gate := &closing{Store: f.Store, after: 2, close: func() { fail(f.Store, locktest.Forever) }}
			dying := locktest.New(t, gate, func(c *lock.Config) { c.Now = f.Clock.Now })
			counts, err := dying.Service.Purge(t.Context(), locktest.Admin(), old(f))
			require.ErrorIs(t, err, locktest.ErrFault)
			require.Equal(t, map[string]int{"purged": 200}, counts, "what is known to be done")
			fail(f.Store, 0)
			counts, err = f.Service.Purge(t.Context(), locktest.Admin(), old(f))
			require.NoError(t, err)
			assert.Equal(t, 450, counts["purged"]+counts["already_purged"])
			assert.Less(t, counts["purged"], 251)
			again, err := f.Service.Purge(t.Context(), locktest.Admin(), old(f))
			require.NoError(t, err)
			assert.Equal(t, map[string]int{"already_purged": 450}, again)
		})
	}
}

// TestPurgeLosesARace: what happens to an action between the look and the commit makes it be judged again.
func TestPurgeLosesARace(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Refused)
	b := ended(t, f)
	f.Clock.Advance(8 * day)
	racing := &outrun{Store: f.Store, first: func() { f.Answer(a, lock.Acknowledged) }}
	counts, err := locktest.New(t, racing, func(c *lock.Config) { c.Now = f.Clock.Now }).Service.Purge(t.Context(), locktest.Admin(), old(f))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"live": 1, "purged": 1}, counts)
	assert.False(t, gone(t, f, a.ID), "the device said that it did it, at the last moment")
	assert.True(t, gone(t, f, b.ID))
}

// outrun is a store in which something else happens before the first commit of a purge.
type outrun struct {
	lock.Store
	first func()
}

func (o *outrun) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if first := o.first; first != nil && changes[0].Events[0].Type == lock.EventPurged {
		o.first = nil
		first()
	}
	return o.Store.Commit(ctx, changes)
}
