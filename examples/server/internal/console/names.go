package console

import (
	"cmp"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// orders are the kinds of order in words.
var orders = map[lock.Kind]string{
	lock.KindLock: "Lock ordered", lock.KindResetPasscode: "Passcode reset ordered", lock.KindClearPasscode: "Removal of the passcode ordered",
	lock.KindProvisionToken: "Reset token ordered", lock.KindRevokeToken: "Revocation of the reset token ordered",
}

func orderOf(a lock.Action) string {
	text := "Ordered: " + string(a.Kind)
	if order := ordersOf(a); order != "" {
		text = order
	}
	switch {
	case a.Supplied && a.Kept != "":
		text += ", own " + codeOf(a.Kind, a.Device) + " that was used before"
	case a.Kept != "":
		text += ", " + codeOf(a.Kind, a.Device) + " kept"
	case a.Supplied:
		text += ", " + codeOf(a.Kind, a.Device) + " chosen by hand"
	}
	if a.Forced {
		text += ", forced"
	}
	return text
}

// optionWords are what an order of a passcode asked for beside it.
func optionWords(name string) string {
	return cmp.Or(map[string]string{
		"require_entry": "the new passcode has to be typed", "lock_now": "lock as soon as it is set",
		"do_not_ask_credentials_on_boot": "ask for no passcode at start", "evict_ce_key": "encrypt the work profile anew until it is opened",
		"recover": "keep the keys of Windows Hello", "method": "the way to lock was chosen by hand",
	}[name], name)
}

// codeOf is what the secret of an order is called that a person types.
func codeOf(k lock.Kind, d lock.Device) string {
	if k == lock.KindResetPasscode && !isComputer(d) {
		return "passcode"
	}
	return "PIN"
}

// kinds are the names of kinds whose own says less.
var kinds = map[lock.Kind]string{
	lock.KindResetPasscode: "Passcode reset", lock.KindClearPasscode: "Passcode removal", lock.KindProvisionToken: "Reset token",
	lock.KindRevokeToken: "Token revocation",
}

// an is the name of a kind of order with its article.
func an(k lock.Kind, d lock.Device) string {
	switch name := kinds[k]; {
	case k == lock.KindUnlock:
		return "An unlock"
	case k == lock.KindResetPasscode:
		return "A " + codeOf(k, d) + " reset"
	case name != "":
		return "A " + strings.ToLower(name)
	}
	return "A lock"
}

// verbOf is what an order does, to be read before the name of its device.
func verbOf(k lock.Kind, d lock.Device) string {
	switch k {
	case lock.KindUnlock:
		return "Unlock"
	case lock.KindResetPasscode:
		return "Reset the " + codeOf(k, d) + " of"
	case lock.KindClearPasscode:
		return "Remove the passcode of"
	default:
		return "Lock"
	}
}

// title is the name of what was ordered as a word.
func title(a lock.Action) string {
	switch name := kinds[a.Kind]; {
	case a.Kind == lock.KindEscrow && keepsAnswer(a):
		return "Answer of the device"
	case isComputer(a.Device) && a.Kind == lock.KindResetPasscode:
		return "PIN reset"
	case isComputer(a.Device) && a.Kind == lock.KindLock && a.Talks:
		return "Sign-in lock-out"
	case name != "":
		return name
	}
	return strings.TrimSuffix(sentence(strings.ReplaceAll(string(a.Kind), "-", " ")), ".")
}

// ordersOf says of an action that it was ordered.
func ordersOf(a lock.Action) string {
	switch {
	case a.Kind == lock.KindUnlock:
		return "Unlock ordered"
	case isComputer(a.Device) && a.Kind == lock.KindResetPasscode:
		return "PIN reset ordered"
	case isComputer(a.Device) && a.Kind == lock.KindLock && a.Talks:
		return "Sign-in lock-out ordered"
	}
	return orders[a.Kind]
}
