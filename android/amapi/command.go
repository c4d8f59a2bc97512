package amapi

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// CommandType is what a command does.
type CommandType string

// The types that this package sends. An [Operation] may have others, which somebody else issued.
const (
	TypeLock          CommandType = "LOCK"            // as if the screen had timed out
	TypeResetPassword CommandType = "RESET_PASSWORD"  // sets the passcode, or removes it
	TypeStartLostMode CommandType = "START_LOST_MODE" // company-owned devices only
	TypeStopLostMode  CommandType = "STOP_LOST_MODE"
)

// Flag is an option of RESET_PASSWORD.
type Flag string

// The flags of a reset.
const (
	FlagRequireEntry Flag = "REQUIRE_ENTRY"                  // only an administrator's reset is taken until the new passcode was typed
	FlagDoNotAsk     Flag = "DO_NOT_ASK_CREDENTIALS_ON_BOOT" // do not ask for it at start
	FlagLockNow      Flag = "LOCK_NOW"                       // lock after the reset
)

// LostMode is what the screen of a lost device shows: at least one besides Organization.
type LostMode struct {
	Message       string // at most 4,096 characters
	PhoneNumber   string
	EmailAddress  string
	StreetAddress string
	Organization  string
}

// Command is an order for one device. Printed or logged, it shows neither NewPassword nor what LostMode holds, and encoding/json fails for
// it when there is a password: [Client.Issue] writes it.
type Command struct {
	Type        CommandType
	Duration    time.Duration // how long it may wait for the device, in whole seconds. 0: 10 minutes, Google's default
	NewPassword pin.PIN       // TypeResetPassword: the zero PIN removes the passcode
	Flags       []Flag        // TypeResetPassword
	LostMode    LostMode      // TypeStartLostMode
}

// String names the command's type and flags.
func (c Command) String() string { return fmt.Sprintf("%s %v", c.Type, c.Flags) }

// GoString is String.
func (c Command) GoString() string { return c.String() }

// LogValue gives the command's type, flags and duration.
func (c Command) LogValue() slog.Value {
	return slog.GroupValue(slog.String("type", string(c.Type)), slog.Any("flags", c.Flags), slog.Duration("duration", c.Duration))
}

// body is a Command as Google reads it.
type body struct {
	Type        CommandType     `json:"type"`
	Duration    string          `json:"duration,omitempty"`
	NewPassword *string         `json:"newPassword,omitempty"`
	Flags       []Flag          `json:"resetPasswordFlags,omitempty"`
	Start       *lostModeParams `json:"startLostModeParams,omitempty"`
	Stop        *struct{}       `json:"stopLostModeParams,omitempty"`
}

type lostModeParams struct {
	Message      *userFacing `json:"lostMessage,omitempty"`
	Phone        *userFacing `json:"lostPhoneNumber,omitempty"`
	Email        string      `json:"lostEmailAddress,omitempty"`
	Address      *userFacing `json:"lostStreetAddress,omitempty"`
	Organization *userFacing `json:"lostOrganization,omitempty"`
}

type userFacing struct {
	Default string `json:"defaultMessage"`
}

func facing(text string) *userFacing {
	if text == "" {
		return nil
	}
	return &userFacing{text}
}

// encode writes the request's body, with the passcode in clear. The empty one is written out: whether Google takes an absent one the same
// way is not known.
func (c Command) encode() ([]byte, error) {
	b := body{Type: c.Type, Duration: seconds(c.Duration)}
	switch c.Type {
	case TypeResetPassword:
		code := c.NewPassword.Expose()
		b.NewPassword, b.Flags = &code, c.Flags
	case TypeStartLostMode:
		l := c.LostMode
		b.Start = &lostModeParams{facing(l.Message), facing(l.PhoneNumber), l.EmailAddress, facing(l.StreetAddress), facing(l.Organization)}
	case TypeStopLostMode:
		b.Stop = &struct{}{}
	case TypeLock:
	default:
		return nil, fmt.Errorf("amapi: %q is no command of this package", c.Type)
	}
	return json.Marshal(b)
}

// seconds is a protobuf Duration; empty for none.
func seconds(d time.Duration) string {
	if d < time.Second {
		return ""
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
