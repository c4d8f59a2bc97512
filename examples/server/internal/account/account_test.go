package account_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// here is where the sign-ins come from.
const here = "192.0.2.1"

const password = "correct horse battery"

type world struct {
	*account.Store
	account.Desk
	db    *db.DB
	now   time.Time
	noted []map[string]string
	mute  bool // nothing can be put on record
}

// boss is who changes accounts.
var boss = lock.Actor{ID: "admin"}

// Note implements account.Notices.
func (w *world) Note(_ context.Context, a lock.Actor, kind lock.EventType, scope string, facts map[string]string) error {
	if w.mute {
		return errors.New("disk full")
	}
	if a != boss || kind != lock.EventAccount || scope != "default" {
		return fmt.Errorf("noted as %s by %s in %s", kind, a.ID, scope)
	}
	w.noted = append(w.noted, facts)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := dbtest.Open(t, dbtest.Source(t, &server))
	w := &world{db: d, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	w.Store = account.New(account.Config{DB: d, Scope: "default", Now: func() time.Time { return w.now }})
	w.Desk = account.Desk{Accounts: w.Store, Notices: w}
	require.NoError(t, w.CreateAdmin(t.Context(), password, nil))
	return w
}

func TestCheckPassword(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		name, password string
		right          bool
	}{
		"right":            {"admin", password, true},
		"wrong":            {"admin", password + "x", false},
		"empty":            {"admin", "", false},
		"unknown name":     {"root", password, false},
		"name in capitals": {"ADMIN", password, false},
		"endless":          {"admin", string(make([]byte, 10_000)), false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := w.CheckPassword(t.Context(), c.name, c.password, here)
			if c.right {
				require.NoError(t, err)
				assert.Equal(t, lock.Actor{ID: "admin", Name: "admin"}, a)
				return
			}
			require.ErrorIs(t, err, lock.ErrDenied)
			assert.Empty(t, a)
		})
	}
}

func TestAdminIsMadeOnce(t *testing.T) {
	w := newWorld(t)
	has, err := w.HasAdmin(t.Context())
	require.NoError(t, err)
	assert.True(t, has)
	require.NoError(t, w.CreateAdmin(t.Context(), "another password", func() error { return errors.New("called") }))
	_, err = w.CheckPassword(t.Context(), "admin", "another password", here)
	assert.ErrorIs(t, err, lock.ErrDenied)
}

func TestShortPasswordIsRefused(t *testing.T) {
	w := newWorld(t)
	var input *lock.InputError
	require.ErrorAs(t, w.CreateAdmin(t.Context(), "short", nil), &input)
	assert.NotContains(t, input.Error(), "short")
}

func TestPasswordsAndTokensAreNotKeptInClear(t *testing.T) {
	w := newWorld(t)
	token, err := w.NewToken(t.Context(), boss, "admin")
	require.NoError(t, err)
	var kept, sum string
	require.NoError(t, w.db.Readers.QueryRow(`SELECT password FROM server_accounts`).Scan(&kept))
	assert.NotContains(t, kept, password)
	require.NoError(t, w.db.Readers.QueryRow(`SELECT sha256, account FROM server_tokens`).Scan(&sum, &kept))
	assert.NotContains(t, sum+kept, token)
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	token, err := w.NewToken(t.Context(), boss, "admin")
	require.NoError(t, err)
	a, err := w.CheckToken(t.Context(), token)
	require.NoError(t, err)
	assert.Equal(t, "admin", a.ID)
	for _, bad := range []string{"", "x", token[:len(token)-1], token + "x"} {
		_, err := w.CheckToken(t.Context(), bad)
		require.ErrorIs(t, err, lock.ErrDenied)
	}
	_, err = w.NewToken(t.Context(), boss, "nobody")
	assert.Error(t, err, "a token acts for an account")
}

