package lock_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// maker is what a device that makes its PINs knows: which it has, and whether that can be read still, which is possible once.
type maker struct {
	n      int
	made   string  // the PIN that it made; empty: none, or a person's own
	by     lock.ID // the reset for which it did
	unread bool
	asks   bool   // the command that it got only asks
	said   answer // the last that it said with a PIN
}

// forgets is what a wipe does.
func (m *machine) forgets() {
	if m.maker != nil {
		m.maker.made, m.maker.by, m.maker.unread = "", "", false
	}
}

// chooses is what an order for this device may ask for.
func (m *machine) chooses(kind lock.Kind, r *lock.Request) {
	switch {
	case m.maker == nil:
	case kind == lock.KindLock:
		r.Options = map[string]string{locktest.OptionTalks: "yes"}
	default:
		r.PIN, r.Keep, r.Reuse = pinNone, false, ""
		r.Options = map[string]string{locktest.OptionReturns: "yes"}
	}
}

// hears is a command that came.
func (m *machine) hears(t *rapid.T, cmd lock.Command) {
	var c locktest.Command
	require.NoError(t, json.Unmarshal(cmd.Body, &c))
	if m.maker != nil {
		m.maker.asks = c.Asks
	}
}

// ends is an action that an unlock may end: the lock that holds the device, or, where that goes on talking, one that may be on it.
func (w *fleet) ends(m *machine) lock.ID {
	for _, a := range slices.Backward(w.ledger.of(m.device.ID)) {
		given := a.Talks && (a.State == lock.StateUnconfirmed || a.State == lock.StateCancelled) && a.Deliveries > 0
		lane := a.Lane == "lock" && a.State == lock.StateConfirmed
		if lane || given {
			return a.ID
		}
	}
	return ""
}

// makes is a device that makes a PIN, or is asked for the one that it made. The answer is lost, comes late or in parts, and the device starts
// anew before it was read.
func (w *fleet) makes(t *rapid.T, m *machine, id lock.ID) {
	d := m.maker
	fates := []string{"lost", "not now", "refused", "restarts", "not read", "answer lost", "slow", "slow", "said", "said", "in parts", "without the PIN"}
	if d.asks {
		fates = []string{"lost", "answer lost", "slow", "said", "said"}
	}
	fate := rapid.SampledFrom(fates).Draw(t, "fate")
	w.says("that command: %s", fate)
	switch fate {
	case "lost":
		return
	case "not now":
		w.report(t, m, w.at(t), answer{id: id, outcome: lock.NotNow})
		return
	case "refused":
		if no := (answer{id: id, outcome: lock.Refused}); !w.report(t, m, w.at(t), no) {
			m.cached = append(m.cached, no)
		}
		return
	}
	if !d.asks {
		require.NotEqual(t, id, d.by, "the PIN of %s is made once", w.ledger.name(id))
		d.n++
		d.made, d.by, d.unread = fmt.Sprintf("%012d", 918273000000+d.n*7411), id, fate != "restarts"
	}
	if fate == "restarts" || fate == "not read" {
		return
	}
	say := answer{id: id, outcome: lock.Progress}
	if d.unread && d.by == id && fate != "without the PIN" {
		say.outcome, say.code, d.unread = lock.Acknowledged, d.made, false
	} else if !d.asks {
		say.outcome = lock.Acknowledged
	}
	if say.code != "" {
		d.said = say
	}
	w.answers(t, m, say, fate)
}

// answers is what becomes of what it says.
func (w *fleet) answers(t *rapid.T, m *machine, say answer, fate string) {
	switch fate {
	case "answer lost":
	case "slow":
		m.late = append(m.late, say)
	case "in parts":
		first := answer{id: say.id, outcome: lock.Progress, code: say.code}
		if !w.report(t, m, w.at(t), first) {
			m.late = append(m.late, first)
		}
		m.late = append(m.late, answer{id: say.id, outcome: lock.Acknowledged})
	default:
		if !w.report(t, m, w.at(t), say) {
			m.cached = append(m.cached, say)
		}
	}
}

// returns keeps the message in which the device returns its PIN, and says whether that was accepted. What else it says repeats the PIN.
func (w *fleet) returns(t *rapid.T, m *machine, r *replica, say answer, said *lock.Report) bool {
	waits := w.ledger.action(say.id)
	how, err := w.call(t, r, func(s *lock.Service) error {
		_, err := s.Keep(t.Context(), m.device, fmt.Appendf(nil, "message with %s of %s", say.code, say.id))
		return err
	})
	w.says("%s sends a PIN of %s, which is %s%s", m, w.ledger.name(say.id), waits.State, how)
	require.True(t, expected(err), "%v", err)
	said.Secret = parsed(t, say.code)
	said.Facts["MessageResult"] = "it is " + say.code
	said.Findings = []lock.Finding{{Code: "told", Level: lock.LevelInfo, Text: "It is " + say.code + "."}}
	return err == nil
}

// checkMade says that the PIN which the device made is found, or that an action says that it is lost, or may be. While its command is on its
// way that is not known yet.
func (w *fleet) checkMade(t *rapid.T, m *machine, settled bool) {
	if m.maker == nil || m.maker.made == "" {
		return
	}
	by := w.ledger.action(m.maker.by)
	told := slices.ContainsFunc(by.Findings, func(f lock.Finding) bool { return f.Code == "pin_lost" || f.Code == "pin_may_be_lost" })
	found := slices.ContainsFunc(w.candidates(t, m), func(c lock.Candidate) bool { return w.ledger.code(c.Action.ID) == m.maker.made })
	waits := by.State == lock.StateIssued && !settled
	require.True(t, found || told || waits, "the PIN that %s made for %s, which is %s, is lost, and nothing says so", m, w.ledger.name(by.ID), by.State)
	require.False(t, found && told, "the PIN that %s made is there, and said to be lost", m)
}

// settleMade lets what is on its way end, also where clocks went back since it was ordered.
func (w *fleet) settleMade(t *rapid.T) {
	end := w.clock.Now()
	for _, id := range w.ledger.ids {
		if a := w.ledger.action(id); a.NotAfter.After(end) {
			end = a.NotAfter
		}
	}
	w.clock.Set(end.Add(time.Hour)) // more than any clock is off
	for _, m := range w.macs {
		if m.maker != nil && m.maker.made != "" {
			_, err := w.replicas[0].f.Service.Next(t.Context(), m.device)
			require.NoError(t, err)
		}
		w.checkMade(t, m, true)
	}
}
