package group_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestResolve(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for id, user := range map[string]string{"a": "Ada", "B": "Bob", "c": "Ada", "d": "Dan", "gone": "Ada"} {
		w.device(id, "S-"+id, user)
	}
	ids := w.make("Top", "Top/Sub", "Other")
	people, err := w.Create(ctx, boss, group.Users, "People", "")
	require.NoError(t, err)
	for member, id := range map[string]string{"a": ids["Top"], "B": ids["Top/Sub"], "d": ids["Other"], "gone": ids["Top"]} {
		require.NoError(t, w.Add(ctx, boss, group.Devices, id, member))
	}
	require.NoError(t, w.Add(ctx, boss, group.Users, people.ID, "Ada"))
	w.exec(`UPDATE server_devices SET removed = 1 WHERE id = 'gone'`)
	w.restrict(ids["Top"])
	for name, c := range map[string]struct {
		sel        group.Selection
		boss, hers []string
		refused    string // field, of ada's
	}{
		"nothing":       {},
		"devices":       {sel: group.Selection{Devices: []string{"d", "a", "a", "nobody", "gone", "x\x00"}}, boss: []string{"a", "d"}, hers: []string{"a"}},
		"group":         {sel: group.Selection{Groups: []group.Branch{{ID: ids["Top"]}}}, boss: []string{"a"}, hers: []string{"a"}},
		"with below":    {sel: group.Selection{Groups: []group.Branch{{ids["Top"], true}}}, boss: []string{"B", "a"}, hers: []string{"B", "a"}},
		"of another":    {sel: group.Selection{Groups: []group.Branch{{ids["Other"], true}}}, boss: []string{"d"}, refused: "groups"},
		"users":         {sel: group.Selection{UserGroups: []string{people.ID}}, boss: []string{"a", "c"}, refused: "user_groups"},
		"users as tree": {sel: group.Selection{Groups: []group.Branch{{people.ID, true}}}, refused: "groups"},
		"all of it": {
			sel:  group.Selection{Devices: []string{"a"}, Groups: []group.Branch{{ids["Top"], true}, {ID: ids["Other"]}}, UserGroups: []string{people.ID}},
			boss: []string{"B", "a", "c", "d"}, hers: []string{"B", "a"}, refused: "groups",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for who, want := range map[lock.Actor][]string{boss: c.boss, ada: c.hers, {ID: "stranger"}: nil} {
				found, err := w.Resolve(ctx, who, c.sel, "", 100)
				require.NoError(t, err)
				assert.Equal(t, want, found, who.ID)
			}
			input := (*lock.InputError)(nil)
			if err := w.Check(ctx, ada, c.sel); c.refused == "" {
				require.NoError(t, err)
			} else {
				require.ErrorAs(t, err, &input)
				assert.Equal(t, c.refused, input.Field)
			}
		})
	}
	page, err := w.Resolve(ctx, boss, group.Selection{Devices: []string{"a", "B", "c", "d"}}, "B", 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "c"}, page)
}

// As many devices as somebody names are one variable of one statement, which can be part of another.
func TestTenThousandDevicesByName(t *testing.T) {
	w := newWorld(t)
	const many = 10_000
	w.exec(`INSERT INTO server_devices (id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		WITH RECURSIVE n (n) AS (SELECT 10000 UNION ALL SELECT n + 1 FROM n WHERE n < 19999)
		SELECT 'mac-' || n, '', '', '', '', '', '', 1, 1, 1, $1 FROM n`, []byte("x"))
	var sel group.Selection
	for i := range many {
		sel.Devices = append(sel.Devices, fmt.Sprint("mac-", 10_000+i))
	}
	found, after := 0, ""
	for {
		page, err := w.Resolve(t.Context(), boss, sel, after, 1000)
		require.NoError(t, err)
		if found += len(page); len(page) < 1000 {
			break
		}
		after = page[len(page)-1]
	}
	assert.Equal(t, many, found)
	query, args := w.Query(boss, sel)
	w.exec(`CREATE TABLE kept (id TEXT)`)
	n, err := w.db.Exec(t.Context(), `INSERT INTO kept (id) SELECT id FROM (`+query+`) AS s`, args...)
	require.NoError(t, err)
	assert.EqualValues(t, many, n)
}

func TestRestrictedAccountEditsItsOwnOnly(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.device("hers", "S-1", "")
	w.device("other", "S-2", "")
	ids := w.make("Top", "Top/Hers", "Top/Hers/Below", "Top/Other")
	hers, below, other := ids["Top/Hers"], ids["Top/Hers/Below"], ids["Top/Other"]
	w.restrict(hers)
	require.NoError(t, w.Add(ctx, boss, group.Devices, hers, "hers"))
	require.NoError(t, w.Add(ctx, boss, group.Devices, other, "other"))

	made, err := w.Create(ctx, ada, group.Devices, "New", below)
	require.NoError(t, err)
	assert.Equal(t, "Hers/Below/New", made.Path)
	require.NoError(t, w.Add(ctx, ada, group.Devices, made.ID, "hers"))
	_, err = w.Change(ctx, ada, group.Devices, made.ID, group.Change{Parent: &hers})
	require.NoError(t, err)

	top, none := ids["Top"], ""
	input := (*lock.InputError)(nil)
	for name, parent := range map[string]*string{"to the top": &none, "to what is above": &top, "to another": &other} {
		_, err := w.Change(ctx, ada, group.Devices, below, group.Change{Parent: parent})
		require.ErrorAs(t, err, &input, name)
		_, err = w.Create(ctx, ada, group.Devices, "X", *parent)
		require.ErrorAs(t, err, &input, name)
	}
	_, err = w.Change(ctx, ada, group.Devices, hers, group.Change{Parent: &below})
	require.ErrorAs(t, err, &input, "its place is not hers to change")
	require.ErrorIs(t, w.Add(ctx, ada, group.Devices, hers, "other"), lock.ErrNotFound, "so nobody takes a device to himself")
	require.ErrorIs(t, w.Add(ctx, ada, group.Devices, other, "hers"), lock.ErrNotFound)
	require.ErrorIs(t, w.Drop(ctx, ada, group.Devices, other, "other"), lock.ErrNotFound)
	_, err = w.Create(ctx, ada, group.Users, "People", "")
	require.ErrorAs(t, err, &input)
	users, err := w.Groups(ctx, ada, group.Users)
	require.NoError(t, err)
	assert.Empty(t, users)

	w.restrict(other)
	_, err = w.Change(ctx, ada, group.Devices, hers, group.Change{Parent: &other})
	require.ErrorAs(t, err, &input, "nor to another of hers: who sees what is above would lose it")
	assert.Equal(t, "parent", input.Field)
}
