// Package demo is the simulated fleet of a demonstration: a handful of Macs that enrol over HTTP like real ones, poll, and obey. A
// locked one opens when somebody types its PIN, as one would at its keyboard.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// interval is how often a simulated Mac polls. A real one waits for a push.
const interval = 3 * time.Second

// Fleet is the simulated Macs. Its methods may be called concurrently.
type Fleet struct {
	macs   []*mdmtest.Mac
	logger *slog.Logger
}

// New makes the Macs, which are not enrolled yet.
func New(logger *slog.Logger) (*Fleet, error) {
	f := &Fleet{logger: logger}
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

// Devices returns the IDs of the Macs.
func (f *Fleet) Devices() []string {
	ids := make([]string, len(f.macs))
	for i, mac := range f.macs {
		ids[i] = mac.Config().UDID
	}
	return ids
}

// Run enrols each Mac by a link that link makes, and lets it poll until ctx ends.
func (f *Fleet) Run(ctx context.Context, link func(context.Context) (string, error)) {
	var macs sync.WaitGroup
	for _, mac := range f.macs {
		macs.Go(func() {
			err := f.enroll(ctx, mac, link)
			if err == nil {
				err = mac.Run(ctx, interval, nil)
			}
			if err != nil && ctx.Err() == nil {
				f.logger.ErrorContext(ctx, "simulated Mac stopped",
					slog.String("serial", mac.Config().Serial), slog.Any("error", err))
			}
		})
	}
	macs.Wait()
}

func (f *Fleet) enroll(ctx context.Context, mac *mdmtest.Mac, link func(context.Context) (string, error)) error {
	url, err := link(ctx)
	if err != nil {
		return err
	}
	return mac.Enroll(ctx, url)
}

// Screen is what a Mac shows: neither Locked nor Deactivated is its desktop.
type Screen struct {
	Locked      bool // asks for its PIN
	Deactivated bool // asks to be activated, which no PIN does
	Message     string
	PhoneNumber string
}

// Screen returns what a device's screen shows; ok is false for a device that is not simulated.
func (f *Fleet) Screen(device string) (s Screen, ok bool) {
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

// Type types a PIN at a device's keyboard and tells whether that opened it. A device that is not simulated is an error that wraps
// lock.ErrNotFound, one that asks for no PIN a *lock.InputError.
func (f *Fleet) Type(device, digits string) (opened bool, err error) {
	mac := f.find(device)
	if mac == nil {
		return false, fmt.Errorf("simulated Mac %w", lock.ErrNotFound)
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
