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

const (
	keepOffered = `value="keep" id="keep" aria-describedby="about-keep">`
	keepRefused = `value="keep" id="keep" aria-describedby="about-keep" disabled>`
)

func TestKeepIsOfferedOrSaysWhyNot(t *testing.T) {
	for _, c := range []struct {
		name, radio, says string
		before            func(b *bench)
	}{
		{"never confirmed", keepRefused, "The device has confirmed no PIN yet", func(b *bench) { b.order("mac1"); b.deliver("mac1") }},
		{"in use", keepOffered, "In use since 23 November 2026; the Mac confirmed it last", func(b *bench) { past(b, "mac1") }},
		{"seen", keepOffered, "Somebody has seen it, so it takes a reason.", func(b *bench) {
			_, second, _ := past(b, "mac1")
			b.reveal(second)
		}},
		{"too old", keepRefused, "too old", func(b *bench) { past(b, "mac1"); b.pass(91 * 24 * time.Hour) }},
		{"enrolled anew", keepRefused, "enrolled anew", func(b *bench) {
			past(b, "mac1")
			require.NoError(b.t, b.svc.Seen(b.t.Context(), b.device("mac1"), lock.EvidenceReenrolled))
		}},
		{"shared", keepRefused, "shared with others", func(b *bench) {
			_, err := b.svc.Lock(b.t.Context(), admin, lock.Request{Device: b.device("mac1"), PIN: parse(b.t, "739182"), Batch: "stolen van"})
			require.NoError(b.t, err)
			b.deliver("mac1")
			b.report(b.actions()[0], lock.Acknowledged, nil)
			b.pass(time.Hour)
			require.NoError(b.t, b.svc.Seen(b.t.Context(), b.device("mac1"), lock.EvidencePoll))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).signIn()
			c.before(b)
			if live := b.actions()[0]; live.Lane != "" {
				_, err := b.svc.Cancel(t.Context(), admin, live.ID, "practice")
				require.NoError(t, err)
			}
			text := b.page("/devices/mac1/lock")
			has(t, text, c.radio)
			has(t, text, c.says)
		})
	}
}

func TestKeepOrdersTheSamePIN(t *testing.T) {
	b := newBench(t).signIn()
	_, second, digits := past(b, "mac1")
	a := b.post("/devices/mac1/lock", "key", b.key("mac1"), "confirm", "17QX", "pin_mode", "keep")
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	assert.Equal(t, second.ID, b.actions()[0].Kept)
	assert.Equal(t, digits[1], b.deliver("mac1"))
	has(t, b.page("/actions/"+string(b.actions()[0].ID)), "Lock ordered, PIN kept")
}

func TestKeepOfASeenPINTakesAReason(t *testing.T) {
	b := newBench(t).signIn()
	_, second, digits := past(b, "mac1")
	b.reveal(second)
	refused := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "keep", "reuse_keep", " ")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	has(t, refused.text, `id="e-reuse">Say why`)
	has(t, refused.text, `aria-describedby="e-reuse" autofocus>`)
	assert.Len(t, b.actions(), 2, "nothing was ordered")

	done := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "keep", "reuse_keep", "only the desk has seen it")
	require.Equal(t, http.StatusSeeOther, done.StatusCode, done.text)
	assert.Equal(t, "only the desk has seen it", b.actions()[0].Reuse)
	assert.Equal(t, digits[1], b.deliver("mac1"))
	has(t, b.page("/devices/mac1/pins"), "only the desk has seen it")
}

func TestKeepThatBecameImpossible(t *testing.T) {
	b := newBench(t).signIn()
	a := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "keep")
	assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
	has(t, a.text, "Nothing was ordered: the PIN in use cannot be kept.")
	has(t, a.text, `value="rotate" checked`)
	assert.Empty(t, b.actions())
}

