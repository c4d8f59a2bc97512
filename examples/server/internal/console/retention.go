package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// shownOfAGroup is how many actions a preview shows of each group.
const shownOfAGroup = 50

// retentionData is the page on what is kept, and on what may go.
type retentionData struct {
	Holds   []retention.Hold
	Order   purgeOrder
	Errors  map[string]string // by field
	Preview *purgePreview     // nil: nothing was asked for yet

	Serial, Why string // of a hold that was not placed
}

// purgeOrder is the form of a purge.
type purgeOrder struct{ Days, Reason, Device string }

// firstOrder is how the form begins.
var firstOrder = purgeOrder{Days: "365"}

// purgePreview says what a purge would do.
type purgePreview struct {
	Before time.Time
	Due    retention.Group   // what would go
	Kept   []retention.Group // what stays
}

// Stay is how many stay.
func (p purgePreview) Stay() (n int) {
	for _, g := range p.Kept {
		n += g.Count
	}
	return n
}

// Arm is what somebody types to arm the button.
func (p purgePreview) Arm() string { return "PURGE " + strconv.Itoa(p.Due.Count) }

// purgeWords say what a code means of many.
func purgeWords(code string) string {
	switch code {
	case retention.CodePurged:
		return "no device needs them"
	case "too_young":
		return "too young: their lock had an event since then"
	case "live":
		return "under way, or holding a device now"
	case "held":
		return "waiting for a second person"
	case "may_be_on_device":
		return "may be on a device"
	case "escrow_in_force":
		return "handed over by a device, which may need them"
	case "legal_hold":
		return "under a legal hold"
	case "pin_in_use":
		return "the same PIN may be in use by another lock"
	case "last_confirmed":
		return "the last PIN that a device confirmed, and it may be locked"
	case "already_purged":
		return "purged before"
	default:
		return strings.ReplaceAll(code, "_", " ")
	}
}

func (c *console) retentionPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.showRetention(w, r, a, http.StatusOK, retentionData{Order: firstOrder})
}

func (c *console) showRetention(w http.ResponseWriter, r *http.Request, a lock.Actor, status int, data retentionData) error {
	var err error
	if data.Holds, err = retention.Holds(r.Context(), c.Service, a, c.Scope); err != nil {
		return err
	}
	return c.render(w, r, status, "retention", "Retention", data)
}

// previewPurge is a dry run.
func (c *console) previewPurge(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data := retentionData{Order: orderOfPurge(r)}
	order, err := c.purgeOf(r.Context(), a, data.Order)
	if err == nil {
		data.Preview, err = c.preview(w, r, a, order)
	}
	var input *lock.InputError
	if errors.As(err, &input) {
		data.Errors = map[string]string{input.Field: sentence(input.Rule)}
		return c.showRetention(w, r, a, http.StatusUnprocessableEntity, data)
	}
	if err != nil {
		return err
	}
	return c.showRetention(w, r, a, http.StatusOK, data)
}

func orderOfPurge(r *http.Request) purgeOrder {
	field := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return purgeOrder{field("days"), field("reason"), field("device")}
}

// purgeOf reads the form.
func (c *console) purgeOf(ctx context.Context, a lock.Actor, form purgeOrder) (lock.Purge, error) {
	order := lock.Purge{Scope: c.Scope, Reason: form.Reason}
	days, err := strconv.Atoi(form.Days)
	if err != nil || days < 1 || days > 36500 {
		return order, &lock.InputError{Field: "days", Rule: "must be 1 to 36500 days"}
	}
	order.Before = c.Now().UTC().AddDate(0, 0, -days)
	if form.Device == "" {
		return order, nil
	}
	order.Devices = []string{form.Device}
	found, err := retention.Find(ctx, c.Service, a, lock.Device{Scope: c.Scope, Serial: form.Device})
	for _, d := range found.Names {
		order.Devices = append(order.Devices, d.ID)
	}
	return order, err
}

func (c *console) preview(w http.ResponseWriter, r *http.Request, a lock.Actor, order lock.Purge) (*purgePreview, error) {
	groups, err := c.run(w, r, a, order)
	if err != nil {
		return nil, err
	}
	p := &purgePreview{Before: order.Before, Kept: groups}
	if len(groups) > 0 && groups[0].Code == retention.CodePurged {
		p.Due, p.Kept = groups[0], groups[1:]
	}
	return p, nil
}

// run takes the time that it needs.
func (c *console) run(w http.ResponseWriter, r *http.Request, a lock.Actor, order lock.Purge) ([]retention.Group, error) {
	defer audit.TakeTime(w)()
	return retention.Purge(r.Context(), c.Service, a, order, shownOfAGroup)
}

// purge purges what was previewed, and of that only what may still go. The button is armed by hand.
func (c *console) purge(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data := retentionData{Order: orderOfPurge(r)}
	order, err := c.purgeOf(r.Context(), a, data.Order)
	if err != nil {
		return err
	}
	if order.Before, err = time.Parse(time.RFC3339Nano, r.PostFormValue("before")); err != nil {
		return &lock.InputError{Field: "before", Rule: "must be that of a preview"}
	}
	if arm := r.PostFormValue("arm"); arm == "" || !strings.EqualFold(strings.TrimSpace(r.PostFormValue("confirm")), arm) {
		if data.Preview, err = c.preview(w, r, a, order); err != nil {
			return err
		}
		data.Errors = map[string]string{"confirm": "Nothing was purged: this is not what arms the button."}
		return c.showRetention(w, r, a, http.StatusUnprocessableEntity, data)
	}
	order.Apply = true
	groups, err := c.run(w, r, a, order)
	if err != nil && len(groups) > 0 {
		c.Logger.ErrorContext(r.Context(), "purge stopped", slog.Any("error", err))
		c.warn(r.Context(), "The purge stopped in the middle. "+purgeResult(groups)+" Nothing is half done: preview it again to go on.")
	} else if err != nil {
		return err
	} else {
		c.say(r.Context(), purgeResult(groups))
	}
	http.Redirect(w, r, "/retention", http.StatusSeeOther)
	return nil
}

// purgeResult says what came of a purge.
func purgeResult(groups []retention.Group) string {
	purged, kept := 0, []string(nil)
	for _, g := range groups {
		if g.Code == retention.CodePurged {
			purged = g.Count
			continue
		}
		kept = append(kept, pins(g.Count)+" "+purgeWords(g.Code))
	}
	text := "Purged: " + pins(purged) + "."
	if len(kept) > 0 {
		text += " Kept: " + strings.Join(kept, "; ") + "."
	}
	return text
}
