package syncml

import "slices"

// places names what each command may hold beside its CmdID; "commands" stands for further commands.
var places = map[Verb][]string{
	VerbAdd:      {"Meta", "Item"},
	VerbAlert:    {"Data", "Correlator", "Item"},
	VerbAtomic:   {"Meta", "commands"},
	VerbCopy:     {"Meta", "Item"},
	VerbDelete:   {"Meta", "Item"},
	VerbExec:     {"Meta", "Correlator", "Item"},
	VerbGet:      {"Meta", "Item"},
	VerbReplace:  {"Meta", "Item"},
	VerbResults:  {"MsgRef", "CmdRef", "Meta", "TargetRef", "SourceRef", "Item"},
	VerbSequence: {"Meta", "commands"},
	VerbStatus:   {"MsgRef", "CmdRef", "Cmd", "TargetRef", "SourceRef", "Cred", "Chal", "Data", "Item"},
}

func placed(v Verb, field string) bool { return slices.Contains(places[v], field) }

// known are the elements that have a place of their own: anywhere else they are an error. Whatever is not here is an extension.
var known = set("SyncML", "SyncHdr", "SyncBody", "Final", "VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source", "RespURI",
	"Cred", "Chal", "Meta", "LocURI", "LocName", "CmdID", "MsgRef", "CmdRef", "Cmd", "TargetRef", "SourceRef", "Data", "Correlator", "Item",
	"MoreData", "FieldLevel", "Format", "Type", "Mark", "Size", "NextNonce", "MaxMsgSize", "MaxObjSize",
	"Add", "Alert", "Atomic", "Copy", "Delete", "Exec", "Get", "Replace", "Results", "Sequence", "Status")

// repeated are those of them that a parent may have several times.
var repeated = set("TargetRef", "SourceRef", "Item",
	"Add", "Alert", "Atomic", "Copy", "Delete", "Exec", "Get", "Replace", "Results", "Sequence", "Status")

func set(names ...string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		s[name] = true
	}
	return s
}

func (p *parser) location(name string) (l Location, err error) {
	err = p.children(name, func(child string) (err error) {
		switch child {
		case "LocURI":
			l.URI, err = p.trimmed(child)
		case "LocName":
			l.Name, err = p.trimmed(child)
		default:
			err = p.other(name, child)
		}
		return err
	})
	return l, err
}

func (p *parser) pointer(name string) (*Location, error) {
	l, err := p.location(name)
	return &l, err
}

func (p *parser) add(to *[]string, name string) error {
	text, err := p.trimmed(name)
	*to = append(*to, text)
	return err
}

func (p *parser) cred() (*Cred, error) {
	c := &Cred{}
	err := p.children("Cred", func(name string) (err error) {
		switch name {
		case "Meta":
			err = p.metaInto(&c.Meta)
		case "Data":
			c.Data, err = p.trimmed(name)
		default:
			err = p.other("Cred", name)
		}
		return err
	})
	return c, err
}

func (p *parser) chal() (*Chal, error) {
	c := &Chal{}
	err := p.children("Chal", func(name string) error {
		if name == "Meta" {
			return p.metaInto(&c.Meta)
		}
		return p.other("Chal", name)
	})
	return c, err
}

func (p *parser) meta() (*Meta, error) {
	m := &Meta{}
	return m, p.metaInto(m)
}

func (p *parser) metaInto(m *Meta) error {
	return p.children("Meta", func(name string) (err error) {
		if to := m.field(name); to != nil {
			*to, err = p.trimmed(name)
			return err
		}
		return p.other("Meta", name)
	})
}

// metaFields are those of a Meta, in the order of the DTD.
var metaFields = []string{"FieldLevel", "Format", "Type", "Mark", "Size", "NextNonce", "MaxMsgSize", "MaxObjSize"}

// field is where a Meta keeps an element's text; nil for others.
func (m *Meta) field(name string) *string {
	switch name {
	case "FieldLevel":
		return &m.FieldLevel
	case "Format":
		return &m.Format
	case "Type":
		return &m.Type
	case "Mark":
		return &m.Mark
	case "Size":
		return &m.Size
	case "NextNonce":
		return &m.NextNonce
	case "MaxMsgSize":
		return &m.MaxMsgSize
	case "MaxObjSize":
		return &m.MaxObjSize
	}
	return nil
}
