package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

type deviceData struct {
	Device     inventory.Device
	Lock       *lock.Action // what is known of its lock; nil: none was ever ordered
	Live       bool         // Lock is under way or holds: another order would join it
	Facts      []fact
	Candidates []lock.Candidate
	PIN        use    // of the first of them
	Effect     effect // of Lock, when that is under way or may be on the device
	History    []pinUse
	Actions    []lock.Action // the newest
	Screen     *Screen       // of a simulated Mac
}

type fact struct {
	Name, Value string
	At          time.Time
}

// pinUse is one PIN of the device's past and present, without the PIN.
type pinUse struct {
	Action  lock.Action
	Reveals []lock.Event // the newest
}

// Older is how many reveals came before Reveals.
func (p pinUse) Older() int { return max(0, p.Action.Disclosures-len(p.Reveals)) }

// Used is when the PIN was last put to use: acknowledged, else sent. It is zero for one that never left.
func (p pinUse) Used() time.Time {
	if p.Action.Confirmed.IsZero() {
		return p.Action.Delivered
	}
	return p.Action.Confirmed
}

func (c *console) devicePage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	d, err := c.Devices.Find(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	data := deviceData{Device: d, Facts: factsOf(d)}
	if data.Candidates, err = c.Service.Candidates(ctx, a, d.Device); err != nil {
		return err
	}
	if len(data.Candidates) > 0 {
		data.PIN = useOf(data.Candidates[0])
	}
	if data.History, err = c.history(ctx, a, data.Candidates); err != nil {
		return err
	}
	if data.Actions, err = c.Service.List(ctx, a, lock.Filter{Scope: c.Scope, Devices: []string{d.ID}, Limit: 50}); err != nil {
		return err
	}
	locks, err := c.locksOf(ctx, a, []inventory.Device{d})
	if err != nil {
		return err
	}
	data.Lock = decisive(locks[d.ID])
	data.Live = data.Lock != nil && data.Lock.Lane != ""
	if data.Live || data.Lock != nil && data.Lock.MayBeOnDevice() {
		data.Effect = effectOf(*data.Lock)
	}
	if c.Demo != nil {
		if screen, ok := c.Demo.Screen(ctx, d.ID); ok {
			data.Screen = &screen
		}
	}
	return c.render(w, r, http.StatusOK, "device", cmp.Or(d.Name, d.Serial, d.ID), data)
}

func factsOf(d inventory.Device) []fact {
	var facts []fact
	for _, name := range slices.Sorted(maps.Keys(d.Facts)) {
		facts = append(facts, fact{name, d.Facts[name].Value, d.Facts[name].At})
	}
	return facts
}

// history lists every PIN of the device, newest first, with who saw it. Only PINs that somebody saw cost a question to the ledger.
func (c *console) history(ctx context.Context, a lock.Actor, candidates []lock.Candidate) ([]pinUse, error) {
	var uses []pinUse
	for _, candidate := range candidates {
		use := pinUse{Action: candidate.Action}
		if use.Action.Disclosures > 0 {
			events, err := c.Service.Events(ctx, a, lock.EventFilter{
				Action: use.Action.ID, Types: []lock.EventType{lock.EventRevealed}, Newest: true,
			})
			if err != nil {
				return nil, err
			}
			use.Reveals = events
		}
		uses = append(uses, use)
	}
	slices.SortFunc(uses, func(x, y pinUse) int { return cmp.Compare(y.Action.ID, x.Action.ID) })
	return uses, nil
}

func devicePath(id string) string { return "/devices/" + url.PathEscape(id) }