func TestAuthorize(t *testing.T) {
	w := newWorld(t)
	admin, stranger := lock.Actor{ID: "admin"}, lock.Actor{ID: "stranger"}
	here, elsewhere := lock.Target{Device: lock.Device{Scope: "default"}}, lock.Target{Device: lock.Device{Scope: "other"}}
	require.NoError(t, w.Authorize(t.Context(), admin, lock.VerbReveal, here))
	require.Error(t, w.Authorize(t.Context(), stranger, lock.VerbView, here))
	require.Error(t, w.Authorize(t.Context(), admin, lock.VerbView, elsewhere))
	require.NoError(t, w.Authorize(t.Context(), admin, lock.VerbReseal, lock.Target{}), "it concerns no scope")
	require.NoError(t, w.Authorize(t.Context(), admin, lock.VerbPurge, lock.Target{}), "it concerns no scope")
	require.Error(t, w.Authorize(t.Context(), stranger, lock.VerbPurge, lock.Target{}))
	require.Error(t, w.Authorize(t.Context(), stranger, lock.VerbReseal, lock.Target{}))
	require.Error(t, w.Authorize(t.Context(), admin, lock.VerbReseal, elsewhere))
	require.Error(t, w.Authorize(t.Context(), admin, lock.VerbReseal, lock.Target{Device: lock.Device{ID: "mac"}}))
	require.Error(t, w.Authorize(t.Context(), admin, lock.VerbReseal, lock.Target{Action: &lock.Action{}}))
	require.Error(t, w.Authorize(t.Context(), admin, lock.VerbReveal, lock.Target{}), "no scope is all scopes")
	f := lock.Filter{Scope: "default", Serial: "S"}
	got, err := w.Visible(t.Context(), admin, lock.VerbView, f)
	require.NoError(t, err)
	assert.Equal(t, f, got)
	_, err = w.Visible(t.Context(), stranger, lock.VerbView, f)
	require.Error(t, err)
	_, err = w.Visible(t.Context(), admin, lock.VerbView, lock.Filter{})
	assert.Error(t, err, "no scope is all scopes")
}

// Several servers start for the first time: only the password of the one that made the administrator is printed.
func TestOneOfManyMakesTheAdministrator(t *testing.T) {
	source := dbtest.Source(t, &server)
	var told atomic.Int32
	var starting sync.WaitGroup
	for i := range 6 {
		s := account.New(account.Config{DB: dbtest.Open(t, source), Scope: "default"})
		starting.Go(func() {
			assert.NoError(t, s.CreateAdmin(t.Context(), fmt.Sprint(password, i), func() error { told.Add(int32(1 + 10*i)); return nil }))
		})
	}
	starting.Wait()
	require.Equal(t, int32(1), told.Load()%10, "it was told once")
	s := account.New(account.Config{DB: dbtest.Open(t, source), Scope: "default"})
	_, err := s.CheckPassword(t.Context(), "admin", fmt.Sprint(password, told.Load()/10), here)
	assert.NoError(t, err)
}

func TestNoAdministratorWhosePasswordNobodyKnows(t *testing.T) {
	s := account.New(account.Config{DB: dbtest.Open(t, dbtest.Source(t, &server)), Scope: "default"})
	full := errors.New("disk full")
	require.ErrorIs(t, s.CreateAdmin(t.Context(), password, func() error { return full }), full)
	has, err := s.HasAdmin(t.Context())
	require.NoError(t, err)
	assert.False(t, has)
}

func TestNobodyIsDeniedByADatabaseThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	here := lock.Target{Device: lock.Device{Scope: "default"}}
	require.ErrorIs(t, w.Authorize(ended, lock.Actor{ID: "admin"}, lock.VerbReveal, here), lock.ErrUndecided)
	_, err := w.Visible(ended, lock.Actor{ID: "admin"}, lock.VerbView, lock.Filter{Scope: "default"})
	require.ErrorIs(t, err, lock.ErrUndecided)
}
