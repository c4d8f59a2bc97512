package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBody   = 64 << 10 // of a request
	maxDepth  = 8        // objects and lists inside each other
	maxTokens = 4096     // names, values, brackets
)

// walk refuses what encoding/json would silently take: names twice in one object, text that is not UTF-8, anything after the end; and what
// is too deep or has too many parts. With strict it also refuses names that are not plain lower case, because encoding/json matches names
// without regard to case, in Unicode's sense.
func walk(data []byte, strict bool) error {
	if !utf8.Valid(data) {
		return &DecodeError{Rule: RuleEncoding}
	}
	w := walker{decoder: json.NewDecoder(bytes.NewReader(data)), strict: strict}
	w.decoder.UseNumber()
	if rule := w.value(); rule != "" {
		return &DecodeError{Offset: w.decoder.InputOffset(), Rule: rule}
	}
	if _, err := w.decoder.Token(); !errors.Is(err, io.EOF) {
		return &DecodeError{Offset: w.decoder.InputOffset(), Rule: RuleSyntax}
	}
	return nil
}

type walker struct {
	decoder *json.Decoder
	strict  bool
	depth   int
	tokens  int
}

// next is the next token, and the rule that it breaks.
func (w *walker) next() (json.Token, Rule) {
	token, err := w.decoder.Token()
	if err != nil {
		return nil, RuleSyntax
	}
	if w.tokens++; w.tokens > maxTokens {
		return nil, RuleSize
	}
	return token, ""
}

// value passes over one value, and returns the rule that it breaks.
func (w *walker) value() Rule {
	token, rule := w.next()
	if rule != "" {
		return rule
	}
	open, nested := token.(json.Delim)
	if !nested {
		return ""
	}
	if w.depth++; w.depth > maxDepth {
		return RuleDepth
	}
	defer func() { w.depth-- }()
	names := map[string]bool{}
	for w.decoder.More() {
		if open == '{' {
			if rule := w.name(names); rule != "" {
				return rule
			}
		}
		if rule := w.value(); rule != "" {
			return rule
		}
	}
	_, rule = w.next() // the closing bracket
	return rule
}

func (w *walker) name(names map[string]bool) Rule {
	token, rule := w.next()
	name, ok := token.(string)
	switch {
	case rule != "":
		return rule
	case !ok:
		return RuleSyntax
	case names[name]:
		return RuleDuplicate
	case w.strict && strings.ContainsFunc(name, notPlain):
		return RuleUnknown
	}
	names[name] = true
	return ""
}

func notPlain(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '.'
}

// decode reads one JSON document whose names are all known. Errors are *DecodeError.
func decode(data []byte, into any) error {
	if err := walk(data, true); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var mistyped *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mistyped): // its field is one of ours; its text would hold the value
		return &DecodeError{Field: mistyped.Field, Offset: mistyped.Offset, Rule: RuleType}
	default: // what is left is an unknown name, which the error's text would hold
		return &DecodeError{Offset: d.InputOffset(), Rule: RuleUnknown}
	}
}

// instant reads a time of the contract.
func instant(field, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case text == "":
		return time.Time{}, &DecodeError{Field: field, Rule: RuleMissing}
	case err != nil:
		return time.Time{}, &DecodeError{Field: field, Rule: RuleType}
	}
	return t.UTC(), nil
}

// version is what begins every message.
type version struct {
	V   int    `json:"v"`
	Typ string `json:"typ"`
}

// check compares version and type of a message; typ "" when it has none.
func (v version) check(typ string) error {
	switch {
	case v.V != contractVersion:
		return &DecodeError{Field: "v", Rule: RuleVersion}
	case v.Typ != typ:
		return &DecodeError{Field: "typ", Rule: RuleValue}
	}
	return nil
}

const contractVersion = 1
