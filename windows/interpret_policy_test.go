package windows

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// readings is the answer to the step read: all three policies have a value.
func readings() omadm.Answer {
	a := answered(readCommands(), 200, 200, 200)
	return bring(bring(bring(a, uriDeny, "chr", "Guests"), uriTitle, "chr", "Welcome"), uriText, "chr", "a\uf000\"b\"")
}

func TestInterpretRead(t *testing.T) {
	all := and(nil, "before_deny", "=Guests", "before_title", "=Welcome", "before_text", `=a\uf000\"b\"`)
	absent3 := and(nil, "before_deny", "absent", "before_title", "absent", "before_text", "absent", "step", "read")
	refused := func(policy, reason string, more ...string) wanted {
		return wanted{outcome: lock.Refused, facts: and(and(nil, "policy", policy, "reason", reason), more...)}
	}
	one := func(c omadm.Code) omadm.Answer { return answered(readCommands(), 404, c, 404) }
	hasNot := refused("deny", "not_allowed", "code", "405")
	hasNot.learn = options("sign_in_policy", "no")
	chunk := bring(answered(readCommands(), 200, 404, 404), uriDeny, "chr", "Gue")
	chunk.Replies[0].Items[0].MoreData, chunk.Replies[0].Given = true, false // nobody counts a piece
	everyone := bring(answered(readCommands(), 404, 404, 200), uriText, "chr", "Everyone")
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"all have values":         {readings(), wanted{outcome: lock.Progress, facts: and(all, "step", "read"), more: true}},
		"none is set":             {answered(readCommands(), 404, 404, 404), wanted{outcome: lock.Progress, facts: absent3, more: true}},
		"null is not set":         {bring(answered(readCommands(), 200, 404, 404), uriDeny, "null", ""), wanted{outcome: lock.Progress, facts: absent3, more: true}},
		"empty is a value":        {bring(answered(readCommands(), 200, 404, 404), uriDeny, "chr", ""), wanted{outcome: lock.Progress, facts: and(absent3, "before_deny", "="), more: true}},
		"part of them":            {incomplete(bring(answered(readCommands(), 200), uriDeny, "chr", "Guests")), wanted{outcome: lock.Progress, facts: options("before_deny", "=Guests")}},
		"the rest of them":        {bring(earlier(readings()), uriText, "chr", "x"), wanted{outcome: lock.Progress, facts: options("before_text", "=x", "step", "read"), more: true}},
		"none in this message":    {earlier(readings()), wanted{outcome: lock.Progress, facts: options("step", "read"), more: true}},
		"part of them and no end": {bring(answered(readCommands(), 200), uriDeny, "chr", "Guests"), wanted{outcome: lock.Progress, facts: options("before_deny", "=Guests")}},
		"nothing said":            {answered(readCommands()), wanted{facts: options()}},
		"denied already":          {bring(answered(readCommands(), 200, 404, 404), uriDeny, "chr", "*S-1-1-0"), refused("deny", "already_denied")},
		"denied already, early":   {incomplete(bring(answered(readCommands(), 200), uriDeny, "chr", "x\uf000Everyone")), refused("deny", "already_denied")},
		"too long":                {bring(answered(readCommands(), 404, 404, 200), uriText, "chr", strings.Repeat("x", 7201)), refused("text", "value_too_long")},
		"no text format is said":  {bring(answered(readCommands(), 200, 404, 404), uriDeny, "", "Guests"), wanted{outcome: lock.Progress, facts: and(absent3, "before_deny", "=Guests"), more: true}},
		"Base64":                  {bring(answered(readCommands(), 404, 404, 200), uriText, "b64", "R3Vlc3Q="), refused("text", "format_unsupported")},
		"Base64 of Everyone":      {bring(answered(readCommands(), 200, 404, 404), uriDeny, "b64", "KlMtMS0xLTA="), refused("deny", "format_unsupported")},
		"XML":                     {bring(answered(readCommands(), 404, 200, 404), uriTitle, "xml", "<a/>"), refused("title", "format_unsupported")},
		"a piece of a value":      {chunk, refused("deny", "failed", "code", "200")},
		"a text about everyone":   {everyone, wanted{outcome: lock.Progress, facts: and(absent3, "before_text", "=Everyone"), more: true}},
		"405":                     {one(405), refused("title", "not_allowed", "code", "405")},
		"405 for signing in":      {answered(readCommands(), 405, 404, 404), hasNot},
		"406":                     {one(406), refused("title", "unsupported", "code", "406")},
		"425":                     {one(425), refused("title", "denied", "code", "425")},
		"500":                     {one(500), refused("title", "failed", "code", "500")},
		"413":                     {one(413), refused("title", "failed", "code", "413")},
		"200 without results":     {one(200), refused("title", "failed", "code", "200")},
		"not executed":            {one(215), wanted{outcome: lock.NotNow, facts: code("215", "policy", "title")}},
		"timeout":                 {one(408), wanted{outcome: lock.NotNow, facts: code("408", "policy", "title")}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("read", "null", c.answer)) })
	}
}

