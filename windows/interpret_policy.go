package windows

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// got is what a Get brought.
type got struct {
	value value
	plain bool // the value is text, as the device keeps it
	here  bool // in this message
	done  bool // in this one, or an earlier one
}

// readOne is what was said of one policy. A failed one has neither here nor done, and a code.
func readOne(a omadm.Answer, uri string) (got, omadm.Reply) {
	r := reply(a, syncml.VerbGet, uri)
	for _, item := range r.Items {
		if item.MoreData || !sameNode(nodeOf(r, item), uri) {
			continue
		}
		v := value{set: !absentValue(item), text: item.Data}
		return got{v, !v.set || item.Meta == nil || isText(item.Meta.Format), true, true}, r
	}
	switch {
	case r.Code == omadm.CodeNotFound:
		return got{plain: true, here: true, done: true}, r
	case r.Code.Class() == omadm.ClassOK && r.Given:
		return got{done: true}, r
	}
	return got{}, r
}

// isText reports whether a value of this format is what it says. One in Base64, or with elements in it, could not be written back exactly.
func isText(format string) bool {
	format = strings.TrimSpace(format)
	return format == "" || strings.EqualFold(format, formatText)
}

// failed reports whether a Get has brought nothing, and will not.
func (g got) failed(a omadm.Answer, r omadm.Reply) bool {
	return !g.done && r.Code != 0 && (a.Complete || r.Code.Class() != omadm.ClassOK)
}

// readSaid keeps what the policies have. Only when all of it is durable may they be changed.
func readSaid(a omadm.Answer) Said { return reading{a, nil}.said(doneRead) }

// rereadSaid keeps what the policies have by now. One that shows what this lock-out writes keeps what is known of it: an earlier delivery got
// through, which may be in force whatever cannot be read. Without the note nothing tells that from a value of somebody else's.
func rereadSaid(note string, a omadm.Answer) Said {
	mine := noted(note)
	if len(mine) == 0 {
		return Said{}
	}
	s := reading{a, mine}.said(doneReread)
	if r := &s.Report; r.Outcome == lock.Refused && r.Facts[factReason] != reasonAlreadyDenied {
		r.Outcome, r.Findings = lock.Progress, []lock.Finding{uncertain()}
	}
	return s
}

// reading is the answer to a question for the policies, and the hashes of what this lock-out writes, by URI, if it may have done so.
type reading struct {
	omadm.Answer
	mine map[string]string
}

func (q reading) said(step string) Said {
	s := Said{Report: lock.Report{Facts: map[string]string{}}}
	all := true
	for _, p := range policies() {
		g, r := readOne(q.Answer, p.uri)
		all = all && g.done
		if g.failed(q.Answer, r) {
			return unreadable(p, r)
		}
		if !g.here || q.shows(p.uri) == yes {
			continue
		}
		facts, reason := q.keep(p, g)
		if reason != "" {
			return Said{Report: about(p, lock.Refused, reason, omadm.Reply{})}
		}
		maps.Copy(s.Report.Facts, facts)
	}
	if all {
		s.Report.Facts[factStep], s.More = step, true
	}
	if len(s.Report.Facts) > 0 {
		s.Report.Outcome = lock.Progress
	}
	return s
}

// keep makes facts of a value, or says why it must not be changed. A list that denies everybody in another form than the one that was written
// is that one all the same if the title or the text is, or does not tell.
func (q reading) keep(p policy, g got) (facts map[string]string, reason string) {
	facts = g.value.pack(p.name)
	switch {
	case !g.plain:
		return nil, reasonFormat
	case p.uri == uriDeny && g.value.deniesEverybody():
		if q.mine != nil && (q.shows(uriTitle) != no || q.shows(uriText) != no) {
			return nil, ""
		}
		return nil, reasonAlreadyDenied
	case facts == nil:
		return nil, reasonTooLong
	}
	return facts, ""
}

// shows says whether a policy has what this lock-out writes: yes, no, or nothing if its value did not come in this message.
func (q reading) shows(uri string) string {
	g, _ := readOne(q.Answer, uri)
	switch {
	case !g.here:
		return ""
	case g.plain && g.value.digest() == q.mine[uri]:
		return yes
	}
	return no
}

// unreadable is a policy that the device does not tell: it cannot be restored, so it is not changed.
func unreadable(p policy, r omadm.Reply) Said {
	outcome, reason := outcomeOf(r.Code)
	if outcome == lock.Acknowledged { // it said so, and gave nothing
		outcome, reason = lock.Refused, reasonFailed
	}
	return Said{Report: about(p, outcome, reason, r), Learn: learnPolicy(p.uri, r.Code)}
}

