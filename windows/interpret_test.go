package windows

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// requireSaid compares what an answer means, PIN included; the findings by their codes.
func requireSaid(t *testing.T, want wanted, s Said) {
	t.Helper()
	assert.Equal(t, want.outcome, s.Report.Outcome)
	assert.Equal(t, want.facts, s.Report.Facts)
	assert.Equal(t, want.secret, s.Report.Secret.Expose())
	assert.Equal(t, want.more, s.More)
	assert.Equal(t, want.learn, s.Learn)
	var findings []string
	for _, f := range s.Report.Findings {
		findings = append(findings, f.Code)
	}
	assert.Equal(t, want.findings, findings)
}

type wanted struct {
	outcome  lock.Outcome
	facts    map[string]string
	secret   string
	more     bool
	learn    map[string]string
	findings []string
}

func code(number string, more ...string) map[string]string {
	return and(map[string]string{"code": number}, more...)
}

func TestInterpretLock(t *testing.T) {
	has, hasNot := options("remote_lock", "yes"), options("remote_lock", "no")
	refused := func(number, reason string, learn map[string]string) wanted {
		return wanted{outcome: lock.Refused, facts: code(number, "reason", reason), learn: learn}
	}
	commands := []syncml.Command{syncml.Exec(uriLock)}
	for c, want := range map[omadm.Code]wanted{
		200: {outcome: lock.Acknowledged, facts: code("200"), learn: has},
		101: {outcome: lock.Progress, facts: code("101")},
		202: {outcome: lock.Progress, facts: code("202")},
		215: {outcome: lock.NotNow, facts: code("215")},
		408: {outcome: lock.NotNow, facts: code("408")},
		405: refused("405", "no_pin", nil),
		404: refused("404", "unsupported", hasNot),
		406: refused("406", "unsupported", hasNot),
		501: refused("501", "unsupported", hasNot),
		401: refused("401", "denied", nil),
		403: refused("403", "denied", nil),
		407: refused("407", "denied", nil),
		425: refused("425", "denied", nil),
		500: refused("500", "failed", nil),
		420: refused("420", "failed", nil),
		400: refused("400", "failed", nil),
		216: refused("216", "rolled_back", nil),
		777: refused("777", "failed", nil),
		0:   {},
	} {
		t.Run(strconv.Itoa(int(c)), func(t *testing.T) {
			requireSaid(t, want, Interpret("lock", "null", answered(commands, c)))
		})
	}
}

func TestInterpretLockSamples(t *testing.T) {
	requireSaid(t, wanted{outcome: lock.Acknowledged, facts: code("200"), learn: options("remote_lock", "yes")},
		Interpret("lock", "", exchanged(t, "4.2-s2.xml", "4.2-c3-ok.xml")))
	requireSaid(t, wanted{outcome: lock.Refused, facts: code("405", "reason", "no_pin")},
		Interpret("lock", "", exchanged(t, "4.2-s2.xml", "4.2-c3-nopin.xml")))
	requireSaid(t, wanted{
		outcome: lock.Refused, facts: code("404", "reason", "unsupported", "original_error", "0x86000002"), learn: options("remote_lock", "no"),
	}, Interpret("lock", "", exchanged(t, "4.2-s2.xml", "4.2-c3-absent.xml")))
}

