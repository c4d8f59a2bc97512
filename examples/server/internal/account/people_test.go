package account_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

func (w *world) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := w.db.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// fleet is a tree of groups, office with london below it and field beside it, with a device in each that has the name of the group.
func (w *world) fleet(t *testing.T) {
	t.Helper()
	for _, g := range [][2]string{{"office", ""}, {"london", "office"}, {"field", ""}} {
		w.exec(t, `INSERT INTO server_groups (id, kind, name, parent) VALUES ($1, 'devices', $1, $2)`, g[0], g[1])
		w.device(t, g[0])
		w.exec(t, `INSERT INTO server_group_members (grp, member) VALUES ($1, $1)`, g[0])
	}
	w.device(t, "loose")
}

func (w *world) device(t *testing.T, id string) {
	t.Helper()
	w.exec(t, `INSERT INTO server_devices (id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		VALUES ($1, '', '', '', '', '', '', 1, 1, 1, $2)`, id, []byte(id))
}

// restricted makes an account that has all rights for some groups.
func (w *world) restricted(t *testing.T, name string, groups ...string) lock.Actor {
	t.Helper()
	require.NoError(t, w.Create(t.Context(), boss, account.Account{Name: name, Rights: account.Rights(), Restricted: true, Groups: groups}, ""))
	return lock.Actor{ID: name}
}

func target(device string) lock.Target {
	return lock.Target{Device: lock.Device{Scope: "default", ID: device}}
}

