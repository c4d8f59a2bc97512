package mdmproto

import (
	"bytes"
	"encoding/xml"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/groob/plist"
)

// maxText is the most characters that are kept of one text from a device.
const maxText = 256

// A dict is one decoded dictionary. Its getters come in two kinds: core fields, where the first bad one makes the
// message bad (err), and the others, where a bad one is left out and named (skipped). Only the getters' own names are
// ever reported, never a key of the message.
type dict struct {
	values  map[string]any
	err     error
	skipped []string
}

// decodePlist checks the shape of a message and decodes it: always as XML, since the binary decoder can end the
// process on 50 bytes, and into a fresh map, since a wrong type is then the matter of one field.
func decodePlist(body []byte) (*dict, error) {
	if _, err := walkPlist(body); err != nil {
		return nil, err
	}
	values, err := decodeXML(body)
	if err != nil {
		return nil, err
	}
	return &dict{values: values}, nil
}

// decodeCore is decodePlist for a message whose plain texts count even when a value elsewhere in it cannot be decoded, such as a date
// with fractions of a second: then it has the texts of the outermost dictionary, and no others.
func decodeCore(body []byte) (*dict, error) {
	if _, err := walkPlist(body); err != nil {
		return nil, err
	}
	values, err := decodeXML(body)
	if err == nil {
		return &dict{values: values}, nil
	}
	return &dict{values: outerTexts(body)}, nil
}

// outerTexts reads the strings of the outermost dictionary of a property list whose shape was checked. Values of another type are there,
// as a type that nobody asks for.
func outerTexts(body []byte) map[string]any {
	texts := map[string]any{}
	dec := xml.NewDecoder(bytes.NewReader(body))
	var text []byte
	depth, key := 0, ""
	for {
		token, err := dec.RawToken()
		if err != nil {
			return texts // the end: no other error is left
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth, text = depth+1, text[:0]
		case xml.CharData:
			text = append(text, t...) // in place: comments cut a text into many pieces
		case xml.EndElement:
			if depth == 3 { // in plist and its dict, or in an array that has no keys
				key = outerText(texts, t.Name.Local, key, string(text))
			}
			depth--
		}
	}
}

// outerText takes one key or value and returns the key for the next value.
func outerText(texts map[string]any, element, key, text string) string {
	switch element {
	case "key":
		return text
	case "string":
		texts[key] = text
	default:
		texts[key] = struct{}{}
	}
	return key
}

// decodeXML is the decoder with a last net under it.
func decodeXML(body []byte) (values map[string]any, err error) {
	defer func() {
		if recover() != nil {
			values, err = nil, &DecodeError{Rule: RuleSyntax}
		}
	}()
	if plist.NewXMLDecoder(bytes.NewReader(body)).Decode(&values) != nil {
		return nil, &DecodeError{Rule: RuleValue} // the decoder's own error quotes the value
	}
	return values, nil
}

// fail keeps the first error of a core field.
func (d *dict) fail(field string, rule Rule) {
	if d.err == nil {
		d.err = &DecodeError{Field: field, Rule: rule}
	}
}

// core is a short text that the message stands or falls with. Absent is "".
func (d *dict) core(field string) string {
	v, ok := d.values[field]
	if !ok {
		return ""
	}
	s, ok := v.(string)
	switch {
	case !ok:
		d.fail(field, RuleType)
	case utf8.RuneCountInString(s) > maxText:
		d.fail(field, RuleSize)
	case strings.ContainsFunc(s, unicode.IsControl):
		d.fail(field, RuleCharacters)
	default:
		return s
	}
	return ""
}

// required is a core text that must be there.
func (d *dict) required(field string) string {
	s := d.core(field)
	if s == "" {
		d.fail(field, RuleMissing)
	}
	return s
}

// optional is the value of a field of no consequence to the message, or the zero value.
func optional[T any](d *dict, field string) (value T) {
	v, ok := d.values[field]
	if !ok {
		return value
	}
	if value, ok = v.(T); !ok {
		d.skipped = append(d.skipped, field)
	}
	return value
}

// text is an optional text, fit for display.
func (d *dict) text(field string) string { return clean(optional[string](d, field)) }

// nested is an optional dictionary, empty when it is absent or of another type. It has error and list of its own.
func (d *dict) nested(field string) *dict { return &dict{values: optional[map[string]any](d, field)} }

// clean makes a text from a device fit for a log, a page or a column: control characters become spaces, and it is cut.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText])
	}
	return s
}
