package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// A text that PostgreSQL cannot keep is refused where it comes in, whatever the database is.
func TestFormsAreText(t *testing.T) {
	b := newBench(t).signIn()
	for name, c := range map[string]struct {
		path   string
		fields []string
		names  string
	}{
		"device":  {"/retention", []string{"days", "365", "reason", "x", "device", "a\x00"}, "Device must be UTF-8 text"},
		"serial":  {"/retention/hold", []string{"serial", "a\x00", "reason", "x"}, "Serial must be UTF-8 text"},
		"reason":  {"/devices/mac1/hold", []string{"reason", "a\xff"}, "Reason must be UTF-8 text"},
		"confirm": {"/devices/mac1/remove", []string{"confirm", "\x00"}, "Confirm must be UTF-8 text"},
	} {
		refused := b.post(c.path, c.fields...)
		assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode, name)
		has(t, refused.text, c.names, name)
	}
}

// busy is an account store that is asked too often.
type busy struct{ accounts }

// CheckPassword implements Accounts.
func (busy) CheckPassword(context.Context, string, string, string) (lock.Actor, error) {
	return lock.Actor{}, account.ErrTooOften
}

func TestSignInTooOften(t *testing.T) {
	b := newBench(t)
	b.server = httptest.NewServer(b.handler(func(c *Config) { c.Accounts = busy{accounts{b}} }))
	t.Cleanup(b.server.Close)
	refused := b.post("/signin", "name", "admin", "password", "correct horse")
	assert.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
	assert.Equal(t, "60", refused.Header.Get("Retry-After"))
	has(t, refused.text, "Too many tries from your network.")
	hasNot(t, refused.text, "is wrong")
}
