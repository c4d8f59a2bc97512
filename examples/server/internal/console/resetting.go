package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/handset"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// resetForm is the second step of a passcode reset. It never holds a passcode: one that was chosen has to be typed again.
type resetForm struct {
	lockForm
	Confirm  string       // what was typed in the first step to tell the device from others: see arming
	Holder   string       // and who uses the device
	Manages  string       // in words: how the device is managed
	Acts     []capability // what orders do on this very device
	Policy   string       // what a new passcode is like
	Wanted   bool         // by the policy of the device: one is known
	NoDraw   string       // why none can be drawn; empty: one can
	Entry    bool         // the new passcode has to be typed
	LockNow  bool
	Mails    bool // passcodes can be mailed
	ToAdmin  bool
	ToUser   bool
	Admin    string // address of the account; empty: it has none
	User     string // address
	Reveals  bool   // who orders it may reveal: a mail is a reveal
	Verified bool   // the first step is done

	Makes     bool // the device makes the PIN: there is none to choose
	Recovers  bool // it can do that and keep the keys of Windows Hello
	KeepHello bool // and is to
}

// Code is what is reset.
func (f *resetForm) Code() string { return codeOf(f.Kind, f.Device.Device) }

// First is the first field that has to be filled in anew.
func (f *resetForm) First() string {
	if f.Live != nil || f.Blocked {
		return ""
	}
	for _, field := range []string{"pin", "reuse", "user", "reason", "ticket"} {
		if f.Errors[field] != "" || field == "pin" && f.Own.Again {
			return field
		}
	}
	return ""
}

// verify takes what was typed to tell this device and its user from others: see arming, and the name of the user when the device has one.
// What is wrong is said at the fields.
func (f *resetForm) verify(confirm, holder string) {
	arm, user := f.Arm(), same(holder, f.Device.User)
	f.Confirm, f.Holder, f.Verified = confirm, holder, arm.fits(confirm) && user
	if !arm.fits(confirm) {
		f.Errors["confirm"] = arm.Slip() + " Compare the device with the one in your ticket."
	}
	if !user {
		f.Errors["holder"] = "This is not the user of the device. Ask whoever wants the reset for their name."
	}
}

// resetPage is the first step of a passcode reset: device and user are verified. The second comes with the answer to its form.
func (c *console) resetPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newResetForm(r, a)
	if err != nil {
		return err
	}
	return c.renderReset(w, r, http.StatusOK, f)
}

func (c *console) renderReset(w http.ResponseWriter, r *http.Request, status int, f *resetForm) error {
	title := verbOf(f.Kind, f.Device.Device) + " " + f.Device.Name
	if f.Failure != "" {
		title = "Nothing was ordered: " + strings.ToLower(title[:1]) + title[1:]
	}
	return c.render(w, r, status, "reset", title, f)
}

