package pin_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// TestThePINIsNowhere puts a PIN into every shape, and that into everything that prints, logs, encodes or compares.
func TestThePINIsNowhere(t *testing.T) {
	p, other := parse(t, digits), parse(t, "482915")
	shapes, others := holders(p), holders(other)
	for shape, holder := range pinHolders(p) {
		shapes[shape], others[shape] = holder, pinHolders(other)[shape]
	}
	for sink, write := range sinks() {
		t.Run(sink, func(t *testing.T) {
			for shape, holder := range shapes {
				assertHidden(t, write(holder, others[shape]), shape)
			}
		})
	}
}

// TestTheSearchFinds does the same to a plain string: no sink may swallow it in every shape, and no shape may hide it from every sink,
// or the test above could not fail there.
func TestTheSearchFinds(t *testing.T) {
	shapes, others := holders(digits), holders("482915")
	bySink, byShape := map[string]int{}, map[string]int{}
	for sink, write := range sinks() {
		for shape, holder := range shapes {
			if len(leaks(write(holder, others[shape]))) > 0 {
				bySink[sink]++
				byShape[shape]++
			}
		}
	}
	for sink := range sinks() {
		assert.Positive(t, bySink[sink], "nothing is found in what %s writes", sink)
	}
	for shape := range shapes {
		assert.Positive(t, byShape[shape], "nothing is found in: %s", shape)
	}
}

func TestLeaks(t *testing.T) {
	b := []byte(digits)
	found := map[string]string{
		"text":               "code=" + digits + ".",
		"grouped":            "739 182",
		"quoted":             fmt.Sprintf("%q", digits),
		"hexadecimal":        fmt.Sprintf("%x", b),
		"hexadecimal, apart": fmt.Sprintf("% X", b),
		"with 0x":            fmt.Sprintf("%# x", b),
		"Go syntax":          fmt.Sprintf("%#v", b),
		"bytes":              fmt.Sprintf("%d", b),
		"bytes with commas":  "[55,51,57,49,56,50]",
		"array":              fmt.Sprint([6]byte(b)),
		"octal":              fmt.Sprintf("%o", b),
		"binary":             fmt.Sprintf("%b", b),
		"characters":         fmt.Sprintf("%c", b),
		"code points":        fmt.Sprintf("%U", []rune(digits)),
		"JavaScript":         `\u0037\u0033\u0039\u0031\u0038\u0032`,
		"HTML":               "&#55;&#51;&#57;&#49;&#56;&#50;",
		"URL":                "%37%33%39%31%38%32",
		"base64":             base64.StdEncoding.EncodeToString(b),
		"base64, 1 off":      base64.StdEncoding.EncodeToString([]byte("x" + digits + "y")),
		"base64, 2 off":      base64.RawURLEncoding.EncodeToString([]byte("xx" + digits + "yy")),
		"dump":               "00000000  37 33 39 31 38 32        |739182|",
	}
	for name, text := range found {
		assert.NotEmpty(t, leaks(text), name)
	}
	for _, text := range []string{"", "[redacted]", "482915", "73918", "281937", "7 3 9 1 8 3", "55 51 57 49 56", "0xc000373339"} {
		assert.Empty(t, leaks(text), text)
	}
}

// assertHidden looks for the digits in all forms that a printer may give them.
func assertHidden(t *testing.T, out, how string) {
	t.Helper()
	assert.Empty(t, leaks(out), "%s: the digits are in %q", how, out)
}

var forms = secretForms(digits)

// leaks names the forms in which the digits are found.
func leaks(text string) (found []string) {
	for name, form := range forms {
		if form.MatchString(text) {
			found = append(found, name)
		}
	}
	return found
}

// secretForms are patterns: each character in some notation, with what may stand between two of them.
func secretForms(secret string) map[string]*regexp.Regexp {
	const between = `(?:[^0-9A-Za-z]|(?:0|\\)?[xX]|(?:U\+|\\u)00){0,4}`
	forms := map[string]*regexp.Regexp{}
	for name, verb := range map[string]string{"text": "%c", "hexadecimal": "%x", "decimal": "%d", "octal": "%o", "binary": "%b"} {
		var chars []string
		for _, c := range []byte(secret) {
			chars = append(chars, fmt.Sprintf(verb, c))
		}
		forms[name] = regexp.MustCompile(strings.Join(chars, between))
	}
	for off := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte("xxx"[:off] + secret + "xxx"))
		whole := text[(off*8+5)/6 : (off+len(secret))*8/6] // without the letters that neighbours decide
		forms[fmt.Sprint("base64, ", off)] = regexp.MustCompile(whole)
	}
	return forms
}

