package windows_test

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// told is the result of a question for a PIN that nobody asked.
func told(uri, code string) syncml.Command {
	return syncml.Command{Verb: syncml.VerbResults, MsgRef: "7", CmdRef: "9", Items: []syncml.Item{
		{Source: &syncml.Location{URI: uri}, Data: code, HasData: true},
	}}
}

// strays are what keeps the messages with PINs that belong to no order.
func (m *machine) strays() []lock.Action {
	m.w.t.Helper()
	found, err := m.w.service().List(m.w.t.Context(), locktest.Admin(), lock.Filter{
		Scope: "acme", Devices: []string{m.known().ID}, Kinds: []lock.Kind{lock.KindEscrow},
	})
	require.NoError(m.w.t, err)
	return found
}

// TestOldPINIsNotANewOne repeats the answer to one reset when its session is forgotten, while another reset awaits its PIN.
func TestOldPINIsNotANewOne(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	var body []byte
	m.OnSend(func(n int, sent []byte) error {
		if n == 2 {
			body = bytes.Clone(sent)
		}
		return nil
	})
	first := m.carriedOut(lock.KindResetPasscode)
	m.OnSend(nil)
	old := w.reveal(first.ID)
	require.Contains(t, string(body), old)

	second := m.must(lock.KindResetPasscode)
	m.Script(windowstest.RestartInSequence())
	require.Error(t, m.later())
	w.clock.Advance(11 * time.Minute)
	require.Equal(t, http.StatusOK, w.post(m.http, body).status)
	require.False(t, hasPIN(w.get(second.ID)), "whose PIN it is, nobody knows")
	w.keeps(second.ID, old)
	m.settles()
	require.Equal(t, lock.StateUnconfirmed, w.get(second.ID).State)
	require.Equal(t, "pin_may_be_lost", lost(w.get(second.ID)))
	require.Empty(t, m.strays())
	m.accounted()
}

// late is a reset whose answer, with this PIN, is under way when its session is forgotten.
func (m *machine) late(code string) (reset lock.Action, answer []byte) {
	m.w.t.Helper()
	reset = m.must(lock.KindResetPasscode)
	talk := m.talk("B1")
	sent := talk.says(talk.begins())
	sequence := commands(sent)[0]
	answer, err := talk.message(done(sent, sequence, "200"), done(sent, sequence.Children[0], "200"), done(sent, sequence.Children[1], "200"),
		brought(sent, sequence.Children[1], code)).Encode()
	require.NoError(m.w.t, err)
	m.w.sessions.forget()
	return reset, answer
}

// TestStrayPINUnderAnotherOrder has the PIN of a reset that was withdrawn come while another awaits its own: kept with that one alone, nobody
// would look for it there.
func TestStrayPINUnderAnotherOrder(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	w.clock.Advance(time.Hour)
	first, answer := m.late("730164")
	_, err := w.service().Cancel(t.Context(), locktest.Admin(), first.ID, "again")
	require.NoError(t, err)
	second := m.must(lock.KindResetPasscode)
	w.clock.Advance(11 * time.Minute)
	talk := m.talk("B2")
	require.Len(t, commands(talk.says(talk.begins())), 1)
	require.Equal(t, http.StatusOK, w.post(m.http, answer).status)
	w.keeps(second.ID, "730164")
	require.False(t, hasPIN(w.get(second.ID)))
	require.Len(t, m.strays(), 1)
	w.keeps(m.strays()[0].ID, "730164")
}

// TestStrayPINBehindManyMessages comes when as many messages are kept of its order as there may be.
func TestStrayPINBehindManyMessages(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	w.clock.Advance(time.Hour)
	reset, answer := m.late("730164")
	for i := range 16 {
		message := m.talk("T" + strconv.Itoa(i)).begins()
		message.Commands, message.Final = append(message.Commands, told("./DevDetail/SwV", strconv.Itoa(i))), false
		body, err := message.Encode()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, w.post(m.http, body).status)
	}
	require.Len(t, w.get(reset.ID).Secrets, 16)
	require.Empty(t, m.strays())
	require.Equal(t, http.StatusOK, w.post(m.http, answer).status)
	require.Len(t, m.strays(), 1)
	w.keeps(m.strays()[0].ID, "730164")
}

// TestTwoStrayPINs: one of them is in the ledger, and the other must not go with it.
func TestTwoStrayPINs(t *testing.T) {
	for name, c := range map[string]struct {
		also string
		kept int
	}{"another one": {"730164", 1}, "one that cannot be read": {"73\xc2\x850164", 1}, "the same": {"", 0}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.machine(windowstest.Config{PIN: personal})
			known := w.reveal(m.carriedOut(lock.KindResetPasscode).ID)
			message := m.talk("B1").begins()
			message.Commands = append(message.Commands, told(nodeNewPIN, cmp.Or(c.also, known)), told(nodeNewPIN, known))
			body, err := message.Encode()
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, w.post(m.http, body).status)
			require.Len(t, m.strays(), c.kept)
		})
	}
}

