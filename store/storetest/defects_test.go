package storetest

import (
	"bytes"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// defect is one thing wrong with a store that is sound otherwise, and the topic that must find it.
type defect struct {
	name  string
	topic string
	plant func(s *flawed)
}

func defects() []defect {
	return []defect{
		{"boxes are not kept", "commit", func(s *flawed) { s.get = withoutBoxes }},
		{"wake-ups are not kept", "commit", func(s *flawed) { s.get = func(a lock.Action) lock.Action { a.Wake = 0; return a } }},
		{"a batch ends at its first conflict", "commit", func(s *flawed) { s.commit = s.stopAtFirst }},
		{"changes are split into their actions", "commit", func(s *flawed) { s.commit = s.split }},
		{"listed actions come with boxes", "commit", func(s *flawed) { s.listed = s.withBoxes }},
		{"what is stored is gone when it is opened again", "commit", func(s *flawed) { s.volatile = true }},
		{"what is malformed is passed over", "malformed", func(s *flawed) { s.commit = s.mute(isInput) }},
		{"a repeat is a conflict", "repeat", func(s *flawed) { s.commit = s.refuseRepeats }},
		{"conflicts are passed over", "conflict", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"conflicts are passed over", "lane", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"conflicts are passed over", "late answer", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"scopes share their lanes", "lane", func(s *flawed) { s.commit = s.edited(oneScope) }},
		{"keys are not kept", "key", func(s *flawed) { s.commit = s.edited(keyless) }},
		{"listings are oldest first", "list", func(s *flawed) { s.listed = backwards }},
		{"filters lose the batch", "list", func(s *flawed) { s.filter = func(f *lock.Filter) { f.Batch = "" } }},
		{"names that are learnt later are lost", "list", func(s *flawed) { s.commit = s.edited(refless) }},
		{"the cursor is inclusive", "list", func(s *flawed) { s.filter = inclusive }},
		{"positions start at one", "feed", func(s *flawed) { s.event = func(e *lock.Event) { e.Position++ } }},
		{"events lose their number", "feed", func(s *flawed) { s.event = func(e *lock.Event) { e.Seq = 0 } }},
		{"bodies are written anew", "chain", func(s *flawed) { s.event = func(e *lock.Event) { e.Body = append(bytes.Clone(e.Body), '\n') } }},
		{"heads are not kept", "chain", func(s *flawed) { s.get = func(a lock.Action) lock.Action { a.Head = nil; return a } }},
		{"hints are lost", "hints", func(s *flawed) { s.commit = s.edited(hintless) }},
		{"hints move at any version", "hints", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"a rollback commits", "transaction", func(s *flawed) { s.rollback = true }},
		{"the last change of a batch is lost", "batch", func(s *flawed) { s.commit = s.dropLast }},
		{"a batch moves an action once", "batch", func(s *flawed) { s.commit = s.onceABatch }},
		{"the cursor counts rows", "cursor", func(s *flawed) { s.filter = s.counting() }},
		{"the feed has a hole while others write", "cursor", func(s *flawed) { s.events = s.hole }},
		{"the feed changes its order while others write", "cursor", func(s *flawed) { s.events = s.swap }},
		{"conflicts are passed over", "crowd", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"a lane is taken by two at once", "crowd", func(s *flawed) { s.commit = s.twoWinners }},
		{"batches wait for each other", "crowd", func(s *flawed) { s.commit = s.deadlocking() }},
		{"a late commit is passed over", "sequence", func(s *flawed) { s.later.skips = true }},
		{"positions that were given change", "sequence", func(s *flawed) { s.later.resorts = true }},
		{"a position stays free", "sequence", func(s *flawed) { s.later.gap = true }},
		{"says that it is done when it is not", "sequence", func(s *flawed) { s.later.impatient = true }},
		{"the feed lists what has no position", "sequence", func(s *flawed) { s.later.early = true }},
		{"an action's events have positions that were not given", "sequence", func(s *flawed) { s.later.guesses = true }},
		{"events of one time are in no order", "sequence", func(s *flawed) { s.later.unordered = true }},
		{"what was acknowledged is forgotten", "fault", func(s *flawed) { s.commit = s.forget }},
		{"a repeat after an unknown outcome is stored twice", "fault", func(s *flawed) { s.commit = s.again }},
		{"a repeat after an unknown outcome is a conflict", "fault", func(s *flawed) { s.commit = s.refuseRepeats }},
		{"what is repeated is gone when it is opened again", "fault", func(s *flawed) { s.volatile = true }},
		{"a caller who left is told that all is stored", "fault", func(s *flawed) { s.commit = s.polite }},
		{"a caller who leaves takes others with him", "fault", func(s *flawed) { s.commit = s.contagious() }},
	}
}

// A suite that nothing can fail is worth nothing: each defect here, planted over a sound store, must be found by its topic.
func TestDefectsAreFound(t *testing.T) {
	for _, d := range defects() {
		t.Run(d.topic+": "+d.name, func(t *testing.T) {
			failed := failures(t, d.topic, d.plant)
			assert.NotEmpty(t, failed, "no case failed")
			t.Log("found by:", failed)
		})
	}
}

func TestEveryTopicHasADefect(t *testing.T) {
	for _, topic := range topics() {
		found := slices.ContainsFunc(defects(), func(d defect) bool { return d.topic == topic.name })
		assert.True(t, found, "no defect shows that %q finds any", topic.name)
	}
}

// Without a defect the same stores pass, transactions and faults included: what is found is the defect.
func TestSoundStoresPass(t *testing.T) {
	for _, topic := range topics() {
		assert.Empty(t, failures(t, topic.name, func(*flawed) {}), topic.name)
		if topic.name != "sequence" { // that one is never without
			assert.Empty(t, failures(t, topic.name, giveLater), "%s, with positions that come later", topic.name)
		}
	}
}

// failures runs the cases of one topic, each on a store of its own with the defect in it, and returns the first that failed.
func failures(t *testing.T, name string, plant func(*flawed)) (failed []string) {
	t.Helper()
	i := slices.IndexFunc(topics(), func(topic topic) bool { return topic.name == name })
	require.GreaterOrEqual(t, i, 0, "topic %s", name)
	for _, c := range topics()[i].cases {
		s := newFlawed()
		if name == "sequence" {
			giveLater(s)
		}
		plant(s)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { // FailNow ends the goroutine that it is called in
			defer close(done)
			c.run(&ledger{TB: r, Fixture: s.fixture()})
		}()
		<-done
		if r.failed.Load() {
			return []string{c.name}
		}
	}
	return nil
}

// giveLater makes it a store that gives positions later.
func giveLater(s *flawed) {
	s.later = newLater(s.Store)
	s.Store = s.later
}

func (s *flawed) fixture() Fixture {
	f := Fixture{Store: s, Reopen: s.reopen, Begin: s.begin, Faults: s.faults()}
	if s.later != nil {
		f.Store = sequenced{s}
	}
	return f
}

// recorder is a test whose failure is noted and goes no further.
type recorder struct {
	testing.TB
	failed atomic.Bool
}

func (r *recorder) Errorf(string, ...any) { r.failed.Store(true) }

func (r *recorder) FailNow() {
	r.failed.Store(true)
	runtime.Goexit()
}

func (r *recorder) Fatalf(string, ...any) { r.FailNow() }

func (r *recorder) Skip(...any) { runtime.Goexit() }
