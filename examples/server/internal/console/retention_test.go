package console

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

const year = 365 * 24 * time.Hour

// aged is a ledger with a past: mac1 had two locks more than a year ago, mac2 has one under way, mac5 had one lately.
func aged(t *testing.T) (b *bench, old []lock.Action) {
	t.Helper()
	b = newBench(t).signIn()
	first, second, _ := past(b, "mac1")
	live := b.order("mac2")
	b.pass(year + 10*24*time.Hour)
	require.Equal(t, lock.StateQueued, live.State)
	past(b, "mac5")
	return b, []lock.Action{first, second}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

// armed is what the form of a preview sends.
func armed(preview string) (fields []string) {
	for _, m := range hidden.FindAllStringSubmatch(preview, -1) {
		fields = append(fields, m[1], m[2])
	}
	return fields
}

func (b *bench) preview(device string) answer {
	b.t.Helper()
	return b.post("/retention", "days", "365", "reason", "PINs are kept for a year", "device", device)
}

func TestPurgePreviewsAndPurges(t *testing.T) {
	b, old := aged(t)
	has(t, b.page("/retention"), `value="365"`)
	shown := b.preview("")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	has(t, shown.text, "2 PINs would be purged")
	has(t, shown.text, "3 PINs stay")
	has(t, shown.text, `<b class="num">2 PINs</b> <span>too young: their lock had an event since then</span>`)
	has(t, shown.text, `<b class="num">1 PIN</b> <span>under way, or holding a device now</span>`)
	assert.Empty(t, b.events(lock.EventPurge), "a preview leaves no trace")
	fields := armed(shown.text)

	slip := b.post("/retention/purge", append(fields, "confirm", "PURGE 3")...)
	assert.Equal(t, http.StatusUnprocessableEntity, slip.StatusCode)
	has(t, slip.text, "Nothing was purged")
	has(t, slip.text, "2 PINs would be purged")
	assert.Empty(t, b.events(lock.EventPurged))

	done := b.post("/retention/purge", append(fields, "confirm", "purge 2")...)
	require.Equal(t, http.StatusSeeOther, done.StatusCode, done.text)
	has(t, b.page("/retention"), "Purged: 2 PINs. Kept: 2 PINs too young: their lock had an event since then; 1 PIN under way, or holding a device now.")
	purged := b.events(lock.EventPurged)
	require.Len(t, purged, 2)
	assert.Equal(t, "PINs are kept for a year", purged[0].Reason)
	assert.Equal(t, admin.ID, purged[0].Actor.ID)
	has(t, b.preview("").text, "Nothing would be purged")

	text := b.page("/devices/mac1/pins")
	has(t, text, "No PIN is kept for this Mac any more.")
	has(t, text, "“PINs are kept for a year”")
	hasNot(t, text, "/reveal")
	has(t, b.page("/devices/mac1"), "2 PINs were purged")
	for _, a := range old {
		path := "/actions/" + string(a.ID)
		text := b.page(path)
		has(t, text, "by Ada Admin: “PINs are kept for a year”")
		hasNot(t, text, path+"/reveal")
		for _, gone := range []answer{b.get(path + "/reveal"), b.post(path+"/reveal", "reason", "x"), b.get(path + "/feedback")} {
			assert.Equal(t, http.StatusGone, gone.StatusCode)
			has(t, gone.text, "This PIN is gone")
			has(t, gone.text, "by Ada Admin, because: “PINs are kept for a year”")
		}
	}
}

func TestPurgeOfOneDevice(t *testing.T) {
	b, _ := aged(t)
	past(b, "mac4")
	b.pass(year + time.Hour)
	for _, device := range []string{"mac4", b.device("mac4").Serial} {
		has(t, b.preview(device).text, "2 PINs would be purged", device)
	}
	has(t, b.preview("mac9").text, "Nothing would be purged")
	renamed := b.device("mac4")
	renamed.ID = "mac4-anew"
	a, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: renamed})
	require.NoError(t, err)
	_, err = b.svc.Cancel(t.Context(), admin, a.ID, "")
	require.NoError(t, err)
	b.pass(year + time.Hour)
	has(t, b.preview(renamed.Serial).text, "3 PINs would be purged", "under every ID that had the serial number")
	has(t, b.preview("mac4").text, "2 PINs would be purged")
}

