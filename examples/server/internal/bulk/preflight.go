package bulk

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

// maxStopped is how many devices a preflight names.
const maxStopped = 1000

// Check is what an order would do.
type Check struct {
	Total     int
	Ready     int            // nothing stands in their way
	Joined    int            // those of them that have a live lock, which the order would join
	Platforms map[string]int // the others, which would be ordered, by platform
	LockedOut int            // those of the others on which nobody can sign in any more
	Notes     []Note         // what will happen to those that are ready, and what to think of: that of most devices first
	By        map[string]int // devices in whose way something stands, by its code
	Stopped   []Item         // those devices, at most 1,000 of them
}

// Orders is how many devices would be ordered: those in whose way nothing stands, and that have no lock yet.
func (c *Check) Orders() int { return c.Ready - c.Joined }

// Note is what can be said of some devices that are ready.
type Note struct {
	lock.Finding
	N int
}

// Preflight says what an order would do, and orders nothing. The same things are refused as by Create.
func (b *Batches) Preflight(ctx context.Context, a lock.Actor, o Order) (Check, error) {
	if err := b.allow(ctx, a); err != nil {
		return Check{}, err
	}
	if err := b.check(ctx, a, o); err != nil {
		return Check{}, err
	}
	c := Check{Platforms: map[string]int{}, By: map[string]int{}}
	notes := map[lock.Finding]int{}
	record := func(_ context.Context, outcomes []lockbulk.Outcome, _ lockbulk.Progress) error {
		for _, one := range outcomes {
			c.add(one)
			for _, f := range one.Findings {
				notes[f]++
			}
		}
		return nil
	}
	_, err := lockbulk.Preflight(ctx, lockbulk.Config{Service: b.Service, Inventory: asked{b, a, o}, Record: record},
		lockbulk.Order{Actor: a, Scope: b.Scope, Batch: "preflight", Selection: o.Selection, Request: o.request()})
	for f, n := range notes {
		c.Notes = append(c.Notes, Note{f, n})
	}
	slices.SortFunc(c.Notes, func(x, y Note) int { return cmp.Or(y.N-x.N, strings.Compare(x.Text, y.Text)) })
	return c, err
}

func (c *Check) add(o lockbulk.Outcome) {
	c.Total++
	if o.Result == lockbulk.Ready {
		c.Ready++
		if slices.ContainsFunc(o.Findings, func(f lock.Finding) bool { return f.Code == "live_lock" }) {
			c.Joined++
			return
		}
		c.Platforms[o.Platform]++
		if slices.ContainsFunc(o.Findings, func(f lock.Finding) bool { return f.Code == "denies_everybody" }) {
			c.LockedOut++
		}
		return
	}
	code := o.Code
	if code == "" {
		code = string(o.Result)
	}
	c.By[code]++
	if len(c.Stopped) < maxStopped {
		c.Stopped = append(c.Stopped, Item{
			Device: o.Device, Platform: o.Platform, Serial: o.Serial, Name: o.Name, Outcome: Outcome(o.Result), Code: code, Reason: o.Reason, Action: o.Action,
		})
	}
}
