package account_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestCheckEmail(t *testing.T) {
	for _, good := range []string{
		"jane@example.com", "jane.doe+phone@mail.example.co.uk", "root@localhost", "o'brien@example.com", "a@xn--gre-loa3h.example",
	} {
		require.NoError(t, account.CheckEmail("user", good), good)
	}
	for name, bad := range map[string]string{
		"empty": "", "no domain": "jane", "nobody": "@example.com", "two": "a@example.com,b@example.com", "name": "Jane <jane@example.com>",
		"line feed": "jane@example.com\n", "header": "jane@example.com\r\nBcc: x@example.com", "space": "jane doe@example.com",
		"quoted": `"jane doe"@example.com`, "NUL": "jane\x00@example.com", "beyond ASCII": "jané@example.com", "dots": "jane..doe@example.com",
		"dot in front": ".jane@example.com", "address literal": "jane@[192.0.2.1]", "hyphen": "jane@-example.com", "angle": "jane@example.com>",
		"long": strings.Repeat("a", 65) + "@a.b", "long domain": "a@" + strings.Repeat("a.", 130) + "b",
	} {
		t.Run(name, func(t *testing.T) {
			err := account.CheckEmail("user", bad)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, "user", input.Field)
		})
	}
}

func TestEmailOfAnAccount(t *testing.T) {
	w := newWorld(t)
	email := func() string {
		a, err := w.Account(t.Context(), account.Admin)
		require.NoError(t, err)
		return a.Email
	}
	assert.Empty(t, email())
	require.NoError(t, w.SetEmail(t.Context(), boss, account.Admin, "admin@example.com"))
	assert.Equal(t, "admin@example.com", email())
	var input *lock.InputError
	require.ErrorAs(t, w.SetEmail(t.Context(), boss, account.Admin, "a@example.com, b@example.com"), &input)
	require.ErrorIs(t, w.SetEmail(t.Context(), boss, "nobody", "x@example.com"), lock.ErrNotFound)
	assert.Equal(t, "admin@example.com", email())
	require.NoError(t, w.SetEmail(t.Context(), boss, account.Admin, ""))
	assert.Empty(t, email())
}

// TestTriesOfLinksAreCountedApart: who tries links keeps nobody from signing in, and the other way round.
func TestTriesOfLinksAreCountedApart(t *testing.T) {
	w := newWorld(t)
	var may bool
	for range 11 {
		var err error
		may, err = w.TryLink(t.Context(), here)
		require.NoError(t, err)
	}
	assert.False(t, may)
	_, err := w.CheckPassword(t.Context(), "admin", password, here)
	require.NoError(t, err)
	may, err = w.TryLink(t.Context(), here)
	require.NoError(t, err)
	assert.False(t, may, "a sign-in gives no tries of links back")
}