func TestInterpretReset(t *testing.T) {
	has, hasNot := options("remote_lock_reset", "yes"), options("remote_lock_reset", "no")
	commands := resetCommands(stepReset)
	said := func(codes ...omadm.Code) omadm.Answer { return answered(commands, codes...) }
	withPIN := func(a omadm.Answer) omadm.Answer { return bring(a, uriNewPIN, "chr", "483920") }
	ok := wanted{outcome: lock.Acknowledged, facts: code("200"), learn: has}
	okPIN := wanted{outcome: lock.Acknowledged, facts: code("200"), learn: has, secret: "483920"}
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"sample":                     {exchanged(t, "4.3-s2.xml", "4.3-c3.xml"), okPIN},
		"sample, failed":             {exchanged(t, "4.3-s2.xml", "4.3-c3-failed.xml"), wanted{outcome: lock.Refused, facts: code("500", "reason", "failed")}},
		"done, with PIN":             {withPIN(said(200, 200, 200)), okPIN},
		"done, without":              {said(200, 200, 200), ok},
		"done, PIN null":             {bring(said(200, 200, 200), uriNewPIN, "null", ""), ok},
		"done, PIN null with data":   {bring(said(200, 200, 200), uriNewPIN, "null", "0"), ok},
		"done, PIN empty":            {bring(said(200, 200, 200), uriNewPIN, "chr", ""), ok},
		"done, PIN blank":            {bring(said(200, 200, 200), uriNewPIN, "chr", " \n\t"), ok},
		"done, PIN not found":        {said(200, 200, 404), ok},
		"PIN within white space":     {bring(said(200, 200, 200), uriNewPIN, "chr", "\n 483920\n"), okPIN},
		"PIN split, first message":   {incomplete(withPIN(said(200, 200, 200))), wanted{outcome: lock.Progress, secret: "483920"}},
		"PIN split, last message":    {earlier(withPIN(said(200, 200, 200))), ok},
		"statuses first":             {incomplete(said(200, 200, 200)), wanted{}},
		"PIN alone":                  {withPIN(said()), wanted{outcome: lock.Progress, secret: "483920"}},
		"no such command":            {said(200, 404, 404), wanted{outcome: lock.Refused, facts: code("404", "reason", "unsupported"), learn: hasNot}},
		"not supported":              {said(200, 406, 215), wanted{outcome: lock.Refused, facts: code("406", "reason", "unsupported"), learn: hasNot}},
		"not allowed":                {said(200, 405, 200), wanted{outcome: lock.Refused, facts: code("405", "reason", "not_allowed")}},
		"denied":                     {said(200, 425, 425), wanted{outcome: lock.Refused, facts: code("425", "reason", "denied")}},
		"not executed":               {said(200, 215, 215), wanted{outcome: lock.NotNow, facts: code("215")}},
		"timeout":                    {said(200, 408, 215), wanted{outcome: lock.NotNow, facts: code("408")}},
		"not executed, PIN present":  {withPIN(said(200, 215, 200)), wanted{outcome: lock.Progress, facts: code("215"), secret: "483920"}},
		"accepted":                   {said(200, 202, 200), wanted{outcome: lock.Progress, facts: code("202")}},
		"nothing said":               {said(), wanted{}},
		"only the Sequence":          {said(200), wanted{}},
		"Sequence not supported":     {said(406), wanted{outcome: lock.Refused, facts: code("406", "reason", "unsupported"), learn: hasNot}},
		"Sequence not executed":      {said(215), wanted{outcome: lock.NotNow, facts: code("215")}},
		"Sequence failed, who knows": {said(500), wanted{}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("reset", "null", c.answer)) })
	}
	recovered := Interpret("recover", "", withPIN(answered(resetCommands(stepRecover), 200, 200, 200)))
	requireSaid(t, wanted{outcome: lock.Acknowledged, facts: code("200"), learn: options("remote_lock_recover", "yes"), secret: "483920"}, recovered)
}

// TestInterpretResetInDoubt: while the device may have a PIN to tell, it is neither given up nor covered by another one.
func TestInterpretResetInDoubt(t *testing.T) {
	has, hasNot := options("remote_lock_reset", "yes"), options("remote_lock_reset", "no")
	said := func(codes ...omadm.Code) omadm.Answer { return answered(resetCommands(stepReset), codes...) }
	withPIN := func(a omadm.Answer) omadm.Answer { return bring(a, uriNewPIN, "chr", "483920") }
	tooLong := func(a omadm.Answer) omadm.Answer { return bring(a, uriNewPIN, "chr", strings.Repeat("1", 1<<17)) }
	unread := wanted{outcome: lock.Progress, facts: code("200", "step", "reset"), learn: has}
	despite := func(number string, learn map[string]string) wanted {
		return wanted{outcome: lock.Acknowledged, facts: code(number), secret: "483920", learn: learn, findings: []string{"pin_despite_refusal"}}
	}
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"done, question not executed": {said(200, 200, 215), unread},
		"done, question timed out":    {said(200, 200, 408), unread},
		"done, PIN too large":         {said(200, 200, 413), unread},
		"done, question failed":       {said(200, 200, 500), unread},
		"done, question accepted":     {said(200, 200, 202), unread},
		"done, question unsaid":       {said(200, 200), unread},
		"done, PIN despite a failure": {withPIN(said(200, 200, 500)), wanted{outcome: lock.Acknowledged, facts: code("200"), learn: has, secret: "483920"}},
		"failed, PIN present":         {withPIN(said(200, 500, 200)), despite("500", nil)},
		"no such command, with PIN":   {withPIN(said(200, 404, 200)), despite("404", hasNot)},
		"put off, PIN came earlier":   {earlier(withPIN(said(200, 408, 200))), wanted{outcome: lock.Progress, facts: code("408")}},
		"put off, PIN unreadable": {tooLong(said(200, 215, 200)),
			wanted{outcome: lock.Progress, facts: code("215"), findings: []string{"pin_unreadable"}}},
		"put off, and no PIN": {bring(said(200, 215, 200), uriNewPIN, "null", "0"), wanted{outcome: lock.NotNow, facts: code("215")}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("reset", "null", c.answer)) })
	}
}

