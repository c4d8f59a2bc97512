package windowstest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Device is one simulated Windows device with its OMA-DM client. Its methods may be called concurrently; sessions happen one after
// the other.
type Device struct {
	cfg Config

	conversation sync.Mutex // held during a session; taken before mu

	mu        sync.Mutex // guards what follows
	server    string
	client    *http.Client
	onSend    func(n int, body []byte) error
	onReceive func(n int, body []byte) error
	script    []Fault
	nonce     []byte // the newest of the server's, and the one before it
	stale     []byte
	sessions  int
	messages  int
	held      []unit // Results that HoldResults kept back
	leaving   bool   // the person has disconnected the account

	tree     *tree
	pin      string
	newPIN   string // made by the device, and not read yet
	locked   bool
	signedIn string
	restarts int
	reboot   bool // at the end of the session
}

// The errors of a session beside [*Violation], those of the network, and what a hook returned.
var (
	// ErrRefused is a session that the server did not let the device have: no credentials that it takes.
	ErrRefused = errors.New("windowstest: the server refuses the device's credentials")
	// ErrAborted is a session that the server ended with Alert 1223.
	ErrAborted = errors.New("windowstest: the server aborted the session")
	// ErrRestarted is a session that a restart of the device cut off; see RestartAfter and RestartInSequence.
	ErrRestarted = errors.New("windowstest: the device restarted in the middle of the session")
	// ErrDenied is a sign-in that DenyLocalLogOn does not allow.
	ErrDenied = errors.New("windowstest: this user may not sign in: DenyLocalLogOn denies it")
)

// Violation is a message of the server that breaks a rule of the protocol. The device ends the session and executes nothing of it.
type Violation struct {
	Message int    // MsgID of the device's message that it answered
	Rule    string // the rule, and which element breaks it; no content
}

// Error implements error.
func (v *Violation) Error() string {
	return fmt.Sprintf("windowstest: the answer to message %d breaks the protocol: %s", v.Message, v.Rule)
}

// New makes a device that is switched on and open. It returns an error when the configuration contradicts itself, and starts nothing.
func New(cfg Config) (*Device, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Device{
		cfg: cfg, tree: newTree(cfg), pin: cfg.PIN, signedIn: cfg.SignedIn,
		nonce: slices.Clone(cfg.Nonce),
	}, nil
}

// Config returns the configuration with its defaults filled in.
func (d *Device) Config() Config { return d.cfg }

// SetServer says where the device sends its messages, and through which client: one whose transport presents the device's certificate,
// or any for a digest alone. A nil client has a timeout of 30 seconds. An account that was disconnected is set up again by it. It returns an error
// when url is not absolute.
func (d *Device) SetServer(address string, client *http.Client) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return errors.New("windowstest: SetServer: the URL must be absolute, with scheme http or https")
	}
	c := http.Client{Timeout: 30 * time.Second}
	if client != nil {
		c = *client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d.mu.Lock()
	defer d.mu.Unlock()
	d.server, d.client, d.leaving = address, &c, false
	return nil
}

// OnSend sets what is called before each message leaves, repetitions included, with its MsgID and bytes; nil removes it. An error cuts
// the connection there: the session is over, and Sync returns the error. It must not call Sync or Restart, which wait for the session.
func (d *Device) OnSend(f func(n int, body []byte) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onSend = f
}

// OnReceive sets what is called after each answer has arrived, with the MsgID of the message that it answers, and before the device looks
// at it; nil removes it. An error cuts the connection there, as in OnSend.
func (d *Device) OnReceive(f func(n int, body []byte) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onReceive = f
}

// State is what somebody sees who looks at the device, and what only the simulation knows. It holds the PINs in clear.
type State struct {
	Locked   bool
	PIN      string // that opens the device; empty: none
	NewPIN   string // made by the device, and not read by the server yet
	SignedIn string // empty: nobody
	Restarts int
	Sessions int // begun
	Messages int // sent in the newest session, without repetitions
	Nodes    map[string]string
}

// State returns what the device is like now. Nodes has the value of every node of Policy, DMClient and others that can be written.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return State{
		Locked: d.locked, PIN: d.pin, NewPIN: d.newPIN, SignedIn: d.signedIn, Restarts: d.restarts,
		Sessions: d.sessions, Messages: d.messages, Nodes: maps.Clone(d.tree.written()),
	}
}
