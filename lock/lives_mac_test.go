package lock_test

import (
	"context"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
)

// machine is a simulated Mac, and knows the truth: whether a PIN locks it, and which.
type machine struct {
	device lock.Device
	kinds  []lock.Kind        // what is ordered for it
	locked lock.ID            // the lock, or lost mode, that it is in; empty: it is open
	code   lock.ID            // the reset whose passcode it has; empty: none, or a person's own
	got    map[lock.ID]string // the PINs that left for it
	gotAt  map[lock.ID]int    // when, by turns
	cached []answer           // what it could not send yet
	late   []answer           // what left it and did not arrive yet
	acked  lock.ID            // the last acknowledgement that arrived

	conn    int             // counts its connections: a new one ends the one before
	wiped   int             // when it was last enrolled anew, by turns
	shown   map[string]bool // digits that somebody has seen
	stated  bool            // somebody said that it was open
	misled  bool            // and it was not, or the Mac itself said that it refused what locks it
	gone    bool            // and the PIN that locks it was purged because of that: who says that a device is open says that its PIN may go
	escrows int
	maker   *maker // a device that makes its PINs; nil: another one
}

// unlock is a Mac that is open again.
func (m *machine) unlock() { m.locked, m.misled, m.gone = "", false, false }

func (m *machine) String() string { return m.device.ID }

// answer is what a Mac says of a command.
type answer struct {
	id      lock.ID
	outcome lock.Outcome
	code    string // the PIN that it made; empty: none
}

// fates are what becomes of a command. Slow answers are where actions meet in one lane, so there are more of them.
var fates = []string{
	"lost", "not now", "refused", "unanswered", "slow", "slow", "slow", "locked", "locked, one more Idle", "refused, then slow",
}

// poll is one connection of an open Mac: first the answers that it kept, then Idle, then what it does with the command.
func (w *fleet) poll(t *rapid.T) {
	m := w.awake(t)
	if m == nil {
		return
	}
	r := w.at(t)
	m.conn++
	conn := m.conn
	for len(m.cached) > 0 {
		if !w.report(t, m, r, m.cached[0]) {
			return // it keeps the answer, and comes again
		}
		m.cached = m.cached[1:]
	}
	if !w.sign(t, m, r, lock.EvidencePoll) {
		return
	}
	id := w.next(t, m, r)
	if id == "" {
		return
	}
	if m.conn != conn {
		w.says("%s has connected anew, and this command is lost", m)
		return
	}
	if w.ledger.action(id).Returns {
		w.makes(t, m, id)
		return
	}
	w.meet(t, m, id, rapid.SampledFrom(fates).Draw(t, "fate"))
}

// silent reports whether the device says nothing. Lost mode is not silent, nor is a lock that talks.
func (w *fleet) silent(m *machine) bool {
	by := w.ledger.action(m.locked)
	return m.locked != "" && by.Kind == lock.KindLock && !by.Talks
}

// obey is a device that does what a command says.
func (w *fleet) obey(m *machine, id lock.ID) {
	switch a := w.ledger.action(id); a.Kind {
	case lock.KindLock, lock.KindLostMode:
		m.locked = id
	case lock.KindUnlock:
		if m.locked == a.Of {
			m.unlock()
		}
	case lock.KindResetPasscode:
		m.code = id
	case lock.KindClearPasscode:
		m.code = ""
	}
}

// meet is what becomes of a command.
func (w *fleet) meet(t *rapid.T, m *machine, id lock.ID, fate string) {
	w.says("that command: %s", fate)
	ack := answer{id: id, outcome: lock.Acknowledged}
	switch fate {
	case "lost":
	case "not now":
		if at := w.at(t); w.report(t, m, at, answer{id: id, outcome: lock.NotNow}) {
			more := w.take(t, m, at, (*lock.Service).NextQueued) // in the same session; what comes is lost
			require.NotEqual(t, id, more, "what was answered with NotNow waits until the device begins anew")
		}
	case "refused", "refused, then slow":
		if no := (answer{id: id, outcome: lock.Refused}); !w.report(t, m, w.at(t), no) {
			m.cached = append(m.cached, no)
		}
		if fate != "refused" { // it did it all the same
			w.obey(m, id)
			m.late = append(m.late, ack)
		}
		m.misled = m.misled || m.locked == id
	case "unanswered":
		w.obey(m, id)
		m.cached = append(m.cached, ack)
	case "slow":
		w.obey(m, id)
		m.late = append(m.late, ack)
	default:
		w.obey(m, id)
		if !w.report(t, m, w.at(t), ack) {
			m.cached = append(m.cached, ack)
		}
		if fate != "locked" && m.locked == id {
			again := w.at(t)
			w.sign(t, m, again, lock.EvidencePoll)
			w.next(t, m, again) // whatever comes is lost: the screen is locking
		}
	}
}

