package androidtest

import (
	"crypto/ecdsa"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Error is an error of a device that cannot or must not speak, or whose script struck.
type Error string

// The errors. Compare with errors.Is.
const (
	ErrOffline     Error = "androidtest: the device has no network, or the work profile of the agent is switched off"
	ErrNotEnrolled Error = "androidtest: the device is not enrolled: call Enroll first"
	ErrCut         Error = "androidtest: the connection was cut by the script"
	ErrCrashed     Error = "androidtest: the agent crashed by the script; it starts again with the next poll"
)

// Error is the text itself.
func (e Error) Error() string { return string(e) }

// agent is what the agent keeps. All but the last lines is in device-protected storage and survives a crash and a reboot.
type agent struct {
	enrolment     *enrolment
	signing       *ecdsa.PrivateKey
	agreement     *ecdsa.PrivateKey
	tokenID       string // of the token that is set; empty: none, or nobody knows which
	escrowRefused bool
	sequence      map[string]int64     // highest number of a command that was begun, by the device ID that it was for
	results       map[string]*result   // final ones, by the ID of the command
	executing     map[string]execution // what was begun and has no result: a crash left open whether it took effect
	outbox        []*result            // not acknowledged by the server, oldest first
	alone         int                  // how many of them are sent one by one, since a server refused them together
	serverTime    time.Time            // the last that the server told
	offset        time.Duration        // added to the device's clock, since the server refused it
	stateDue      bool                 // the server does not know the state yet

	crashed   bool
	interrupt func() // ends a long poll that waits
	replaced  int    // polls in a row that the server ended before their time

	held     []*result // the script's: on their way until Flush
	injected []string  // the script's: what the next poll is told beside the server's commands
	log      []Command
}

// enrolment is what the server said.
type enrolment struct {
	base   string
	device string
	keys   jose.JSONWebKeySet
}

// execution is a command that was begun.
type execution struct {
	seq      int64
	received time.Time
	reported bool // as UNKNOWN, since the agent started again
}

// changed notes that the server should be told the state. A long poll is cut short for it.
func (d *Device) changed() {
	d.agent.stateDue = true
	if d.agent.interrupt != nil {
		d.agent.interrupt()
	}
}

// restartAgent is what the agent does first when it runs again: a command without a result is reported as unknown. It stays marked, and is
// executed when it comes again; from now on only a success of it is final: that the second attempt failed does not say that the first did.
func (d *Device) restartAgent() {
	a := &d.agent
	a.crashed = false
	ids := make([]string, 0, len(a.executing))
	for id := range a.executing {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if e := a.executing[id]; !e.reported {
			e.reported = true
			a.executing[id] = e
			a.outbox = append(a.outbox, d.newResult(id, e.seq, e.received, failed(codeUnknown, "the agent crashed while it executed")))
		}
	}
	if !d.platform.token.active && !d.platform.token.pending {
		a.tokenID = ""
	}
}

// now is the agent's clock: the device's own, corrected by what the server told when it refused a request for its time.
func (d *Device) now() time.Time { return d.clock().Add(d.agent.offset) }

// Command is one command that a server sent, also one whose answer was lost on the way.
type Command struct {
	JWS        string
	ID         string
	Name       string // reset_password, ...
	Seq        int64
	Deliveries int // so far, this one included
}

// Commands returns everything that the server sent, oldest first. The secrets in it are encrypted.
func (d *Device) Commands() []Command {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.agent.log)
}

// ID is the device ID that the server gave; empty before the enrolment.
func (d *Device) ID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.agent.enrolment == nil {
		return ""
	}
	return d.agent.enrolment.device
}
