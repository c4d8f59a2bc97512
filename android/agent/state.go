package agent

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/latchkey-mdm/latchkey/android"
)

// form is the shape of a value in a state block.
type form int

const (
	formNumber form = iota // 0 to 2,147,483,647
	formAnswer             // true or false
	formText               // of at most 64 characters
	formMode
	formToken
)

// stateField is one value of a state block and the fact that it becomes.
type stateField struct {
	name string
	fact android.FactName
	form form
}

// stateFields are the values of a state block, by the object that they stand in. An agreement key is none of them: it is bound at enrolment.
var stateFields = map[string][]stateField{
	"": {
		{"api", android.FactAPILevel, formNumber},
		{"mode", android.FactMode, formMode},
		{"target_sdk", android.FactTargetSDK, formNumber},
		{"secure_lock", android.FactSecureLock, formAnswer},
		{"user_unlocked", android.FactUserUnlocked, formAnswer},
		{"managed_profile", android.FactManagedProfile, formAnswer},
		{"separate_challenge", android.FactSeparateChallenge, formAnswer},
		{"secure_lock_feature", android.FactSecureLockFeature, formAnswer},
		{"locked_now", android.FactLockedNow, formAnswer},
		{"agent", android.FactAgentVersion, formText},
		{"boot_count", android.FactBootCount, formNumber},
	},
	"token": {
		{"id", android.FactTokenID, formText},
		{"state", android.FactTokenState, formToken},
	},
	"policy": {
		{"quality", android.FactQuality, formNumber},
		{"min_length", android.FactMinLength, formNumber},
		{"letters", android.FactMinLetters, formNumber},
		{"numeric", android.FactMinNumeric, formNumber},
		{"symbols", android.FactMinSymbols, formNumber},
		{"upper", android.FactMinUpper, formNumber},
		{"lower", android.FactMinLower, formNumber},
		{"non_letter", android.FactMinNonLetter, formNumber},
		{"complexity", android.FactComplexity, formNumber},
	},
}

// stateRead is what could be read of a state block.
type stateRead struct {
	facts   map[string]string
	skipped []string // values that are not as the contract has them, sorted
	unknown bool     // it has names that the contract does not have
}

// readState makes facts of a state block. What is absent or null is no fact.
func readState(block []byte) stateRead {
	r := stateRead{facts: map[string]string{}}
	whole := r.object("device", block)
	for name, fields := range stateFields {
		if name == "" {
			continue
		}
		r.fields(r.object("device."+name, whole[name]), fields)
		delete(whole, name)
	}
	r.fields(whole, stateFields[""])
	slices.Sort(r.skipped)
	return r
}

// object is an object of the block; empty when it is absent.
func (r *stateRead) object(name string, raw []byte) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if len(raw) > 0 && json.Unmarshal(raw, &members) != nil {
		r.skipped = append(r.skipped, name)
	}
	return members
}

// fields reads the values of one object, and takes them out of it.
func (r *stateRead) fields(members map[string]json.RawMessage, fields []stateField) {
	for _, f := range fields {
		value, present := members[f.name]
		delete(members, f.name)
		if !present || string(value) == "null" {
			continue
		}
		text, ok := f.form.read(value)
		if !ok {
			r.skipped = append(r.skipped, "device."+f.name)
			continue
		}
		r.facts[string(f.fact)] = text
	}
	r.unknown = r.unknown || len(members) > 0
}

// strictState is readState for what a device sends as a request: there, anything that is not as the contract has it is refused.
func strictState(block []byte) (map[string]string, error) {
	r := readState(block)
	switch {
	case len(block) == 0 || string(block) == "null":
		return nil, &DecodeError{Field: "device", Rule: RuleMissing}
	case len(r.skipped) > 0:
		return nil, &DecodeError{Field: r.skipped[0], Rule: RuleType}
	case r.unknown:
		return nil, &DecodeError{Field: "device", Rule: RuleUnknown}
	}
	return r.facts, nil
}

// read gives the value as a fact's text.
func (f form) read(value json.RawMessage) (string, bool) {
	switch f {
	case formNumber:
		n, err := strconv.ParseInt(string(value), 10, 32)
		return strconv.FormatInt(n, 10), err == nil && n >= 0
	case formAnswer:
		return string(value), string(value) == "true" || string(value) == "false"
	}
	var text string
	if json.Unmarshal(value, &text) != nil || len(text) > 64 || text != clean(text) {
		return "", false
	}
	switch f {
	case formMode:
		modes := []android.Mode{android.ModeDeviceAdmin, android.ModeProfileOwner, android.ModeCompanyProfileOwner, android.ModeDeviceOwner}
		return text, text == "" || slices.Contains(modes, android.Mode(text))
	case formToken:
		states := []android.TokenState{android.TokenNone, android.TokenPending, android.TokenActive, android.TokenUnsupported}
		return text, text == "" || slices.Contains(states, android.TokenState(text))
	}
	return text, true
}
