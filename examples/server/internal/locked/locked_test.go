package locked_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// world is a ledger with an inventory beside it.
type world struct {
	*locktest.Fixture
	*locked.Report
	t  *testing.T
	db *db.DB
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := dbtest.Open(t, dbtest.Source(t, &server))
	w := &world{Fixture: locktest.New(t, d.Ledger), t: t, db: d}
	w.Report = &locked.Report{Service: w.Service(), Devices: inventory.New(inventory.Config{DB: d}), Scope: inventory.Scope}
	return w
}

// Service is the fixture's: the report has one of the same name.
func (w *world) Service() *lock.Service { return w.Fixture.Service }

func device(id string) lock.Device {
	d := locktest.Device(id)
	d.Scope = inventory.Scope
	return d
}

// enrol makes the inventory know a device, under a name that it got since.
func (w *world) enrol(id string, seen time.Time) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), `INSERT INTO server_devices
		(id, cert, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at)
		VALUES ($1, $2, $3, $4, 'hopper', '', '', '', 1, 0, $5)`, id, []byte(id), "S-"+id, "Renamed "+id, db.Micros(seen))
	require.NoError(w.t, err)
}

// furnish makes one lock of every state, an hour apart: waiting, sent, locked, and some that have ended.
func (w *world) furnish() (waiting, sent, holds lock.Action) {
	w.t.Helper()
	w.Codec.Answer = &lock.Plan{Policy: pin.SixDigits()}
	done := w.Lock(device("done")) // it does not hold its device
	w.Deliver(device("done"))
	w.Answer(done, lock.Acknowledged)
	w.Codec.Answer = nil
	holds = w.Lock(device("holds"), func(r *lock.Request) { r.Ticket = "4711" })
	w.Deliver(device("holds"))
	w.Answer(holds, lock.Acknowledged)
	w.PIN(holds.ID)
	w.Clock.Advance(time.Hour)
	sent = w.Lock(device("sent"))
	w.Deliver(device("sent"))
	w.Clock.Advance(time.Hour)
	waiting = w.Lock(device("waits"), func(r *lock.Request) { r.Reason = "=cmd()" })
	ended := w.Lock(device("ended"))
	_, err := w.Service().Cancel(w.t.Context(), locktest.Admin(), ended.ID, "")
	require.NoError(w.t, err)
	return waiting, sent, holds
}

func (w *world) page(q locked.Query) locked.Page {
	w.t.Helper()
	page, err := w.Page(w.t.Context(), locktest.Admin(), q)
	require.NoError(w.t, err)
	return page
}

func ids(rows []locked.Row) (ids []string) {
	for _, r := range rows {
		ids = append(ids, r.Action.Device.ID)
	}
	return ids
}

func TestRowsSayWhatAnOperatorAsks(t *testing.T) {
	w := newWorld(t)
	_, _, holds := w.furnish()
	seen := w.Clock.Now().Add(-time.Minute).Truncate(time.Microsecond)
	w.enrol("holds", seen)
	page := w.page(locked.Query{})
	assert.Equal(t, locked.Totals{Waiting: 1, Delivered: 1, Locked: 1}, page.Totals)
	assert.Equal(t, 3, page.Match)
	require.Equal(t, []string{"waits", "sent", "holds"}, ids(page.Rows), "what has ended is not there")
	assert.Empty(t, page.Next)
	waits, row := page.Rows[0], page.Rows[2]
	assert.Equal(t, "will lock when it comes online", waits.Words())
	assert.True(t, waits.Gone, "the inventory does not know it")
	assert.Equal(t, "Mac of waits", waits.Device.Name)
	assert.Zero(t, waits.Revealed)
	assert.Equal(t, "locked", row.Words())
	assert.Equal(t, holds.ID, row.Action.ID)
	assert.Equal(t, "Renamed holds", row.Device.Name)
	assert.True(t, seen.Equal(row.Device.LastSeen), row.Device.LastSeen)
	assert.True(t, row.PINHeld)
	assert.Equal(t, locktest.Admin(), row.Revealed.By)
	assert.Equal(t, w.Get(holds.ID).Confirmed, row.Since())
	totals, err := w.Totals(t.Context(), locktest.Admin())
	require.NoError(t, err)
	assert.Equal(t, page.Totals, totals)
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	yes, no, now := true, false, w.Clock.Now()
	for name, c := range map[string]struct {
		query locked.Query
		want  []string
	}{
		"state":                {locked.Query{State: lock.StateIssued}, []string{"sent"}},
		"serial number":        {locked.Query{Search: "s-HOLDS "}, []string{"holds"}},
		"ticket":               {locked.Query{Search: "4711"}, []string{"holds"}},
		"who ordered":          {locked.Query{Search: "ada"}, []string{"waits", "sent", "holds"}},
		"nothing":              {locked.Query{Search: "nobody"}, nil},
		"revealed":             {locked.Query{Revealed: &yes}, []string{"holds"}},
		"not revealed":         {locked.Query{Revealed: &no}, []string{"waits", "sent"}},
		"PIN gone":             {locked.Query{PINHeld: &no}, nil},
		"for an hour at least": {locked.Query{Age: time.Hour, Now: now}, []string{"sent", "holds"}},
	} {
		t.Run(name, func(t *testing.T) {
			page := w.page(c.query)
			assert.Equal(t, c.want, ids(page.Rows))
			assert.Equal(t, len(c.want), page.Match)
			assert.Equal(t, 3, page.Totals.All(), "of everything")
		})
	}
}

