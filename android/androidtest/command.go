package androidtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// peek reads a command without asking who signed it.
func peek(jws string) command {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return command{}
	}
	var c command
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return command{}
	}
	return c
}

// tampered makes another command of the same ID: what somebody on the way could do without the key.
func tampered(jws string) string {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return jws
	}
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	payload = bytes.Replace(payload, []byte(`"user":0`), []byte(`"user":1`), 1)
	parts[1] = base64.RawURLEncoding.EncodeToString(payload)
	return strings.Join(parts, ".")
}

// handle takes one command the way of the contract: signature, audience, repetition, expiry and number, secrets, then the act between
// two durable notes. It returns ErrCrashed where the script says so; everything else becomes a result.
func (d *Device) handle(jws string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, s, refusal := d.admit(jws)
	if refusal != nil {
		d.report(refusal)
		return nil
	}
	a := &d.agent
	received := d.now()
	_, again := a.executing[c.ID]
	a.executing[c.ID] = execution{seq: c.Seq, received: received}
	a.sequence[a.enrolment.device] = c.Seq
	if d.crash(CrashBefore) {
		return ErrCrashed
	}
	o, ok := d.precondition(c)
	if ok {
		d.mu.Unlock() // the platform's methods are those that everybody calls
		o = d.execute(c, s)
		d.mu.Lock()
	}
	if a.crashed || d.crash(CrashAfter) {
		return ErrCrashed
	}
	if again && o.state != stateSucceeded {
		d.report(d.newResult(c.ID, c.Seq, received, stillUnknown(o.code)))
		return nil
	}
	r := d.newResult(c.ID, c.Seq, received, o)
	if ok {
		r.Executed = stamp(d.now())
	}
	d.keep(r)
	d.report(r)
	return nil
}

// stillUnknown is the result of a second attempt that failed, after a crash in the first.
func stillUnknown(code string) outcome {
	return failed(codeUnknown, "the agent crashed when it executed this first; now: "+code)
}

func (d *Device) crash(f Fault) bool {
	if d.script[f] == 0 {
		return false
	}
	d.script[f]--
	d.agent.crashed = true
	return true
}

// keep makes a result the final one of its command.
func (d *Device) keep(r *result) {
	d.agent.results[r.ID] = r
	delete(d.agent.executing, r.ID)
}

// report queues a result, unless the same one waits already. A command without an ID has nobody to be reported to.
func (d *Device) report(r *result) {
	if r.ID == "" || slices.ContainsFunc(d.agent.outbox, func(o *result) bool { return o.RID == r.RID }) {
		return
	}
	d.agent.outbox = append(d.agent.outbox, r)
}

// admit checks everything that comes before the execution. What it refuses for good it keeps; not so a signature (whose ID is
// anybody's), another device's command, or a number that is too low (the command comes again with a new one).
func (d *Device) admit(jws string) (command, secrets, *result) {
	a, now := &d.agent, d.now()
	payload, err := verify(jws, a.enrolment.keys)
	if err != nil {
		c := peek(jws)
		return c, secrets{}, d.newResult(c.ID, c.Seq, now, rejected("BAD_SIGNATURE"))
	}
	var c command
	unreadable := json.Unmarshal(payload, &c) != nil || c.Typ != "android.dpc.command"
	if c.Dev != a.enrolment.device || c.User != 0 {
		return c, secrets{}, d.newResult(c.ID, c.Seq, now, rejected("WRONG_DEVICE"))
	}
	if known := a.results[c.ID]; known != nil {
		again := *known
		again.Duplicate, again.unread = true, 0
		return c, secrets{}, &again
	}
	if unreadable {
		return c, secrets{}, d.refuse(c, now, "UNSUPPORTED_VERSION")
	}
	if code := d.outdated(c, now); code != "" {
		return c, secrets{}, d.refuse(c, now, code)
	}
	var s secrets
	if c.Args.Secret != "" {
		if s, err = open(c.Args.Secret, a.agreement); err != nil {
			return c, s, d.refuse(c, now, "DECRYPT_FAILED")
		}
	}
	return c, s, nil
}

// outdated is why a command that is meant for this device is not executed; empty when it is.
func (d *Device) outdated(c command, now time.Time) string {
	expiry, err := time.Parse(time.RFC3339, c.Expiry)
	switch {
	case c.V != 1:
		return "UNSUPPORTED_VERSION"
	case err != nil || !later(now, d.agent.serverTime).Before(expiry):
		return "EXPIRED"
	case c.Seq <= d.agent.sequence[c.Dev]:
		return codeStale
	case !slices.Contains([]string{cmdLock, cmdReset, cmdClear, cmdProvision, cmdTokenStatus, cmdRevoke, cmdReportState}, c.Name):
		return "UNKNOWN_COMMAND"
	}
	return ""
}

// refuse is the result of a command that is not executed: UNKNOWN when a crash left open whether it was before.
func (d *Device) refuse(c command, now time.Time, code string) *result {
	o := rejected(code)
	_, executing := d.agent.executing[c.ID]
	if executing {
		o = stillUnknown(code)
	}
	if code == codeStale {
		o.observed = map[string]string{"seq": strconv.FormatInt(d.agent.sequence[c.Dev], 10)}
	}
	r := d.newResult(c.ID, c.Seq, now, o)
	if code != codeStale && !executing {
		d.agent.results[c.ID] = r
	}
	return r
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// precondition checks what the server took for granted, and reports what is so instead.
func (d *Device) precondition(c command) (outcome, bool) {
	observed := map[string]string{}
	api := d.cfg.APILevel
	if c.Pre.MinAPI > 0 && api < c.Pre.MinAPI || c.Pre.MaxAPI > 0 && api > c.Pre.MaxAPI {
		observed["api_level"] = strconv.Itoa(api)
	}
	if len(c.Pre.Modes) > 0 && !slices.Contains(c.Pre.Modes, d.cfg.Mode) {
		observed["mode"] = string(d.cfg.Mode)
	}
	if c.Pre.TokenActive && (d.tokenState() != TokenActive || c.Args.TokenID != d.agent.tokenID) {
		observed["token_state"], observed["token_id"] = string(d.tokenState()), d.agent.tokenID
	}
	if len(observed) == 0 {
		return outcome{}, true
	}
	return outcome{state: stateFailed, code: "PRECONDITION_FAILED", observed: observed}, false
}
