package omadm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Work is commands for the device that belong together, with what the caller wants back with their answer.
type Work struct {
	Ref      string           // names the work, within the device
	Note     string           // the caller's own; kept in the State, so it must hold no secret. Ref and Note: 32 KiB at most
	Commands []syncml.Command // at least one, of Add, Atomic, Copy, Delete, Exec, Get, Replace, Sequence; their IDs are replaced
}

// ErrNotNow is [Exchange.Send] on a message that takes no commands: May is false.
var ErrNotNow = errors.New("omadm: this answer takes no commands: send them in the answer to a later message")

// ErrFull is [Exchange.Send] beyond 64 commands (children included) or 64 KiB of references and addresses: send the work in a later message.
var ErrFull = errors.New("omadm: this answer has as many commands as one may have: send the rest in a later one")

// ErrWork is [Exchange.Send] of a Work that no device could execute. The error says which rule it breaks.
var ErrWork = errors.New("omadm: this work cannot be sent")

// SizeError is [Exchange.Send] of a Work that this answer has no room for. A Work must go in one message as a whole.
type SizeError struct {
	Need  int // bytes of the whole answer, with the work
	Limit int // bytes that the device takes
}

// Error gives both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("omadm: the message would have %d bytes, and the device takes %d at most: send fewer or smaller commands", e.Need, e.Limit)
}

// Send adds a work to the answer. When it returns an error, nothing was added: [*SizeError], [ErrFull], [ErrNotNow], [ErrWork], or the
// codec's refusal of an address or of a character ([*syncml.Error]).
func (e *Exchange) Send(w Work) error {
	if !e.May || !e.Trusted || e.closed || e.ending != endFinal {
		return ErrNotNow
	}
	if err := w.check(); err != nil {
		return err
	}
	kept, commands, nextID := e.numbered(w)
	if err := e.session.fits(kept); err != nil {
		return err
	}
	all := append(slices.Clip(e.commands), commands...)
	body, err := e.message(all).Encode()
	if err != nil {
		return fmt.Errorf("omadm: work: %w", err)
	}
	if len(body) > e.Limit {
		return &SizeError{Need: len(body), Limit: e.Limit}
	}
	e.commands, e.nextID, e.body = all, nextID, body
	e.session.Works = append(e.session.Works, kept)
	e.sent++
	return nil
}

// Room is how many bytes this answer has left for works, by [Size]; 0 when it takes none.
func (e *Exchange) Room() int {
	if !e.May || e.closed {
		return 0
	}
	if e.body == nil {
		body, err := e.message(e.commands).Encode()
		if err != nil {
			return 0
		}
		e.body = body
	}
	return max(0, e.Limit-len(e.body))
}

// Size is how many bytes commands take of an answer: at most, since their CmdIDs are taken to have four digits, as no message has more. An
// error is the codec's refusal of an address or of a character ([*syncml.Error]).
func Size(commands []syncml.Command) (int, error) {
	e := Exchange{Session: "1", number: 1, nextID: 999, in: Input{Message: &syncml.Message{
		Header: syncml.Header{Target: syncml.Location{URI: "server"}, Source: syncml.Location{URI: "device"}},
	}}}
	_, numbered, _ := e.numbered(Work{Commands: commands})
	without, err := e.message(nil).Encode()
	if err != nil {
		return 0, err
	}
	with, err := e.message(numbered).Encode()
	return len(with) - len(without), err
}

// verbs are those that a server may send, and whether they have commands within.
var verbs = map[syncml.Verb]bool{
	syncml.VerbAdd: false, syncml.VerbCopy: false, syncml.VerbDelete: false, syncml.VerbExec: false, syncml.VerbGet: false,
	syncml.VerbReplace: false, syncml.VerbAtomic: true, syncml.VerbSequence: true,
}

func (w Work) check() error {
	if len(w.Commands) == 0 {
		return fmt.Errorf("%w: it has no commands", ErrWork)
	}
	if len(w.Ref)+len(w.Note) > maxWork {
		return fmt.Errorf("%w: Ref and Note have more than 32 KiB", ErrWork)
	}
	return check(w.Commands, false)
}

// check refuses what Windows would refuse in any case: OMA-TS-SyncML_RepPro-V1_2, sections 6.6.4 and 6.6.17.
func check(commands []syncml.Command, atomic bool) error {
	for _, c := range commands {
		container, ok := verbs[c.Verb]
		switch {
		case !ok:
			return fmt.Errorf("%w: a server does not send this command", ErrWork)
		case atomic && (c.Verb == syncml.VerbGet || c.Verb == syncml.VerbAtomic):
			return fmt.Errorf("%w: an Atomic has neither Get nor Atomic in it", ErrWork)
		case container == (len(c.Children) == 0):
			return fmt.Errorf("%w: Atomic and Sequence have commands in them, and nothing else has", ErrWork)
		}
		if err := check(c.Children, atomic || c.Verb == syncml.VerbAtomic); err != nil {
			return err
		}
	}
	return nil
}

// numbered gives the work's commands their CmdIDs, in document order, and makes what is kept of them.
func (e *Exchange) numbered(w Work) (work, []syncml.Command, int) {
	kept, next := work{Ref: w.Ref, Note: w.Note, Message: e.number}, e.nextID
	commands := duplicate(w.Commands)
	for c := range walk(commands) {
		next++
		c.ID = strconv.Itoa(next)
		o := order{ID: next, Verb: c.Verb, Items: max(1, len(c.Items))}
		if len(c.Items) > 0 {
			o.URI = address(c.Items[0].Target)
		}
		kept.Orders = append(kept.Orders, o)
	}
	return kept, commands, next
}

func duplicate(commands []syncml.Command) []syncml.Command {
	commands = slices.Clone(commands)
	for i := range commands {
		commands[i].Children = duplicate(commands[i].Children)
	}
	return commands
}

// fits says whether the State has room for one work more of this session.
func (s *session) fits(w work) error {
	commands, bytes := 0, 0
	for _, one := range append(slices.Clip(s.Works), w) {
		commands += len(one.Orders)
		bytes += len(one.Ref) + len(one.Note)
		for _, o := range one.Orders {
			bytes += len(o.URI)
		}
	}
	if commands > maxCommands || bytes > maxKept {
		return ErrFull
	}
	return nil
}
