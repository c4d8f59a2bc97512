package agent

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// result is what a device said of a command. What it is about, and whether it succeeded, must be as the contract has it; anything else that
// is not is left out, so that what the device did is never lost for how it put it.
type result struct {
	ID        lock.ID
	Device    string
	State     string
	Code      Code
	Facts     map[string]string // for the ledger: code, detail, exception, validation, observed; empty where nothing was said of it
	Highest   int64             // the highest number that the device has taken, where it refused one for that; else 0
	Duplicate bool
	At        time.Time         // when it was executed, or received; zero when neither is said
	Known     map[string]string // of the state block; nil without one
	Skipped   []string          // fields that were left out
}

const (
	maxValidation = 16
	maxObserved   = 16
	maxSequence   = 1 << 52 // of a number to go on above: every JSON library keeps it, and as many again, exactly (RFC 8259, section 6)
)

// readResult reads the payload of a result. Errors are *DecodeError; the ID is set all the same if it could be read.
func readResult(payload []byte) (result, error) {
	if err := walk(payload, false); err != nil {
		return result{}, err
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil || fields == nil {
		return result{}, &DecodeError{Rule: RuleType}
	}
	f := resultFields{values: fields}
	r := result{ID: lock.ID(f.text("id"))}
	if !isID(string(r.ID)) {
		return result{}, &DecodeError{Field: "id", Rule: RuleValue}
	}
	v := version{Typ: f.text("typ")}
	if json.Unmarshal(fields["v"], &v.V) != nil {
		return r, &DecodeError{Field: "v", Rule: RuleType}
	}
	if err := v.check(typeResult); err != nil {
		return r, err
	}
	r.Device, r.State, r.Code = f.text("dev"), f.text("state"), Code(cut(remark(f.text("code")), 64))
	if _, known := outcome(r.State, r.Code); !known {
		return r, &DecodeError{Field: "state", Rule: RuleValue}
	}
	f.skipped = nil // what follows may be missing or wrong
	observed := f.observed()
	r.Facts = f.facts(r.Code, observed)
	if r.Code == CodeStale || r.Code == CodeUnknown {
		r.Highest = highest(observed["seq"])
	}
	r.Duplicate = string(fields["duplicate"]) == "true"
	for _, name := range []string{"executed_at", "received_at"} {
		if at, err := instant(name, f.text(name)); err == nil && r.At.IsZero() {
			r.At = at
		}
	}
	r.Skipped = f.skipped
	if block, present := fields["device"]; present {
		state := readState(block)
		r.Known, r.Skipped = state.facts, append(r.Skipped, state.skipped...)
	}
	slices.Sort(r.Skipped)
	r.Skipped = slices.Compact(r.Skipped)
	return r, nil
}

// resultFields are the members of a result.
type resultFields struct {
	values  map[string]json.RawMessage
	skipped []string
}

// text is a text member; absent and null are "".
func (f *resultFields) text(name string) string {
	var s *string
	if raw, present := f.values[name]; present && json.Unmarshal(raw, &s) != nil {
		f.skipped = append(f.skipped, name)
	}
	if s == nil {
		return ""
	}
	return *s
}

// observed are the values that the device found, by name.
func (f *resultFields) observed() map[string]string {
	var raw map[string]json.RawMessage
	if text, present := f.values["observed"]; present && json.Unmarshal(text, &raw) != nil {
		f.skipped, raw = append(f.skipped, "observed"), nil
	}
	found := map[string]string{}
	for name, text := range raw {
		var s string
		if json.Unmarshal(text, &s) != nil {
			f.skipped = append(f.skipped, "observed")
			continue
		}
		found[name] = s
	}
	return found
}

// highest reads a number that the device has taken; 0 when it is none that a server could have given.
func highest(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > maxSequence {
		return 0
	}
	return n
}

// facts are what the ledger keeps of a result: always the same names, so that nothing stays of what an earlier result said.
func (f *resultFields) facts(code Code, observed map[string]string) map[string]string {
	facts := map[string]string{"code": string(code)}
	for _, name := range []string{"detail", "exception"} {
		facts[name] = remark(f.text(name))
	}
	var reasons []string
	if raw, present := f.values["validation"]; present && json.Unmarshal(raw, &reasons) != nil {
		f.skipped, reasons = append(f.skipped, "validation"), nil
	}
	facts["validation"] = remark(strings.Join(reasons[:min(len(reasons), maxValidation)], ", "))
	var found []string
	for name, value := range observed {
		found = append(found, name+"="+value)
	}
	slices.Sort(found)
	facts["observed"] = remark(strings.Join(found[:min(len(found), maxObserved)], ", "))
	return facts
}

// report is the result in the ledger's words, of the device that was authenticated, whatever the result says.
func (r result) report(d lock.Device) lock.Report {
	o, _ := outcome(r.State, r.Code)
	return lock.Report{Scope: d.Scope, Device: d.ID, Action: r.ID, Outcome: o, Facts: r.Facts}
}

// isID reports whether a text is a UUID in its canonical form.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}
