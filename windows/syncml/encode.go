package syncml

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"unicode/utf8"
)

// Encode writes the message as Windows expects it: the elements in the order of the DTD, xmlns="syncml:metinf" on each child of Meta, no
// declaration, no white space between elements. Commands without an ID get the next free number from 1 in document order; the message itself
// is not changed. It fails with an *[Error], having written nothing, for what a device would not read: an ID twice or 0, a character that
// XML 1.0 cannot have, a Target of a command that [CheckLocURI] refuses, a field that its verb has no place for or lacks.
func (m Message) Encode() ([]byte, error) {
	e := &encoder{used: map[string]bool{}}
	e.collect(m.Commands, 3)
	h := m.Header
	if h.SessionID == "" || h.MsgID == "" || h.Target.URI == "" || h.Source.URI == "" {
		e.fail("SyncHdr", "needs SessionID, MsgID, Target and Source")
	}
	e.raw(`<SyncML xmlns="` + nsSyncML + `"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>`)
	e.text("SessionID", h.SessionID)
	e.text("MsgID", h.MsgID)
	e.location("Target", &h.Target)
	e.location("Source", &h.Source)
	e.optional("RespURI", h.RespURI)
	e.cred(h.Cred)
	e.meta(h.Meta)
	if e.msft {
		e.raw(`</SyncHdr><SyncBody xmlns:msft="` + nsMSFT + `">`)
	} else {
		e.raw(`</SyncHdr><SyncBody>`)
	}
	for i := range m.Commands {
		e.command(&m.Commands[i])
	}
	if m.Final {
		e.raw("<Final/>")
	}
	e.raw("</SyncBody></SyncML>")
	if e.err != nil {
		return nil, e.err
	}
	return e.out.Bytes(), nil
}

// encoder writes until its first error.
type encoder struct {
	out  bytes.Buffer
	used map[string]bool // the IDs that the caller gave
	last int             // the last number that was given
	msft bool            // an OriginalError is there
	err  error
}

func (e *encoder) fail(element, rule string) {
	if e.err == nil {
		e.err = &Error{Element: element, Rule: rule}
	}
}

// collect checks the commands, and gathers the IDs that are taken. The depth is that of the commands' elements.
func (e *encoder) collect(commands []Command, depth int) {
	if depth+3 > maxDepth && len(commands) > 0 { // Item, Meta, Format
		e.fail("SyncBody", "has commands that are nested too deep")
		return
	}
	for i := range commands {
		c := &commands[i]
		switch {
		case c.ID == "0":
			e.fail("CmdID", "must not be 0, which is the SyncHdr's")
		case e.used[c.ID]:
			e.fail("CmdID", "must not be repeated")
		case c.ID != "":
			e.used[c.ID] = true
		}
		e.msft = e.msft || c.OriginalError != ""
		e.check(c, depth > 3)
		e.collect(c.Children, depth+1)
	}
}

func (e *encoder) id(c *Command) string {
	if c.ID != "" {
		return c.ID
	}
	for {
		e.last++
		if id := strconv.Itoa(e.last); !e.used[id] {
			return id
		}
	}
}

func (e *encoder) command(c *Command) {
	if e.err != nil {
		return
	}
	e.open(string(c.Verb))
	e.text("CmdID", e.id(c))
	e.optional("MsgRef", c.MsgRef)
	e.optional("CmdRef", c.CmdRef)
	e.optional("Cmd", c.Cmd)
	e.meta(c.Meta)
	for _, ref := range c.TargetRefs {
		e.text("TargetRef", ref)
	}
	for _, ref := range c.SourceRefs {
		e.text("SourceRef", ref)
	}
	e.cred(c.Cred)
	if c.Chal != nil {
		e.open("Chal")
		e.meta(&c.Chal.Meta)
		e.close("Chal")
	}
	e.optional("Correlator", c.Correlator)
	e.code(c)
	for i := range c.Items {
		e.item(&c.Items[i])
	}
	for i := range c.Children {
		e.command(&c.Children[i])
	}
	e.close(string(c.Verb))
}

func (e *encoder) code(c *Command) {
	if c.OriginalError == "" {
		e.optional("Data", c.Data)
		return
	}
	e.raw(`<Data msft:originalerror="`)
	e.escaped("Data", c.OriginalError)
	e.raw(`">`)
	e.escaped("Data", c.Data)
	e.close("Data")
}

func (e *encoder) item(it *Item) {
	e.open("Item")
	e.location("Target", it.Target)
	e.location("Source", it.Source)
	e.meta(it.Meta)
	if it.HasData || it.Data != "" {
		e.text("Data", it.Data)
	}
	if it.MoreData {
		e.raw("<MoreData/>")
	}
	e.close("Item")
}

func (e *encoder) location(name string, l *Location) {
	if l == nil {
		return
	}
	e.open(name)
	e.text("LocURI", l.URI)
	e.optional("LocName", l.Name)
	e.close(name)
}

func (e *encoder) cred(c *Cred) {
	if c == nil {
		return
	}
	e.open("Cred")
	e.meta(&c.Meta)
	e.text("Data", c.Data)
	e.close("Cred")
}

func (e *encoder) meta(m *Meta) {
	if m == nil {
		return
	}
	e.open("Meta")
	for _, name := range metaFields {
		if text := *m.field(name); text != "" {
			e.raw("<" + name + ` xmlns="` + nsMeta + `">`)
			e.escaped(name, text)
			e.close(name)
		}
	}
	e.close("Meta")
}

func (e *encoder) raw(text string)   { e.out.WriteString(text) }
func (e *encoder) open(name string)  { e.raw("<" + name + ">") }
func (e *encoder) close(name string) { e.raw("</" + name + ">") }

func (e *encoder) optional(name, text string) {
	if text != "" {
		e.text(name, text)
	}
}

func (e *encoder) text(name, text string) {
	e.open(name)
	e.escaped(name, text)
	e.close(name)
}

func (e *encoder) escaped(name, text string) {
	b := []byte(text)
	if !legal(b) {
		e.fail(name, "has a character that XML cannot have")
		return
	}
	_ = xml.EscapeText(&e.out, b) // a buffer does not fail
}

// legal reports whether XML 1.0 can have the text, escaped or not.
func legal(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, illegal)
}

func illegal(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
}
