package lock_test

import (
	"go/ast"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// Who is on record for what. A person is whoever called; whatever has two is done by both.
const (
	person = "ada"
	other  = "bob" // who reviews what a person did alone
	device = "device"
	system = "system"
)

// actors are those of each event that the service records today. An event that is due to background work carries the system's name.
var actors = map[lock.EventType][]string{
	lock.EventHeld:            {system},
	lock.EventApproved:        {person, system},
	lock.EventRejected:        {person},
	lock.EventRevealRequested: {person},
	lock.EventRevealApproved:  {person},
	lock.EventRevealRejected:  {person},
	lock.EventBreakGlass:      {person},
	lock.EventBatchOpened:     {person},
	lock.EventBatchApproved:   {other, system},
	lock.EventBatchRejected:   {other},
	lock.EventBatchCancelled:  {person},
	lock.EventReviewed:        {other},
	lock.EventOrdered:         {person, device}, // a device orders that what it hands over is kept
	lock.EventJoined:          {person},
	lock.EventIssued:          {device}, // it came and fetched it
	lock.EventRedelivered:     {device}, // it came again: without its poll nothing leaves
	lock.EventNotNow:          {device},
	lock.EventProgress:        {device},
	lock.EventWoken:           {system},
	lock.EventAcknowledged:    {device},
	lock.EventRefused:         {device},
	lock.EventCancelled:       {person, system}, // the system's: superseded
	lock.EventExpired:         {system},
	lock.EventLapsed:          {device, system}, // the device's: it was enrolled anew
	lock.EventReleased:        {device},
	lock.EventRevealed:        {person},
	lock.EventReturned:        {device},
	lock.EventFeedback:        {person},
	lock.EventResealed:        {person},
	lock.EventPurged:          {person},
	lock.EventReenrolled:      {device},
	lock.EventDenied:          {person},
	lock.EventAlarm:           {person, device}, // a person's: who tries out PINs
	lock.EventHoldPlaced:      {person},
	lock.EventHoldLifted:      {person},
	lock.EventPurge:           {person},
}

// unrecorded are events that nothing here records yet, or that Note records for whoever asks.
var unrecorded = []lock.EventType{
	lock.EventSecretAdded,
	lock.EventSignedIn, lock.EventAccount, lock.EventGroup, lock.EventAuditRead, lock.EventAuditVerified, lock.EventEnrolmentLink, lock.EventEnrolled,
	lock.EventRemoved, lock.EventKeyring,
}

// eventTypes are the values of all constants of EventType.
func eventTypes(t *testing.T) (types []lock.EventType) {
	t.Helper()
	src, err := os.ReadFile("event.go")
	require.NoError(t, err)
	ast.Inspect(parseSource(t, "event.go", src).ast, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && receiver(spec.Type) == "EventType" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			types = append(types, lock.EventType(value))
		}
		return true
	})
	return types
}

// TestActors plays everything that the service can record, and looks who is on record for it.
func TestActors(t *testing.T) {
	got := map[lock.EventType][]string{}
	play := func(t *testing.T, f *locktest.Fixture, life func(*testing.T, *locktest.Fixture)) {
		life(t, f)
		events, err := f.Store.Events(t.Context(), lock.EventFilter{Limit: 1000})
		require.NoError(t, err)
		for _, e := range events {
			if !slices.Contains(got[e.Type], e.Actor.ID) {
				got[e.Type] = append(got[e.Type], e.Actor.ID)
				slices.Sort(got[e.Type])
			}
		}
	}
	for _, life := range []func(*testing.T, *locktest.Fixture){
		livedByPeople, livedByTheDevice, livedLate, livedAnew, livedByEscrow, livedByKeepers,
	} {
		play(t, newFixture(t), life)
	}
	play(t, newFixture(t, lockLimit(2), locktest.TwoPersons(lock.VerbReveal)), livedByTwo)
	running(t, func(t *testing.T, f *locktest.Fixture) { play(t, f, livedByTheClock) })
	assert.Equal(t, actors, got)
	known := slices.Concat(slices.Collect(maps.Keys(actors)), unrecorded)
	assert.ElementsMatch(t, eventTypes(t), known, "say who is on record for a new event")
}

func livedByPeople(t *testing.T, f *locktest.Fixture) {
	a := f.Lock(mac(), supplied(t, "739184"))
	f.Lock(mac())
	f.PIN(a.ID)
	feedback(t, f, a.ID, lock.FeedbackOther)
	cancel(t, f, a.ID)
	_, err := order(t, f, supplied(t, "739184"))
	require.Error(t, err)
	f.Rights.Deny(lock.VerbReveal)
	_, err = f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "curious", "")
	require.ErrorIs(t, err, lock.ErrDenied)
}

