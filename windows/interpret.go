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
	reasonNotRestored   = "not_restored" // a policy has not the value that it had before
	reasonInVain        = "asked_in_vain"
)

// Interpret says what the answer to a part means. The note is the JSON of Part.Want. It may be called with every answer to the same part, as
// messages bring more of it: what was said before is said again. An answer of any form is good: what it does not say is not assumed. A PIN
// that it has is always in Report.Secret, whatever else it says.
func Interpret(step, note string, a omadm.Answer) Said {
	var s Said
	code, unreadable := newPIN(a.Replies)
	switch step {
	case stepLock:
		s = lockSaid(a)
	case stepReset, stepRecover:
		s = resetSaid(step, a)
	case stepAsk:
		s = askSaid(a, !code.IsZero())
	case stepRead:
		s = readSaid(a)
	case stepDeny, stepDenyAgain:
		s = denySaid(a, step == stepDenyAgain)
	case stepReboot:
		s = rebootSaid(a)
	case stepRestore:
		s = restoreSaid(a)
	case stepVerify:
		s = verifySaid(note, a)
	}
	if o := s.Report.Outcome; !code.IsZero() && o == lock.NotNow || o == "" && (!code.IsZero() || unreadable) {
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
func newPIN(replies []omadm.Reply) (code pin.PIN, unreadable bool) {
	for _, r := range replies {
		for _, item := range r.Items {
			if !isNewPIN(r, item) {
				continue
			}
			text := strings.TrimSpace(item.Data)
			found, err := pin.Parse(text)
			if err != nil {
				found, err = pin.Bytes([]byte(text))
			}
			if err != nil {
				unreadable = true
				continue
			}
			code, unreadable = found, false
		}
	}
	return code, unreadable
}

// isNewPIN reports whether an item is the whole value of NewPINValue.
func isNewPIN(r omadm.Reply, item syncml.Item) bool {
	if item.MoreData || absentValue(item) || strings.TrimSpace(item.Data) == "" {
		return false
	}
	return sameNode(nodeOf(r, item), uriNewPIN)
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

// resetSaid waits for the whole answer: acknowledged before its PIN is here, the command would count as one whose PIN is lost.
func resetSaid(step string, a omadm.Answer) Said {
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
	return Said{Report: tell(r), Learn: learn(name, r.Code)}
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
func askSaid(a omadm.Answer, found bool) Said {
	r := reply(a, syncml.VerbGet, uriNewPIN)
	outcome, _ := outcomeOf(r.Code)
	switch {
	case found:
		return Said{Report: report(lock.Acknowledged, "", r)}
	case !a.Complete, outcome == "":
		return Said{}
	case outcome == lock.NotNow:
		return Said{Report: report(lock.NotNow, "", r)}
	}
	return Said{Report: report(lock.Progress, reasonInVain, r)}
}
