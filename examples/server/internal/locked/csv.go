package locked

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
)

// ContentType is the media type of what WriteCSV writes.
const ContentType = "text/csv; charset=utf-8; header=present"

// columns are the names of what is in a line.
var columns = []string{
	"device_id", "serial_number", "device_name", "user", "state", "state_text", "held_by", "since", "age_hours", "pin_held", "reveals",
	"last_revealed_at", "last_revealed_by", "ordered_at", "ordered_by", "ticket", "reason", "wake_outcome", "last_seen_at", "enrolled", "action_id",
}

// WriteCSV writes all locks that the query selects, newest order first, as a line of names and a line for each (RFC 4180). Sort, After and
// Limit of the query do not count. A text that a spreadsheet could take for a formula has an apostrophe before it.
func (r *Report) WriteCSV(ctx context.Context, actor lock.Actor, q Query, now time.Time, w io.Writer) error {
	if err := q.validate(); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	begun := false
	err := r.each(ctx, actor, func(found []lock.Action) error {
		var chosen []lock.Action
		for _, a := range found {
			if q.selects(a) {
				chosen = append(chosen, a)
			}
		}
		rows, err := r.rows(ctx, actor, chosen)
		if err == nil && !begun {
			begun, err = true, out.Write(columns)
		}
		for i := 0; err == nil && i < len(rows); i++ {
			err = out.Write(rows[i].cells(now))
		}
		return err
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func (r Row) cells(now time.Time) []string {
	a, d := r.Action, r.Device
	cells := []string{
		d.ID, d.Serial, d.Name, d.User, string(a.State), r.Words(), a.HeldBy, moment(r.Since()),
		strconv.FormatFloat(max(0, now.Sub(r.Since()).Hours()), 'f', 1, 64), strconv.FormatBool(r.PINHeld), strconv.Itoa(a.Disclosures),
		moment(r.Revealed.At), r.Revealed.By.ID, moment(a.Created), a.By.ID, a.Ticket, a.Reason, a.WakeOutcome, moment(d.LastSeen),
		strconv.FormatBool(d.Enrolled && !r.Gone), string(a.ID),
	}
	for i, text := range cells {
		cells[i] = audit.Cell(text)
	}
	return cells
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
