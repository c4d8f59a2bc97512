package locktest

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// TB is what a fixture needs of a test: *testing.T and *testing.B have it, and so has the T of property-testing libraries.
type TB interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}

// Fixture is a service with all that it stands on. Its methods end the test when what they do fails.
type Fixture struct {
	Service *lock.Service
	Store   *Faulty
	Clock   *Clock
	Rights  *Rights
	Codec   *Codec
	Waker   *Waker

	t TB
}

// New wires a service on the store, with one platform named Platform. Its Now is the fixture's Clock, which shows some time in 2026; its
// key is Keyring("test"); its log goes nowhere. Edits change the configuration before the service is made.
func New(t TB, store lock.Store, edits ...func(*lock.Config)) *Fixture {
	t.Helper()
	f := &Fixture{Store: &Faulty{Store: store}, Clock: &Clock{}, Rights: &Rights{}, Codec: &Codec{}, Waker: &Waker{}, t: t}
	f.Clock.Set(time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC))
	cfg := lock.Config{
		Store:     f.Store,
		Sealer:    Keyring("test"),
		Platforms: []lock.Platform{{Name: Platform, Codec: f.Codec, Waker: f.Waker}},
		Authorize: f.Rights,
		Now:       f.Clock.Now,
		Logger:    slog.New(slog.DiscardHandler),
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	if f.Service, err = lock.New(cfg); err != nil {
		t.Fatalf("locktest: %v", err)
	}
	return f
}

// Admin is the actor of the fixture's own calls.
func Admin() lock.Actor { return lock.Actor{ID: "ada", Name: "Ada", Address: "192.0.2.7"} }

// Device is a device of Platform in the scope "acme". Its serial number is "S-" and the ID.
func Device(id string) lock.Device {
	return lock.Device{Scope: "acme", ID: id, Platform: Platform, Serial: "S-" + id, Name: "Mac of " + id, User: "grace", Model: "Mac14,2"}
}

// Lock orders a lock as Admin, for the reason "stolen". Edits change the request.
func (f *Fixture) Lock(d lock.Device, edits ...func(*lock.Request)) lock.Action {
	f.t.Helper()
	r := lock.Request{Device: d, Reason: "stolen"}
	for _, edit := range edits {
		edit(&r)
	}
	a, err := f.Service.Lock(f.t.Context(), Admin(), r)
	if err != nil {
		f.t.Fatalf("locktest: lock %s: %v", d.ID, err)
	}
	return a
}

// Deliver takes the next command of the device. The zero Command means that there is none.
func (f *Fixture) Deliver(d lock.Device) Command {
	f.t.Helper()
	next, err := f.Service.Next(f.t.Context(), d)
	if err != nil {
		f.t.Fatalf("locktest: next command of %s: %v", d.ID, err)
	}
	if next.ID == "" {
		return Command{}
	}
	var c Command
	if err := json.Unmarshal(next.Body, &c); err != nil {
		f.t.Fatalf("locktest: command %s is not one of this package's Codec", next.ID)
	}
	return c
}

// Answer reports what the device of the action says of it.
func (f *Fixture) Answer(a lock.Action, outcome lock.Outcome) {
	f.t.Helper()
	r := lock.Report{Scope: a.Device.Scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome}
	if err := f.Service.Report(f.t.Context(), r); err != nil {
		f.t.Fatalf("locktest: report %s of %s: %v", outcome, a.ID, err)
	}
}

// Return reports what the device of the action says of it, with the PIN that the device made; empty: none came.
func (f *Fixture) Return(a lock.Action, outcome lock.Outcome, code string) {
	f.t.Helper()
	r := lock.Report{Scope: a.Device.Scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome}
	if code != "" {
		made, err := pin.Parse(code)
		if err != nil {
			f.t.Fatalf("locktest: a PIN of the device: %v", err)
		}
		r.Secret = made
	}
	if err := f.Service.Report(f.t.Context(), r); err != nil {
		f.t.Fatalf("locktest: report %s of %s: %v", outcome, a.ID, err)
	}
}

// Get returns the action as it is now, as Admin.
func (f *Fixture) Get(id lock.ID) lock.Action {
	f.t.Helper()
	a, err := f.Service.Get(f.t.Context(), Admin(), id)
	if err != nil {
		f.t.Fatalf("locktest: get %s: %v", id, err)
	}
	return a
}

// PIN reveals the PIN of an action as Admin and returns it in clear.
func (f *Fixture) PIN(id lock.ID) string {
	f.t.Helper()
	code, err := f.Service.Reveal(f.t.Context(), Admin(), id, "asked by a test", "")
	if err != nil {
		f.t.Fatalf("locktest: reveal %s: %v", id, err)
	}
	return code.Expose()
}
