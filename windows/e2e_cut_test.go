package windows_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

var errCut = errors.New("the connection was cut because the test said so")

// story is an order on a device, from the moment before it is ordered to what must hold whatever happens on the way.
type story struct {
	name  string
	make  func(w *world) *machine
	order func(m *machine)
	holds func(m *machine)
}

func stories() []story {
	digest := func(e *windows.Enrolled) { e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001") }
	phone := func(w *world) *machine { return w.machine(windowstest.Config{PIN: personal}) }
	locksOut := func(m *machine) { m.must(lock.KindLock, call) }
	return []story{
		{"reset", phone, func(m *machine) { m.must(lock.KindResetPasscode) }, (*machine).accounted},
		{"reset, the PIN survives", func(w *world) *machine {
			return w.machine(windowstest.Config{PIN: personal, KeepsPIN: true})
		}, func(m *machine) { m.must(lock.KindResetPasscode) }, (*machine).accounted},
		{"reset, with a digest", func(w *world) *machine {
			return w.machine(windowstest.Config{PIN: personal, User: "device-0001", Secret: "s3cret-0001"}, digest)
		}, func(m *machine) { m.must(lock.KindResetPasscode) }, (*machine).accounted},
		{"lock", phone, func(m *machine) { m.must(lock.KindLock) }, func(m *machine) {
			require.Equal(m.w.t, lock.StateConfirmed, m.newest(lock.KindLock).State)
		}},
		{"lock-out", func(w *world) *machine { return w.desk(before["several"]) }, locksOut, func(m *machine) {
			require.Equal(m.w.t, lock.StateConfirmed, m.newest(lock.KindLock).State)
			require.ErrorIs(m.w.t, m.SignIn("grace"), windowstest.ErrDenied)
			m.must(lock.KindUnlock, of(m.newest(lock.KindLock).ID))
			m.settles()
			require.Equal(m.w.t, before["several"], m.policies())
		}},
		{"unlock", func(w *world) *machine {
			m := w.desk(before["some set"])
			m.carriedOut(lock.KindLock, call)
			return m
		}, func(m *machine) { m.must(lock.KindUnlock, of(m.newest(lock.KindLock).ID)) }, func(m *machine) {
			require.Equal(m.w.t, lock.StateReleased, m.newest(lock.KindLock).State)
			require.Equal(m.w.t, before["some set"], m.policies())
			require.NoError(m.w.t, m.SignIn("grace"))
		}},
	}
}

func (m *machine) newest(kinds ...lock.Kind) lock.Action {
	m.w.t.Helper()
	found, err := m.w.service().List(m.w.t.Context(), locktest.Admin(), lock.Filter{
		Scope: "acme", Devices: []string{m.known().ID}, Kinds: kinds, Limit: 1,
	})
	require.NoError(m.w.t, err)
	require.NotEmpty(m.w.t, found)
	return found[0]
}

// on runs a test for each story, in a world of each kind.
func on(t *testing.T, test func(t *testing.T, s story, world func(t *testing.T) *world)) {
	for _, s := range stories() {
		for name, ledger := range ledgers {
			if testing.Short() && name != "memory" {
				continue
			}
			t.Run(s.name+" on "+name, func(t *testing.T) {
				t.Parallel()
				test(t, s, func(t *testing.T) *world {
					w := newWorld(t, ledger(t))
					return w
				})
			})
		}
	}
}

// TestConnectionIsCut cuts the connection once at each message, before it arrives and after it was answered.
func TestConnectionIsCut(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		for _, sending := range []bool{true, false} {
			for n := 1; ; n++ {
				w := world(t)
				w.replicas = n%2 == 0
				m := s.make(w)
				s.order(m)
				cut := m.cutAt(n, sending)
				m.errs(m.later(), errCut)
				if !*cut { // the session has no such message
					break
				}
				m.settles()
				s.holds(m)
			}
		}
	})
}

// cutAt cuts the connection once, at the message with this MsgID or at the answer to it, and says when it did.
func (m *machine) cutAt(n int, sending bool) (cut *bool) {
	cut = new(bool)
	at := func(got int, _ []byte) error {
		if got != n || *cut {
			return nil
		}
		*cut = true
		return errCut
	}
	if sending {
		m.OnSend(at)
	} else {
		m.OnReceive(at)
	}
	return cut
}