func TestPurgeFormThatIsWrong(t *testing.T) {
	b, _ := aged(t)
	for name, c := range map[string]struct{ days, reason, says string }{
		"no days":   {"", "x", "1 to 36500 days"},
		"no number": {"a year", "x", "1 to 36500 days"},
		"no day":    {"0", "x", "1 to 36500 days"},
		"no reason": {"365", "", "Is required."},
	} {
		t.Run(name, func(t *testing.T) {
			shown := b.post("/retention", "days", c.days, "reason", c.reason)
			assert.Equal(t, http.StatusUnprocessableEntity, shown.StatusCode)
			has(t, shown.text, c.says)
			hasNot(t, shown.text, "would be purged")
		})
	}
	fields := armed(b.preview("").text)
	for i, name := range fields {
		if i%2 == 0 && name != "device" && name != "reason" {
			bad := append([]string{"confirm", "PURGE 2"}, fields...)
			bad[i+3] = ""
			refused := b.post("/retention/purge", bad...)
			assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode, name)
		}
	}
	b.deny.Store(true)
	assert.Equal(t, http.StatusForbidden, b.preview("").StatusCode)
	b.deny.Store(false)
	assert.Empty(t, b.events(lock.EventPurged))
}

func TestLegalHold(t *testing.T) {
	b, _ := aged(t)
	const badge = `<span class="badge held">`
	hasNot(t, b.page("/devices/mac1"), badge)
	placed := b.post("/devices/mac1/hold", "reason", "Case 4711")
	require.Equal(t, http.StatusSeeOther, placed.StatusCode, placed.text)
	require.Equal(t, "/devices/mac1", placed.Header.Get("Location"))
	text := b.page("/devices/mac1")
	for _, part := range []string{badge, "“Case 4711”", "Ada Admin", "A legal hold is placed"} {
		has(t, text, part)
	}
	has(t, b.page("/devices/mac1/pins"), badge)
	text = b.page("/retention")
	has(t, text, "“Case 4711”")
	has(t, text, `href="/hardware?serial=C02MAC17QX"`)
	text = b.preview("").text
	has(t, text, "Nothing would be purged")
	has(t, text, `<b class="num">2 PINs</b> <span>under a legal hold</span>`)
	hasNot(t, text, `id="confirm"`)

	assert.Equal(t, http.StatusUnprocessableEntity, b.post("/devices/mac1/release", "reason", "").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.post("/devices/never/hold", "reason", "x").StatusCode)
	assert.Equal(t, http.StatusNotFound, b.post("/devices/mac5/release", "reason", "x").StatusCode)
	require.Equal(t, http.StatusSeeOther, b.post("/devices/mac1/release", "reason", "closed").StatusCode)
	hasNot(t, b.page("/devices/mac1"), badge)
	has(t, b.preview("").text, "2 PINs would be purged")
}

func TestLegalHoldBySerialNumber(t *testing.T) {
	b, _ := aged(t)
	delete(b.fleet, "mac1") // the ledger knows it
	for serial, names := range map[string]string{"C02MAC17QX": "C02MAC17QX", "c02mac37qx": "C02MAC37QX"} {
		placed := b.post("/retention/hold", "serial", serial, "reason", "Case 4711")
		require.Equal(t, http.StatusSeeOther, placed.StatusCode, placed.text)
		has(t, b.page("/retention"), `href="/hardware?serial=`+names+`"`)
	}
	has(t, b.preview("").text, "Nothing would be purged")
	for name, c := range map[string]struct{ serial, reason, says string }{
		"nobody's":  {"C02MAC1", "Case 4711", "No device here has, or had, this serial number."},
		"none":      {"", "Case 4711", `id="e-serial">Is required.`},
		"no reason": {"C02MAC57QX", "", `id="e-hold">Is required.`},
	} {
		slip := b.post("/retention/hold", "serial", c.serial, "reason", c.reason)
		assert.Equal(t, http.StatusUnprocessableEntity, slip.StatusCode, name)
		has(t, slip.text, c.says, name)
	}
	assert.Len(t, b.events(lock.EventHoldPlaced), 2)
}

