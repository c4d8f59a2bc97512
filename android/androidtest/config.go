package androidtest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"
)

// Mode is how the agent manages the device, in the words of the agent contract.
type Mode string

// The management modes. In the two profile modes the agent runs in the work profile, beside the person's own user.
const (
	DeviceAdmin         Mode = "device_admin"
	ProfileOwner        Mode = "profile_owner"
	CompanyProfileOwner Mode = "company_profile_owner"
	DeviceOwner         Mode = "device_owner"
)

func (m Mode) profile() bool { return m == ProfileOwner || m == CompanyProfileOwner }
func (m Mode) owner() bool   { return m == DeviceOwner || m.profile() }

// The API levels whose behaviour the simulation knows, and what New takes when none is named.
const (
	oldestLevel  = 21
	newestLevel  = 36
	defaultLevel = 34
)

// Config describes one device. Every field may be left out: that is a fully managed Android 14 without a passcode.
type Config struct {
	APILevel  int  // 21 to 36; 34 when zero
	Mode      Mode // DeviceOwner when empty
	TargetSDK int  // what the agent was built for; APILevel when zero

	Serial   string // random when empty
	Name     string // "Android " and the serial when empty
	Model    string // "Pixel 8" when empty
	User     string // who uses it; may be empty
	FCMToken string // where wake-ups would go; may be empty
	Agent    string // version of the agent, "1.0.0" when empty

	Passcode       string // the person's passcode of the device; empty: none
	WorkPasscode   string // a separate lock of the work profile; profile modes only. Empty: the profile shares the device's lock
	Policy         Policy // what the agent demands of new passcodes
	ManagedProfile bool   // a work profile of somebody else beside a DeviceOwner or DeviceAdmin

	NoSecureLock    bool // no FEATURE_SECURE_LOCK_SCREEN, as on some televisions
	NoFileEncrypt   bool // no file-based encryption: keys cannot be evicted
	EscrowDisabled  bool // the escrow data of the user was destroyed, as on a device that was set up unmanaged
	NoForceLock     bool // the device admin did not get USES_POLICY_FORCE_LOCK
	NoResetPolicy   bool // the device admin did not get USES_POLICY_RESET_PASSWORD
	ResetPermission bool // a system app with the RESET_PASSWORD permission
	OtherOwner      bool // another admin reset the passcode with REQUIRE_ENTRY, and nobody has typed it since
	WeaverSlots     int  // how many active tokens the Weaver hardware can hold; 0: no Weaver
	WeaverLeaks     bool // a removed token keeps its slot, as on some firmware

	ClockSkew time.Duration    // how far the device's clock is ahead of Now
	Now       func() time.Time // nil: time.Now
	Client    *http.Client     // nil: a client with a timeout of two minutes, more than a long poll takes
}

func (c Config) withDefaults() Config {
	c.APILevel = cmp.Or(c.APILevel, defaultLevel)
	c.Mode = cmp.Or(c.Mode, DeviceOwner)
	c.TargetSDK = cmp.Or(c.TargetSDK, c.APILevel)
	c.Serial = cmp.Or(c.Serial, "R5C"+rand.Text()[:8])
	c.Name = cmp.Or(c.Name, "Android "+c.Serial)
	c.Model = cmp.Or(c.Model, "Pixel 8")
	c.Agent = cmp.Or(c.Agent, "1.0.0")
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 2 * time.Minute}
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.APILevel < oldestLevel || c.APILevel > newestLevel:
		return fmt.Errorf("androidtest: APILevel %d: must be %d to %d", c.APILevel, oldestLevel, newestLevel)
	case !c.Mode.owner() && c.Mode != DeviceAdmin:
		return fmt.Errorf("androidtest: Mode %q: use a constant of this package", c.Mode)
	case c.WorkPasscode != "" && !c.Mode.profile():
		return fmt.Errorf("androidtest: WorkPasscode: mode %s has no work profile of its own", c.Mode)
	case c.WorkPasscode != "" && c.APILevel < levelN:
		return fmt.Errorf("androidtest: WorkPasscode: before API level %d a work profile has no lock of its own", levelN)
	case c.ManagedProfile && c.Mode.profile():
		return fmt.Errorf("androidtest: ManagedProfile: mode %s is the work profile itself", c.Mode)
	case c.NoSecureLock && (c.Passcode != "" || c.WorkPasscode != ""):
		return fmt.Errorf("androidtest: NoSecureLock: a device without a secure lock screen has no passcode")
	}
	return nil
}
