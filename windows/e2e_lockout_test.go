package windows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

const (
	nodePolicies = "./Device/Vendor/MSFT/Policy/Config/"
	nodeDeny     = nodePolicies + "UserRights/DenyLocalLogOn"
	nodeTitle    = nodePolicies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTitleForUsersAttemptingToLogOn"
	nodeText     = nodePolicies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTextForUsersAttemptingToLogOn"
	nodeReboot   = "./Device/Vendor/MSFT/Reboot/RebootNow"
)

// policies are the values of the three nodes that a lock-out changes; one that is absent is unset.
type policies map[string]string

var before = map[string]policies{
	"unset":     {},
	"set":       {nodeDeny: "*S-1-5-32-546", nodeTitle: "Welcome", nodeText: "Authorised use only."},
	"some set":  {nodeTitle: "Welcome to <Acme> & Co"},
	"several":   {nodeDeny: "*S-1-5-32-546\uf000Guest", nodeTitle: " spaced ", nodeText: "First line\uf000\uf000Third: \"quoted\", 'single', <tag> & é 漢字"},
	"empty":     {nodeTitle: "", nodeText: ""},
	"very long": {nodeText: strings.Repeat("Zeile für Zeile\uf000", 200)},
}

// desk makes a desktop with these policies.
func (w *world) desk(p policies, edits ...func(*windowstest.Config)) *machine {
	w.t.Helper()
	cfg := windowstest.Config{Class: windowstest.Desktop, SignedIn: "grace", SyncVersion3: true}
	for _, edit := range edits {
		edit(&cfg)
	}
	m := w.machine(cfg)
	for uri, value := range p {
		m.Set(uri, value)
	}
	return m
}

// policies are those of the machine now.
func (m *machine) policies() policies {
	p := policies{}
	for _, uri := range []string{nodeDeny, nodeTitle, nodeText} {
		if value, ok := m.Get(uri); ok {
			p[uri] = value
		}
	}
	return p
}

func call(r *lock.Request) { r.Force, r.Message = true, "Call IT at once" }

func TestLockOutAndUnlockRestoreExactly(t *testing.T) {
	for name, p := range before {
		for on, ledger := range ledgers {
			t.Run(name+" on "+on, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, ledger(t))
				m := w.desk(p)
				was := m.policies()
				require.Equal(t, p, was)
				require.NoError(t, m.SignIn("grace"))

				locked := m.carriedOut(lock.KindLock, call)
				require.Equal(t, lock.StateConfirmed, locked.State)
				require.True(t, locked.Holds)
				require.ErrorIs(t, m.SignIn("grace"), windowstest.ErrDenied)
				require.Equal(t, 1, m.State().Restarts, "who is signed in stays so until the restart")
				shown, _ := m.Get(nodeText)
				require.Contains(t, shown, "Call IT at once")

				require.NoError(t, m.later(), "it goes on talking, which is no evidence")
				require.Equal(t, lock.StateConfirmed, w.get(locked.ID).State)

				unlocked := m.carriedOut(lock.KindUnlock, of(locked.ID))
				require.Equal(t, lock.StateConfirmed, unlocked.State)
				require.Equal(t, lock.StateReleased, w.get(locked.ID).State)
				require.Equal(t, was, m.policies())
				require.NoError(t, m.SignIn("grace"))
			})
		}
	}
}

func TestDesktopHasNoScreenLock(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	require.Equal(t, windows.ClassDesktop, windows.FromDevice(m.known()).Class)
	_, err := m.order(lock.KindLock)
	var blocked *lock.BlockedError
	require.ErrorAs(t, err, &blocked)
	require.Contains(t, codes(blocked.Findings), "sign_in_lockout_unproven")
	_, err = m.order(lock.KindResetPasscode)
	require.ErrorAs(t, err, &blocked)
}

func TestHoloLensHasTheScreenLockAlone(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{Class: windowstest.HoloLens, PIN: personal})
	require.Equal(t, windows.ClassHoloLens, windows.FromDevice(m.known()).Class)
	require.Equal(t, lock.StateConfirmed, m.carriedOut(lock.KindLock).State)
	require.True(t, m.State().Locked)
	_, err := m.order(lock.KindResetPasscode)
	var blocked *lock.BlockedError
	require.ErrorAs(t, err, &blocked)
}

