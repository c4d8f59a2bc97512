package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// many is a console on an inventory of Macs in a database.
type many struct {
	*bench
	db      *db.DB
	devices *inventory.Store
	bulks   *bulk.Batches
}

func newMany(t *testing.T, macs int) *many {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	m := &many{bench: newBenchOn(t, d.Ledger), db: d}
	m.devices = inventory.New(inventory.Config{DB: d, Notices: m.svc, Now: m.now})
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	m.bulks = bulk.New(bulk.Config{
		DB: d, Service: m.svc, Sealer: keyring, Devices: m.devices, Scope: scope, Now: m.now,
		Groups: group.New(group.Config{DB: d, Ledger: m.svc, Scope: scope}),
	})
	inventorytest.Seed(t, d, macs)
	m.exec(`INSERT INTO server_accounts (name, password) VALUES ('admin', '')`)
	m.exec(`UPDATE server_devices SET seen_at = $1`, began.UnixMicro())
	m.server.Close()
	m.server = httptest.NewServer(m.handler(func(cfg *Config) { cfg.Devices, cfg.Bulk, cfg.Demo = m.devices, m.bulks, nil }))
	t.Cleanup(m.server.Close)
	return m
}

func (m *many) exec(statement string, args ...any) {
	m.t.Helper()
	_, err := m.db.Exec(m.t.Context(), statement, args...)
	require.NoError(m.t, err)
}

// learn makes a device say something else than the others.
func (m *many) learn(n int, name, value string) {
	m.t.Helper()
	m.exec(`UPDATE server_facts SET value = $3 WHERE device = $1 AND name = $2`, inventorytest.ID(n), name, value)
}

// run carries the bulk orders out until the test ends.
func (m *many) run() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.bulks.Run(m.t.Context())
	}()
	m.t.Cleanup(func() { <-ended })
}

// answers lets a device fetch its lock and acknowledge it.
func (m *many) answers(n int, code string) {
	m.t.Helper()
	d, err := m.devices.Find(m.t.Context(), inventorytest.ID(n))
	require.NoError(m.t, err)
	cmd, err := m.svc.Next(m.t.Context(), d.Device)
	require.NoError(m.t, err)
	require.NoError(m.t, m.svc.Report(m.t.Context(), lock.Report{
		Scope: scope, Device: d.ID, Action: cmd.ID, Outcome: lock.Acknowledged, Facts: map[string]string{"code": code},
	}))
}

var keyOf = regexp.MustCompile(`name="key" value="([^"]+)"`)

// order is what the review form sends for some devices.
func (m *many) fields(page string, numbers []int, more ...string) []string {
	m.t.Helper()
	match := keyOf.FindStringSubmatch(page)
	require.NotNil(m.t, match)
	fields := append([]string{"key", match[1]}, more...)
	for _, n := range numbers {
		fields = append(fields, "device", inventorytest.ID(n))
	}
	return fields
}

func review(numbers ...int) string {
	var query []string
	for _, n := range numbers {
		query = append(query, "device="+inventorytest.ID(n))
	}
	return "/bulk/new?" + strings.Join(query, "&")
}

func TestBulkReviewSaysWhatWillHappen(t *testing.T) {
	m := newMany(t, 5)
	m.learn(1, "OSVersion", "11.4")
	m.signIn()
	page := m.page(review(0, 1, 2))
	has(t, page, "Lock 2 devices")
	has(t, page, "<b>2</b> of 3 devices lock")
	has(t, page, "Apple silicon before macOS 11.5 is not locked by this command but deactivated")
	has(t, page, `data-arm="2"`)
	has(t, page, `value="rotate" checked`)
	has(t, page, "<b>2 devices:</b> The Mac restarts at once and asks for the PIN.")
	assert.Empty(t, m.actions(), "it orders nothing")
	has(t, m.page("/bulk/new?all=1&q=Mac+00000"), "Lock 4 devices", "of all five one is blocked")
	blocked := m.page(review(1))
	has(t, blocked, "Lock 0 devices")
	hasNot(t, blocked, `id="order"`)
}

