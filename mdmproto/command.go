package mdmproto

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/groob/plist"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Limits of what a command may carry, in characters and elements.
const (
	maxUUID    = 128
	maxNote    = 2048
	maxPhone   = 32
	maxQueries = 100
)

// DeviceLock locks a Mac, which restarts and asks for the PIN. Nothing but the PIN, typed on the Mac, opens it again: seal
// it first.
//
// Apple silicon before macOS 11.5 is deactivated by this command instead, and has no use for the PIN: do not send it there.
//
// Specification: Apple, Device Management, "Device Lock Command".
type DeviceLock struct {
	PIN         pin.PIN // exactly six ASCII digits; on the wire a string, so that leading zeros stay
	Message     string  // on the lock screen, macOS 10.14 and later: at most 2048 characters
	PhoneNumber string  // on the lock screen, Apple silicon with macOS 11.5 and later: at most 32 characters
}

// CheckText checks what the lock screen will show, so that an order can be refused before a PIN exists: Message has at
// most 2048 characters of valid UTF-8, no control characters, and does not contain the PIN (when there is one already);
// PhoneNumber has at most 32 of digits, spaces and + - ( ) . , alone. Both may be empty. The error is a *FieldError.
func (c DeviceLock) CheckText() error {
	if err := checkText("Message", c.Message, maxNote, isNote); err != nil {
		return err
	}
	if digits := c.PIN.Expose(); digits != "" && strings.Contains(c.Message, digits) {
		return &FieldError{Field: "Message", Rule: RuleHoldsPIN}
	}
	return checkText("PhoneNumber", c.PhoneNumber, maxPhone, isPhone)
}

// Encode writes the command. The error is a *FieldError: for CheckText's reasons, for a PIN that is not six digits, or
// for a commandUUID that is not 1 to 128 printable ASCII characters.
func (c DeviceLock) Encode(commandUUID string) ([]byte, error) {
	digits := c.PIN.Expose()
	if !isSixDigits(digits) {
		return nil, &FieldError{Field: "PIN", Rule: RuleSixDigits}
	}
	if err := c.CheckText(); err != nil {
		return nil, err
	}
	return encodeCommand(commandUUID, struct {
		RequestType string `plist:"RequestType"`
		PIN         string `plist:"PIN"`
		Message     string `plist:"Message,omitempty"`
		PhoneNumber string `plist:"PhoneNumber,omitempty"`
	}{"DeviceLock", digits, c.Message, c.PhoneNumber})
}

// DeviceInformation asks a device about itself. What it does not know, it leaves out of its answer.
//
// Specification: Apple, Device Management, "Device Information Command".
type DeviceInformation struct {
	Queries []string // Apple's names, at most 100; none: those that [Result.Facts] keeps
}

// Encode writes the command. The error is a *FieldError, for a bad query or commandUUID (see [DeviceLock.Encode]).
func (c DeviceInformation) Encode(commandUUID string) ([]byte, error) {
	queries := c.Queries
	if len(queries) == 0 {
		queries = deviceQueries
	}
	if len(queries) > maxQueries {
		return nil, &FieldError{Field: "Queries", Rule: RuleElements, Limit: maxQueries}
	}
	for _, q := range queries {
		if err := checkName("Queries", q); err != nil {
			return nil, err
		}
	}
	return encodeCommand(commandUUID, struct {
		RequestType string   `plist:"RequestType"`
		Queries     []string `plist:"Queries"`
	}{"DeviceInformation", queries})
}

// SecurityInfo asks a device about its passcode, disk encryption, firmware password and recovery lock.
//
// Specification: Apple, Device Management, "Security Info Command".
type SecurityInfo struct{}

// Encode writes the command. The error is a *FieldError, for a bad commandUUID (see [DeviceLock.Encode]).
func (SecurityInfo) Encode(commandUUID string) ([]byte, error) {
	return encodeCommand(commandUUID, struct {
		RequestType string `plist:"RequestType"`
	}{"SecurityInfo"})
}

// encodeCommand wraps a command in its envelope.
func encodeCommand(commandUUID string, command any) ([]byte, error) {
	if err := checkName("CommandUUID", commandUUID); err != nil {
		return nil, err
	}
	return plist.Marshal(struct {
		Command     any    `plist:"Command"`
		CommandUUID string `plist:"CommandUUID"`
	}{command, commandUUID})
}

// encodeBootstrapToken writes the answer to GetBootstrapToken. For the zero PIN that is nothing: the device has to make one.
func encodeBootstrapToken(token pin.PIN) ([]byte, error) {
	if token.IsZero() {
		return nil, nil
	}
	return plist.Marshal(struct {
		BootstrapToken []byte `plist:"BootstrapToken"`
	}{[]byte(token.Expose())})
}

// checkText checks a text by its length and its characters. The encoder would replace what XML cannot hold in silence.
func checkText(field, s string, limit int, allowed func(rune) bool) error {
	switch {
	case !utf8.ValidString(s):
		return &FieldError{Field: field, Rule: RuleEncoding}
	case utf8.RuneCountInString(s) > limit:
		return &FieldError{Field: field, Rule: RuleSize, Limit: limit}
	case strings.ContainsFunc(s, func(r rune) bool { return !allowed(r) }):
		return &FieldError{Field: field, Rule: RuleCharacters}
	}
	return nil
}

// checkName checks a text that must be there and printable.
func checkName(field, s string) error {
	if s == "" {
		return &FieldError{Field: field, Rule: RuleMissing}
	}
	return checkText(field, s, maxUUID, func(r rune) bool { return r > ' ' && r <= '~' })
}

// isNote admits what a lock screen and XML can hold.
func isNote(r rune) bool { return !unicode.IsControl(r) && r != '\uFFFE' && r != '\uFFFF' }

// isPhone admits what people write phone numbers with.
func isPhone(r rune) bool { return strings.ContainsRune("0123456789 +-().,", r) }

// isSixDigits admits the PINs that a Mac accepts.
func isSixDigits(s string) bool {
	return len(s) == 6 && strings.Trim(s, "0123456789") == ""
}
