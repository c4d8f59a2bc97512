package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	callers      = 4
	armedCommits = 2 // of each caller, while a fault is armed
)

func faultCases() []testCase {
	return []testCase{
		{"one caller", underFaults(func(l *ledger, name string) [][]lock.Change { return l.unrelated(name, 1) })},
		{"several callers", underFaults(func(l *ledger, name string) [][]lock.Change { return l.unrelated(name, callers) })},
		{"several callers with the same changes", underFaults(func(l *ledger, name string) [][]lock.Change {
			return slices.Repeat(l.unrelated(name, 1), callers)
		})},
		{"several callers for one lane", rivals},
		{"a caller is called away at any moment", calledAway},
		{"callers are called away from among others", calledAwayAmong},
	}
}

// unrelated makes a batch for each caller, of all kinds of changes, none of which stands in another's way. What they build on is committed.
func (l *ledger) unrelated(name string, callers int) [][]lock.Change {
	l.Helper()
	batches := make([][]lock.Change, callers)
	for i := range batches {
		n := fmt.Sprintf("%s/%d", name, i)
		issued, left, idle := l.order(n+"/issued"), l.order(n+"/left"), l.order(n+"/idle")
		l.must(issued, left, idle)
		l.done = append(l.done, issued, left, idle)
		moved := idle.Actions[0]
		moved.Due = at(77)
		batches[i] = []lock.Change{
			keyed(l.order(n+"/new"), n),
			l.next(issued.Actions[0], lock.EventIssued),
			keyed(join(l.next(left.Actions[0], lock.EventCancelled), l.order(n+"/left"), l.notice(n+"/left")), n+"/second"),
			l.notice(n + "/notice"),
			{Actions: []lock.Action{moved}},
		}
	}
	return batches
}

// eachFault calls the function for every fault of the fixture.
func (l *ledger) eachFault(do func(f Fault)) {
	l.Helper()
	if len(l.Faults) == 0 {
		l.Skip("this fixture has no faults")
	}
	for _, f := range l.Faults {
		do(f)
	}
}

// underFaults commits batches while a fault is armed. Whatever was answered, once it is over each change may be repeated, as a whole batch and
// one by one, and is there once.
func underFaults(prepare func(l *ledger, name string) [][]lock.Change) func(l *ledger) {
	return func(l *ledger) {
		l.eachFault(func(f Fault) {
			for round := range l.rounds(1) {
				prepared := make([][][]lock.Change, armedCommits)
				for i := range prepared {
					prepared[i] = prepare(l, fmt.Sprintf("%s/%d/%d", f.Name, round, i))
				}
				answers := make([][]answer, armedCommits)
				disarm := f.Arm(l)
				for i, batches := range prepared {
					answers[i] = l.together(batches)
				}
				disarm()
				l.failed(f, slices.Concat(answers...))
				for i, batches := range prepared {
					l.afterwards(batches, answers[i])
				}
			}
		})
		l.durably()
	}
}

// failed checks that the fault did what it is there for.
func (l *ledger) failed(f Fault, answers []answer) {
	l.Helper()
	failed := slices.ContainsFunc(answers, func(a answer) bool { return a.err != nil })
	require.True(l, failed, "%s: no commit failed, so nothing is proved", f.Name)
}

// afterwards checks what was acknowledged, then repeats everything: as the callers would, all at once, then change by change.
func (l *ledger) afterwards(batches [][]lock.Change, answers []answer) {
	l.Helper()
	for i, a := range answers {
		if a.err == nil {
			l.kept(batches[i], a.errs)
		}
	}
	for _, a := range l.together(batches) {
		require.NoError(l, a.err, "repeated")
		for i, err := range a.errs {
			require.NoError(l, err, "change %d, repeated", i)
		}
	}
	for _, batch := range batches {
		for _, c := range batch {
			l.must(c)
		}
	}
	l.done = append(l.done, slices.Concat(batches...)...)
}

// kept checks that every change of the batch, which nothing stood against, was answered with nil and is there.
func (l *ledger) kept(batch []lock.Change, errs []error) {
	l.Helper()
	for i, c := range batch {
		require.NoError(l, errs[i], "change %d", i)
		l.there(c)
	}
}

