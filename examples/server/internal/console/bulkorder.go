package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// maxFound is how many devices a search may select. Groups select more.
const maxFound = 100_000

// bulkForm is the review of a bulk order: what it would do, before anything is sent. It never holds a PIN.
type bulkForm struct {
	Search     string
	All        bool // all devices that the search finds
	Devices    []string
	Groups     []string // alone
	Branches   []string // with their subgroups
	UserGroups []string

	Check bulk.Check
	Stops []stop

	Message, Phone option
	Reason, Ticket string
	Force          bool
	Forcible       bool // something that stands in the way can be ordered over
	Mode           string
	Reuse          string
	Key            string
	Errors         map[string]string
	Failure        string
}

// stop is one thing that stands in the way of some devices.
type stop struct {
	Code, Text string
	N          int
	Items      []bulk.Item // the first of them
}

// maxStops is how many devices of a stop the page names.
const maxStops = 50

// Arm is what must be typed to arm the button: how many devices will get the command.
func (f *bulkForm) Arm() string { return strconv.Itoa(f.Check.Orders()) }

// LeftOut is how many devices something stands in the way of.
func (f *bulkForm) LeftOut() int { return f.Check.Total - f.Check.Ready }

// ScreensOff is of how many devices only the screen goes off, because they have no passcode.
func (f *bulkForm) ScreensOff() (n int) {
	for _, note := range f.Check.Notes {
		if note.Code == string(android.CodeNoSecureLock) {
			n += note.N
		}
	}
	return n
}

// NoPIN is how many of them get no PIN.
func (f *bulkForm) NoPIN() int {
	return f.Check.Platforms[androidPlatform] + f.Check.Platforms[inventory.ComputerPlatform]
}

// Openable is how many of those what is on them already opens, if anything is.
func (f *bulkForm) Openable() int { return f.NoPIN() - f.Check.LockedOut }

// stopWords say why devices are left out whose finding speaks of what would happen.
var stopWords = map[string]string{
	string(windows.CodeLockOutUnproven): "A lock of this Windows desktop would keep everybody from signing in, and was never proven on hardware: " +
		"order it on the page of the device.",
}

// Title says what the order is.
func (f *bulkForm) Title() string { return "Lock " + deviceCount(f.Check.Orders()) }

// bulkOrderPage is the review screen.
func (c *console) bulkOrderPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f := newBulkForm(r)
	f.Key = keyPrefix + string(lock.NewID(c.Now()))
	order, err := c.bulkOrder(r.Context(), a, f, "")
	if err != nil {
		return err
	}
	if err := c.reviewBulk(r.Context(), a, f, order); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "bulkorder", f.Title(), f)
}

func newBulkForm(r *http.Request) *bulkForm {
	f := &bulkForm{
		Search: r.FormValue("q"), All: r.FormValue("all") != "", Devices: r.Form["device"], Groups: r.Form["group"], Branches: r.Form["branch"],
		UserGroups: r.Form["user_group"], Mode: modeRotate, Errors: map[string]string{},
	}
	return f
}

// reviewBulk asks what the order would do. Of the devices in whose way something stands it sorts them by what it is.
func (c *console) reviewBulk(ctx context.Context, a lock.Actor, f *bulkForm, order bulk.Order) (err error) {
	if f.Check, err = c.Bulk.Preflight(ctx, a, order); err != nil {
		return err
	}
	f.Stops = nil
	for _, item := range f.Check.Stopped {
		i := slices.IndexFunc(f.Stops, func(s stop) bool { return s.Code == item.Code })
		if i < 0 {
			i = len(f.Stops)
			f.Stops = append(f.Stops, stop{Code: item.Code, Text: cmp.Or(stopWords[item.Code], item.Reason, itemStatus(item).Text), N: f.Check.By[item.Code]})
		}
		if s := &f.Stops[i]; len(s.Items) < maxStops {
			s.Items = append(s.Items, item)
		}
	}
	slices.SortStableFunc(f.Stops, func(x, y stop) int { return y.N - x.N })
	return nil
}

// bulkOrder is the order that the form asks for.
func (c *console) bulkOrder(ctx context.Context, a lock.Actor, f *bulkForm, digits string) (bulk.Order, error) {
	o := bulk.Order{
		Selection: lockbulk.Selection{Devices: f.Devices, UserGroups: f.UserGroups},
		Reason:    f.Reason, Ticket: f.Ticket, Message: f.Message.text(), PhoneNumber: f.Phone.text(), Force: f.Force,
		Keep: f.Mode == modeKeep,
	}
	if f.Mode != modeRotate {
		o.Reuse = f.Reuse
	}
	for _, id := range f.Groups {
		o.Selection.Groups = append(o.Selection.Groups, lockbulk.Group{ID: id})
	}
	for _, id := range f.Branches {
		o.Selection.Groups = append(o.Selection.Groups, lockbulk.Group{ID: id, Subgroups: true})
	}
	if f.All {
		found, err := c.found(ctx, a, f.Search)
		if err != nil {
			return o, err
		}
		o.Selection.Devices = append(slices.Clone(o.Selection.Devices), found...)
	}
	if f.Mode == modeSupplied && digits != "" {
		code, err := pin.Parse(digits)
		if err != nil {
			f.Errors["pin"] = pinRule(err)
		}
		o.PIN = code
	}
	return o, nil
}

