package windows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

// unproven is the unlock of a lock-out that may have got through, or not.
func unproven(facts map[string]string) lock.Order {
	ended := lock.Action{Kind: lock.KindLock, Talks: true, Message: "Call us", Facts: kept()}
	return lock.Order{Action: lock.Action{Kind: lock.KindUnlock, Facts: facts}, Ended: ended, Resumed: facts != nil, Device: deviceWith(aDesktop)}
}

func TestEncodeLook(t *testing.T) {
	look := encoded(t, unproven(nil))
	require.Equal(t, "look", look.Step)
	require.Equal(t, golden(t, asks("1", "2", "3")), wire(t, look.Commands))
	require.Len(t, look.Want, 3)

	facts := map[string]string{"step": "looked", "ours_deny": "yes", "ours_title": "no", "ours_text": "yes"}
	restore := encoded(t, unproven(facts))
	require.Equal(t, "restore", restore.Step)
	require.Equal(t, golden(t, `<Sequence><CmdID>1</CmdID>`+replaced("2", denyNode, "*S-1-5-32-546&#xF000;*S-1-5-113")+
		replaced("3", textNode, "Say &quot;hi&quot;&#xF000;now")+`</Sequence>`), wire(t, restore.Commands))
	note := string(mustJSON(t, restore.Want))
	s := Interpret("restore", note, answered(restore.Commands, 200, 200, 200))
	requireSaid(t, wanted{outcome: lock.Progress, facts: options("step", "restored", "verified_deny", "no", "verified_text", "no"), more: true}, s)
	requireSaid(t, wanted{}, Interpret("restore", note, answered(restore.Commands, 200, 200)))

	verify := encoded(t, unproven(and(facts, "step", "restored")))
	require.Equal(t, "verify", verify.Step)
	require.Len(t, verify.Want, 2)
	require.NotContains(t, verify.Want, uriTitle)

	known := unproven(facts)
	known.Ended.Facts = and(kept(), "step", "denied")
	require.Len(t, encoded(t, known).Commands[0].Children, 3, "its answer came meanwhile: it is in force")

	none := encoded(t, unproven(and(facts, "ours_deny", "no", "ours_text", "no")))
	require.Equal(t, "verify", none.Step)
	require.Empty(t, none.Want, "nothing to restore, and nothing to compare")
}

func TestInterpretLook(t *testing.T) {
	part := encoded(t, unproven(nil))
	note := string(mustJSON(t, part.Want))
	require.NotContains(t, note, "Call", "no values in the note")
	const title, text = "This device is locked", "Call us"
	whole := answered(part.Commands, 200, 200, 200)
	shows := func(deny, title, text string) omadm.Answer {
		return bring(bring(bring(whole, uriDeny, "chr", deny), uriTitle, "chr", title), uriText, "chr", text)
	}
	ours := func(deny, title, text string) wanted {
		return wanted{outcome: lock.Progress, facts: options("step", "looked", "ours_deny", deny, "ours_title", title, "ours_text", text), more: true}
	}
	for name, c := range map[string]struct {
		note   string
		answer omadm.Answer
		want   wanted
	}{
		"it is in force":               {note, shows(everybody, title, text), ours("yes", "yes", "yes")},
		"it never got there":           {note, shows("Guests", "Welcome", ""), ours("no", "no", "no")},
		"all is unset":                 {note, answered(part.Commands, 404, 404, 404), ours("no", "no", "no")},
		"another title":                {note, shows(everybody, "Welcome", text), ours("yes", "no", "yes")},
		"people were let in again":     {note, shows("Guests", title, text), ours("no", "yes", "yes")},
		"the list in other words":      {note, shows("Guest,Everyone", "a", "b"), ours("yes", "no", "no")},
		"one that cannot be read":      {note, bring(answered(part.Commands, 200, 500, 404), uriDeny, "chr", everybody), ours("yes", "yes", "no")},
		"200 and no value":             {note, answered(part.Commands, 200, 404, 404), ours("yes", "no", "no")},
		"the first of it":              {note, incomplete(bring(answered(part.Commands, 200), uriDeny, "chr", everybody)), wanted{outcome: lock.Progress, facts: options("ours_deny", "yes")}},
		"the rest, the others earlier": {note, bring(earlier(shows(everybody, title, "")), uriText, "chr", text), wanted{outcome: lock.Progress, facts: options("step", "looked", "ours_text", "yes"), more: true}},
		"not executed":                 {note, answered(part.Commands, 215, 215, 215), wanted{outcome: lock.NotNow, facts: code("215", "policy", "deny")}},
		"nothing said":                 {note, answered(part.Commands), wanted{facts: options()}},
		"no note":                      {"null", shows(everybody, title, text), wanted{}},
		"a note of somebody else":      {"{", shows(everybody, title, text), wanted{}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("look", c.note, c.answer)) })
	}
}
