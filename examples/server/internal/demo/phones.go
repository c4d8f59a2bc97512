package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Passcode opens the simulated phones that have a passcode from the beginning.
const Passcode = "2580"

// longPoll is how long a phone waits at the server for a command.
const longPoll = 50 * time.Second

// newPhones makes the Android devices: one of each way to manage them, and two of before Android 8, which know no reset tokens. The first is
// set up without a passcode, so that its token is in force at once; that of the second waits for somebody to type the passcode.
func newPhones() ([]*androidtest.Device, error) {
	var phones []*androidtest.Device
	for _, c := range []androidtest.Config{
		{Serial: "R5CDEMO00001", Name: "Katherine's Pixel 8", User: "katherine", Model: "Pixel 8", APILevel: 34, Mode: androidtest.DeviceOwner},
		{Serial: "R5CDEMO00002", Name: "Barbara's Galaxy S22", User: "barbara", Model: "SM-S901B", APILevel: 33, Mode: androidtest.DeviceOwner,
			Passcode: Passcode},
		{Serial: "R5CDEMO00003", Name: "Edsger's own phone", User: "edsger", Model: "Pixel 7a", APILevel: 34, Mode: androidtest.ProfileOwner,
			Passcode: Passcode},
		{Serial: "R5CDEMO00004", Name: "Hedy's company phone", User: "hedy", Model: "Pixel 6", APILevel: 33, Mode: androidtest.CompanyProfileOwner},
		{Serial: "R5CDEMO00005", Name: "Old warehouse scanner", Model: "TC51", APILevel: 25, Mode: androidtest.DeviceAdmin, Passcode: Passcode},
		{Serial: "R5CDEMO00006", Name: "Old door tablet", Model: "SM-T585", APILevel: 24, Mode: androidtest.DeviceOwner, Passcode: Passcode},
	} {
		phone, err := androidtest.New(c)
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		phones = append(phones, phone)
	}
	return phones, nil
}

// runPhone enrols a phone and lets it poll until ctx ends.
func runPhone(ctx context.Context, phone *androidtest.Device, doors Doors) error {
	code, err := doors.Code(ctx)
	if err != nil {
		return err
	}
	if err := phone.Enroll(ctx, doors.URL, code); err != nil {
		return err
	}
	return phone.Run(ctx, longPoll, interval)
}

func phoneScreen(s androidtest.State) Screen {
	return Screen{
		Phone: true, Locked: s.Locked || s.WorkLocked, Off: !s.ScreenOn && !s.Locked, Passcode: s.Secure, Message: s.Message,
	}
}

// typeOn types on a phone. Nothing turns its screen on.
func typeOn(phone *androidtest.Device, passcode string) (bool, error) {
	if s := phone.State(); !s.Secure && s.ScreenOn && !s.Locked {
		return false, &lock.InputError{Field: "digits", Rule: "cannot be typed: this phone asks for no passcode"}
	}
	return phone.Type(passcode), nil
}

func (f *Fleet) findPhone(device string) *androidtest.Device {
	for _, phone := range f.phones {
		if device != "" && phone.ID() == device {
			return phone
		}
	}
	return nil
}
