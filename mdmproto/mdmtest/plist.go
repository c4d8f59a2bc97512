package mdmtest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"github.com/groob/plist"
)

// Limits of what a server may send. A profile or a command is a few kilobytes and a handful of levels.
const (
	maxBody     = 1 << 20
	maxDepth    = 32
	maxElements = 20_000
)

// decode reads an XML property list whose root is a dictionary. Values are string, bool, int64 or uint64, float64, time.Time,
// []byte, []any and map[string]any. Errors say what is wrong and where, never what is in it.
func decode(data []byte) (dict map[string]any, err error) {
	if err := inspect(data); err != nil {
		return nil, err
	}
	defer func() { // the decoder's parser is not written for hostile input
		if recover() != nil {
			dict, err = nil, errors.New("property list: cannot be decoded")
		}
	}()
	var v any
	if err := plist.NewXMLDecoder(bytes.NewReader(data)).Decode(&v); err != nil {
		return nil, errors.New("property list: cannot be decoded") // the decoder's error repeats values
	}
	dict, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("property list: the root is not a dictionary")
	}
	return dict, nil
}

// inspect bounds the work before the recursive decoder sees the data.
func inspect(data []byte) error {
	if len(data) > maxBody {
		return fmt.Errorf("property list: more than %d bytes", maxBody)
	}
	if bytes.HasPrefix(data, []byte("bplist")) {
		return errors.New("property list: binary; only XML is read")
	}
	var s shape
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("property list: not XML near byte %d", d.InputOffset())
		}
		if !s.take(token) {
			return fmt.Errorf("property list: beyond the limits of nesting, size or document type near byte %d", d.InputOffset())
		}
	}
	if s.depth != 0 || s.roots != 1 {
		return errors.New("property list: not exactly one complete root")
	}
	return nil
}

// shape is what inspect counts.
type shape struct{ depth, elements, roots int }

func (s *shape) take(token xml.Token) bool {
	switch t := token.(type) {
	case xml.StartElement:
		if s.depth == 0 {
			s.roots++
		}
		s.depth++
		s.elements++
	case xml.EndElement:
		s.depth--
	case xml.Directive: // entities could be declared in an internal subset
		return !bytes.ContainsRune(t, '[')
	}
	return s.depth >= 0 && s.depth <= maxDepth && s.elements <= maxElements
}

func encode(dict map[string]any) ([]byte, error) {
	body, err := plist.Marshal(dict)
	if err != nil {
		return nil, fmt.Errorf("mdmtest: encode a message: %w", err)
	}
	return body, nil
}

// at returns the value of a key when it has that type, else the zero value.
func at[T any](dict map[string]any, key string) T {
	v, _ := dict[key].(T)
	return v
}

// optional is like at, and says whether the key is absent or has that type.
func optional[T any](dict map[string]any, key string) (T, bool) {
	v, present := dict[key]
	t, ok := v.(T)
	return t, ok || !present
}

// integer returns a whole number, else 0.
func integer(v any) int {
	switch n := v.(type) {
	case int64:
		return int(n)
	case uint64:
		return int(n)
	}
	return 0
}
