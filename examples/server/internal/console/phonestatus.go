package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/lock"
)

// noSecureLock is what an agent says of a lock that only turned the screen off.
const noSecureLock = "NO_SECURE_LOCK"

// isPhone says that a device is one of Android: its lock does not last, and its passcode can be set from here.
func isPhone(d lock.Device) bool { return d.Platform == androidPlatform }

// isMac says that a device is one of Apple.
func isMac(d lock.Device) bool { return !isPhone(d) && !isComputer(d) }

// noun is what a device is called in a sentence.
func noun(d lock.Device) string {
	if isMac(d) {
		return "Mac"
	}
	return "device"
}

// deed is an order for a phone in words.
type deed struct {
	Will   string // before it was sent, to be read before "when it comes online"
	Done   string
	What   string // what the device said that it did
	Effect string // what that means
	Not    string // what it did not do
	Maybe  string // what may have happened while there is no answer
}

var deeds = map[lock.Kind]deed{
	lock.KindLock: {
		"Will lock", "Screen locked", "it locked",
		"Its screen went off, and its passcode is asked for. That does not last: whoever knows the passcode goes on.",
		"lock", "The device may be locked or not.",
	},
	lock.KindResetPasscode: {
		"Gets its new passcode", "New passcode set", "the new passcode is set", "The passcode before it opens nothing any more.",
		"set the new passcode", "The new passcode may be on the device or not: try it first, then the one before.",
	},
	lock.KindClearPasscode: {
		"Passcode is removed", "Passcode removed", "its passcode is removed", "Anybody who holds the device can use it.",
		"remove the passcode", "The device may have a passcode or not.",
	},
	lock.KindProvisionToken: {
		"Gets a reset token", "Reset token given", "it took the reset token",
		"The token is good for a reset once it is active: see the page of the device.",
		"take the reset token", "The token may be on the device or not.",
	},
	lock.KindRevokeToken: {
		"Reset token is revoked", "Reset token revoked", "the reset token is gone", "No passcode can be reset until it gets another one.",
		"drop the reset token", "The token may be on the device or not.",
	},
}

func deedOf(a lock.Action) deed {
	if d, ok := computerDeed(a); ok {
		return d
	}
	if d, ok := deeds[a.Kind]; ok {
		return d
	}
	return deed{"Is done", "Done", "it is done", "", "do it", "It may have been done or not."}
}

// phoneStatus describes an order for a phone. Only what the device acknowledged is called done.
func phoneStatus(a lock.Action, away bool, now time.Time) status {
	d := deedOf(a)
	switch a.State {
	case lock.StateHeld:
		why := waitsWith(approval.WhatLock, a.HeldBy, an(a.Kind, a.Device))
		return status{"waiting", "Waits for a second person", why + " Nothing is sent before somebody else approves it."}
	case lock.StateQueued:
		when, detail := "it comes online", "Nothing has reached the device yet."+wakeUp(a)
		if away {
			when, detail = "it is enrolled again", "The device is not enrolled any more, so nothing reaches it."
		}
		return status{"waiting", d.Will + " when " + when, detail + " The order stands until " + until(now, a.NotAfter) + "."}
	case lock.StateIssued:
		return phoneSent(a, d, now)
	case lock.StateConfirmed:
		return phoneDone(a, d, now)
	case lock.StateReleased:
		return status{"none", d.Done + ", and over", "The device acknowledged it, and " + phoneOver(a) + "."}
	case lock.StateRefused:
		return status{"failed", "Not done, says the device", strings.TrimSpace("The device answered that it did not " + d.Not + ". " + resultWords(a))}
	default:
		return phoneEnded(a, d)
	}
}

