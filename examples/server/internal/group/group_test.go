package group_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// boss sees everything, ada what is below the group that a test gives her.
var boss, ada = lock.Actor{ID: "boss"}, lock.Actor{ID: "ada"}

// world is groups, and the ledger that they ask.
type world struct {
	*group.Store
	t     *testing.T
	db    *db.DB
	deny  bool // the ledger says no
	mute  bool // nothing can be put on record
	mu    sync.Mutex
	noted []map[string]string
}

// Allow implements group.Ledger.
func (w *world) Allow(context.Context, lock.Actor, lock.Verb, lock.Target) error {
	if w.deny {
		return lock.ErrDenied
	}
	return nil
}

// Note implements group.Ledger.
func (w *world) Note(_ context.Context, _ lock.Actor, kind lock.EventType, scope string, facts map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mute {
		return errors.New("disk full")
	}
	if kind != lock.EventGroup || scope != "default" {
		return fmt.Errorf("noted as %s in %s", kind, scope)
	}
	w.noted = append(w.noted, facts)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.Open(t, dbtest.Source(t, &server))}
	w.Store = group.New(group.Config{DB: w.db, Ledger: w, Scope: "default"})
	w.exec(`INSERT INTO server_accounts (name, password) VALUES ('boss', '')`)
	w.exec(`INSERT INTO server_accounts (name, password, restricted) VALUES ('ada', '', 1)`)
	return w
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), statement, args...)
	require.NoError(w.t, err)
}

// device puts a device into the inventory.
func (w *world) device(id, serial, user string) {
	w.t.Helper()
	w.exec(`INSERT INTO server_devices (id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		VALUES ($1, $2, $3, $4, '', '', '', 1, 1, 1, $5)`, id, serial, "Mac "+id, user, []byte(id))
}

// restrict lets ada see what is below a group.
func (w *world) restrict(id string) {
	w.t.Helper()
	w.exec(`INSERT INTO server_account_groups (account, grp) VALUES ('ada', $1)`, id)
}

// make makes groups of devices by their paths, and returns their IDs by path.
func (w *world) make(paths ...string) map[string]string {
	w.t.Helper()
	ids := map[string]string{}
	for _, path := range paths {
		parent, name := "", path
		if i := strings.LastIndex(path, "/"); i >= 0 {
			parent, name = ids[path[:i]], path[i+1:]
		}
		g, err := w.Create(w.t.Context(), boss, group.Devices, name, parent)
		require.NoError(w.t, err)
		ids[path] = g.ID
	}
	return ids
}

func (w *world) paths(a lock.Actor) []string {
	w.t.Helper()
	groups, err := w.Groups(w.t.Context(), a, group.Devices)
	require.NoError(w.t, err)
	var paths []string
	for _, g := range groups {
		paths = append(paths, g.Path)
	}
	return paths
}

func TestTree(t *testing.T) {
	w := newWorld(t)
	ids := w.make("Office", "Office/London", "Office/London/Lab", "Office/Berlin", "Field")
	assert.Equal(t, []string{"Field", "Office", "Office/Berlin", "Office/London", "Office/London/Lab"}, w.paths(boss))
	assert.Empty(t, w.paths(ada), "who is restricted to nothing sees nothing")
	assert.Empty(t, w.paths(lock.Actor{ID: "stranger"}))
	w.restrict(ids["Office/London"])
	assert.Equal(t, []string{"London", "London/Lab"}, w.paths(ada), "what is above is not hers to know")

	lab, field := ids["Office/London/Lab"], ids["Field"]
	moved, err := w.Change(t.Context(), boss, group.Devices, lab, group.Change{Parent: &field})
	require.NoError(t, err)
	assert.Equal(t, "Field/Lab", moved.Path)
	assert.Equal(t, []string{"London"}, w.paths(ada))
	name := "Works"
	renamed, err := w.Change(t.Context(), boss, group.Devices, field, group.Change{Name: &name})
	require.NoError(t, err)
	assert.Equal(t, "Works", renamed.Path)
	require.NoError(t, w.Delete(t.Context(), boss, group.Devices, lab))
	assert.Equal(t, []string{"Office", "Office/Berlin", "Office/London", "Works"}, w.paths(boss))
}

