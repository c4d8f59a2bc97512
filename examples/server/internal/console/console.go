package console

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Config is what a console is made of.
type Config struct {
	Service   *lock.Service    // required
	Audit     *audit.Trail     // required: the record of the same service
	Devices   Devices          // required
	Accounts  Accounts         // required
	Enrolment Enrolment        // required
	Locked    *locked.Report   // required: of the same service
	Approvals *approval.Inbox  // required: of the same service
	Bulk      *bulk.Batches    // nil: no bulk orders
	Groups    *group.Store     // nil: no groups
	Demo      Demo             // nil: no simulated devices
	Scope     string           // required: whose devices and actions are shown
	BaseURL   string           // where Macs reach the server, as in https://mdm.example.com; empty: as the browser did
	Sessions  scs.Store        // nil: in memory, so that a restart signs everybody out
	Secure    bool             // the console is reached over TLS: the cookie goes nowhere else
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: slog.Default

	Deliveries Deliveries // mail new passcodes. Nil: no mail
	Links      Links      // of Deliveries. Nil: there are none
}

// Devices is the inventory (inventory.Store). All methods are safe for concurrent use.
type Devices interface {
	// Devices returns at most limit devices in a fixed order, of those that the actor sees: those whose name, serial number or user contains
	// search, after the device with the ID after. Empty texts select everything.
	Devices(ctx context.Context, a lock.Actor, search, after string, limit int) ([]inventory.Device, error)
	// FindFor returns one device that the actor sees, with its facts, or an error that wraps lock.ErrNotFound.
	FindFor(ctx context.Context, a lock.Actor, id string) (inventory.Device, error)
	// Remove takes a device out of the inventory, or returns an error that wraps lock.ErrNotFound. It is on record before it is done.
	Remove(ctx context.Context, a lock.Actor, id string) error
}

// Accounts knows the administrators.
type Accounts interface {
	// CheckPassword returns who has this name and password; address is where the request came from. An error that wraps lock.ErrDenied
	// says that nobody has; any other that it is not known.
	CheckPassword(ctx context.Context, name, password, address string) (lock.Actor, error)
	// Account returns an account, or an error that wraps lock.ErrNotFound.
	Account(ctx context.Context, name string) (account.Account, error)
}

// Enrolment lets new Macs in.
type Enrolment interface {
	// NewCode makes a code that enrols one Mac, once, within the hour; renews is empty. When it returns one, it is on record who got it.
	NewCode(ctx context.Context, a lock.Actor, renews string) (code string, err error)
}

// Demo is the way to the simulated Macs of a demonstration.
type Demo interface {
	// Screen returns what the device's screen shows. ok is false for a device that is not simulated.
	Screen(ctx context.Context, device string) (s Screen, ok bool)
	// Type types a PIN or passcode at the device's keyboard and says whether that opened it. Empty, it turns the screen of a phone on.
	Type(ctx context.Context, device, digits string) (opened bool, err error)
}

// Screen is what a simulated device shows.
type Screen struct {
	Locked      bool // asks for its PIN or passcode
	Deactivated bool // asks to be activated, which no PIN does
	Message     string
	PhoneNumber string
	Phone       bool // it is a phone, and no Mac
	Off         bool // the screen of a phone is off; whoever turns it on finds it Locked or not
	Passcode    bool // the phone has a passcode

	Computer bool   // it runs Windows: Locked asks for its PIN, and Passcode says that it has one
	Denied   bool   // nobody may sign in on it: Title and Message say so
	Title    string // of the message before the sign-in
	SignedIn string // who is signed in; empty: nobody
}

type console struct {
	Config
	sessions *scs.SessionManager
	pages    pages
	assets   assets
}

