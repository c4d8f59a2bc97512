package pin_test

import (
	"bytes"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

const digits = "739182"

func parse(t testing.TB, s string) pin.PIN {
	t.Helper()
	p, err := pin.Parse(s)
	require.NoError(t, err)
	return p
}

// holders are the shapes in which a PIN may meet a printer.
func holders(p pin.PIN) map[string]any {
	type exported struct{ Code pin.PIN }
	type unexported struct{ code pin.PIN }
	type pointer struct{ code *pin.PIN }
	type embedded struct{ pin.PIN }
	return map[string]any{
		"value":                      p,
		"pointer":                    &p,
		"exported field":             exported{p},
		"unexported field":           unexported{p},
		"pointer to struct":          &unexported{p},
		"pointer in a struct":        pointer{&p},
		"embedded":                   embedded{p},
		"slice":                      []pin.PIN{p},
		"array":                      [1]pin.PIN{p},
		"map":                        map[string]pin.PIN{"code": p},
		"map of structs":             map[string]unexported{"code": {p}},
		"slice of any":               []any{p, &p},
		"any in an unexported field": struct{ v any }{p},
		"key":                        pin.Key{ID: "k", Secret: p},
	}
}

func TestNothingPrintsThePIN(t *testing.T) {
	verbs := strings.Split("%v,%+v,%#v,%s,%q,%x,%X,% x,%#x,%d,%b,%o,%c,%U,%e,%t,%p,%T,%w,%20s,%.3s,%-8v", ",")
	for name, holder := range holders(parse(t, digits)) {
		t.Run(name, func(t *testing.T) {
			for _, verb := range verbs {
				assertHidden(t, fmt.Sprintf(verb, holder), verb)
			}
			assertHidden(t, fmt.Sprint(holder), "Sprint")
			assertHidden(t, fmt.Errorf("wrapped: %v", holder).Error(), "Errorf")
		})
	}
}

func TestNothingLogsThePIN(t *testing.T) {
	for name, holder := range holders(parse(t, digits)) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			slog.New(slog.NewTextHandler(&out, nil)).Info("text", "holder", holder, slog.Group("g", slog.Any("inner", holder)))
			slog.New(slog.NewJSONHandler(&out, nil)).With("holder", holder).Info("json", "again", holder)
			assertHidden(t, out.String(), "slog")
		})
	}
}

// assertHidden looks for the digits as text, as hexadecimal, and as a list of byte values.
func assertHidden(t *testing.T, out, how string) {
	t.Helper()
	bytes := strings.Trim(fmt.Sprintf("%d", []byte(digits)), "[]")
	for _, form := range []string{digits, fmt.Sprintf("%x", digits), fmt.Sprintf("% x", digits), bytes} {
		assert.NotContains(t, out, form, how)
	}
}

func TestPrintedFormIsFixed(t *testing.T) {
	for _, p := range []pin.PIN{{}, parse(t, "7"), parse(t, digits)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%30s", "%-3v", "%.2s"} {
			assert.Equal(t, "[redacted]", fmt.Sprintf(verb, p), verb)
		}
		assert.Equal(t, "[redacted]", p.String())
		assert.Equal(t, "[redacted]", p.GoString())
		assert.Equal(t, "[redacted]", p.LogValue().String())
	}
}

func TestEveryEncoderFails(t *testing.T) {
	p := parse(t, digits)
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var out bytes.Buffer
			err := gob.NewEncoder(&out).Encode(v)
			return out.Bytes(), err
		},
	}
	type element struct{ Code pin.PIN }
	type attribute struct {
		Code pin.PIN `xml:"code,attr" json:"code"`
	}
	values := map[string]any{"value": p, "pointer": &p, "zero": pin.PIN{}, "element": element{p}, "attribute": attribute{p}}
	for encoder, encode := range encoders {
		for name, value := range values {
			t.Run(encoder+" "+name, func(t *testing.T) {
				out, err := encode(value)
				require.ErrorIs(t, err, pin.ErrSecret)
				assertHidden(t, string(out)+err.Error(), encoder)
			})
		}
	}
}