// about is a report of one policy.
func about(p policy, outcome lock.Outcome, reason string, r omadm.Reply) lock.Report {
	said := report(outcome, reason, r)
	said.Facts[factPolicy] = p.name
	return said
}

// learnPolicy is learn for the policy that denies signing in: what a device says of the title or the text teaches nothing of it. One that is
// enrolled by its user alone answers 405. That it is not there (404) says nothing to a Get: it may only not be set.
func learnPolicy(uri string, c omadm.Code) map[string]string {
	switch c {
	case omadm.CodeNotAllowed, omadm.CodeNotSupported, omadm.CodeNotImplemented:
		if uri == uriDeny {
			return map[string]string{string(FactSignInPolicy): no}
		}
	}
	return nil
}

// denySaid is the answer to the Atomic, which is done as a whole or not at all. When an earlier delivery may have been, a refusal does not
// mean that people can sign in.
func denySaid(a omadm.Answer, again bool) Said {
	if !a.Complete { // what a child adds may change all of it
		return Said{}
	}
	whole := container(a, syncml.VerbAtomic)
	p, cause := culprit(a)
	outcome, reason := outcomeOf(whole.Code)
	switch {
	case outcome == lock.Refused && remains(a), outcome == lock.Acknowledged && cause.Code != 0, outcome == lock.Refused && again:
		s := Said{Report: report(lock.Progress, reasonUncertain, whole)}
		s.Report.Findings = []lock.Finding{uncertain()}
		return s
	case outcome == lock.Acknowledged:
		s := Said{Report: report(lock.Progress, "", whole), More: true, Learn: map[string]string{string(FactSignInPolicy): yes}}
		s.Report.Facts[factStep] = doneDenied
		return s
	case outcome != lock.Refused:
		return Said{Report: tell(whole)}
	}
	if whole.Code == omadm.CodeAtomicFailed {
		reason = reasonRolledBack
	}
	s := Said{Report: report(outcome, reason, whole)}
	if cause.Code != 0 {
		s.Report = about(p, outcome, reason, whole)
		s.Report.Facts["cause"] = strconv.Itoa(int(cause.Code))
		s.Learn = learnPolicy(p.uri, cause.Code)
		if p.uri == uriDeny && cause.Code == omadm.CodeNotFound { // Replace makes what is not set: so it is not there
			s.Learn = map[string]string{string(FactSignInPolicy): no}
		}
	}
	return s
}

func uncertain() lock.Finding {
	return lock.Finding{
		Code: "lockout_uncertain", Level: lock.LevelWarn,
		Text: "It is not known whether the lock-out, or a part of it, is in force: people may be able to sign in. It is applied again next time.",
	}
}

// remains reports whether something of an Atomic that failed may still be in force: it could not be taken back, or nothing says that it was.
func remains(a omadm.Answer) bool {
	return slices.ContainsFunc(a.Replies, func(r omadm.Reply) bool {
		return r.Code == omadm.CodeRollbackFailed || r.Verb == syncml.VerbReplace && r.Code.Class() == omadm.ClassOK
	})
}

// culprit is the change that failed by itself, and was not merely undone or left out.
func culprit(a omadm.Answer) (policy, omadm.Reply) {
	for _, p := range policies() {
		r := reply(a, syncml.VerbReplace, p.uri)
		outcome, _ := outcomeOf(r.Code)
		if class := r.Code.Class(); outcome == lock.Refused && class != omadm.ClassRolledBack && class != omadm.ClassUnknown {
			return p, r
		}
	}
	return policy{}, omadm.Reply{}
}

// rebootSaid ends the lock-out, which is in force for whoever signs in next. A device that does not restart lets those go on who are signed in.
func rebootSaid(a omadm.Answer) Said {
	r := reply(a, syncml.VerbExec, uriReboot)
	outcome, _ := outcomeOf(r.Code)
	if outcome == "" {
		return Said{}
	}
	s := Said{Report: report(lock.Acknowledged, "", r)}
	if outcome != lock.Acknowledged && outcome != lock.Progress {
		s.Report.Findings = []lock.Finding{{
			Code: "not_restarted", Level: lock.LevelWarn,
			Text: "The device did not restart: whoever is signed in stays so, until signing out or a restart. Nobody else can sign in.",
		}}
	}
	return s
}

