package audit

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Format is how events are exported.
type Format string

// The formats.
const (
	CSV       Format = "csv"   // a line of names, then a line for each event (RFC 4180)
	JSONLines Format = "jsonl" // an Event in each line
)

// ContentType is the media type of the format.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/jsonl"
}

// WriteEvents writes all events that match. Nothing is written unless that is on record. An unknown format is a *lock.InputError.
func (t *Trail) WriteEvents(ctx context.Context, a lock.Actor, f Filter, format Format, w io.Writer) error {
	switch format {
	case CSV:
		return t.writeCSV(ctx, a, f, w)
	case JSONLines:
		return t.writeJSONLines(ctx, a, f, w)
	}
	return &lock.InputError{Field: "format", Rule: "must be csv or jsonl"}
}

func (t *Trail) writeJSONLines(ctx context.Context, a lock.Actor, f Filter, w io.Writer) error {
	out := bufio.NewWriterSize(w, 32<<10)
	lines := json.NewEncoder(out)
	err := t.each(ctx, a, f, JSONLines, func(e lock.Event) error { return lines.Encode(NewEvent(e)) })
	if err == nil {
		err = out.Flush()
	}
	return err
}

// columns are the names of what is in a row.
var columns = []string{
	"position", "time", "type", "actor_id", "actor_name", "actor_address", "device_id", "action_id", "seq", "kind", "reason", "ticket",
	"delivery", "evidence", "other_action_id", "request_id", "facts", "id", "prev", "hash",
}

func (t *Trail) writeCSV(ctx context.Context, a lock.Actor, f Filter, w io.Writer) error {
	out := csv.NewWriter(w)
	begun := false
	begin := func() error {
		if begun {
			return nil
		}
		begun = true
		return out.Write(columns)
	}
	err := t.each(ctx, a, f, CSV, func(e lock.Event) error {
		cells, err := row(NewEvent(e))
		if err == nil {
			err = begin()
		}
		if err == nil {
			err = out.Write(cells)
		}
		return err
	})
	if err == nil {
		err = begin() // there was no event
	}
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

func row(e Event) ([]string, error) {
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	position, facts := "", ""
	if e.Position >= 0 {
		position = strconv.FormatInt(e.Position, 10)
	}
	if len(e.Facts) > 0 {
		text, err := json.Marshal(e.Facts)
		if err != nil {
			return nil, fmt.Errorf("event %d: facts: %w", e.Position, err)
		}
		facts = string(text)
	}
	cells := []string{
		position, e.Time.Format(time.RFC3339Nano), string(e.Type), e.Actor.ID, e.Actor.Name, e.Actor.Address, e.DeviceID, string(e.ActionID),
		number(e.Seq), string(e.Kind), e.Reason, e.Ticket, number(e.Delivery), string(e.Evidence), string(e.OtherAction), string(e.Request), facts,
		string(e.ID), e.Prev, e.Hash,
	}
	for i, text := range cells {
		cells[i] = Cell(text)
	}
	return cells, nil
}

// formula is what a spreadsheet may take for the begin of a formula. It may also divide cells at semicolons, tabs and line breaks, whatever
// is in quotes; white space and quotes before the formula do not hide it.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([ \t\r\n\v\f\x{00a0}\x{feff}"]*)([=+\-@＝＋－＠])`)

// Cell keeps a spreadsheet from taking a text, or a part of it, for a formula, which could send off what else is in the sheet: an apostrophe
// goes before it.
func Cell(text string) string { return formula.ReplaceAllString(text, "$1$2'$3") }