func TestRightsOfARestrictedAccount(t *testing.T) {
	w := newWorld(t)
	w.fleet(t)
	ada := w.restricted(t, "ada", "office")
	require.NoError(t, w.Create(t.Context(), boss, account.Account{Name: "vera", Rights: []lock.Verb{lock.VerbView}}, ""))
	w.exec(t, `UPDATE server_devices SET removed = 1 WHERE id = 'london'`)
	some := lock.Target{Device: lock.Device{Scope: "default"}}
	batch := lock.Target{Device: lock.Device{Scope: "default"}, Size: 3}
	serial := lock.Target{Device: lock.Device{Scope: "default", Serial: "C02"}}
	for name, c := range map[string]struct {
		who  lock.Actor
		verb lock.Verb
		what lock.Target
		want error
	}{
		"in the group":            {ada, lock.VerbReveal, target("office"), nil},
		"in another":              {ada, lock.VerbReveal, target("field"), account.ErrGroups},
		"in none":                 {ada, lock.VerbView, target("loose"), account.ErrGroups},
		"not in the inventory":    {ada, lock.VerbReveal, target("london"), account.ErrGroups},
		"unknown":                 {ada, lock.VerbReveal, target("nobody\x00"), account.ErrGroups},
		"a serial number alone":   {ada, lock.VerbHold, serial, account.ErrWhole},
		"purge":                   {ada, lock.VerbPurge, lock.Target{}, account.ErrWhole},
		"reseal":                  {ada, lock.VerbReseal, lock.Target{}, account.ErrWhole},
		"the whole record":        {ada, lock.VerbAudit, some, account.ErrWhole},
		"enrolment of any device": {ada, account.VerbEnrol, some, account.ErrWhole},
		"renewal of her own":      {ada, account.VerbEnrol, target("office"), nil},
		"approval of whatever":    {ada, lock.VerbApprove, some, account.ErrWhole},
		"approval of a batch":     {ada, lock.VerbApprove, batch, nil},
		"bulk":                    {ada, lock.VerbBulk, batch, nil},
		"groups":                  {ada, group.VerbEdit, some, nil},
		"right":                   {lock.Actor{ID: "vera"}, lock.VerbView, target("field"), nil},
		"no right":                {lock.Actor{ID: "vera"}, lock.VerbReveal, target("field"), account.ErrRight},
		"no right to what is all": {lock.Actor{ID: "vera"}, lock.VerbPurge, lock.Target{}, account.ErrRight},
		"server itself, a token":  {lock.Actor{ID: account.System}, lock.VerbProvision, target("loose"), nil},
		"server itself, a lock":   {lock.Actor{ID: account.System}, lock.VerbLock, target("loose"), account.ErrRight},
		"server itself, a PIN":    {lock.Actor{ID: account.System}, lock.VerbReveal, target("office"), account.ErrRight},
		"administrator":           {boss, lock.VerbReveal, target("london"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := w.Authorize(t.Context(), c.who, c.verb, c.what); c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

func TestListingsOfARestrictedAccount(t *testing.T) {
	w := newWorld(t)
	w.fleet(t)
	ada, lost := w.restricted(t, "ada", "office"), w.restricted(t, "lost")
	for name, c := range map[string]struct {
		who         lock.Actor
		asked, want []string
	}{
		"all that is hers":       {ada, nil, []string{"london", "office"}},
		"of some, hers":          {ada, []string{"field", "office", "x\x00"}, []string{"office"}},
		"of another's, nothing":  {ada, []string{"field"}, []string{"\x01"}},
		"who has no groups":      {lost, nil, []string{"\x01"}},
		"who sees everything":    {boss, nil, nil},
		"everything, some of it": {boss, []string{"field"}, []string{"field"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []lock.Verb{lock.VerbView, lock.VerbAudit} {
				f, err := w.Visible(t.Context(), c.who, verb, lock.Filter{Scope: "default", Serial: "S", Devices: c.asked})
				require.NoError(t, err)
				assert.ElementsMatch(t, c.want, f.Devices)
				assert.Equal(t, "S", f.Serial)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Visible(ended, ada, lock.VerbView, lock.Filter{Scope: "default"})
	require.ErrorIs(t, err, lock.ErrUndecided)
	require.ErrorIs(t, w.Authorize(ended, ada, lock.VerbReveal, target("office")), lock.ErrUndecided)
}

// The ledger takes a listing of as many devices, on both engines: they are one variable of its query.
func TestGroupOfTenThousandDevices(t *testing.T) {
	w := newWorld(t)
	w.exec(t, `INSERT INTO server_groups (id, kind, name, parent) VALUES ('big', 'devices', 'big', '')`)
	w.exec(t, `INSERT INTO server_devices (id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		WITH RECURSIVE n (n) AS (SELECT 10000 UNION ALL SELECT n + 1 FROM n WHERE n < 19999)
		SELECT 'mac-' || n, '', '', '', '', '', '', 1, 1, 1, $1 FROM n`, []byte("x"))
	w.exec(t, `INSERT INTO server_group_members (grp, member) SELECT 'big', id FROM server_devices`)
	ada := w.restricted(t, "ada", "big")
	f, err := w.Visible(t.Context(), ada, lock.VerbView, lock.Filter{Scope: "default"})
	require.NoError(t, err)
	assert.Len(t, f.Devices, 10_000)
	_, err = w.db.Ledger.List(t.Context(), f)
	require.NoError(t, err)
	f.Live, f.Serial = true, "S"
	_, err = w.db.Ledger.List(t.Context(), f)
	require.NoError(t, err)
	_, err = w.db.Ledger.Events(t.Context(), lock.EventFilter{Scope: "default", Devices: f.Devices, Types: []lock.EventType{lock.EventRevealed, lock.EventOrdered}})
	require.NoError(t, err)
}

func TestAccountsAreOnRecord(t *testing.T) {
	w := newWorld(t)
	w.fleet(t)
	ctx := t.Context()
	ada := account.Account{Name: "ada@example.com", Rights: []lock.Verb{lock.VerbReveal, lock.VerbView, lock.VerbView}, Restricted: true, Groups: []string{"field", "london"}}
	require.NoError(t, w.Create(ctx, boss, ada, password))
	_, err := w.CheckPassword(ctx, ada.Name, password, here)
	require.NoError(t, err)
	got, err := w.Account(ctx, ada.Name)
	require.NoError(t, err)
	assert.Equal(t, account.Account{
		Name: ada.Name, Rights: []lock.Verb{lock.VerbView, lock.VerbReveal}, Restricted: true, Groups: []string{"field", "london"}, Password: true, Since: w.now, PasswordAt: w.now,
	}, got)
	require.NoError(t, w.SetRights(ctx, boss, account.Account{Name: ada.Name, Rights: []lock.Verb{lock.VerbLock}}))
	got, err = w.Account(ctx, ada.Name)
	require.NoError(t, err)
	assert.Equal(t, []lock.Verb{lock.VerbLock}, got.Rights)
	assert.False(t, got.Restricted)
	require.NoError(t, w.Remove(ctx, boss, ada.Name))
	_, err = w.CheckPassword(ctx, ada.Name, password, here)
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Equal(t, []map[string]string{
		{"kind": "created", "account": ada.Name, "rights": "view reveal", "restricted": "yes", "groups": "field london"},
		{"kind": "rights", "account": ada.Name, "rights": "lock", "restricted": "no"},
		{"kind": "removed", "account": ada.Name, "rights": "lock", "restricted": "no"},
	}, w.noted)

	w.mute = true
	require.Error(t, w.Create(ctx, boss, account.Account{Name: "eve"}, ""))
	all, err := w.Store.Accounts(ctx)
	require.NoError(t, err)
	assert.Len(t, all, 1, "nothing without a record")
}

func TestAccountsRefuse(t *testing.T) {
	w := newWorld(t)
	w.fleet(t)
	ctx := t.Context()
	w.exec(t, `INSERT INTO server_groups (id, kind, name, parent) VALUES ('people', 'users', 'people', '')`)
	create := func(a account.Account, password string) error { return w.Create(ctx, boss, a, password) }
	for name, c := range map[string]struct {
		err   error
		field string
	}{
		"administrator":     {create(account.Account{Name: "Admin"}, ""), "name"},
		"device":            {create(account.Account{Name: "device"}, ""), "name"},
		"spaces":            {create(account.Account{Name: "a b"}, ""), "name"},
		"empty":             {create(account.Account{}, ""), "name"},
		"short password":    {create(account.Account{Name: "x"}, "short"), "password"},
		"unknown group":     {create(account.Account{Name: "x", Restricted: true, Groups: []string{"nobody\x00"}}, ""), "groups"},
		"group of users":    {create(account.Account{Name: "x", Restricted: true, Groups: []string{"people"}}, ""), "groups"},
		"group twice":       {create(account.Account{Name: "x", Restricted: true, Groups: []string{"field", "field"}}, ""), "groups"},
		"not restricted":    {create(account.Account{Name: "x", Groups: []string{"field"}}, ""), "groups"},
		"rights of admin":   {w.SetRights(ctx, boss, account.Account{Name: "admin"}), "name"},
		"admin removed":     {w.Remove(ctx, boss, "admin"), "name"},
		"no such right":     {second(account.ParseRights("lock,fly")), "rights"},
		"no right is named": {second(account.ParseRights("")), "rights"},
	} {
		input := (*lock.InputError)(nil)
		require.ErrorAs(t, c.err, &input, name)
		assert.Equal(t, c.field, input.Field, name)
	}
	require.ErrorIs(t, w.SetRights(ctx, boss, account.Account{Name: "nobody"}), lock.ErrNotFound)
	require.ErrorIs(t, w.Remove(ctx, boss, "nobody"), lock.ErrNotFound)
	_, err := w.NewToken(ctx, boss, "nobody")
	require.ErrorIs(t, err, lock.ErrNotFound)
	assert.Empty(t, w.noted, "what was refused is no change")
	rights, err := account.ParseRights("reveal, view,view")
	require.NoError(t, err)
	assert.Equal(t, []lock.Verb{lock.VerbView, lock.VerbReveal}, rights)
}

func second(_ []lock.Verb, err error) error { return err }

func TestTokensAreRevoked(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	require.NoError(t, w.Create(ctx, boss, account.Account{Name: "robot", Rights: []lock.Verb{lock.VerbLock}}, ""))
	_, err := w.CheckPassword(ctx, "robot", "", here)
	require.ErrorIs(t, err, lock.ErrDenied, "who has no password has not the empty one")
	token, err := w.NewToken(ctx, boss, "robot")
	require.NoError(t, err)
	all, err := w.Tokens(ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "robot", all[0].Account)
	assert.NotContains(t, token, all[0].ID)
	require.ErrorIs(t, w.Revoke(ctx, boss, "nothing"), lock.ErrNotFound)
	require.NoError(t, w.Revoke(ctx, boss, all[0].ID))
	_, err = w.CheckToken(ctx, token)
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Equal(t, []map[string]string{
		{"kind": "token-created", "account": "robot", "token": all[0].ID}, {"kind": "token-revoked", "account": "robot", "token": all[0].ID},
	}, w.noted[1:])
	w.mute = true
	_, err = w.NewToken(ctx, boss, "robot")
	require.Error(t, err)
	require.NotErrorIs(t, err, lock.ErrNotFound)
	all, err = w.Tokens(ctx)
	require.NoError(t, err)
	assert.Empty(t, all, "nothing without a record")
}
