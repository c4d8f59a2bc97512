package windows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

// TestInterpretReread holds that of what a lock-out wrote itself nothing is kept, and of what anybody else wrote everything.
func TestInterpretReread(t *testing.T) {
	o := lock.Order{Action: lock.Action{Kind: lock.KindLock, Talks: true, Message: "Call us", Facts: kept()}, Device: deviceWith(aDesktop)}
	part := encoded(t, o)
	require.Equal(t, "reread", part.Step)
	note := string(mustJSON(t, part.Want))
	require.NotContains(t, note, "Call", "no values in the note")
	const title, text = "This device is locked", "Call us"
	shows := func(deny, title, text string) omadm.Answer {
		a := answered(part.Commands, 200, 200, 200)
		return bring(bring(bring(a, uriDeny, "chr", deny), uriTitle, "chr", title), uriText, "chr", text)
	}
	on := func(pairs ...string) wanted {
		return wanted{outcome: lock.Progress, facts: options(append(pairs, "step", "reread")...), more: true}
	}
	stuck := func(policy, reason string, more ...string) wanted {
		facts := and(options("policy", policy, "reason", reason), more...)
		return wanted{outcome: lock.Progress, facts: facts, findings: []string{"lockout_uncertain"}}
	}
	alreadyDenied := wanted{outcome: lock.Refused, facts: options("policy", "deny", "reason", "already_denied")}
	everyone := answered(part.Commands, 200, 0, 0)
	for name, c := range map[string]struct {
		note   string
		answer omadm.Answer
		want   wanted
	}{
		"it is in force":                {note, shows(everybody, title, text), on()},
		"it never got there":            {note, shows("Guests", "Welcome", ""), on("before_deny", "=Guests", "before_title", "=Welcome", "before_text", "=")},
		"all was unset meanwhile":       {note, answered(part.Commands, 404, 404, 404), on("before_deny", "absent", "before_title", "absent", "before_text", "absent")},
		"somebody let people in again":  {note, shows("Guests", title, text), on("before_deny", "=Guests")},
		"somebody wrote another title":  {note, shows(everybody, "Welcome", text), on("before_title", "=Welcome")},
		"somebody wrote both texts":     {note, shows(everybody, "a", "b"), on("before_title", "=a", "before_text", "=b")},
		"the list in other words":       {note, shows("Everyone", title, "b"), on("before_text", "=b")},
		"the list, and no texts":        {note, incomplete(bring(everyone, uriDeny, "chr", "Everyone")), wanted{facts: options()}},
		"somebody else's lock-out":      {note, shows("Everyone", "a", "b"), alreadyDenied},
		"a text that cannot be kept":    {note, bring(shows(everybody, title, "x"), uriText, "b64", "eA=="), on("before_text", "=x")},
		"a title that cannot be kept":   {note, bring(answered(part.Commands, 404, 200, 404), uriTitle, "b64", "eA=="), stuck("title", "format_unsupported")},
		"a title that cannot be read":   {note, answered(part.Commands, 404, 500, 404), stuck("title", "failed", "code", "500")},
		"not executed":                  {note, answered(part.Commands, 215, 215, 215), wanted{outcome: lock.NotNow, facts: code("215", "policy", "deny")}},
		"nothing said":                  {note, answered(part.Commands), wanted{facts: options()}},
		"no note":                       {"null", shows(everybody, title, text), wanted{}},
		"a note of somebody else":       {"{", shows(everybody, title, text), wanted{}},
		"the text itself in other form": {note, bring(answered(part.Commands, 404, 404, 200), uriText, "b64", text), stuck("text", "format_unsupported")},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("reread", c.note, c.answer)) })
	}
}

// TestStandstill holds that what can never be sent ends where nothing can have been done, and is said where something can.
func TestStandstill(t *testing.T) {
	long := map[string]string{"before_deny": "absent", "before_title": "absent"}
	for name, fact := range (value{true, strings.Repeat("x", 5000)}).pack("text") {
		long[name] = fact
	}
	lockOut := func(step string) lock.Action {
		return lock.Action{Kind: lock.KindLock, Talks: true, Facts: and(long, "step", step)}
	}
	unlock := lock.Order{Action: lock.Action{Kind: lock.KindUnlock}, Ended: lockOut("denied")}
	for name, c := range map[string]struct {
		order lock.Order
		size  string
		want  lock.Outcome
	}{
		"read":                   {lock.Order{Action: lockOut("read"), Resumed: true}, "4096", lock.Refused},
		"read again":             {lock.Order{Action: lockOut("reread"), Resumed: true}, "4096", lock.Progress},
		"denied":                 {lock.Order{Action: lockOut("denied")}, "4096", lock.Progress},
		"read, to be read again": {lock.Order{Action: lockOut("read")}, "500", lock.Progress},
		"not read":               {lock.Order{Action: lock.Action{Kind: lock.KindLock, Talks: true}}, "500", lock.Refused},
		"unlock":                 {unlock, "4096", lock.Refused},
		"reset":                  {lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode, Returns: true}}, "500", lock.Progress},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.order
			o.Device = deviceWith(and(aDesktop, "max_msg_size", c.size))
			var stands *tooLarge
			_, err := codec{}.Encode(o)
			require.ErrorAs(t, err, new(*omadm.SizeError))
			require.NotErrorAs(t, err, &stands, "it waits, and the size may change")
			o.Action.Deliveries, o.Action.ID = 1, "an action"
			_, err = codec{}.Encode(o)
			require.ErrorAs(t, err, &stands)
			require.ErrorAs(t, err, new(*omadm.SizeError))
			require.Equal(t, o.Action.ID, stands.action)
			requireSaid(t, wanted{outcome: c.want, facts: options("reason", "message_too_large")}, stands.said())
		})
	}
}
