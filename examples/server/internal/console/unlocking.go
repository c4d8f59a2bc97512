package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// unlockForm is the dialog that ends a sign-in lock-out.
type unlockForm struct {
	Device         inventory.Device
	Lock           lock.Action  // that it ends
	Live           *lock.Action // the unlock that is under way: there is nothing to order
	Before         []was        // what the device gets back; none: it is not known
	Findings       []lock.Finding
	Blocked        bool // and not forceable
	Forcible       bool // blocked unless forced
	Force, Second  bool
	Reason, Ticket string
	Key            string
	Errors         map[string]string
	Failure        string // that nothing was ordered, and why
}

// unlockPage shows what an unlock puts back, before anybody orders it.
func (c *console) unlockPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newUnlockForm(r, a)
	if err != nil {
		return err
	}
	return c.renderUnlock(w, r, http.StatusOK, f)
}

func (c *console) renderUnlock(w http.ResponseWriter, r *http.Request, status int, f *unlockForm) error {
	title := "Unlock " + cmp.Or(f.Device.Name, f.Device.Serial, f.Device.ID)
	if f.Failure != "" {
		title = "Nothing was ordered: unlock " + strings.TrimPrefix(title, "Unlock ")
	}
	return c.render(w, r, status, "unlock", title, f)
}

// newUnlockForm finds what there is to end. It is lock.ErrNotFound when no lock of the device can be ended from here.
func (c *console) newUnlockForm(r *http.Request, a lock.Actor) (*unlockForm, error) {
	ctx := r.Context()
	d, err := c.Devices.FindFor(ctx, a, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if !isComputer(d.Device) {
		return nil, lock.ErrNotFound
	}
	f := &unlockForm{Device: d, Key: keyPrefix + string(lock.NewID(c.Now())), Errors: map[string]string{}}
	live, err := c.Service.Live(ctx, a, c.Scope, d.ID)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(live, func(a lock.Action) bool { return a.Kind == lock.KindUnlock }); i >= 0 {
		f.Live, f.Lock.ID = &live[i], live[i].Of
		return f, nil
	}
	locks, err := c.locksOf(ctx, a, []inventory.Device{d})
	if err != nil {
		return nil, err
	}
	out := lockedOutBy(locks[d.ID])
	if out == nil {
		return nil, lock.ErrNotFound
	}
	f.Lock, f.Before, f.Second = *out, beforeOf(*out), c.Approvals.Needs(a, lock.VerbLock, lock.Target{Device: d.Device}) // for every order
	findings, err := c.Service.Preflight(ctx, a, lock.Request{Device: d.Device, Kind: lock.KindUnlock, Of: out.ID})
	f.judge(findings)
	return f, err
}

// judge takes over what speaks for and against the order.
func (f *unlockForm) judge(findings []lock.Finding) {
	f.Findings, f.Blocked, f.Forcible = findings, false, false
	for _, finding := range findings {
		f.Blocked = f.Blocked || finding.Level == lock.LevelBlock && !finding.Forceable
		f.Forcible = f.Forcible || finding.Level == lock.LevelBlock
	}
	f.Forcible = f.Forcible && !f.Blocked
}

// orderUnlock orders what the dialog showed: when another lock would be ended by now, it is shown anew.
func (c *console) orderUnlock(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newUnlockForm(r, a)
	if err != nil {
		return err
	}
	f.Reason, f.Ticket, f.Force = r.PostFormValue("reason"), r.PostFormValue("ticket"), r.PostFormValue("force") != ""
	if id, ok := strings.CutPrefix(r.PostFormValue("key"), keyPrefix); ok && len(id) == 36 {
		f.Key = keyPrefix + id
	}
	if f.Live == nil && r.PostFormValue("of") != string(f.Lock.ID) {
		f.Failure = "Nothing was ordered: another lock holds the device by now. Look at it again."
		return c.renderUnlock(w, r, http.StatusConflict, f)
	}
	action, err := c.Service.Unlock(r.Context(), a, f.Lock.ID, lock.Request{
		Device: f.Device.Device, Reason: f.Reason, Ticket: f.Ticket, Force: f.Force, Key: f.Key,
	})
	if err != nil {
		if !f.refuse(err) {
			return err
		}
		f.Failure = "Nothing was ordered: " + cmp.Or(f.Failure, "see below what stands in the way.")
		return c.renderUnlock(w, r, http.StatusUnprocessableEntity, f)
	}
	c.sayOrdered(r, action, f.Device.Enrolled)
	http.Redirect(w, r, devicePath(f.Device.ID), http.StatusSeeOther)
	return nil
}

// refuse shows in the dialog what the service says against the order. It is false when that belongs on an error page.
func (f *unlockForm) refuse(err error) bool {
	var (
		input   *lock.InputError
		busy    *lock.BusyError
		blocked *lock.BlockedError
	)
	switch {
	case errors.As(err, &busy):
		f.Live, f.Failure = &busy.Live, "an unlock of this device is under way already."
	case errors.As(err, &blocked):
		f.judge(blocked.Findings)
	case errors.As(err, &input):
		f.Errors[input.Field] = sentence(input.Rule)
		if input.Field != "reason" && input.Field != "ticket" {
			f.Failure = input.Field + " " + input.Rule + "."
		}
	default:
		return false
	}
	return true
}
