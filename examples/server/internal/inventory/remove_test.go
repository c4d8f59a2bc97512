package inventory_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

func (w *world) remove(udid string) {
	w.t.Helper()
	require.NoError(w.t, w.Remove(w.t.Context(), ada, udid))
}

func (w *world) listed(after string) (ids []string) {
	w.t.Helper()
	found, err := w.Devices(w.t.Context(), ada, "", after, 0)
	require.NoError(w.t, err)
	for _, d := range found {
		ids = append(ids, d.ID)
	}
	return ids
}

// rows counts what a table has of a device.
func (w *world) rows(query, udid string) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Readers.QueryRowContext(w.t.Context(), query, udid).Scan(&n))
	return n
}

func TestRemovedDeviceIsGone(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	w.enrol("B")
	w.noted = nil
	w.remove("A")
	assert.Equal(t, []map[string]string{{"device": "A", "serial": "SA", "name": "Mac A"}}, w.noted)

	_, err := w.Find(t.Context(), "A")
	require.ErrorIs(t, err, lock.ErrNotFound)
	assert.Equal(t, []string{"B"}, w.listed(""))
	assert.Equal(t, []string{"B"}, w.listed("A"), "a page may begin after a device that was removed")
	w.refuses(cert, "A")
	_, _, err = w.Authenticate(t.Context(), cert, hello("A"))
	require.ErrorIs(t, err, mdmproto.ErrNotEnrolled, "nothing is sent again to become a device")
	_, _, err = w.Authenticate(t.Context(), cert, hello("C"))
	require.ErrorIs(t, err, mdmproto.ErrNotEnrolled, "its certificate serves no other")
	bound, err := w.BoundTo(t.Context(), cert)
	require.NoError(t, err)
	assert.Empty(t, bound, "nor renews it")
	for _, table := range []string{"server_facts", "server_channels", "server_queries"} {
		assert.Zero(t, w.rows(`SELECT count(*) FROM `+table+` WHERE device = $1`, "A"), table)
		assert.NotZero(t, w.rows(`SELECT count(*) FROM `+table+` WHERE device = $1`, "B"), table)
	}
	assert.Zero(t, w.rows(`SELECT count(*) FROM server_devices WHERE id = $1 AND user_name || model || os_version || product_name <> ''`, "A"))
	require.ErrorIs(t, w.Remove(t.Context(), ada, "A"), lock.ErrNotFound)
	require.ErrorIs(t, w.Remove(t.Context(), ada, "Z\x00"), lock.ErrNotFound)
}

// A device that enrols again is in no group from before; a user of the same name stays in his.
func TestRemovedDeviceIsInNoGroup(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	w.enrol("B")
	for group, kind := range map[string]string{"lab": "devices", "people": "users"} {
		_, err := w.db.Exec(t.Context(), `INSERT INTO server_groups (id, kind, name, parent) VALUES ($1, $2, $1, '')`, group, kind)
		require.NoError(t, err)
		for _, member := range []string{"A", "B"} {
			_, err = w.db.Exec(t.Context(), `INSERT INTO server_group_members (grp, member) VALUES ($1, $2)`, group, member)
			require.NoError(t, err)
		}
	}
	w.remove("A")
	const devices = `SELECT count(*) FROM server_group_members WHERE grp = 'lab' AND member = $1`
	assert.Zero(t, w.rows(devices, "A"))
	assert.Equal(t, 1, w.rows(devices, "B"))
	assert.Equal(t, 1, w.rows(`SELECT count(*) FROM server_group_members WHERE grp = 'people' AND member = $1`, "A"))
}

func TestRemovedDeviceEnrolsAgain(t *testing.T) {
	w := newWorld(t)
	old := w.enrol("A")
	w.remove("A")
	cert := w.cert("")
	w.authenticate(cert, "A", false)
	assert.Equal(t, "again", w.noted[len(w.noted)-1]["kind"], "as one that was known")
	w.complete(cert, "A")
	assert.Equal(t, []string{"A"}, w.listed(""))
	d, err := w.Find(t.Context(), "A")
	require.NoError(t, err)
	assert.True(t, d.Enrolled)
	assert.Equal(t, "SA", d.Serial)
	w.refuses(old, "A")
}

// What a device says just as it is removed leaves nothing behind.
func TestRemovalWhileTheDeviceTalks(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	d, err := w.Device(t.Context(), cert, "A")
	require.NoError(t, err)
	asked, _ := w.next(mdmproto.Result{Status: mdmproto.StatusIdle})
	require.NotEmpty(t, asked)
	w.remove("A")
	require.ErrorIs(t, w.TokenUpdate(t.Context(), d, tokenUpdate(t, "A", "")), mdmproto.ErrNotEnrolled)
	require.NoError(t, w.Result(t.Context(), d, mdmproto.Result{
		CommandUUID: asked, Status: mdmproto.StatusAcknowledged, Facts: map[string]string{"DeviceName": "Eve's Mac"},
	}))
	require.NoError(t, w.CheckOut(t.Context(), d, mdmproto.Checkin{}))
	for _, table := range []string{"server_facts", "server_channels", "server_queries"} {
		assert.Zero(t, w.rows(`SELECT count(*) FROM `+table+` WHERE device = $1`, "A"), table)
	}
	assert.Empty(t, w.listed(""))
}

func TestNoRemovalWithoutARecord(t *testing.T) {
	w := newWorld(t)
	cert := w.enrol("A")
	w.mute = true
	require.Error(t, w.Remove(t.Context(), ada, "A"))
	w.mute = false
	_, err := w.Device(t.Context(), cert, "A")
	require.NoError(t, err)
	assert.Equal(t, []string{"A"}, w.listed(""))
}
