package lock

import "time"

// Device is one managed machine as the embedder knows it. An order carries it whole; the action keeps it without its facts, so that a
// renamed, re-enrolled or deleted device is still known by what it was called when it was locked.
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

func (d Device) validate() error {
	for _, f := range []struct {
		field, value string
		max          int
		required     bool
	}{
		{"device.scope", d.Scope, 64, true},
		{"device.id", d.ID, 255, true},
		{"device.platform", d.Platform, 64, false},
		{"device.serial", d.Serial, 255, false},
		{"device.name", d.Name, 255, false},
		{"device.user", d.User, 255, false},
		{"device.model", d.Model, 255, false},
	} {
		if err := checkText(f.field, f.value, f.max, f.required); err != nil {
			return err
		}
	}
	return nil
}