func TestGroupsRefuse(t *testing.T) {
	w := newWorld(t)
	ids := w.make("A", "A/B", "A/B/C", "Z")
	w.restrict(ids["Z"])
	text := func(s string) *string { return &s }
	change := func(id string, c group.Change) error {
		_, err := w.Change(t.Context(), boss, group.Devices, id, c)
		return err
	}
	create := func(kind group.Kind, name, parent string) error {
		_, err := w.Create(t.Context(), boss, kind, name, parent)
		return err
	}
	deep := ids["A/B/C"]
	for range group.MaxDepth - 3 {
		g, err := w.Create(t.Context(), boss, group.Devices, "deeper", deep)
		require.NoError(t, err)
		deep = g.ID
	}
	noted := len(w.noted)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no name":             {create(group.Devices, "", ""), "name"},
		"slash":               {create(group.Devices, "a/b", ""), "name"},
		"NUL":                 {create(group.Devices, "a\x00", ""), "name"},
		"long":                {create(group.Devices, strings.Repeat("x", group.MaxName+1), ""), "name"},
		"unknown parent":      {create(group.Devices, "x", "nobody"), "parent"},
		"too deep":            {create(group.Devices, "x", deep), "parent"},
		"tree of users":       {create(group.Users, "x", ids["A"]), "parent"},
		"below itself":        {change(ids["A"], group.Change{Parent: text(ids["A"])}), "parent"},
		"below its own":       {change(ids["A"], group.Change{Parent: text(ids["A/B/C"])}), "parent"},
		"moved too deep":      {change(ids["Z"], group.Change{Parent: text(deep)}), "parent"},
		"taken":               {create(group.Devices, "a", ""), "taken"},
		"renamed to a taken":  {change(ids["A"], group.Change{Name: text("Z")}), "taken"},
		"has groups":          {w.Delete(t.Context(), boss, group.Devices, ids["A"]), "in use"},
		"account needs it":    {w.Delete(t.Context(), boss, group.Devices, ids["Z"]), "in use"},
		"unknown":             {w.Delete(t.Context(), boss, group.Devices, "nobody"), "missing"},
		"of another kind":     {w.Delete(t.Context(), boss, group.Users, ids["Z"]), "missing"},
		"changed, of another": {change("nobody\x00", group.Change{}), "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			input := (*lock.InputError)(nil)
			switch c.want {
			case "taken":
				require.ErrorIs(t, c.err, group.ErrTaken)
			case "in use":
				require.ErrorIs(t, c.err, group.ErrInUse)
			case "missing":
				require.ErrorIs(t, c.err, lock.ErrNotFound)
			default:
				require.ErrorAs(t, c.err, &input)
				assert.Equal(t, c.want, input.Field)
			}
		})
	}
	assert.Len(t, w.noted, noted, "what was refused is no change")
}

func TestMembers(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for _, id := range []string{"b", "B", "a"} {
		w.device(id, "S-"+id, "Ada")
	}
	id := w.make("G")["G"]
	for _, member := range []string{"b", "B", "a", "a"} {
		require.NoError(t, w.Add(ctx, boss, group.Devices, id, member))
	}
	assert.Len(t, w.noted, 1+3, "what is so already is no change")
	ids := func(search, after string, limit int) (ids []string) {
		found, err := w.Members(ctx, boss, group.Devices, id, search, after, limit)
		require.NoError(t, err)
		for _, m := range found {
			ids = append(ids, m.ID)
		}
		return ids
	}
	assert.Equal(t, []string{"B", "a", "b"}, ids("", "", 10), "in the order of their bytes")
	assert.Equal(t, []string{"a"}, ids("", "B", 1))
	assert.Equal(t, []string{"a"}, ids("MAC A", "", 10))
	assert.Empty(t, ids("%", "", 10))
	require.ErrorIs(t, w.Add(ctx, boss, group.Devices, id, "nobody"), lock.ErrNotFound)
	w.exec(`UPDATE server_devices SET removed = 1 WHERE id = 'b'`)
	require.ErrorIs(t, w.Add(ctx, boss, group.Devices, id, "b"), lock.ErrNotFound, "it left the inventory")
	require.NoError(t, w.Drop(ctx, boss, group.Devices, id, "a"))
	require.ErrorIs(t, w.Drop(ctx, boss, group.Devices, id, "a"), lock.ErrNotFound)
	in, err := w.Of(ctx, boss, group.Devices, "B")
	require.NoError(t, err)
	require.Len(t, in, 1)
	assert.Equal(t, "G", in[0].Path)

	people, err := w.Create(ctx, boss, group.Users, "People", "")
	require.NoError(t, err)
	require.NoError(t, w.Add(ctx, boss, group.Users, people.ID, "Ada"))
	found, err := w.Members(ctx, boss, group.Users, people.ID, "", "", 10)
	require.NoError(t, err)
	assert.Equal(t, []group.Member{{ID: "Ada", Devices: 2}}, found)
	input := (*lock.InputError)(nil)
	require.ErrorAs(t, w.Add(ctx, boss, group.Users, people.ID, " "), &input)
	assert.Equal(t, "user", input.Field)
}

func TestNothingWithoutARecord(t *testing.T) {
	w := newWorld(t)
	w.device("a", "S", "Ada")
	id := w.make("G")["G"]
	for name, set := range map[string]func(bool){"denied": func(on bool) { w.deny = on }, "mute": func(on bool) { w.mute = on }} {
		set(true)
		_, err := w.Create(t.Context(), boss, group.Devices, "H", "")
		require.Error(t, err, name)
		require.Error(t, w.Add(t.Context(), boss, group.Devices, id, "a"), name)
		require.Error(t, w.Delete(t.Context(), boss, group.Devices, id), name)
		_, err = w.Import(t.Context(), boss, group.Devices, []group.Row{{Line: 2, Path: "I", Member: "a"}}, true)
		require.Error(t, err, name)
		set(false)
		assert.Equal(t, []string{"G"}, w.paths(boss), name)
		in, err := w.Of(t.Context(), boss, group.Devices, "a")
		require.NoError(t, err)
		assert.Empty(t, in, name)
	}
}

// Two moves, each of which is fine by itself, must not put two groups below each other.
func TestTwoWhoMoveGroupsMakeNoLoop(t *testing.T) {
	w := newWorld(t)
	ids := w.make("A", "B")
	a, b := ids["A"], ids["B"]
	var moving sync.WaitGroup
	errs := make([]error, 2)
	for i, c := range []struct{ id, to string }{{a, b}, {b, a}} {
		moving.Go(func() { _, errs[i] = w.Change(t.Context(), boss, group.Devices, c.id, group.Change{Parent: &c.to}) })
	}
	moving.Wait()
	assert.NotEqual(t, errs[0] == nil, errs[1] == nil, "one of them: %v", errs)
	assert.Len(t, w.paths(boss), 2)
}
