package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// TestEscrowOutlivesTheInventory: the device was deleted there, and is locked. All that anybody knows is the number on its label.
func TestEscrowOutlivesTheInventory(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	f.Answer(a, lock.Acknowledged)
	f.Lock(locktest.Device("mac-2"))

	label := lock.Device{Scope: "acme", Serial: "S-mac-1"}
	found := candidates(t, f, label)
	require.Len(t, found, 1)
	assert.Equal(t, a.ID, found[0].Action.ID)
	assert.Equal(t, "mac-1", found[0].Action.Device.ID)
	assert.Equal(t, code, f.PIN(found[0].Action.ID))
	listed, err := f.Service.List(t.Context(), locktest.Admin(), lock.Filter{Scope: "acme", Serial: "S-mac-1"})
	require.NoError(t, err)
	require.Len(t, listed, 1)
	assert.Equal(t, a.ID, listed[0].ID)
	feedback(t, f, a.ID, lock.FeedbackWorked)
}

// TestEscrowOutlivesAnEnrolment: the device came back under another ID, with its serial number.
func TestEscrowOutlivesAnEnrolment(t *testing.T) {
	f := newFixture(t)
	nameless := mac()
	nameless.Serial = ""
	first := ended(t, f, func(r *lock.Request) { r.Device = nameless })
	f.Clock.Advance(time.Second)
	second := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(second, lock.Acknowledged)
	anew := as("mac-9", "S-mac-1")
	third := f.Lock(anew)
	want := []lock.ID{second.ID, third.ID, first.ID}
	assert.Equal(t, want, candidateIDs(t, f, anew), "also from before its number was known")
	assert.Equal(t, want, candidateIDs(t, f, lock.Device{Scope: "acme", Serial: "S-mac-1"}))
	assert.Empty(t, candidateIDs(t, f, lock.Device{Scope: "other", Serial: "S-mac-1"}))
	assert.Empty(t, candidateIDs(t, f, lock.Device{Scope: "acme", Serial: "S-mac-2"}))
}

func TestCandidatesByLabelObeyRights(t *testing.T) {
	f := newFixture(t)
	f.Lock(mac())
	f.Lock(as("mac-9", "S-mac-1"))
	f.Rights.Narrow(func(f lock.Filter) lock.Filter { f.Devices = []string{"mac-9"}; return f })
	found := candidates(t, f, lock.Device{Scope: "acme", Serial: "S-mac-1"})
	require.Len(t, found, 1)
	assert.Equal(t, "mac-9", found[0].Action.Device.ID)
}

// TestOnlyTheLedgerIsAskedByLabel: all else needs to know which device it is.
func TestOnlyTheLedgerIsAskedByLabel(t *testing.T) {
	f := newFixture(t)
	label := lock.Device{Scope: "acme", Platform: locktest.Platform, Serial: "S-mac-1"}
	_, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: label})
	assert.Equal(t, "device.id", inputField(err))
	_, err = f.Service.Next(t.Context(), label)
	assert.Equal(t, "device.id", inputField(err))
	assert.Equal(t, "device.id", inputField(f.Service.Seen(t.Context(), label, lock.EvidencePoll)))
	_, err = f.Service.Candidates(t.Context(), locktest.Admin(), lock.Device{Scope: "acme"})
	assert.Equal(t, "device.id", inputField(err))
	_, err = f.Service.Candidates(t.Context(), locktest.Admin(), lock.Device{Serial: "S-mac-1"})
	assert.Equal(t, "device.scope", inputField(err))
}
