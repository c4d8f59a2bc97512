package amapi

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// PlatformName is the name of this platform: what lock.Device.Platform says of a device that Google manages for the embedder.
const PlatformName = "android-amapi"

// maxDeliveries is how often a command is sent that Google may have or not: over about a week. Each time but the first this package looks
// whether Google has it.
const maxDeliveries = 10

// Config is what the platform is made of.
type Config struct {
	Client *Client // required
	// Name gives the resource name of a device, enterprises/E/devices/D. nil: lock.Device.ID is that name. A device has no facts here.
	Name func(ctx context.Context, d lock.Device) (string, error)
}

// Platform locks devices and resets passcodes through the Android Management API. It fails with a *lock.InputError without a Client.
func Platform(c Config) (lock.Platform, error) {
	if c.Client == nil {
		return lock.Platform{}, &lock.InputError{Field: "Client", Rule: "is required"}
	}
	if c.Name == nil {
		c.Name = func(_ context.Context, d lock.Device) (string, error) { return d.ID, nil }
	}
	return lock.Platform{Name: PlatformName, Codec: codec{}, Sender: &sender{c.Client, c.Name}, MaxDeliveries: maxDeliveries}, nil
}

type codec struct{}

// Encode implements lock.Codec. The command has no duration yet: that is counted from when it is sent.
func (codec) Encode(o lock.Order) ([]byte, error) {
	c, err := commandOf(o)
	if err != nil {
		return nil, err
	}
	return c.encode()
}

// commandOf is the command of an order.
func commandOf(o lock.Order) (Command, error) {
	a := o.Action
	switch a.Kind {
	case lock.KindLock:
		return Command{Type: TypeLock}, nil
	case lock.KindResetPasscode:
		if o.PIN.IsZero() { // it would remove the passcode
			return Command{}, errors.New("amapi: a reset needs a passcode")
		}
		return Command{Type: TypeResetPassword, NewPassword: o.PIN, Flags: flagsOf(a.Options)}, nil
	case lock.KindClearPasscode:
		return Command{Type: TypeResetPassword, Flags: flagsOf(a.Options)}, nil
	case lock.KindLostMode:
		return Command{Type: TypeStartLostMode, LostMode: lostModeOf(a.Message, a.PhoneNumber, a.Options)}, nil
	case lock.KindUnlock:
		return Command{Type: TypeStopLostMode}, nil
	}
	return Command{}, fmt.Errorf("amapi: no command for %q", a.Kind)
}

// typeOf is the type of the command that an action of this kind is.
func typeOf(k lock.Kind) CommandType {
	switch k {
	case lock.KindResetPasscode, lock.KindClearPasscode:
		return TypeResetPassword
	case lock.KindLostMode:
		return TypeStartLostMode
	case lock.KindUnlock:
		return TypeStopLostMode
	default:
		return TypeLock
	}
}

// The names of Request.Options: those of a reset are "true" or "false", those of lost mode are texts.
const (
	optionRequireEntry = "require_entry"
	optionLockNow      = "lock_now"
	optionDoNotAsk     = "do_not_ask_credentials_on_boot"
	optionEmail        = "email"
	optionAddress      = "street_address"
	optionOrganization = "organization"
)

// flagsOf gives the flags in Google's order.
func flagsOf(options map[string]string) []Flag {
	var flags []Flag
	for _, f := range []struct {
		option string
		flag   Flag
	}{{optionRequireEntry, FlagRequireEntry}, {optionDoNotAsk, FlagDoNotAsk}, {optionLockNow, FlagLockNow}} {
		if options[f.option] == "true" {
			flags = append(flags, f.flag)
		}
	}
	return flags
}

func lostModeOf(message, phone string, options map[string]string) LostMode {
	return LostMode{
		Message: message, PhoneNumber: phone, EmailAddress: options[optionEmail], StreetAddress: options[optionAddress],
		Organization: options[optionOrganization],
	}
}