func TestInterpretReadLong(t *testing.T) {
	long := strings.Repeat("Zeile\uf000", 400)
	s := Interpret("read", "", bring(answered(readCommands(), 404, 404, 200), uriText, "chr", long))
	require.True(t, s.More)
	require.LessOrEqual(t, len(s.Report.Facts), 32, "as many as a report keeps")
	values, known := before(s.Report.Facts)
	require.True(t, known)
	require.Equal(t, long, values["text"].text)
}

func TestInterpretDeny(t *testing.T) {
	said := func(codes ...omadm.Code) omadm.Answer { return answered(denyCommands("", ""), codes...) } // Atomic, title, text, deny
	hasNot := options("sign_in_policy", "no")
	done := wanted{outcome: lock.Progress, facts: code("200", "step", "denied"), more: true, learn: options("sign_in_policy", "yes")}
	uncertain := func(number string) wanted {
		return wanted{outcome: lock.Progress, facts: code(number, "reason", "uncertain"), findings: []string{"lockout_uncertain"}}
	}
	for name, c := range map[string]struct {
		answer omadm.Answer
		first  wanted
		again  wanted // when an earlier delivery may have got through
	}{
		"done":                  {said(200, 200, 200, 200), done, done},
		"more to come":          {incomplete(said(507, 216)), wanted{}, wanted{}},
		"Atomic alone":          {said(200), done, done},
		"rolled back":           {said(507, 216, 216, 500), wanted{outcome: lock.Refused, facts: code("507", "reason", "rolled_back", "policy", "deny", "cause", "500")}, uncertain("507")},
		"rolled back, 404":      {said(507, 216, 216, 404), wanted{outcome: lock.Refused, facts: code("507", "reason", "rolled_back", "policy", "deny", "cause", "404"), learn: hasNot}, uncertain("507")},
		"rolled back, 405":      {said(507, 405, 215, 215), wanted{outcome: lock.Refused, facts: code("507", "reason", "rolled_back", "policy", "title", "cause", "405")}, uncertain("507")},
		"rolled back, no title": {said(507, 404, 215, 215), wanted{outcome: lock.Refused, facts: code("507", "reason", "rolled_back", "policy", "title", "cause", "404")}, uncertain("507")},
		"rolled back, why?":     {said(507), wanted{outcome: lock.Refused, facts: code("507", "reason", "rolled_back")}, uncertain("507")},
		"rollback failed":       {said(516, 200, 500, 215), uncertain("516"), uncertain("516")},
		"not undone":            {said(507, 516, 516, 500), uncertain("507"), uncertain("507")},
		"undone, who knows":     {said(507, 200, 500, 215), uncertain("507"), uncertain("507")},
		"200, and not":          {said(200, 200, 500, 200), uncertain("200"), uncertain("200")},
		"no Atomic":             {said(406, 0, 0, 0), wanted{outcome: lock.Refused, facts: code("406", "reason", "unsupported")}, uncertain("406")},
		"user enrolled":         {said(405, 405, 405, 405), wanted{outcome: lock.Refused, facts: code("405", "reason", "not_allowed", "policy", "deny", "cause", "405"), learn: hasNot}, uncertain("405")},
		"denied":                {said(425), wanted{outcome: lock.Refused, facts: code("425", "reason", "denied")}, uncertain("425")},
		"failed":                {said(500), wanted{outcome: lock.Refused, facts: code("500", "reason", "failed")}, uncertain("500")},
		"not executed":          {said(215), wanted{outcome: lock.NotNow, facts: code("215")}, wanted{outcome: lock.NotNow, facts: code("215")}},
		"accepted":              {said(202), wanted{outcome: lock.Progress, facts: code("202")}, wanted{outcome: lock.Progress, facts: code("202")}},
		"nothing":               {said(), wanted{}, wanted{}},
	} {
		t.Run(name, func(t *testing.T) {
			requireSaid(t, c.first, Interpret("deny", "null", c.answer))
			requireSaid(t, c.again, Interpret("deny-again", "null", c.answer))
		})
	}
}

