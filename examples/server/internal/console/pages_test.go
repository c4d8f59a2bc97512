package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestDeviceList(t *testing.T) {
	b := newBench(t).signIn()
	text := b.page("/")
	for _, want := range []string{
		"Ada’s MacBook Pro", "C02MAC17QX", "Ada Lovelace", "MacBook Pro (14-inch, M3)", "macOS 15.1 · Apple silicon", "3 minutes ago",
		`title="2026-11-21 08:57:00 UTC"`, "No lock ordered", `href="/devices/mac1/lock"`,
	} {
		has(t, text, want)
	}
	found := b.page("/?q=grace")
	has(t, found, "Grace’s MacBook Air")
	hasNot(t, found, "Ada’s")
	has(t, b.page("/?q=zzz"), "No device matches “zzz”")
}

// TestStatesInWords is the promise that nothing is called locked before the device said so, and never in a page without its PIN hidden.
func TestStatesInWords(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	pages := []string{"/", "/devices/mac1", "/devices/mac1/lock", "/devices/mac1/pins", "/actions", "/actions/" + string(a.ID), "/actions/" + string(a.ID) + "/feedback", "/audit"}
	var digits string
	for _, step := range []struct {
		name, says string
		step       func()
	}{
		{"queued", "Will lock when it comes online", func() {}},
		{"issued", "Command sent, no answer yet", func() { digits = b.deliver("mac1") }},
		{"not now", "Not now, says the Mac", func() { b.report(a, lock.NotNow, nil) }},
		{"confirmed", ">Locked<", func() {
			b.deliver("mac1")
			b.report(a, lock.Acknowledged, map[string]string{"MessageResult": "NoPasscodeSet"})
		}},
		{"released", "Open again, seen just now", func() {
			b.pass(2 * time.Minute)
			require.NoError(t, b.svc.Seen(t.Context(), b.device("mac1"), lock.EvidencePoll))
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.step()
			has(t, b.page("/"), step.says)
			has(t, b.page("/devices/mac1"), step.says)
			has(t, b.page("/actions"), step.says)
			for _, path := range pages {
				text := b.page(path)
				if digits != "" {
					hasNot(t, text, digits)
				}
				if step.name != "confirmed" {
					hasNot(t, text, "<span>Locked</span>", path)
				}
			}
		})
	}
	has(t, b.page("/devices/mac1"), "The device said that it showed no message, because no passcode is set.")
}

func TestCounts(t *testing.T) {
	b := newBench(t).signIn()
	for id, steps := range map[string]int{"mac1": 2, "mac2": 1, "mac4": 0, "mac5": 0} {
		a := b.order(id)
		if steps > 0 {
			b.deliver(id)
		}
		if steps > 1 {
			b.report(a, lock.Acknowledged, nil)
		}
	}
	text := b.page("/")
	has(t, text, "<b>1</b> locked")
	has(t, text, "<b>1</b> sent, no answer yet")
	has(t, text, "<b>2</b> will lock when online")
}

func TestReveal(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	digits := b.deliver("mac1")
	path := "/actions/" + string(a.ID) + "/reveal"

	hasNot(t, b.page(path), digits)
	assert.Empty(t, b.events(lock.EventRevealed), "asking for the form discloses nothing")
	for _, reason := range []string{"", digits} {
		refused := b.post(path, "reason", reason)
		assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		hasNot(t, refused.text, digits)
	}
	assert.Empty(t, b.events(lock.EventRevealed))

	shown := b.post(path, "reason", "owner verified by phone")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	has(t, shown.text, fmt.Sprintf("<span>%s</span> <span>%s</span>", digits[:3], digits[3:]))
	has(t, shown.text, spoken(digits))
	assert.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
	has(t, shown.text, `<noscript><meta http-equiv="refresh" content="30; url=/actions/`+string(a.ID)+`/feedback"></noscript>`)
	hasNot(t, b.page(path), "http-equiv")

	events := b.events(lock.EventRevealed)
	require.Len(t, events, 1)
	assert.Equal(t, "admin", events[0].Actor.ID)
	assert.Equal(t, "owner verified by phone", events[0].Reason)
	for _, page := range []string{"/devices/mac1", "/actions/" + string(a.ID), "/audit"} {
		text := b.page(page)
		has(t, text, "owner verified by phone", page)
		has(t, text, "Ada Admin", page)
		hasNot(t, text, digits, page)
		hasNot(t, text, digits[:3]+" "+digits[3:], page)
	}

	b.deny.Store(true)
	denied := b.post(path, "reason", "curious")
	assert.Equal(t, http.StatusForbidden, denied.StatusCode)
	hasNot(t, denied.text, digits)
	assert.Equal(t, http.StatusNotFound, b.post("/actions/none/reveal", "reason", "x").StatusCode)
}

func TestSpoken(t *testing.T) {
	for digits, want := range map[string]string{
		"123456": "one two three — four five six",
		"007890": "zero zero seven — eight nine zero",
		"12a4":   "one two a — four",
		"":       "",
	} {
		assert.Equal(t, want, spoken(digits))
	}
}

func TestCandidatesAndHistory(t *testing.T) {
	b := newBench(t).signIn()
	first := b.order("mac1")
	b.deliver("mac1")
	b.report(first, lock.Acknowledged, nil)
	b.pass(10 * time.Minute)
	require.NoError(t, b.svc.Seen(t.Context(), b.device("mac1"), lock.EvidencePoll))
	b.pass(24 * time.Hour)
	second := b.order("mac1")
	b.deliver("mac1")

	text := b.page("/devices/mac1")
	has(t, text, "2 PINs are kept for this Mac")
	has(t, text, "the command left, and the device did not say that it refused it")
	has(t, text, "the device acted on it or may have, and was seen open again since")
	has(t, text, "Current PIN")
	has(t, text, "/actions/"+string(first.ID)+"/reveal")
	has(t, text, "/actions/"+string(second.ID)+"/reveal")
	has(t, text, "Do not guess.")
	has(t, text, "a screen of the recovery system")
	has(t, text, "ManagementStatus.IsUserEnrollment")
	has(t, b.page("/devices/mac2"), "a screen of the firmware")
	has(t, b.page("/devices/mac2"), "No PIN is kept for this Mac.")
}

