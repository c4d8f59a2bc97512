package console

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

var hiddenKey = regexp.MustCompile(`name="key" value="([^"]+)"`)

// key opens the lock dialog and returns the idempotency key of its form.
func (b *bench) key(device string) string {
	b.t.Helper()
	match := hiddenKey.FindStringSubmatch(b.page("/devices/" + device + "/lock"))
	require.NotNil(b.t, match)
	return match[1]
}

func TestLockDialog(t *testing.T) {
	for _, c := range []struct {
		name, device string
		has, hasNot  []string
	}{
		{"names the machine", "mac1", []string{
			"Ada’s MacBook Pro", "C02MAC17QX", "Ada Lovelace", "MacBook Pro (14-inch, M3)", "restarts at once", `name="with_message" value="1">`,
			`name="with_phone" value="1">`, "A new random PIN", `data-arm="17QX"`,
		}, []string{`name="force"`, `value="1" disabled`}},
		{"Intel shows no phone number", "mac2", []string{`name="with_phone" value="1" disabled`, "This Mac cannot show a phone number"},
			[]string{`name="with_message" value="1" disabled`, `name="force"`}},
		{"old macOS shows neither", "mac4", []string{
			`name="with_message" value="1" disabled`, `name="with_phone" value="1" disabled`, "This Mac cannot show a message",
		}, nil},
		{"deactivation can be forced", "mac3", []string{`name="force"`, "apple_silicon_before_11_5", "is not locked by this command but deactivated"}, nil},
		{"an iPad cannot be locked", "pad1", []string{"This is not a Mac"}, []string{"<button class=\"danger\"", `name="force"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := newBench(t).signIn().page("/devices/" + c.device + "/lock")
			for _, part := range c.has {
				has(t, text, part)
			}
			for _, part := range c.hasNot {
				hasNot(t, text, part)
			}
		})
	}
}

func TestLock(t *testing.T) {
	b := newBench(t).signIn()
	a := b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", "17qx", "reason", "stolen from the car", "ticket", "4711",
		"with_message", "1", "message", "Please call us.", "phone_number", "not asked for")
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	assert.Equal(t, "/devices/mac1", a.Header.Get("Location"))
	require.Len(t, b.actions(), 1)
	action := b.actions()[0]
	assert.Equal(t, "admin", action.By.ID)
	assert.Equal(t, "127.0.0.1", action.By.Address)
	assert.Equal(t, "stolen from the car", action.Reason)
	assert.Equal(t, "4711", action.Ticket)
	assert.Equal(t, "Please call us.", action.Message)
	assert.Empty(t, action.PhoneNumber, "its checkbox was not ticked")
	assert.False(t, action.Supplied)

	text := b.page("/devices/mac1")
	has(t, text, "Lock ordered, and its PIN is kept.")
	has(t, text, "Will lock when it comes online")
	hasNot(t, b.page("/devices/mac1"), "Lock ordered, and its PIN is kept.", "said once")
}

func TestLockIsArmedByTheSerialNumber(t *testing.T) {
	for _, confirm := range []string{"", "0000", "27QX", "C02MAC17QX"} {
		t.Run(confirm, func(t *testing.T) {
			b := newBench(t).signIn()
			a := b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", confirm, "reason", "stolen")
			assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
			has(t, a.text, "These are not the last four characters.")
			has(t, a.text, `value="stolen"`, "what was entered is not lost")
			assert.Empty(t, b.actions())
		})
	}
}

func TestDoubleSubmitMakesOneLock(t *testing.T) {
	b := newBench(t).signIn()
	key := b.key("mac1")
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() { b.post("/devices/mac1/lock", "key", key, "confirm", "17QX") })
	}
	both.Wait()
	require.Len(t, b.actions(), 1)

	a := b.actions()[0]
	b.deliver("mac1")
	b.report(a, lock.Acknowledged, nil)
	b.pass(5 * 60e9)
	require.NoError(t, b.svc.Seen(t.Context(), b.device("mac1"), lock.EvidencePoll))
	again := b.post("/devices/mac1/lock", "key", key, "confirm", "17QX")
	assert.Equal(t, http.StatusSeeOther, again.StatusCode)
	assert.Len(t, b.actions(), 1, "the form of yesterday locks nothing today")
	has(t, b.page("/devices/mac1"), "has ended, and nothing new was ordered")
}

func TestChosenPIN(t *testing.T) {
	for _, c := range []struct{ name, digits, message, says string }{
		{"weak", "123456", "Please call us.", "run"},
		{"short", "1234", "Please call us.", "exactly 6 characters"},
		{"letters", "12a45b", "Please call us.", "consist of the characters"},
		{"none", "", "Please call us.", "type the pin of your choice"},
		{"in the message", "739182", "Type 739182 to open", "Must not contain the PIN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).signIn()
			a := b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", "17QX", "pin_mode", "supplied", "pin", c.digits,
				"with_message", "1", "message", c.message)
			assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
			has(t, strings.ToLower(a.text), strings.ToLower(c.says))
			if c.digits != "" {
				hasNot(t, a.text, c.digits)
			}
			assert.Empty(t, b.actions())
		})
	}
	t.Run("good", func(t *testing.T) {
		b := newBench(t).signIn()
		a := b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", "17QX", "pin_mode", "supplied", "pin", "039182")
		require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
		assert.True(t, b.actions()[0].Supplied)
		assert.Equal(t, "039182", b.deliver("mac1"))
	})
	t.Run("not asked for", func(t *testing.T) {
		b := newBench(t).signIn()
		b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", "17QX", "pin_mode", "rotate", "pin", "039182")
		assert.NotEqual(t, "039182", b.deliver("mac1"))
	})
}

func TestLockOverABlock(t *testing.T) {
	b := newBench(t).signIn()
	refused := b.post("/devices/mac3/lock", "key", b.key("mac3"), "confirm", "37QX")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	has(t, refused.text, "Nothing was ordered")
	has(t, refused.text, "deactivated")
	assert.Empty(t, b.actions())

	forced := b.post("/devices/mac3/lock", "key", b.key("mac3"), "confirm", "37QX", "force", "1")
	assert.Equal(t, http.StatusSeeOther, forced.StatusCode)
	require.Len(t, b.actions(), 1)
	assert.True(t, b.actions()[0].Forced)

	never := b.post("/devices/pad1/lock", "confirm", "17QX", "force", "1")
	assert.Equal(t, http.StatusUnprocessableEntity, never.StatusCode)
	assert.Len(t, b.actions(), 1)
}

func TestLockOfALockedMac(t *testing.T) {
	b := newBench(t).signIn()
	first := b.order("mac1")
	dialog := b.page("/devices/mac1/lock")
	has(t, dialog, "one lock at a time")
	hasNot(t, dialog, `name="confirm"`)

	joined := b.post("/devices/mac1/lock", "confirm", "17QX")
	assert.Equal(t, http.StatusSeeOther, joined.StatusCode)
	has(t, b.page("/devices/mac1"), "Your order joined it")

	busy := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "supplied", "pin", "739182")
	assert.Equal(t, http.StatusConflict, busy.StatusCode)
	has(t, busy.text, "with another PIN than the one you chose")
	has(t, busy.text, "/actions/"+string(first.ID))
	hasNot(t, busy.text, "739182")
	assert.Len(t, b.actions(), 1)
}

func TestFieldsThatTheServiceRefuses(t *testing.T) {
	b := newBench(t).signIn()
	for name, fields := range map[string][]string{
		"long reason":   {"reason", strings.Repeat("x", 1025)},
		"long ticket":   {"ticket", strings.Repeat("x", 129)},
		"empty message": {"with_message", "1", "message", " "},
		"empty phone":   {"with_phone", "1"},
		"bad phone":     {"with_phone", "1", "phone_number", "call <me>"},
		"line break":    {"with_message", "1", "message", "a\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.post("/devices/mac1/lock", append(fields, "confirm", "17QX")...)
			assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
			assert.Regexp(t, `class="(error|alert|reason)"`, a.text)
			hasNot(t, a.text, "<me>", "escaped")
		})
	}
	assert.Empty(t, b.actions())
}

func TestLockWithoutAKeyring(t *testing.T) {
	b := newBench(t).signIn()
	b.lost.Store(true)
	a := b.post("/devices/mac1/lock", "confirm", "17QX")
	assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode)
	has(t, a.text, "The keyring file cannot be used, so nothing is sealed and nothing was ordered. Restore it")
	hasNot(t, a.text, "/srv/keyring", "where it is stays in the log")
	assert.Empty(t, b.actions())
}

func TestDeniedLockIsRecorded(t *testing.T) {
	b := newBench(t).signIn()
	b.deny.Store(true)
	a := b.post("/devices/mac1/lock", "confirm", "17QX")
	assert.Equal(t, http.StatusForbidden, a.StatusCode)
	has(t, a.text, "The attempt was recorded.")
	b.deny.Store(false)
	audit := b.page("/audit?show=denials")
	has(t, audit, "Denied: lock")
	has(t, audit, "not on weekends")
	has(t, audit, "Ada’s MacBook Pro")
}

func TestCancel(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	has(t, b.page("/devices/mac1"), fmt.Sprintf(`action="/actions/%s/cancel"`, a.ID))
	done := b.post("/actions/"+string(a.ID)+"/cancel", "reason", "it was under the sofa")
	assert.Equal(t, http.StatusSeeOther, done.StatusCode)
	text := b.page("/actions/" + string(a.ID))
	has(t, text, "Cancelled before it was sent")
	has(t, text, "it was under the sofa")
	hasNot(t, text, "/cancel")

	sent := b.order("mac2")
	b.deliver("mac2")
	b.post("/actions/"+string(sent.ID)+"/cancel", "reason", "found")
	has(t, b.page("/devices/mac2"), "Cancelled after it was sent; may be locked")

	b.report(sent, lock.Acknowledged, nil)
	late := b.post("/actions/"+string(sent.ID)+"/cancel", "reason", "again")
	assert.Equal(t, http.StatusConflict, late.StatusCode)
}
