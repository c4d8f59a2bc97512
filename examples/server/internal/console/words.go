package console

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// status is an action's state in words that promise nothing which the device has not said.
type status struct {
	Class  string // of the style sheet
	Text   string // a few words
	Detail string // what that means, and what comes next
}

// statusOf describes a lock. Only a lock that the device acknowledged is called locked.
func statusOf(a lock.Action, now time.Time) status {
	if a.Kind == lock.KindEscrow {
		return status{"none", "Kept", "The device handed over a secret of its own, which is kept sealed for it."}
	}
	switch a.State {
	case lock.StateHeld:
		return status{"waiting", "Waits for a second person", "Nothing is sent before somebody else approves it."}
	case lock.StateQueued:
		return status{"waiting", "Will lock when it comes online", "Nothing has reached the Mac yet. Its PIN is kept already; the order stands until " +
			day(a.NotAfter) + "."}
	case lock.StateIssued:
		if a.Deferred {
			return status{"sent", "Not now, says the Mac; will be asked again",
				"The command reached the Mac, which put it off. It gets it again, with the same PIN."}
		}
		return status{"sent", "Command sent, no answer yet", fmt.Sprintf("It left %s (delivery %d). The Mac may be locked or not: until it answers, "+
			"treat the PIN as if it were.", relative(now, a.Delivered), a.Deliveries)}
	case lock.StateConfirmed:
		if !a.Holds {
			return status{"open", "Done", "The device acknowledged it " + relative(now, a.Confirmed) + "."}
		}
		return status{"locked", "Locked", "The Mac acknowledged the lock " + relative(now, a.Confirmed) +
			". It takes no further command until somebody types the PIN on it."}
	case lock.StateReleased:
		return status{"open", "Open again, seen " + relative(now, a.Released), "The Mac was locked or may have been, and " + evidence(a.Evidence) +
			" since. The PIN is kept."}
	case lock.StateRefused:
		return status{"failed", "Refused by the Mac", "The Mac answered that it did not lock. " + said(a)}
	default:
		return ended(a)
	}
}

// ended describes what was given up, and what that leaves open.
func ended(a lock.Action) status {
	why := sentence(a.Cause)
	if a.MayBeOnDevice() {
		text := map[lock.State]string{
			lock.StateUnconfirmed: "No answer; may be locked",
			lock.StateCancelled:   "Cancelled after it was sent; may be locked",
		}[a.State]
		return status{"doubt", cmp.Or(text, "May be locked"),
			strings.TrimSpace(why + " The command had left, so the Mac may be locked with this PIN. Keep it at hand.")}
	}
	text := map[lock.State]string{
		lock.StateCancelled: "Cancelled before it was sent",
		lock.StateExpired:   "Expired before it was sent",
	}[a.State]
	return status{"none", cmp.Or(text, "Ended"), strings.TrimSpace(why + " Nothing had left, so the Mac was not locked by it.")}
}

func evidence(e lock.Evidence) string {
	switch e {
	case lock.EvidencePoll:
		return "it has asked for commands"
	case lock.EvidenceUserChannel:
		return "a user has signed in on it"
	case lock.EvidenceAgent:
		return "its agent has reported"
	case lock.EvidenceStatement:
		return "somebody has said that it is open"
	case lock.EvidenceReenrolled:
		return "it was wiped and has enrolled anew"
	default:
		return "it was seen open"
	}
}

// said is what the device told about the locked screen (MessageResult), or of its refusal.
func said(a lock.Action) string {
	switch result := a.Facts["MessageResult"]; result {
	case "Success":
		return "The Mac said that it shows the message."
	case "NoPasscodeSet":
		return "The device said that it shows no message, because no passcode is set."
	case "DeviceInLostMode":
		return "The device said that it shows no message, because it is in Lost Mode."
	case "":
		return ""
	default:
		return "Of the message the Mac said: " + result + "."
	}
}

