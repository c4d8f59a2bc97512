// Package demo is the simulated fleet of a demonstration: a handful of Macs, Android and Windows devices that come over HTTP like real ones,
// and obey. A locked one opens when somebody types its PIN or passcode, as one would at its keyboard.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// interval is how often a simulated device polls. A real one waits for a push.
const interval = 3 * time.Second

// Fleet is the simulated devices. Its methods may be called concurrently.
type Fleet struct {
	macs   []*mdmtest.Mac
	phones []*androidtest.Device
	logger *slog.Logger

	mu        sync.Mutex
	computers map[string]*windowstest.Device // by the server's ID; those that were entered
}

// New makes the devices, which are not enrolled yet.
func New(logger *slog.Logger) (*Fleet, error) {
	phones, err := newPhones()
	if err != nil {
		return nil, err
	}
	f := &Fleet{phones: phones, logger: logger, computers: map[string]*windowstest.Device{}}
	for _, c := range []mdmtest.Config{
		{Serial: "FVFDEMO00001", Name: "Ada's MacBook Air", UserName: "ada", OSVersion: "26.1", AppleSilicon: true,
			Model: "Mac15,12", ModelName: "MacBook Air"},
		{Serial: "C02DEMO00002", Name: "Grace's MacBook Pro", UserName: "grace", OSVersion: "15.1", AppleSilicon: true,
			Model: "Mac15,3", ModelName: "MacBook Pro"},
		{Serial: "C02DEMO00003", Name: "Front desk iMac", UserName: "reception", OSVersion: "14.6", Model: "iMac20,1", ModelName: "iMac"},
		{Serial: "C07DEMO00004", Name: "Build farm Mac mini", OSVersion: "13.7", AppleSilicon: true, Model: "Macmini9,1", ModelName: "Mac mini"},
		{Serial: "FVFDEMO00005", Name: "Spare MacBook Air", OSVersion: "11.4", AppleSilicon: true,
			Model: "MacBookAir10,1", ModelName: "MacBook Air"}, // a lock would deactivate it: preflight blocks
		{Serial: "C02DEMO00006", Name: "Old MacBook Pro", UserName: "linus", OSVersion: "10.13.6", Model: "MacBookPro14,1", ModelName: "MacBook Pro"},
		{Serial: "C02DEMO00007", Name: "Busy MacBook Pro", UserName: "margaret", OSVersion: "12.7", Model: "MacBookPro16,1", ModelName: "MacBook Pro"},
	} {
		mac, err := mdmtest.New(c)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		f.macs = append(f.macs, mac)
	}
	f.macs[len(f.macs)-1].Script(mdmtest.NotNow, mdmtest.NotNow) // has no time twice
	return f, nil
}

// Devices returns the IDs of the Macs. An Android or Windows device has one only once it is enrolled.
func (f *Fleet) Devices() []string {
	ids := make([]string, len(f.macs))
	for i, mac := range f.macs {
		ids[i] = mac.Config().UDID
	}
	return ids
}

// Doors are the ways into the server.
type Doors struct {
	Link func(context.Context) (string, error) // makes a link that enrols a Mac
	URL  string                                // of the server, for Android and Windows devices
	Code func(context.Context) (string, error) // makes a code that enrols an Android device
	// Enter enters a Windows device, whose account for digests has its ID as its name, and returns the server's ID of it and the secret.
	Enter func(ctx context.Context, c Computer) (device, secret string, err error)
}

// Run enrols each device, and lets it poll until ctx ends.
func (f *Fleet) Run(ctx context.Context, doors Doors) {
	var devices sync.WaitGroup
	run := func(serial string, device func() error) {
		devices.Go(func() {
			if err := device(); err != nil && ctx.Err() == nil {
				f.logger.ErrorContext(ctx, "simulated device stopped", slog.String("serial", serial), slog.Any("error", err))
			}
		})
	}
	for _, mac := range f.macs {
		run(mac.Config().Serial, func() error { return runMac(ctx, mac, doors) })
	}
	for _, phone := range f.phones {
		run(phone.Config().Serial, func() error { return runPhone(ctx, phone, doors) })
	}
	for _, c := range newComputers() {
		run(c.Serial, func() error { return f.runComputer(ctx, c, doors) })
	}
	devices.Wait()
}

func runMac(ctx context.Context, mac *mdmtest.Mac, doors Doors) error {
	url, err := doors.Link(ctx)
	if err != nil {
		return err
	}
	if err := mac.Enroll(ctx, url); err != nil {
		return err
	}
	return mac.Run(ctx, interval, nil)
}

// Screen is what a device shows: neither Locked nor Deactivated nor Off is its desktop.
type Screen struct {
	Locked      bool // asks for its PIN or passcode
	Deactivated bool // asks to be activated, which no PIN does
	Message     string
	PhoneNumber string
	Phone       bool // it is a phone, and no Mac
	Off         bool // the screen of a phone is off; whoever turns it on finds it Locked or not
	Passcode    bool // the phone has a passcode

	Computer bool   // it runs Windows: Locked asks for its PIN, and Passcode says that it has one
	Denied   bool   // nobody may sign in on it: Title and Message say so
	Title    string // of the message before the sign-in
	SignedIn string // who is signed in; empty: nobody
}

// Screen returns what a device's screen shows; ok is false for a device that is not simulated.
func (f *Fleet) Screen(device string) (s Screen, ok bool) {
	if phone := f.findPhone(device); phone != nil {
		return phoneScreen(phone.State()), true
	}
	if computer := f.findComputer(device); computer != nil {
		return computerScreen(computer), true
	}
	mac := f.find(device)
	if mac == nil {
		return Screen{}, false
	}
	return screenOf(mac.State(), mac.Locks()), true
}

func screenOf(state mdmtest.State, locks []mdmtest.Command) (s Screen) {
	s.Locked, s.Deactivated = state == mdmtest.Locked, state == mdmtest.Deactivated
	if s.Locked && len(locks) > 0 {
		last := locks[len(locks)-1]
		s.Message, s.PhoneNumber = last.Message, last.PhoneNumber
	}
	return s
}

// Type types a PIN or passcode at a device's keyboard and tells whether that opened it. A device that is not simulated is an error that
// wraps lock.ErrNotFound, one that asks for none a *lock.InputError. Nothing, typed on a phone, turns its screen on; a
// Windows desktop where nobody is signed in takes anything.
func (f *Fleet) Type(device, digits string) (opened bool, err error) {
	if phone := f.findPhone(device); phone != nil {
		return typeOn(phone, digits)
	}
	if computer := f.findComputer(device); computer != nil {
		return signIn(computer, digits)
	}
	mac := f.find(device)
	if mac == nil {
		return false, fmt.Errorf("simulated device %w", lock.ErrNotFound)
	}
	if mac.State() != mdmtest.Locked {
		return false, &lock.InputError{Field: "digits", Rule: "cannot be typed: this Mac asks for no PIN"}
	}
	return mac.Type(digits), nil
}

func (f *Fleet) find(device string) *mdmtest.Mac {
	for _, mac := range f.macs {
		if mac.Config().UDID == device {
			return mac
		}
	}
	return nil
}
