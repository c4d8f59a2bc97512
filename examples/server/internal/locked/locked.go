// Package locked reports what is locked now: every lock that is live, in whatever state, with what an operator asks of it. Whether it
// waits or holds and since when, whether its PIN is kept and who has read it, who ordered it and why, how waking the device went, and
// when the device was seen last. No PIN is in it.
//
// A report reads the live locks that the actor may see once, a thousand at a time, and keeps those of the page: it needs no more memory
// for a hundred thousand than for one page. What is not live is not read at all.
package locked

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// step is how many locks are read at once.
const step = 1000

// enough is how many are counted for a summary.
const enough = 5 * step

// maxLimit is the most rows of a page.
const maxLimit = 1000

// Inventory knows the devices (inventory.Store).
type Inventory interface {
	// Those returns the devices with these IDs, at most 1,000, by ID. One that it does not know is left out.
	Those(ctx context.Context, ids []string) (map[string]inventory.Device, error)
}

// Report reports. It is safe for concurrent use. Every field is required.
type Report struct {
	Service *lock.Service
	Devices Inventory
	Scope   string
}

// Row is one live lock.
type Row struct {
	Action   lock.Action
	Device   inventory.Device // as the inventory has it now; one that left it, as it was when the lock was ordered
	Gone     bool             // the inventory does not know the device (any more)
	PINHeld  bool             // its PIN is in the ledger, to be revealed
	Revealed Reveal           // the last one
}

// Reveal is that somebody read a PIN.
type Reveal struct {
	By lock.Actor // no ID: nobody did
	At time.Time
}

// Since is when the lock came into its state: ordered, sent last, or acknowledged.
func (r Row) Since() time.Time { return since(r.Action) }

func since(a lock.Action) time.Time {
	switch a.State {
	case lock.StateIssued:
		return a.Delivered
	case lock.StateConfirmed:
		return a.Confirmed
	default:
		return a.Created
	}
}

// Words is the state in words that promise nothing which the device has not said.
func (r Row) Words() string {
	switch {
	case r.Action.State == lock.StateHeld:
		return "waits for a second person"
	case r.Action.State == lock.StateQueued:
		return "will lock when it comes online"
	case r.Action.State == lock.StateIssued:
		return "sent, no answer yet"
	case Doubtful(r.Action):
		return "acknowledged, probably deactivated"
	default:
		return "locked"
	}
}

// Doubtful reports whether the lock was ordered over a finding which says that the PIN may not open the device: it may be deactivated.
func Doubtful(a lock.Action) bool {
	return slices.ContainsFunc(a.Findings, func(f lock.Finding) bool {
		return f.Level == lock.LevelBlock && slices.Contains([]string{"apple_silicon_before_11_5", "chip_unknown", "os_version_unknown"}, f.Code)
	})
}

// Totals count the live locks that the actor may see.
type Totals struct {
	Held      int // wait for a second person
	Waiting   int // nothing has left
	Delivered int // sent, and not answered
	Locked    int // acknowledged
	Doubtful  int // acknowledged, and the PIN may not open the device

	More bool // there are more, which were not counted
}

// All is how many there are.
func (t Totals) All() int { return t.Held + t.Waiting + t.Delivered + t.Locked + t.Doubtful }

func (t Totals) and(a lock.Action) Totals {
	switch {
	case a.State == lock.StateHeld:
		t.Held++
	case a.State == lock.StateQueued:
		t.Waiting++
	case a.State == lock.StateIssued:
		t.Delivered++
	case Doubtful(a):
		t.Doubtful++
	default:
		t.Locked++
	}
	return t
}

