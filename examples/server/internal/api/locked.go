package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
)

// lockedReport is what is locked now.
type lockedReport struct {
	Totals lockedTotals `json:"totals"` // of all live locks that the caller may see
	Match  int          `json:"matching"`
	list[lockedRow]
}

type lockedTotals struct {
	Held     int `json:"held"`
	Waiting  int `json:"waiting"`
	Sent     int `json:"sent"`
	Locked   int `json:"locked"`
	Doubtful int `json:"probably_deactivated"`
}

// lockedRow is one live lock, without any PIN.
type lockedRow struct {
	ActionID     lock.ID    `json:"action_id"`
	DeviceID     string     `json:"device_id"`
	SerialNumber string     `json:"serial_number"`
	DeviceName   string     `json:"device_name"`
	User         string     `json:"user"`
	Enrolled     bool       `json:"enrolled"`
	LastSeenAt   *time.Time `json:"last_seen_at,omitempty"`
	State        lock.State `json:"state"`
	StateText    string     `json:"state_text"`
	HeldBy       string     `json:"held_by,omitempty"`
	Since        *time.Time `json:"since"`
	PINHeld      bool       `json:"pin_held"`
	Reveals      int        `json:"reveals"`
	RevealedAt   *time.Time `json:"last_revealed_at,omitempty"`
	RevealedBy   string     `json:"last_revealed_by,omitempty"`
	OrderedAt    *time.Time `json:"ordered_at"`
	OrderedBy    string     `json:"ordered_by"`
	Ticket       string     `json:"ticket"`
	Reason       string     `json:"reason"`
	WakeOutcome  string     `json:"wake_outcome,omitempty"`
}

func newLockedRow(r locked.Row) lockedRow {
	a, d := r.Action, r.Device
	return lockedRow{
		ActionID: a.ID, DeviceID: d.ID, SerialNumber: d.Serial, DeviceName: d.Name, User: d.User, Enrolled: d.Enrolled && !r.Gone,
		LastSeenAt: when(d.LastSeen), State: a.State, StateText: r.Words(), HeldBy: a.HeldBy, Since: when(r.Since()), PINHeld: r.PINHeld,
		Reveals: a.Disclosures, RevealedAt: when(r.Revealed.At), RevealedBy: r.Revealed.By.ID, OrderedAt: when(a.Created), OrderedBy: a.By.ID,
		Ticket: a.Ticket, Reason: a.Reason, WakeOutcome: a.WakeOutcome,
	}
}

// listLocked reports what is locked now, as pages or, in CSV, whole.
func (a *api) listLocked(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "state", "search", "revealed", "pin_held", "older_than_hours", "sort", "format", "cursor", "limit")
	if err != nil {
		return err
	}
	query, err := a.lockedQuery(q)
	if err != nil {
		return err
	}
	switch q.Get("format") {
	case "", formatJSON:
	case string(audit.CSV):
		return a.exportLocked(w, r, actor, query, q)
	default:
		return invalid("format", "must be json or csv")
	}
	found, err := a.Locked.Page(r.Context(), actor, query)
	if err != nil {
		return err
	}
	t := found.Totals
	report := lockedReport{
		lockedTotals{t.Held, t.Waiting, t.Delivered, t.Locked, t.Doubtful}, found.Match,
		list[lockedRow]{Items: []lockedRow{}, NextCursor: found.Next},
	}
	for _, row := range found.Rows {
		report.Items = append(report.Items, newLockedRow(row))
	}
	write(w, http.StatusOK, report)
	return nil
}

func (a *api) exportLocked(w http.ResponseWriter, r *http.Request, actor lock.Actor, query locked.Query, q url.Values) error {
	for _, name := range []string{"sort", "cursor", "limit"} {
		if q.Has(name) {
			return invalid(name, "leave it out: csv has all that match, the newest order first")
		}
	}
	return a.Audit.Download(r.Context(), w, locked.ContentType, "latchkey-locked.csv", func(ctx context.Context, out io.Writer) error {
		return a.Locked.WriteCSV(ctx, actor, query, a.Now(), out)
	})
}

func (a *api) lockedQuery(q url.Values) (query locked.Query, err error) {
	query = locked.Query{
		State: lock.State(q.Get("state")), Search: q.Get("search"), Sort: locked.Sort(q.Get("sort")), After: q.Get("cursor"), Now: a.Now(),
	}
	if query.Limit, err = limit(q); err != nil {
		return query, err
	}
	for name, choice := range map[string]**bool{"revealed": &query.Revealed, "pin_held": &query.PINHeld} {
		if !q.Has(name) {
			continue
		}
		yes, err := flag(q, name)
		if err != nil {
			return query, err
		}
		*choice = &yes
	}
	if text := q.Get("older_than_hours"); text != "" {
		hours, err := strconv.ParseUint(text, 10, 20)
		if err != nil {
			return query, invalid("older_than_hours", "must be a whole number, 0 to 1048575")
		}
		query.Age = time.Duration(hours) * time.Hour
	}
	return query, nil
}