func TestInterpretReboot(t *testing.T) {
	commands := []syncml.Command{syncml.Exec(uriReboot)}
	for c, findings := range map[omadm.Code][]string{
		200: nil, 202: nil, 404: {"not_restarted"}, 405: {"not_restarted"}, 406: {"not_restarted"}, 215: {"not_restarted"}, 500: {"not_restarted"},
	} {
		s := Interpret("reboot", "", answered(commands, c))
		require.Equal(t, lock.Acknowledged, s.Report.Outcome, "it is locked, restarted or not")
		requireSaid(t, wanted{outcome: lock.Acknowledged, facts: s.Report.Facts, findings: findings}, s)
	}
	requireSaid(t, wanted{}, Interpret("reboot", "", answered(commands)))
}

func TestInterpretRestore(t *testing.T) {
	values, known := before(kept())
	require.True(t, known)
	said := func(codes ...omadm.Code) omadm.Answer { return answered(restoreCommands(policies(), values), codes...) } // Sequence, deny, title (deleted), text
	done := wanted{
		outcome: lock.Progress, facts: options("step", "restored", "verified_deny", "no", "verified_title", "no", "verified_text", "no"), more: true,
	}
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"done":               {said(200, 200, 200, 200), done},
		"was not set":        {said(200, 200, 404, 200), done},
		"accepted":           {said(200, 202, 200, 200), done},
		"Sequence unsaid":    {said(0, 200, 200, 200), done},
		"replace not found":  {said(200, 404, 200, 200), wanted{outcome: lock.Refused, facts: code("404", "reason", "unsupported", "policy", "deny")}},
		"delete not allowed": {said(200, 200, 405, 200), wanted{outcome: lock.Refused, facts: code("405", "reason", "not_allowed", "policy", "title")}},
		"failed":             {said(200, 200, 200, 500), wanted{outcome: lock.Refused, facts: code("500", "reason", "failed", "policy", "text")}},
		"not executed":       {said(200, 200, 200, 215), wanted{outcome: lock.NotNow, facts: code("215", "policy", "text")}},
		"no Sequence":        {said(406), wanted{outcome: lock.Refused, facts: code("406", "reason", "unsupported")}},
		"part of it":         {incomplete(said(200, 200)), wanted{}},
		"nothing":            {said(), wanted{}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("restore", "null", c.answer)) })
	}
}

