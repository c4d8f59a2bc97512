package console

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// stray is what is kept of a device whose answer no order waits for.
func (b *bench) stray(id, body string) lock.Action {
	b.t.Helper()
	b.pass(time.Minute)
	require.NoError(b.t, b.svc.KeepStray(b.t.Context(), b.device(id), []byte(body), pin.PIN{}))
	return b.newest(id, lock.KindEscrow)
}

func TestAnswerThatNoOrderWaitsFor(t *testing.T) {
	b := newWindowsBench(t)
	kept := b.stray(lumia, cutAnswer+`730194</Data>`)
	path := "/actions/" + string(kept.ID)
	page := b.page("/devices/" + lumia)
	has(t, page, "The device returned what may be a PIN")
	has(t, page, path+`/answer">Show the device’s answer`)
	hasNot(t, b.page("/devices/"+lens), "returned what may be a PIN")
	page = b.page(path)
	has(t, page, "Answer kept")
	has(t, page, "Answer of the device kept, sealed")
	hasNot(t, page, "Not sent after", "it is no order")
	has(t, page, path+`/answer">Show the device’s answer`)
	has(t, b.page("/audit?show=denials"), `<a href="`+path+`">Alarm</a>`)

	hasNot(t, b.page(path+"/answer"), "730194")
	has(t, b.post(path+"/answer", "reason", "user on the phone").text, "<mark>&lt;Data&gt;551730194&lt;/Data&gt;</mark>")
	hasNot(t, b.page("/devices/"+lumia), "returned what may be a PIN", "somebody has looked")
	b.stray(lumia, cutAnswer+`730195</Data>`)
	has(t, b.page("/devices/"+lumia), "returned what may be a PIN", "another one came")

	b.rights = &[]lock.Verb{lock.VerbView}
	page = b.page("/devices/" + lumia)
	has(t, page, "returned what may be a PIN")
	hasNot(t, page, "Show the device’s answer", "to who may not reveal")
	b.deny.Store(true)
	assert.Equal(t, http.StatusForbidden, b.post(path+"/answer", "reason", "curious").StatusCode)
}

// TestWhatWasRevealed: the answer of a device is not called its PIN.
func TestWhatWasRevealed(t *testing.T) {
	b := newWindowsBench(t)
	a := b.resetOf(lumia)
	_, err := b.svc.Keep(t.Context(), b.device(lumia), []byte("unreadable"))
	require.NoError(t, err)
	b.returns(a, lock.Acknowledged, "730194")
	path := "/actions/" + string(a.ID)
	b.post(path+"/answer", "reason", "the PIN was not read")
	for _, page := range []string{path, "/audit?show=reveals"} {
		text := b.page(page)
		has(t, text, "Answer of the device revealed")
		hasNot(t, text, ">PIN revealed<")
	}
	b.post(path+"/reveal", "reason", "user on the phone")
	for _, page := range []string{path, "/audit?show=reveals"} {
		text := b.page(page)
		has(t, text, "Answer of the device revealed")
		has(t, text, ">PIN revealed<")
	}
}

func TestPINThatCameWithARefusal(t *testing.T) {
	b := newWindowsBench(t)
	a := b.resetOf(lumia)
	b.returns(a, lock.Progress, "730194")
	require.NoError(t, b.svc.Report(t.Context(), lock.Report{
		Scope: scope, Device: lumia, Action: a.ID, Outcome: lock.Acknowledged, Facts: map[string]string{"code": "500"},
		Findings: []lock.Finding{{Code: "pin_despite_refusal", Level: lock.LevelWarn, Text: "It refused."}},
	}))
	page := b.page("/devices/" + lumia)
	has(t, page, "Not done, says the device, but it returned a PIN")
	has(t, page, "The device returned it with a refusal")
	hasNot(t, page, "New PIN set")
}

func TestApprovalSaysThatItIsALockOut(t *testing.T) {
	b := newWindowsBench(t)
	b.verbs = []lock.Verb{lock.VerbLock}
	_, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(desktop), Reason: "stolen", Force: true})
	require.NoError(t, err)
	inbox := b.seen("grace", "/approvals")
	for _, part := range []string{
		"Lock out every sign-in of Finance laptop 7", "<b>Forced:</b>", "sign_in_lockout_unproven", "with any account", "finding block", "finding warn",
	} {
		has(t, inbox, part)
	}
	hasNot(t, inbox, "finding info")
}

func TestApprovalOfAScreenLockIsOne(t *testing.T) {
	b := newWindowsBench(t)
	b.verbs = []lock.Verb{lock.VerbLock}
	_, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(lens), Reason: "stolen"})
	require.NoError(t, err)
	inbox := b.seen("grace", "/approvals")
	has(t, inbox, "Lock Assembly HoloLens")
	hasNot(t, inbox, "<b>Forced:</b>")
	hasNot(t, inbox, "Lock out every sign-in")
}