func TestRemovedDevice(t *testing.T) {
	b := newBench(t).signIn()
	_, _, digits := past(b, "mac1")
	serial := b.device("mac1").Serial
	text := b.page("/devices/mac1/remove")
	for _, part := range []string{"Remove Ada’s MacBook Pro?", serial, "All of its 2 PINs", "Keep it"} {
		has(t, text, part)
	}
	removed := b.post("/devices/mac1/remove")
	require.Equal(t, http.StatusSeeOther, removed.StatusCode, removed.text)
	require.Equal(t, "/devices/mac1/pins", removed.Header.Get("Location"))
	has(t, b.page("/devices/mac1/pins"), "Ada’s MacBook Pro is removed.")
	gone := b.get("/devices/mac1")
	assert.Equal(t, "/devices/mac1/pins", gone.Header.Get("Location"), "what is left of it is its history")
	for _, path := range []string{"/devices/mac1/remove", "/devices/mac1/lock", "/hardware?serial=never", "/hardware"} {
		assert.Equal(t, http.StatusNotFound, b.get(path).StatusCode, path)
	}
	assert.Equal(t, http.StatusNotFound, b.post("/devices/mac1/remove").StatusCode)

	hasNot(t, b.page("/"), "Ada’s MacBook Pro")
	for _, search := range []string{serial, "c02mac17qx", "+C02MAC17QX+", "mac1"} {
		text := b.page("/?q=" + search)
		has(t, text, "Removed devices and earlier enrolments", search)
		has(t, text, `href="/hardware?serial=C02MAC17QX"`, search)
	}
	text = b.page("/hardware?serial=" + serial)
	has(t, text, "The inventory does not know this device any more.")
	has(t, text, "not in the inventory any more")
	shown := b.post("/actions/"+string(b.actions()[0].ID)+"/reveal", "reason", "found in a drawer")
	has(t, shown.text, "<span>"+digits[1][:3]+"</span>")
	hasNot(t, b.page("/?q=Grace"), "Removed devices")
}

func TestRemoveSaysWhatItLeavesOpen(t *testing.T) {
	b := newBench(t).signIn()
	has(t, b.page("/devices/mac4/remove"), "No PIN is kept for it.")
	require.Equal(t, "/", b.post("/devices/mac4/remove").Header.Get("Location"))
	a := b.order("mac1")
	has(t, b.page("/devices/mac1/remove"), "A lock waits for it.")
	other := b.order("mac5")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/mac5/remove", "confirm", "57qx").StatusCode)
	for _, path := range []string{"/actions", "/actions/" + string(other.ID), "/actions/" + string(other.ID) + "/reveal"} {
		has(t, b.page(path), "Will lock when it is enrolled again", path)
	}
	b.deliver("mac1")
	has(t, b.page("/devices/mac1/remove"), "A lock was sent to it.")
	b.report(a, lock.Acknowledged, nil)
	require.Equal(t, http.StatusSeeOther, b.post("/devices/mac1/hold", "reason", "Case 4711").StatusCode)
	text := b.page("/devices/mac1/remove")
	has(t, text, "It is locked now.")
	has(t, text, "Its legal hold.")
	for _, confirm := range []string{"", "57QX"} {
		slip := b.post("/devices/mac1/remove", "confirm", confirm)
		assert.Equal(t, http.StatusUnprocessableEntity, slip.StatusCode)
		has(t, slip.text, "Nothing was removed. These are not the last four characters.")
	}
	require.Equal(t, http.StatusSeeOther, b.post("/devices/mac1/remove", "confirm", "17QX").StatusCode)
	has(t, b.page("/devices/mac1/pins"), "“Case 4711”")
	require.Equal(t, "/devices/mac1", b.post("/devices/mac1/release", "reason", "closed").Header.Get("Location"))
	hasNot(t, b.page("/devices/mac1/pins"), "“Case 4711”")
}

// An enrolment that another one of the same hardware followed is no device any more, and its PINs are those of that one.
func TestEarlierEnrolment(t *testing.T) {
	b := newBench(t).signIn()
	earlier := b.device("mac1")
	earlier.ID = "mac1-before"
	a, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: earlier})
	require.NoError(t, err)
	reveal := "/actions/" + string(a.ID) + "/reveal"
	has(t, b.page("/devices/mac1"), reveal)
	b.order("mac1")
	text := b.page("/devices/mac1/pins")
	has(t, text, reveal)
	has(t, text, "What it was called here")
	text = b.page("/?q=" + earlier.Serial)
	has(t, text, `href="/devices/mac1"`)
	has(t, text, "Removed devices and earlier enrolments")
	text = b.page("/hardware?serial=" + earlier.Serial)
	has(t, text, "Open the device")
	hasNot(t, text, "does not know this device")
}
