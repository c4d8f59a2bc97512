package console

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

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
	case lock.EvidenceRemoved:
		return "it has withdrawn what it had handed over"
	case lock.EvidenceReenrolled:
		return "it was wiped and has enrolled anew"
	case lock.EvidenceUnlocked:
		return "it has confirmed its unlock"
	default:
		return "it was seen open"
	}
}

// said is what the device told about the locked screen (MessageResult), or of its refusal.
func said(a lock.Action) string {
	shows := "shows"
	if a.State == lock.StateReleased {
		shows = "showed"
	}
	switch result := a.Facts["MessageResult"]; result {
	case "Success":
		return "The Mac said that it " + shows + " the message."
	case "NoPasscodeSet":
		return "The device said that it " + shows + " no message, because no passcode is set."
	case "DeviceInLostMode":
		return "The device said that it " + shows + " no message, because it is in Lost Mode."
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
	lock.EventHeld:            "Held",
	lock.EventRevealRequested: "Reveal requested",
	lock.EventRevealRejected:  "Reveal rejected",
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
	lock.EventBatchApproved:   "Batch approved",
	lock.EventBatchRejected:   "Batch rejected",
	lock.EventBatchCancelled:  "Batch cancelled",
	lock.EventBreakGlass:      "Glass broken: no second person",
	lock.EventReviewed:        "Broken glass looked into",
	lock.EventAuditRead:       "Audit log read",
	lock.EventAuditVerified:   "Audit log verified",
	lock.EventEnrolmentLink:   "Enrolment link made",
	lock.EventEnrolled:        "Certificate bound",
	lock.EventRemoved:         "Device removed from the inventory",
	lock.EventAccount:         "Account changed",
	lock.EventGroup:           "Group changed",
	lock.EventKeyring:         "Keyring changed",
	lock.EventHoldPlaced:      "Legal hold placed",
	lock.EventHoldLifted:      "Legal hold lifted",
	lock.EventPurge:           "Purge of old secrets",
}

// ways are the kinds of those events that have kinds.
var ways = map[lock.EventType]map[string]string{
	lock.EventEnrolmentLink: {"renew": "Link to renew a certificate made"},
	lock.EventKeyring: {
		"activated": "New key in use", "resealed": "Secrets of the retired key sealed anew", "removed": "Retired key removed",
	},
	lock.EventAuditRead: {"export": "Audit log exported"},
	lock.EventAccount: {
		"created": "Account made", "rights": "Rights of an account changed", "removed": "Account removed", "token-created": "API token made",
		"token-revoked": "API token revoked",
	},
	lock.EventGroup: {
		"created": "Group made", "changed": "Group renamed or moved", "deleted": "Group deleted", "member-added": "Member put into a group",
		"member-dropped": "Member taken out of a group", "imported": "Members of groups imported",
	},
	lock.EventEnrolled: {
		"new": "Certificate bound: new device", "again": "Certificate bound: enrolled again", "back": "Certificate bound: back as it was",
		"renewed": "Certificate bound: renewed",
	},
}

// what says what happened.
func what(e lock.Event) string {
	text := cmp.Or(ways[e.Type][e.Facts["kind"]], acts[e.Type], string(e.Type))
	switch {
	case e.Type == lock.EventOrdered && e.Order != nil && e.Order.Kind != lock.KindEscrow:
		return orderOf(*e.Order)
	case (e.Type == lock.EventOrdered || e.Type == lock.EventSecretAdded) && len(e.Secrets) > 0:
		return added(e.Secrets[0].Name)
	case e.Type == lock.EventSignedIn && e.Facts["outcome"] == "refused":
		return "Sign-in refused"
	case e.Type == lock.EventAuditVerified && e.Facts["outcome"] != "":
		return text + ": " + e.Facts["outcome"]
	case e.Type == lock.EventPurge && e.Facts["phase"] == "ended":
		return text + ": ended, " + cmp.Or(e.Facts["purged"], "none") + " purged"
	case e.Type == lock.EventPurge && e.Facts["phase"] != "":
		return text + ": " + e.Facts["phase"]
	case e.Type == lock.EventFeedback:
		return text + ": " + outcome(e)
	case e.Type == lock.EventKeyring && e.Facts["key_id"] != "":
		return text + ": " + e.Facts["key_id"]
	case e.Type == lock.EventDenied && e.Facts["verb"] != "":
		return text + ": " + e.Facts["verb"]
	case e.Delivery > 0:
		return fmt.Sprintf("%s (delivery %d)", text, e.Delivery)
	case e.Evidence != "":
		return text + ": " + evidence(e.Evidence)
	}
	return text
}

// added says which secret was.
func added(name string) string {
	switch name {
	case lock.SecretPIN:
		return "PIN of the device kept"
	case "body":
		return "Answer of the device kept, sealed"
	}
	return acts[lock.EventSecretAdded]
}

// outcome is what a person said of a PIN.
func outcome(e lock.Event) string {
	switch said := lock.Feedback(e.Facts["outcome"]); said {
	case lock.FeedbackWorked:
		return "it opened the device"
	case lock.FeedbackWrongPIN:
		return "wrong PIN"
	case lock.FeedbackOther:
		return "something else"
	default:
		return cmp.Or(string(said), "unknown")
	}
}

// grave says that an event is one to look into.
func grave(e lock.Event) bool {
	switch e.Type {
	case lock.EventDenied, lock.EventAlarm, lock.EventBreakGlass:
		return true
	case lock.EventSignedIn:
		return e.Facts["outcome"] == "refused"
	case lock.EventAuditVerified:
		return e.Facts["outcome"] == string(audit.Tampered)
	}
	return false
}

// finding is what a verification found, as a sentence.
func finding(text string) string { return sentence(strings.TrimPrefix(text, "auditlog: ")) }

// nth is a place among others.
func nth(n int) string {
	suffix := "th"
	if teen := n % 100 / 10; teen != 1 {
		suffix = cmp.Or(map[int]string{1: "st", 2: "nd", 3: "rd"}[n%10], suffix)
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

// who names an actor for people.
func who(a lock.Actor) string {
	switch a.ID {
	case "device":
		return "Device"
	case "system":
		return "System"
	case "unknown":
		return "An unknown name"
	case account.System:
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

// makeOf is what kind of machine it is: its system, and of a Mac the chip.
func makeOf(d inventory.Device) string {
	if !isMac(d.Device) {
		return system(d)
	}
	return system(d) + " · " + chip(d.Silicon)
}

// managed is how a phone is managed, in words.
func managed(d inventory.Device) string {
	return modeWords(android.Mode(cmp.Or(d.Mode, d.Facts[string(android.FactMode)].Value)))
}

// system names the operating system and its version.
func system(d inventory.Device) string {
	name := "macOS"
	switch {
	case isPhone(d.Device):
		return cmp.Or(d.OSVersion, "Android, version unknown")
	case isComputer(d.Device):
		return systemOfComputer(d)
	case strings.HasPrefix(d.ProductName, "iPad"):
		name = "iPadOS"
	case strings.HasPrefix(d.ProductName, "iPhone"):
		name = "iOS"
	}
	return name + " " + cmp.Or(d.OSVersion, "unknown")
}

// thousands writes a number for people.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// pins counts them.
func pins(n int) string {
	if n == 1 {
		return "1 PIN"
	}
	return thousands(int64(n)) + " PINs"
}

// farAhead is from where on a day says more than how far off it is.
const farAhead = 60 * 24 * time.Hour

// relative is how long ago t was, or how far ahead it is.
func relative(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 0 && d > -time.Minute || d >= 0 && d < 10*time.Second {
		return "just now"
	}
	if d < -farAhead {
		return "on " + day(t)
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

// exact is the time as the ledger keeps it, to the second.
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
