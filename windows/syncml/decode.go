package syncml

import (
	"bytes"
	"unicode/utf8"
)

const (
	maxDepth    = 16   // nested elements
	maxCommands = 2000 // commands and items together
	maxShort    = 64   // bytes of an ID, a code, a verb

	nsSyncML = "SYNCML:SYNCML1.2"
	nsMeta   = "syncml:metinf"
	nsMSFT   = "http://schemas.microsoft.com/MobileDevice/MDM"
)

// Decode reads the body of a request or an answer. It fails with an *[Error] that shows no content. What it refuses and what it tolerates is
// in the package's documentation; of what it gives, nothing has been believed: who sent it is the caller's to check.
func Decode(body []byte) (*Message, error) {
	if len(body) > MaxBody {
		return nil, &Error{Element: "SyncML", Rule: "is larger than 512 KiB"}
	}
	if !utf8.Valid(body) {
		return nil, &Error{Element: "SyncML", Rule: "must be encoded in UTF-8"}
	}
	p := newParser(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if err := p.root(); err != nil {
		return nil, err
	}
	m := &Message{}
	if err := p.document(m); err != nil {
		return nil, err
	}
	return m, nil
}

// document reads what is in the root, and that nothing follows.
func (p *parser) document(m *Message) error {
	parts, order := 0, "has SyncHdr and SyncBody, in this order, and nothing else"
	err := p.children("SyncML", func(name string) error {
		switch {
		case name == "SyncHdr" && parts == 0:
			parts++
			return p.header(&m.Header)
		case name == "SyncBody" && parts == 1:
			parts++
			return p.body(m)
		}
		return p.wrong("SyncML", order)
	})
	if err == nil && parts != 2 {
		err = p.wrong("SyncML", order)
	}
	if err != nil {
		return err
	}
	return p.end()
}

func (p *parser) header(h *Header) error {
	var dtd, proto string
	at := p.offset()
	err := p.children("SyncHdr", func(name string) (err error) {
		switch name {
		case "VerDTD":
			dtd, err = p.short(name)
		case "VerProto":
			proto, err = p.short(name)
		case "SessionID":
			h.SessionID, err = p.short(name)
		case "MsgID":
			h.MsgID, err = p.short(name)
		case "Target":
			h.Target, err = p.location(name)
		case "Source":
			h.Source, err = p.location(name)
		case "RespURI":
			h.RespURI, err = p.trimmed(name)
		case "Cred":
			h.Cred, err = p.cred()
		case "Meta":
			h.Meta, err = p.meta()
		default:
			err = p.other("SyncHdr", name)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case dtd != "1.2":
		return &Error{Element: "VerDTD", Rule: "must be 1.2", Offset: at}
	case proto != "DM/1.2":
		return &Error{Element: "VerProto", Rule: "must be DM/1.2", Offset: at}
	case h.SessionID == "", h.MsgID == "", h.Target.URI == "", h.Source.URI == "":
		return &Error{Element: "SyncHdr", Rule: "needs SessionID, MsgID, Target and Source", Offset: at}
	}
	return nil
}

func (p *parser) body(m *Message) error {
	return p.children("SyncBody", func(name string) error {
		switch {
		case m.Final:
			return p.wrong("Final", "must be the last element of SyncBody")
		case name == "Final":
			m.Final = true
			return p.empty(name)
		}
		return p.commands(&m.Commands, "SyncBody", name)
	})
}

// commands adds a command to those of its parent.
func (p *parser) commands(to *[]Command, parent, name string) error {
	verb := Verb(name)
	inner := verb == VerbStatus || verb == VerbResults
	switch {
	case name == "", inner && parent != "SyncBody", places[verb] == nil && known[name]:
		return p.other(parent, name)
	}
	if err := p.counted(); err != nil {
		return err
	}
	c := Command{Verb: verb}
	err := p.command(&c)
	if err == nil && (c.ID != "" || places[verb] != nil) { // without an ID, an unknown one cannot be answered: it is an extension
		*to = append(*to, c)
	}
	return err
}

func (p *parser) command(c *Command) error {
	name, at := string(c.Verb), p.offset()
	if len(name) > maxShort {
		return p.wrong("SyncBody", "has a command with a name that is too long")
	}
	err := p.children(name, func(child string) (err error) {
		switch {
		case child == "CmdID":
			c.ID, err = p.short(child)
			return err
		case places[c.Verb] == nil:
			return p.skip()
		case placed(c.Verb, child):
			return p.field(c, child)
		case placed(c.Verb, "commands"):
			return p.commands(&c.Children, name, child)
		}
		return p.other(name, child)
	})
	if err == nil && c.ID == "" && places[c.Verb] != nil {
		return &Error{Element: name, Rule: "needs a CmdID", Offset: at}
	}
	return err
}

func (p *parser) field(c *Command, name string) (err error) {
	switch name {
	case "MsgRef":
		c.MsgRef, err = p.short(name)
	case "CmdRef":
		c.CmdRef, err = p.short(name)
	case "Cmd":
		c.Cmd, err = p.short(name)
	case "TargetRef":
		err = p.add(&c.TargetRefs, name)
	case "SourceRef":
		err = p.add(&c.SourceRefs, name)
	case "Cred":
		c.Cred, err = p.cred()
	case "Chal":
		c.Chal, err = p.chal()
	case "Data":
		if c.OriginalError, err = p.originalError(); err == nil {
			c.Data, err = p.short(name)
		}
	case "Correlator":
		c.Correlator, err = p.trimmed(name)
	case "Meta":
		c.Meta, err = p.meta()
	case "Item":
		err = p.item(c)
	}
	return err
}

func (p *parser) item(c *Command) error {
	if err := p.counted(); err != nil {
		return err
	}
	var it Item
	err := p.children("Item", func(name string) (err error) {
		switch name {
		case "Target":
			it.Target, err = p.pointer(name)
		case "Source":
			it.Source, err = p.pointer(name)
		case "Meta":
			it.Meta, err = p.meta()
		case "Data":
			it.HasData = true
			it.Data, err = p.data(isXML(it.Meta) || it.Meta == nil && isXML(c.Meta))
		case "MoreData":
			it.MoreData, err = true, p.empty(name)
		default:
			err = p.other("Item", name)
		}
		return err
	})
	if err == nil {
		c.Items = append(c.Items, it)
	}
	return err
}

func isXML(m *Meta) bool { return m != nil && m.Format == "xml" }