// Pages of two, in every order, make the whole.
func TestPagesInEveryOrder(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.enrol("waits", w.Clock.Now())
	w.enrol("holds", w.Clock.Now().Add(-time.Hour))
	for sort, want := range map[locked.Sort][]string{
		locked.Newest: {"waits", "sent", "holds"}, locked.Oldest: {"holds", "sent", "waits"}, locked.ByName: {"holds", "sent", "waits"},
		locked.Unseen: {"sent", "holds", "waits"}, locked.Reveals: {"holds", "sent", "waits"}, locked.ByUser: {"holds", "sent", "waits"},
	} {
		t.Run(string(sort), func(t *testing.T) {
			first := w.page(locked.Query{Sort: sort, Limit: 2})
			second := w.page(locked.Query{Sort: sort, Limit: 2, After: first.Next})
			assert.Equal(t, want, append(ids(first.Rows), ids(second.Rows)...))
			assert.Empty(t, second.Next)
		})
	}
}

func TestBadQueries(t *testing.T) {
	w := newWorld(t)
	for field, q := range map[string]locked.Query{"sort": {Sort: "x"}, "state": {State: "released"}, "cursor": {After: "x"}} {
		_, err := w.Page(t.Context(), locktest.Admin(), q)
		var input *lock.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
}

// An actor sees what the rights show, and no total tells of the rest.
func TestReportIsNarrowed(t *testing.T) {
	w := newWorld(t)
	w.furnish()
	w.Rights.Narrow(func(f lock.Filter) lock.Filter { f.Devices = []string{"sent"}; return f })
	page := w.page(locked.Query{})
	assert.Equal(t, []string{"sent"}, ids(page.Rows))
	assert.Equal(t, locked.Totals{Delivered: 1}, page.Totals)
	var out bytes.Buffer
	require.NoError(t, w.WriteCSV(t.Context(), locktest.Admin(), locked.Query{}, w.Clock.Now(), &out))
	assert.Equal(t, 2, strings.Count(out.String(), "\n"))
	w.Rights.Deny(lock.VerbView)
	_, err := w.Page(t.Context(), locktest.Admin(), locked.Query{})
	assert.ErrorIs(t, err, lock.ErrDenied)
}

func TestCSV(t *testing.T) {
	w := newWorld(t)
	waiting, _, holds := w.furnish()
	w.Clock.Advance(90 * time.Minute)
	code := w.PIN(holds.ID)
	var out bytes.Buffer
	require.NoError(t, w.WriteCSV(t.Context(), locktest.Admin(), locked.Query{}, w.Clock.Now(), &out))
	lines, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 4)
	row := map[string]string{}
	for i, name := range lines[0] {
		row[name] = lines[1][i]
	}
	assert.Equal(t, string(waiting.ID), row["action_id"])
	assert.Equal(t, "'=cmd()", row["reason"], "no formula")
	assert.Equal(t, "1.5", row["age_hours"])
	assert.Equal(t, "true", row["pin_held"])
	assert.Equal(t, "false", row["enrolled"])
	assert.Contains(t, lines[3], "4711")
	assert.NotContains(t, fmt.Sprint(lines), code, "no PIN")
	out.Reset()
	require.NoError(t, w.WriteCSV(t.Context(), locktest.Admin(), locked.Query{Search: "nobody"}, w.Clock.Now(), &out))
	assert.Equal(t, 1, strings.Count(out.String(), "\n"), "the names of the columns")
}

// Locks come in steps of a thousand.
func TestManyLocks(t *testing.T) {
	w := newWorld(t)
	for i := range 2500 {
		w.Lock(device(fmt.Sprintf("mac-%04d", i)))
	}
	page := w.page(locked.Query{Sort: locked.ByName, Limit: 3})
	assert.Equal(t, 2500, page.Match)
	assert.Equal(t, []string{"mac-0000", "mac-0001", "mac-0002"}, ids(page.Rows))
	again := w.page(locked.Query{Sort: locked.ByName, Limit: 3, After: page.Next})
	assert.Equal(t, []string{"mac-0003", "mac-0004", "mac-0005"}, ids(again.Rows))
}