// there checks that each event of the change is stored, and its hints.
func (l *ledger) there(c lock.Change) {
	l.Helper()
	for i, e := range c.Events {
		f := lock.EventFilter{Scope: e.Scope, Devices: []string{e.Device}}
		if i < len(c.Actions) {
			f = lock.EventFilter{Action: e.Action, From: int64(e.Seq), Limit: 1}
		}
		stored := slices.ContainsFunc(l.events(f), func(s lock.Event) bool { return string(s.Hash) == string(e.Hash) })
		require.True(l, stored, "%s event of %s was acknowledged and is gone", e.Type, e.Device)
	}
	if len(c.Events) == 0 {
		require.Equal(l, c.Actions[0].Due.UnixMicro(), l.get(c.Actions[0].ID).Due.UnixMicro(), "due")
	}
}

// rivals order locks of one device, with one key, while commits fail: one of them wins, and it is the one that was told so.
func rivals(l *ledger) {
	l.eachFault(func(f Fault) {
		var all []answer
		for round := range l.rounds(6) {
			name := fmt.Sprintf("%s/%d", f.Name, round)
			batches := make([][]lock.Change, 2*callers)
			for i := range batches {
				batches[i] = []lock.Change{keyed(l.order(name), name)}
			}
			disarm := f.Arm(l)
			answers := l.together(batches)
			disarm()
			all = append(all, answers...)
			told := slices.IndexFunc(answers, func(a answer) bool { return a.err == nil && a.errs[0] == nil })
			winner := l.oneWinner(l.race(slices.Concat(batches...)))
			if told >= 0 {
				require.Equal(l, told, winner, "another than the one that was told so")
			}
			l.done = append(l.done, batches[winner]...)
		}
		l.failed(f, all)
	})
	l.durably()
}

// durably checks that what was done is there, once, also when the store is opened again.
func (l *ledger) durably() {
	l.Helper()
	l.exactly(l.done)
	if l.Reopen == nil {
		return
	}
	reopened, err := l.Reopen()
	require.NoError(l, err)
	l.with(reopened).exactly(l.done)
}

// calledAway ends a caller's context from outside, before, during and after its commit, as far as the usual duration of a commit tells.
func calledAway(l *ledger) {
	usual := l.duration()
	rounds := l.rounds(30)
	for round := range rounds {
		batch := l.unrelated(fmt.Sprint("mac-", round), 1)
		ctx, leave := context.WithCancel(l.Context())
		if round == 0 {
			leave()
		}
		timer := time.AfterFunc(usual*time.Duration(round)*3/2/time.Duration(rounds), leave)
		errs, err := l.Store.Commit(ctx, batch[0])
		timer.Stop()
		leave()
		l.afterwards(batch, []answer{{errs, err}})
	}
	l.durably()
}

// duration is how long a commit takes here: the middle one of several.
func (l *ledger) duration() time.Duration {
	l.Helper()
	times := make([]time.Duration, 5)
	for i, batch := range l.unrelated("usual", len(times)) {
		begin := time.Now()
		l.must(batch...)
		times[i] = time.Since(begin)
		l.done = append(l.done, batch...)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// Half of the callers leave. The others get their answer.
func calledAwayAmong(l *ledger) {
	usual := l.duration()
	rounds := l.rounds(10)
	for round := range rounds {
		batches := l.unrelated(fmt.Sprint("mac-", round), callers)
		answers := make([]answer, len(batches))
		ctx, leave := context.WithCancel(l.Context())
		if round == 0 {
			leave()
		}
		timer := time.AfterFunc(usual*time.Duration(round)*2/time.Duration(rounds), leave)
		var done sync.WaitGroup
		for i, batch := range batches {
			caller := l.Context()
			if i%2 == 0 {
				caller = ctx
			}
			done.Go(func() {
				errs, err := l.Store.Commit(caller, batch)
				answers[i] = answer{errs, err}
			})
		}
		done.Wait()
		timer.Stop()
		leave()
		for i, a := range answers {
			if i%2 != 0 {
				require.NoError(l, a.err, "of a caller who stayed")
			}
		}
		l.afterwards(batches, answers)
	}
	l.durably()
}