func TestInterpretVerify(t *testing.T) {
	want := map[string]string{uriDeny: value{}.digest(), uriTitle: value{true, "Welcome"}.digest(), uriText: value{true, "a\uf000b"}.digest()}
	noteJSON, err := json.Marshal(want)
	require.NoError(t, err)
	note := string(noteJSON)
	same := bring(bring(answered(readCommands(), 404, 200, 200), uriTitle, "chr", "Welcome"), uriText, "chr", "a\uf000b")
	part := bring(answered(readCommands(), 404, 200), uriTitle, "chr", "Welcome")
	not := func(policy, number string) wanted {
		return wanted{outcome: lock.Refused, facts: code(number, "reason", "not_restored", "policy", policy)}
	}
	partly := wanted{outcome: lock.Progress, facts: options("step", "restored", "verified_deny", "yes", "verified_title", "yes")}
	again := wanted{outcome: lock.Progress, facts: options("step", "restored", "verified_deny", "yes", "verified_text", "yes"), more: true}
	for name, c := range map[string]struct {
		note   string
		answer omadm.Answer
		want   wanted
	}{
		"equal":                     {note, same, wanted{outcome: lock.Acknowledged, facts: code("200")}},
		"still denied":              {note, bring(bring(bring(answered(readCommands(), 200, 200, 200), uriDeny, "chr", "*S-1-1-0"), uriTitle, "chr", "x"), uriText, "chr", "a\uf000b"), not("deny,title", "200")},
		"gone":                      {note, bring(answered(readCommands(), 404, 404, 200), uriText, "chr", "a\uf000b"), not("title", "200")},
		"a space more":              {note, bring(bring(answered(readCommands(), 404, 200, 200), uriTitle, "chr", "Welcome "), uriText, "chr", "a\uf000b"), not("title", "200")},
		"in another form":           {note, bring(bring(answered(readCommands(), 404, 200, 200), uriTitle, "b64", "Welcome"), uriText, "chr", "a\uf000b"), not("title", "200")},
		"wrong, and more to come":   {note, incomplete(bring(answered(readCommands(), 404, 200), uriTitle, "chr", "no")), not("title", "0")},
		"right, and more to come":   {note, incomplete(part), partly},
		"title came earlier":        {note, bring(earlier(same), uriText, "chr", "a\uf000b"), again},
		"all of it earlier":         {string(mustJSON(t, map[string]string{uriTitle: want[uriTitle]})), earlier(same), wanted{outcome: lock.Progress, facts: options("step", "restored"), more: true}},
		"200 and no value":          {string(mustJSON(t, map[string]string{uriTitle: want[uriTitle]})), answered(readCommands()[1:2], 200), not("title", "200")},
		"one alone":                 {string(mustJSON(t, map[string]string{uriDeny: want[uriDeny]})), answered(readCommands()[:1], 404), wanted{outcome: lock.Acknowledged, facts: code("404")}},
		"cannot be read":            {note, bring(answered(readCommands(), 404, 500, 200), uriText, "chr", "a\uf000b"), not("title", "500")},
		"not executed":              {note, answered(readCommands(), 215, 215, 215), wanted{outcome: lock.NotNow, facts: code("215", "policy", "text")}},
		"nothing said":              {note, answered(readCommands()), wanted{}},
		"nothing to compare":        {"null", answered(readCommands()[:1], 200), wanted{outcome: lock.Acknowledged, facts: code("200", "reason", "not_in_force")}},
		"nothing to compare, 404":   {"", answered(readCommands()[:1], 404), wanted{outcome: lock.Acknowledged, facts: code("404", "reason", "not_in_force")}},
		"nothing to compare or say": {"", answered(readCommands()[:1]), wanted{}},
		"a note of somebody else":   {"{", same, wanted{}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want.facts["code"] == "0" {
				delete(c.want.facts, "code")
			}
			requireSaid(t, c.want, Interpret("verify", c.note, c.answer))
		})
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// TestRestoreRoundTrip holds that what was read is what is written, and what verifies, for each form of value.
func TestRestoreRoundTrip(t *testing.T) {
	for name, text := range map[string]string{
		"list": "*S-1-5-32-546\uf000*S-1-5-113", "lines": "a\nb", "quotes": `"'\`, "empty": "", "long": strings.Repeat("€\uf000", 500), "xml": "<&>]]>",
	} {
		t.Run(name, func(t *testing.T) {
			read := Interpret("read", "", bring(answered(readCommands(), 200, 404, 404), uriDeny, "chr", text))
			require.True(t, read.More)
			o := lock.Order{Action: lock.Action{Kind: lock.KindUnlock}, Ended: lock.Action{Talks: true, Facts: and(read.Report.Facts, "step", "denied")}}
			restore := encoded(t, o)
			require.Equal(t, text, wire(t, restore.Commands)[0].Children[0].Items[0].Data, "as it arrives")

			o.Resumed = true
			verify := encoded(t, o)
			note := string(mustJSON(t, verify.Want))
			require.NotContains(t, note, "S-1-5", "no values in the note")
			same := bring(answered(verify.Commands, 200, 404, 404), uriDeny, "chr", text)
			require.Equal(t, lock.Acknowledged, Interpret("verify", note, same).Report.Outcome)
			other := bring(answered(verify.Commands, 200, 404, 404), uriDeny, "chr", text+"x")
			require.Equal(t, lock.Refused, Interpret("verify", note, other).Report.Outcome)
		})
	}
}
