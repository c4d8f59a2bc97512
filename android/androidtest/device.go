package androidtest

import (
	"net/http"
	"sync"
	"time"
)

// Device is one simulated Android device with its agent. Its methods may be called concurrently; conversations with the server
// happen one after the other.
type Device struct {
	cfg    Config
	client http.Client

	conversation sync.Mutex // held while the agent talks; taken before mu

	mu       sync.Mutex // guards what follows
	platform platform
	agent    agent
	script   script
}

// platform is what Android itself keeps. The agent sees it through the methods of DevicePolicyManager alone.
type platform struct {
	person    user // user 0
	work      user // the work profile of a profile mode
	separate  bool // the work profile has a lock of its own
	token     escrowToken
	noEscrow  bool // the escrow data of the managed user is destroyed
	leaked    int  // Weaver slots of removed tokens that the firmware never freed
	owner     passwordOwner
	doNotAsk  bool
	message   string
	screenOn  bool
	keyguard  bool // the lock screen covers the device
	workLock  bool // the work profile asks for its own passcode
	boots     int
	broken    bool
	offline   bool
	paused    bool
	strong    bool // biometrics and trust agents are off until the passcode is typed
	evictions int
}

// user is one Android user with a lock of its own.
type user struct {
	passcode string
	kind     Credential
	by       string // who set it: "user", or the ID of a command; "platform" for a direct call
	unlocked bool   // typed since the boot, so that credential-encrypted storage is open
}

// passwordOwner is whose REQUIRE_ENTRY reset nobody has typed yet.
type passwordOwner int

const (
	noOwner passwordOwner = iota
	agentOwner
	otherOwner
)

// Credential is the type under which Android stored a passcode: it decides which keyboard the lock screen shows.
type Credential string

// The credentials.
const (
	NoCredential Credential = "none"
	PIN          Credential = "pin"
	Password     Credential = "password"
)

// New makes a device that is switched on, open, and not enrolled. It returns an error when the configuration contradicts itself,
// and starts nothing.
func New(cfg Config) (*Device, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	d := &Device{cfg: cfg, client: *cfg.Client, script: script{}}
	d.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.platform = platform{
		person:   user{passcode: cfg.Passcode, kind: kindOf(cfg.Passcode), by: byPerson, unlocked: true},
		work:     user{passcode: cfg.WorkPasscode, kind: kindOf(cfg.WorkPasscode), by: byPerson, unlocked: true},
		separate: cfg.WorkPasscode != "",
		noEscrow: cfg.EscrowDisabled,
		screenOn: true,
		boots:    1,
	}
	if cfg.OtherOwner {
		d.platform.owner = otherOwner
	}
	return d, nil
}

// Config returns the configuration with its defaults filled in.
func (d *Device) Config() Config { return d.cfg }

// State is what somebody sees who looks at the device, and what only the simulation knows. It holds no secret.
type State struct {
	ScreenOn   bool
	Locked     bool // the lock screen asks for the passcode of the device
	WorkLocked bool // the work profile asks for its own
	Secure     bool // the user that the agent manages has a passcode
	Unlocked   bool // that user was unlocked since the boot; false is direct boot
	Separate   bool // the work profile has a lock of its own
	Message    string

	Credential Credential // of the user that the agent manages
	SetBy      string     // who set that passcode: "user", "platform", or the ID of the command
	StrongAuth bool       // biometrics are off until the passcode is typed
	MustType   bool       // a reset with REQUIRE_ENTRY waits to be typed
	DoNotAsk   bool       // DO_NOT_ASK_CREDENTIALS_ON_BOOT was set

	Token     TokenState
	TokenID   string // as the agent knows it
	Weaver    int    // slots that tokens take
	Broken    bool   // Weaver ran out during an unlock: the lock screen crashes, and nobody gets in any more
	Boots     int
	Evictions int // how often the key of the work profile was evicted
	Offline   bool
	Paused    bool // the work profile is switched off
}

// State returns what the device is like now.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.platform
	u := d.managed()
	return State{
		ScreenOn: p.screenOn, Locked: p.keyguard, WorkLocked: p.workLock, Secure: d.secure(), Unlocked: u.unlocked, Separate: p.separate,
		Message: p.message, Credential: u.kind, SetBy: u.by, StrongAuth: p.strong, MustType: p.owner != noOwner, DoNotAsk: p.doNotAsk,
		Token: d.tokenState(), TokenID: d.agent.tokenID, Weaver: d.weaverUsed(), Broken: p.broken, Boots: p.boots, Evictions: p.evictions,
		Offline: p.offline, Paused: p.paused,
	}
}

// Passcode returns the passcode that opens the device now, and WorkPasscode that of the work profile: in clear, as on the person's
// own mind. Empty: none.
func (d *Device) Passcode() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.platform.person.passcode
}

// WorkPasscode returns the separate passcode of the work profile; empty when the profile has none of its own.
func (d *Device) WorkPasscode() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.platform.work.passcode
}

// managed is the user whose passcode the agent may set and whose storage the agent lives in. While a work profile shares the lock
// of the device, its credential is that of the person, though the profile is what is managed.
func (d *Device) managed() *user {
	if d.cfg.Mode.profile() && d.platform.separate {
		return &d.platform.work
	}
	return &d.platform.person
}

// secure says whether the managed user has a secure lock.
func (d *Device) secure() bool { return d.managed().passcode != "" }

// clock is the device's own clock.
func (d *Device) clock() time.Time { return d.cfg.Now().Add(d.cfg.ClockSkew) }
