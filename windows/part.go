package windows

import (
	"encoding/json"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Part is what leaves for a device at a time: the JSON form is the body of a lock.Command. Whoever has an OMA-DM server of their own sends
// the commands in one message, in this order, and gives the answer to Interpret.
type Part struct {
	Step     string           `json:"step"`
	Commands []syncml.Command `json:"commands"`
	// Want is what the answer is held against, by URI: the note of Interpret is its JSON. It has no values in it, only their hashes.
	Want map[string]string `json:"want,omitempty"`
}

// The steps of a command. A sign-in lock-out is read or reread, deny, reboot; its end is look, restore, verify.
const (
	stepLock      = "lock"
	stepReset     = "reset"
	stepRecover   = "recover"
	stepAsk       = "ask"      // for the PIN that an earlier delivery of reset or recover made
	stepAskDone   = "ask-done" // the same, of one that is known to be carried out
	stepRead      = "read"
	stepReread    = "reread" // what may have been changed since, or denied by an earlier delivery
	stepDeny      = "deny"
	stepDenyAgain = "deny-again" // it may be in force already
	stepReboot    = "reboot"
	stepLook      = "look" // which policies show what a lock-out writes that may never have got through
	stepRestore   = "restore"
	stepVerify    = "verify"
)

func knownStep(step string) bool {
	switch step {
	case stepLock, stepReset, stepRecover, stepAsk, stepAskDone, stepRead, stepReread, stepDeny, stepDenyAgain, stepReboot,
		stepLook, stepRestore, stepVerify:
		return true
	}
	return false
}

// maxPart is the most bytes of a part: three policies of the length that can be restored, and room.
const maxPart = 128 << 10

// ParsePart reads the body of a command. An error is a *lock.InputError, which says nothing of the content.
func ParsePart(body []byte) (Part, error) {
	if len(body) > maxPart {
		return Part{}, &lock.InputError{Field: "part", Rule: "is too large"}
	}
	var p Part
	if err := json.Unmarshal(body, &p); err != nil {
		return Part{}, &lock.InputError{Field: "part", Rule: "must be the JSON that Encode made"}
	}
	switch {
	case !knownStep(p.Step):
		return Part{}, &lock.InputError{Field: "part.step", Rule: "must be one of this package"}
	case len(p.Commands) == 0:
		return Part{}, &lock.InputError{Field: "part.commands", Rule: "must not be empty"}
	}
	return p, nil
}

// SplitRef takes the name of a work apart that is made of an action's ID, a slash and a step; ok is false for any other.
func SplitRef(ref string) (id lock.ID, step string, ok bool) {
	name, step, found := strings.Cut(ref, "/")
	if !found || len(name) != len(lock.ID("00000000-0000-7000-8000-000000000000")) || !knownStep(step) {
		return "", "", false
	}
	return lock.ID(name), step, true
}