// phone makes a Mac an Android device with a passcode, or without.
func (m *many) phone(n int, secure bool) {
	m.t.Helper()
	id := inventorytest.ID(n)
	m.exec(`UPDATE server_devices SET platform = $2 WHERE id = $1`, id, androidPlatform)
	m.exec(`DELETE FROM server_facts WHERE device = $1`, id)
	for name, value := range map[android.FactName]string{
		android.FactAPILevel: "34", android.FactMode: string(android.ModeDeviceOwner), android.FactTargetSDK: "34",
		android.FactSecureLock: strconv.FormatBool(secure), android.FactUserUnlocked: "true", android.FactManagedProfile: "false",
	} {
		m.exec(`INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, $4)`, id, string(name), value, began.UnixMicro())
	}
}

func TestBulkOfPhonesSaysWhatWillHappen(t *testing.T) {
	m := newMany(t, 4)
	m.phone(1, true)
	m.phone(2, false)
	m.signIn()
	page := m.page(review(0, 1, 2))
	has(t, page, "<b>1 device:</b> The Mac restarts at once and asks for the PIN.")
	has(t, page, "<b>1 device:</b> The screen locks at once, and the passcode opens it again.")
	has(t, page, "<b>1 device:</b> No passcode is set, so the screen only goes off, and anybody can switch it on again.")
	has(t, page, "<b>3</b> of 3 devices lock (on <b>1</b> only the screen goes off).")
	has(t, page, "2 devices get none: the passcode or PIN that is on each, if there is one, opens it.")
	has(t, m.page(review(0, 2)), "1 device gets none: the passcode or PIN that is on it, if there is one, opens it.")
	alone := m.page(review(1, 2))
	has(t, alone, `type="hidden" name="pin_mode" value="rotate"`)
	hasNot(t, alone, "<legend>PIN</legend>")

	to := m.post("/bulk", m.fields(page, []int{0, 1, 2}, "seen", "3", "confirm", "3", "reason", "Break-in")...).Header.Get("Location")
	m.run()
	require.Eventually(t, func() bool { return strings.Contains(m.page(to), "Ordered; devices are answering") }, waiting, tick)
	m.answers(1, "")
	m.answers(2, noSecureLock)
	page = m.page(to + "?show=confirmed")
	has(t, page, "Screen locked")
	has(t, page, "Only its screen went off")
	hasNot(t, page, "<span>Locked</span>")
	csv := m.get(to + "/export?format=csv").text
	assert.Regexp(t, `(?m)^`+inventorytest.ID(1)+`,.*,confirmed,,,.*,android$`, csv)
	assert.Regexp(t, `(?m)^`+inventorytest.ID(2)+`,.*,confirmed,no_secure_lock,"?No passcode is set on it: only its screen went off.*,android$`, csv)
}

// lockOne orders a lock of a device by itself.
func (m *many) lockOne(n int) {
	m.t.Helper()
	d, err := m.devices.Find(m.t.Context(), inventorytest.ID(n))
	require.NoError(m.t, err)
	_, err = m.svc.Lock(m.t.Context(), admin, lock.Request{Device: d.Device, Reason: "stolen"})
	require.NoError(m.t, err)
}

// Nothing happens to a device that has a lock already, and nothing is ordered where that is so of all.
func TestBulkReviewOfDevicesThatHaveALock(t *testing.T) {
	m := newMany(t, 5)
	m.learn(1, "OSVersion", "11.4")
	m.lockOne(3)
	m.lockOne(4)
	m.signIn()
	page := m.page(review(0, 1, 2, 3, 4))
	has(t, page, "Lock 2 devices")
	has(t, page, "<b>2</b> of 5 devices lock, <b>2</b> have a lock already, <b>1</b> is left out.")
	has(t, page, "<b>2 devices:</b> The Mac restarts at once and asks for the PIN.")
	has(t, page, "<b>2 devices:</b> A lock is under way or holds: the order would join it.")
	has(t, page, "A device that has a lock already keeps that one.")
	has(t, page, `data-arm="2"`)
	hasNot(t, m.page(review(0, 1)), "keeps that one")
	all := m.page(review(3, 4))
	has(t, all, "<b>0</b> of 2 devices lock, <b>2</b> have a lock already.")
	hasNot(t, all, "restarts")
	hasNot(t, all, "comes online")
	hasNot(t, all, `id="order"`)

	own := m.post("/bulk", m.fields(page, []int{0, 3}, "seen", "2", "confirm", "2", "reason", "x", "pin_mode", "supplied", "pin", "739184")...)
	has(t, own.text, "<b>1</b> of 2 devices locks, <b>1</b> is left out.")
	has(t, own.text, "with a PIN that you did not choose")
}