func TestLockWithoutAPINIsRefused(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{})
	a := m.carriedOut(lock.KindLock)
	assert.Equal(t, lock.StateRefused, a.State)
	assert.Equal(t, "405", a.Facts["code"])
	assert.Equal(t, "no_pin", a.Facts["reason"])
}

func TestAtomicThatFailsChangesNothing(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(before["set"])
	m.Script(windowstest.RefuseAtomic(nodeDeny, 405))
	a := m.carriedOut(lock.KindLock, call)
	assert.Equal(t, lock.StateRefused, a.State)
	assert.Equal(t, before["set"], m.policies())
	assert.Zero(t, m.State().Restarts)
	assert.NoError(t, m.SignIn("grace"))
}

func TestAtomicThatCannotBeRolledBackIsAppliedAgain(t *testing.T) {
	for _, code := range []int{507, 516} {
		w := newWorld(t, store.NewMemory())
		m := w.desk(before["set"])
		m.Script(windowstest.RefuseAtomic(nodeDeny, 500), windowstest.FailRollback(code))
		locked := m.must(lock.KindLock, call)
		m.syncs()
		require.Equal(t, lock.StateIssued, w.get(locked.ID).State, "%d: what the device has is not known", code)
		m.settles()
		require.Equal(t, lock.StateConfirmed, w.get(locked.ID).State)
		require.ErrorIs(t, m.SignIn("grace"), windowstest.ErrDenied)
		m.must(lock.KindUnlock, of(locked.ID))
		m.settles()
		require.Equal(t, before["set"], m.policies())
	}
}

func TestRestartThatIsRefusedIsSaid(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	m.Script(windowstest.Refuse(nodeReboot, 406))
	a := m.carriedOut(lock.KindLock, call)
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Contains(t, codes(a.Findings), "not_restarted")
}

func TestWhoIsDeniedAlreadyIsNotLockedOut(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	denied := policies{nodeDeny: "*S-1-1-0"}
	m := w.desk(denied)
	a := m.carriedOut(lock.KindLock, call)
	assert.Equal(t, lock.StateRefused, a.State)
	assert.Equal(t, "already_denied", a.Facts["reason"])
	assert.Equal(t, denied, m.policies())
}

func TestUnlockThatDoesNotHoldSaysWhat(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(before["set"])
	locked := m.carriedOut(lock.KindLock, call)
	unlock := m.must(lock.KindUnlock, of(locked.ID))
	m.OnReceive(func(n int, _ []byte) error { // somebody at the device, right after it was restored
		if n == 2 {
			m.Set(nodeTitle, "meddled")
		}
		return nil
	})
	m.Script(windowstest.Refuse(nodeTitle, 200))
	m.settles()
	assert.Equal(t, lock.StateRefused, w.get(unlock.ID).State)
	assert.Equal(t, lock.StateConfirmed, w.get(locked.ID).State, "it is not said to be over")
}

// TestCancelledLockOut cancels at each step: before the values change nothing more is sent; after that it can be unlocked.
func TestCancelledLockOut(t *testing.T) {
	for n, name := range []string{1: "after read was sent", 2: "after deny was sent", 3: "after the restart was sent"} {
		if name == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.desk(before["several"])
			locked := m.must(lock.KindLock, call)
			m.OnReceive(func(got int, _ []byte) error {
				if got == n {
					_, err := w.service().Cancel(t.Context(), locktest.Admin(), locked.ID, "found it")
					return err
				}
				return nil
			})
			m.syncs()
			m.OnReceive(nil)
			require.NoError(t, m.later())
			if n == 1 {
				require.Equal(t, before["several"], m.policies(), "nothing was changed, and nothing is")
				require.Equal(t, lock.StateCancelled, w.get(locked.ID).State)
				return
			}
			require.ErrorIs(t, m.SignIn("grace"), windowstest.ErrDenied)
			m.must(lock.KindUnlock, of(locked.ID))
			m.settles()
			require.Equal(t, before["several"], m.policies())
			require.NoError(t, m.SignIn("grace"))
			require.Equal(t, lock.StateReleased, w.get(locked.ID).State)
		})
	}
}

func codes(findings []lock.Finding) (codes []string) {
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	return codes
}
