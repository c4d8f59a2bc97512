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
		return got{value{set: !absentValue(item), text: item.Data}, true, true}, r
	}
	switch {
	case r.Code == omadm.CodeNotFound:
		return got{here: true, done: true}, r
	case r.Code.Class() == omadm.ClassOK && r.Given:
		return got{done: true}, r
	}
	return got{}, r
}

// failed reports whether a Get has brought nothing, and will not.
func (g got) failed(a omadm.Answer, r omadm.Reply) bool {
	return !g.done && r.Code != 0 && (a.Complete || r.Code.Class() != omadm.ClassOK)
}

// readSaid keeps what the policies have. Only when all of it is durable may they be changed.
func readSaid(a omadm.Answer) Said {
	s := Said{Report: lock.Report{Facts: map[string]string{}}}
	all := true
	for _, p := range policies() {
		g, r := readOne(a, p.uri)
		all = all && g.done
		switch {
		case g.failed(a, r):
			return unreadable(p, r)
		case !g.here:
			continue
		}
		facts := g.value.pack(p.name)
		switch {
		case facts == nil:
			return Said{Report: about(p, lock.Refused, reasonTooLong, omadm.Reply{})}
		case p.uri == uriDeny && g.value.deniesEverybody():
			return Said{Report: about(p, lock.Refused, reasonAlreadyDenied, omadm.Reply{})}
		}
		maps.Copy(s.Report.Facts, facts)
	}
	if all {
		s.Report.Facts[factStep], s.More = doneRead, true
	}
	if len(s.Report.Facts) > 0 {
		s.Report.Outcome = lock.Progress
	}
	return s
}

// unreadable is a policy that the device does not tell: it cannot be restored, so it is not changed.
func unreadable(p policy, r omadm.Reply) Said {
	outcome, reason := outcomeOf(r.Code)
	if outcome == lock.Acknowledged { // it said so, and gave nothing
		outcome, reason = lock.Refused, reasonFailed
	}
	return Said{Report: about(p, outcome, reason, r), Learn: learnPolicy(r.Code)}
}

// about is a report of one policy.
func about(p policy, outcome lock.Outcome, reason string, r omadm.Reply) lock.Report {
	said := report(outcome, reason, r)
	said.Facts[factPolicy] = p.name
	return said
}

// learnPolicy is learn for policies. A device that is enrolled by its user alone answers 405. That one is not there (404) says nothing: it may
// only not be set.
func learnPolicy(c omadm.Code) map[string]string {
	switch c {
	case omadm.CodeNotAllowed, omadm.CodeNotSupported, omadm.CodeNotImplemented:
		return map[string]string{string(FactSignInPolicy): no}
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
		s.Report.Findings = []lock.Finding{{
			Code: "lockout_uncertain", Level: lock.LevelWarn,
			Text: "The device failed to apply the lock-out, or to take it back: people may be able to sign in. It is applied again next time.",
		}}
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
	s := Said{Report: report(outcome, reason, whole), Learn: learnPolicy(whole.Code)}
	if cause.Code != 0 {
		s.Report = about(p, outcome, reason, whole)
		s.Report.Facts["cause"] = strconv.Itoa(int(cause.Code))
		s.Learn = learnPolicy(cause.Code)
		if cause.Code == omadm.CodeNotFound { // Replace makes what is not set: so it is not there
			s.Learn = map[string]string{string(FactSignInPolicy): no}
		}
	}
	return s
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

// restoreSaid is the answer to the Sequence that restores the policies.
func restoreSaid(a omadm.Answer) Said {
	for _, p := range policies() {
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
	for _, p := range policies() {
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
	case g.here && g.value.digest() == wanted:
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

// untouched is the end of a lock-out that never changed anything.
func untouched(a omadm.Answer) Said {
	for _, r := range a.Replies {
		if r.Verb == syncml.VerbGet && r.Code != 0 {
			return Said{Report: report(lock.Acknowledged, "", r)}
		}
	}
	return Said{}
}
