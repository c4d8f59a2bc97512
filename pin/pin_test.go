package pin_test

import (
	"bytes"
	"database/sql/driver"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
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

// requireReason wants an *Error with this reason, for errors.As and for errors.Is.
func requireReason(t *testing.T, err error, reason pin.Reason) {
	t.Helper()
	var refusal *pin.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, reason, refusal.Reason)
	require.ErrorIs(t, err, reason)
}