func TestEveryEncodingMethodFails(t *testing.T) {
	p := parse(t, digits)
	methods := map[string]func() (any, error){
		"MarshalText":   func() (any, error) { b, err := p.MarshalText(); return string(b), err },
		"AppendText":    func() (any, error) { b, err := p.AppendText([]byte{}); return string(b), err },
		"MarshalBinary": func() (any, error) { b, err := p.MarshalBinary(); return string(b), err },
		"AppendBinary":  func() (any, error) { b, err := p.AppendBinary([]byte{}); return string(b), err },
		"MarshalJSON":   func() (any, error) { b, err := p.MarshalJSON(); return string(b), err },
		"GobEncode":     func() (any, error) { b, err := p.GobEncode(); return string(b), err },
		"MarshalYAML":   p.MarshalYAML,
		"MarshalPlist":  p.MarshalPlist,
		"Value":         func() (any, error) { return driver.DefaultParameterConverter.ConvertValue(p) },
	}
	for name, encode := range methods {
		t.Run(name, func(t *testing.T) {
			out, err := encode()
			require.ErrorIs(t, err, pin.ErrSecret)
			assert.Empty(t, out)
		})
	}
}

func TestEqual(t *testing.T) {
	p := parse(t, digits)
	assert.True(t, p.Equal(parse(t, digits)))
	assert.True(t, pin.PIN{}.Equal(pin.PIN{}))
	assert.False(t, p.Equal(parse(t, "739183")))
	assert.False(t, p.Equal(parse(t, "73918")))
	assert.False(t, p.Equal(pin.PIN{}))
	assert.False(t, pin.PIN{}.Equal(p))
}

func TestNotComparable(t *testing.T) {
	assert.False(t, reflect.TypeFor[pin.PIN]().Comparable(), "with == the digits would be compared in varying time")
}

func TestZero(t *testing.T) {
	assert.True(t, pin.PIN{}.IsZero())
	assert.Empty(t, pin.PIN{}.Expose())
	assert.False(t, parse(t, "1").IsZero())
}

func TestParse(t *testing.T) {
	refused := map[string]struct {
		in     string
		reason pin.Reason
	}{
		"empty":               {"", pin.ReasonLength},
		"257 bytes":           {strings.Repeat("7", 257), pin.ReasonLength},
		"not UTF-8":           {"12\xff456", pin.ReasonEncoding},
		"half a character":    {"12345\xc3", pin.ReasonEncoding},
		"surrogate":           {"\xed\xa0\x80", pin.ReasonEncoding},
		"line feed at end":    {"123456\n", pin.ReasonControl},
		"NUL":                 {"123\x00456", pin.ReasonControl},
		"DEL":                 {"123\x7f456", pin.ReasonControl},
		"C1 control":          {"123\u0085456", pin.ReasonControl},
		"space before":        {" 123456", pin.ReasonSpace},
		"space after":         {"123456 ", pin.ReasonSpace},
		"no-break space":      {"\u00a0123456", pin.ReasonSpace},
		"nothing but a space": {" ", pin.ReasonSpace},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			p, err := pin.Parse(c.in)
			requireReason(t, err, c.reason)
			assert.True(t, p.IsZero())
		})
	}
	for _, in := range []string{"1", "000000", "123456", "pass word", "Grüße", "密码", strings.Repeat("7", 256)} {
		t.Run("accepted "+in[:1], func(t *testing.T) {
			p, err := pin.Parse(in)
			require.NoError(t, err)
			assert.Equal(t, in, p.Expose())
		})
	}
}

func TestBytes(t *testing.T) {
	token := []byte{0, 1, 2, 0xff, '\n', ' '}
	p, err := pin.Bytes(token)
	require.NoError(t, err)
	clear(token)
	assert.Equal(t, "\x00\x01\x02\xff\n ", p.Expose(), "a copy, so that the caller may wipe its own")

	_, err = pin.Bytes(make([]byte, 64<<10))
	require.NoError(t, err)
	for _, size := range []int{0, 64<<10 + 1} {
		_, err = pin.Bytes(make([]byte, size))
		requireReason(t, err, pin.ReasonLength)
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

// requireReason wants an *Error with this reason, for errors.As and for errors.Is.
func requireReason(t *testing.T, err error, reason pin.Reason) {
	t.Helper()
	var refusal *pin.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, reason, refusal.Reason)
	require.ErrorIs(t, err, reason)
}