func TestFindingsOfAnOwnPIN(t *testing.T) {
	for _, c := range []struct {
		name, digits, says string
		form               []string
	}{
		{"nothing typed", "", "none that people try first", nil},
		{"half typed", "7391", "exactly 6 characters", nil},
		{"a run", "123456", "Not a good PIN.", nil},
		{"in the phone number", "794600", "Not a good PIN.", []string{"with_phone", "1", "phone_number", "+44 20 7946 0000"}},
		{"is the phone number", "739182", "not be in the phone number", []string{"with_phone", "1", "phone_number", "739182"}},
		{"in parts of the phone number", "739182", "not be in the phone number", []string{"with_phone", "1", "phone_number", "+44 73-91 82"}},
		{"in the message", "739182", "not be in the message", []string{"message", "call 739182"}},
		{"in groups in the message", "739182", "not be in the message", []string{"message", "call 739 182"}},
		{"one by one in the ticket", "739182", "not be in the ticket", []string{"ticket", "7 3 9 1 8 2"}},
		{"with a hyphen in the reason to use it", "739182", "not be in the reason to use it", []string{"pin_mode", "supplied", "reuse_supplied", "739-182"}},
		{"in the reason", "739182", "not be in the reason", []string{"reason", "was 739182"}},
		{"good", "739182", "Nothing speaks against it so far.", []string{"message", "call 4711"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t).signIn()
			a := b.post("/devices/mac1/lock/pin", append(c.form, "pin", c.digits)...)
			assert.Equal(t, http.StatusOK, a.StatusCode)
			assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			has(t, a.text, c.says)
			if c.digits != "" {
				hasNot(t, a.text, c.digits)
			}
			assert.Equal(t, c.name == "good", strings.Contains(a.text, "Nothing speaks against it"))
			assert.NotContains(t, a.text, "<main", "a fragment")
			assert.Empty(t, b.actions(), "nothing is ordered")
			assert.Empty(t, b.events(lock.EventAlarm), "nothing is compared with the ledger")
		})
	}
}

// As one types, the PINs in the ledger are not compared: that would be a way to guess them.
func TestFindingsDoNotTellOfEarlierPINs(t *testing.T) {
	b := newBench(t).signIn()
	_, _, digits := past(b, "mac1")
	for _, old := range digits {
		has(t, b.post("/devices/mac1/lock/pin", "pin", old).text, "Nothing speaks against it so far.")
	}
}

func TestFindingsAreForWhoeverMayLock(t *testing.T) {
	b := newBench(t).signIn()
	assert.Equal(t, http.StatusNotFound, b.post("/devices/nobody/lock/pin", "pin", "739182").StatusCode)
	assert.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/devices/mac1/lock/pin", map[string][]string{"pin": {"739182"}},
		"Sec-Fetch-Site", "cross-site").StatusCode)
	b.deny.Store(true)
	a := b.post("/devices/mac1/lock/pin", "pin", "739182")
	assert.Equal(t, http.StatusForbidden, a.StatusCode)
	hasNot(t, a.text, "739182")
}

func TestOwnPINThatWasUsedBefore(t *testing.T) {
	b := newBench(t).signIn()
	_, _, digits := past(b, "mac1")
	for _, old := range digits {
		dialog := b.page("/devices/mac1/lock")
		hasNot(t, dialog, "reuse_supplied", "only when it is needed")
		refused := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "supplied", "pin", old)
		assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		has(t, refused.text, "reuse_supplied")
		assert.Regexp(t, `id="e-pin">The PIN (must differ|was shown)`, refused.text)
		hasNot(t, refused.text, old)
	}
	assert.Len(t, b.events(lock.EventAlarm), 2, "each question is on record")

	again := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "supplied", "reuse_supplied", "the owner knows it by heart")
	has(t, again.text, `name="reuse_supplied" maxlength="1024" value="the owner knows it by heart"`, "the PIN has to be typed again, the reason has not")
	done := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "supplied", "pin", digits[0], "reuse_supplied", "the owner knows it by heart")
	require.Equal(t, http.StatusSeeOther, done.StatusCode, done.text)
	assert.Equal(t, "the owner knows it by heart", b.actions()[0].Reuse)
	assert.Equal(t, digits[0], b.deliver("mac1"))
}

// Without a script the findings come with the answer to the order, all of them, and the PIN has to be typed again.
func TestFindingsAfterAnOrder(t *testing.T) {
	b := newBench(t).signIn()
	weak := b.post("/devices/mac1/lock", "confirm", "17QX", "pin_mode", "supplied", "pin", "111111")
	has(t, weak.text, "Not a good PIN.")
	has(t, weak.text, "read the same backwards")
	hasNot(t, weak.text, "111111")
	good := b.post("/devices/mac1/lock", "confirm", "wrong", "pin_mode", "supplied", "pin", "739182")
	has(t, good.text, "Type it again.")
	hasNot(t, good.text, "739182")
}
