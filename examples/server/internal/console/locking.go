package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// keyPrefix begins the idempotency keys of this console.
const keyPrefix = "console/"

// lockForm is the lock dialog. It never holds a PIN: one that was chosen has to be typed again.
type lockForm struct {
	Kind     lock.Kind // that is ordered; empty: a lock
	Device   inventory.Device
	Live     *lock.Action   // the lock that is under way or holds: there is nothing to order
	Findings []lock.Finding // of the device, not of a field
	Blocked  bool           // and not forceable
	Forcible bool           // blocked unless forced

	Message, Phone option
	Reason, Ticket string
	Force          bool
	Mode           string // how the PIN is chosen
	Keep           keepChoice
	Own            ownPIN
	Used           bool   // the PIN that was chosen was used before, or somebody has seen it
	Reuse          string // why it, or the one in use, is used all the same
	Second         bool   // somebody else has to approve it
	Key            string // makes one action of this form, however often it is sent
	Errors         map[string]string
	Failure        string // that nothing was ordered, and why

	Method string // how a Windows device is to be locked: methodScreen or methodSignIn; empty: as its kind wants it
	Ways   bool   // there are two
	SignIn bool   // the lock is a sign-in lock-out
}

// The ways to lock a Windows device.
const (
	methodScreen = "screen"
	methodSignIn = "sign_in"
)

// options are those of the order beside what every platform has.
func (f *lockForm) options() map[string]string {
	if f.Method == "" {
		return nil
	}
	return map[string]string{"method": f.Method}
}

// option is a field of the locked screen that is behind a checkbox.
type option struct {
	On      bool
	Value   string
	Blocked string // why this device cannot show it
	Warning string // why it may not
}

// First is the first field that has to be filled in anew, where the dialog goes on. It is empty when that would not help.
func (f *lockForm) First() string {
	if f.Live != nil || f.Blocked {
		return ""
	}
	for _, field := range []string{"message", "phone_number", "pin", "reuse", "reason", "ticket", "confirm"} {
		if f.Errors[field] != "" || field == "pin" && f.Own.Again {
			return field
		}
	}
	return ""
}

// Arm is what must be typed to arm the button, so that the wrong machine is not locked.
func (f *lockForm) Arm() arming { return armingOf(f.Device.Device) }

func (c *console) lockPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newLockForm(r, a)
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "lock", "Lock "+f.Device.Name, f)
}

// newLockForm asks what a lock of the device would do. Message and phone number are part of the question, so that the dialog can say
// beforehand what this device cannot show.
func (c *console) newLockForm(r *http.Request, a lock.Actor) (*lockForm, error) {
	ctx := r.Context()
	f := &lockForm{Key: keyPrefix + string(lock.NewID(c.Now())), Mode: modeRotate, Errors: map[string]string{}}
	d, err := c.Devices.FindFor(ctx, a, r.PathValue("id"))
	if err != nil {
		return f, err
	}
	f.Device = d
	live, err := c.Service.Live(ctx, a, c.Scope, d.ID)
	if err != nil {
		return f, err
	}
	for i, action := range live {
		if action.Kind == lock.KindLock && (f.Live == nil || f.Live.State == lock.StateHeld) { // a held one is behind the other
			f.Live = &live[i]
		}
	}
	f.Second = c.Approvals.Needs(a, lock.VerbLock, lock.Target{Device: d.Device})
	if isComputer(d.Device) {
		f.method(r)
	}
	findings, err := c.Service.Preflight(ctx, a, lock.Request{
		Device: d.Device, Message: "A message", PhoneNumber: "0", Options: f.options(),
	})
	if err != nil {
		return f, err
	}
	f.sort(findings)
	f.SignIn = slices.ContainsFunc(findings, func(f lock.Finding) bool { return f.Code == "denies_everybody" })
	f.Keep, err = c.keepable(ctx, a, d.Device)
	return f, err
}

