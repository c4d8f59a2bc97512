package syncml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// parser walks the tokens of one document and keeps its limits.
type parser struct {
	xml    *xml.Decoder
	source []byte
	start  int64      // where the last token began
	attrs  []xml.Attr // of the last element that began
	depth  int
	count  int // of commands and items
}

func newParser(source []byte) *parser {
	return &parser{xml: xml.NewDecoder(bytes.NewReader(source)), source: source}
}

func (p *parser) offset() int64 { return p.xml.InputOffset() }

func (p *parser) wrong(element, rule string) error {
	return &Error{Element: element, Rule: rule, Offset: p.offset()}
}

// token is one that matters: the start or the end of an element, or text.
type token struct {
	kind kind
	full xml.Name
	name string // of an element of SyncML's namespaces, else empty
	text xml.CharData
}

type kind int

const (
	isStart kind = iota
	isEnd
	isText
)

func (t token) blank() bool { return len(bytes.TrimSpace(t.text)) == 0 }

// next gives the next token, or io.EOF after the root's end.
func (p *parser) next() (token, error) {
	for {
		p.start = p.offset()
		t, err := p.xml.Token()
		switch {
		case errors.Is(err, io.EOF) && p.depth == 0:
			return token{}, io.EOF
		case err != nil: // its text would show content
			return token{}, p.wrong("SyncML", "must be well-formed XML in UTF-8, without entities of its own")
		case halfCharacter(p.source[p.start:p.offset()]):
			return token{}, p.wrong("SyncML", "must have no reference to a character that XML cannot have")
		}
		switch t := t.(type) {
		case xml.StartElement:
			if p.depth++; p.depth > maxDepth {
				return token{}, p.wrong("SyncML", "has more than 16 nested elements")
			}
			p.attrs = t.Attr
			return token{kind: isStart, full: t.Name, name: local(t.Name)}, nil
		case xml.EndElement:
			p.depth--
			return token{kind: isEnd}, nil
		case xml.CharData:
			return token{kind: isText, text: t}, nil
		case xml.Directive:
			return token{}, p.wrong("SyncML", "must have no document type")
		case xml.ProcInst:
			if t.Target != "xml" || p.start != 0 {
				return token{}, p.wrong("SyncML", "must have no processing instruction")
			}
		}
	}
}

// halfCharacter reports whether the source of a token refers to a surrogate by its number: encoding/xml makes U+FFFD of it, and so another
// value.
func halfCharacter(raw []byte) bool {
	if bytes.HasPrefix(raw, []byte("<!")) { // a comment or CDATA, which has no references
		return false
	}
	for {
		_, after, found := bytes.Cut(raw, []byte("&#"))
		if !found {
			return false
		}
		number, rest, _ := bytes.Cut(after, []byte(";"))
		base := 10
		if hex, ok := bytes.CutPrefix(number, []byte("x")); ok {
			number, base = hex, 16
		}
		if n, err := strconv.ParseUint(string(number), base, 21); err == nil && utf16.IsSurrogate(rune(n)) {
			return true
		}
		raw = rest
	}
}

// local is the name of an element of SyncML or its meta information. Some senders leave the latter's namespace out.
func local(n xml.Name) string {
	if n.Space == nsSyncML || n.Space == nsMeta || n.Space == "" {
		return n.Local
	}
	return ""
}

// root reads up to the root's start.
func (p *parser) root() error {
	for {
		t, err := p.next()
		switch {
		case errors.Is(err, io.EOF):
			return p.wrong("SyncML", "is missing")
		case err != nil:
			return err
		case t.kind == isText && t.blank():
		case t.kind == isStart && t.full == xml.Name{Space: nsSyncML, Local: "SyncML"}:
			return nil
		default:
			return p.wrong("SyncML", "must be the root, in the namespace "+nsSyncML)
		}
	}
}

// end sees that only white space follows the root.
func (p *parser) end() error {
	for {
		t, err := p.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case t.kind != isText || !t.blank():
			return p.wrong("SyncML", "must be the end of the document")
		}
	}
}