// TestServerDies lets the ledger fail from each commit of the session on, with and without that commit stored; then another process serves
// the device.
func TestServerDies(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		for _, unheard := range []bool{false, true} {
			for n := 0; ; n++ {
				w := world(t)
				m := s.make(w)
				s.order(m)
				commits := w.ledger.Commits()
				w.ledger.DieAfter(n, unheard)
				err := m.later()
				w.ledger.DieAfter(locktest.Forever, false)
				if err == nil && w.ledger.Commits()-commits <= n { // the whole session needs no more
					break
				}
				w.boot()
				m.settles()
				s.holds(m)
			}
		}
	})
}

// TestServerRecovers lets each commit of the session fail, until the device sends its message again: nothing that it said is lost.
func TestServerRecovers(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		for n := 0; ; n++ {
			w := world(t)
			m := s.make(w)
			s.order(m)
			commits, last, again := w.ledger.Commits(), 0, false
			w.ledger.DieAfter(n, false)
			m.OnSend(func(got int, _ []byte) error {
				if got == last {
					again = true
					w.ledger.DieAfter(locktest.Forever, false)
				}
				last = got
				return nil
			})
			require.NoError(t, m.later())
			w.ledger.DieAfter(locktest.Forever, false)
			if !again && w.ledger.Commits()-commits <= n {
				break
			}
			for _, a := range m.live() {
				require.NotContains(t, []lock.State{lock.StateQueued, lock.StateIssued}, a.State, "all was carried out in this session")
			}
			require.Empty(t, lost(m.newest(lock.KindResetPasscode, lock.KindLock)))
			s.holds(m)
		}
	})
}

// TestSessionStateIsNotSaved lets each save of a session's state fail once, with and without the state stored.
func TestSessionStateIsNotSaved(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		for _, stored := range []bool{false, true} {
			for n := 1; ; n++ {
				w := world(t)
				m := s.make(w)
				s.order(m)
				saves := w.sessions.failAt(n, stored)
				_ = m.later() // 503, and the device sends that message again
				if w.sessions.failAt(0, false) < saves+n {
					break
				}
				m.settles()
				s.holds(m)
			}
		}
	})
}

// TestAnotherReplicaAnswersEachMessage has nothing in common between two messages but the stores.
func TestAnotherReplicaAnswersEachMessage(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		w := world(t)
		w.replicas = true
		m := s.make(w)
		s.order(m)
		m.syncs()
		s.holds(m)
	})
}

// TestSessionStateIsLost forgets the session between any two messages: what the device says then belongs to nothing.
func TestSessionStateIsLost(t *testing.T) {
	on(t, func(t *testing.T, s story, world func(*testing.T) *world) {
		for n := 1; ; n++ {
			w := world(t)
			m := s.make(w)
			s.order(m)
			lost := false
			m.OnReceive(func(got int, _ []byte) error {
				if got == n {
					lost = true
					w.sessions.forget()
				}
				return nil
			})
			m.errs(m.later(), windowstest.ErrAborted)
			if !lost {
				break
			}
			m.OnReceive(nil)
			m.settles()
			s.holds(m)
			if strings.HasPrefix(s.name, "reset") {
				m.recoverable()
			}
		}
	})
}

// recoverable is what holds of a reset whose answer reached the server, whatever the server knew of it by then: the PIN is in the ledger, or
// said to be lost, and in the answer that was kept.
func (m *machine) recoverable() {
	m.w.t.Helper()
	reset, now := m.newest(lock.KindResetPasscode), m.State().PIN
	if hasPIN(reset) {
		require.Equal(m.w.t, now, m.w.reveal(reset.ID))
		return
	}
	require.NotEmpty(m.w.t, lost(reset))
	m.w.keeps(reset.ID, now)
}

// keeps requires that a text is in the messages which were kept with an action.
func (w *world) keeps(id lock.ID, text string) {
	w.t.Helper()
	body, err := w.service().RevealAnswer(w.t.Context(), locktest.Admin(), id, "asked by a test", "")
	require.NoError(w.t, err)
	require.Contains(w.t, string(body), text)
}

// errs is an error of a session that may be one of these, or none.
func (m *machine) errs(err error, may ...error) {
	m.w.t.Helper()
	for _, target := range may {
		if errors.Is(err, target) {
			return
		}
	}
	require.NoError(m.w.t, err, fmt.Sprint("beside ", may))
}