func phoneSent(a lock.Action, d deed, now time.Time) status {
	switch {
	case a.Deferred:
		detail := "The command reached the device, which put it off. It gets it again." + wakeUp(a)
		return status{"sent", "Not now, says the device; will be asked again", detail}
	case a.Facts["code"] == "UNKNOWN":
		return status{"doubt", "The device does not know what came of it", "It was interrupted while it did so. " + d.Maybe + " The command is sent again."}
	case a.Facts["code"] == "BAD_SIGNATURE":
		return status{"doubt", "Not taken yet; will be sent again", resultWords(a)}
	}
	left := fmt.Sprintf("It left %s (delivery %d). ", relative(now, a.Delivered), a.Deliveries)
	return status{"sent", "Sent, no answer yet", left + d.Maybe + wakeUp(a)}
}

func phoneDone(a lock.Action, d deed, now time.Time) status {
	if a.Facts["code"] == noSecureLock {
		return status{"doubt", "Only its screen went off", fmt.Sprintf("So said the device %s. ", relative(now, a.Confirmed)) + resultWords(a)}
	}
	said := fmt.Sprintf("The device said %s that %s. ", relative(now, a.Confirmed), d.What)
	if outlived(a) {
		return status{"doubt", d.Done + ", before it was enrolled anew", said + "It has enrolled anew since, and if it was wiped, that is undone: " +
			"what it says of itself now is below."}
	}
	return status{"open", d.Done, said + d.Effect}
}

// outlived reports whether the device has enrolled anew since it got the command.
func outlived(a lock.Action) bool { return a.Reenrolled.After(a.Delivered) }

// phoneOver says what ended what was done.
func phoneOver(a lock.Action) string {
	switch {
	case a.Kind == lock.KindResetPasscode && a.Evidence == lock.EvidenceRemoved:
		return "the passcode was removed since"
	case a.Evidence == lock.EvidenceRemoved:
		return "it was revoked since"
	}
	return evidence(a.Evidence)
}

func phoneEnded(a lock.Action, d deed) status {
	why := sentence(a.Cause)
	if a.MayBeOnDevice() {
		text := map[lock.State]string{
			lock.StateUnconfirmed: "No answer came",
			lock.StateCancelled:   "Cancelled after it was sent",
		}[a.State]
		return status{"doubt", cmp.Or(text, "May be done"), strings.TrimSpace(why + " The command had left. " + d.Maybe)}
	}
	text := map[lock.State]string{
		lock.StateCancelled: "Cancelled before it was sent",
		lock.StateExpired:   "Expired before it was sent",
	}[a.State]
	return status{"none", cmp.Or(text, "Ended"), strings.TrimSpace(why + " Nothing had left, so nothing has changed on the device.")}
}

// until is a time that is soon as how far off it is, else the day.
func until(now, t time.Time) string {
	if left := t.Sub(now); left > 0 && left < 24*time.Hour {
		return t.UTC().Format("15:04 UTC") + ", " + relative(now, t)
	}
	return day(t)
}

// results are the result codes of agents in words for administrators: what happened, and what to do about it.
var results = map[string]string{ //nolint:gosec // words, and no credentials
	"TOKEN_NOT_SET":                 "The device has no reset token. Give it one, then order the reset again.",
	"TOKEN_NOT_ACTIVE":              "Its reset token is not active yet: somebody has to unlock the device once with its present passcode.",
	"TOKEN_ALREADY_ACTIVE":          "It has an active reset token already, and keeps it. To replace it, rotate the token.",
	"TOKEN_MISMATCH":                "Its reset token is another one than this server knows. Rotate the token, then order again.",
	"INVALID_VALUE":                 "Its passcode policy does not allow this passcode.",
	"PASSWORD_OWNED_BY_OTHER_ADMIN": "Another app of the device set the passcode and wants it to be typed first.",
	"ESCROW_DISABLED":               "Android has switched reset tokens off for good. The device has to be reset to factory settings and enrolled anew.",
	"WEAVER_EXHAUSTED":              "Its security chip has no room for another reset token.",
	"NOT_OWNER":                     "Its agent does not manage the device (any more), and Android lets nobody else do this.",
	"API_LEVEL":                     "Its version of Android cannot do this.",
	"MANAGEMENT_MODE":               "The way in which it is managed does not allow this.",
	"PRECONDITION_FAILED":           "It was not as expected when the command came. Look at the page of the device, then order again.",
	"EXPIRED":                       "The command reached it too late, and was not done.",
	"STALE":                         "A newer command overtook this one, which is sent again.",
	"WRONG_DEVICE":                  "The command was for another device.",
	"BAD_SIGNATURE":                 "It did not recognise this server’s signature. If that lasts, the device has to be enrolled anew.",
	"DECRYPT_FAILED":                "It could not read the secret in the command: its keys have changed. The device has to be enrolled anew.",
	"UNSUPPORTED_VERSION":           "Its agent is too old for this command. Update the agent.",
	"UNKNOWN_COMMAND":               "Its agent is too old for this command. Update the agent.",
	"UNSUPPORTED":                   "This device cannot do that.",
	"ILLEGAL_STATE":                 "Android would not do it as the device is now. Try again after somebody has unlocked it.",
	"ILLEGAL_ARGUMENT":              "Android did not take the command’s values.",
	"UNKNOWN":                       "It was interrupted, and does not know what came of it.",
	noSecureLock:                    "No passcode is set on it: whoever holds it can turn it on and use it. Reset the passcode to lock it.",
}

