package windows

import (
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Said is what an answer means.
type Said struct {
	// Report is for lock.Service.Report, without Scope, Device and Action. Its Outcome is empty when there is nothing to report yet.
	Report lock.Report
	More   bool              // when the report is durable, lock.Service.Resume has the next part
	Learn  map[string]string // facts of the device, by FactName
}

// Why something was refused, or did not lead to anything: the fact "reason".
const (
	reasonNoPIN         = "no_pin"      // a screen without a PIN cannot be locked
	reasonUnsupported   = "unsupported" // the device has no such command
	reasonNotAllowed    = "not_allowed" // it has, and does not carry it out
	reasonDenied        = "denied"      // the server has no right to it
	reasonFailed        = "failed"      //
	reasonRolledBack    = "rolled_back" // one change failed, and the others were undone
	reasonUncertain     = "uncertain"   // what the device has now is not known: it is done again
	reasonTooLong       = "value_too_long"
	reasonAlreadyDenied = "already_denied"
	reasonFormat        = "format_unsupported" // a policy has a value that could not be written back
	reasonTooLarge      = "message_too_large"  // the next part does not fit into a message of the device
	reasonNotRestored   = "not_restored"       // a policy has not the value that it had before
	reasonNotInForce    = "not_in_force"       // no policy shows what the lock-out writes: there was nothing to restore
	reasonInVain        = "asked_in_vain"
)

// Interpret says what the answer to a part means. The note is the JSON of Part.Want. It may be called with every answer to the same part, as
// messages bring more of it: what was said before is said again. An answer of any form is good: what it does not say is not assumed. A PIN
// that it has is always in Report.Secret, whatever else it says.
func Interpret(step, note string, a omadm.Answer) Said {
	var s Said
	code, unreadable := newPIN(a.Replies)
	found := !code.IsZero()
	switch step {
	case stepLock:
		s = lockSaid(a)
	case stepReset, stepRecover:
		s = resetSaid(step, a, found)
	case stepAsk, stepAskDone:
		s = askSaid(a, found, step == stepAskDone)
	case stepRead:
		s = readSaid(a)
	case stepReread:
		s = rereadSaid(note, a)
	case stepDeny, stepDenyAgain:
		s = denySaid(a, step == stepDenyAgain)
	case stepReboot:
		s = rebootSaid(a)
	case stepLook:
		s = lookSaid(note, a)
	case stepRestore:
		s = restoreSaid(note, a)
	case stepVerify:
		s = verifySaid(note, a)
	}
	switch o, came := s.Report.Outcome, found || unreadable; {
	case o == "" && came, o == lock.NotNow && (came || cameEarlier(a)):
		s.Report.Outcome = lock.Progress // above all not one that has the command sent again whole
	}
	s.Report.Secret = code
	if unreadable {
		s.Report.Findings = append(s.Report.Findings, lock.Finding{
			Code: "pin_unreadable", Level: lock.LevelWarn,
			Text: "The device returned a new PIN in a form that cannot be kept as one. Its whole answer is kept: have it shown.",
		})
	}
	return s
}

// newPIN finds the PIN among results, as one that a person can type if that is possible. Null and empty values are none. The last one counts.
// Any other value that the question for the PIN brought is unreadable.
func newPIN(replies []omadm.Reply) (code pin.PIN, unreadable bool) {
	for _, r := range replies {
		for _, item := range r.Items {
			found, doubtful := pinOf(r, item)
			switch {
			case doubtful:
				unreadable = true
			case !found.IsZero():
				code, unreadable = found, false
			}
		}
	}
	return code, unreadable
}

// pinOf is the PIN that an item has; doubtful is a value that may be one, and cannot be kept as such.
func pinOf(r omadm.Reply, item syncml.Item) (code pin.PIN, doubtful bool) {
	text := strings.TrimSpace(item.Data)
	switch {
	case text == "" || absentValue(item):
		return pin.PIN{}, false
	case item.MoreData || !sameNode(nodeOf(r, item), uriNewPIN):
		return pin.PIN{}, asksPIN(r) // nothing else was asked for
	}
	if code, err := pin.Parse(text); err == nil {
		return code, false
	}
	code, err := pin.Bytes([]byte(text))
	return code, err != nil
}

// asksPIN reports whether a reply is one to the question for the PIN.
func asksPIN(r omadm.Reply) bool { return r.Verb == syncml.VerbGet && sameNode(r.URI, uriNewPIN) }

// cameEarlier reports whether an earlier message had results of the question for the PIN: it may have been among them.
func cameEarlier(a omadm.Answer) bool {
	r := reply(a, syncml.VerbGet, uriNewPIN)
	return r.Given && len(r.Items) == 0
}

// nodeOf is the node that an item is the value of.
func nodeOf(r omadm.Reply, item syncml.Item) string {
	switch {
	case item.Source != nil && item.Source.URI != "":
		return item.Source.URI
	case item.Target != nil && item.Target.URI != "":
		return item.Target.URI
	}
	return r.URI
}

// sameNode compares URIs as Windows does: case matters little, and the scope of the device may go unsaid.
func sameNode(a, b string) bool { return strings.EqualFold(unscoped(a), unscoped(b)) }

func unscoped(uri string) string {
	const scope = "./Device/"
	if len(uri) > len(scope) && strings.EqualFold(uri[:len(scope)], scope) {
		return "./" + uri[len(scope):]
	}
	return uri
}

// absentValue reports whether the format says that there is no value.
func absentValue(item syncml.Item) bool {
	return item.Meta != nil && strings.EqualFold(strings.TrimSpace(item.Meta.Format), "null")
}

// reply finds what was said of one command; the zero Reply is nothing.
func reply(a omadm.Answer, verb syncml.Verb, uri string) omadm.Reply {
	for _, r := range a.Replies {
		if r.Verb == verb && sameNode(r.URI, uri) {
			return r
		}
	}
	return omadm.Reply{}
}

// container finds what was said of a Sequence or an Atomic as such.
func container(a omadm.Answer, verb syncml.Verb) omadm.Reply {
	for _, r := range a.Replies {
		if r.Verb == verb {
			return r
		}
	}
	return omadm.Reply{}
}

// outcomeOf is what a status means for a command: nothing (0) is no outcome.
func outcomeOf(c omadm.Code) (outcome lock.Outcome, reason string) {
	if c == 0 {
		return "", ""
	}
	switch c.Class() {
	case omadm.ClassOK:
		return lock.Acknowledged, ""
	case omadm.ClassPending:
		return lock.Progress, ""
	case omadm.ClassSkipped, omadm.ClassRetry:
		return lock.NotNow, ""
	case omadm.ClassUnsupported:
		return lock.Refused, reasonUnsupported
	case omadm.ClassNotApplicable:
		return lock.Refused, reasonNotAllowed
	case omadm.ClassDenied, omadm.ClassAuth:
		return lock.Refused, reasonDenied
	case omadm.ClassRolledBack:
		return lock.Refused, reasonRolledBack
	default:
		return lock.Refused, reasonFailed
	}
}

// tell is the report of one reply.
func tell(r omadm.Reply) lock.Report {
	outcome, reason := outcomeOf(r.Code)
	if outcome == "" {
		return lock.Report{}
	}
	return report(outcome, reason, r)
}

// report is an outcome with the codes of the reply that it rests on.
func report(outcome lock.Outcome, reason string, r omadm.Reply) lock.Report {
	facts := map[string]string{}
	if r.Code != 0 {
		facts[factCode] = strconv.Itoa(int(r.Code))
	}
	if r.Original != "" {
		facts[factOriginal] = r.Original
	}
	if reason != "" {
		facts[factReason] = reason
	}
	return lock.Report{Outcome: outcome, Facts: facts}
}

// learn is what an answer teaches of a command that the device has, or has not.
func learn(name FactName, c omadm.Code) map[string]string {
	if c == 0 {
		return nil
	}
	switch c.Class() {
	case omadm.ClassOK:
		return map[string]string{string(name): yes}
	case omadm.ClassUnsupported:
		return map[string]string{string(name): no}
	}
	return nil
}

func lockSaid(a omadm.Answer) Said {
	r := reply(a, syncml.VerbExec, uriLock)
	s := Said{Report: tell(r), Learn: learn(FactRemoteLock, r.Code)}
	if r.Code == omadm.CodeNotAllowed {
		s.Report.Facts[factReason] = reasonNoPIN
	}
	return s
}

// resetSaid waits for the whole answer: acknowledged before its PIN is here, the command would count as one whose PIN is lost. Nor is it while
// the question for the PIN failed: the device still has it to tell, and is asked again. One that comes with a refusal was made all the same.
func resetSaid(step string, a omadm.Answer, found bool) Said {
	if !a.Complete {
		return Said{}
	}
	name, uri := FactReset, uriReset
	if step == stepRecover {
		name, uri = FactRecover, uriRecover
	}
	r := reply(a, syncml.VerbExec, uri)
	if r.Code == 0 {
		r = unread(container(a, syncml.VerbSequence))
	}
	s := Said{Report: tell(r), Learn: learn(name, r.Code)}
	switch {
	case s.Report.Outcome == lock.Acknowledged && !answersPIN(a):
		s.Report.Outcome, s.Report.Facts[factStep] = lock.Progress, doneReset
	case s.Report.Outcome == lock.Refused && found:
		s.Report = report(lock.Acknowledged, "", r)
		s.Report.Findings = []lock.Finding{{
			Code: "pin_despite_refusal", Level: lock.LevelWarn,
			Text: "The device refused the reset, and returned a new PIN all the same: of this reset, or of an earlier one whose PIN nobody had read. " +
				"It is the newest that the device made: try it first.",
		}}
	}
	return s
}

// answersPIN reports whether the question for the PIN was carried out: its results came, or are none, or there is no such node.
func answersPIN(a omadm.Answer) bool {
	r := reply(a, syncml.VerbGet, uriNewPIN)
	class := r.Code.Class()
	return r.Given || class == omadm.ClassOK || class == omadm.ClassUnsupported
}

// unread is the status of a container none of whose commands was tried. Any other leaves open whether they were.
func unread(r omadm.Reply) omadm.Reply {
	switch r.Code.Class() {
	case omadm.ClassUnsupported, omadm.ClassNotApplicable, omadm.ClassDenied, omadm.ClassAuth, omadm.ClassSkipped:
		return r
	}
	return omadm.Reply{}
}

// askSaid acknowledges for the sake of the PIN. Without one nothing is known: the command may have been lost before it arrived, or its answer.
// Only of a reset that is known to be done, an answer without the PIN is the end: it is lost.
func askSaid(a omadm.Answer, found, done bool) Said {
	r := reply(a, syncml.VerbGet, uriNewPIN)
	outcome, _ := outcomeOf(r.Code)
	switch {
	case found:
		return Said{Report: report(lock.Acknowledged, "", r)}
	case !a.Complete, outcome == "":
		return Said{}
	case outcome == lock.NotNow:
		return Said{Report: report(lock.NotNow, "", r)}
	case done:
		return Said{Report: report(lock.Acknowledged, reasonInVain, r)}
	}
	return Said{Report: report(lock.Progress, reasonInVain, r)}
}
