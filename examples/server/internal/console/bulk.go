package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	batchesPerPage = 50
	itemsPerPage   = 50
)

// share is a part of a batch: devices of which the same can be said.
type share struct {
	Name, Text string
	Class      string // of the style sheet
	N          int
	X, Width   int // in the bar, in thousandths
}

// shareWords say what the shares of a batch mean, in the order of the bar.
var shareWords = map[string][2]string{
	"confirmed": {"carried out, say the devices", "locked"},
	"sent":      {"sent, no answer yet", "sent"},
	"ordered":   {"lock when online", "waiting"},
	"pending":   {"to be ordered", "none"},
	"failed":    {"failed", "failed"},
	"blocked":   {"blocked by preflight", "doubt"},
	"cancelled": {"cancelled", "none"},
}

// sharesOf are the parts of a batch that have a device. Each shows in the bar, however small it is.
func sharesOf(c bulk.Counts, total int) []share {
	var shares []share
	x := 0
	for _, s := range bulk.Shares() {
		n := c.In(s.Name)
		if n == 0 {
			continue
		}
		width := max(4, 1000*n/max(1, total))
		width = min(width, 1000-x)
		shares = append(shares, share{s.Name, shareWords[s.Name][0], shareWords[s.Name][1], n, x, width})
		x += width
	}
	if len(shares) > 0 {
		shares[len(shares)-1].Width = 1000 - shares[len(shares)-1].X
	}
	return shares
}

// batchRow is a bulk order in a list.
type batchRow struct {
	bulk.Batch
	Counts bulk.Counts
	Shares []share
}

// Status says where the batch stands.
func (b batchRow) Status() status { return batchStatus(b.Batch, b.Counts) }

type batchListData struct {
	Rows []batchRow
	Next string
}

// bulkList lists the bulk orders. Those that go on, and the newest, are counted; the others when somebody opens them.
func (c *console) bulkList(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	found, err := c.Bulk.List(r.Context(), a, r.FormValue("after"), batchesPerPage)
	if err != nil {
		return err
	}
	var data batchListData
	for i, b := range found {
		row := batchRow{Batch: b}
		if i < 10 || b.Ended.IsZero() {
			if row.Counts, err = c.Bulk.Count(r.Context(), b.ID); err != nil {
				return err
			}
			row.Shares = sharesOf(row.Counts, b.Total)
		}
		data.Rows = append(data.Rows, row)
	}
	if len(found) == batchesPerPage {
		data.Next = found[len(found)-1].ID
	}
	return c.render(w, r, http.StatusOK, "bulks", "Bulk orders", data)
}

type batchData struct {
	bulk.Batch
	Counts bulk.Counts
	Shares []share
	Show   string // the share that is listed; empty: all
	Items  []itemRow
	Next   int // the number after which the next page begins; -1: there is none

	MayBreak bool // whoever looks may break the glass
}

// itemRow is one device of a batch.
type itemRow struct {
	bulk.Item
	Status status
}

// Settled is how many devices nothing more is expected of.
func (d batchData) Settled() int {
	return d.Total - d.Counts.By[bulk.Pending] - d.Counts.By[bulk.Ordered] - d.Counts.By[bulk.Sent]
}

// Withdrawable is whether a cancel would still keep something from a device.
func (d batchData) Withdrawable() bool {
	return d.Ended.IsZero() || d.Counts.By[bulk.Ordered] > 0 && d.State == bulk.Done
}

// Status says where the batch stands.
func (d batchData) Status() status { return batchStatus(d.Batch, d.Counts) }

func batchStatus(b bulk.Batch, c bulk.Counts) status {
	switch {
	case b.State == bulk.Waiting:
		return status{"waiting", "Waits for a second person", "Nothing is ordered before somebody else approves it."}
	case b.State == bulk.Running && !b.Checked:
		return status{"sent", "Checking every device", "Preflight looks at each of them. Nothing is ordered before it has seen all."}
	case b.State == bulk.Running:
		return status{"sent", "Ordering", "It goes on by itself, also when the server is restarted."}
	case b.State == bulk.Cancelled:
		return status{"none", "Cancelled", b.Cause}
	case c.By[bulk.Ordered]+c.By[bulk.Sent] > 0:
		return status{"sent", "Ordered; devices are answering", "Every order is made. A device gets its own when it comes online."}
	default:
		return status{"open", "Done", "Nothing more is expected of any of these devices."}
	}
}

