package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// A removed account leaves nothing that lets anybody in, and nobody else gets its name: they would get what was approved for it.
func TestRemovedAccountIsNobodyElses(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ada := account.Account{Name: "ada", Rights: account.Rights()}
	require.NoError(t, w.Create(ctx, boss, ada, password))
	token, err := w.NewToken(ctx, boss, "ada")
	require.NoError(t, err)
	require.NoError(t, w.Remove(ctx, boss, "ada"))
	_, err = w.CheckToken(ctx, token)
	require.ErrorIs(t, err, lock.ErrDenied)
	all, err := w.Tokens(ctx)
	require.NoError(t, err)
	assert.Empty(t, all, "whatever becomes of the name")
	require.Error(t, w.Authorize(ctx, lock.Actor{ID: "ada"}, lock.VerbReveal, target("x")))

	noted := len(w.noted)
	input := (*lock.InputError)(nil)
	require.ErrorAs(t, w.Create(ctx, boss, ada, password), &input)
	assert.Equal(t, "name", input.Field)
	assert.Contains(t, input.Rule, "removed")
	require.ErrorIs(t, w.SetPassword(ctx, boss, "ada", password), lock.ErrNotFound)
	assert.Len(t, w.noted, noted, "what was refused is no change")
	require.NoError(t, w.Create(ctx, boss, account.Account{Name: "ada2"}, ""))
}

func TestSetPassword(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const another = "staple battery horse"
	robot := account.Account{Name: "robot", Rights: []lock.Verb{lock.VerbView}}
	require.NoError(t, w.Create(ctx, boss, robot, ""))
	require.NoError(t, w.SetPassword(ctx, boss, "robot", password))
	require.NoError(t, w.SetPassword(ctx, boss, "robot", another))
	assert.Equal(t, map[string]string{"kind": "password", "account": "robot"}, w.noted[len(w.noted)-1])
	_, err := w.CheckPassword(ctx, "robot", password, here)
	require.ErrorIs(t, err, lock.ErrDenied)
	_, err = w.CheckPassword(ctx, "robot", another, here)
	require.NoError(t, err)
	got, err := w.Account(ctx, "robot")
	require.NoError(t, err)
	assert.Equal(t, w.now, got.Since)
	assert.Equal(t, w.now.Add(2*time.Microsecond), got.PasswordAt, "each is later than the one before, whatever the clock says")
	assert.Equal(t, robot.Rights, got.Rights)

	w.now = w.now.Add(time.Hour)
	require.NoError(t, w.SetPassword(ctx, boss, account.Admin, another), "also that of the first administrator")
	got, err = w.Account(ctx, account.Admin)
	require.NoError(t, err)
	assert.Equal(t, w.now, got.PasswordAt)

	noted := len(w.noted)
	input := (*lock.InputError)(nil)
	require.ErrorAs(t, w.SetPassword(ctx, boss, "robot", "short"), &input)
	assert.Equal(t, "password", input.Field)
	require.ErrorIs(t, w.SetPassword(ctx, boss, "nobody", password), lock.ErrNotFound)
	assert.Len(t, w.noted, noted)
	w.mute = true
	require.Error(t, w.SetPassword(ctx, boss, "robot", password))
	_, err = w.CheckPassword(ctx, "robot", another, here)
	require.NoError(t, err, "nothing without a record")
}

func TestIsName(t *testing.T) {
	for name, want := range map[string]bool{
		"ada": true, "ada@example.com": true, account.Admin: true, "Admin": false, "system": false, account.System: false, "Latchkey": false,
		"a b": false, "a:b": false, "": false,
	} {
		assert.Equal(t, want, account.IsName(name), name)
	}
}

// An account that had the server's own name before that was reserved is nobody: else it would give tokens to every device.
func TestServersOwnNameIsNoAccount(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	require.NoError(t, w.Create(ctx, boss, account.Account{Name: "old", Rights: []lock.Verb{lock.VerbView}, Restricted: true}, password))
	token, err := w.NewToken(ctx, boss, "old")
	require.NoError(t, err)
	_, err = w.CheckToken(ctx, token)
	require.NoError(t, err)
	for _, statement := range []string{
		`INSERT INTO server_accounts (name, password, rights, restricted, created_at, password_at)
			SELECT 'latchkey', password, rights, restricted, created_at, password_at FROM server_accounts WHERE name = 'old'`,
		`UPDATE server_tokens SET account = 'latchkey'`,
	} {
		_, err := w.db.Exec(ctx, statement)
		require.NoError(t, err)
	}
	_, err = w.CheckToken(ctx, token)
	require.ErrorIs(t, err, lock.ErrDenied)
	_, err = w.CheckPassword(ctx, "old", password, here)
	require.NoError(t, err)
	_, err = w.CheckPassword(ctx, account.System, password, here)
	require.ErrorIs(t, err, lock.ErrDenied)
	require.NoError(t, w.Remove(ctx, boss, account.System), "it can be removed")
}
