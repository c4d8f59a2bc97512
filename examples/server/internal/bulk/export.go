package bulk

import (
	"context"
	"io"
	"iter"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

// Export writes what became of each device of a batch that the actor sees, and no PIN. Ask Get first whether the actor may.
func (b *Batches) Export(ctx context.Context, a lock.Actor, id string, format audit.Format, w io.Writer) error {
	switch format {
	case audit.CSV:
		return lockbulk.WriteCSV(w, b.outcomes(ctx, a, id))
	case audit.JSONLines:
		return lockbulk.WriteJSONLines(w, b.outcomes(ctx, a, id))
	}
	return &lock.InputError{Field: "format", Rule: "must be csv or jsonl"}
}

// outcomes reads the items of a batch page by page.
func (b *Batches) outcomes(ctx context.Context, a lock.Actor, id string) iter.Seq2[lockbulk.Outcome, error] {
	return func(yield func(lockbulk.Outcome, error) bool) {
		for after := -1; ; {
			page, err := b.Items(ctx, a, id, "", after, chunk)
			if err != nil {
				yield(lockbulk.Outcome{}, err)
				return
			}
			for _, i := range page {
				after = i.N
				o := lockbulk.Outcome{
					Device: i.Device, Platform: i.Platform, Serial: i.Serial, Name: i.Name,
					Result: lockbulk.Result(i.Outcome), Code: i.Code, Reason: i.Reason, Action: i.Action,
				}
				if !yield(o, nil) {
					return
				}
			}
			if len(page) < chunk {
				return
			}
		}
	}
}
