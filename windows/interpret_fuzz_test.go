package windows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// returned is the PIN that a device made in these tests.
const returned = "739184"

func steps() []string {
	return []string{
		stepLock, stepReset, stepRecover, stepAsk, stepAskDone, stepRead, stepReread, stepDeny, stepDenyAgain, stepReboot,
		stepLook, stepRestore, stepVerify, "", "another",
	}
}

// requireSound holds what is true of every interpretation.
func requireSound(t require.TestingT, s Said) {
	switch s.Report.Outcome {
	case "":
		require.False(t, s.More)
		require.Empty(t, s.Report.Findings)
		require.True(t, s.Report.Secret.IsZero(), "a PIN is reported")
	case lock.Progress, lock.Acknowledged, lock.Refused, lock.NotNow:
	default:
		require.Fail(t, "no outcome of package lock", string(s.Report.Outcome))
	}
	if s.More {
		require.Equal(t, lock.Progress, s.Report.Outcome, "what is over has no next part")
		require.NotEmpty(t, s.Report.Facts[factStep])
	}
	if s.Report.Outcome == lock.NotNow {
		require.True(t, s.Report.Secret.IsZero(), "what was put off is sent again whole")
	}
	require.LessOrEqual(t, len(s.Report.Facts), 32)
	for name, fact := range s.Report.Facts {
		require.LessOrEqual(t, len(name), 64)
		if strings.HasPrefix(name, "before_") {
			require.LessOrEqual(t, len(fact), 1024, "it must not be cut")
		}
	}
}

func drawItem(t *rapid.T) syncml.Item {
	item := syncml.Item{
		Data:     rapid.SampledFrom([]string{"", " ", "*S-1-1-0", "Guests", "x\uf000y", strings.Repeat("z", 8000), "10.0.22631.4460"}).Draw(t, "data"),
		MoreData: rapid.Float64Range(0, 1).Draw(t, "more") < 0.1,
	}
	if rapid.Bool().Draw(t, "sourced") {
		item.Source = &syncml.Location{URI: drawURI(t)}
	}
	if rapid.Bool().Draw(t, "formatted") {
		item.Meta = &syncml.Meta{Format: rapid.SampledFrom([]string{"chr", "null", "int", ""}).Draw(t, "format")}
	}
	return item
}

func drawURI(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		uriLock, uriReset, uriRecover, uriNewPIN, uriDeny, uriTitle, uriText, uriReboot, uriSwV, uriRemoteLock, "./Vendor/MSFT/RemoteLock/NewPINValue", "",
	}).Draw(t, "uri")
}

func drawAnswer(t *rapid.T) omadm.Answer {
	a := omadm.Answer{Complete: rapid.Bool().Draw(t, "complete")}
	for range rapid.IntRange(0, 6).Draw(t, "replies") {
		r := omadm.Reply{
			Verb: rapid.SampledFrom([]syncml.Verb{
				syncml.VerbExec, syncml.VerbGet, syncml.VerbReplace, syncml.VerbDelete, syncml.VerbAtomic, syncml.VerbSequence, "Odd",
			}).Draw(t, "verb"),
			URI:   drawURI(t),
			Code:  omadm.Code(rapid.SampledFrom([]int{0, 101, 200, 202, 215, 216, 401, 404, 405, 406, 408, 500, 507, 516, -1, 999}).Draw(t, "code")),
			Given: rapid.Bool().Draw(t, "given"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "items") {
			r.Items = append(r.Items, drawItem(t))
		}
		a.Replies = append(a.Replies, r)
	}
	return a
}

// TestInterpretKeepsThePIN holds that a PIN is never lost, whatever stands around it, and appears nowhere but as the secret.
func TestInterpretKeepsThePIN(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAnswer(t)
		a.Replies = append(a.Replies, omadm.Reply{
			Verb: syncml.VerbGet, URI: uriNewPIN, Code: omadm.Code(rapid.SampledFrom([]int{0, 200, 404, 500}).Draw(t, "pin code")), Given: true,
			Items: []syncml.Item{result(uriNewPIN, "chr", returned)},
		})
		s := Interpret(rapid.SampledFrom(steps()).Draw(t, "step"), rapid.SampledFrom([]string{"", "null", "{", `{"x":"y"}`}).Draw(t, "note"), a)
		requireSound(t, s)
		require.Equal(t, returned, s.Report.Secret.Expose())
		require.NotContains(t, fmt.Sprintf("%+v", s), returned)
		require.NotContains(t, fmt.Sprint(ReadProbe(a)), returned)
	})
}

func TestInterpretIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAnswer(t)
		want, err := json.Marshal(map[string]string{drawURI(t): absent, drawURI(t): value{true, "Guests"}.digest()})
		require.NoError(t, err)
		for _, step := range steps() {
			requireSound(t, Interpret(step, string(want), a))
		}
		ReadProbe(a)
		RotateLAPS.Read(a, "")
		RotateBitLocker.Read(a, "request")
	})
}

func FuzzInterpret(f *testing.F) {
	for _, a := range []omadm.Answer{
		bring(answered(resetCommands(stepReset), 200, 200, 200), uriNewPIN, "chr", returned), readings(),
		answered(denyCommands("", ""), 507, 216, 404), {Replies: []omadm.Reply{{Items: []syncml.Item{{}}}}},
	} {
		body, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		for i := range steps() {
			f.Add(i, `{"`+uriDeny+`":"absent"}`, body)
		}
	}
	f.Fuzz(func(t *testing.T, step int, note string, body []byte) {
		var a omadm.Answer
		if json.Unmarshal(body, &a) != nil {
			return
		}
		s := Interpret(steps()[uint(step)%uint(len(steps()))], note, a)
		requireSound(t, s)
		require.False(t, holdsPIN(a) && s.Report.Secret.IsZero(), "a PIN is kept")
		ReadProbe(a)
	})
}

// holdsPIN reports whether an answer has a plain PIN of digits.
func holdsPIN(a omadm.Answer) bool {
	for _, r := range a.Replies {
		if slices.ContainsFunc(r.Items, func(item syncml.Item) bool {
			plain := item.Source != nil && item.Source.URI == uriNewPIN && item.Meta == nil && !item.MoreData
			return plain && item.Data != "" && len(item.Data) < 60000 && strings.Trim(item.Data, "0123456789") == ""
		}) {
			return true
		}
	}
	return false
}