// livedByTwo needs a second person, who is the same one here, but for what nobody may do alone.
func livedByTwo(t *testing.T, f *locktest.Fixture) {
	us := func(_ lock.Action, err error) {
		t.Helper()
		require.NoError(t, err)
	}
	glass := lock.Actor{ID: person}
	require.NoError(t, f.Service.OpenBatch(t.Context(), locktest.Admin(), "acme", "small", 1, lock.Request{}))
	a := f.Lock(mac())
	for _, id := range []string{"mac-2", "mac-3"} {
		f.Lock(locktest.Device(id))
	}
	held := requests(t, f, glass)
	require.Len(t, held, 2)
	us(f.Service.BreakGlass(t.Context(), glass, held[0].Action, "", "nobody is there"))
	us(f.Service.Reject(t.Context(), glass, held[1].Action, "", "a mistake"))
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
	require.ErrorIs(t, err, lock.ErrPending)
	us(f.Service.BreakGlass(t.Context(), glass, a.ID, "", "nobody is there"))
	us(f.Service.Reject(t.Context(), glass, a.ID, "", "not needed any more"))
	tasks, err := f.Service.Reviews(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	require.Len(t, tasks, 2)
	require.NoError(t, f.Service.Review(t.Context(), locktest.Second(), "acme", tasks[0].ID, "all in order"))
	livedByBatches(t, f)
}

// livedByBatches cancels a batch that was within the limit, and opens two that are not.
func livedByBatches(t *testing.T, f *locktest.Fixture) {
	ada, bob := locktest.Admin(), locktest.Second()
	require.NoError(t, f.Service.CancelBatch(t.Context(), ada, "acme", "small", "a mistake"))
	for _, large := range []string{"one", "two"} {
		require.ErrorIs(t, f.Service.OpenBatch(t.Context(), ada, "acme", large, 10, lock.Request{}), lock.ErrPending)
	}
	require.NoError(t, f.Service.ApproveBatch(t.Context(), bob, "acme", "one", ""))
	require.NoError(t, f.Service.RejectBatch(t.Context(), bob, "acme", "two", ""))
}

func livedByTheDevice(t *testing.T, f *locktest.Fixture) {
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Progress)
	f.Answer(a, lock.NotNow)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	b := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(b, lock.Refused)
	require.ErrorIs(t, f.Service.Report(t.Context(), lock.Report{
		Scope: "acme", Device: "mac-2", Action: a.ID, Outcome: lock.Acknowledged,
	}), lock.ErrWrongDevice)
}

// livedLate has an answer come in when another lock waits, and a device that never answers.
func livedLate(t *testing.T, f *locktest.Fixture) {
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	b := f.Lock(mac())
	f.Answer(a, lock.Acknowledged)
	require.Equal(t, lock.StateCancelled, f.Get(b.ID).State, "superseded")
	other := locktest.Device("mac-2")
	f.Lock(other)
	for range 4 {
		f.Deliver(other)
	}
}

// livedByTheClock is what Run does: one lock waits in vain, one is fetched in vain, and nobody comes.
func livedByTheClock(t *testing.T, f *locktest.Fixture) {
	soon := func(r *lock.Request) { r.NotAfter = time.Now().Add(time.Hour) }
	waits := f.Lock(mac(), soon)
	fetched := f.Lock(locktest.Device("mac-2"), soon)
	f.Deliver(fetched.Device)
	after(2 * time.Hour)
	require.Equal(t, lock.StateExpired, f.Get(waits.ID).State)
	require.Equal(t, lock.StateUnconfirmed, f.Get(fetched.ID).State)
}

func livedAnew(t *testing.T, f *locktest.Fixture) {
	f.Lock(mac())
	seen(t, f, lock.EvidenceReenrolled)
	f.Deliver(mac())
	seen(t, f, lock.EvidenceReenrolled)
}

func livedByEscrow(t *testing.T, f *locktest.Fixture) {
	handedOver(t, f)
	_, err := f.Service.Escrowed(t.Context(), mac(), "unlock-token")
	require.NoError(t, err)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", lock.Request{}.PIN))
}

func livedByKeepers(t *testing.T, f *locktest.Fixture) {
	ended(t, f)
	_, err := reseal(t, rotated(t, f))
	require.NoError(t, err)
	hold(t, f, mac())
	lift(t, f, mac())
	f.Clock.Advance(8 * day)
	purge(t, f)
}
