// Package delivery brings new passcodes to people by mail: to the administrator who ordered a reset, and to the user of the device.
//
// # What a mail has
//
// By default a mail has a link and nothing of the passcode. The page of the link gives the passcode to a
// POST, once; a GET, as the scanners of mail servers send it, shows a button. With PasscodeClear the passcode itself is in the mail.
//
// # Disclosure
//
// A passcode leaves by Service.Reveal alone, so that it is on record before it leaves: by the account that ordered the delivery, with the
// rights that it has by then, under its limits and with a second person where one is needed. The reason names the link, or the mail, and the
// address it went to; the actor's address is that of whoever opened the link. Only with Config.SignIn a user's link is opened by an account
// of its own. The link of an administrator needs the session of the very account that ordered it.
//
// # Links
//
// A token is 256 random bits in letters; its SHA-256 is kept. Each attempt to send a mail makes another one, so that the link of the newest
// mail works alone. It ends when it was used, after Config.Life, when its action turns out not to have been carried out, when a later
// reset or removal of the passcode of the same device was confirmed, when the device has enrolled anew, and, where it takes no session, when
// it is used while whoever ordered it may not reveal. All of these, and a token that never was, look the same, until an address has tried too
// many tokens that are none, or to use too many links that give it nothing: then it is told so, and a link that works it opens all the same.
// A server that dies between the use of a link and its answer leaves it used up.
//
// # Sending
//
// Rows of a table are what is to be sent; any number of servers may work on them, whose clocks must agree within two minutes. A row waits
// until the device has confirmed its action, a day after the command has run out at most, is claimed for a time that is longer than any
// attempt, and is sent. So a mail is sent at least once: twice only when a server dies, or the mail server's answer is lost, between the mail
// and the record of it. What fails is tried again with growing pauses, for a day; a mail server that refuses for good ends it at once. In
// clear, it waits up to a week for a second person. Mail goes over TLS, but for a mail server on the same machine.
//
// Of several actions on the passcode of one device the one is mailed that was delivered last, whichever was answered last. While one that was
// delivered later has no answer the mail waits; when none has come a day after that one ran out nothing is mailed, and Cause says so. Nor is
// anything that the device got before it enrolled anew, since a wipe takes the passcode.
//
// A PIN that a Windows device made may be missing though its reset is confirmed: its answer was lost. Then the row says so at once, in Cause. It
// waits for a day all the same, since a PIN that comes late is mailed, and ends after that.
//
// Rows have addresses of people: 90 days after they ended they are deleted.
package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Mode is how a passcode is mailed.
type Mode string

// The modes.
const (
	PasscodeLink  Mode = "link"  // a one-time link
	PasscodeClear Mode = "clear" // the passcode itself
)

// Recipient is who gets a mail.
type Recipient string

// The recipients.
const (
	ToAdmin Recipient = "admin" // the account that ordered the delivery
	ToUser  Recipient = "user"  // the user of the device
)

// State is where a delivery stands.
type State string

// The states.
const (
	Waiting State = "waiting" // for the device to confirm, or for the next attempt: Cause says why the last one failed, or that a PIN was lost
	Sent    State = "sent"    // the mail server took it; a link can be used
	Opened  State = "opened"  // the link was used
	Expired State = "expired" // the link was not used in time
	Failed  State = "failed"  // it was given up, or its link was ended: see Cause
	Void    State = "void"    // the device does not have the passcode, or may not have it, so that there is nothing to send: see Cause
)

// Order asks for mails with the passcode of an action.
type Order struct {
	Action lock.ID    // a reset of a passcode
	By     lock.Actor // who orders it, who needs lock.VerbReveal on the action
	Admin  string     // mail address of By; empty: none
	User   string     // mail address of the user; empty: none
}

// Delivery is one mail to one recipient.
type Delivery struct {
	ID       lock.ID
	Action   lock.ID
	To       Recipient
	Address  string
	By       lock.Actor
	Mode     Mode // as it was sent, or would be now
	State    State
	Cause    string // one sentence, without any secret and without the words of a mail server
	Attempts int

	Ordered time.Time
	Next    time.Time // Waiting: when it is tried next
	Sent    time.Time // zero: not yet
	Expires time.Time // of the link; zero: there is none yet
	Opened  time.Time // zero: not yet
}

// Service is the ledger's (lock.Service). Its methods are safe for concurrent use.
type Service interface {
	// Allow asks whether an actor may; a denial is recorded and wraps lock.ErrDenied.
	Allow(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error
	// Reveal gives a passcode once its disclosure is durable.
	Reveal(ctx context.Context, a lock.Actor, id lock.ID, reason, ticket string) (pin.PIN, error)
}

// Ledger is where actions are (lock.Store, with the Sequence that some have). Of what it returns, devices, states, times and the order of
// events are used.
type Ledger interface {
	Get(ctx context.Context, id lock.ID) (lock.Action, error)
	List(ctx context.Context, f lock.Filter) ([]lock.Action, error)
	Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error)
}

// Tries counts who tries links that give nothing, by address (account.Store). It is safe for concurrent use.
type Tries interface {
	// TryLink takes one try of an address; false: it has none left.
	TryLink(ctx context.Context, address string) (bool, error)
}

// Config is what Deliveries are made of.
type Config struct {
	DB      *db.DB           // required
	Service Service          // required
	Ledger  Ledger           // required: of the same service
	Tries   Tries            // required
	Mail    SMTP             // required: the mail server
	From    string           // required: what mails are from, as in "Latchkey <latchkey@example.com>"
	BaseURL string           // required: of the console, which links lead to, as in https://mdm.example.com
	Mode    Mode             // empty: PasscodeLink
	SignIn  bool             // the link of a user needs the session of an account that may reveal
	Life    time.Duration    // of a link; 0: a day
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// Deliveries sends passcodes, and gives them to who comes with a link. It is safe for concurrent use.
type Deliveries struct {
	Config
	from mailbox
	kick chan struct{}
}

// New checks the configuration and returns Deliveries. It starts nothing: call Run. What cannot work is a *lock.InputError.
func New(cfg Config) (*Deliveries, error) {
	for _, required := range []struct {
		field   string
		missing bool
	}{
		{"DB", cfg.DB == nil}, {"Service", cfg.Service == nil}, {"Ledger", cfg.Ledger == nil}, {"Tries", cfg.Tries == nil},
		{"BaseURL", cfg.BaseURL == ""}, {"Mail", cfg.Mail.Host == ""},
	} {
		if required.missing {
			return nil, &lock.InputError{Field: required.field, Rule: "is required"}
		}
	}
	from, err := parseMailbox("From", cfg.From)
	if err != nil {
		return nil, err
	}
	if cfg.Mode == "" {
		cfg.Mode = PasscodeLink
	}
	if cfg.Mode != PasscodeLink && cfg.Mode != PasscodeClear {
		return nil, &lock.InputError{Field: "Mode", Rule: "must be link or clear"}
	}
	if cfg.Life == 0 {
		cfg.Life = 24 * time.Hour
	}
	if cfg.Life < time.Minute {
		return nil, &lock.InputError{Field: "Life", Rule: "must be a minute or more"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Deliveries{Config: cfg, from: from, kick: make(chan struct{}, 1)}, nil
}

// now is the time as the table keeps it.
func (d *Deliveries) now() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }
