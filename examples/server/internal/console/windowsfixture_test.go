package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// The Windows devices, by what tells them apart.
const (
	lumia   = "win1"                                 // a phone: lock and reset
	lens    = "win2"                                 // a HoloLens: lock alone
	desktop = "win3"                                 // Windows 11: a sign-in lock-out
	listed  = "win4"                                 // a desktop that lists a remote lock: both ways
	home    = "win5"                                 // Windows 11 Home: nothing
	bare    = "9f3c41d2-77ab-4c1e-8f02-5b6f0a94e813" // a phone of which no more than its name is known, and that has not come yet
)

// newWindowsBench is a bench with Windows devices in its fleet, signed in.
func newWindowsBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t).signIn()
	b.computer(lumia, "Hedy’s Lumia 950", "Hedy Lamarr", "Lumia 950", windows.ClassPhone, "104", "10.0.15254.603", nil)
	b.computer(lens, "Assembly HoloLens", "Line 4", "HoloLens 2", windows.ClassHoloLens, "136", "10.0.22621.1258", nil)
	b.computer(desktop, "Finance laptop 7", "Katherine Johnson", "Latitude 7440", windows.ClassDesktop, "48", "10.0.22631.4460", nil)
	b.computer(listed, "Lab desktop", "Lab", "OptiPlex 7010", windows.ClassDesktop, "48", "10.0.22631.4460",
		map[windows.FactName]string{windows.FactRemoteLock: "yes"})
	b.computer(home, "Reception PC", "Front desk", "Inspiron 15", windows.ClassDesktop, "101", "10.0.22631.4460", nil)
	b.computer(bare, "DESKTOP-7QX", "", "", windows.ClassPhone, "104", "10.0.15254.603", nil)
	unknown := b.fleet[bare]
	unknown.Serial, unknown.LastSeen = "", time.Time{}
	b.fleet[bare] = unknown
	return b
}

// computer puts a Windows device into the fleet.
func (b *bench) computer(id, name, user, model string, class windows.Class, edition, build string, more map[windows.FactName]string) {
	facts := map[string]lock.Fact{}
	learn := func(n windows.FactName, value string) {
		facts[string(n)] = lock.Fact{Value: value, At: began.Add(-2 * time.Hour)}
	}
	learn(windows.FactClass, string(class))
	learn(windows.FactEdition, edition)
	learn(windows.FactBuild, build)
	for n, value := range more {
		learn(n, value)
	}
	b.fleet[id] = inventory.Device{
		Device: lock.Device{
			Scope: scope, ID: id, Platform: windows.PlatformName, Serial: "5CD" + id[len(id)-1:] + "2231XKJ", Name: name, User: user, Model: model, Facts: facts,
		},
		OSVersion: "Windows (build " + build + ")", Class: string(class), Edition: edition, Build: build,
		LastSeen: b.now().Add(-20 * time.Second), EnrolledAt: began.Add(-30 * 24 * time.Hour), Enrolled: true,
	}
}

// resetOf orders a reset without the console, and lets the device fetch it.
func (b *bench) resetOf(id string) lock.Action {
	b.t.Helper()
	a, err := b.svc.ResetPasscode(b.t.Context(), admin, lock.Request{Device: b.device(id), Reason: "PIN forgotten", Ticket: "4711"})
	require.NoError(b.t, err)
	b.fetch(id)
	return a
}

// fetch lets a device fetch what waits for it.
func (b *bench) fetch(id string) windows.Part {
	b.t.Helper()
	b.pass(3 * time.Second)
	cmd, err := b.svc.Next(b.t.Context(), b.device(id))
	require.NoError(b.t, err)
	part, err := windows.ParsePart(cmd.Body)
	require.NoError(b.t, err)
	b.pass(2 * time.Second)
	return part
}

// returns reports what a device said, with the PIN that it made.
func (b *bench) returns(a lock.Action, outcome lock.Outcome, digits string) {
	b.t.Helper()
	code, err := pin.Parse(digits)
	require.NoError(b.t, err)
	require.NoError(b.t, b.svc.Report(b.t.Context(), lock.Report{
		Scope: scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome, Secret: code, Facts: map[string]string{"code": "200"},
	}))
}

// lostReset is a reset of which the device said that it is done, without its PIN.
func (b *bench) lostReset(id string) lock.Action {
	b.t.Helper()
	a := b.resetOf(id)
	b.report(a, lock.Acknowledged, map[string]string{"code": "200"})
	return a
}

// before are the values that the desktop has before it is locked out.
func before() map[string]string {
	return map[string]string{
		"step": "read", "before_deny": `=*S-1-5-32-546`, "before_title": "absent", "before_text": `=Property of Analytical Engines.\uf000Authorised use only.`,
	}
}

// lockOut is a sign-in lock-out of a desktop that has got it, and that may be confirmed.
func (b *bench) lockOut(id string, confirmed bool) lock.Action {
	b.t.Helper()
	a, err := b.svc.Lock(b.t.Context(), admin, lock.Request{Device: b.device(id), Reason: "stolen", Ticket: "4711", Force: true})
	require.NoError(b.t, err)
	require.True(b.t, a.Talks)
	b.fetch(id)
	b.report(a, lock.Progress, before())
	if confirmed {
		b.report(a, lock.Acknowledged, map[string]string{"step": "denied", "code": "202"})
	}
	return a
}
