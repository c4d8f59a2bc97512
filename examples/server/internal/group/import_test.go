package group_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestParseCSV(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		kind group.Kind
		rows []group.Row
		bad  string // of the first line, or the field
	}{
		"commas":           {text: "group,device\nA/B,S1\n A ,S2 ", rows: []group.Row{{2, "A/B", "S1"}, {3, "A", "S2"}}},
		"semicolons":       {text: "Group;Device\r\nA;S1\r\n", rows: []group.Row{{2, "A", "S1"}}},
		"byte order mark":  {text: "\ufeffgroup,device\nA,S1", rows: []group.Row{{2, "A", "S1"}}},
		"empty lines":      {text: "group,device\n\n\nA,S1\n", rows: []group.Row{{4, "A", "S1"}}},
		"quotes":           {text: "group,user\n\"A, B\",\"Ada \"\"Lady\"\" L\"", kind: group.Users, rows: []group.Row{{2, "A, B", `Ada "Lady" L`}}},
		"header alone":     {text: "group,device"},
		"empty":            {bad: "file"},
		"no header":        {text: "A,S1", bad: "file"},
		"header of users":  {text: "group,user\nA,Ada", bad: "file"},
		"one field":        {text: "group,device\nA", bad: "line 2: must have 2 fields, not 1"},
		"three fields":     {text: "group,device\nA,b,c", bad: "line 2: must have 2 fields, not 3"},
		"open quote":       {text: "group,device\nA,b\n\"A,b", bad: "line 3: must be comma-separated"},
		"no group":         {text: "group,device\n,S1", bad: "line 2: group: each name of the path is required"},
		"hole in the path": {text: "group,device\nA//B,S1", bad: "line 2: group: each name of the path is required"},
		"no device":        {text: "group,device\nA,", bad: "line 2: device is required"},
		"control":          {text: "group,device\nA,S\x00", bad: "line 2: device must be text of one line"},
		"too deep":         {text: "group,device\n" + strings.Repeat("a/", 8) + "b,S", bad: "line 2: group must have at most 8 names"},
		"users in a tree":  {text: "group,user\nA/B,Ada", kind: group.Users, bad: "line 2: group must have no slash"},
		"not UTF-8":        {text: "group,device\n\xff,S", bad: "file"},
		"too many":         {text: "group,device\n" + strings.Repeat("A,S\n", group.MaxRows+1), bad: "file"},
		"too long":         {text: strings.Repeat("x", group.MaxCSV+1), bad: "file"},
		"two wrong":        {text: "group,device\nA,\nB,", bad: "line 2: device is required (and 1 more)"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.kind == "" {
				c.kind = group.Devices
			}
			rows, err := group.ParseCSV(c.kind, []byte(c.text))
			assert.Equal(t, c.rows, rows)
			if c.bad == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), c.bad), err.Error())
		})
	}
}

func FuzzParseCSV(f *testing.F) {
	for _, text := range []string{
		"group,device\nA/B,S1\n", "group;device\n\"a\nb\";c", "\ufeffgroup,user\nA,Ada", "group,device\n\"", "group,device\n,,,\nA", "",
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, users bool) {
		kind := group.Devices
		if users {
			kind = group.Users
		}
		rows, err := group.ParseCSV(kind, data)
		if err != nil {
			require.Empty(t, rows, "nothing of a file that is wrong")
			input, file := (*lock.InputError)(nil), (*group.FileError)(nil)
			require.True(t, errors.As(err, &file) || errors.As(err, &input), "%v", err)
			return
		}
		require.LessOrEqual(t, len(rows), group.MaxRows)
		for _, row := range rows {
			require.NotEmpty(t, row.Member)
			require.NotEmpty(t, row.Path)
			require.Greater(t, row.Line, 1)
			require.LessOrEqual(t, strings.Count(row.Path, "/"), group.MaxDepth-1)
		}
	})
}

func rowsOf(t *testing.T, lines ...string) []group.Row {
	t.Helper()
	rows, err := group.ParseCSV(group.Devices, []byte("group,device\n"+strings.Join(lines, "\n")))
	require.NoError(t, err)
	return rows
}

