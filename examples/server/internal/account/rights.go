package account

import (
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// The rights of the server itself, beside those of lock.Service and group.VerbEdit.
const (
	VerbEnrol  lock.Verb = "enrol"  // make links that let devices in. A new device may say that it is any device: only for who sees all
	VerbRemove lock.Verb = "remove" // take a device out of the inventory
)

// Rights are all rights that an account may have, in the order in which they are shown.
func Rights() []lock.Verb {
	return []lock.Verb{
		lock.VerbView, lock.VerbLock, lock.VerbReset, lock.VerbProvision, lock.VerbUnlock, lock.VerbCancel, lock.VerbReveal, lock.VerbFeedback,
		lock.VerbBulk, lock.VerbApprove, lock.VerbBreakGlass, lock.VerbAudit, lock.VerbHold, lock.VerbPurge, lock.VerbReseal,
		group.VerbEdit, VerbEnrol, VerbRemove,
	}
}

// ParseRights reads rights with commas between; "all" is every one. An unknown one is a *lock.InputError that names those that are known.
func ParseRights(text string) ([]lock.Verb, error) {
	if text == "all" {
		return Rights(), nil
	}
	var asked []lock.Verb
	for name := range strings.SplitSeq(text, ",") {
		v := lock.Verb(strings.TrimSpace(name))
		if !slices.Contains(Rights(), v) {
			return nil, &lock.InputError{Field: "rights", Rule: "must be all, or of these, with commas between: " + Words(Rights(), ",")}
		}
		asked = append(asked, v)
	}
	return inOrder(asked), nil
}

// inOrder are rights as they are shown, each once.
func inOrder(asked []lock.Verb) []lock.Verb {
	return slices.DeleteFunc(Rights(), func(v lock.Verb) bool { return !slices.Contains(asked, v) })
}

// Words are rights as a text.
func Words(rights []lock.Verb, between string) string {
	var words []string
	for _, v := range rights {
		words = append(words, string(v))
	}
	return strings.Join(words, between)
}
