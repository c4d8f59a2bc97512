package console

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/lock"
)

// status is an action's state in words that promise nothing which the device has not said.
type status struct {
	Class  string // of the style sheet
	Text   string // a few words
	Detail string // what that means, and what comes next
}

// statusOf describes a lock. Only a lock that the device acknowledged, and that its PIN ends, is called locked. Away says that the
// device is not enrolled any more.
func statusOf(a lock.Action, away bool, now time.Time) status {
	switch {
	case a.Kind == lock.KindEscrow && keepsAnswer(a):
		return status{"doubt", "Answer kept", "The device returned what may be a PIN, and no order waits for it. " +
			"Its answer is kept sealed: look what is in it."}
	case a.Kind == lock.KindEscrow:
		return status{"none", "Kept", "The device handed over a secret of its own, which is kept sealed for it."}
	case isComputer(a.Device):
		return computerStatus(a, away, now)
	case isPhone(a.Device):
		return phoneStatus(a, away, now)
	}
	switch a.State {
	case lock.StateHeld:
		return status{"waiting", "Waits for a second person", waitsFor(approval.WhatLock, a.HeldBy) + " Nothing is sent before somebody else approves it."}
	case lock.StateQueued:
		when, detail := "it comes online", "Nothing has reached the Mac yet."+wakeUp(a)
		if away {
			when, detail = "it is enrolled again", "The Mac is not enrolled any more, so nothing reaches it."
		}
		return status{"waiting", effectOf(a).Will + " when " + when, detail + " Its PIN is kept already; the order stands until " +
			day(a.NotAfter) + "."}
	case lock.StateIssued:
		if a.Deferred {
			return status{"sent", "Not now, says the Mac; will be asked again",
				"The command reached the Mac, which put it off. It gets it again, with the same PIN." + wakeUp(a)}
		}
		return status{"sent", "Command sent, no answer yet", fmt.Sprintf("It left %s (delivery %d). The Mac may be %s or not: until it answers, "+
			"treat it as %s.%s", relative(now, a.Delivered), a.Deliveries, effectOf(a).Is, effectOf(a).Treat, wakeUp(a))}
	case lock.StateConfirmed:
		return confirmed(a, now)
	case lock.StateReleased:
		return status{"open", "Open again, seen " + relative(now, a.Released), "The Mac was " + effectOf(a).Is + " or may have been, and " +
			evidence(a.Evidence) + " since. The PIN is kept."}
	case lock.StateRefused:
		return status{"failed", "Refused by the Mac", "The Mac answered that it did not lock. " + said(a)}
	default:
		return ended(a)
	}
}

func confirmed(a lock.Action, now time.Time) status {
	since := "The Mac acknowledged the lock " + relative(now, a.Confirmed) + ". "
	switch effect := effectOf(a); {
	case !a.Holds:
		return status{"open", "Done", "The device acknowledged it " + relative(now, a.Confirmed) + "."}
	case effect.Warning != "":
		return status{"doubt", effect.Acknowledged, since + effect.Warning}
	default:
		return status{"locked", "Locked", since + "It takes no further command until somebody types the PIN on it."}
	}
}

// ended describes what was given up, and what that leaves open.
func ended(a lock.Action) status {
	why := sentence(a.Cause)
	if a.MayBeOnDevice() {
		effect := effectOf(a)
		text := map[lock.State]string{
			lock.StateUnconfirmed: "No answer; may be ",
			lock.StateCancelled:   "Cancelled after it was sent; may be ",
		}[a.State]
		rest := effect.Warning
		if rest == "" {
			rest = "Keep its PIN at hand."
		}
		return status{"doubt", cmp.Or(text, "May be ") + effect.Is,
			strings.TrimSpace(why + " The command had left, so the Mac may be " + effect.Treat + ". " + rest)}
	}
	text := map[lock.State]string{
		lock.StateCancelled: "Cancelled before it was sent",
		lock.StateExpired:   "Expired before it was sent",
	}[a.State]
	return status{"none", cmp.Or(text, "Ended"), strings.TrimSpace(why + " Nothing had left, so the Mac was not locked by it.")}
}