// itemStatus says what became of one device.
func itemStatus(i bulk.Item) status {
	text := map[bulk.Outcome]status{
		bulk.Pending:     {"none", "To be ordered", ""},
		bulk.Ordered:     {"waiting", "Will lock when it comes online", ""},
		bulk.Sent:        {"sent", "Command sent, no answer yet", ""},
		bulk.Confirmed:   {"locked", "Locked", ""},
		bulk.Released:    {"open", "Locked, and open again", ""},
		bulk.Refused:     {"failed", "Refused by the device", ""},
		bulk.Unconfirmed: {"doubt", "No answer; may be locked", ""},
		bulk.Expired:     {"none", "Expired before it was sent", ""},
		bulk.Withdrawn:   {"none", "Cancelled", ""},
		bulk.Blocked:     {"doubt", "Blocked", ""},
		bulk.Denied:      {"failed", "Not allowed", ""},
		bulk.Busy:        {"failed", "Has another lock", ""},
		bulk.Failed:      {"failed", "Failed", ""},
		bulk.Unknown:     {"failed", "Not in the inventory", ""},
		bulk.Unordered:   {"none", "Not ordered", ""},
	}[i.Outcome]
	text.Detail = i.Reason
	switch {
	case i.Platform == androidPlatform && i.Outcome == bulk.Confirmed: // what it did is over: it holds no lock
		if text.Class, text.Text = "open", "Screen locked"; i.Code == string(android.CodeNoSecureLock) {
			text.Class, text.Text = "doubt", "Only its screen went off"
		}
	case isComputer(lock.Device{Platform: i.Platform}) && i.Outcome == bulk.Confirmed:
		if text.Class, text.Text = "open", "Screen locked"; i.Code == bulk.CodeLockedOut {
			text.Class, text.Text = "locked", "Nobody can sign in"
		}
	case i.Joined && !isMac(lock.Device{Platform: i.Platform}):
		text.Detail = "It had a lock already, which this order joined."
	case i.Joined:
		text.Detail = "It had a lock already, which this order joined: one lock, one PIN."
	}
	return text
}

func (c *console) bulkPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	found, err := c.Bulk.Get(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	data := batchData{Batch: found, Show: r.FormValue("show"), Next: -1}
	if !slices.ContainsFunc(bulk.Shares(), func(s bulk.Share) bool { return s.Name == data.Show }) {
		data.Show = ""
	}
	after := -1
	if text := r.FormValue("after"); text != "" {
		if after, err = strconv.Atoi(text); err != nil {
			return &lock.InputError{Field: "after", Rule: "must be a number"}
		}
	}
	if data.Counts, err = c.Bulk.Count(r.Context(), found.ID); err != nil {
		return err
	}
	data.Shares = sharesOf(data.Counts, found.Total)
	data.MayBreak = c.Approvals.May(r.Context(), a, lock.VerbBreakGlass, lock.Target{Size: found.Total})
	items, err := c.Bulk.Items(r.Context(), a, found.ID, data.Show, after, itemsPerPage)
	if err != nil {
		return err
	}
	for _, i := range items {
		data.Items = append(data.Items, itemRow{i, itemStatus(i)})
	}
	if len(items) == itemsPerPage {
		data.Next = items[len(items)-1].N
	}
	return c.render(w, r, http.StatusOK, "bulk", "Lock of "+deviceCount(found.Total), data)
}

// deviceCount says how many devices.
func deviceCount(n int) string {
	if n == 1 {
		return "1 device"
	}
	return thousands(int64(n)) + " devices"
}

func (c *console) cancelBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	id := r.PathValue("id")
	if err := c.Bulk.Cancel(r.Context(), a, id, r.PostFormValue("reason")); err != nil {
		return err
	}
	c.say(r.Context(), "Cancelled: nothing more is ordered, and what had not left is withdrawn.")
	http.Redirect(w, r, bulkPath(id), http.StatusSeeOther) //nolint:gosec // a path of ours
	return nil
}

func bulkPath(id string) string { return "/bulk/" + url.PathEscape(id) }

func (c *console) approveBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.decideBulk(w, r, a, c.Bulk.Approve, "Approved: the orders are being made.")
}

func (c *console) breakGlassBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.decideBulk(w, r, a, c.Bulk.BreakGlass, "You broke the glass: an alarm is on record, and somebody else has to look into it. "+
		"The orders are being made.")
}

func (c *console) rejectBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.decideBulk(w, r, a, c.Bulk.Reject, "Rejected: nothing is ordered.")
}

// decideBulk is what a second person says.
func (c *console) decideBulk(w http.ResponseWriter, r *http.Request, a lock.Actor,
	decide func(ctx context.Context, a lock.Actor, id, reason string) error, done string,
) error {
	id := r.PathValue("id")
	if err := decide(r.Context(), a, id, r.PostFormValue("reason")); err != nil {
		return err
	}
	c.say(r.Context(), done)
	http.Redirect(w, r, bulkPath(id), http.StatusSeeOther) //nolint:gosec // a path of ours
	return nil
}

func (c *console) exportBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	format := audit.Format(r.FormValue("format"))
	if format != audit.CSV && format != audit.JSONLines {
		return &choiceError{"format", []string{"csv", "jsonl"}}
	}
	found, err := c.Bulk.Get(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	err = c.Audit.Download(r.Context(), w, format.ContentType(), "latchkey-bulk."+string(format), func(ctx context.Context, out io.Writer) error {
		return c.Bulk.Export(ctx, a, found.ID, format, out)
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("export a bulk order: %w", err)
	}
	return nil
}
