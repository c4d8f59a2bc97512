package console

import (
	"cmp"

	"github.com/latchkey-mdm/latchkey/lock"
)

// wakes are the outcomes of a wake-up in words.
var wakes = map[string]string{
	"no-token":        "It cannot be told to come: it has sent no push token since it was enrolled.",
	"unregistered":    "It cannot be told to come: Apple's push service says that its token is dead. It was wiped, or its profile was removed.",
	"bad-token":       "It was not told to come: Apple's push service does not know its token.",
	"bad-topic":       "It was not told to come: its enrolment, its token and the push certificate are not for the same topic.",
	"bad-certificate": "No Mac can be told to come: the push certificate has expired, or Apple's push service does not take it. Renew it.",
	"too-large":       "It cannot be told to come: what it asked to be sent is too large for a push.",
	"throttled":       "It was told to come too often for Apple's push service. That is tried again later.",
	"unavailable":     "It was not told to come: Apple's push service takes no pushes now. That is tried again.",
	"unreachable":     "It was not told to come: Apple's push service did not answer. That is tried again.",
	"timeout":         "It was not told to come: Apple's push service did not answer in time. That is tried again.",
	"rejected":        "It was not told to come: what answered in the place of Apple's push service takes no pushes. That is tried again.",
}

// phoneWakes are those of a phone.
var phoneWakes = map[string]string{ //nolint:gosec // words, and no credentials
	"no-token":        "It cannot be told to come: its agent has sent no registration token.",
	"unregistered":    "It cannot be told to come: Google’s push service says that its token is dead. Its agent was removed, or will send another one.",
	"bad-token":       "It was not told to come: Google’s push service does not know its token. Does the agent use the same Firebase project?",
	"no_poll":         "It cannot be told to come: it holds no connection open now, and this server has no push service to wake it.",
	"bad-credentials": "No phone can be told to come: Google’s push service does not take the service account. Give the server a valid one.",
	"throttled":       "It was told to come too often for Google’s push service. That is tried again later.",
	"unavailable":     "It was not told to come: Google’s push service takes no messages now. That is tried again.",
	"unreachable":     "It was not told to come: Google’s push service did not answer. That is tried again.",
	"timeout":         "It was not told to come: Google’s push service did not answer in time. That is tried again.",
	"rejected":        "It was not told to come: what answered in the place of Google’s push service takes no messages. That is tried again.",
}

// wakeUp says how telling the device to come went last, after a space; nothing when it was not tried.
func wakeUp(a lock.Action) string {
	switch a.WakeOutcome {
	case "":
		return ""
	case "sent":
		return " It was told to come."
	}
	known := wakes
	switch {
	case isPhone(a.Device):
		known = phoneWakes
	case isComputer(a.Device):
		known = computerWakes
	}
	why := cmp.Or(known[a.WakeOutcome], "It was not told to come ("+a.WakeOutcome+"). That is tried again.")
	return " " + why + " It gets the command all the same when it comes by itself."
}
