package windows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// every answers a container and what is in it, in document order.
func every(m syncml.Message, codes ...string) (said []syncml.Command) {
	container := commands(m)[0]
	for i, c := range append([]syncml.Command{container}, container.Children...) {
		said = append(said, done(m, c, codes[i]))
	}
	return said
}

// TestLateRefusal has a session answer an Atomic when another one has asked for the policies, has sent its own, or has had it carried out: that
// the first one failed is not the end of a lock-out that is in force.
func TestLateRefusal(t *testing.T) {
	for _, name := range []string{"deny", "deny-again"} {
		for at, when := range []string{"asked", "sent", "carried out"} {
			t.Run(name+" when another was "+when, func(t *testing.T) {
				w := newWorld(t, store.NewMemory())
				m := w.desk(nil)
				locked := m.must(lock.KindLock, call)
				w.clock.Advance(time.Hour)
				one, two := m.talk("A1"), m.talk("A2")
				if name == "deny-again" {
					lost := m.talk("A0")
					lost.says(lost.message(unset(lost.says(lost.begins()))...))
					w.clock.Advance(time.Hour)
				}
				late := one.says(one.message(unset(one.says(one.begins()))...))
				require.Equal(t, syncml.VerbAtomic, commands(late)[0].Verb)
				w.clock.Advance(3 * time.Minute)
				steps := []func(){func() { one.says(one.message(every(late, "507", "500", "216", "216")...)) }}
				var got syncml.Message
				others := []func(){
					func() { got = two.says(two.begins()) },
					func() { got = two.says(two.message(unset(got)...)) },
					func() { got = two.says(two.message(every(got, "200", "200", "200", "200")...)) },
				}
				steps = append(append(others[:at+1:at+1], steps...), others[at+1:]...)
				for _, step := range steps {
					step()
				}
				require.Equal(t, nodeReboot, commands(got)[0].Items[0].Target.URI)
				a := w.get(locked.ID)
				require.Equal(t, lock.StateIssued, a.State)
				require.Equal(t, "denied", a.Facts["step"])
				require.NotContains(t, codes(a.Findings), "lockout_uncertain", "nor is it heard")
				two.says(two.message(done(got, commands(got)[0], "200")))
				require.Equal(t, lock.StateConfirmed, w.get(locked.ID).State)
			})
		}
	}
}

// TestLateRefusalOfARepetition is the same of two sessions that repeat an Atomic which was carried out.
func TestLateRefusalOfARepetition(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	locked := m.must(lock.KindLock, call)
	first, one, two := m.talk("A0"), m.talk("A1"), m.talk("A2")
	w.clock.Advance(time.Hour)
	got := first.says(first.message(unset(first.says(first.begins()))...))
	first.says(first.message(every(got, "200", "200", "200", "200")...))
	w.clock.Advance(time.Hour)
	late := one.says(one.begins())
	w.clock.Advance(3 * time.Minute)
	got = two.says(two.begins())
	require.Equal(t, syncml.VerbAtomic, commands(got)[0].Verb)
	one.says(one.message(every(late, "507", "500", "216", "216")...))
	require.NotContains(t, codes(w.get(locked.ID).Findings), "lockout_uncertain")
	two.says(two.message(every(got, "200", "200", "200", "200")...))
	require.Equal(t, "denied", w.get(locked.ID).Facts["step"])
}

// cancelled is a lock-out that was cancelled when its Atomic had left, which got lost on its way or not.
func (m *machine) cancelled(arrives bool) lock.Action {
	locked := m.must(lock.KindLock, call)
	if arrives {
		m.cutAt(3, true) // its answer
	} else {
		m.cutAt(2, false)
	}
	m.errs(m.later(), errCut)
	m.OnSend(nil)
	m.OnReceive(nil)
	_, err := m.w.service().Cancel(m.w.t.Context(), locktest.Admin(), locked.ID, "not needed")
	require.NoError(m.w.t, err)
	require.Equal(m.w.t, "read", m.w.get(locked.ID).Facts["step"])
	m.w.clock.Advance(30 * 24 * time.Hour)
	return locked
}

// TestUnlockKeepsWhatIsNewer unlocks what nobody knows to be in force, after somebody changed some of the policies, with the connection cut at
// each message of it: what shows the lock-out is restored, all else stays.
func TestUnlockKeepsWhatIsNewer(t *testing.T) {
	newer := policies{nodeDeny: "*S-1-5-113\uf000Guest", nodeTitle: "Newer", nodeText: "Newer text"}
	for name, c := range map[string]struct {
		arrives bool
		changed []string
	}{
		"lost, nothing changed":     {false, nil},
		"lost, everything changed":  {false, []string{nodeDeny, nodeTitle, nodeText}},
		"done, nothing changed":     {true, nil},
		"done, the title changed":   {true, []string{nodeTitle}},
		"done, the texts changed":   {true, []string{nodeTitle, nodeText}},
		"done, people let in again": {true, []string{nodeDeny}},
		"done, everything changed":  {true, []string{nodeDeny, nodeTitle, nodeText}},
	} {
		for cut := range 5 {
			w := newWorld(t, store.NewMemory())
			m := w.desk(before["set"])
			locked := m.cancelled(c.arrives)
			want := policies{}
			for uri, value := range before["set"] {
				want[uri] = value
			}
			for _, uri := range c.changed {
				want[uri] = newer[uri]
				m.Set(uri, newer[uri])
			}
			unlock := m.must(lock.KindUnlock, of(locked.ID))
			if cut > 0 {
				m.cutAt(cut, true)
				_ = m.later()
				m.OnSend(nil)
			}
			m.settles()
			require.Equal(t, want, m.policies(), "%s, cut at %d", name, cut)
			require.Equal(t, lock.StateConfirmed, w.get(unlock.ID).State)
			require.Equal(t, lock.StateReleased, w.get(locked.ID).State)
		}
	}
}

// TestLateLook has a session tell what the policies had when another one has restored them, and somebody changed them since.
func TestLateLook(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	locked := m.cancelled(true)
	unlock := m.must(lock.KindUnlock, of(locked.ID))
	one, two := m.talk("A1"), m.talk("A2")
	late := one.says(one.begins())
	w.clock.Advance(3 * time.Minute)
	asked := two.says(two.begins())
	require.Len(t, commands(asked), 3)
	var said []syncml.Command
	for i, c := range commands(late) {
		said = append(said, done(late, c, "200"), brought(late, c, []string{"*S-1-1-0", "This device is locked", "Call IT at once"}[i]))
	}
	require.Empty(t, commands(one.says(one.message(said...))))
	require.Empty(t, w.get(unlock.ID).Facts["step"])
	two.says(two.message(unset(asked)...))
	require.Equal(t, "looked", w.get(unlock.ID).Facts["step"])
	require.Equal(t, "no", w.get(unlock.ID).Facts["ours_deny"])
}