// method takes over how a Windows device is to be locked, where there are two ways.
func (f *lockForm) method(r *http.Request) {
	facts := windows.FromDevice(f.Device.Device)
	f.Ways = may(facts, windows.ActLock) && may(facts, windows.ActLockOut)
	if asked := r.FormValue("method"); asked == methodScreen || asked == methodSignIn {
		f.Method = asked
	}
}

// sort gives each finding its place.
func (f *lockForm) sort(findings []lock.Finding) {
	f.Findings = nil
	f.Keep.limit(findings)
	for _, finding := range findings {
		switch finding.Field {
		case "message":
			f.Message.limit(finding)
		case "phone_number":
			f.Phone.limit(finding)
		case "pin", "keep": // are told where the PIN is chosen
		default:
			f.Findings = append(f.Findings, finding)
			if finding.Level == lock.LevelBlock {
				f.Forcible = true
				f.Blocked = f.Blocked || !finding.Forceable
			}
		}
	}
	f.Forcible = f.Forcible && !f.Blocked
	weight := map[lock.Level]int{lock.LevelBlock: 0, lock.LevelWarn: 1, lock.LevelInfo: 2}
	slices.SortStableFunc(f.Findings, func(x, y lock.Finding) int { return weight[x.Level] - weight[y.Level] })
}

func (o *option) limit(f lock.Finding) {
	if f.Level == lock.LevelBlock || strings.HasSuffix(f.Code, "_not_shown") {
		o.Blocked = f.Text
	} else {
		o.Warning = f.Text
	}
}

// text is what the option adds to the order.
func (o *option) text() string {
	if !o.On {
		return ""
	}
	return o.Value
}

func (c *console) orderLock(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newLockForm(r, a)
	if err != nil {
		return err
	}
	f.fill(r)
	req, ok := f.request(r.PostFormValue("confirm"), r.PostFormValue("pin"))
	if !ok {
		return c.askAgain(w, r, a, http.StatusUnprocessableEntity, f)
	}
	action, err := c.Service.Lock(r.Context(), a, req)
	if err != nil {
		status, ok := f.refuse(err)
		if !ok {
			return err
		}
		return c.askAgain(w, r, a, status, f)
	}
	if action.Joined && action.Lane == "" {
		c.warn(r.Context(), over(action))
	} else {
		c.say(r.Context(), ordered(action, f.Device))
	}
	http.Redirect(w, r, devicePath(f.Device.ID), http.StatusSeeOther)
	return nil
}

// askAgain shows the dialog with what stands in the way of the order, all of it at once.
func (c *console) askAgain(w http.ResponseWriter, r *http.Request, a lock.Actor, status int, f *lockForm) error {
	if f.Mode == modeSupplied && f.Live == nil {
		var err error
		if f.Own, err = c.judge(r.Context(), a, f, r.PostFormValue("pin")); err != nil {
			return err
		}
		f.Own.Again = f.Own.Typed
		if len(f.Own.Findings) > 0 {
			delete(f.Errors, "pin") // says the same
		}
	}
	if f.Mode == modeKeep && f.Keep.Blocked != "" {
		f.Mode = modeRotate
		f.Failure = "the PIN in use cannot be kept. Choose another way."
	}
	f.Failure = "Nothing was ordered: " + cmp.Or(f.Failure, "see below what stands in the way.")
	return c.render(w, r, status, "lock", "Nothing was ordered: lock "+f.Device.Name, f)
}

func ordered(a lock.Action, d inventory.Device) string {
	if !isMac(d.Device) {
		return phoneOrdered(a, d.Enrolled)
	}
	mac, when := " The Mac", " when it comes online"
	if !d.Enrolled {
		mac, when = " This Mac has checked out; it", " when it is enrolled again, and not before"
	}
	switch effect := effectOf(a); {
	case a.State == lock.StateHeld && a.Joined:
		return "A lock of this Mac waits for a second person already, and your order joined it."
	case a.State == lock.StateHeld:
		return "Ordered, and its PIN is kept. " + waitsFor(approval.WhatLock, a.HeldBy) + " Nothing is sent before somebody else approves it."
	case a.Joined && (a.State == lock.StateQueued || a.State == lock.StateIssued):
		return "This Mac has a lock under way already. Your order joined it: one lock, one PIN."
	case a.Joined:
		return "This order was made before and led to the lock below. No second one was ordered."
	case effect.Warning != "":
		return "Lock ordered over what blocks it." + mac + " " + strings.ToLower(effect.Will) + when + "."
	default:
		return "Lock ordered, and its PIN is kept." + mac + " locks" + when + ". This page says Locked only after the Mac has said so."
	}
}

