package lock

import (
	"cmp"
	"time"
)

// Device is one managed machine as the embedder knows it. An order carries it whole; the action keeps it without its facts, so that a
// renamed, re-enrolled or deleted device is still known by what it was called when it was locked. What describes it is kept up to 255
// bytes, without control characters.
type Device struct {
	Scope    string          `json:"scope"`              // the tenant; required
	ID       string          `json:"id"`                 // the embedder's name for it, unique in the scope; required
	Platform string          `json:"platform,omitempty"` // one of the configured Platform names
	Serial   string          `json:"serial,omitempty"`   // hardware serial number: finds the ledger again after a re-enrolment under another ID
	Name     string          `json:"name,omitempty"`
	User     string          `json:"user,omitempty"` // who uses it
	Model    string          `json:"model,omitempty"`
	Facts    map[string]Fact `json:"-"` // what is known of it, for the platform's preflight; absent is unknown
}

// Fact is something learnt about a device. The names and values of facts belong to the platform; this package does not interpret them.
type Fact struct {
	Value string
	At    time.Time // when it was learnt
}

// validate checks what names the device. What describes it comes from the device, and must not make it impossible to lock: see snapshot.
func (d Device) validate() error {
	return cmp.Or(
		checkText("device.scope", d.Scope, 64, true),
		checkText("device.id", d.ID, 256, true),
		checkText("device.platform", d.Platform, 64, false),
	)
}

// validateKnown is validate for a look into the ledger: there a serial number alone will do.
func (d Device) validateKnown() error {
	if d.ID != "" || d.Serial == "" {
		return d.validate()
	}
	return checkText("device.scope", d.Scope, 64, true)
}

// snapshot is the device as an action keeps it: without facts, its descriptions made fit for the ledger.
func (d Device) snapshot() Device {
	d.Facts = nil
	for _, text := range []*string{&d.Serial, &d.Name, &d.User, &d.Model} {
		*text = clip(*text, 255)
	}
	return d
}