// acts are the events in words.
var acts = map[lock.EventType]string{
	lock.EventOrdered:         "Ordered",
	lock.EventApproved:        "Approved",
	lock.EventRejected:        "Rejected",
	lock.EventIssued:          "Command sent",
	lock.EventRedelivered:     "Command sent again",
	lock.EventNotNow:          "Device said: not now",
	lock.EventProgress:        "Device reported",
	lock.EventWoken:           "Wake-up",
	lock.EventAcknowledged:    "Acknowledged by the device",
	lock.EventRefused:         "Refused by the device",
	lock.EventCancelled:       "Cancelled",
	lock.EventExpired:         "Expired",
	lock.EventLapsed:          "Given up",
	lock.EventReleased:        "Seen open again",
	lock.EventJoined:          "Ordered again, joined this one",
	lock.EventRevealed:        "PIN revealed",
	lock.EventRevealRequested: "Reveal requested",
	lock.EventRevealApproved:  "Reveal approved",
	lock.EventReturned:        "Secret given back to its device",
	lock.EventFeedback:        "Feedback",
	lock.EventSecretAdded:     "Secret added",
	lock.EventResealed:        "Sealed with another key",
	lock.EventPurged:          "Secret purged",
	lock.EventReenrolled:      "Device enrolled anew",
	lock.EventDenied:          "Denied",
	lock.EventAlarm:           "Alarm",
	lock.EventSignedIn:        "Signed in",
	lock.EventBatchOpened:     "Batch opened",
	lock.EventBatchCancelled:  "Batch cancelled",
	lock.EventAuditRead:       "Audit log read",
}

// what says what happened.
func what(e lock.Event) string {
	text := cmp.Or(acts[e.Type], string(e.Type))
	switch {
	case e.Type == lock.EventOrdered && e.Order != nil && e.Order.Kind == lock.KindLock:
		return "Lock ordered"
	case e.Type == lock.EventOrdered && e.Order != nil:
		return "Ordered: " + string(e.Order.Kind)
	case e.Type == lock.EventSignedIn && e.Facts["outcome"] == "refused":
		return "Sign-in refused"
	case e.Type == lock.EventDenied && e.Facts["verb"] != "":
		return text + ": " + e.Facts["verb"]
	case e.Delivery > 0:
		return fmt.Sprintf("%s (delivery %d)", text, e.Delivery)
	case e.Evidence != "":
		return text + ": " + evidence(e.Evidence)
	}
	return text
}

// title is the name of a kind of action as a word.
func title(k lock.Kind) string {
	return strings.TrimSuffix(sentence(strings.ReplaceAll(string(k), "-", " ")), ".")
}

// who names an actor for people.
func who(a lock.Actor) string {
	switch a.ID {
	case "device":
		return "The device"
	case "system":
		return "Latchkey"
	}
	return cmp.Or(a.Name, a.ID, "Nobody")
}

func chip(silicon *bool) string {
	switch {
	case silicon == nil:
		return "Chip unknown"
	case *silicon:
		return "Apple silicon"
	default:
		return "Intel"
	}
}

// system names the operating system and its version.
func system(d inventory.Device) string {
	name := "macOS"
	switch {
	case strings.HasPrefix(d.ProductName, "iPad"):
		name = "iPadOS"
	case strings.HasPrefix(d.ProductName, "iPhone"):
		name = "iOS"
	}
	return name + " " + cmp.Or(d.OSVersion, "unknown")
}

// relative is how long ago t was, or how far ahead it is.
func relative(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 0 && d > -time.Minute || d >= 0 && d < 10*time.Second {
		return "just now"
	}
	text := span(d.Abs())
	if d < 0 {
		return "in " + text
	}
	return text + " ago"
}

func span(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.size); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", int(d/time.Second))
}

// exact is the time as the ledger keeps it, for tooltips.
func exact(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }

// sentence makes a sentence of an error's or an event's text.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + strings.TrimRight(s[size:], ".") + "."
}