// stageOf says how far the command with a PIN has come, in the words of the ledger: the finer ones, for its history.
func stageOf(a lock.Action) status {
	s := statusOf(a, false, time.Time{})
	switch a.State {
	case lock.StateHeld:
		s.Text = "Waits for approval"
	case lock.StateQueued:
		s.Text = "Pending"
	case lock.StateIssued:
		if s.Text = "Sent"; a.Deferred {
			s.Text = "Sent; put off (NotNow)"
		} else if a.Deliveries > 1 {
			s.Text = fmt.Sprintf("Sent %d times", a.Deliveries)
		}
	case lock.StateConfirmed:
		s.Text = "Acknowledged"
	case lock.StateReleased:
		if s.Text = "Acknowledged, open again"; a.Answers == 0 {
			s.Text = "Sent, open again"
		}
		if !isMac(a.Device) {
			s.Text = "Acknowledged, over since"
		}
	case lock.StateUnconfirmed:
		s.Text = "Sent, no answer"
	case lock.StateRefused:
		s.Text = "Refused"
	case lock.StateExpired:
		s.Text = "Expired, never sent"
	case lock.StateCancelled:
		if s.Text = "Cancelled, never sent"; a.Deliveries > 0 {
			s.Text = "Cancelled after it was sent"
		}
	}
	return s
}

// effect is what a lock does to its Mac, as its preflight foretold it.
type effect struct {
	Will, Is, Treat string
	Acknowledged    string // the state, once the Mac acknowledged it
	Warning         string // that the PIN does not open it, and what does; empty: the PIN opens it
}

const reactivation = "recoveryOS, a network, and a local administrator with a Secure Token"

// effectOf reads the findings: those that block unless forced say that the Mac is, or may be, Apple silicon before macOS 11.5, which the
// command deactivates.
func effectOf(a lock.Action) effect {
	locks := effect{Will: "Will lock", Is: "locked", Treat: "locked with this PIN"}
	for _, f := range a.Findings {
		if f.Level != lock.LevelBlock {
			continue
		}
		switch f.Code {
		case "apple_silicon_before_11_5":
			return effect{
				"Will be deactivated", "deactivated", "deactivated", "Acknowledged; probably deactivated: the PIN does not open it",
				"A Mac like this is not locked but deactivated, and the PIN does not open it. That takes " + reactivation + ".",
			}
		case "chip_unknown", "os_version_unknown":
			locks = effect{
				"Will lock or be deactivated", "locked or deactivated", "locked with this PIN, or deactivated",
				"Acknowledged; locked or deactivated: the PIN may not open it",
				"Chip or macOS version were not known. If the Mac asks for a PIN, this one opens it. Apple silicon before macOS 11.5 is " +
					"deactivated instead, and the PIN does not open it: that takes " + reactivation + ".",
			}
		}
	}
	return locks
}

// use is what a kept PIN is called, and what it is good for.
type use struct {
	Name, Why string
	Warning   bool // it may not open the Mac
}

// useOf describes the PIN of a candidate. Only one that may be on the device is called current, or likely.
func useOf(c lock.Candidate) use {
	a, why := c.Action, sentence(c.Reason)
	switch {
	case isComputer(a.Device):
		return computerUse(c)
	case isPhone(a.Device):
		return phoneUse(c)
	}
	switch effect := effectOf(a); {
	case opinion(a) == lock.FeedbackWrongPIN:
		return use{"PIN that was wrong", "Somebody tried it, and it did not open the Mac.", true}
	case a.State == lock.StateHeld || a.State == lock.StateQueued:
		return use{"PIN of the waiting lock", "Not sent yet: this PIN is on no Mac.", false}
	case a.State == lock.StateReleased:
		return use{"Last PIN", why, false}
	case a.State == lock.StateRefused:
		return use{"PIN of the refused lock", why, false}
	case !a.MayBeOnDevice():
		return use{"Unused PIN", why, false}
	case a.State == lock.StateIssued && a.Deferred && a.Deliveries <= a.Deferrals:
		return use{"PIN of the waiting lock", "The Mac put the lock off (NotNow) and gets it again, with this PIN.", false}
	case effect.Warning != "":
		return use{"PIN of this lock", effect.Warning, true}
	case a.State == lock.StateIssued && a.Deferred:
		return use{"Current PIN", "Most likely: the command left before without an answer. The last time, the Mac put it off (NotNow).", false}
	default:
		return use{"Current PIN", "Most likely: " + c.Reason + ".", false}
	}
}