// restoreSaid is the answer to the Sequence that restores the policies of the note, or all of them.
func restoreSaid(note string, a omadm.Answer) Said {
	asked := policies()
	if want := noted(note); len(want) > 0 {
		asked = slices.DeleteFunc(asked, func(p policy) bool { return want[p.uri] == "" })
	}
	for _, p := range asked {
		r := restored(a, p)
		outcome, reason := outcomeOf(r.Code)
		switch {
		case outcome == "":
			return Said{Report: tell(unread(container(a, syncml.VerbSequence)))}
		case r.Verb == syncml.VerbDelete && r.Code == omadm.CodeNotFound:
		case outcome == lock.NotNow, outcome == lock.Refused:
			return Said{Report: about(p, outcome, reason, r)}
		}
	}
	s := Said{Report: report(lock.Progress, "", omadm.Reply{}), More: true}
	s.Report.Facts[factStep] = doneRestored
	for _, p := range asked {
		s.Report.Facts[factVerified+p.name] = no
	}
	return s
}

func restored(a omadm.Answer, p policy) omadm.Reply {
	if r := reply(a, syncml.VerbReplace, p.uri); r.Verb != "" {
		return r
	}
	return reply(a, syncml.VerbDelete, p.uri)
}

// verifySaid compares what the policies have with what they are to have. Where nothing is to be compared, any answer will do. It acknowledges
// only what is all in one message, because it cannot know of an earlier one whether its values were right: then the rest is asked for again.
func verifySaid(note string, a omadm.Answer) Said {
	want := map[string]string{}
	if note != "" && json.Unmarshal([]byte(note), &want) != nil {
		return Said{}
	}
	if len(want) == 0 {
		return untouched(a)
	}
	var c comparison
	for _, p := range policies() {
		if wanted, asked := want[p.uri]; asked {
			c.compare(a, p, wanted)
		}
	}
	return c.said(a.Complete)
}

// comparison is what is known of the policies in one message.
type comparison struct {
	right, wrong, missing []string
	before                bool   // something came in an earlier message
	failed                policy // could not be read
	last, cause           omadm.Reply
}

func (c *comparison) compare(a omadm.Answer, p policy, wanted string) {
	g, r := readOne(a, p.uri)
	c.last = r
	switch {
	case g.here && g.plain && g.value.digest() == wanted:
		c.right = append(c.right, p.name)
	case g.here:
		c.wrong = append(c.wrong, p.name)
	case r.Code == 0 || r.Code.Class() == omadm.ClassOK:
		c.missing, c.before = append(c.missing, p.name), c.before || r.Given
	default:
		c.failed, c.cause = p, r
	}
}

func (c *comparison) said(complete bool) Said {
	switch {
	case len(c.wrong) > 0:
		s := Said{Report: report(lock.Refused, reasonNotRestored, c.last)}
		s.Report.Facts[factPolicy] = strings.Join(c.wrong, ",")
		return s
	case c.cause.Code != 0:
		return notRead(c.failed, c.cause)
	case len(c.missing) == 0:
		return Said{Report: report(lock.Acknowledged, "", c.last)}
	case len(c.right) == 0 && !c.before && complete && c.last.Code != 0: // it answers, and tells no value
		return Said{Report: about(policy{name: strings.Join(c.missing, ",")}, lock.Refused, reasonNotRestored, c.last)}
	case len(c.right) == 0 && !(c.before && complete):
		return Said{}
	}
	s := Said{Report: report(lock.Progress, "", omadm.Reply{}), More: complete}
	s.Report.Facts[factStep] = doneRestored
	for _, name := range c.right {
		s.Report.Facts[factVerified+name] = yes
	}
	return s
}

// notRead is a policy whose value the device does not tell, so that nobody knows whether it is restored.
func notRead(p policy, r omadm.Reply) Said {
	outcome, _ := outcomeOf(r.Code)
	if outcome == lock.NotNow || outcome == lock.Progress {
		return Said{Report: about(p, lock.NotNow, "", r)}
	}
	return Said{Report: about(p, lock.Refused, reasonNotRestored, r)}
}

// untouched is the end of a lock-out that changed nothing, or nothing that is still so.
func untouched(a omadm.Answer) Said {
	for _, r := range a.Replies {
		if r.Verb == syncml.VerbGet && r.Code != 0 {
			return Said{Report: report(lock.Acknowledged, reasonNotInForce, r)}
		}
	}
	return Said{}
}
