package windowstest

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Class is the family of devices that one belongs to: it decides which nodes there are.
type Class string

// The classes.
const (
	Phone    Class = "phone"    // Windows 10 Mobile: the whole of RemoteLock
	HoloLens Class = "hololens" // RemoteLock/Lock and nothing else of RemoteLock
	Desktop  Class = "desktop"  // Windows 10 and 11: no RemoteLock, but UserRights, LAPS and BitLocker
)

// PINPolicy is what a PIN looks like that the device makes.
type PINPolicy string

// The policies.
const (
	Digits           PINPolicy = "digits"             // six digits
	LettersAndDigits PINPolicy = "letters_and_digits" // eight characters, at least one of each kind
)

// Config describes one device. Every field may be left out: that is a phone without a PIN that authenticates by its certificate alone.
type Config struct {
	ID    string // DevInfo/DevId: 32 hexadecimal digits, made from Name when empty
	Name  string // the computer name; "Windows " and the class when empty
	Class Class  // Phone when empty

	Edition      int    // WindowsLicensing/Edition; when 0: 104 (Mobile), 136 (Holographic) or 48 (Pro)
	Build        string // DevDetail/SwV, of four numbers; when empty: 10.0.15254.603, 10.0.22621.1252 or 10.0.22631.4460
	Manufacturer string // DevInfo/Man; "Contoso, Ltd." when empty
	Model        string // DevInfo/Mod; "Contoso " and the class when empty
	Serial       string // its serial number, which the server can read from build 17763 on; made from ID when empty

	PIN         string    // the person's PIN; empty: none is set
	PINPolicy   PINPolicy // of the PINs that the device makes; Digits when empty
	KeepsPIN    bool      // a new PIN that nobody has read survives a restart
	MessagePIN  bool      // a new PIN can be read only in the message that asked for it
	PINRecovery bool      // EnablePinRecovery is set and the reset service gives tickets: LockAndRecoverPIN works
	RemoteLock  bool      // a desktop that has RemoteLock, as its description has it
	SignedIn    string    // who is signed in at the start; may be empty

	User   string // of the digest; empty: the device answers no challenge
	Secret string // of the digest
	Nonce  []byte // the first nonce, as it was enrolled; nil: the first message carries no digest

	MaxMsgSize   int    // bytes that the device takes in one message; 0: it says nothing, and takes 512 KiB
	SyncVersion3 bool   // hexadecimal session IDs, and msft:originalerror in its statuses
	UserEnrolled bool   // enrolled for a user: no device policies, no restart
	ProviderID   string // of its account; "ExampleMDM" when empty
	ChannelURI   string // where its pushes go once a PFN is set; "https://db5p.notify.windows.com/?token=" and the ID when empty
}

const providerID = "ExampleMDM"

func (c Config) withDefaults() Config {
	c.Class = cmp.Or(c.Class, Phone)
	c.Name = cmp.Or(c.Name, "Windows "+string(c.Class))
	c.ID = cmp.Or(c.ID, fmt.Sprintf("%X", sha256.Sum256([]byte(c.Name)))[:32])
	edition, build := 104, "10.0.15254.603"
	switch c.Class {
	case HoloLens:
		edition, build = 136, "10.0.22621.1252"
	case Desktop:
		edition, build = 48, "10.0.22631.4460"
	}
	c.Edition = cmp.Or(c.Edition, edition)
	c.Build = cmp.Or(c.Build, build)
	c.Manufacturer = cmp.Or(c.Manufacturer, "Contoso, Ltd.")
	c.Model = cmp.Or(c.Model, "Contoso "+string(c.Class))
	c.Serial = cmp.Or(c.Serial, fmt.Sprintf("W%X", sha256.Sum256([]byte(c.ID)))[:12])
	c.PINPolicy = cmp.Or(c.PINPolicy, Digits)
	c.ProviderID = cmp.Or(c.ProviderID, providerID)
	c.ChannelURI = cmp.Or(c.ChannelURI, "https://db5p.notify.windows.com/?token="+c.ID)
	return c
}

func (c Config) check() error {
	switch {
	case c.Class != Phone && c.Class != HoloLens && c.Class != Desktop:
		return fmt.Errorf("windowstest: Class %q: use a constant of this package", c.Class)
	case c.PINPolicy != Digits && c.PINPolicy != LettersAndDigits:
		return fmt.Errorf("windowstest: PINPolicy %q: use a constant of this package", c.PINPolicy)
	case c.RemoteLock && c.Class != Desktop:
		return fmt.Errorf("windowstest: RemoteLock: a device of class %s has its own", c.Class)
	case c.MaxMsgSize < 0 || c.MaxMsgSize > maxBody:
		return fmt.Errorf("windowstest: MaxMsgSize %d: must be 0 to %d", c.MaxMsgSize, maxBody)
	case strings.ContainsAny(c.ID, " \t\r\n"):
		return errors.New("windowstest: ID: must not contain white space")
	case c.User == "" && (c.Secret != "" || c.Nonce != nil):
		return errors.New("windowstest: Secret and Nonce: a digest needs a User")
	case c.build() == 0:
		return fmt.Errorf("windowstest: Build %q: must be four numbers, such as 10.0.22631.4460", c.Build)
	}
	return nil
}

// build is the third number of Build, by which Microsoft's documents say since when a node exists; 0 when there is none.
func (c Config) build() int {
	parts := strings.Split(c.Build, ".")
	if len(parts) != 4 {
		return 0
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n < 0 {
		return 0
	}
	return n
}