// newResetForm asks what a reset of the device would do. A Mac has none.
func (c *console) newResetForm(r *http.Request, a lock.Actor) (*resetForm, error) {
	ctx := r.Context()
	d, err := c.Devices.FindFor(ctx, a, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if isMac(d.Device) {
		return nil, lock.ErrNotFound
	}
	f := &resetForm{Mails: c.Deliveries != nil, Reveals: c.may(r, lock.VerbReveal), Admin: accountOf(r).Email}
	f.lockForm = lockForm{
		Kind: lock.KindResetPasscode, Device: d, Key: keyPrefix + string(lock.NewID(c.Now())), Mode: modeRotate, Errors: map[string]string{},
	}
	if err := c.describe(ctx, a, f); err != nil {
		return nil, err
	}
	if account.CheckEmail("user", d.User) == nil {
		f.User = d.User
	}
	live, err := c.Service.Live(ctx, a, c.Scope, d.ID)
	if err != nil {
		return nil, err
	}
	f.Live = orderFor(live)
	f.Second = c.Approvals.Needs(a, lock.VerbLock, lock.Target{Device: d.Device}) // it stands for every order
	findings, err := c.Service.Preflight(ctx, a, lock.Request{Device: d.Device, Kind: lock.KindResetPasscode, Options: f.options()})
	f.sort(findings)
	for _, finding := range findings {
		if finding.Field == "pin" && finding.Level == lock.LevelBlock { // there is no passcode yet: it speaks of the one to be drawn
			f.NoDraw, f.Mode = finding.Text, modeSupplied
		}
	}
	return f, err
}

// describe adds what is known of the device, and what its kind has to choose from.
func (c *console) describe(ctx context.Context, a lock.Actor, f *resetForm) error {
	d := f.Device.Device
	if isComputer(d) {
		facts := windows.FromDevice(d)
		f.Makes, f.Recovers, f.Manages, f.Acts = true, may(facts, windows.ActRecover), classOf(f.Device), computerActs(facts)
		return nil
	}
	facts := android.FromDevice(d)
	foreign, err := handset.Foreign(ctx, c.Service, a, d)
	f.Manages, f.Acts = modeWords(facts.Mode), capabilities(facts, handset.Capabilities(facts, foreign))
	f.Policy, f.Wanted = passcodeWords(facts.Policy.PIN(facts.APILevel)), facts.Policy != android.Policy{}
	f.Entry, f.LockNow = true, true
	return err
}

func (f *resetForm) options() map[string]string {
	if f.KeepHello {
		return map[string]string{"recover": "true"}
	}
	options := map[string]string{"require_entry": "true", "lock_now": "true"}
	maps.DeleteFunc(options, func(name, _ string) bool {
		return name == "require_entry" && !f.Entry || name == "lock_now" && !f.LockNow
	})
	return options
}

// orderFor is the order for the passcode among those that are live; one that is held is behind the other.
func orderFor(live []lock.Action) (found *lock.Action) {
	for i, action := range live {
		passcode := action.Kind == lock.KindResetPasscode || action.Kind == lock.KindClearPasscode
		if passcode && (found == nil || found.State == lock.StateHeld) {
			found = &live[i]
		}
	}
	return found
}

// orderReset answers the first step with the second, and orders what the second says. Device and user are verified both times: the first step
// is no promise of the browser's.
func (c *console) orderReset(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newResetForm(r, a)
	if err != nil {
		return err
	}
	switch f.verify(r.PostFormValue("confirm"), r.PostFormValue("holder")); {
	case !f.Verified:
		return c.renderReset(w, r, http.StatusUnprocessableEntity, f)
	case r.PostFormValue("step") == "verify":
		return c.renderReset(w, r, http.StatusOK, f)
	}
	f.fill(r)
	send, req, ok := f.request(a, r.PostFormValue("pin"))
	if !ok {
		return c.askResetAgain(w, r, a, http.StatusUnprocessableEntity, f)
	}
	action, err := c.Service.ResetPasscode(r.Context(), a, req)
	if err != nil {
		status, ok := f.refuse(err)
		if !ok {
			return err
		}
		return c.askResetAgain(w, r, a, status, f)
	}
	if send.Admin != "" || send.User != "" {
		send.Action = action.ID
		if err := c.Deliveries.Order(r.Context(), send); err != nil {
			c.Logger.ErrorContext(r.Context(), "mail of a passcode could not be ordered",
				slog.String("action", string(action.ID)), slog.Any("error", err))
			c.warn(r.Context(), "The reset is ordered, and its mail is not: "+explain(err).Title+
				". Reveal the "+f.Code()+" here once the device has confirmed it.")
			http.Redirect(w, r, devicePath(f.Device.ID), http.StatusSeeOther)
			return nil
		}
	}
	c.sayOrdered(r, action, f.Device.Enrolled)
	http.Redirect(w, r, devicePath(f.Device.ID), http.StatusSeeOther)
	return nil
}

// fill takes over what was entered, but for the passcode.
func (f *resetForm) fill(r *http.Request) {
	f.lockForm.fill(r)
	if f.Mode == modeKeep { // there is nothing to keep: it is a reset
		f.Mode = modeRotate
	}
	f.Entry, f.LockNow = r.PostFormValue("require_entry") != "", r.PostFormValue("lock_now") != ""
	f.KeepHello = f.Recovers && r.PostFormValue("keep_hello") != ""
	if f.Mails && f.Reveals {
		f.ToAdmin, f.ToUser = f.Admin != "" && r.PostFormValue("mail_admin") != "", r.PostFormValue("mail_user") != ""
		f.User = strings.TrimSpace(r.PostFormValue("user"))
	}
}

// request makes the order and its mails, or says at the fields why there is none.
func (f *resetForm) request(a lock.Actor, code string) (send delivery.Order, req lock.Request, ok bool) {
	if f.Mode == modeSupplied {
		f.keepOut(code)
	}
	req = lock.Request{
		Device: f.Device.Device, Kind: lock.KindResetPasscode, Reason: f.Reason, Ticket: f.Ticket, Force: f.Force, Key: f.Key, Options: f.options(),
	}
	send = delivery.Order{By: a}
	if f.ToAdmin {
		send.Admin = f.Admin
	}
	if f.ToUser {
		send.User = f.User
		if account.CheckEmail("user", f.User) != nil {
			f.Errors["user"] = "Enter a mail address, as in name@example.com, or clear the checkbox."
		}
	}
	f.choose(&req, code)
	return send, req, len(f.Errors) == 0
}

// refuse shows in the form what the service says against the order.
func (f *resetForm) refuse(err error) (status int, ok bool) {
	status, ok = f.lockForm.refuse(err)
	var busy *lock.BusyError
	if errors.As(err, &busy) {
		f.Failure = "an order for the " + f.Code() + " of this device is under way already."
	}
	return status, ok
}

// askResetAgain shows the second step with what stands in the way, all of it at once.
func (c *console) askResetAgain(w http.ResponseWriter, r *http.Request, a lock.Actor, status int, f *resetForm) error {
	if f.Mode == modeSupplied && f.Live == nil {
		var err error
		if f.Own, err = c.judge(r.Context(), a, &f.lockForm, r.PostFormValue("pin")); err != nil {
			return err
		}
		f.Own.Again = f.Own.Typed
		if len(f.Own.Findings) > 0 {
			delete(f.Errors, "pin") // says the same
		}
	}
	f.Failure = "Nothing was ordered: " + cmp.Or(f.Failure, "see below what stands in the way.")
	return c.renderReset(w, r, status, f)
}

// judgePasscode says what speaks against a passcode of one's own, as one types it: see judgePIN.
func (c *console) judgePasscode(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	f, err := c.newResetForm(r, a)
	if err != nil {
		return err
	}
	f.fill(r)
	says, err := c.judge(r.Context(), a, &f.lockForm, r.PostFormValue("pin"))
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := c.pages["reset"].ExecuteTemplate(&body, "own-passcode", says); err != nil {
		return fmt.Errorf("console: findings of a passcode: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = body.WriteTo(w) // the browser went away: nobody is left to tell
	return nil
}
