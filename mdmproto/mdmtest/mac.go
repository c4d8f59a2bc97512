package mdmtest

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Errors of a Mac that cannot or must not speak.
var (
	// ErrLocked is returned by everything that would send something while the Mac is locked or deactivated. Nothing was sent.
	ErrLocked = errors.New("mdmtest: the Mac is locked and sends nothing: type its PIN first")
	// ErrNotEnrolled is returned when the Mac has no enrolment, or lost it (wipe, check-out, 401). Nothing was sent.
	ErrNotEnrolled = errors.New("mdmtest: the Mac is not enrolled: call Enroll first")
	// ErrCut is returned when a script cut the connection: LoseCommand, LoseAnswer, LoseReceipt.
	ErrCut = errors.New("mdmtest: the connection was cut by the script")
)

// Config describes one Mac. Every field may be left out.
type Config struct {
	Serial       string // random when empty
	UDID         string // random UUID in capitals when empty
	Name         string // "Mac " and the serial when empty
	Model        string // a plausible model identifier when empty; so are ModelName and ProductName
	ModelName    string
	ProductName  string
	OSVersion    string // up to three numbers, "26.1" when empty
	BuildVersion string // "25B78" when empty
	AppleSilicon bool   // false: Intel

	// UserName is the short name of the user who enrols; with it, and if the profile has per-user connections, the Mac opens a
	// user channel with a push token of its own. Empty: device channel only.
	UserName string

	Client  *http.Client // nil: a client with a timeout of one minute
	KeyType KeyType      // of the identity
	Digest  crypto.Hash  // of Mdm-Signature: crypto.SHA256 (when zero) or crypto.SHA1

	// TriesBeforeDelay wrong PINs make a locked Mac refuse every PIN, the right one too, for Delay (an hour when zero).
	// Zero tries: never.
	TriesBeforeDelay int
	Delay            time.Duration

	// Clock tells the time for the delay and the log; nil: time.Now. Signing times are always those of the process.
	Clock func() time.Time
}

// State is whether a Mac can be used, and so whether it speaks to its server.
type State int

// The states of a Mac.
const (
	Unlocked    State = iota
	Locked            // shows the PIN screen and sends nothing
	Deactivated       // Apple silicon before macOS 11.5 after DeviceLock: no PIN opens it, [Mac.Wipe] does
)

// String names the state in one lower-case word.
func (s State) String() string {
	switch s {
	case Unlocked:
		return "unlocked"
	case Locked:
		return "locked"
	case Deactivated:
		return "deactivated"
	}
	return fmt.Sprintf("state(%d)", int(s))
}

// Mac is one simulated Mac. Its methods may be called concurrently; conversations with the server happen one after the other.
type Mac struct {
	cfg     Config
	version version
	client  http.Client

	conversation sync.Mutex // held while the Mac talks; taken before mu

	mu        sync.Mutex // guards what follows
	enrolment *enrolment // nil: not enrolled
	seed      *Identity  // used by the next enrolment instead of SCEP
	state     State
	pin       string // in force while Locked
	wrong     int
	delayed   time.Time
	outbox    []answer // results without a 200, oldest first
	held      []answer // results that wait for Flush
	log       []Command
	replies   []reply       // how the next DeviceLocks are answered
	faults    map[Fault]int // what else goes wrong, and how often
}

// New makes a Mac that is unlocked and not enrolled. It returns an error when the configuration contradicts itself, and starts
// nothing.
func New(cfg Config) (*Mac, error) {
	cfg = withDefaults(cfg)
	v, err := parseVersion(cfg.OSVersion)
	if err != nil {
		return nil, fmt.Errorf("mdmtest: OSVersion %q: %w", cfg.OSVersion, err)
	}
	if cfg.Digest != crypto.SHA256 && cfg.Digest != crypto.SHA1 {
		return nil, fmt.Errorf("mdmtest: Digest %v: use crypto.SHA256 or crypto.SHA1", cfg.Digest)
	}
	if cfg.KeyType != RSA2048 && cfg.KeyType != P256 {
		return nil, fmt.Errorf("mdmtest: KeyType %d: use RSA2048 or P256", cfg.KeyType)
	}
	m := &Mac{cfg: cfg, version: v, client: *cfg.Client, faults: map[Fault]int{}}
	m.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return m, nil
}

func withDefaults(cfg Config) Config {
	cfg.Serial = cmp.Or(cfg.Serial, "C02"+rand.Text()[:9])
	cfg.UDID = cmp.Or(cfg.UDID, newUUID())
	cfg.Name = cmp.Or(cfg.Name, "Mac "+cfg.Serial)
	model, modelName := "MacBookPro16,1", "MacBook Pro"
	if cfg.AppleSilicon {
		model, modelName = "Mac14,2", "MacBook Air"
	}
	cfg.Model = cmp.Or(cfg.Model, model)
	cfg.ModelName = cmp.Or(cfg.ModelName, modelName)
	cfg.ProductName = cmp.Or(cfg.ProductName, cfg.Model)
	cfg.OSVersion = cmp.Or(cfg.OSVersion, "26.1")
	cfg.BuildVersion = cmp.Or(cfg.BuildVersion, "25B78")
	cfg.Digest = cmp.Or(cfg.Digest, crypto.SHA256)
	cfg.Delay = cmp.Or(cfg.Delay, time.Hour)
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: time.Minute}
	}
	return cfg
}

// Config returns the configuration with its defaults filled in.
func (m *Mac) Config() Config { return m.cfg }

// State returns the state of the Mac. A Mac is Locked or Deactivated only after its last message of that session.
func (m *Mac) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// awake returns the enrolment of a Mac that may speak.
func (m *Mac) awake() (*enrolment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.state != Unlocked:
		return nil, ErrLocked
	case m.enrolment == nil:
		return nil, ErrNotEnrolled
	}
	return m.enrolment, nil
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
