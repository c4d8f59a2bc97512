package omadm

import (
	"cmp"
	"iter"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// place is where an order is: the index of its work, and its own in it.
type place struct{ work, order int }

// hearing is what a message says of the works: for each order that it speaks of, the items of its results.
type hearing map[place][]syncml.Item

func (h hearing) add(at place, items ...syncml.Item) { h[at] = append(h[at], items...) }

// status takes a status of a command of ours, and says whether it was more than that of a header.
func (e *Exchange) status(c *syncml.Command, said hearing) bool {
	if c.CmdRef == "0" || c.MsgRef == "0" || c.Cmd == string(syncml.VerbAlert) {
		return false // of a header, of no message at all (as Windows sends them in a first message), or of our 1222
	}
	number, err := strconv.Atoi(code(*c))
	at, found := e.locate(c.MsgRef, c.CmdRef)
	if !found || err != nil || number < 100 || number > 999 {
		e.Unknown++
		return false
	}
	o := &e.session.Works[at.work].Orders[at.order]
	if c.Cmd != "" && c.Cmd != string(o.Verb) {
		e.Unknown++
		return false
	}
	said.add(at)
	if len(c.TargetRefs) == 0 {
		o.Said = max(o.Said, o.Items)
		o.Code, o.Original = Code(number), original(c.OriginalError)
		return true
	}
	o.Said += len(c.TargetRefs)
	if o.Code == 0 || Code(number).rank() > o.Code.rank() {
		o.Code, o.Original = Code(number), original(c.OriginalError)
	}
	return true
}

// results takes the results of a command of ours, and says whether they were a part of a large object: that is refused, since half a value
// is none.
func (e *Exchange) results(c *syncml.Command, said hearing) bool {
	ref := c.MsgRef
	if ref == "" {
		ref = "1" // OMA-TS-SyncML_RepPro-V1_2, section 6.5.8
	}
	at, found := e.locate(ref, c.CmdRef)
	chunks := false
	for _, item := range c.Items {
		item.Meta = cmp.Or(item.Meta, c.Meta) // that of the Results is of each item that has none
		switch {
		case item.MoreData:
			chunks = true
			e.Unknown++
		case !found:
			e.Stray = append(e.Stray, item)
		default:
			e.session.Works[at.work].Orders[at.order].Came++
			said.add(at, item)
		}
	}
	return chunks
}

// locate finds the order that a device speaks of, among those without an answer.
func (e *Exchange) locate(msgRef, cmdRef string) (place, bool) {
	for i, w := range e.session.Works {
		if strconv.Itoa(w.Message) != msgRef {
			continue
		}
		for j, o := range w.Orders {
			if strconv.Itoa(o.ID) == cmdRef {
				return place{i, j}, true
			}
		}
	}
	return place{}, false
}

// open says whether the device still owes something: a status, or the results of a Get that it said it has.
func (w work) open() bool {
	for _, o := range w.Orders {
		if o.Said < o.Items || (o.Verb == syncml.VerbGet && o.Code.Class() == ClassOK && o.Came < o.Items) {
			return true
		}
	}
	return false
}

// report makes the Answers, and forgets the works of which there is no more to say. over: of all of them.
func (e *Exchange) report(said hearing, over bool) {
	var left []work
	for i, w := range e.session.Works {
		a := Answer{Ref: w.Ref, Note: w.Note, Complete: over || !w.open()}
		spoken := false
		for j, o := range w.Orders {
			items, ok := said[place{i, j}]
			spoken = spoken || ok
			a.Replies = append(a.Replies, Reply{Verb: o.Verb, URI: o.URI, Code: o.Code, Original: o.Original, Given: o.Came > 0, Items: items})
		}
		if spoken || a.Complete {
			e.Answers = append(e.Answers, a)
		}
		if !a.Complete {
			left = append(left, w)
		}
	}
	e.session.Works = left
}

// rank orders codes by how much there is to say about them.
func (c Code) rank() int {
	switch c.Class() {
	case ClassOK:
		return 0
	case ClassPending:
		return 1
	default:
		return 2
	}
}

// original is an msft:originalerror if it is what it should be: the State keeps nothing else that a device wrote.
func original(s string) string {
	if len(s) > maxOriginal || strings.Trim(s, "-0123456789abcdefABCDEFxX") != "" {
		return ""
	}
	return s
}

// walk goes through commands and their children in document order.
func walk(commands []syncml.Command) iter.Seq[*syncml.Command] {
	return func(yield func(*syncml.Command) bool) { descend(commands, yield) }
}

func descend(commands []syncml.Command, yield func(*syncml.Command) bool) bool {
	for i := range commands {
		if !yield(&commands[i]) || !descend(commands[i].Children, yield) {
			return false
		}
	}
	return true
}
