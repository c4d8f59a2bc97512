package bulk

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"regexp"

	"github.com/latchkey-mdm/latchkey/lock"
)

// WriteCSV writes outcomes as a table, separated by commas, whose first row names the columns: device_id, serial_number, name, outcome,
// code, reason, action_id, state, platform. A cell that a spreadsheet could take for a formula begins with an apostrophe. An error of the sequence
// ends it.
func WriteCSV(w io.Writer, outcomes iter.Seq2[Outcome, error]) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"device_id", "serial_number", "name", "outcome", "code", "reason", "action_id", "state", "platform"}); err != nil {
		return fmt.Errorf("write outcomes: %w", err)
	}
	for o, err := range outcomes {
		if err != nil {
			return err
		}
		row := []string{o.Device, o.Serial, o.Name, string(o.Result), o.Code, o.Reason, string(o.Action), string(o.State), o.Platform}
		for i, text := range row {
			row[i] = cell(text)
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("write outcomes: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// WriteJSONLines writes each outcome as a JSON object on a line of its own. An error of the sequence ends it.
func WriteJSONLines(w io.Writer, outcomes iter.Seq2[Outcome, error]) error {
	out := json.NewEncoder(w)
	for o, err := range outcomes {
		if err != nil {
			return err
		}
		if err := out.Encode(o); err != nil {
			return fmt.Errorf("write outcomes: %w", err)
		}
	}
	return nil
}

// formula is what a spreadsheet may take for the begin of a formula, also behind white space and quotes, and after what it may take for
// the end of a cell.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([ \t\r\n\v\f\x{00a0}\x{feff}"]*)([=+\-@＝＋－＠])`)

func cell(text string) string { return formula.ReplaceAllString(text, "$1$2'$3") }

// Refresh sets the State of each outcome that has an Action to what it is now: whether the device has confirmed its lock. At most Chunk
// outcomes at a time. The actor must be allowed to view the actions; of those it may not see the state stays as it was.
func Refresh(ctx context.Context, svc *lock.Service, actor lock.Actor, scope string, outcomes []Outcome) error {
	if len(outcomes) > Chunk {
		return fmt.Errorf("refresh: %d outcomes are more than %d", len(outcomes), Chunk)
	}
	f := lock.Filter{Scope: scope, Kinds: []lock.Kind{lock.KindLock, lock.KindLostMode}, Limit: Chunk}
	at := map[lock.ID]int{}
	for i, o := range outcomes {
		if o.Action != "" {
			f.Devices = append(f.Devices, o.Device)
			at[o.Action] = i
		}
	}
	for len(at) > 0 {
		page, err := svc.List(ctx, actor, f)
		if err != nil {
			return err
		}
		for _, a := range page {
			if i, ok := at[a.ID]; ok {
				outcomes[i].State = a.State
				delete(at, a.ID)
			}
		}
		if len(page) < f.PageSize() {
			return nil
		}
		f.Before = page[len(page)-1].ID
	}
	return nil
}
