package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// fate is what a scenario does to a batch before it is run to its end.
type fate struct {
	devices  []int
	busy     []int
	denied   []int
	kills    []int // commits until each run is killed
	lose     bool
	cancel   int // devices after which it is cancelled; 0: never
	runners  int
	approved bool // by a second person, because it is over the limit
}

func drawFate(t *rapid.T) fate {
	some := func(label string) []int {
		return rapid.SliceOfNDistinct(rapid.IntRange(0, 39), 0, 5, rapid.ID[int]).Draw(t, label)
	}
	return fate{
		devices:  rapid.SliceOfNDistinct(rapid.IntRange(0, 39), 1, 40, rapid.ID[int]).Draw(t, "devices"),
		busy:     some("live"),
		denied:   some("denied"),
		kills:    rapid.SliceOfN(rapid.IntRange(0, 8), 0, 4).Draw(t, "kills"),
		lose:     rapid.Bool().Draw(t, "answers are lost"),
		cancel:   rapid.SampledFrom([]int{0, 0, 1, 7, 20}).Draw(t, "cancelled after"),
		runners:  rapid.IntRange(1, 3).Draw(t, "runners"),
		approved: rapid.Bool().Draw(t, "needs approval"),
	}
}

// TestBatchProperty: whatever happens to a batch, each of its devices has at most one action of it, exactly one when it ran to its end and
// nothing was in the way, no other device has any, and the outcomes say so.
func TestBatchProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newScenario(t, drawFate(t))
		for _, commits := range s.fate.kills {
			svc := process(t, s.ledger, commits, s.fate.lose, s.edits()...).Service
			if err := s.run(t, svc); err != nil && !errors.Is(err, locktest.ErrFault) && !s.expected(err) {
				t.Fatalf("killed after %d commits: %v", commits, err)
			}
		}
		s.finish(t)
		s.check(t)
	})
}

type scenario struct {
	fate   fate
	ledger lock.Store
	fleet  *fleet
	order  bulk.Order
	mu     sync.Mutex
	last   map[string]bulk.Outcome
	rights *locktest.Rights
}

func name(n int) string { return fmt.Sprintf("mac-%02d", n) }

func newScenario(t *rapid.T, f fate) *scenario {
	s := &scenario{
		fate: f, ledger: newLedger(), fleet: &fleet{page: 6}, last: map[string]bulk.Outcome{}, rights: &locktest.Rights{},
		order: bulk.Order{Actor: locktest.Admin(), Scope: "acme", Batch: "b"},
	}
	for _, n := range slices.Sorted(slices.Values(f.devices)) {
		s.fleet.devices = append(s.fleet.devices, locktest.Device(name(n)))
	}
	others := locktest.New(t, s.ledger)
	for _, n := range f.busy {
		others.Lock(locktest.Device(name(n)))
	}
	return s
}

func (s *scenario) edits() []func(*lock.Config) {
	return []func(*lock.Config){func(c *lock.Config) {
		c.Authorize = s
		if s.fate.approved {
			c.Limits = []lock.Limit{{Verb: lock.VerbLock, Count: 0, Window: 1e12}}
		}
	}}
}

func (s *scenario) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, target lock.Target) error {
	if v == lock.VerbLock && slices.ContainsFunc(s.fate.denied, func(n int) bool { return name(n) == target.Device.ID }) {
		return errors.New("not yours")
	}
	return s.rights.Authorize(ctx, a, v, target)
}

func (s *scenario) Visible(ctx context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	return s.rights.Visible(ctx, a, v, f)
}

func (s *scenario) run(t *rapid.T, svc *lock.Service) error {
	_, err := bulk.Run(t.Context(), bulk.Config{Service: svc, Inventory: s.fleet, Record: s.record}, s.order)
	return err
}

func (s *scenario) record(_ context.Context, outcomes []bulk.Outcome, _ bulk.Progress) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range outcomes {
		s.last[o.Device] = o
	}
	return nil
}

// expected are errors that a scenario ends with by right.
func (s *scenario) expected(err error) bool {
	return errors.Is(err, bulk.ErrNothing) || s.fate.approved && errors.Is(err, lock.ErrPending) ||
		s.cancelled() && errors.Is(err, lock.ErrCancelled)
}

func (s *scenario) cancelled() bool { return s.fate.cancel > 0 && s.fate.cancel <= len(s.fate.devices) }

// finish runs the batch to its end, by several runners at once, and cancels it meanwhile.
func (s *scenario) finish(t *rapid.T) {
	boss := locktest.New(t, s.ledger, s.edits()...).Service
	if s.fate.approved {
		if err := s.run(t, boss); errors.Is(err, lock.ErrPending) {
			require.NoError(t, boss.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", ""))
		}
	}
	var runners sync.WaitGroup
	errs := make([]error, s.fate.runners)
	for i := range errs {
		svc := locktest.New(t, s.ledger, s.edits()...).Service
		runners.Go(func() { errs[i] = s.run(t, svc) })
	}
	if s.cancelled() {
		runners.Go(func() {
			if err := boss.CancelBatch(t.Context(), locktest.Admin(), "acme", "b", ""); err != nil && !errors.Is(err, lock.ErrNotFound) {
				t.Errorf("cancel: %v", err)
			}
		})
	}
	runners.Wait()
	for _, err := range errs {
		if err != nil && !s.expected(err) {
			t.Fatalf("run: %v", err)
		}
	}
	if err := s.run(t, boss); err != nil && !s.expected(err) {
		t.Fatalf("run again: %v", err)
	}
}

func (s *scenario) check(t *rapid.T) {
	actions, err := s.ledger.List(t.Context(), lock.Filter{Limit: 1000})
	require.NoError(t, err)
	ordered := map[string]lock.Action{}
	for _, a := range actions {
		if a.Batch == "b" {
			require.NotContains(t, ordered, a.Device.ID, "two actions of the batch")
			ordered[a.Device.ID] = a
		}
	}
	for _, n := range s.fate.devices {
		out, a := s.last[name(n)], ordered[name(n)]
		switch {
		case slices.Contains(s.fate.denied, n):
			require.Contains(t, []bulk.Result{bulk.Denied, bulk.Cancelled}, out.Result)
		case slices.Contains(s.fate.busy, n):
			require.Contains(t, []bulk.Result{bulk.Joined, bulk.Cancelled}, out.Result)
		case a.ID == "":
			require.True(t, s.cancelled(), "%s was left out", name(n))
			require.Equal(t, bulk.Cancelled, out.Result)
		default:
			require.Equal(t, bulk.Ordered, out.Result)
			require.Equal(t, a.ID, out.Action)
			require.Equal(t, out.State, a.State)
		}
		delete(ordered, name(n))
	}
	require.Empty(t, ordered, "devices that were not selected")
}
