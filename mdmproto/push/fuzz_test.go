package push

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"reason":"BadDeviceToken"}`, `{"reason":"Unregistered","timestamp":1712345678901}`, `{"reason":7}`, `{"reason":"a b"}`,
		`{"timestamp":-1}`, `{"timestamp":1e3}`, `{"timestamp":99999999999999999999}`, `[]`, `null`, ``, `<html>`, `{"reason":{"reason":{}}}`,
		`{"reason":"Ünregistered"}`, `{"timestamp":9223372036854775807}`,
	} {
		f.Add([]byte(seed))
	}
	word := regexp.MustCompile(`^[A-Za-z]{0,40}$`)
	f.Fuzz(func(t *testing.T, body []byte) {
		a := decode(body)
		assert.Regexp(t, word, a.reason)
		assert.True(t, a.timestamp.IsZero() || a.timestamp.After(time.UnixMilli(0)))
		assert.Zero(t, a.status)
		assert.Zero(t, a.retryAfter)
	})
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		body   string
		reason string
		ms     int64
	}{
		{`{"reason":"Unregistered","timestamp":1712345678901}`, "Unregistered", 1712345678901},
		{`{"reason":"Unregistered","timestamp":"1712345678901"}`, "Unregistered", 0},
		{`{"reason":["x"],"timestamp":1}`, "", 1},
		{`{"reason":"of two words","timestamp":0}`, "", 0},
		{`{"reason":"` + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + `"}`, "", 0},
	} {
		a := decode([]byte(c.body))
		assert.Equal(t, c.reason, a.reason, c.body)
		if c.ms == 0 {
			assert.True(t, a.timestamp.IsZero(), c.body)
		} else {
			assert.Equal(t, c.ms, a.timestamp.UnixMilli(), c.body)
		}
	}
}