type (
	exported[T any]   struct{ Code T }
	unexported[T any] struct{ code T }
	nested[T any]     struct {
		Name  string
		inner struct{ deep []map[string]unexported[T] }
	}
	failure[T any] struct{ code T }
	valuer[T any]  struct{ code T }
)

func (f failure[T]) Error() string { return fmt.Sprintf("it failed at %v", f.code) }

func (v valuer[T]) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("code", v.code), slog.Any("holder", unexported[T](v)))
}

// holders are the shapes in which a value may meet a printer. The same shapes take a PIN and a string.
func holders[T any](v T) map[string]any {
	pointer := &v
	deep := nested[T]{Name: "n"}
	deep.inner.deep = []map[string]unexported[T]{{"k": {v}}}
	var box atomic.Value
	box.Store(v)
	return map[string]any{
		"value":                 v,
		"pointer":               pointer,
		"pointer to a pointer":  &pointer,
		"exported field":        exported[T]{v},
		"unexported field":      unexported[T]{v},
		"pointer to a struct":   &unexported[T]{v},
		"pointer in a field":    exported[*T]{pointer},
		"pointer in unexported": unexported[*T]{pointer},
		"any in a field":        exported[any]{v},
		"any in unexported":     unexported[any]{v},
		"slice":                 []T{v},
		"slice of pointers":     []*T{pointer},
		"slice in unexported":   unexported[[]T]{[]T{v}},
		"array":                 [2]T{v, v},
		"map":                   map[string]T{"code": v},
		"map of pointers":       map[int]*T{1: pointer},
		"map of structs":        map[string]unexported[T]{"code": {v}},
		"slice of any":          []any{"x", v, pointer},
		"nested":                deep,
		"atomic value":          &box,
		"error":                 failure[T]{v},
		"error, printed":        fmt.Errorf("order: %v", v),
		"error, printed in Go":  fmt.Errorf("order: %#v", unexported[T]{v}),
		"error, wrapped":        fmt.Errorf("order: %w", failure[T]{v}),
		"errors, joined":        errors.Join(errors.New("first"), &failure[T]{v}),
		"error in a struct":     unexported[error]{failure[T]{v}},
		"log valuer":            valuer[T]{v},
		"attribute":             slog.Any("code", v),
		"context":               context.WithValue(context.Background(), exported[int]{}, v),
	}
}

// pinHolders are shapes that only a PIN fits.
func pinHolders(p pin.PIN) map[string]any {
	type embedded struct{ pin.PIN }
	type embeddedPointer struct{ *pin.PIN }
	key, err := pin.NewKeyring(pin.Key{ID: "k", Secret: p})
	return map[string]any{
		"embedded":         embedded{p},
		"embedded pointer": embeddedPointer{&p},
		"pointer to that":  &embedded{p},
		"key":              pin.Key{ID: "k", Secret: p},
		"refused as a key": unexported[any]{[]any{key, err}},
	}
}

func TestNothingPrintsTheKeys(t *testing.T) {
	secret, err := pin.Bytes([]byte(strings.Repeat("K", 26) + digits))
	require.NoError(t, err)
	k := ring(t, pin.Key{ID: "k1", Secret: secret}, key(t, "k0", 9))
	for sink, write := range sinks() {
		for _, holder := range []any{k, *k, unexported[*pin.Keyring]{k}, exported[pin.Keyring]{*k}} {
			assertHidden(t, write(holder, k.Rotate()), sink)
		}
	}
}

func TestErrorNeverHoldsThePIN(t *testing.T) {
	_, err := pin.Parse(digits + "\n")
	require.Error(t, err)
	assertHidden(t, fmt.Sprintf("%v %+v %#v", err, err, err), "Parse")
	err = pin.Policy{Length: 5}.Check(parse(t, digits))
	require.Error(t, err)
	assertHidden(t, fmt.Sprintf("%v %+v %#v", err, err, err), "Check")
}
