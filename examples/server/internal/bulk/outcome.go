package bulk

import "slices"

// Outcome is what became of one device of a batch: why it got no action, or else how far its action is.
type Outcome string

// The outcomes. Those from Ordered to Withdrawn are of an action, and say what the ledger says now.
const (
	Pending Outcome = "pending" // nothing yet

	Ordered     Outcome = "ordered"   // queued: the device gets the command when it comes
	Sent        Outcome = "sent"      // the command may have left; no answer yet
	Confirmed   Outcome = "confirmed" // the device acknowledged it
	Released    Outcome = "released"  // and is known to be open again
	Refused     Outcome = "refused"
	Unconfirmed Outcome = "unconfirmed" // sent, and never answered
	Expired     Outcome = "expired"     // never sent
	Withdrawn   Outcome = "withdrawn"   // the action was cancelled

	Blocked   Outcome = "blocked" // preflight found that the order would not work
	Denied    Outcome = "denied"  // the actor may not lock it
	Busy      Outcome = "busy"    // it has a live action that the order cannot join
	Failed    Outcome = "failed"
	Unknown   Outcome = "unknown"   // there is no such device
	Unordered Outcome = "cancelled" // the batch was cancelled before it was ordered
)

// Share is what outcomes have in common, for who looks at many.
type Share struct {
	Name     string
	Outcomes []Outcome
}

// Shares are all outcomes, by what they mean for the batch: in the order of a bar that fills from the left.
func Shares() []Share {
	return []Share{
		{"confirmed", []Outcome{Confirmed, Released}},
		{"sent", []Outcome{Sent}},
		{"ordered", []Outcome{Ordered}},
		{"pending", []Outcome{Pending}},
		{"failed", []Outcome{Refused, Unconfirmed, Expired, Denied, Busy, Failed, Unknown}},
		{"blocked", []Outcome{Blocked}},
		{"cancelled", []Outcome{Unordered, Withdrawn}},
	}
}

// outcomesOf a share are nil when there is no such share.
func outcomesOf(share string) []Outcome {
	all := Shares()
	if i := slices.IndexFunc(all, func(s Share) bool { return s.Name == share }); i >= 0 {
		return all[i].Outcomes
	}
	return nil
}

// outcome is the SQL for the outcome of an item i, with its action a.
const outcome = `CASE
	WHEN i.outcome IN ('', 'ready') THEN 'pending'
	WHEN i.outcome NOT IN ('ordered', 'joined') THEN i.outcome
	WHEN a.state = 'issued' THEN 'sent'
	WHEN a.state = 'cancelled' THEN 'withdrawn'
	WHEN a.state IN ('confirmed', 'released', 'refused', 'unconfirmed', 'expired') THEN a.state
	ELSE 'ordered' END`

// Counts are how many devices of a batch have which outcome.
type Counts struct {
	Ordered   int // have an action: the batch's own, or the live one that the order joined
	Blocked   int
	Confirmed int // acknowledged by the device, open again or not
	Failed    int // got no action for another reason than preflight's, or one that came to nothing
	Cancelled int // left out or withdrawn because the batch was cancelled
	Pending   int
	By        map[Outcome]int
}

func (c *Counts) add(o Outcome, n int) {
	c.By[o] += n
	switch o {
	case Pending:
		c.Pending += n
	case Blocked:
		c.Blocked += n
	case Unordered:
		c.Cancelled += n
	case Denied, Busy, Failed, Unknown:
		c.Failed += n
	default:
		c.Ordered += n
	}
	switch o {
	case Confirmed, Released:
		c.Confirmed += n
	case Refused, Unconfirmed, Expired:
		c.Failed += n
	case Withdrawn:
		c.Cancelled += n
	}
}

// In is how many devices have an outcome of a share.
func (c *Counts) In(share string) (n int) {
	for _, o := range outcomesOf(share) {
		n += c.By[o]
	}
	return n
}