func (w *fleet) next(t *rapid.T, m *machine, r *replica) lock.ID {
	return w.take(t, m, r, (*lock.Service).Next)
}

// take asks for a command. The empty ID means that none came.
func (w *fleet) take(t *rapid.T, m *machine, r *replica, next func(*lock.Service, context.Context, lock.Device) (lock.Command, error)) lock.ID {
	var cmd lock.Command
	how, err := w.call(t, r, func(s *lock.Service) (err error) {
		cmd, err = next(s, t.Context(), m.device)
		return err
	})
	require.True(t, expected(err), "%v", err)
	if err != nil || cmd.ID == "" {
		require.Empty(t, cmd.Body, "nothing leaves when the claim failed")
		w.says("%s asks for a command%s and gets none", m, how)
		return ""
	}
	code := w.ledger.leave(t.Context(), cmd)
	m.hears(t, cmd)
	w.says("%s asks for a command%s and gets %s (%s)", m, how, w.ledger.name(cmd.ID), w.ledger.pin(code))
	if before, delivered := m.got[cmd.ID]; delivered {
		require.Equal(t, before, code, "every delivery of %s carries the same PIN", w.ledger.name(cmd.ID))
	}
	a := w.ledger.action(cmd.ID)
	require.Equal(t, m.device.ID, a.Device.ID)
	if kept, delivered := m.got[a.Kept]; delivered {
		require.Equal(t, kept, code, "kept is kept")
	}
	w.turn++
	m.got[cmd.ID], m.gotAt[cmd.ID] = code, w.turn
	return cmd.ID
}

// report brings an answer in, and says whether it was accepted. What the Mac says of it may repeat the PIN.
func (w *fleet) report(t *rapid.T, m *machine, r *replica, say answer) bool {
	before := w.ledger.action(say.id)
	echo := m.got[say.id]
	said := answerOf(lock.Action{ID: say.id, Device: m.device}, say.outcome, map[string]string{"MessageResult": echo})
	if say.code != "" && !w.returns(t, m, r, say, &said) {
		return false
	}
	how, err := w.call(t, r, func(s *lock.Service) error { return s.Report(t.Context(), said) })
	w.says("%s says %s of %s%s", m, say.outcome, w.ledger.name(say.id), how)
	require.True(t, expected(err), "%v", err)
	if err != nil {
		return false
	}
	if say.outcome != lock.Acknowledged {
		return true
	}
	after := w.ledger.action(say.id)
	require.True(t, after.Answers > before.Answers || before.Answers >= max(1, before.Deliveries), "I7: each delivery may be acknowledged once")
	require.Contains(t, []lock.State{lock.StateConfirmed, lock.StateReleased}, after.State, "I7: the device wins")
	m.acked = say.id
	if say.id == m.locked && after.State == lock.StateConfirmed {
		m.misled = false // now the ledger knows
	}
	return true
}

// sign is a sign of life, and says whether it was accepted.
func (w *fleet) sign(t *rapid.T, m *machine, r *replica, e lock.Evidence) bool {
	how, err := w.call(t, r, func(s *lock.Service) error { return s.Seen(t.Context(), m.device, e) })
	w.says("%s is seen (%s)%s", m, e, how)
	require.True(t, expected(err), "%v", err)
	return err == nil
}

// arrive brings in an answer that was slow, whatever happened since.
func (w *fleet) arrive(t *rapid.T) {
	m := w.any(t)
	if len(m.late) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.late)-1).Draw(t, "answer")
	if say := m.late[i]; w.report(t, m, w.at(t), say) {
		m.late = slices.DeleteFunc(m.late, func(one answer) bool { return one == say })
	}
}

// repeat sends an answer once more that the ledger has, or never got.
func (w *fleet) repeat(t *rapid.T) {
	if m := w.any(t); m.maker != nil && m.maker.said.code != "" {
		w.report(t, m, w.at(t), m.maker.said)
	} else if m.acked != "" {
		outcome := rapid.SampledFrom([]lock.Outcome{lock.Acknowledged, lock.Acknowledged, lock.NotNow, lock.Progress, lock.Refused}).Draw(t, "outcome")
		w.report(t, m, w.at(t), answer{id: m.acked, outcome: outcome})
	}
}

// knock is a connection that breaks before the command is there.
func (w *fleet) knock(t *rapid.T) {
	if m := w.awake(t); m != nil {
		m.conn++
		if id := w.next(t, m, w.at(t)); id != "" {
			w.says("that command is lost")
		}
	}
}

