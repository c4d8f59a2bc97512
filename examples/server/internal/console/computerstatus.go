package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// isComputer says that a device runs Windows, be it a phone, a headset or a desktop.
func isComputer(d lock.Device) bool { return d.Platform == inventory.ComputerPlatform }

// What can be found of a PIN that a device made.
const (
	pinLost      = "pin_lost"
	pinMaybeLost = "pin_may_be_lost"
)

// lostPIN is what was found of the PIN that the device made; zero: nothing was.
func lostPIN(a lock.Action) (f lock.Finding) {
	if i := slices.IndexFunc(a.Findings, func(f lock.Finding) bool { return f.Code == pinLost || f.Code == pinMaybeLost }); i >= 0 {
		return a.Findings[i]
	}
	return f
}

// despiteRefusal reports whether the device refused a reset and returned a PIN all the same.
func despiteRefusal(a lock.Action) bool {
	return a.State == lock.StateRefused && a.Returns && retention.HasPIN(a) ||
		slices.ContainsFunc(a.Findings, func(f lock.Finding) bool { return f.Code == "pin_despite_refusal" })
}

// keepsAnswer reports whether an answer of the device is kept that may have its PIN.
func keepsAnswer(a lock.Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == "body" && !s.Purged() })
}

// unlockable reports whether a lock is one that can be ended from here, and may hold its device.
func unlockable(a lock.Action) bool {
	return a.Kind == lock.KindLock && a.Talks && a.State != lock.StateIssued && a.MayBeOnDevice()
}

// computerDeed are the orders for a Windows device in words. What it has in common with a phone is not among them.
func computerDeed(a lock.Action) (deed, bool) {
	switch {
	case a.Kind == lock.KindUnlock:
		return deed{
			"Lets people sign in again", "Sign-in restored", "what was there before the lock-out is back",
			"It read the values back to be sure.", "put back what was there before the lock-out", "It may still refuse every sign-in.",
		}, true
	case !isComputer(a.Device):
		return deed{}, false
	case a.Kind == lock.KindLock && a.Talks:
		return deed{
			"Refuses every sign-in", "Nobody can sign in", "it refuses every sign-in",
			"That includes administrators. It stays so until it is unlocked from here, for which it has to be online.",
			"refuse sign-ins", "It may refuse every sign-in or not.",
		}, true
	case a.Kind == lock.KindLock:
		return deed{
			"Will lock", "Screen locked", "it locked",
			"The PIN of its owner opens it. Nobody here knows that one, and the lock lasts only until it is typed.",
			"lock", "The device may be locked or not.",
		}, true
	case a.Kind == lock.KindResetPasscode:
		return deed{
			"Makes a new PIN", "New PIN set", "it locked, and made a new PIN", "The PIN before it opens nothing any more.",
			"make a new PIN", "It may have made a new PIN, and then the one before opens nothing any more.",
		}, true
	}
	return deed{}, false
}

// computerStatus describes an order for a Windows device. Only what the device acknowledged is called done.
func computerStatus(a lock.Action, away bool, now time.Time) status {
	lost := lostPIN(a)
	switch {
	case lost.Code == pinLost:
		said := "The device said " + relative(now, a.Confirmed) + " that it made a new PIN. That PIN is not here."
		return status{"failed", "New PIN made, and lost", said}
	case lost.Code == pinMaybeLost && a.State == lock.StateUnconfirmed:
		return status{"failed", "No answer; its PIN may be lost", "The command had left, and no answer with a PIN came. " + deedOf(a).Maybe}
	case a.State == lock.StateIssued && !a.Deferred:
		if detail := underWay(a); detail != "" {
			return status{"sent", "Under way on the device", detail + wakeUp(a)}
		}
	case a.State == lock.StateConfirmed && a.Talks:
		return lockedOut(a, now)
	case a.State == lock.StateReleased && a.Talks:
		return status{"open", "Was locked out; people can sign in again", "It refused every sign-in, or may have, and " + evidence(a.Evidence) + "."}
	case despiteRefusal(a) && (a.State == lock.StateRefused || a.State == lock.StateConfirmed):
		text := "The PIN is kept: try it first, then the one before. " + computerResult(a)
		return status{"doubt", "Not done, says the device, but it returned a PIN", text}
	case unlockable(a):
		s := phoneStatus(a, away, now)
		s.Detail += " An unlock puts back what was there before."
		return s
	}
	return phoneStatus(a, away, now)
}

