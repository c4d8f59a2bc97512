package androidtest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A poll that the server ends early, again and again, is not repeated without a pause.
func TestRestAfterPollsThatEndedEarly(t *testing.T) {
	d := &Device{}
	for _, c := range []struct {
		name   string
		status int
		wait   time.Duration
		want   time.Duration
	}{
		{"one", http.StatusNoContent, time.Minute, time.Second},
		{"another", http.StatusNoContent, time.Minute, 2 * time.Second},
		{"one with its time up", http.StatusNoContent, 0, time.Millisecond},
		{"one anew", http.StatusNoContent, time.Minute, time.Second},
		{"one with a command", http.StatusOK, time.Minute, time.Millisecond},
	} {
		d.ended(c.status, time.Now(), c.wait)
		assert.Equal(t, c.want, d.rest(time.Millisecond), c.name)
	}
	for range 100 {
		d.ended(http.StatusNoContent, time.Now(), time.Minute)
	}
	assert.Equal(t, time.Minute, d.rest(time.Millisecond))
	assert.Equal(t, time.Hour, d.rest(time.Hour))
}
