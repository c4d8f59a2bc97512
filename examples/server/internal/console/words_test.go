package console

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestStatusOf(t *testing.T) {
	for _, c := range []struct {
		name, class, text string
		action            lock.Action
	}{
		{"held", "waiting", "Waits for a second person", lock.Action{State: lock.StateHeld}},
		{"queued", "waiting", "Will lock when it comes online", lock.Action{State: lock.StateQueued}},
		{"issued", "sent", "Command sent, no answer yet", lock.Action{State: lock.StateIssued, Deliveries: 1}},
		{"deferred", "sent", "Not now, says the Mac; will be asked again", lock.Action{State: lock.StateIssued, Deliveries: 1, Deferred: true}},
		{"confirmed", "locked", "Locked", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1}},
		{"confirmed without hold", "open", "Done", lock.Action{State: lock.StateConfirmed, Deliveries: 1}},
		{"released", "open", "Open again, seen 5 minutes ago", lock.Action{State: lock.StateReleased, Released: began.Add(-5 * time.Minute)}},
		{"refused", "failed", "Refused by the Mac", lock.Action{State: lock.StateRefused, Deliveries: 1}},
		{"cancelled early", "none", "Cancelled before it was sent", lock.Action{State: lock.StateCancelled}},
		{"cancelled late", "doubt", "Cancelled after it was sent; may be locked", lock.Action{State: lock.StateCancelled, Deliveries: 1}},
		{"expired", "none", "Expired before it was sent", lock.Action{State: lock.StateExpired}},
		{"escrow", "none", "Kept", lock.Action{Kind: lock.KindEscrow, State: lock.StateConfirmed}},
		{"forced, queued", "waiting", "Will be deactivated when it comes online", foretold("apple_silicon_before_11_5", lock.Action{State: lock.StateQueued})},
		{"forced, confirmed", "doubt", "Acknowledged; probably deactivated: the PIN does not open it",
			foretold("apple_silicon_before_11_5", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1})},
		{"forced, unconfirmed", "doubt", "No answer; may be deactivated",
			foretold("apple_silicon_before_11_5", lock.Action{State: lock.StateUnconfirmed, Deliveries: 3})},
		{"forced, chip unknown", "doubt", "Acknowledged; locked or deactivated: the PIN may not open it",
			foretold("chip_unknown", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1})},
		{"forced, version unknown", "doubt", "Acknowledged; locked or deactivated: the PIN may not open it",
			foretold("os_version_unknown", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1})},
		{"unconfirmed", "doubt", "No answer; may be locked", lock.Action{State: lock.StateUnconfirmed, Deliveries: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := statusOf(c.action, false, began)
			assert.Equal(t, c.text, s.Text)
			assert.Equal(t, c.class, s.Class)
			assert.NotEmpty(t, s.Detail)
		})
	}
}

func TestQueuedForADeviceThatCheckedOut(t *testing.T) {
	assert.Equal(t, "Will lock when it is enrolled again", statusOf(lock.Action{State: lock.StateQueued}, true, began).Text)
	assert.Equal(t, "Locked", statusOf(lock.Action{State: lock.StateConfirmed, Holds: true}, true, began).Text)
}

// foretold is an action that was ordered over a finding which blocks.
func foretold(code string, a lock.Action) lock.Action {
	a.Forced, a.Findings = true, []lock.Finding{{Code: code, Level: lock.LevelBlock, Forceable: true}}
	return a
}

// A warning with the code of a block foretells no deactivation: on macOS 11.5 and later any chip is locked.
func TestWarningsForetellALock(t *testing.T) {
	a := lock.Action{State: lock.StateConfirmed, Holds: true, Findings: []lock.Finding{{Code: "chip_unknown", Level: lock.LevelWarn}}}
	assert.Equal(t, "Locked", statusOf(a, false, began).Text)
}

func TestUseOfAPIN(t *testing.T) {
	for _, c := range []struct {
		name, called, why string
		action            lock.Action
	}{
		{"queued", "PIN of the waiting lock", "Not sent yet", lock.Action{State: lock.StateQueued}},
		{"issued", "Current PIN", "Most likely: why", lock.Action{State: lock.StateIssued, Deliveries: 1}},
		{"not now", "PIN of the waiting lock", "put the lock off", lock.Action{State: lock.StateIssued, Deliveries: 1, Deferrals: 1, Deferred: true}},
		{"not now after a silence", "Current PIN", "The last time, the Mac put it off",
			lock.Action{State: lock.StateIssued, Deliveries: 2, Deferrals: 1, Deferred: true}},
		{"confirmed", "Current PIN", "Most likely: why", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1}},
		{"unconfirmed", "Current PIN", "Most likely: why", lock.Action{State: lock.StateUnconfirmed, Deliveries: 1}},
		{"cancelled late", "Current PIN", "Most likely: why", lock.Action{State: lock.StateCancelled, Deliveries: 1}},
		{"cancelled early", "Unused PIN", "Why.", lock.Action{State: lock.StateCancelled}},
		{"expired", "Unused PIN", "Why.", lock.Action{State: lock.StateExpired}},
		{"refused", "PIN of the refused lock", "Why.", lock.Action{State: lock.StateRefused, Deliveries: 1}},
		{"released", "Last PIN", "Why.", lock.Action{State: lock.StateReleased, Deliveries: 1}},
		{"deactivated", "PIN of this lock", "the PIN does not open it",
			foretold("apple_silicon_before_11_5", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1})},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := useOf(lock.Candidate{Action: c.action, Reason: "why"})
			assert.Equal(t, c.called, u.Name)
			assert.Contains(t, u.Why, c.why)
			assert.Equal(t, strings.Contains(u.Why, "Most likely"), c.called == "Current PIN", "likely is what may be on the device, and no other")
		})
	}
}