// New returns the console: the pages under "/" and their files under "/static/". A configuration that cannot work is a *lock.InputError
// that names the field.
func New(cfg Config) (http.Handler, error) {
	for field, missing := range map[string]bool{
		"Service": cfg.Service == nil, "Audit": cfg.Audit == nil, "Devices": cfg.Devices == nil, "Accounts": cfg.Accounts == nil,
		"Enrolment": cfg.Enrolment == nil, "Locked": cfg.Locked == nil, "Approvals": cfg.Approvals == nil, "Scope": cfg.Scope == "",
	} {
		if missing {
			return nil, &lock.InputError{Field: field, Rule: "is required"}
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := &console{Config: cfg, sessions: newSessions(cfg)}
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if c.pages, err = parsePages(cfg.Now); err != nil {
		return nil, err
	}
	return c.routes(), nil
}

func (c *console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin", c.open(c.signInPage))
	mux.HandleFunc("POST /signin", c.open(c.signIn))
	mux.HandleFunc("POST /signout", c.open(c.signOut))
	c.linkRoutes(mux)
	for pattern, h := range c.handlers() {
		mux.HandleFunc(pattern, c.signedIn(h))
	}
	outside := http.NewServeMux()
	outside.Handle("GET /static/", c.assets)
	outside.Handle("/", c.sessions.LoadAndSave(mux))
	return c.guard(outside)
}

// Routes are the routes of all pages that need a session, as patterns of net/http: for whoever checks that none was forgotten.
func Routes() []string {
	c := &console{Config: Config{Groups: &group.Store{}}}
	return slices.Sorted(maps.Keys(c.handlers()))
}

// handlers are the pages that need a session.
func (c *console) handlers() map[string]handler {
	all := c.groupHandlers()
	maps.Copy(all, c.phoneHandlers())
	maps.Copy(all, map[string]handler{
		"GET /{$}":                       c.deviceList,
		"GET /devices/{id}":              c.devicePage,
		"GET /devices/{id}/lock":         c.lockPage,
		"POST /devices/{id}/lock":        c.orderLock,
		"POST /devices/{id}/lock/pin":    c.judgePIN,
		"GET /devices/{id}/pins":         c.pinsPage,
		"GET /devices/{id}/remove":       c.removePage,
		"POST /devices/{id}/remove":      c.remove,
		"POST /devices/{id}/hold":        c.placeHold,
		"POST /devices/{id}/release":     c.liftHold,
		"GET /hardware":                  c.hardwarePage,
		"GET /retention":                 c.retentionPage,
		"POST /retention":                c.previewPurge,
		"POST /retention/purge":          c.purge,
		"POST /retention/hold":           c.holdSerial,
		"POST /devices/{id}/type":        c.typePIN,
		"GET /approvals":                 c.approvalsPage,
		"POST /actions/{id}/approve":     c.approve,
		"POST /actions/{id}/reject":      c.reject,
		"POST /actions/{id}/break-glass": c.breakGlass,
		"POST /reviews/{event}":          c.giveReview,
		"GET /locked":                    c.lockedPage,
		"GET /bulk":                      c.bulkList,
		"POST /bulk":                     c.orderBulk,
		"GET /bulk/new":                  c.bulkOrderPage,
		"GET /bulk/{id}":                 c.bulkPage,
		"GET /bulk/{id}/export":          c.exportBulk,
		"POST /bulk/{id}/cancel":         c.cancelBulk,
		"POST /bulk/{id}/approve":        c.approveBulk,
		"POST /bulk/{id}/break-glass":    c.breakGlassBulk,
		"POST /bulk/{id}/reject":         c.rejectBulk,
		"GET /locked/csv":                c.exportLocked,
		"GET /actions":                   c.actionLog,
		"GET /actions/{id}":              c.actionPage,
		"POST /actions/{id}/cancel":      c.cancel,
		"GET /actions/{id}/reveal":       c.revealPage,
		"POST /actions/{id}/reveal":      c.reveal,
		"GET /actions/{id}/answer":       c.answerPage,
		"POST /actions/{id}/answer":      c.revealAnswer,
		"GET /devices/{id}/unlock":       c.unlockPage,
		"POST /devices/{id}/unlock":      c.orderUnlock,
		"GET /actions/{id}/feedback":     c.feedbackPage,
		"POST /actions/{id}/feedback":    c.feedback,
		"GET /audit":                     c.auditLog,
		"POST /audit/verify":             c.verifyLog,
		"GET /audit/events":              c.exportEvents,
		"GET /audit/export":              c.exportLog,
		"GET /audit/checkpoint":          c.checkpoint,
		"GET /enrolment":                 c.enrolPage,
		"POST /enrolment":                c.newEnrolment,
		"/":                              c.notFound,
	})
	return all
}