func TestActionLogFilters(t *testing.T) {
	b := newBench(t).signIn()
	b.order("mac1")
	b.order("mac2")
	b.deliver("mac2")
	gone := b.device("mac5")
	gone.ID, gone.Serial, gone.Name = "gone", "C02GONE", "Sold Mac"
	_, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: gone})
	require.NoError(t, err)
	for query, names := range map[string][]string{
		"":                         {"Ada’s", "Reception", "Sold"},
		"?state=issued":            {"Reception"},
		"?state=queued":            {"Ada’s", "Sold"},
		"?state=live":              {"Ada’s", "Reception", "Sold"},
		"?device=ada":              {"Ada’s"},
		"?device=C02GONE":          {"Sold"},
		"?state=issued&device=ada": {},
	} {
		text := b.page("/actions" + query)
		for _, name := range []string{"Ada’s", "Reception", "Sold"} {
			if slices.Contains(names, name) {
				has(t, text, name, query)
			} else {
				hasNot(t, text, name, query)
			}
		}
	}
}

func TestPaging(t *testing.T) {
	b := newBench(t).signIn()
	for range eventsPerPage + 5 {
		a := b.order("mac1")
		_, err := b.svc.Cancel(t.Context(), admin, a.ID, "practice")
		require.NoError(t, err)
	}
	has(t, b.page("/actions"), "Older actions")
	has(t, b.page("/actions?before="+string(b.actions()[50].ID)), "Details")
	hasNot(t, b.page("/actions?before="+string(b.actions()[50].ID)), "Older actions")

	has(t, b.page("/audit"), "Older events")
	last := b.page("/audit?before=2")
	has(t, last, "Signed in")
	hasNot(t, last, "Older events")
	assert.Equal(t, http.StatusUnprocessableEntity, b.get("/audit?before=x").StatusCode)
	read := b.events(lock.EventAuditRead)
	require.NotEmpty(t, read, "reading the log is in the log")
	assert.Equal(t, "admin", read[0].Actor.ID)
}

func TestEnrolment(t *testing.T) {
	b := newBench(t).signIn()
	hasNot(t, b.page("/enrolment"), "code=")
	a := b.post("/enrolment")
	has(t, a.text, b.server.URL+"/enroll?code=ONE%26TIME")
	has(t, a.text, "Open the link in Safari.")
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
}

func TestSimulatedScreen(t *testing.T) {
	b := newBench(t).signIn()
	has(t, b.page("/devices/mac1"), "Desktop")
	hasNot(t, b.page("/devices/mac2"), "Simulated screen")
	digits := "739182"
	b.demo.digits.Store(&digits)
	text := b.page("/devices/mac1")
	has(t, text, "This Mac is locked")
	has(t, text, "Please call us.")
	assert.Equal(t, http.StatusSeeOther, b.post("/devices/mac1/type", "digits", "111222").StatusCode)
	has(t, b.page("/devices/mac1"), "Wrong PIN")
	assert.Equal(t, http.StatusSeeOther, b.post("/devices/mac1/type", "digits", digits).StatusCode)
	text = b.page("/devices/mac1")
	has(t, text, "The simulated Mac has opened.")
	has(t, text, "Desktop")
	assert.Equal(t, http.StatusNotFound, b.post("/devices/mac2/type", "digits", digits).StatusCode)
}

func TestRefreshLeavesTheSentence(t *testing.T) {
	b := newBench(t).signIn()
	b.post("/devices/mac1/lock", "confirm", "17QX")
	hasNot(t, b.do(http.MethodGet, "/devices/mac1", nil, "X-Refresh", "1").text, "Lock ordered")
	has(t, b.page("/devices/mac1"), "Lock ordered")
}

func TestExplain(t *testing.T) {
	live := lock.Action{ID: "1", State: lock.StateIssued}
	for _, c := range []struct {
		err    error
		status int
	}{
		{&lock.BusyError{Live: live}, http.StatusConflict},
		{&lock.BlockedError{}, http.StatusUnprocessableEntity},
		{&lock.TransitionError{}, http.StatusConflict},
		{&lock.InputError{Field: "reason", Rule: "is required"}, http.StatusUnprocessableEntity},
		{lock.ErrKeyReused, http.StatusConflict},
		{lock.ErrDenied, http.StatusForbidden},
		{lock.ErrNotFound, http.StatusNotFound},
		{lock.ErrSealed, http.StatusServiceUnavailable},
		{&pin.Error{Reason: pin.ReasonKeyring, Rule: "disk"}, http.StatusServiceUnavailable},
		{errors.New("disk /var/x is full"), http.StatusServiceUnavailable},
	} {
		f := explain(fmt.Errorf("wrapped: %w", c.err))
		assert.Equal(t, c.status, f.Status, "%v", c.err)
		assert.NotEmpty(t, f.Title, "%v", c.err)
		assert.NotContains(t, f.Text, "disk", "an error of the machine stays in the log")
	}
	b := newBench(t).signIn()
	for _, path := range []string{"/nowhere", "/devices/nobody", "/devices/nobody/lock", "/actions/nothing"} {
		a := b.get(path)
		assert.Equal(t, http.StatusNotFound, a.StatusCode, path)
		has(t, a.text, "Not found", path)
	}
}
