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
	"github.com/latchkey-mdm/latchkey/pin"
)

func parse(t *testing.T, digits string) pin.PIN {
	t.Helper()
	code, err := pin.Parse(digits)
	require.NoError(t, err)
	return code
}

func (b *bench) say(a lock.Action, said, note string) string {
	b.t.Helper()
	path := "/actions/" + string(a.ID) + "/feedback"
	answer := b.post(path, "feedback", said, "note", note)
	require.Equal(b.t, http.StatusSeeOther, answer.StatusCode, answer.text)
	require.Equal(b.t, path, answer.Header.Get("Location"))
	return b.page(path)
}

func TestFeedback(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	digits := b.deliver("mac1")
	b.report(a, lock.Acknowledged, nil)
	path := "/actions/" + string(a.ID)
	has(t, b.page(path+"/feedback"), "What came of it?")
	b.reveal(a)
	text := b.page(path + "/feedback")
	has(t, text, "The PIN is off the screen.")
	for _, value := range []string{"worked", "wrong-pin", "other"} {
		has(t, text, fmt.Sprintf(`name="feedback" value="%s"`, value))
	}
	text = b.say(a, "other", "it was open already, tried "+digits)
	has(t, text, "Thank you: it is on record")
	has(t, b.page(path), "Feedback: something else")
	has(t, b.page(path), "it was open already")
	hasNot(t, b.page(path), digits)
	has(t, b.say(a, "worked", ""), "Thank you: it opened")
	has(t, b.page("/audit?show=feedback"), "Feedback: it opened the device")
	has(t, b.page("/devices/mac1"), "somebody opened the device with it")
	assert.Len(t, b.events(lock.EventFeedback), 2)

	b.pass(time.Minute)
	b.reveal(a)
	has(t, b.page(path+"/feedback"), "The PIN is off the screen.", "revealed again: the question is open again")
}

func TestWrongPINLeadsToTheNext(t *testing.T) {
	b := newBench(t).signIn()
	first, second, _ := past(b, "mac1")
	b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "keep")
	kept := b.actions()[0]
	b.deliver("mac1")
	b.report(kept, lock.Acknowledged, nil)
	b.post("/actions/"+string(kept.ID)+"/reveal", "reason", "Grace on the phone")

	text := b.say(kept, "wrong-pin", "")
	has(t, text, "Next in line: the PIN of the lock of 21 November 2026, 09:00 UTC")
	has(t, text, `action="/actions/`+string(first.ID)+`/reveal"`)
	hasNot(t, text, string(second.ID), "the PIN that was kept is the wrong one")
	has(t, text, `value="Grace on the phone"`, "the reason goes on")
	has(t, text, "Was it a slip?")
	has(t, b.page("/devices/mac1/pins"), "somebody tried it, and it did not open the device")

	text = b.say(first, "wrong-pin", "")
	has(t, text, "No other PIN is likely to open it")
	hasNot(t, text, "Next in line")
}

func TestPINThatWasWrongIsNotLikely(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	b.deliver("mac1")
	b.report(a, lock.Acknowledged, nil)
	has(t, b.page("/devices/mac1"), "Most likely:")
	b.say(a, "wrong-pin", "")
	has(t, b.page("/devices/mac1"), "PIN that was wrong")
	hasNot(t, b.page("/devices/mac1"), "Most likely:")
}

// A PIN that never left this server opens nothing: to try it costs a wait.
func TestNextIsNoPINThatNeverLeft(t *testing.T) {
	b := newBench(t).signIn()
	unsent := b.order("mac1")
	_, err := b.svc.Cancel(t.Context(), admin, unsent.ID, "practice")
	require.NoError(t, err)
	sent := b.order("mac1")
	b.deliver("mac1")
	has(t, b.say(sent, "wrong-pin", ""), "No other PIN is likely to open it")
}

// A command that left again after a PIN was wrong may have put that PIN on the Mac after all.
func TestOpinionEndsWithTheNextDelivery(t *testing.T) {
	a := lock.Action{Delivered: began, Feedback: lock.FeedbackWrongPIN, FeedbackAt: began.Add(time.Minute)}
	assert.Equal(t, lock.FeedbackWrongPIN, opinion(a))
	a.Delivered = began.Add(time.Hour)
	assert.Empty(t, opinion(a))
}

func TestFeedbackThatIsRefused(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	path := "/actions/" + string(a.ID) + "/feedback"
	assert.Equal(t, http.StatusUnprocessableEntity, b.post(path, "feedback", "perhaps").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.post("/actions/none/feedback", "feedback", "worked").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.get("/actions/none/feedback").StatusCode)
	b.deny.Store(true)
	denied := b.post(path, "feedback", "worked")
	assert.Equal(t, http.StatusForbidden, denied.StatusCode)
	has(t, denied.text, "The attempt was recorded.")
	b.deny.Store(false)
	assert.Empty(t, b.events(lock.EventFeedback))
}

// Who hears the page gets the PIN first, in words, and hears that it is gone; the seconds are not counted aloud.
func TestRevealForScreenReaders(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	digits := b.deliver("mac1")
	text := b.post("/actions/"+string(a.ID)+"/reveal", "reason", "owner on the phone").text
	for _, part := range []string{
		`<h1 tabindex="-1" autofocus aria-describedby="spoken">PIN of Ada’s MacBook Pro</h1>`, `id="spoken">` + spoken(digits) + `</p>`,
		`id="digits" aria-hidden="true"><span>` + digits[:3] + `</span>`, `<span id="note" role="status"></span>`,
		`<button id="more" type="button" hidden>30 seconds more</button>`,
	} {
		has(t, text, part)
	}
	assert.Less(t, strings.Index(text, `id="spoken"`), strings.Index(text, `id="digits"`))
}

func TestRevealSaysWhatTheMacShows(t *testing.T) {
	for device, says := range map[string][]string{
		"mac1": {"a screen of the recovery system", "Please call us.", "How long they are on Apple silicon is not published."},
		"mac2": {"a screen of the firmware", "Please call us.", "Try again in 60 minutes", "Esc, VoiceOver (Cmd-F5) or Internet Recovery"},
	} {
		b := newBench(t).signIn()
		a, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(device), Message: "Please call us."})
		require.NoError(t, err)
		shown := b.post("/actions/"+string(a.ID)+"/reveal", "reason", "owner on the phone").text
		for _, part := range append(says, "Do not guess.", `value="worked"`, `value="wrong-pin"`) {
			has(t, shown, part, device)
		}
	}
}