// nonsense is what cannot be understood, or is about something else. It is answered, and changes nothing.
func (w *fleet) nonsense(t *rapid.T) {
	m, r := w.any(t), w.at(t)
	say := lock.Report{Scope: "acme", Device: m.device.ID, Action: "no such command", Outcome: lock.Acknowledged}
	want := error(lock.ErrNotOurs)
	for _, other := range w.ledger.of("") {
		if other.Device.ID != m.device.ID && other.Kind != lock.KindEscrow {
			say.Action, want = other.ID, lock.ErrWrongDevice
		}
	}
	before := w.ledger.action(say.Action)
	how, err := w.call(t, r, func(s *lock.Service) error { return s.Report(t.Context(), say) })
	w.says("%s answers a command of somebody else%s", m, how)
	require.Error(t, err)
	require.True(t, expected(err, want), "I9: %v", err)
	if how == " at "+r.name { // and nothing else happened
		require.True(t, equalStates(before, w.ledger.action(say.Action)), "I9: what is not this device's does not move")
	}
}

func equalStates(a, b lock.Action) bool { return a.State == b.State && a.Answers == b.Answers }

// seen is another sign of life of an open Mac.
func (w *fleet) seen(t *rapid.T) {
	if m := w.awake(t); m != nil {
		w.sign(t, m, w.at(t), rapid.SampledFrom([]lock.Evidence{lock.EvidenceAgent, lock.EvidenceUserChannel}).Draw(t, "evidence"))
	}
}

// statement is a person who says that a Mac is open, and may be mistaken.
func (w *fleet) statement(t *rapid.T) {
	m := w.any(t)
	m.stated, m.misled = true, m.locked != ""
	w.sign(t, m, w.at(t), lock.EvidenceStatement)
}

// wipe is a Mac that is enrolled anew. It comes until that is on record.
func (w *fleet) wipe(t *rapid.T) {
	m := w.any(t)
	w.says("%s is wiped", m)
	m.unlock()
	m.cached, m.code = nil, ""
	m.forgets()
	m.wiped = max(m.wiped, 1)
	for tries := 1; !w.sign(t, m, w.at(t), lock.EvidenceReenrolled); tries++ {
		require.Less(t, tries, 10, "I9: it is on record in the end")
	}
	w.turn++
	m.wiped = w.turn
}

// renew is a Mac whose certificate is renewed: a sign of life, and nothing else.
func (w *fleet) renew(t *rapid.T) {
	m := w.awake(t)
	if m == nil {
		return
	}
	w.says("the certificate of %s is renewed", m)
	before := w.ledger.of(m.device.ID)
	require.NoError(t, w.at(t).f.Service.Seen(t.Context(), m.device, lock.EvidencePoll))
	for _, a := range before {
		if now := w.ledger.action(a.ID); now.State != lock.StateReleased {
			require.True(t, equalActions(a, now), "a renewal ends nothing: %s", w.ledger.name(a.ID))
		}
	}
}

// escrow is a Mac that hands over a token, asks for it, or withdraws it.
func (w *fleet) escrow(t *rapid.T) {
	m, r := w.any(t), w.at(t)
	do := rapid.SampledFrom([]string{"hands over", "asks for", "withdraws"}).Draw(t, "does")
	token := parsed(t, "token of "+m.device.ID+" "+string(rune('a'+m.escrows)))
	how, err := w.call(t, r, func(s *lock.Service) error {
		switch do {
		case "hands over":
			return s.Escrow(t.Context(), m.device, "unlock-token", token)
		case "withdraws":
			return s.Escrow(t.Context(), m.device, "unlock-token", pinNone)
		}
		given, err := s.Escrowed(t.Context(), m.device, "unlock-token")
		require.True(t, err != nil || given.Equal(token), "what was handed over last comes back")
		return err
	})
	w.says("%s %s its token%s", m, do, how)
	require.True(t, expected(err, lock.ErrNotFound), "%v", err)
}

// judge says what is wrong with an event, by what is true of the device and of who decided.
func (w *fleet) judge(before lock.Action, e lock.Event, c lock.Change) string {
	i := slices.IndexFunc(w.macs, func(m *machine) bool { return m.device.ID == before.Device.ID })
	switch {
	case i >= 0 && e.Type == lock.EventReleased:
		return w.macs[i].released(before, e)
	case i >= 0 && e.Type == lock.EventPurged:
		return w.purged(w.macs[i], before)
	}
	return w.desk.judge(before, e, c)
}

// released says what is wrong with a release: I8.
func (m *machine) released(before lock.Action, e lock.Event) string {
	switch {
	case before.Kind == lock.KindEscrow:
		return ""
	case e.Evidence == "":
		return "I8: released without evidence"
	case e.Evidence == lock.EvidenceStatement && m.stated:
		return ""
	case e.Evidence == lock.EvidenceReenrolled && m.wiped == 0:
		return "I8: released because of a wipe that never was"
	case m.code == before.ID:
		return "I8: released (" + string(e.Evidence) + ") while it is the passcode of the device"
	case m.locked == before.ID:
		return "I8: released (" + string(e.Evidence) + ") while its PIN locks the device"
	}
	return ""
}
