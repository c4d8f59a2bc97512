package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// A Mac that has checked out does not come online: it must be enrolled again.
func TestLockOfADeviceThatCheckedOut(t *testing.T) {
	b := newBench(t).signIn()
	d := b.fleet["mac1"]
	d.Enrolled = false
	b.fleet["mac1"] = d
	b.post("/devices/mac1/lock", "confirm", "17QX")
	has(t, b.page("/devices/mac1"), "This Mac has checked out")
	id := string(b.actions()[0].ID)
	for _, path := range []string{"/", "/devices/mac1", "/devices/mac1/lock", "/actions", "/actions/" + id, "/actions/" + id + "/reveal"} {
		text := b.page(path)
		has(t, text, "Will lock when it is enrolled again", path)
		hasNot(t, text, "Will lock when it comes online", path)
	}
}

func TestDevicePageSaysWhenTheCertificateExpires(t *testing.T) {
	b := newBench(t).signIn()
	hasNot(t, b.page("/devices/mac1"), "certificate expires")
	d := b.fleet["mac1"]
	d.Expires = began.AddDate(0, 0, 30)
	b.fleet["mac1"] = d
	has(t, b.page("/devices/mac1"), "Its certificate expires")
}

// The newest events of an action are never left out, and that others are is said.
func TestActionWithManyEvents(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	path := "/actions/" + string(a.ID)
	hasNot(t, b.page(path), "not shown here")
	for range 2 {
		b.reveal(a)
	}
	for range eventsPerAction - 2 {
		b.order("mac1") // joins
	}
	_, err := b.svc.Reveal(t.Context(), admin, a.ID, "the newest of all", "")
	require.NoError(t, err)
	text := b.page(path)
	has(t, text, "the newest of all")
	has(t, text, "2 older events are not shown here.")
	newest, joined := strings.Index(text, "the newest of all"), strings.Index(text, "joined this one")
	require.Less(t, newest, joined, "newest first")
	has(t, b.page("/devices/mac1"), "the newest of all")
}

func TestDevicePageSaysThatOlderRevealsAreLeftOut(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	for range 100 {
		b.reveal(a)
	}
	hasNot(t, b.page("/devices/mac1"), "times before")
	for i := range 3 {
		_, err := b.svc.Reveal(t.Context(), admin, a.ID, fmt.Sprint("late ", i), "")
		require.NoError(t, err)
	}
	text := b.page("/devices/mac1")
	has(t, text, "late 2")
	has(t, text, "and 3 times before")
}

func (b *bench) reveal(a lock.Action) {
	b.t.Helper()
	_, err := b.svc.Reveal(b.t.Context(), admin, a.ID, "on the phone", "")
	require.NoError(b.t, err)
}

func TestAuditLogNamesTheDeviceOfANotice(t *testing.T) {
	b := newBench(t).signIn()
	facts := map[string]string{"kind": "renew", "device": "mac1"}
	require.NoError(t, b.svc.Note(t.Context(), admin, lock.EventEnrolmentLink, scope, facts))
	text := b.page("/audit?show=enrolments")
	has(t, text, "Link to renew a certificate made")
	has(t, text, `href="/devices/mac1"`)
	hasNot(t, text, "Signed in")
}
