package bulk

import (
	"context"
	"fmt"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// walk goes through a selection once, in the order of the devices' IDs.
type walk struct {
	cfg      Config
	order    Order
	progress Progress
	ended    error // the batch takes no orders any more
}

// all gives each chunk of the selection to do, and records the outcomes.
func (w *walk) all(ctx context.Context, do func(context.Context, []lock.Device) ([]Outcome, error)) error {
	named := slices.Compact(slices.Sorted(slices.Values(w.order.Selection.Devices)))
	for after := ""; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		page, err := w.cfg.Inventory.Devices(ctx, w.order.Scope, w.order.Selection, after, Chunk)
		if err != nil {
			return fmt.Errorf("inventory: %w", err)
		}
		chunk, err := inOrder(page, after)
		if err != nil {
			return err
		}
		var outcomes []Outcome
		if len(chunk) > 0 {
			after = chunk[len(chunk)-1].ID
			if outcomes, err = do(ctx, chunk); err != nil {
				return err
			}
		}
		outcomes, named = withUnknown(outcomes, named, len(chunk) == 0)
		if err := w.record(ctx, outcomes); err != nil || len(chunk) == 0 {
			return err
		}
	}
}

// inOrder returns a page without repetitions, and an error if it is not in ascending order.
func inOrder(page []lock.Device, after string) ([]lock.Device, error) {
	if len(page) > Chunk {
		return nil, fmt.Errorf("inventory: %d devices came where at most %d were asked for", len(page), Chunk)
	}
	chunk := make([]lock.Device, 0, len(page))
	last := after
	for i, d := range page {
		switch {
		case i > 0 && d.ID == last: // selected twice
		case d.ID <= last:
			return nil, &UnsortedError{After: last, Device: d.ID}
		default:
			chunk = append(chunk, d)
			last = d.ID
		}
	}
	return chunk, nil
}

// withUnknown adds the devices that the selection names and the inventory passed over. It returns the names that are still to come.
func withUnknown(outcomes []Outcome, named []string, last bool) (all []Outcome, rest []string) {
	known := map[string]bool{}
	upto := ""
	for _, o := range outcomes {
		known[o.Device] = true
		upto = o.Device
	}
	for len(named) > 0 && (last || named[0] <= upto) {
		if !known[named[0]] {
			outcomes = append(outcomes, Outcome{
				Device: named[0], Result: Unknown, Code: "unknown", Reason: "The inventory does not know a device with this ID.",
			})
		}
		named = named[1:]
	}
	return outcomes, named
}

func (w *walk) record(ctx context.Context, outcomes []Outcome) error {
	for _, o := range outcomes {
		w.progress.count(o)
	}
	if w.cfg.Record == nil || len(outcomes) == 0 {
		return nil
	}
	if err := w.cfg.Record(ctx, outcomes, w.progress); err != nil {
		return fmt.Errorf("record outcomes: %w", err)
	}
	return nil
}