// found are the IDs of all devices that a search finds.
func (c *console) found(ctx context.Context, a lock.Actor, search string) (ids []string, err error) {
	for after := ""; ; {
		page, err := c.Devices.Devices(ctx, a, search, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			ids = append(ids, d.ID)
			after = d.ID
		}
		if len(ids) > maxFound {
			return nil, &lock.InputError{Field: "search", Rule: "finds more than " + thousands(maxFound) + " devices: lock a group of them"}
		}
		if len(page) < 1000 {
			return ids, nil
		}
	}
}

// orderBulk orders what the review showed, or shows it again.
func (c *console) orderBulk(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f := newBulkForm(r)
	f.fill(r)
	digits := r.PostFormValue("pin")
	f.complain(digits)
	order, err := c.bulkOrder(r.Context(), a, f, digits)
	var made bulk.Batch
	if err == nil {
		made, err = c.makeBulk(r.Context(), a, f, order, r.PostFormValue("seen"), strings.TrimSpace(r.PostFormValue("confirm")))
	}
	if err != nil && !f.refuse(err) {
		return err
	}
	if made.ID == "" {
		f.Failure = "Nothing was ordered: " + cmp.Or(f.Failure, "see below what stands in the way.")
		return c.render(w, r, http.StatusUnprocessableEntity, "bulkorder", "Nothing was ordered: "+f.Title(), f)
	}
	http.Redirect(w, r, bulkPath(made.ID), http.StatusSeeOther)
	return nil
}

// makeBulk orders what the review showed, and nothing else: not when the number of devices is another one now. When it was sent before, and
// changed what a review shows, what was made then is the answer.
func (c *console) makeBulk(ctx context.Context, a lock.Actor, f *bulkForm, order bulk.Order, seen, typed string) (made bulk.Batch, err error) {
	if len(f.Errors) == 0 {
		if made, err = c.Bulk.Earlier(ctx, a, order, f.Key); err != nil || made.ID != "" {
			return made, err
		}
	}
	err = c.reviewBulk(ctx, a, f, order)
	switch {
	case err != nil:
	case f.Arm() != seen:
		f.Failure = "with what you chose, another number would lock than the page said: " + deviceCount(f.Check.Orders()) + ". Look at it again."
	case typed != f.Arm():
		f.Errors["confirm"] = "This is not the number of devices that would lock."
	case len(f.Errors) == 0:
		made, _, err = c.Bulk.Create(ctx, a, order, f.Key)
	}
	return made, err
}

// fill takes over what was entered, but for the PIN.
func (f *bulkForm) fill(r *http.Request) {
	f.Message.On, f.Message.Value = r.PostFormValue("with_message") != "", r.PostFormValue("message")
	f.Phone.On, f.Phone.Value = r.PostFormValue("with_phone") != "", r.PostFormValue("phone_number")
	f.Reason, f.Ticket = r.PostFormValue("reason"), r.PostFormValue("ticket")
	f.Force, f.Reuse = r.PostFormValue("force") != "", strings.TrimSpace(r.PostFormValue("reuse"))
	if mode := r.PostFormValue("pin_mode"); mode == modeKeep || mode == modeSupplied {
		f.Mode = mode
	}
	if id, ok := strings.CutPrefix(r.PostFormValue("key"), keyPrefix); ok && len(id) == 36 {
		f.Key = keyPrefix + id
	}
}

// complain says at the fields what is missing.
func (f *bulkForm) complain(digits string) {
	if f.Message.On && strings.TrimSpace(f.Message.Value) == "" {
		f.Errors["message"] = "Enter a message, or clear the checkbox."
	}
	if f.Phone.On && strings.TrimSpace(f.Phone.Value) == "" {
		f.Errors["phone_number"] = "Enter a phone number, or clear the checkbox."
	}
	if strings.TrimSpace(f.Reason) == "" {
		f.Errors["reason"] = "Say why so many devices are locked at once."
	}
	if f.Mode != modeSupplied {
		return
	}
	if digits == "" {
		f.Errors["pin"] = "Type the PIN that all of them get."
		return
	}
	for _, text := range []struct {
		field string
		value *string
	}{
		{"message", &f.Message.Value}, {"phone_number", &f.Phone.Value}, {"reason", &f.Reason}, {"ticket", &f.Ticket}, {"reuse", &f.Reuse},
	} {
		if masked, found := mask(*text.value, digits); found {
			*text.value = masked
			f.Errors[text.field] = "Must not contain the PIN: it would be kept, or shown, in clear. Dots stand where it was."
		}
	}
}

// refuse shows in the form what the service says against the order. It is false when that belongs on an error page.
func (f *bulkForm) refuse(err error) bool {
	var input *lock.InputError
	if !errors.As(err, &input) || input.Field == "devices" || input.Field == "search" {
		return false
	}
	if input.Field == "pin" {
		f.Errors["pin"] = pinRule(err)
	} else {
		f.Errors[input.Field] = sentence(input.Rule)
	}
	if !slices.Contains([]string{"pin", "message", "phone_number", "reason", "ticket", "reuse"}, input.Field) {
		f.Failure = fmt.Sprintf("%s %s.", input.Field, input.Rule)
	}
	return true
}
