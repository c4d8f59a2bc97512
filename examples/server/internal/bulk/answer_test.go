package bulk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/windows"
)

// phone makes a Mac an Android device of which the server knows enough.
func (b *bench) phone(n int) {
	b.t.Helper()
	b.exec(`UPDATE server_devices SET platform = $2 WHERE id = $1`, inventorytest.ID(n), agent.PlatformName)
	b.exec(`DELETE FROM server_facts WHERE device = $1`, inventorytest.ID(n))
	for name, value := range map[android.FactName]string{
		android.FactAPILevel: "34", android.FactMode: string(android.ModeDeviceOwner), android.FactTargetSDK: "34",
		android.FactSecureLock: "true", android.FactUserUnlocked: "true", android.FactManagedProfile: "false",
	} {
		b.exec(`INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, 1)`, inventorytest.ID(n), string(name), value)
	}
}

// lockOne orders a lock of a device by itself.
func (b *bench) lockOne(n int) {
	b.t.Helper()
	d, err := b.devices.Find(b.t.Context(), inventorytest.ID(n))
	require.NoError(b.t, err)
	_, err = b.svc.Lock(b.t.Context(), admin, lock.Request{Device: d.Device})
	require.NoError(b.t, err)
}

// answers lets a device fetch its lock and acknowledge it.
func (b *bench) answers(n int, code agent.Code) {
	b.t.Helper()
	d, err := b.devices.Find(b.t.Context(), inventorytest.ID(n))
	require.NoError(b.t, err)
	cmd, err := b.svc.Next(b.t.Context(), d.Device)
	require.NoError(b.t, err)
	require.NoError(b.t, b.svc.Report(b.t.Context(), lock.Report{
		Scope: b.Scope, Device: d.ID, Action: cmd.ID, Outcome: lock.Acknowledged, Facts: map[string]string{"code": string(code)},
	}))
}

func TestScreensThatWentOff(t *testing.T) {
	b := newBench(t, 4)
	b.phone(1)
	b.phone(2)
	b.phone(3)
	b.lockOne(3)
	made := b.create(first(4))
	b.turn()
	b.answers(0, agent.CodeNoSecureLock) // no Mac says so
	b.answers(1, agent.CodeOK)
	b.answers(2, agent.CodeNoSecureLock)
	b.answers(3, agent.CodeNoSecureLock)
	items, err := b.Items(t.Context(), admin, made.ID, "confirmed", -1, 10)
	require.NoError(t, err)
	require.Len(t, items, 4)
	var codes []string
	for _, i := range items {
		codes = append(codes, i.Code)
		assert.Equal(t, i.Code == "no_secure_lock", i.Reason != "")
	}
	assert.Equal(t, []string{"", "", "no_secure_lock", "no_secure_lock"}, codes)
	assert.True(t, items[3].Joined)
}

func TestPreflightOfWhatHasALock(t *testing.T) {
	b := newBench(t, 4)
	b.phone(3)
	b.lockOne(0)
	b.lockOne(3)
	check, err := b.Preflight(t.Context(), admin, first(4))
	require.NoError(t, err)
	assert.Equal(t, []int{4, 4, 2, 2}, []int{check.Total, check.Ready, check.Joined, check.Orders()})
	assert.Equal(t, map[string]int{mdmproto.PlatformName: 2}, check.Platforms)
	notes := map[string]int{}
	for _, n := range check.Notes {
		notes[n.Code] = n.N
	}
	assert.Equal(t, map[string]int{"restarts": 2, "live_lock": 2}, notes)
}

// computer makes a Mac a Windows device of which the server knows enough.
func (b *bench) computer(n int, class windows.Class, build string) {
	b.t.Helper()
	b.exec(`UPDATE server_devices SET platform = $2 WHERE id = $1`, inventorytest.ID(n), windows.PlatformName)
	b.exec(`DELETE FROM server_facts WHERE device = $1`, inventorytest.ID(n))
	for name, value := range map[windows.FactName]string{windows.FactClass: string(class), windows.FactBuild: build} {
		b.exec(`INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, 1)`, inventorytest.ID(n), string(name), value)
	}
}

func TestWindowsIsCountedByWhatWillHappen(t *testing.T) {
	b := newBench(t, 3)
	b.computer(1, windows.ClassHoloLens, "10.0.22621.1258")
	b.computer(2, windows.ClassDesktop, "10.0.22631.4460")
	check, err := b.Preflight(t.Context(), admin, first(3))
	require.NoError(t, err)
	assert.Equal(t, map[string]int{mdmproto.PlatformName: 1, windows.PlatformName: 1}, check.Platforms)
	assert.Equal(t, map[string]int{"sign_in_lockout_unproven": 1}, check.By, "a desktop is left out")

	forced := first(3)
	forced.Force = true
	check, err = b.Preflight(t.Context(), admin, forced)
	require.NoError(t, err)
	assert.Equal(t, 3, check.Orders())
	made := b.create(forced)
	b.turn()
	b.answers(1, "200")
	b.answers(2, "200")
	items, err := b.Items(t.Context(), admin, made.ID, "confirmed", -1, 10)
	require.NoError(t, err)
	require.Len(t, items, 2)
	assert.Equal(t, []string{"", CodeLockedOut}, []string{items[0].Code, items[1].Code})
}
