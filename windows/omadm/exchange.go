package omadm

import (
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Exchange is one message that is being answered. Nothing of it is in the State before Close, but for the nonces (see Fresh).
type Exchange struct {
	Session string // SessionID
	Replay  []byte // the message is a repetition: send this, do nothing else
	Trusted bool   // the sender proved itself. If not, everything below is empty: Close, save, send
	Begins  bool   // the session's first complete package: commands that an earlier session left unanswered may be sent again
	Beside  bool   // another session of the device has commands without an answer, and spoke less than two minutes ago
	May     bool   // Send works now
	Limit   int    // bytes that an answer with commands may have: MaxMsgSize of the device, at most 512 KiB and that if it said none
	Fresh   bool   // a nonce was used up: save the State before acting on the message, so that nobody can use it again

	Answers []Answer          // what the message says of works, in the order in which they were sent
	Alerts  []Alert           // client events (1224) and generic alerts (1226)
	DevInfo map[string]string // ./DevInfo/... to value
	Stray   []syncml.Item     // results that belong to no command that waits for an answer
	Unknown int               // statuses that belong to none, and chunks of large objects

	Ended   bool // the session takes no commands any more; [Exchange.Close] sets it too, when it ends an answer without commands
	Aborted bool // the device broke the session off

	state    *State
	in       Input
	number   int // MsgID of the message, and of its answer
	now      time.Time
	anew     bool    // the session begins with this message
	session  session // as it will be
	code     Code    // of the header
	chal     []byte
	ending   ending
	aside    bool // the message is an old one: answered, and the session goes on without it
	commands []syncml.Command
	sent     int // how many works the answer has
	nextID   int // the CmdIDs given so far
	forgot   []string
	body     []byte // the answer as it is by now
	closed   bool
}

// ending is what comes after the statuses of an answer.
type ending int

const (
	endFinal ending = iota // works, if any, and Final
	endNext                // Alert 1222: the device has more to say
	endAbort               // Alert 1223
)

// Answer is what the device has said of a Work by now.
type Answer struct {
	Ref, Note string
	Complete  bool    // there will be no more: all is said, or the device's package, or the session, is over
	Replies   []Reply // one for each command of the work in document order, containers and children included
}

// Reply is what the device has said of one command by now.
type Reply struct {
	Verb     syncml.Verb
	URI      string        // the target of its first item; empty for containers
	Code     Code          // 0: nothing yet. Of several statuses for several items, the worst
	Original string        // msft:originalerror: an HRESULT or a code, as the device wrote it
	Given    bool          // results came, in this message or in one before; they may be empty
	Items    []syncml.Item // the results in this message; they are kept nowhere
}

// Alert is an alert of the device that is the caller's to understand.
type Alert struct {
	Code       int // 1224 or 1226
	Correlator string
	Items      []syncml.Item
}

// add puts a command of ours, with the next CmdID, into the answer.
func (e *Exchange) add(c syncml.Command) {
	e.nextID++
	c.ID = strconv.Itoa(e.nextID)
	e.commands = append(e.commands, c)
}

// stop ends the session with this answer.
func (e *Exchange) stop() {
	e.session.Over, e.Ended, e.May = true, true, false
	e.ending = endAbort
}

// message is the answer with these commands.
func (e *Exchange) message(commands []syncml.Command) syncml.Message {
	header := e.in.Message.Header
	return syncml.Message{
		Header: syncml.Header{
			SessionID: e.Session,
			MsgID:     strconv.Itoa(e.number),
			Target:    syncml.Location{URI: header.Source.URI},
			Source:    syncml.Location{URI: header.Target.URI},
		},
		Commands: commands,
		Final:    e.ending != endNext,
	}
}

// Abort answers with Alert 1223: the session is over, and the answer has no commands, also when some had been added.
func (e *Exchange) Abort() {
	if e.closed || e.Replay != nil {
		return
	}
	e.session.Works = e.session.Works[:len(e.session.Works)-e.sent]
	statuses := 0
	for statuses < len(e.commands) && e.commands[statuses].Verb == syncml.VerbStatus {
		statuses++
	}
	e.commands, e.nextID, e.sent, e.body = e.commands[:statuses], statuses, 0, nil
	e.stop()
}

// Forget has no session of the device wait any more for the answer to the works with this Ref that earlier answers sent: what the device still
// says of them belongs to nothing ([Exchange.Unknown], [Exchange.Stray]). It is for a question whose late answer would be taken for what holds
// now. Other sessions change with Close.
func (e *Exchange) Forget(ref string) {
	waiting := len(e.session.Works) - e.sent
	earlier := without(slices.Clone(e.session.Works[:waiting]), ref)
	e.session.Works = append(earlier, e.session.Works[waiting:]...)
	e.forgot = append(e.forgot, ref)
}

func without(works []work, refs ...string) []work {
	return slices.DeleteFunc(works, func(w work) bool { return slices.Contains(refs, w.Ref) })
}

// Close makes the answer and enters the exchange into the State: save it, then send the answer. A second Close returns the same.
func (e *Exchange) Close() ([]byte, error) {
	if e.Replay != nil || e.closed {
		return append(e.Replay, e.body...), nil
	}
	switch e.ending {
	case endNext:
		e.add(syncml.Command{Verb: syncml.VerbAlert, Data: "1222", Items: []syncml.Item{{
			Target: &syncml.Location{URI: e.in.Message.Header.Source.URI},
			Source: &syncml.Location{URI: e.in.Message.Header.Target.URI},
		}}})
	case endAbort:
		e.add(syncml.Command{Verb: syncml.VerbAlert, Data: "1223"})
	}
	if e.body == nil {
		body, err := e.message(e.commands).Encode()
		if err != nil {
			return nil, err
		}
		e.body = body
	}
	e.Ended = e.Ended || (e.May && e.sent == 0)
	e.closed, e.May = true, false
	e.enter()
	return append([]byte(nil), e.body...), nil
}

// enter puts the session, as it is after this message, into the State. An old message that was answered aside changes only what is said of works.
func (e *Exchange) enter() {
	if !e.aside {
		e.session.Last, e.session.Seen = e.number, e.now
		e.session.Count++
		e.session.Answer, e.session.Cred = e.body, credHash(e.in.Message)
	}
	if e.state.Spent.Session == e.Session {
		e.state.Spent = spent{}
	}
	for i, other := range e.state.Sessions {
		e.state.Sessions[i].Works = without(other.Works, e.forgot...)
	}
	e.state.enter(e.session, e.now)
}