// lockedOut describes a lock-out that the device confirmed.
func lockedOut(a lock.Action, now time.Time) status {
	said := "The device confirmed the sign-in lock-out " + relative(now, a.Confirmed) + ". "
	if slices.ContainsFunc(a.Findings, func(f lock.Finding) bool { return f.Code == "not_restarted" }) {
		return status{"doubt", "Nobody can sign in anew; it has not restarted", said + "It refused to restart, so whoever is signed in " +
			"goes on until they sign out or it restarts. Have somebody switch it off if that matters."}
	}
	return status{"locked", "Nobody can sign in", said + "It was told to restart, and then nobody can sign in, administrators included. " +
		"It stays so until it is unlocked from here, for which it has to be online."}
}

// underWay says how far a device has come with an order of several parts; empty: nothing is known beside that it was sent.
func underWay(a lock.Action) string {
	switch step, code := a.Facts["step"], a.Facts["code"]; {
	case a.Returns && retention.HasPIN(a):
		return "The device has returned its new PIN, which is kept, and not yet said that it is done."
	case a.Facts["reason"] == "asked_in_vain":
		return "The device was asked again for its new PIN, and had none to give. It gives it once only."
	case a.Returns && step == "reset":
		return "The device said that it made a new PIN, and not which. It is asked for it when it comes again."
	case a.Returns && a.Deliveries > 1:
		return "No answer came to the reset. The device is asked once more for the PIN that it made; that makes no further one."
	case code == "516":
		return "The device failed halfway, and could not take back what it had begun. It is told again when it comes."
	case a.Kind == lock.KindLock && (step == "read" || step == "reread"):
		return "What it has now is kept here, to be put back by an unlock. Next it is told to refuse every sign-in."
	case a.Kind == lock.KindLock && step == "denied":
		return "It refuses every sign-in already. Its restart is not confirmed yet."
	case a.Kind == lock.KindUnlock && step == "looked":
		return "It said what the lock-out had changed. Next that is put back."
	case a.Kind == lock.KindUnlock && step == "restored":
		return "What was there before is back, says the device. Next it is read back to be sure."
	}
	return ""
}

// reasons are why a Windows device did not do what it was told, in words: what happened, and what to do about it.
var reasons = map[string]string{
	"no_pin":             "No PIN is set on it, and without one it does not lock. Its user has to set one first.",
	"unsupported":        "It has no such command: this kind of Windows cannot do that.",
	"not_allowed":        "It has this command, and does not carry it out.",
	"denied":             "It does not let this server do that. Look at how it was enrolled.",
	"already_denied":     "It refused every sign-in before this order, so nothing was changed: who did that has to end it.",
	"value_too_long":     "What it has now is too long to be kept here, so nothing was changed: an unlock could not put it back.",
	"format_unsupported": "What it has now is no text, so nothing was changed: an unlock could not put it back.",
	"message_too_large":  "What it has to be told next does not fit into one of its messages.",
	"rolled_back":        "It could not do all of it, and took back what it had begun: nothing has changed.",
	"not_restored":       "What it has now is not what was there before the lock-out. Order the unlock again.",
	"not_in_force":       "Nothing of the lock-out was in force on it, so nothing was put back.",
	"asked_in_vain":      "It was asked again for its new PIN, and had none to give.",
	"failed":             "It gave no reason.",
}

