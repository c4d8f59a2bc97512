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
	"github.com/latchkey-mdm/latchkey/store"
)

// A suite that nothing can fail is worth nothing: each defect here, planted over a sound store, must be found by its topic.
func TestDefectsAreFound(t *testing.T) {
	for _, c := range []struct {
		defect string
		topic  string
		plant  func(s *flawed)
	}{
		{"boxes are not kept", "commit", func(s *flawed) { s.get = withoutBoxes }},
		{"wake-ups are not kept", "commit", func(s *flawed) { s.get = func(a lock.Action) lock.Action { a.Wake = 0; return a } }},
		{"a batch ends at its first conflict", "commit", func(s *flawed) { s.commit = s.stopAtFirst }},
		{"the last change of a batch is lost", "batch", func(s *flawed) { s.commit = s.dropLast }},
		{"changes are split into their actions", "commit", func(s *flawed) { s.commit = s.split }},
		{"listed actions come with boxes", "commit", func(s *flawed) { s.listed = s.withBoxes }},
		{"what is malformed is passed over", "malformed", func(s *flawed) { s.commit = s.mute(isInput) }},
		{"a repeat is a conflict", "repeat", func(s *flawed) { s.commit = s.refuseRepeats }},
		{"conflicts are passed over", "conflict", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"conflicts are passed over", "lane", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"conflicts are passed over", "late answer", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"scopes share their lanes", "lane", func(s *flawed) { s.commit = s.edited(oneScope) }},
		{"keys are not kept", "key", func(s *flawed) { s.commit = s.edited(keyless) }},
		{"listings are oldest first", "list", func(s *flawed) { s.listed = backwards }},
		{"filters lose the batch", "list", func(s *flawed) { s.filter = func(f *lock.Filter) { f.Batch = "" } }},
		{"the cursor is inclusive", "list", func(s *flawed) { s.filter = inclusive }},
		{"positions start at one", "feed", func(s *flawed) { s.event = func(e *lock.Event) { e.Position++ } }},
		{"events lose their number", "feed", func(s *flawed) { s.event = func(e *lock.Event) { e.Seq = 0 } }},
		{"bodies are written anew", "chain", func(s *flawed) { s.event = func(e *lock.Event) { e.Body = append(bytes.Clone(e.Body), '\n') } }},
		{"heads are not kept", "chain", func(s *flawed) { s.get = func(a lock.Action) lock.Action { a.Head = nil; return a } }},
		{"hints are lost", "hints", func(s *flawed) { s.commit = s.edited(hintless) }},
		{"hints move at any version", "hints", func(s *flawed) { s.commit = s.mute(isConflict) }},
		{"a rollback commits", "transaction", func(s *flawed) { s.rollback = true }},
	} {
		t.Run(c.topic+": "+c.defect, func(t *testing.T) {
			assert.True(t, fails(t, c.topic, c.plant))
		})
	}
}

// Without a defect the same store passes, transactions included: what is found is the defect.
func TestSoundStorePasses(t *testing.T) {
	for _, topic := range topics() {
		assert.False(t, fails(t, topic.name, func(*flawed) {}), topic.name)
	}
}

// fails runs the cases of one topic, each on a store of its own with the defect in it, and reports whether one failed.
func fails(t *testing.T, name string, plant func(*flawed)) bool {
	t.Helper()
	i := slices.IndexFunc(topics(), func(topic topic) bool { return topic.name == name })
	require.GreaterOrEqual(t, i, 0, "topic %s", name)
	for _, c := range topics()[i].cases {
		s := &flawed{Store: store.NewMemory(), seen: map[string]bool{}}
		plant(s)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() { // FailNow ends the goroutine that it is called in
			defer close(done)
			c.run(&ledger{TB: r, Fixture: Fixture{Store: s, Begin: s.begin}})
		}()
		<-done
		if r.failed.Load() {
			return true
		}
	}
	return false
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
