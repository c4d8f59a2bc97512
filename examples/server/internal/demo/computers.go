package demo

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// The nodes that the screen of a computer before a sign-in goes by.
const (
	policies  = "./Device/Vendor/MSFT/Policy/Config/"
	nodeDeny  = policies + "UserRights/DenyLocalLogOn"
	nodeTitle = policies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTitleForUsersAttemptingToLogOn"
	nodeText  = policies + "LocalPoliciesSecurityOptions/InteractiveLogon_MessageTextForUsersAttemptingToLogOn"
)

const (
	everyone  = "*S-1-1-0" // the SID of all users
	separator = "\uf000"   // between lines of a policy's value
)

// Computer is a Windows device as it is entered.
type Computer struct {
	ID, Name, Serial, Model, Holder string

	class    windowstest.Class
	pin      string
	signedIn string
}

// newComputers are the Windows devices: one of each kind. They name themselves by IDs that stay, so that a fleet which is started again is the
// same one.
func newComputers() []Computer {
	return []Computer{
		{
			ID: "DE300000000000000000000000000001", Name: "Hedy's Lumia 950", Serial: "MSFDEMO00001", Model: "Microsoft Lumia 950", Holder: "hedy",
			class: windowstest.Phone, pin: Passcode,
		},
		{
			ID: "DE300000000000000000000000000002", Name: "Workshop HoloLens 2", Serial: "MSFDEMO00002", Model: "Microsoft HoloLens 2",
			Holder: "workshop", class: windowstest.HoloLens, pin: Passcode,
		},
		{
			ID: "DE300000000000000000000000000003", Name: "Alan's Surface Laptop", Serial: "MSFDEMO00003", Model: "Microsoft Surface Laptop 5",
			Holder: "alan", class: windowstest.Desktop, signedIn: "alan",
		},
	}
}

// config is the simulated device.
func (c Computer) config() windowstest.Config {
	return windowstest.Config{
		ID: c.ID, Name: c.Name, Class: c.class, Serial: c.Serial, Manufacturer: "Microsoft", Model: c.Model, PIN: c.pin, SignedIn: c.signedIn,
	}
}

// runComputer enters a computer and lets it come until ctx ends. A session that fails is the next one's: a real device tries again too.
func (f *Fleet) runComputer(ctx context.Context, c Computer, doors Doors) error {
	id, secret, err := doors.Enter(ctx, c)
	if err != nil {
		return err
	}
	cfg := c.config()
	cfg.User, cfg.Secret = cfg.ID, secret
	computer, err := windowstest.New(cfg)
	if err != nil {
		return err
	}
	if err := computer.SetServer(doors.URL+"/windows/dm", nil); err != nil {
		return err
	}
	f.mu.Lock()
	f.computers[id] = computer
	f.mu.Unlock()
	return computer.Run(ctx, interval, func(err error) {
		if err != nil && ctx.Err() == nil {
			f.logger.WarnContext(ctx, "session of a simulated device failed", slog.String("name", cfg.Name), slog.Any("error", err))
		}
	})
}

func computerScreen(d *windowstest.Device) Screen {
	state := d.State()
	s := Screen{Computer: true, Locked: state.Locked, Passcode: state.PIN != "", SignedIn: state.SignedIn}
	deny, _ := d.Get(nodeDeny)
	if s.Denied = strings.Contains(deny, everyone) && state.SignedIn == ""; s.Denied {
		s.Title, _ = d.Get(nodeTitle)
		text, _ := d.Get(nodeText)
		s.Message = strings.ReplaceAll(text, separator, "\n")
	}
	return s
}

// signIn types on a computer: its PIN where it asks for that, and else somebody signs in, whatever is typed.
func signIn(d *windowstest.Device, typed string) (bool, error) {
	state := d.State()
	switch {
	case state.Locked:
		return d.Type(typed), nil
	case d.Config().Class != windowstest.Desktop || state.SignedIn != "":
		return false, &lock.InputError{Field: "digits", Rule: "cannot be typed: this device asks for no PIN, and somebody is signed in"}
	}
	err := d.SignIn(cmp.Or(d.Config().SignedIn, "guest"))
	if errors.Is(err, windowstest.ErrDenied) {
		return false, nil
	}
	return err == nil, err
}

func (f *Fleet) findComputer(device string) *windowstest.Device {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.computers[device]
}