// TestInterpretAskDone: of a reset that was carried out, an answer without the PIN is the end.
func TestInterpretAskDone(t *testing.T) {
	said := func(c omadm.Code) omadm.Answer { return answered(resetCommands(stepAskDone), c) }
	without := func(o lock.Outcome, number string) wanted {
		return wanted{outcome: o, facts: code(number, "reason", "asked_in_vain")}
	}
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"PIN":          {bring(said(200), uriNewPIN, "chr", "483920"), wanted{outcome: lock.Acknowledged, facts: code("200"), secret: "483920"}},
		"null":         {bring(said(200), uriNewPIN, "null", ""), without(lock.Acknowledged, "200")},
		"not found":    {said(404), without(lock.Acknowledged, "404")},
		"failed":       {said(500), without(lock.Acknowledged, "500")},
		"not executed": {said(215), wanted{outcome: lock.NotNow, facts: code("215")}},
		"results due":  {incomplete(said(200)), wanted{}},
		"nothing":      {said(0), wanted{}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("ask-done", "", c.answer)) })
	}
}

func TestInterpretAsk(t *testing.T) {
	said := func(c omadm.Code) omadm.Answer { return answered(resetCommands(stepAsk), c) }
	vain := func(number string) wanted {
		return wanted{outcome: lock.Progress, facts: code(number, "reason", "asked_in_vain")}
	}
	for name, c := range map[string]struct {
		answer omadm.Answer
		want   wanted
	}{
		"PIN":          {bring(said(200), uriNewPIN, "chr", "483920"), wanted{outcome: lock.Acknowledged, facts: code("200"), secret: "483920"}},
		"null":         {bring(said(200), uriNewPIN, "null", ""), vain("200")},
		"empty":        {bring(said(200), uriNewPIN, "chr", ""), vain("200")},
		"no results":   {said(200), vain("200")},
		"results due":  {incomplete(said(200)), wanted{}},
		"not found":    {said(404), vain("404")},
		"failed":       {said(500), vain("500")},
		"not executed": {said(215), wanted{outcome: lock.NotNow, facts: code("215")}},
		"nothing":      {said(0), wanted{}},
	} {
		t.Run(name, func(t *testing.T) { requireSaid(t, c.want, Interpret("ask", "", c.answer)) })
	}
}

// TestNewPIN holds what counts as the value of the node, and what does not.
func TestNewPIN(t *testing.T) {
	get := func(items ...syncml.Item) []omadm.Reply {
		return []omadm.Reply{{Verb: syncml.VerbGet, URI: uriNewPIN, Code: 200, Items: items}}
	}
	chunk := result(uriNewPIN, "chr", "4839")
	chunk.MoreData = true
	for name, c := range map[string]struct {
		replies    []omadm.Reply
		pin        string
		unreadable bool
	}{
		"without a source":       {get(syncml.Item{Data: "483920"}), "483920", false},
		"by its target":          {get(syncml.Item{Target: &syncml.Location{URI: uriNewPIN}, Data: "483920"}), "483920", false},
		"short scope":            {get(result("./Vendor/MSFT/RemoteLock/NewPINValue", "chr", "483920")), "483920", false},
		"other case":             {get(result("./device/vendor/MSFT/remotelock/newpinvalue", "chr", "483920")), "483920", false},
		"of another command":     {[]omadm.Reply{{Verb: syncml.VerbGet, URI: uriDeny, Items: get(result(uriNewPIN, "", "483920"))[0].Items}}, "483920", false},
		"a letter":               {get(result(uriNewPIN, "chr", "Pa55 wörd")), "Pa55 wörd", false},
		"the last one":           {get(result(uriNewPIN, "chr", "111111"), result(uriNewPIN, "chr", "483920")), "483920", false},
		"the one that is none":   {get(result(uriNewPIN, "chr", "483920"), result(uriNewPIN, "null", "")), "483920", false},
		"another node":           {get(result(uriDeny, "chr", "483920")), "", true},
		"of a user":              {get(result("./User/Vendor/MSFT/RemoteLock/NewPINValue", "chr", "483920")), "", true},
		"a node within":          {get(result(uriNewPIN+"/x", "chr", "483920")), "", true},
		"another node, empty":    {get(result(uriNewPIN+"/x", "chr", " "), result(uriDeny, "null", "483920")), "", false},
		"another node, unasked":  {[]omadm.Reply{{Verb: syncml.VerbGet, Items: get(result(uriDeny, "chr", "483920"))[0].Items}}, "", false},
		"a part of it":           {get(chunk), "", true},
		"a part, then the whole": {get(chunk, result(uriNewPIN, "chr", "483920")), "483920", false},
		"too long for a keypad":  {get(result(uriNewPIN, "chr", strings.Repeat("1", 300))), strings.Repeat("1", 300), false},
		"with control character": {get(result(uriNewPIN, "chr", "48\t39")), "48\t39", false},
		"beyond any limit":       {get(result(uriNewPIN, "chr", strings.Repeat("1", 1<<17))), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := Interpret("lock", "", omadm.Answer{Replies: c.replies})
			require.Equal(t, c.pin, s.Report.Secret.Expose())
			require.Equal(t, c.unreadable, len(s.Report.Findings) == 1)
			if c.pin != "" || c.unreadable {
				require.Equal(t, lock.Progress, s.Report.Outcome, "it is reported, whatever was asked")
			}
		})
	}
}