func TestStrayPIN(t *testing.T) {
	const code = "730164"
	for name, c := range map[string]struct {
		uri, code string
		kept      bool
	}{
		"a PIN":                  {nodeNewPIN, code, true},
		"as Windows may name it": {strings.ToLower("./Vendor/MSFT/RemoteLock/NewPINValue"), code, true},
		"another value":          {"./DevDetail/SwV", code, false},
		"no PIN":                 {nodeNewPIN, " ", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.machine(windowstest.Config{PIN: personal})
			talk := m.talk("B1")
			message := talk.begins()
			message.Commands = append(message.Commands, told(c.uri, c.code))
			body, err := message.Encode()
			require.NoError(t, err)
			w.ledger.DieAfter(0, false)
			if c.kept {
				require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status, "it is not durable yet")
			}
			w.ledger.DieAfter(locktest.Forever, false)
			for range 2 {
				require.Equal(t, http.StatusOK, w.post(m.http, body).status)
			}
			kept := m.strays()
			require.Equal(t, c.kept, len(kept) == 1)
			if c.kept {
				w.keeps(kept[0].ID, code)
			}
		})
	}
}

func TestStrayPINOfSomebodyElse(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal, User: "device-0001", Secret: "s3cret-0001"}, func(e *windows.Enrolled) {
		e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001")
	})
	talk := m.talk("B1")
	message := talk.begins()
	message.Commands = append(message.Commands, told(nodeNewPIN, "730164"))
	require.Equal(t, "407", talk.says(message).Commands[0].Data)
	require.Empty(t, m.strays(), "it has not proved itself")
}

// asks makes the session of the machine wait for the answer to another action than the one that it has.
func (m *machine) asks(instead, of lock.ID) {
	m.w.t.Helper()
	state, version, err := m.w.sessions.Load(m.w.t.Context(), "acme", m.known().ID)
	require.NoError(m.w.t, err)
	changed := bytes.ReplaceAll(state, []byte(of), []byte(instead))
	require.NotEqual(m.w.t, state, changed)
	require.NoError(m.w.t, m.w.sessions.Save(m.w.t.Context(), "acme", m.known().ID, changed, version))
}

// TestPINOfAnOrderThatTheLedgerHasNot gives the server an older ledger, the session of another device, or a session with an order for which no
// device makes a PIN, while a reset is under way.
func TestPINOfAnOrderThatTheLedgerHasNot(t *testing.T) {
	const elsewhere = "the session of another device"
	for name, change := range map[string]func(w *world, reset lock.ID, from, to *machine){
		"an older ledger": func(w *world, _ lock.ID, _, _ *machine) { w.ledger.Store = store.NewMemory() },
		"an order without a PIN": func(w *world, reset lock.ID, from, _ *machine) {
			locked := from.must(lock.KindLock)
			_, err := w.service().Cancel(w.t.Context(), locktest.Admin(), locked.ID, "not needed")
			require.NoError(w.t, err)
			from.asks(locked.ID, reset)
		},
		elsewhere: func(w *world, _ lock.ID, from, to *machine) {
			state, _, err := w.sessions.Load(w.t.Context(), "acme", from.known().ID)
			require.NoError(w.t, err)
			_, version, err := w.sessions.Load(w.t.Context(), "acme", to.known().ID)
			require.NoError(w.t, err)
			require.NoError(w.t, w.sessions.Save(w.t.Context(), "acme", to.known().ID, state, version))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.machine(windowstest.Config{PIN: personal})
			other := w.machine(windowstest.Config{Name: "another"})
			w.clock.Advance(time.Hour)
			reset := m.must(lock.KindResetPasscode)
			talk := m.talk("B1")
			sequence := commands(talk.says(talk.begins()))[0]
			change(w, reset.ID, m, other)
			if name == elsewhere {
				talk.m, talk.client = other, other.http
			}
			message := talk.message(syncml.Command{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: sequence.ID, Cmd: "Sequence", Data: "200"})
			for _, c := range sequence.Children {
				message.Commands = append(message.Commands, syncml.Command{
					Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: c.ID, Cmd: string(c.Verb), Data: "200",
				})
			}
			pin := told(nodeNewPIN, "730164")
			pin.MsgRef, pin.CmdRef = "1", sequence.Children[1].ID
			message.Commands = append(message.Commands, pin)
			require.Empty(t, commands(talk.says(message)), "the device has said what it had to say")
			assert.Contains(t, w.logs.String(), "an answer does not fit the ledger")
			kept := talk.m.strays()
			require.Len(t, kept, 1)
			w.keeps(kept[0].ID, "730164")
		})
	}
}
