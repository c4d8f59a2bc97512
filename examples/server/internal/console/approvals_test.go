package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// patience is how long requests wait for a second person.
const patience = 8 * time.Hour

// second implements lock.Config.SecondPerson: what a test says.
func (b *bench) second(_ lock.Actor, v lock.Verb, _ lock.Target) bool {
	return slices.Contains(b.verbs, v)
}

// as makes it somebody else's browser until the function that it returns is called.
func (b *bench) as(name string) (back func()) {
	b.t.Helper()
	client := b.client
	b.client = b.browser()
	require.Equal(b.t, http.StatusSeeOther, b.post("/signin", "name", name, "password", "correct horse").StatusCode)
	return func() { b.client = client }
}

// seen is a page as somebody else sees it.
func (b *bench) seen(name, path string) string {
	b.t.Helper()
	defer b.as(name)()
	return b.page(path)
}

// must is post that leads to a page.
func (b *bench) must(to, path string, fields ...string) {
	b.t.Helper()
	a := b.post(path, fields...)
	require.Equal(b.t, http.StatusSeeOther, a.StatusCode, a.text)
	require.Equal(b.t, to, a.Header.Get("Location"))
}

// careful is a bench on which some verbs take a second person, and a Mac is locked. It returns the path of its action, and its PIN.
func careful(t *testing.T, verbs ...lock.Verb) (b *bench, action, digits string) {
	t.Helper()
	b = newBench(t).signIn()
	a := b.order("mac1")
	digits = b.deliver("mac1")
	b.report(a, lock.Acknowledged, nil)
	b.verbs = verbs
	b.pass(time.Minute) // IDs of one millisecond have no order
	return b, "/actions/" + string(a.ID), digits
}

// request is the ID of the only request in somebody's inbox.
func (b *bench) request() string {
	b.t.Helper()
	found, err := b.svc.Requests(b.t.Context(), grace, scope)
	require.NoError(b.t, err)
	require.Len(b.t, found, 1)
	return string(found[0].ID)
}

func TestRevealWaitsForASecondPerson(t *testing.T) {
	b, action, digits := careful(t, lock.VerbReveal)
	has(t, b.page(action+"/reveal"), "Ask for approval")
	b.must(action+"/reveal", action+"/reveal", "reason", "owner on the phone", "ticket", "INC-1")
	waits := b.page(action + "/reveal")
	has(t, waits, "Waits for a second person")
	has(t, waits, "Break the glass")
	hasNot(t, waits, "Ask for approval")
	own := b.page("/approvals")
	has(t, own, "You asked for this")
	hasNot(t, own, "<button class=\"primary\">Approve")

	inbox := b.seen("grace", "/approvals")
	for _, part := range []string{"Reveal the PIN of Ada’s MacBook Pro", "Ada Admin", "owner on the phone", "INC-1", "Revealing a PIN always takes a second person.", "in 8 hours"} {
		has(t, inbox, part)
	}
	assert.Contains(t, inbox, `<b class="inbox">1<`)
	assert.NotContains(t, own, `<b class="inbox">`, "nothing for oneself to do")

	back := b.as("grace")
	b.must("/approvals", action+"/approve", "request", b.request(), "what", "reveal", "from", "inbox", "reason", "called back")
	has(t, b.page("/approvals"), "can read the PIN now, once")
	back()
	approved := b.page(action + "/reveal")
	has(t, approved, "Grace Approver")
	has(t, approved, "called back")
	hasNot(t, approved, digits[:3]+"</span>")
	shown := b.post(action+"/reveal", "reason", "owner on the phone", "ticket", "INC-1")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	has(t, shown.text, "<span>"+digits[:3]+"</span> <span>"+digits[3:]+"</span>")
	has(t, b.page(action+"/reveal"), "Ask for approval", "it was good once")
}

func TestRevealIsRejectedOrExpires(t *testing.T) {
	b, action, _ := careful(t, lock.VerbReveal)
	ask := func() { b.must(action+"/reveal", action+"/reveal", "reason", "owner on the phone") }
	ask()
	back := b.as("grace")
	b.must("/approvals", action+"/reject", "request", b.request(), "what", "reveal", "from", "inbox", "reason", "unknown caller")
	has(t, b.page("/approvals"), "The PIN is not shown")
	back()
	rejected := b.page(action + "/reveal")
	has(t, rejected, "rejected your request")
	has(t, rejected, "unknown caller")
	has(t, rejected, "Ask for approval")
	ask()
	b.pass(patience)
	has(t, b.page(action+"/reveal"), "Nobody answered your request")
	hasNot(t, b.page("/approvals"), "Reveal the PIN")
}

