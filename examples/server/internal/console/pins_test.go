package console

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestPINHistory(t *testing.T) {
	b := newBench(t).signIn()
	has(t, b.page("/devices/mac1/pins"), "No PIN is kept for this Mac.")
	first, second, digits := past(b, "mac1")
	own, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device("mac1"), PIN: parse(t, "739182")})
	require.NoError(t, err)

	text := b.page("/devices/mac1/pins")
	for _, part := range []string{
		`data-label="PIN"><span><span class="code"><span class="rank"`, "new, random", "chosen by hand", "Acknowledged, open again", "Pending",
		"the command never left", "owner on the phone, identity checked", "Ada Admin", "4 days ago",
	} {
		has(t, text, part)
	}
	for _, a := range []lock.Action{first, second, own} {
		has(t, text, fmt.Sprintf(`<a class="button" href="/actions/%s/reveal">Reveal</a>`, a.ID))
	}
	for _, d := range append(digits, "739182") {
		hasNot(t, text, d)
	}
	has(t, b.page("/devices/mac1"), `href="/devices/mac1/pins"`)
	has(t, b.page("/actions"), `href="/devices/mac1/pins">PINs</a>`)
}

func TestDevicePageShowsTheFirstPINs(t *testing.T) {
	b := newBench(t).signIn()
	for range pinsOnDevice + 2 {
		a := b.order("mac1")
		_, err := b.svc.Cancel(t.Context(), admin, a.ID, "practice")
		require.NoError(t, err)
	}
	text := b.page("/devices/mac1")
	has(t, text, "All 7 PINs</a>")
	hasNot(t, text, ">6</span>")
	has(t, b.page("/devices/mac1/pins"), `title="7th of the PINs that may open the Mac"`)
}

// What the ledger has of a device outlives it in the inventory.
func TestPINHistoryOfADeviceThatIsGone(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	b.deliver("mac1")
	renamed := b.device("mac1")
	renamed.ID = "mac1-anew"
	later, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: renamed})
	require.NoError(t, err)
	delete(b.fleet, "mac1")

	text := b.page("/devices/mac1/pins")
	has(t, text, "The inventory does not know this device any more.")
	has(t, text, "Ada’s MacBook Pro")
	has(t, text, "/actions/"+string(a.ID)+"/reveal")
	has(t, text, "/actions/"+string(later.ID)+"/reveal", "found by its serial number")
	hasNot(t, text, `href="/devices/mac1"`)
	assert.Equal(t, http.StatusOK, b.post("/actions/"+string(a.ID)+"/reveal", "reason", "auction").StatusCode)
	has(t, b.say(a, "wrong-pin", ""), "No other PIN is likely")
	assert.Equal(t, http.StatusNotFound, b.get("/devices/never/pins").StatusCode)
}

func TestSeenWithAnotherLock(t *testing.T) {
	b := newBench(t).signIn()
	past(b, "mac1")
	b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "keep")
	hasNot(t, b.page("/devices/mac1/pins"), "with another lock")
	b.reveal(b.actions()[0])
	has(t, b.page("/devices/mac1/pins"), "with another lock")
	has(t, b.page("/devices/mac1/pins"), `/actions/`+string(b.actions()[1].ID)+`">kept</a>, made`)
}

func TestOrigin(t *testing.T) {
	b := newBench(t)
	all, err := parsePages(b.now)
	require.NoError(t, err)
	for want, a := range map[string]lock.Action{
		"new, random":    {},
		"chosen by hand": {Supplied: true},
		`<a href="/actions/1">own, used before</a>; used all the same: “he knows it”`: {Supplied: true, Kept: "1", Reuse: "he knows it"},
		`<a href="/actions/1">kept</a>, made <span class="muted">never</span>`:        {Kept: "1"},
	} {
		var text strings.Builder
		require.NoError(t, all["pins"].ExecuteTemplate(&text, "origin", a))
		assert.Equal(t, want, text.String())
	}
	assert.Equal(t, "Lock ordered, own PIN that was used before", orderOf(lock.Action{Kind: lock.KindLock, Supplied: true, Kept: "1"}))
}

func TestSecuritySaysThatThePINWasSeen(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	b.deliver("mac1")
	b.report(a, lock.Acknowledged, nil)
	b.pass(3 * time.Hour)
	text := b.page("/devices/mac1")
	hasNot(t, text, "so the next lock gets another one")
	assert.Regexp(t, `(?s)Current PIN</th>.*•••.*Acknowledged</span></span><small><time [^>]*>3 hours ago</time>`, text)
	b.reveal(a)
	has(t, b.page("/devices/mac1"), "Somebody has seen it, so the next lock gets another one.")
}

func TestStages(t *testing.T) {
	for _, c := range []struct {
		text   string
		action lock.Action
	}{
		{"Waits for approval", lock.Action{State: lock.StateHeld}},
		{"Pending", lock.Action{State: lock.StateQueued}},
		{"Sent", lock.Action{State: lock.StateIssued, Deliveries: 1}},
		{"Sent 2 times", lock.Action{State: lock.StateIssued, Deliveries: 2}},
		{"Sent; put off (NotNow)", lock.Action{State: lock.StateIssued, Deliveries: 1, Deferred: true}},
		{"Acknowledged", lock.Action{State: lock.StateConfirmed, Holds: true, Deliveries: 1, Answers: 1}},
		{"Acknowledged, open again", lock.Action{State: lock.StateReleased, Deliveries: 1, Answers: 1}},
		{"Sent, open again", lock.Action{State: lock.StateReleased, Deliveries: 1}},
		{"Sent, no answer", lock.Action{State: lock.StateUnconfirmed, Deliveries: 3}},
		{"Refused", lock.Action{State: lock.StateRefused, Deliveries: 1}},
		{"Cancelled, never sent", lock.Action{State: lock.StateCancelled}},
		{"Cancelled after it was sent", lock.Action{State: lock.StateCancelled, Deliveries: 1}},
		{"Expired, never sent", lock.Action{State: lock.StateExpired}},
	} {
		assert.Equal(t, c.text, stageOf(c.action).Text)
	}
}

func TestNth(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 111: "111th"} {
		assert.Equal(t, want, nth(n))
	}
}