// computerResult says what a Windows device answered; empty: nothing that needs words.
func computerResult(a lock.Action) string {
	code, reason := a.Facts["code"], a.Facts["reason"]
	text := reasons[reason]
	if code != "" && code != "200" {
		text = strings.TrimSpace(text + " Its answer was " + code + ".")
	}
	if original := a.Facts["original_error"]; original != "" {
		text = strings.TrimSpace(text + " The error behind it: " + original + ".")
	}
	return text
}

// computerUse describes the PIN of a candidate, which its device made.
func computerUse(c lock.Candidate) use {
	a, why := c.Action, sentence(c.Reason)
	switch {
	case opinion(a) == lock.FeedbackWrongPIN:
		return use{"PIN that was wrong", "Somebody tried it, and it did not open the device.", true}
	case a.State == lock.StateReleased:
		return use{"Last PIN", why, false}
	case a.State == lock.StateRefused:
		return use{"PIN of the refused reset", "The device returned it, and said that the reset failed: it may be good or not.", true}
	case a.State == lock.StateConfirmed && outlived(a):
		return use{"PIN of before", why, true}
	case a.State == lock.StateConfirmed && despiteRefusal(a):
		return use{"Newest PIN", "The device returned it with a refusal: it made it by this reset, or by an earlier one. Try it first.", true}
	case a.State == lock.StateConfirmed:
		return use{"PIN", "The device made and returned it. Its user may have changed it since.", false}
	default:
		return use{"Newest PIN", cmp.Or(why, "The device returned it.") + " Try it first.", false}
	}
}

// computerWakes are the outcomes of a wake-up of a Windows device in words.
var computerWakes = map[string]string{ //nolint:gosec // words, and no credentials
	"no-channel":      "It cannot be told to come: it has no push channel, or none that is alive. It names one when it comes.",
	"bad-channel":     "It cannot be told to come: what it named as its push channel is none of Microsoft’s.",
	"expired":         "It cannot be told to come: its push channel has ended. It names another one when it comes.",
	"foreign-channel": "It cannot be told to come: its push channel is that of another app. Compare the PFN with the package of this server.",
	"dropped":         "It was not told to come: Microsoft’s push service threw the message away. That is tried again.",
	"offline":         "It was not told to come: it is not connected, says Microsoft’s push service. That is tried again.",
	"bad-credentials": "No Windows device can be told to come: Microsoft’s push service does not take the credentials. Give the server valid ones.",
	"throttled":       "It was told to come too often for Microsoft’s push service. That is tried again later.",
	"unavailable":     "It was not told to come: Microsoft’s push service takes no messages now. That is tried again.",
	"unreachable":     "It was not told to come: Microsoft’s push service did not answer. That is tried again.",
	"timeout":         "It was not told to come: Microsoft’s push service did not answer in time. That is tried again.",
	"rejected":        "It was not told to come: what answered in the place of Microsoft’s push service takes no messages. That is tried again.",
}

// systemOfComputer names the Windows of a device, with its build.
func systemOfComputer(d inventory.Device) string {
	return cmp.Or(d.OSVersion, strings.TrimSpace("Windows "+d.Build), "Windows, version unknown")
}

// classes are the kinds of Windows device.
var classes = map[string]string{"phone": "Windows phone", "hololens": "HoloLens", "desktop": "Windows desktop"}

// classOf is what kind of Windows device it is, in words.
func classOf(d inventory.Device) string { return cmp.Or(classes[d.Class], "Kind not known yet") }

// answerNames are the facts of a lock-out in words.
var answerNames = map[string]string{
	"before_deny": "who could not sign in before", "before_title": "title of the message before", "before_text": "text of the message before",
	"code": "code", "original_error": "error behind it", "step": "came as far as", "reason": "reason",
}

// answerWords are what a fact of an action is called.
func answerWords(name string) string { return cmp.Or(answerNames[name], name) }