func TestHeldLockPages(t *testing.T) {
	b, _, _ := careful(t, lock.VerbLock)
	has(t, b.page("/devices/mac5/lock"), "A lock takes a second person")
	b.must("/devices/mac5", "/devices/mac5/lock", "confirm", "57qx", "reason", "stolen", "pin_mode", "rotate")
	has(t, b.page("/devices/mac5"), "A lock always takes a second person.")
	id := b.actions()[0].ID
	own := b.page("/actions/" + string(id))
	has(t, own, "You ordered it")
	has(t, own, "Cancel this order")
	has(t, own, "Break the glass")
	hasNot(t, own, "/approve\"")
	refused := b.post("/actions/"+string(id)+"/approve", "what", "lock")
	assert.Equal(t, http.StatusConflict, refused.StatusCode)
	has(t, refused.text, "Somebody else has to approve this")

	other := b.seen("grace", "/actions/"+string(id))
	has(t, other, "Ada Admin ordered it")
	has(t, other, "/approve\"")
	back := b.as("grace")
	b.must("/actions/"+string(id), "/actions/"+string(id)+"/approve", "what", "lock")
	text := b.page("/actions/" + string(id))
	has(t, text, "Approved. Lock ordered")
	has(t, text, "Will lock when it comes online")
	again := b.post("/actions/"+string(id)+"/approve", "what", "lock")
	assert.Equal(t, http.StatusConflict, again.StatusCode)
	has(t, again.text, "It was decided already")
	back()
}

func TestHeldLockExpiresOnThePage(t *testing.T) {
	b, _, _ := careful(t, lock.VerbLock)
	held := b.order("mac5")
	b.pass(patience)
	defer b.as("grace")()
	late := b.post("/actions/"+string(held.ID)+"/approve", "what", "lock")
	assert.Equal(t, http.StatusConflict, late.StatusCode)
	has(t, late.text, "Too late: it has expired")
}

func TestBreakGlassPages(t *testing.T) {
	b, _, _ := careful(t, lock.VerbLock)
	held := b.order("mac5")
	path := "/actions/" + string(held.ID)
	assert.Equal(t, http.StatusUnprocessableEntity, b.post(path+"/break-glass", "what", "lock").StatusCode, "no reason")
	b.must(path, path+"/break-glass", "what", "lock", "reason", "thief on the train")
	text := b.page(path)
	has(t, text, "You broke the glass")
	has(t, text, "Will lock when it comes online")
	has(t, b.page("/audit?show=denials"), "Glass broken")
	own := b.page("/approvals")
	has(t, own, "You had a part in it")
	hasNot(t, own, "What you found")

	defer b.as("grace")()
	task := b.page("/approvals")
	has(t, task, "thief on the train")
	assert.Contains(t, task, `<b class="inbox">1<`)
	tasks, err := b.svc.Reviews(t.Context(), grace, scope)
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	b.must("/approvals", "/reviews/"+string(tasks[0].ID), "reason", "spoke to both")
	done := b.page("/approvals")
	has(t, done, "Reviewed.")
	hasNot(t, done, "thief on the train")
	assert.Equal(t, http.StatusConflict, b.post("/reviews/"+string(tasks[0].ID), "reason", "again").StatusCode)
}

// A held order says which limit keeps it.
func TestLimitOnThePage(t *testing.T) {
	b := newBenchOn(t, store.NewMemory(), lock.Limit{Verb: lock.VerbLock, Count: 1, Window: time.Hour}).signIn()
	b.order("mac1")
	held := b.order("mac5")
	require.Equal(t, lock.StateHeld, held.State)
	text := b.page("/actions/" + string(held.ID))
	has(t, text, "It is over the limit of what one person may do alone.")
	has(t, text, "over the limit of lock: 1 devices")
	has(t, b.page("/"), "1</b> waits for a second person")
}

func TestLockedNow(t *testing.T) {
	b, action, digits := careful(t)
	b.order("mac4")
	b.pass(2 * time.Hour)
	b.order("mac2")
	all := b.page("/locked")
	for _, part := range []string{"3</b> in all", "1</b> locked", "2</b> will lock when online", "Ada’s MacBook Pro", "Ticket 4711", "not revealed", action} {
		has(t, all, part)
	}
	hasNot(t, all, digits)
	waiting := b.page("/locked?state=queued&sort=oldest&q=iMac")
	hasNot(t, waiting, "MacBook")
	assert.Less(t, strings.Index(waiting, "Archive iMac"), strings.Index(waiting, "Reception iMac"))
	has(t, waiting, "2 of 3.")
	old := b.page("/locked?age=1h")
	hasNot(t, old, "Reception iMac")
	has(t, b.page("/locked?pin=revealed"), "No lock matches")
	assert.Equal(t, http.StatusBadRequest, b.get("/locked?state=released").StatusCode)
	assert.Equal(t, http.StatusUnprocessableEntity, b.get("/locked?after=x").StatusCode)

	csv := b.get("/locked/csv?" + url.Values{"q": {"macbook"}}.Encode())
	assert.Equal(t, `attachment; filename="latchkey-locked.csv"`, csv.Header.Get("Content-Disposition"))
	assert.Equal(t, 2, strings.Count(csv.text, "\n"))
	assert.NotContains(t, csv.text, digits)
}
