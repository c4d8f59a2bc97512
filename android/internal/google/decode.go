package google

import (
	"encoding/json"
	"errors"
	"fmt"
)

const maxDepth = 16 // of JSON; an operation with its metadata has 5

// Decode reads one JSON value. Unknown fields are passed over, since Google adds some. The error has a position and no text.
func Decode(body []byte, into any) error {
	if err := checkDepth(body); err != nil {
		return err
	}
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON, at byte %d of %d", syntax.Offset, len(body))
	case errors.As(err, &kind):
		return fmt.Errorf("not the expected type (%s), at byte %d of %d", kind.Type, kind.Offset, len(body))
	}
	return fmt.Errorf("a value of %d bytes that cannot be read", len(body))
}

// checkDepth finds nesting that is deeper than any message's.
func checkDepth(body []byte) error {
	depth, quoted, escaped := 0, false, false
	for i, c := range body {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("nested more than %d deep, at byte %d of %d", maxDepth, i, len(body))
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return nil
}
