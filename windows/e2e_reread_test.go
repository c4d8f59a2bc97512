package windows_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// TestChangedBetweenDeliveries cuts the connection at each message of the first session and at each of the second, and has somebody change the
// policies in between, unless they are those of the lock-out already: what they had last is what an unlock restores.
func TestChangedBetweenDeliveries(t *testing.T) {
	changed := policies{nodeDeny: "*S-1-5-113", nodeTitle: "A newer title", nodeText: before["set"][nodeText]}
	cuts := []struct {
		n       int
		sending bool
	}{{1, true}, {1, false}, {2, true}, {2, false}, {3, true}, {3, false}, {4, true}}
	for _, first := range cuts {
		for _, second := range cuts {
			w := newWorld(t, store.NewMemory())
			m := w.desk(before["set"])
			locked := m.must(lock.KindLock, call)
			m.cutAt(first.n, first.sending)
			m.errs(m.later(), errCut)
			m.OnSend(nil)
			m.OnReceive(nil)
			want := before["set"]
			if deny, _ := m.Get(nodeDeny); deny == want[nodeDeny] {
				want = changed
				for uri, value := range want {
					m.Set(uri, value)
				}
			}
			m.cutAt(second.n, second.sending)
			m.errs(m.later(), errCut)
			m.settles()
			require.Equal(t, lock.StateConfirmed, w.get(locked.ID).State)
			require.ErrorIs(t, m.SignIn("grace"), windowstest.ErrDenied)
			m.must(lock.KindUnlock, of(locked.ID))
			m.settles()
			require.Equal(t, want, m.policies(), "%+v %+v", first, second)
		}
	}
}

// brought are the results of a Get.
func brought(m syncml.Message, c syncml.Command, value string) syncml.Command {
	return syncml.Command{Verb: syncml.VerbResults, MsgRef: m.Header.MsgID, CmdRef: c.ID, Items: []syncml.Item{{
		Source: c.Items[0].Target, Meta: &syncml.Meta{Format: "chr"}, Data: value, HasData: true,
	}}}
}

// TestLateReading has a session answer the question for the policies when another one has carried out the lock-out: its values are those of
// the lock-out, and nothing that an unlock may restore.
func TestLateReading(t *testing.T) {
	for _, deliveries := range []int{1, 2} { // so that it is read, and read again
		w := newWorld(t, store.NewMemory())
		m := w.desk(nil)
		locked := m.must(lock.KindLock, call)
		for n := range deliveries - 1 { // read, and the Atomic gets lost
			w.clock.Advance(time.Hour)
			lost := m.talk("L" + strconv.Itoa(n))
			asked := lost.says(lost.begins())
			require.Len(t, commands(lost.says(lost.message(unset(asked)...))), 1)
		}
		w.clock.Advance(time.Hour)
		one, two := m.talk("A1"), m.talk("A2")
		late := one.says(one.begins())
		require.Len(t, commands(late), 3)
		w.clock.Advance(3 * time.Minute)
		asked := two.says(two.begins())
		require.Len(t, commands(asked), 3)
		denied := two.says(two.message(unset(asked)...))
		require.Equal(t, syncml.VerbAtomic, commands(denied)[0].Verb)
		two.says(two.message(every(denied, "200", "200", "200", "200")...))
		require.Equal(t, "denied", w.get(locked.ID).Facts["step"])

		var said []syncml.Command
		for i, c := range commands(late) {
			said = append(said, done(late, c, "200"), brought(late, c, []string{"*S-1-1-0", "This device is locked", "Call IT"}[i]))
		}
		one.says(one.message(said...))
		a := w.get(locked.ID)
		assert.Equal(t, lock.StateIssued, a.State)
		assert.Equal(t, "denied", a.Facts["step"])
		for _, name := range []string{"before_deny", "before_title", "before_text"} {
			assert.Equal(t, "absent", a.Facts[name], name)
		}
	}
}

// TestOneSessionReads has a session answer the question for the policies after another one was asked it: that one goes on.
func TestOneSessionReads(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	locked := m.must(lock.KindLock, call)
	w.clock.Advance(time.Hour)
	one, two := m.talk("A1"), m.talk("A2")
	late := one.says(one.begins())
	w.clock.Advance(3 * time.Minute)
	asked := two.says(two.begins())
	require.Empty(t, commands(one.says(one.message(unset(late)...))))
	require.Empty(t, w.get(locked.ID).Facts["step"])
	require.Equal(t, syncml.VerbAtomic, commands(two.says(two.message(unset(asked)...)))[0].Verb)
}

// unset answers that no policy has a value.
func unset(asked syncml.Message) (said []syncml.Command) {
	for _, c := range commands(asked) {
		said = append(said, done(asked, c, "404"))
	}
	return said
}

func TestLockOutThatCouldNotBeRestoredIsRefused(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	long := policies{nodeText: strings.Repeat("x", 6000)}
	m := w.desk(long, func(c *windowstest.Config) { c.MaxMsgSize = 5000 })
	a := m.carriedOut(lock.KindLock, call)
	assert.Equal(t, lock.StateRefused, a.State)
	assert.Equal(t, "message_too_large", a.Facts["reason"])
	assert.Equal(t, long, m.policies())
	assert.NoError(t, m.SignIn("grace"))
}

// TestPolicyThatWasRefusedOnceCanBeTriedAgain: a device that is enrolled anew may take what it refused.
func TestPolicyThatWasRefusedOnceCanBeTriedAgain(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.desk(nil)
	m.Script(windowstest.RefuseAtomic(nodeDeny, 405))
	require.Equal(t, lock.StateRefused, m.carriedOut(lock.KindLock, call).State)
	require.Equal(t, windows.No, windows.FromDevice(m.known()).SignInPolicy)
	_, err := m.order(lock.KindLock)
	var blocked *lock.BlockedError
	require.ErrorAs(t, err, &blocked)
	require.Contains(t, codes(blocked.Findings), "policy_absent")
	again := m.must(lock.KindLock, call)
	require.NoError(t, m.later())
	require.Equal(t, lock.StateConfirmed, w.get(again.ID).State)
	require.Equal(t, windows.Yes, windows.FromDevice(m.known()).SignInPolicy)
}
