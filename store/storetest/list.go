package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func listCases() []testCase {
	cases := []testCase{
		{"newest first, in pages", func(l *ledger) {
			var want []lock.ID
			for i := range 7 {
				want = append(want, l.ordered(fmt.Sprint("mac-", (i*5)%7), when(i)).ID)
			}
			want = backwards(want)
			var got []lock.ID
			f := lock.Filter{Limit: 3}
			for _, size := range []int{3, 3, 1, 0} {
				page := ids(l.list(f))
				assert.Len(l, page, size)
				got = append(got, page...)
				f.Before = got[len(got)-1]
			}
			assert.Equal(l, want, got)
		}},
		{"a page has at most 100 actions unless asked, and at most 1,000", func(l *ledger) {
			changes := make([]lock.Change, 1001)
			for i := range changes {
				changes[i] = l.order(fmt.Sprint("mac-", i))
			}
			l.must(changes...)
			assert.Len(l, l.list(lock.Filter{}), 100)
			assert.Len(l, l.list(lock.Filter{Limit: 2000}), 1000)
			assert.Len(l, l.events(lock.EventFilter{}), 100)
			assert.Len(l, l.events(lock.EventFilter{Limit: 2000}), 1000)
		}},
		{"by due time, earliest first, over any cursor", byDue},
		{"by sealing key, each action once, in pages", bySealingKey},
		{"by a name that was learnt later, the newest one", byLateRef},
	}
	for name, f := range filters() {
		cases = append(cases, testCase{"filter by " + name, func(l *ledger) {
			fleet(l)
			f.filter.Limit = 1000
			var got []string
			for _, a := range l.list(f.filter) {
				got = append(got, a.Device.Scope+"/"+a.Device.ID)
			}
			assert.Equal(l, f.want, got)
		}})
	}
	return cases
}

// fleet commits a lock of each of five devices, a minute apart, each of which differs from the others in one way or two.
func fleet(l *ledger) {
	l.Helper()
	l.must(
		keyed(l.order("mac-0", when(0)), "key-of-0"),
		l.order("mac-1", when(1), func(e *lock.Event) {
			e.Actor.ID, e.Order.Batch, e.Order.Device.Serial = "grace", "batch-1", "C02XYZ"
		}),
		l.order("mac-2", when(2), held, func(e *lock.Event) { e.Order.Ref = "operations/2" }, sealing(
			secret(1, "key-2", "box of mac-2"), secret(2, "key-3", "second box of mac-2"),
		)),
		keyed(l.order("mac-3", when(3), otherScope, func(e *lock.Event) { e.Order.Kind = lock.KindResetPasscode }), "key-of-0"),
	)
	a := l.went(l.ordered("mac-4", when(4)), lock.EventCancelled)
	a.Due = at(1000)
	l.must(lock.Change{Actions: []lock.Action{a}})
}

type listing struct {
	filter lock.Filter
	want   []string
}

func filters() map[string]listing {
	all := []string{"acme/mac-4", "other/mac-3", "acme/mac-2", "acme/mac-1", "acme/mac-0"}
	return map[string]listing{
		"nothing":                 {lock.Filter{}, all},
		"scope":                   {lock.Filter{Scope: "other"}, []string{"other/mac-3"}},
		"devices":                 {lock.Filter{Devices: []string{"mac-1", "mac-3", "mac-8"}}, []string{"other/mac-3", "acme/mac-1"}},
		"devices in a scope":      {lock.Filter{Scope: "acme", Devices: []string{"mac-1", "mac-3"}}, []string{"acme/mac-1"}},
		"serial":                  {lock.Filter{Serial: "C02XYZ"}, []string{"acme/mac-1"}},
		"actor":                   {lock.Filter{Actor: "grace"}, []string{"acme/mac-1"}},
		"kind":                    {lock.Filter{Kinds: []lock.Kind{lock.KindResetPasscode, lock.KindUnlock}}, []string{"other/mac-3"}},
		"state":                   {lock.Filter{States: []lock.State{lock.StateHeld, lock.StateCancelled}}, []string{"acme/mac-4", "acme/mac-2"}},
		"live":                    {lock.Filter{Live: true}, []string{"other/mac-3", "acme/mac-2", "acme/mac-1", "acme/mac-0"}},
		"batch":                   {lock.Filter{Batch: "batch-1"}, []string{"acme/mac-1"}},
		"key":                     {lock.Filter{Key: "key-of-0"}, []string{"other/mac-3", "acme/mac-0"}},
		"key in a scope":          {lock.Filter{Scope: "acme", Key: "key-of-0"}, []string{"acme/mac-0"}},
		"ref":                     {lock.Filter{Ref: "operations/2"}, []string{"acme/mac-2"}},
		"sealing key of any box":  {lock.Filter{SealedBy: "key-3"}, []string{"acme/mac-2"}},
		"sealing key":             {lock.Filter{Scope: "acme", SealedBy: "key-1"}, []string{"acme/mac-4", "acme/mac-1", "acme/mac-0"}},
		"created from, inclusive": {lock.Filter{CreatedFrom: at(3)}, all[:2]},
		"created to, exclusive":   {lock.Filter{CreatedTo: at(1)}, all[4:]},
		"created range":           {lock.Filter{CreatedFrom: at(1), CreatedTo: at(3)}, all[2:4]},
		"due":                     {lock.Filter{DueBefore: at(2)}, []string{"acme/mac-0", "acme/mac-1"}},
		"several fields": {
			lock.Filter{Scope: "acme", Live: true, Actor: "ada", States: []lock.State{lock.StateQueued}}, []string{"acme/mac-0"},
		},
		"what no action has": {lock.Filter{Scope: "acme", Serial: "unknown"}, nil},
	}
}

