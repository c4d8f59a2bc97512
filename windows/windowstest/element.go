package windowstest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	nsSyncML  = "SYNCML:SYNCML1.2"
	nsMetInf  = "syncml:metinf"
	nsMSFT    = "http://schemas.microsoft.com/MobileDevice/MDM"
	maxDepth  = 16
	maxBody   = 512 << 10
	maxTokens = 50_000
)

// element is one XML element: either text or children.
type element struct {
	name  string
	space string
	text  string
	orig  string // msft:originalerror of a Data
	kids  []element
}

func el(name string, kids ...element) element { return element{name: name, kids: kids} }
func txt(name, text string) element           { return element{name: name, text: text} }
func met(name, text string) element           { return element{name: name, space: nsMetInf, text: text} }
func (e element) with(kids ...element) element {
	e.kids = append(e.kids[:len(e.kids):len(e.kids)], kids...)
	return e
}

// kid returns the first child of that name; find goes down a path of names and returns the text there.
func (e element) kid(name string) (element, bool) {
	for _, k := range e.kids {
		if k.name == name {
			return k, true
		}
	}
	return element{}, false
}

func (e element) find(path ...string) string {
	for _, name := range path {
		e, _ = e.kid(name)
	}
	return e.text
}

func (e element) all(name string) []element {
	var out []element
	for _, k := range e.kids {
		if k.name == name {
			out = append(out, k)
		}
	}
	return out
}

// parse reads one document. It refuses DOCTYPE, processing instructions other than the declaration, text beside elements, and what is
// nested too deeply or too large.
func parse(body []byte) (element, error) {
	if len(body) > maxBody {
		return element{}, errors.New("the message is larger than 512 KiB")
	}
	dec := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	open := []element{{}}
	for tokens := 0; ; tokens++ {
		tok, err := dec.Token()
		switch {
		case errors.Is(err, io.EOF):
			if len(open[0].kids) != 1 {
				return element{}, errors.New("the document must have one root element")
			}
			return open[0].kids[0], nil
		case err != nil:
			return element{}, fmt.Errorf("no well-formed XML at byte %d", dec.InputOffset())
		case tokens > maxTokens:
			return element{}, errors.New("the document has too many elements")
		}
		if open, err = step(open, tok); err != nil {
			return element{}, err
		}
	}
}

func step(open []element, tok xml.Token) ([]element, error) {
	top := &open[len(open)-1]
	switch t := tok.(type) {
	case xml.StartElement:
		if len(open) > maxDepth {
			return nil, errors.New("the document is nested too deeply")
		}
		e := element{name: t.Name.Local, space: t.Name.Space}
		for _, a := range t.Attr {
			if a.Name.Space == nsMSFT && a.Name.Local == "originalerror" {
				e.orig = a.Value
			}
		}
		return append(open, e), nil
	case xml.EndElement:
		return closed(open)
	case xml.CharData:
		top.text += string(t)
	case xml.Directive:
		return nil, errors.New("DOCTYPE is not allowed")
	case xml.ProcInst:
		if t.Target != "xml" {
			return nil, errors.New("processing instructions are not allowed")
		}
	}
	return open, nil
}

// closed gives the innermost element to the one around it.
func closed(open []element) ([]element, error) {
	done, open := open[len(open)-1], open[:len(open)-1]
	if len(done.kids) > 0 {
		if strings.TrimSpace(done.text) != "" {
			return nil, fmt.Errorf("%s has text beside elements", done.name)
		}
		done.text = ""
	}
	around := &open[len(open)-1]
	around.kids = append(around.kids, done)
	return open, nil
}

// render writes a document. ext declares Microsoft's extension at SyncBody.
func render(root element, ext bool) []byte {
	var b bytes.Buffer
	write(&b, root, ext)
	return b.Bytes()
}

func write(b *bytes.Buffer, e element, ext bool) {
	b.WriteString("<" + e.name)
	switch {
	case e.name == "SyncML":
		b.WriteString(` xmlns="` + nsSyncML + `"`)
	case e.space == nsMetInf:
		b.WriteString(` xmlns="` + nsMetInf + `"`)
	case e.name == "SyncBody" && ext:
		b.WriteString(` xmlns:msft="` + nsMSFT + `"`)
	case e.orig != "" && ext:
		b.WriteString(` msft:originalerror="` + e.orig + `"`)
	}
	if e.name == "Final" {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	_ = xml.EscapeText(b, []byte(e.text)) // a bytes.Buffer takes everything
	for _, k := range e.kids {
		write(b, k, ext)
	}
	b.WriteString("</" + e.name + ">")
}