// flaws are AOSP's names for what a passcode lacks, in words.
var flaws = map[string]string{ //nolint:gosec // words, and no credentials
	"WEAK_CREDENTIAL_TYPE": "it must be of a stronger kind", "CONTAINS_INVALID_CHARACTERS": "it has characters that Android does not take",
	"TOO_LONG": "it is too long", "TOO_SHORT": "it is too short", "TOO_SHORT_WHEN_ALL_NUMERIC": "it is too short for digits alone",
	"NOT_ENOUGH_LETTERS": "it needs more letters", "NOT_ENOUGH_UPPER_CASE": "it needs more capital letters",
	"NOT_ENOUGH_LOWER_CASE": "it needs more small letters", "NOT_ENOUGH_DIGITS": "it needs more digits",
	"NOT_ENOUGH_SYMBOLS": "it needs more symbols", "NOT_ENOUGH_NON_LETTER": "it needs more digits or symbols",
	"NOT_ENOUGH_NON_DIGITS": "it needs more letters or symbols", "CONTAINS_SEQUENCE": "it has a run or a repetition",
}

// resultWords says what a device answered; empty: nothing that needs words.
func resultWords(a lock.Action) string {
	if isComputer(a.Device) {
		return computerResult(a)
	}
	code := a.Facts["code"]
	if code == "" || code == "OK" || code == "ACCEPTED" {
		return ""
	}
	text := cmp.Or(results[code], "Its answer was "+code+".")
	var broken []string
	for _, name := range strings.FieldsFunc(a.Facts["validation"], func(r rune) bool { return r == ',' || r == ' ' }) {
		if flaw := flaws[name]; flaw != "" && !slices.Contains(broken, flaw) {
			broken = append(broken, flaw)
		}
	}
	if len(broken) > 0 {
		text += " " + sentence(strings.Join(broken, "; "))
	}
	return text
}

// phoneUse describes the passcode of a candidate.
func phoneUse(c lock.Candidate) use {
	a, why := c.Action, sentence(c.Reason)
	switch {
	case opinion(a) == lock.FeedbackWrongPIN:
		return use{"Passcode that was wrong", "Somebody tried it, and it did not open the device.", true}
	case a.State == lock.StateHeld || a.State == lock.StateQueued:
		return use{"Passcode of the waiting reset", "Not sent yet: the device still has the passcode before it.", false}
	case a.State == lock.StateReleased:
		return use{"Last passcode", why, false}
	case a.State == lock.StateRefused:
		return use{"Passcode of the refused reset", "The device did not take it: the passcode before it still opens it.", true}
	case !a.MayBeOnDevice():
		return use{"Unused passcode", why, false}
	case a.State == lock.StateConfirmed && outlived(a):
		return use{"Passcode of before", why, true}
	case a.State == lock.StateConfirmed:
		return use{"Passcode", "The device confirmed it. Its user may have changed it since.", false}
	default:
		return use{"Current passcode", "Most likely: " + c.Reason + ".", false}
	}
}
