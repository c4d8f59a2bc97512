package lock_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func candidates(t *testing.T, f *locktest.Fixture, d lock.Device) []lock.Candidate {
	t.Helper()
	found, err := f.Service.Candidates(t.Context(), locktest.Admin(), d)
	require.NoError(t, err)
	return found
}

func candidateIDs(t *testing.T, f *locktest.Fixture, d lock.Device) []lock.ID {
	t.Helper()
	found := candidates(t, f, d)
	ids := make([]lock.ID, len(found))
	for i, c := range found {
		ids[i] = c.Action.ID
	}
	return ids
}

// TestClockThatWasSetBack does not reorder deliveries.
func TestClockThatWasSetBack(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Set(f.Clock.Now().Add(-time.Hour))
	b := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Answer(b, lock.Acknowledged)
	assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
}

// TestCandidates gives one device a lock in every situation, and expects the order of the design.
func TestCandidates(t *testing.T) {
	f := newFixture(t)
	names := map[lock.ID]string{}
	give := func(name string, life func(a lock.Action)) {
		f.Clock.Advance(time.Second)
		a := f.Lock(mac())
		require.False(t, a.Joined, name)
		names[a.ID] = name
		life(a)
	}
	release := func(lock.Action) { f.Clock.Advance(time.Hour); seen(t, f, lock.EvidencePoll) }
	deliver := func(a lock.Action) { require.Equal(t, a.ID, f.Deliver(mac()).ID) }
	drop := func(a lock.Action) { cancel(t, f, a.ID) }

	give("released, older", func(a lock.Action) { deliver(a); f.Answer(a, lock.Acknowledged); release(a) })
	give("released, newer", func(a lock.Action) { deliver(a); drop(a); release(a) })
	give("never left, older", drop)
	give("refused, older", func(a lock.Action) { deliver(a); f.Answer(a, lock.Refused) })
	give("refused, newer", func(a lock.Action) { deliver(a); f.Answer(a, lock.Refused) })
	give("never left, newer", drop)
	var first lock.Action
	give("acknowledged, delivered first", func(a lock.Action) { deliver(a); drop(a); first = a })
	give("delivered first", func(a lock.Action) { deliver(a); drop(a) })
	give("delivered last", func(a lock.Action) { deliver(a); drop(a) })
	give("acknowledged, delivered last", func(a lock.Action) { deliver(a); f.Answer(a, lock.Acknowledged) })
	f.Clock.Advance(time.Second)
	f.Answer(first, lock.Acknowledged)

	reasons := map[string]string{}
	var got []string
	for _, c := range candidates(t, f, mac()) {
		got = append(got, names[c.Action.ID])
		reasons[names[c.Action.ID]] = c.Reason
		assert.Nil(t, c.Action.Secrets[0].Box)
	}
	assert.Equal(t, []string{
		"acknowledged, delivered last", "acknowledged, delivered first", "delivered last", "delivered first", "released, newer", "released, older",
		"refused, newer", "refused, older", "never left, newer", "never left, older",
	}, got)
	for name, word := range map[string]string{
		"acknowledged, delivered last": "acknowledged", "delivered first": "the command left", "released, older": "seen open again",
		"refused, older": "did not do this", "never left, older": "never left",
	} {
		assert.Contains(t, reasons[name], word, name)
	}
}

func TestCandidatesBySerial(t *testing.T) {
	f := newFixture(t)
	before := f.Lock(mac())
	renamed := mac()
	renamed.ID = "mac-1-enrolled-anew"
	f.Clock.Advance(time.Second)
	after := f.Lock(renamed)
	other := locktest.Device("mac-2")
	f.Lock(other)
	elsewhere := mac()
	elsewhere.Scope = "globex"
	f.Lock(elsewhere)

	assert.Equal(t, []lock.ID{after.ID, before.ID}, candidateIDs(t, f, renamed), "each once, and none of another device or scope")
	renamed.Serial = ""
	assert.Equal(t, []lock.ID{after.ID, before.ID}, candidateIDs(t, f, renamed), "the ledger knows its serial number")
}

// TestCandidatesOfADeviceWithManyNames: whichever of its names is given, every PIN is found. That of a stranger is not.
func TestCandidatesOfADeviceWithManyNames(t *testing.T) {
	f := newFixture(t)
	var want []lock.ID
	for _, d := range []lock.Device{as("mac-1", ""), as("mac-1", "S1"), as("mac-5", "S1"), as("mac-5", "S2"), as("mac-9", "S2")} {
		a := f.Lock(d)
		f.Deliver(d)
		cancel(t, f, a.ID)
		want = append([]lock.ID{a.ID}, want...)
		f.Clock.Advance(time.Second)
	}
	f.Lock(as("mac-7", ""))
	f.Lock(as("mac-8", "S8"))
	for name, d := range map[string]lock.Device{
		"by its first ID": named("mac-1", ""), "by a new ID": named("mac-10", "S2"), "by its last ID": named("mac-9", ""),
		"by a label": named("", "S1"), "by all": named("mac-9", "S2"),
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, want, candidateIDs(t, f, d)) })
	}
}

// TestCandidatesThatOneMaySee: a right that is narrow stays so for every name of the device.
func TestCandidatesThatOneMaySee(t *testing.T) {
	f := newFixture(t)
	f.Lock(as("mac-1", "S1"))
	mine := f.Lock(as("mac-9", "S1"))
	f.Lock(as("mac-9b", "S1"))
	var asked []lock.Filter
	f.Rights.Narrow(func(f lock.Filter) lock.Filter {
		asked = append(asked, f)
		f.Devices = []string{"mac-9"}
		return f
	})
	assert.Equal(t, []lock.ID{mine.ID}, candidateIDs(t, f, named("mac-9", "")))
	assert.Equal(t, []lock.Filter{{Scope: "acme", Devices: []string{"mac-9"}}, {Scope: "acme", Serial: "S1"}}, asked)
}

// TestCandidatesOfManyLocks has more of them than a page: one Mac that was enrolled anew each time.
func TestCandidatesOfManyLocks(t *testing.T) {
	f := newFixture(t)
	const many = 1001
	changes := make([]lock.Change, many)
	for i := range changes {
		d := mac()
		d.ID = fmt.Sprintf("enrolment-%d", i)
		e := lock.Event{
			Action: lock.NewID(f.Clock.Now()), Seq: 1, Type: lock.EventOrdered, Time: f.Clock.Now(), Scope: d.Scope, Device: d.ID,
			Order:   &lock.Action{Kind: lock.KindLock, State: lock.StateQueued, Device: d},
			Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN, SHA256: sum("a box"), Box: pin.Box("a box")}},
		}
		require.NoError(t, e.Seal(nil))
		a, err := lock.Action{}.Apply(e)
		require.NoError(t, err)
		changes[i] = lock.Change{Actions: []lock.Action{a}, Events: []lock.Event{e}}
	}
	errs, err := f.Store.Commit(t.Context(), changes)
	require.NoError(t, errors.Join(append(errs, err)...))
	assert.Len(t, candidateIDs(t, f, mac()), many)
}

func sum(s string) []byte {
	hash := sha256.Sum256([]byte(s))
	return hash[:]
}

func TestCandidatesHavePINs(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", parsed(t, "token")))
	f.Codec.Answer = &lock.Plan{NoPIN: true}
	f.Lock(mac())
	assert.Empty(t, candidateIDs(t, f, mac()))
	_, err := f.Service.Candidates(t.Context(), locktest.Admin(), lock.Device{Scope: "acme"})
	assert.Equal(t, "device.id", inputField(err))
}