func TestImport(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.device("id-1", "SERIAL1", "")
	w.device("id-2", "SERIAL2", "")
	id := w.make("Office")["Office"]
	require.NoError(t, w.Add(ctx, boss, group.Devices, id, "id-1"))
	w.noted = nil
	rows := rowsOf(t, "Office,SERIAL1", "Office/London,id-1", "Office/London/Lab,SERIAL2", "Office/London,SERIAL2", "Office/London,id-2")
	preview, err := w.Import(ctx, boss, group.Devices, rows, false)
	require.NoError(t, err)
	assert.Equal(t, []string{"Office"}, w.paths(boss), "a preview changes nothing")
	assert.Empty(t, w.noted)
	done, err := w.Import(ctx, boss, group.Devices, rows, true)
	require.NoError(t, err)
	for _, report := range []group.Import{preview, done} {
		assert.Equal(t, []string{"Office/London", "Office/London/Lab"}, report.Created)
		assert.Equal(t, 5, report.Rows)
		assert.Equal(t, 2, report.Already)
		assert.Equal(t, 3, report.Members())
	}
	assert.Equal(t, []string{"Office", "Office/London", "Office/London/Lab"}, w.paths(boss))
	found, err := w.Resolve(ctx, boss, group.Selection{Groups: []group.Branch{{ID: id, Subgroups: true}}}, "", 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"id-1", "id-2"}, found)
	var said []string
	for _, facts := range w.noted {
		said = append(said, facts["kind"]+" "+facts["path"]+facts["list_01"])
	}
	assert.Equal(t, []string{
		"imported ", `created ["Office/London","Office/London/Lab"]`, `member-added Office/London["id-1","id-2"]`, `member-added Office/London/Lab["id-2"]`,
	}, said)
	again, err := w.Import(ctx, boss, group.Devices, rows, true)
	require.NoError(t, err)
	assert.Equal(t, group.Import{Rows: 5, Already: 5}, again)
	assert.Len(t, w.noted, 4)
}

func TestImportIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	for _, id := range []string{"a", "twin-1", "twin-2", "other"} {
		w.device(id, strings.Split("S-"+id, "-1")[0], "")
	}
	w.exec(`UPDATE server_devices SET serial = 'SAME' WHERE id LIKE 'twin%'`)
	ids := w.make("Hers", "Other")
	w.restrict(ids["Hers"])
	require.NoError(t, w.Add(t.Context(), boss, group.Devices, ids["Hers"], "a"))
	_, err := w.Import(t.Context(), boss, group.Devices, rowsOf(t, "New,a", "New,nobody", "New,SAME", "hers,a", "New,twin-1"), true)
	broken := (*group.FileError)(nil)
	require.ErrorAs(t, err, &broken)
	assert.Equal(t, []group.BadLine{
		{3, "device must be the ID or the serial number of one that is in the inventory"},
		{4, "device must be given by its ID: more than one has this serial number"},
		{5, "group cannot be made: there is one with this name in other capitals"},
	}, broken.Lines)
	_, err = w.Import(t.Context(), ada, group.Devices, rowsOf(t, "Hers,other", "Other,a", "Hers/Below,a"), true)
	require.ErrorAs(t, err, &broken)
	assert.Len(t, broken.Lines, 2, "%v", broken.Lines)
	assert.Equal(t, []string{"Hers", "Other"}, w.paths(boss))
}

// A record has room for every member of a large import.
func TestLargeImportIsOnRecord(t *testing.T) {
	w := newWorld(t)
	var rows []group.Row
	for i := range 3000 {
		rows = append(rows, group.Row{Line: i + 2, Path: "All", Member: fmt.Sprintf("User number %d of the whole company", i)})
	}
	_, err := w.Import(t.Context(), boss, group.Users, rows, true)
	require.NoError(t, err)
	members := 0
	for _, facts := range w.noted {
		require.LessOrEqual(t, len(facts), 32)
		for name, text := range facts {
			require.LessOrEqual(t, len(text), 1024)
			if strings.HasPrefix(name, "list_") && facts["kind"] == "member-added" {
				members += strings.Count(text, "User number")
			}
		}
	}
	assert.Equal(t, 3000, members)
}