// over says why a form that is sent again orders nothing: what it ordered has ended.
func over(a lock.Action) string {
	if a.State == lock.StateCancelled {
		return "The order of this form was cancelled, and nothing new was ordered. To lock the Mac, choose Lock this Mac and order again."
	}
	return "The order of this form has ended, and nothing new was ordered. To lock the Mac, choose Lock this Mac and order again."
}

// fill takes over what was entered, but for the PIN.
func (f *lockForm) fill(r *http.Request) {
	f.Message.On, f.Message.Value = r.PostFormValue("with_message") != "", r.PostFormValue("message")
	f.Phone.On, f.Phone.Value = r.PostFormValue("with_phone") != "", r.PostFormValue("phone_number")
	f.Reason, f.Ticket = r.PostFormValue("reason"), r.PostFormValue("ticket")
	f.Force = r.PostFormValue("force") != ""
	switch mode := r.PostFormValue("pin_mode"); mode {
	case modeKeep, modeSupplied:
		f.Mode, f.Reuse = mode, r.PostFormValue("reuse_"+mode)
		f.Used = mode == modeSupplied && f.Reuse != ""
	default:
		f.Mode = modeRotate
	}
	if id, ok := strings.CutPrefix(r.PostFormValue("key"), keyPrefix); ok && len(id) == 36 {
		f.Key = keyPrefix + id
	}
}

// request makes the order, or says at the fields why there is none.
func (f *lockForm) request(confirm, digits string) (lock.Request, bool) {
	if f.Mode == modeSupplied {
		f.keepOut(digits)
	}
	req := lock.Request{
		Device: f.Device.Device, Reason: f.Reason, Ticket: f.Ticket, Message: f.Message.text(), PhoneNumber: f.Phone.text(),
		Force: f.Force, Key: f.Key, Options: f.options(),
	}
	if arm := f.Arm(); !arm.fits(confirm) {
		f.Errors["confirm"] = arm.Slip() + " Compare the device with the one in your hands or in your ticket."
	}
	if f.Message.On && f.Errors["message"] == "" && strings.TrimSpace(f.Message.Value) == "" {
		f.Errors["message"] = "Enter a message, or clear the checkbox."
	}
	if f.Phone.On && f.Errors["phone_number"] == "" && strings.TrimSpace(f.Phone.Value) == "" {
		f.Errors["phone_number"] = "Enter a phone number, or clear the checkbox."
	}
	f.choose(&req, digits)
	return req, len(f.Errors) == 0
}

// refuse shows in the dialog what the service says against the order. ok is false when it belongs on an error page.
func (f *lockForm) refuse(err error) (status int, ok bool) {
	var (
		input   *lock.InputError
		busy    *lock.BusyError
		blocked *lock.BlockedError
	)
	switch {
	case errors.As(err, &busy):
		f.Live = &busy.Live
		if f.Failure = "this Mac has a lock already, with another PIN than the one you chose."; !isMac(f.Device.Device) {
			f.Failure = "this device has a lock already, which is another one."
		}
		return http.StatusConflict, true
	case errors.As(err, &blocked):
		f.sort(blocked.Findings)
		return http.StatusUnprocessableEntity, true
	case errors.As(err, &input):
		f.Errors[input.Field] = sentence(input.Rule)
		if input.Field == "pin" {
			f.refusePIN(err)
		}
		if !slices.Contains([]string{"pin", "message", "phone_number", "reason", "ticket", "reuse"}, input.Field) {
			f.Failure = input.Field + " " + input.Rule + "."
		}
		return http.StatusUnprocessableEntity, true
	default:
		return 0, false
	}
}