// children calls on for each element inside the one that was just begun; on reads it to its end. Text between them is only white space.
func (p *parser) children(parent string, on func(name string) error) error {
	var room [8]string
	seen := room[:0]
	for {
		t, err := p.next()
		switch {
		case err != nil:
			return err
		case t.kind == isEnd:
			return nil
		case t.kind == isText && !t.blank():
			return p.wrong(element(parent), "must have no text between its elements")
		case t.kind == isText:
			continue
		case slices.Contains(seen, t.name):
			return p.wrong(t.name, "must not be repeated")
		case known[t.name] && !repeated[t.name]:
			seen = append(seen, t.name)
		}
		if err := on(t.name); err != nil {
			return err
		}
	}
}

// element is a name that may be shown: one of SyncML's own.
func element(name string) string {
	if known[name] {
		return name
	}
	return "SyncBody"
}

// text reads the text of the element that was just begun.
func (p *parser) text(name string) (string, error) {
	var text []byte
	for {
		t, err := p.next()
		switch {
		case err != nil:
			return "", err
		case t.kind == isStart:
			return "", p.wrong(name, "must have no elements in it")
		case t.kind == isEnd:
			return string(text), nil
		}
		text = append(text, t.text...)
	}
}

func (p *parser) trimmed(name string) (string, error) {
	text, err := p.text(name)
	return strings.TrimSpace(text), err
}

// short reads an ID or a code. Such are kept by those who answer, so they are bounded.
func (p *parser) short(name string) (string, error) {
	text, err := p.trimmed(name)
	if err == nil && len(text) > maxShort {
		err = p.wrong(name, "has more than 64 bytes")
	}
	return text, err
}

func (p *parser) empty(name string) error {
	text, err := p.trimmed(name)
	if err == nil && text != "" {
		err = p.wrong(name, "must be empty")
	}
	return err
}

// data reads the Data of an Item as it is. Markup in it, which is an error unless the format is xml, is kept as it was written; it must be
// plain, since whoever reads it has no more than itself.
func (p *parser) data(markup bool) (string, error) {
	var text []byte
	begin, within, nested := p.offset(), 1, false
	for {
		t, err := p.next()
		if err != nil {
			return "", err
		}
		switch t.kind {
		case isText:
			text = append(text, t.text...)
		case isEnd:
			within--
		case isStart:
			within, nested = within+1, true
			if !markup || t.full.Space != nsSyncML || slices.ContainsFunc(p.attrs, named) {
				return "", p.wrong("Data", "must have no elements in it, unless its format is xml and they use no namespaces")
			}
		}
		if within > 0 {
			continue
		}
		if nested {
			text = p.source[begin:p.start]
		}
		if !legal(text) { // of a comment within
			return "", p.wrong("Data", "has a character that XML cannot have")
		}
		return string(text), nil
	}
}

// named reports whether an attribute belongs to a namespace, or declares one.
func named(a xml.Attr) bool { return a.Name.Space != "" || a.Name.Local == "xmlns" }

// originalError is Microsoft's attribute of the element that was just begun. The prefix may be declared or not.
func (p *parser) originalError() (string, error) {
	for _, a := range p.attrs {
		if a.Name.Local != "originalerror" || a.Name.Space != nsMSFT && a.Name.Space != "msft" {
			continue
		}
		if len(a.Value) > maxShort {
			return "", p.wrong("Data", "has an originalerror of more than 64 bytes")
		}
		return a.Value, nil
	}
	return "", nil
}

// other passes over an extension, and refuses an element that has its place elsewhere.
func (p *parser) other(parent, name string) error {
	if known[name] {
		return p.wrong(name, "has no place in "+element(parent))
	}
	return p.skip()
}

// skip reads to the end of the element that was just begun.
func (p *parser) skip() error {
	for within := 1; within > 0; {
		t, err := p.next()
		switch {
		case err != nil:
			return err
		case t.kind == isStart:
			within++
		case t.kind == isEnd:
			within--
		}
	}
	return nil
}

func (p *parser) counted() error {
	if p.count++; p.count > maxCommands {
		return p.wrong("SyncBody", "has more than 2,000 commands and items")
	}
	return nil
}