// Totals counts the newest locks, some thousands of them: a page that is often asked for must not read all of a large fleet each time.
func (r *Report) Totals(ctx context.Context, actor lock.Actor) (t Totals, err error) {
	err = r.each(ctx, actor, func(found []lock.Action) error {
		for _, a := range found {
			t = t.and(a)
		}
		if t.All() >= enough {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		t.More, err = true, nil
	}
	return t, err
}

var errEnough = errors.New("enough were counted")

// each reads the live locks, newest first, page by page.
func (r *Report) each(ctx context.Context, actor lock.Actor, do func([]lock.Action) error) error {
	// By state and not by Filter.Live: stores find what is live by device, and would sort all of it for each step.
	f := lock.Filter{Scope: r.Scope, Kinds: []lock.Kind{lock.KindLock, lock.KindLostMode}, States: States(), Limit: step}
	for {
		found, err := r.Service.List(ctx, actor, f)
		if err != nil {
			return err
		}
		more := len(found) == step
		if more {
			f.Before = found[step-1].ID
		}
		found = slices.DeleteFunc(found, func(a lock.Action) bool { return a.Lane == "" }) // it ended without holding the device
		if err := do(found); err != nil || !more {
			return err
		}
	}
}

// Page is a part of the report.
type Page struct {
	Totals Totals
	Match  int // how many locks the query selects
	Rows   []Row
	Next   string // Query.After of the next page; empty: there is none
}

// Page returns the page that the query asks for. A query that cannot be is a *lock.InputError.
func (r *Report) Page(ctx context.Context, actor lock.Actor, q Query) (Page, error) {
	order, err := q.order()
	if err != nil {
		return Page{}, err
	}
	best := selection{after: order.after, limit: q.pageSize() + 1}
	var page Page
	err = r.each(ctx, actor, func(found []lock.Action) error {
		devices, err := r.lookUp(ctx, found, order.device)
		if err != nil {
			return err
		}
		for _, a := range found {
			page.Totals = page.Totals.and(a)
			if q.selects(a) {
				page.Match++
				best.offer(order.place(a, devices[a.Device.ID]), a)
			}
		}
		return nil
	})
	if err != nil {
		return page, err
	}
	chosen := best.chosen()
	if n := q.pageSize(); len(chosen) > n {
		chosen = chosen[:n]
		page.Next = chosen[n-1].at.cursor()
	}
	var actions []lock.Action
	for _, c := range chosen {
		actions = append(actions, c.action)
	}
	page.Rows, err = r.rows(ctx, actor, actions)
	return page, err
}

// lookUp finds the devices of some locks, when they are needed.
func (r *Report) lookUp(ctx context.Context, actions []lock.Action, needed bool) (map[string]inventory.Device, error) {
	if !needed || len(actions) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(actions))
	for _, a := range actions {
		ids = append(ids, a.Device.ID)
	}
	return r.Devices.Those(ctx, ids)
}

// rows adds to some locks what is known of their devices, and who read their PINs.
func (r *Report) rows(ctx context.Context, actor lock.Actor, actions []lock.Action) ([]Row, error) {
	devices, err := r.lookUp(ctx, actions, true)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, 0, len(actions))
	for _, a := range actions {
		row := Row{Action: a, PINHeld: retention.HasPIN(a) && !retention.IsPurged(a)}
		if d, ok := devices[a.Device.ID]; ok {
			row.Device = d
		} else {
			row.Device, row.Gone = inventory.Device{Device: a.Device}, true
		}
		if row.Revealed, err = r.revealed(ctx, actor, a); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// revealed says who read the PIN last.
func (r *Report) revealed(ctx context.Context, actor lock.Actor, a lock.Action) (Reveal, error) {
	if a.Disclosures == 0 {
		return Reveal{}, nil
	}
	events, err := r.Service.Events(ctx, actor, lock.EventFilter{
		Action: a.ID, Types: []lock.EventType{lock.EventRevealed}, Newest: true, Limit: 1,
	})
	if err != nil || len(events) == 0 {
		return Reveal{}, err
	}
	return Reveal{events[0].Actor, events[0].Time}, nil
}

// selection keeps the first rows behind a place, however many it is offered.
type selection struct {
	after place
	limit int
	kept  []candidate
}

type candidate struct {
	at     place
	action lock.Action
}

func (s *selection) offer(at place, a lock.Action) {
	if at.compare(s.after) <= 0 {
		return
	}
	if s.kept = append(s.kept, candidate{at, a}); len(s.kept) >= 2*s.limit {
		s.kept = s.chosen()
	}
}

func (s *selection) chosen() []candidate {
	slices.SortFunc(s.kept, func(a, b candidate) int { return a.at.compare(b.at) })
	return s.kept[:min(len(s.kept), s.limit)]
}

// place is where a row is in the report.
type place struct {
	Key string  `json:"k"`
	ID  lock.ID `json:"i"`
}

func (p place) compare(q place) int {
	return cmp.Or(strings.Compare(p.Key, q.Key), strings.Compare(string(p.ID), string(q.ID)))
}