func TestDecisive(t *testing.T) {
	locked := lock.Action{ID: "1", State: lock.StateConfirmed, Holds: true, Deliveries: 1}
	issued := lock.Action{ID: "2", State: lock.StateIssued, Lane: "lock", Deliveries: 1}
	doubt := lock.Action{ID: "3", State: lock.StateUnconfirmed, Deliveries: 1}
	released := lock.Action{ID: "4", State: lock.StateReleased, Deliveries: 1}
	cancelled := lock.Action{ID: "5", State: lock.StateCancelled}
	for _, c := range []struct {
		name  string
		locks []lock.Action
		want  lock.ID
	}{
		{"acknowledged before all", []lock.Action{cancelled, released, doubt, issued, locked}, "1"},
		{"live before what was given up", []lock.Action{cancelled, released, doubt, issued}, "2"},
		{"what may be locked before what is over", []lock.Action{cancelled, released, doubt}, "3"},
		{"else the newest", []lock.Action{released, cancelled}, "5"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, decisive(c.locks).ID) })
	}
	assert.Nil(t, decisive(nil))
}

func TestRelative(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "just now"}, {-3 * time.Second, "just now"}, {30 * time.Second, "30 seconds ago"}, {time.Minute, "1 minute ago"},
		{59 * time.Minute, "59 minutes ago"}, {time.Hour, "1 hour ago"}, {25 * time.Hour, "1 day ago"}, {50 * time.Hour, "2 days ago"},
		{-30 * 24 * time.Hour, "in 30 days"}, {-60 * 24 * time.Hour, "in 60 days"}, {-1825 * 24 * time.Hour, "on 20 November 2031"},
	} {
		assert.Equal(t, c.want, relative(began, began.Add(-c.d)))
	}
	assert.Equal(t, "never", relative(began, time.Time{}))
}

func TestEveryEventHasWords(t *testing.T) {
	for _, e := range []lock.Event{
		{Type: lock.EventOrdered, Order: &lock.Action{Kind: lock.KindLock}}, {Type: lock.EventRedelivered, Delivery: 2},
		{Type: lock.EventReleased, Evidence: lock.EvidencePoll}, {Type: lock.EventDenied, Facts: map[string]string{"verb": "reveal"}},
		{Type: "new-kind"},
	} {
		assert.NotEmpty(t, what(e))
	}
	assert.Equal(t, "Command sent again (delivery 2)", what(lock.Event{Type: lock.EventRedelivered, Delivery: 2}))
	assert.Equal(t, "Lock ordered", what(lock.Event{Type: lock.EventOrdered, Order: &lock.Action{Kind: lock.KindLock}}))
	assert.Equal(t, "Lock ordered, forced", what(lock.Event{Type: lock.EventOrdered, Order: &lock.Action{Kind: lock.KindLock, Forced: true}}))
	assert.Equal(t, "Denied: reveal", what(lock.Event{Type: lock.EventDenied, Facts: map[string]string{"verb": "reveal"}}))
	assert.Equal(t, "Sign-in refused", what(lock.Event{Type: lock.EventSignedIn, Facts: map[string]string{"outcome": "refused"}}))
	texts := map[string]bool{}
	for kind, e := range map[string]lock.EventType{
		"new": lock.EventEnrolled, "again": lock.EventEnrolled, "renewed": lock.EventEnrolled,
		"enrol": lock.EventEnrolmentLink, "renew": lock.EventEnrolmentLink,
	} {
		texts[what(lock.Event{Type: e, Facts: map[string]string{"kind": kind}})] = true
	}
	assert.Len(t, texts, 5, "each kind has words of its own")
	for kind, want := range map[string]string{
		"activated": "New key in use: 7f3a", "resealed": "Secrets of the retired key sealed anew: 7f3a", "removed": "Retired key removed: 7f3a",
		"unheard-of": "Keyring changed: 7f3a",
	} {
		assert.Equal(t, want, what(lock.Event{Type: lock.EventKeyring, Facts: map[string]string{"kind": kind, "key_id": "7f3a"}}))
	}
	assert.Equal(t, "System", who(lock.Actor{ID: "system"}))
	assert.Equal(t, "Device", who(lock.Actor{ID: "device"}))
}
