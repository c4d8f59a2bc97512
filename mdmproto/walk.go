package mdmproto

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of one message. Real messages are a few kilobytes, four levels deep.
const (
	maxMessage  = 256 << 10
	maxDepth    = 32
	maxElements = 20_000
	dataWeight  = 16 // elements that one <data> counts for: the decoder allocates kilobytes for each
)

// A plistWalker checks the shape of a property list in one flat pass over its tokens, because the decoder behind it
// recurses and keeps what it reads: a nesting bomb would end the process, and recover would not help.
type plistWalker struct {
	open  []plistFrame
	nodes int  // elements seen, a <data> with its weight; what tests count
	dtd   bool // a document type was seen
	done  bool // the root was closed
}

// A plistFrame is one open element.
type plistFrame struct {
	name   string
	values int                 // of plist
	keys   map[string]struct{} // of dict
	keyed  bool                // of dict: a key waits for its value
	text   []byte              // of key
}

// walkPlist refuses everything that is not a small, plain, UTF-8 XML property list, and returns how many elements it
// looked at.
func walkPlist(body []byte) (nodes int, err error) {
	if len(body) > maxMessage {
		return 0, &DecodeError{Rule: RuleSize, Offset: maxMessage}
	}
	if bytes.HasPrefix(body, []byte("bplist")) {
		return 0, &DecodeError{Rule: RuleBinary}
	}
	if !utf8.Valid(body) {
		return 0, &DecodeError{Rule: RuleEncoding}
	}
	var w plistWalker
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		rule := RuleSyntax // the decoder's own error quotes the message
		if err == nil {
			rule = w.token(tok)
		}
		if rule != "" {
			return w.nodes, &DecodeError{Rule: rule, Offset: dec.InputOffset()}
		}
	}
	if !w.done {
		return w.nodes, &DecodeError{Rule: RuleStructure, Offset: int64(len(body))}
	}
	return w.nodes, nil
}

// token returns the rule that the next token breaks, or nothing.
func (w *plistWalker) token(tok xml.Token) Rule {
	switch t := tok.(type) {
	case xml.StartElement:
		return w.start(t)
	case xml.EndElement:
		return w.end()
	case xml.CharData:
		return w.chars(t)
	case xml.Directive:
		// No internal subset: it is where entities are declared.
		if w.dtd || w.nodes > 0 || !bytes.HasPrefix(t, []byte("DOCTYPE plist")) || bytes.ContainsAny(t, "[<") {
			return RuleDTD
		}
		w.dtd = true
	case xml.ProcInst:
		if t.Target != "xml" || w.nodes > 0 {
			return RuleStructure
		}
	}
	return ""
}

// start opens an element.
func (w *plistWalker) start(t xml.StartElement) Rule {
	w.nodes++
	if t.Name.Local == "data" {
		w.nodes += dataWeight - 1
	}
	switch name := t.Name.Local; {
	case w.nodes > maxElements:
		return RuleElements
	case len(w.open) >= maxDepth:
		return RuleDepth
	case w.done:
		return RuleTrailing
	case t.Name.Space != "" || (name == "plist") != (len(w.open) == 0) || !isPlistElement(name):
		return RuleStructure
	case len(t.Attr) > 1 || len(t.Attr) == 1 && (name != "plist" || t.Attr[0].Name.Local != "version"):
		return RuleStructure
	}
	if len(w.open) > 0 {
		if rule := w.open[len(w.open)-1].child(t.Name.Local); rule != "" {
			return rule
		}
	}
	w.open = append(w.open, plistFrame{name: t.Name.Local})
	return ""
}

// child admits an element into an open one.
func (f *plistFrame) child(name string) Rule {
	switch f.name {
	case "plist":
		f.values++
		if f.values > 1 || name == "key" {
			return RuleStructure
		}
	case "array":
		if name == "key" {
			return RuleStructure
		}
	case "dict":
		if (name == "key") == f.keyed {
			return RuleStructure // two keys, or a value without one
		}
		f.keyed = name == "key"
	default:
		return RuleStructure // the decoder would silently drop an element inside a string
	}
	return ""
}

// end closes the innermost element. That the names match is encoding/xml's business.
func (w *plistWalker) end() Rule {
	f := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	switch {
	case f.name == "dict" && f.keyed, f.name == "plist" && f.values == 0:
		return RuleStructure
	case f.name == "plist":
		w.done = true
	case f.name == "key":
		dict := &w.open[len(w.open)-1]
		if _, twice := dict.keys[string(f.text)]; twice {
			return RuleDuplicate
		}
		if dict.keys == nil {
			dict.keys = make(map[string]struct{})
		}
		dict.keys[string(f.text)] = struct{}{}
	}
	return ""
}

// chars takes text: of a key, of another leaf, or white space between elements.
func (w *plistWalker) chars(t xml.CharData) Rule {
	if len(w.open) > 0 {
		switch f := &w.open[len(w.open)-1]; f.name {
		case "key":
			f.text = append(f.text, t...)
			return ""
		case "plist", "dict", "array":
		default:
			return ""
		}
	}
	switch {
	case len(bytes.TrimSpace(t)) == 0:
		return ""
	case w.done:
		return RuleTrailing
	}
	return RuleStructure
}

// isPlistElement knows the elements of a property list.
func isPlistElement(name string) bool {
	return strings.Contains(" plist dict key array string integer real true false data date ", " "+name+" ")
}
