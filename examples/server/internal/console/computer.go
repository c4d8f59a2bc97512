package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// computerData is what the page of a Windows device has beside that of every device.
type computerData struct {
	Acts   []capability   // what orders do on this very device
	Locks  bool           // a lock is possible, one way or the other
	Resets bool           // a reset is possible
	Busy   bool           // one is under way: there is one at a time
	Newest *lock.Action   // the newest reset; nil: none
	Steps  []step         // how far it has come
	Sent   []sentPasscode // who gets its PIN by mail
	Out    *lock.Action   // the lock-out that holds the device, or may; nil: none
	Unlock *lock.Action   // the unlock that is under way; nil: none
	Lost   *lostData      // the PIN of the newest reset is not here
	Stray  lock.ID        // of the kept answers that no order waits for, when nobody has looked at the newest of them
}

// lostData says that a PIN which the device made is not here.
type lostData struct {
	Action  lock.Action
	Finding lock.Finding
	Kept    bool // an answer of the device is kept
}

// Certain reports whether the device has said that there is such a PIN.
func (l *lostData) Certain() bool { return l.Finding.Code == pinLost }

// computerActs say what orders do on a Windows device.
func computerActs(f windows.Facts) []capability {
	names := map[windows.Act]string{
		windows.ActLock: "Lock the screen", windows.ActReset: "Reset the PIN", windows.ActRecover: "Reset the PIN and keep Windows Hello",
		windows.ActLockOut: "Lock out every sign-in", windows.ActUnlock: "End a sign-in lock-out",
	}
	var all []capability
	for _, v := range windows.Capabilities(f) {
		if v.Act == windows.ActUnlock && v.Effect == windows.EffectFails {
			continue // what cannot be locked out needs no end of it
		}
		c := capability{Name: names[v.Act], Why: v.Text}
		switch v.Effect {
		case windows.EffectWorks:
			c.Class, c.Short = "works", "Works"
		case windows.EffectFails:
			c.Class, c.Short = "fails", "Does not work"
		case windows.EffectUnproven:
			c.Class, c.Short = "half", "Not proven"
		default:
			c.Class, c.Short = "unsure", "Not known"
		}
		all = append(all, c)
	}
	return all
}

// may reports whether an act may work on a Windows device.
func may(f windows.Facts, act windows.Act) bool {
	return windows.Judge(f, act).Effect != windows.EffectFails
}

// computerOf collects what the page of a Windows device shows. Locks are its orders that decide, actions all of them, newest first.
func (c *console) computerOf(r *http.Request, a lock.Actor, d inventory.Device, locks, actions []lock.Action) (*computerData, error) {
	f := windows.FromDevice(d.Device)
	p := &computerData{
		Acts: computerActs(f), Locks: may(f, windows.ActLock) || may(f, windows.ActLockOut), Resets: may(f, windows.ActReset),
		Out: lockedOutBy(locks),
	}
	p.take(actions)
	var err error
	if p.Stray, err = c.strayOf(r.Context(), a, d.ID); err != nil || p.Newest == nil {
		return p, err
	}
	p.Steps = stepsOf(*p.Newest)
	p.Sent, err = c.sentFor(r.Context(), *p.Newest)
	return p, err
}

// lockedOutBy is the lock that can be ended from here: the one that the device confirmed, else the newest that it may have.
func lockedOutBy(locks []lock.Action) (out *lock.Action) {
	for i, a := range locks {
		if unlockable(a) && (out == nil || a.Lane != "" || out.Lane == "" && a.ID > out.ID) {
			out = &locks[i]
		}
	}
	return out
}

// take finds the reset and the unlock that say how the device stands. One that is held is behind the others.
func (p *computerData) take(actions []lock.Action) {
	for i, a := range actions {
		under := a.Lane != "" && a.State != lock.StateHeld
		switch a.Kind {
		case lock.KindResetPasscode:
			if p.Newest == nil || p.Newest.State == lock.StateHeld {
				p.Newest = &actions[i]
			}
			p.Busy = p.Busy || under
		case lock.KindUnlock:
			if a.Lane != "" && p.Unlock == nil {
				p.Unlock = &actions[i]
			}
		}
	}
	p.Lost = lostOf(actions)
}

// lostOf looks whether the PIN is missing that the newest reset which the device got has made.
func lostOf(actions []lock.Action) *lostData {
	for _, a := range actions {
		if a.Kind != lock.KindResetPasscode || !a.MayBeOnDevice() || a.State == lock.StateIssued {
			continue
		}
		if f := lostPIN(a); f.Code != "" {
			return &lostData{a, f, keepsAnswer(a)}
		}
		if !outlived(a) {
			return nil
		}
	}
	return nil
}

// was is a value that an unlock puts back.
type was struct {
	Name, Value string
	Unset       bool // there was none: what the lock-out set is taken away
}

// beforeOf are the values that the device had before a lock-out; none when they are not known, or not all of them.
func beforeOf(a lock.Action) []was {
	var all []was
	for _, v := range []struct{ fact, name, between string }{
		{"before_deny", "Who may not sign in", ", "}, {"before_title", "Title of the message at the sign-in", " "},
		{"before_text", "Text of the message at the sign-in", "\n"},
	} {
		value, set, known := keptFact(a.Facts, v.fact)
		if !known {
			return nil
		}
		value = strings.ReplaceAll(value, "\uf000", v.between)
		for sid, who := range wellKnown {
			value = strings.ReplaceAll(value, sid, who)
		}
		all = append(all, was{v.name, value, !set})
	}
	return all
}

// wellKnown are names for those whom Windows writes as numbers.
var wellKnown = map[string]string{"*S-1-1-0": "Everyone", "*S-1-5-32-546": "Guests", "*S-1-5-32-545": "Users", "*S-1-5-32-544": "Administrators"}

// keptFact is a value of a policy as package windows keeps it among the facts of a lock-out: "absent", or "=" and a text, escaped as in a Go
// string, or "#" and the number of the pieces of such a text.
func keptFact(facts map[string]string, name string) (value string, set, known bool) {
	head := facts[name]
	if head == "absent" {
		return "", false, true
	}
	text, whole := strings.CutPrefix(head, "=")
	if pieces, cut := strings.CutPrefix(head, "#"); cut {
		n, err := strconv.Atoi(pieces)
		text = ""
		for i := range min(n, maxPieces) {
			text += facts[name+"."+strconv.Itoa(i+1)]
		}
		whole = err == nil
	}
	value, err := strconv.Unquote(`"` + text + `"`)
	return value, true, whole && err == nil
}

// maxPieces is in how many pieces a value is kept at most.
const maxPieces = 8

// untold are the findings that the steps of a dialog do not tell already.
func untold(findings []lock.Finding) []lock.Finding {
	told := []string{"denies_everybody", "needs_network", "restarts", "old_pin_ends", string(windows.CodeResets), string(windows.CodeLocks)}
	return slices.DeleteFunc(slices.Clone(findings), func(f lock.Finding) bool { return slices.Contains(told, f.Code) })
}