func TestBulkOrderNeedsItsNumber(t *testing.T) {
	m := newMany(t, 3)
	m.learn(2, "OSVersion", "10.13")
	m.learn(2, "IsAppleSilicon", "false")
	m.signIn()
	page := m.page(review(0, 1, 2))
	for name, c := range map[string]struct {
		fields []string
		says   string
	}{
		"other number":   {[]string{"seen", "3", "confirm", "2", "reason", "x"}, "This is not the number of devices"},
		"no reason":      {[]string{"seen", "3", "confirm", "3"}, "Say why so many devices"},
		"no PIN":         {[]string{"seen", "3", "confirm", "3", "reason", "x", "pin_mode", "supplied"}, "Type the PIN that all of them get."},
		"weak PIN":       {[]string{"seen", "3", "confirm", "3", "reason", "x", "pin_mode", "supplied", "pin", "123456"}, "Nothing was ordered"},
		"PIN in reason":  {[]string{"seen", "3", "confirm", "3", "reason", "739184", "pin_mode", "supplied", "pin", "739184"}, "Must not contain the PIN"},
		"fewer can show": {[]string{"seen", "3", "confirm", "3", "reason", "x", "with_message", "1", "message", "Call us"}, "another number would lock than the page said: 2 devices"},
		"group is none":  {[]string{"seen", "3", "confirm", "3", "reason", "x", "group", "nothing"}, "must be groups that are there"},
	} {
		t.Run(name, func(t *testing.T) {
			a := m.post("/bulk", m.fields(page, []int{0, 1, 2}, c.fields...)...)
			assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
			has(t, a.text, c.says)
			hasNot(t, a.text, "739184")
		})
	}
	found, err := m.bulks.List(t.Context(), admin, "", 10)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestBulkOrderIsMadeOnce(t *testing.T) {
	m := newMany(t, 3)
	m.signIn()
	fields := m.fields(m.page(review(0, 1)), []int{0, 1}, "seen", "2", "confirm", "2", "reason", "Break-in", "ticket", "INC-1")
	to := m.post("/bulk", fields...).Header.Get("Location")
	require.Regexp(t, `^/bulk/[0-9a-f-]{36}$`, to)
	assert.Equal(t, to, m.post("/bulk", fields...).Header.Get("Location"), "sent twice")
	m.run()
	require.Eventually(t, func() bool { return strings.Contains(m.page(to), "Ordered; devices are answering") }, waiting, tick)
	assert.Len(t, m.actions(), 2)
	assert.Equal(t, to, m.post("/bulk", fields...).Header.Get("Location"), "sent again, now that they have the locks")
	m.answers(1, "")
	page := m.page(to)
	has(t, page, "Break-in")
	has(t, page, "carried out, say the devices")
	has(t, m.page(to+"?show=confirmed"), "Mac 000001")
	hasNot(t, m.page(to+"?show=confirmed"), "Mac 000000")
	has(t, m.page("/bulk"), "Lock of 2 devices")
	csv := m.get(to + "/export?format=csv")
	assert.Equal(t, http.StatusOK, csv.StatusCode)
	assert.Len(t, strings.Split(strings.TrimSpace(csv.text), "\n"), 3)
	assert.Equal(t, http.StatusSeeOther, m.post(to+"/cancel", "reason", "false alarm").StatusCode)
	page = m.page(to)
	has(t, page, "nothing more is ordered")
	has(t, page, fmt.Sprintf("<b>%d</b> of 2 settled", 2))
}

func TestNoBulkOrderUnderAnyName(t *testing.T) {
	m := newMany(t, 1)
	m.signIn()
	for _, path := range []string{"/bulk/nothing", "/bulk/nothing/export?format=csv"} {
		assert.Equal(t, http.StatusNotFound, m.get(path).StatusCode, path)
	}
	for _, path := range []string{"/bulk/nothing/cancel", "/bulk/nothing/approve", "/bulk/nothing/reject"} {
		assert.Equal(t, http.StatusNotFound, m.post(path).StatusCode, path)
	}
	assert.Equal(t, http.StatusUnprocessableEntity, m.get("/bulk/new").StatusCode, "no device")
}