func byDue(l *ledger) {
	var oldest lock.ID
	for i, due := range []int{4, 2, 9, 1, 3} {
		c := l.order(fmt.Sprint("mac-", i), when(i))
		c.Actions[0].Due = at(due)
		l.must(c)
		if i == 0 {
			oldest = c.Actions[0].ID
		}
	}
	never := l.order("mac-9")
	never.Actions[0].Due = time.Time{}
	l.must(never)
	l.holds(never.Actions[0])
	var got []string
	for _, a := range l.list(lock.Filter{DueBefore: at(4), Before: oldest, Limit: 3}) {
		got = append(got, a.Device.ID)
	}
	assert.Equal(l, []string{"mac-3", "mac-1", "mac-4"}, got)
	assert.Len(l, l.list(lock.Filter{DueBefore: at(4)}), 4, "due at the very time")
	assert.Len(l, l.list(lock.Filter{DueBefore: at(4).Add(-time.Microsecond)}), 3)
}

// byLateRef has an action that its transport calls differently as time goes by, and that asks for more than others.
func byLateRef(l *ledger) {
	a := l.ordered("mac-1", func(e *lock.Event) {
		e.Order.Uses, e.Order.Options = "0190-token", map[string]string{"lock_now": "true", "ünal": "<>"}
	})
	l.ordered("mac-2")
	named := func(ref string) func(*lock.Event) { return func(e *lock.Event) { e.Ref = ref } }
	a = l.went(a, lock.EventIssued)
	assert.Empty(l, l.list(lock.Filter{Ref: "operations/7"}))
	a = l.went(a, lock.EventProgress, named("operations/7"))
	assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{Scope: "acme", Ref: "operations/7"})))
	a = l.went(a, lock.EventProgress, named("operations/8"))
	assert.Empty(l, l.list(lock.Filter{Ref: "operations/7"}))
	assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{Devices: []string{"mac-1"}, Ref: "operations/8"})))
	l.holds(a)
}

// bySealingKey has actions with several boxes of one key: they count once, and fill no page.
func bySealingKey(l *ledger) {
	var want []lock.ID
	for i := range 6 {
		c := l.order(fmt.Sprint("mac-", i), when(i), sealing(
			secret(1, "key-7", fmt.Sprint("box of ", i)), secret(2, "key-7", fmt.Sprint("second box of ", i)),
			secret(3, "key-8", fmt.Sprint("third box of ", i)),
		))
		l.must(c, l.order(fmt.Sprint("other-", i), when(i)))
		want = append(want, c.Actions[0].ID)
	}
	for _, scope := range []string{"", "acme"} {
		var got []lock.ID
		f := lock.Filter{Scope: scope, SealedBy: "key-7", Limit: 4}
		for _, size := range []int{4, 2, 0} {
			page := ids(l.list(f))
			assert.Len(l, page, size)
			got = append(got, page...)
			if len(got) > 0 {
				f.Before = got[len(got)-1]
			}
		}
		assert.Equal(l, backwards(want), got)
	}
}
