package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// A lock that deactivates its Mac is never called locked, and its PIN never the one that opens it.
func TestForcedLockDeactivates(t *testing.T) {
	b := newBench(t).signIn()
	b.post("/devices/mac3/lock", "confirm", "37QX", "force", "1")
	text := b.page("/devices/mac3")
	has(t, text, "The Mac will be deactivated when it comes online.")
	has(t, text, "<span>Will be deactivated when it comes online</span>")
	a := b.actions()[0]
	b.deliver("mac3")
	b.report(a, lock.Acknowledged, nil)

	text = b.page("/devices/mac3")
	for _, want := range []string{
		"Acknowledged; probably deactivated: the PIN does not open it", "PIN of this lock", "At the deactivated Mac",
		"recoveryOS, a network, and a local administrator with a Secure Token",
	} {
		has(t, text, want)
	}
	for _, lie := range []string{"<span>Locked</span>", "Current PIN", "Most likely", "At the locked Mac", "until somebody types the PIN on it"} {
		hasNot(t, text, lie)
	}
	path := "/actions/" + string(a.ID) + "/reveal"
	has(t, b.page(path), "the PIN does not open it")
	shown := b.post(path, "reason", "owner on the phone")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	_, after, _ := strings.Cut(shown.text, `id="shown"`)
	has(t, after, "the PIN does not open it")

	text = b.page("/")
	has(t, text, "<b>0</b> locked")
	has(t, text, "<b>1</b> probably deactivated")
	has(t, b.page("/devices/mac3/lock"), "leave this one")
	has(t, b.page("/audit"), "Lock ordered, forced")
}

func TestDeactivatedScreenAsksForNoPIN(t *testing.T) {
	b := newBench(t).signIn()
	b.demo.deactivated.Store(true)
	text := b.page("/devices/mac1")
	has(t, text, "This Mac is deactivated")
	hasNot(t, text, `name="digits"`)
	hasNot(t, text, "Desktop")
}

func TestPINThatIsOnNoMac(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	text := b.page("/devices/mac1")
	has(t, text, "PIN of the waiting lock")
	has(t, text, `<td data-label="Last used"><span><span class="muted">never</span>`)
	_, err := b.svc.Cancel(t.Context(), admin, a.ID, "found")
	require.NoError(t, err)
	text = b.page("/devices/mac1")
	has(t, text, "Unused PIN")
	hasNot(t, text, "Most likely")
}

// What a page says of the state is apart from the form to cancel, so that it can be refreshed while that is in use.
func TestStateIsApartFromItsForm(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	for _, path := range []string{"/devices/mac1", "/actions/" + string(a.ID)} {
		text := b.page(path)
		assert.Regexp(t, `(?s)<div id="status" data-live>.*Will lock when it comes online.*</div>\s*<div id="cancel" data-live>`, content(text))
		has(t, text, `<p id="cancel-says" data-live>`)
		has(t, text, `id="stale"`)
	}
}

func TestPagesNameWhoseMacItIs(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	line := `Ada’s MacBook Pro · <span class="mono">C02MAC17QX</span> · Ada Lovelace`
	path := "/actions/" + string(a.ID) + "/reveal"
	_, form, found := strings.Cut(b.page("/actions/"+string(a.ID)), `/cancel"`)
	require.True(t, found)
	has(t, form, line, "cancel")
	has(t, b.page(path), line, "ask")
	has(t, b.post(path, "reason", "owner on the phone").text, line, "shown")
}

func TestTimesAreExact(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	b.pass(5 * time.Minute)
	for _, path := range []string{"/audit", "/actions/" + string(a.ID)} {
		has(t, b.page(path), ">2026-11-21 09:00:00 UTC<small>5 minutes ago</small></time>", path)
	}
}

func TestRefusedSignInShowsItsAddress(t *testing.T) {
	b := newBench(t).signIn()
	who := lock.Actor{ID: "admin", Address: "192.0.2.7"}
	require.NoError(t, b.svc.Note(t.Context(), who, lock.EventSignedIn, scope, map[string]string{"outcome": "refused"}))
	assert.Regexp(t, `(?s)192\.0\.2\.7.*Sign-in refused`, b.page("/audit?show=sign-ins"))
}

func TestUnknownChoices(t *testing.T) {
	b := newBench(t).signIn()
	for path, allowed := range map[string]string{"/actions?state=<nonsense>": "live, held, queued, issued, confirmed", "/audit?show=<nonsense>": "orders, approvals, reveals"} {
		a := b.get(path)
		assert.Equal(t, http.StatusBadRequest, a.StatusCode)
		has(t, a.text, allowed)
		hasNot(t, a.text, "nonsense")
	}
}

func TestWrongPINIsNoGoodNews(t *testing.T) {
	b := newBench(t).signIn()
	digits := "739182"
	b.demo.digits.Store(&digits)
	b.post("/devices/mac1/type", "digits", "111222")
	assert.Regexp(t, `class="flash warning" role="alert">.*Wrong PIN`, b.page("/devices/mac1"))
	hasNot(t, b.page("/devices/mac1"), "Wrong PIN", "said once")
}

func TestFormOfACancelledOrder(t *testing.T) {
	b := newBench(t).signIn()
	key := b.key("mac1")
	b.post("/devices/mac1/lock", "key", key, "confirm", "17QX")
	b.post("/actions/"+string(b.actions()[0].ID)+"/cancel", "reason", "found")
	b.page("/devices/mac1")
	b.post("/devices/mac1/lock", "key", key, "confirm", "17QX")
	assert.Regexp(t, `class="flash warning".*was cancelled, and nothing new was ordered.*order again`, b.page("/devices/mac1"))
	assert.Len(t, b.actions(), 1)
}

func TestErrorsBelongToTheirFields(t *testing.T) {
	b := newBench(t).signIn()
	a := b.post("/devices/mac1/lock", "confirm", "17QX", "with_phone", "1")
	has(t, a.text, `aria-invalid="true" aria-describedby="e-phone"`)
	has(t, a.text, `id="e-phone"`)
	b.client = b.browser()
	a = b.post("/signin", "name", "admin", "password", "wrong")
	assert.Regexp(t, `name="password"[^>]* autofocus`, a.text)
	assert.NotRegexp(t, `name="name"[^>]* autofocus`, a.text)
}

func TestStatusWhileUnanswered(t *testing.T) {
	a := lock.Action{State: lock.StateIssued, Deliveries: 1}
	assert.Contains(t, statusOf(a, false, began).Detail, "treat it as locked with this PIN")
	a.State, a.Facts = lock.StateConfirmed, map[string]string{"MessageResult": "Success"}
	assert.Equal(t, "The Mac said that it shows the message.", said(a))
	a.State = lock.StateReleased
	assert.Equal(t, "The Mac said that it showed the message.", said(a))
}
