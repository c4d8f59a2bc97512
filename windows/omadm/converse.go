package omadm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// The alerts of OMA-TS-DM_Protocol-V1_2, section 8.7, that have a meaning here.
const (
	alertServerInitiated = "1200"
	alertClientInitiated = "1201"
	alertNextMessage     = "1222"
	alertAbort           = "1223"
	alertClientEvent     = "1224"
	alertGeneric         = "1226"
)

// heard is what a message turned out to be, beside what it says of works.
type heard struct {
	content bool // anything but the header's status and Alert 1222
	next    bool // Alert 1222
	abort   bool // Alert 1223
	chunk   bool // a part of a large object
}

// turnAway answers every command of a message that is not trusted with the header's code, and listens to nothing.
func (e *Exchange) turnAway() {
	if !e.anew && e.number != e.session.Last+1 {
		e.aside = true
	}
	e.acknowledge(syncml.Command{ID: "0", Verb: "SyncHdr"}, e.code, chal(e.chal))
	for c := range walk(e.in.Message.Commands) {
		if c.Verb != syncml.VerbStatus && c.Verb != syncml.VerbResults {
			e.acknowledge(*c, e.code, nil)
		}
	}
}

// converse answers a message of the device, and decides how the session goes on.
func (e *Exchange) converse() {
	s := &e.session
	inStep := e.number == s.Last+1
	if e.anew {
		inStep = e.number == 1 || slices.ContainsFunc(e.in.Message.Commands, opens)
	}
	e.aside = !e.anew && e.number <= s.Last
	lost := !inStep || s.Over || s.Count >= maxMessages || (!e.anew && e.now.Sub(s.Seen) > idle)

	waiting := len(s.Works) > 0
	h, said := e.listen()
	complete := e.in.Message.Final || (waiting && !slices.ContainsFunc(s.Works, work.open))
	switch {
	case h.abort:
		s.Over, e.Ended, e.Aborted = true, true, true
	case lost || h.chunk || s.tires(complete, h):
		e.stop()
	case complete:
		e.May = true
		e.Begins, s.Begun = !s.Begun, true
	default:
		e.ending = endNext
	}
	e.report(said, !e.aside && (complete || s.Over))
	if e.aside {
		s.Over = e.state.find(e.Session).Over
	}
}

// tires counts messages that lead nowhere, and says when there were too many.
func (s *session) tires(complete bool, h heard) bool {
	if complete {
		s.Unfinished = 0
	} else {
		s.Unfinished++
	}
	if h.content || (complete && !h.next) {
		s.Hollow = 0
	} else {
		s.Hollow++
	}
	return s.Unfinished > maxUnfinished || s.Hollow > maxHollow
}

func opens(c syncml.Command) bool {
	return c.Verb == syncml.VerbAlert && (code(c) == alertServerInitiated || code(c) == alertClientInitiated)
}

// listen takes the message's commands in order. The statuses of the answer are those of the header and of every command, as they came. It
// returns the results by the order that they answer.
func (e *Exchange) listen() (heard, hearing) {
	var h heard
	said := hearing{}
	e.acknowledge(syncml.Command{ID: "0", Verb: "SyncHdr"}, e.code, chal(e.chal))
	for i := range e.in.Message.Commands {
		c := &e.in.Message.Commands[i]
		switch c.Verb {
		case syncml.VerbStatus:
			h.content = e.status(c, said) || h.content
		case syncml.VerbResults:
			h.content = true
			h.chunk = e.results(c, said) || h.chunk
		case syncml.VerbAlert:
			e.acknowledge(*c, e.alert(c, &h), nil)
		case syncml.VerbReplace:
			h.content = true
			e.acknowledge(*c, e.replace(c, &h), nil)
		default:
			h.content = true
			for child := range walk(e.in.Message.Commands[i : i+1]) {
				e.acknowledge(*child, refusal(child.Verb), nil)
			}
		}
	}
	return h, said
}

// acknowledge adds the status of a command of the device.
func (e *Exchange) acknowledge(c syncml.Command, code Code, challenge *syncml.Chal) {
	if c.ID == "" {
		return // the codec lets none through
	}
	e.add(syncml.Command{
		Verb: syncml.VerbStatus, MsgRef: strconv.Itoa(e.number), CmdRef: c.ID, Cmd: string(c.Verb), Chal: challenge, Data: strconv.Itoa(int(code)),
	})
}

// alert takes an alert.
func (e *Exchange) alert(c *syncml.Command, h *heard) Code {
	if slices.ContainsFunc(c.Items, chunk) {
		h.content, h.chunk = true, true
		return CodeTooLarge
	}
	switch code(*c) {
	case alertNextMessage:
		h.next = true
		return CodeOK
	case alertServerInitiated, alertClientInitiated:
	case alertAbort:
		h.abort = true
	case alertClientEvent, alertGeneric:
		number, _ := strconv.Atoi(code(*c))
		e.Alerts = append(e.Alerts, Alert{Code: number, Correlator: c.Correlator, Items: c.Items})
	default:
		h.content = true
		return CodeNotSupported
	}
	h.content = true
	return CodeOK
}

// replace takes what the device says of itself: DevInfo, and nothing else, is the device's to replace.
func (e *Exchange) replace(c *syncml.Command, h *heard) Code {
	if slices.ContainsFunc(c.Items, chunk) {
		h.chunk = true
		return CodeTooLarge
	}
	answer := CodeNotAllowed
	for _, item := range c.Items {
		uri := address(item.Source)
		if uri == "" {
			uri = address(item.Target)
		}
		if !strings.HasPrefix(uri, "./DevInfo/") {
			continue
		}
		if e.DevInfo == nil {
			e.DevInfo = map[string]string{}
		}
		e.DevInfo[uri] = item.Data
		answer = CodeOK
	}
	return answer
}

// refusal is the answer to a command that is not a device's to send: nothing of it is executed.
func refusal(verb syncml.Verb) Code {
	switch verb {
	case syncml.VerbAdd, syncml.VerbAlert, syncml.VerbAtomic, syncml.VerbCopy, syncml.VerbDelete, syncml.VerbExec, syncml.VerbGet,
		syncml.VerbReplace, syncml.VerbSequence, syncml.VerbResults, syncml.VerbStatus:
		return CodeNotAllowed
	default:
		return CodeNotSupported
	}
}

func chunk(i syncml.Item) bool { return i.MoreData }

func code(c syncml.Command) string { return strings.TrimSpace(c.Data) }

func address(l *syncml.Location) string {
	if l == nil {
		return ""
	}
	return l.URI
}
