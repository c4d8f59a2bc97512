package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/api"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/console"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/notify"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/ops"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/session"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/pin"
)

// skew is how much the clocks of devices may differ from the server's.
const skew = 10 * time.Minute

// server is everything wired together.
type server struct {
	options
	base       string // URL
	logger     *slog.Logger
	db         *db.DB
	ca         *ca.CA
	inventory  *inventory.Store
	agents     *agents.Store
	accounts   *account.Store
	groups     *group.Store
	service    *lock.Service
	trail      *audit.Trail
	bulks      *bulk.Batches
	approvers  *notify.Notifier
	push       *push.Waker // nil: Apple devices are not woken
	hub        *agent.Hub  // wakes Android devices
	agentKey   agent.Key   // signs their commands
	computers  *computers.Store
	wns        lock.Waker                  // wakes Windows devices; nil: they come by themselves
	usable     func(context.Context) error // why the keyring cannot seal now
	deliveries *delivery.Deliveries        // nil: no passcode is mailed
	fleet      *demo.Fleet                 // nil without -demo
}

// wire makes the server on a database that is open. It starts nothing.
func wire(ctx context.Context, o options, base string, d *db.DB, keyring pin.Sealer, logger *slog.Logger) (*server, error) {
	s := &server{options: o, base: base, logger: logger, db: d, usable: func(context.Context) error { return nil }}
	if live, ok := keyring.(*liveKeyring); ok {
		s.usable = live.usable
	}
	var err error
	if s.ca, err = ca.Open(ctx, ca.Config{DB: d, Sealer: keyring, Now: o.now}); err != nil {
		return nil, err
	}
	auditKey, err := openAuditKey(ctx, d, keyring)
	if err != nil {
		return nil, err
	}
	if s.push, err = openPush(&s.options, d, logger); err != nil {
		return nil, err
	}
	if s.hub, err = openHub(o, d); err != nil { //nolint:contextcheck // it connects to nothing yet
		return nil, err
	}
	if s.wns, err = openWNS(o, d); err != nil {
		return nil, err
	}
	s.accounts = account.New(account.Config{DB: d, Scope: inventory.Scope, Now: o.now})
	s.approvers = notify.New(notify.Config{URL: o.approval.notify, BaseURL: base, Logger: logger})
	cfg := lock.Config{
		Store: d.Ledger, Sealer: keyring, Platforms: platforms(s.push, s.hub, s.wns), Authorize: s.accounts, Logger: logger,
		Now: o.now, Notify: s.approvers.Tell,
	}
	o.approval.configure(&cfg)
	if s.service, err = lock.New(cfg); err != nil {
		return nil, err
	}
	if s.trail, err = newTrail(d, s.service, auditKey, logger); err != nil {
		return nil, err
	}
	s.groups = group.New(group.Config{DB: d, Ledger: s.service, Scope: inventory.Scope})
	s.inventory = inventory.New(inventory.Config{DB: d, Issuer: s.ca, Notices: s.service, Now: o.now})
	if err = s.openAgents(ctx, keyring); err != nil {
		return nil, err
	}
	if err = s.openComputers(ctx, keyring); err != nil {
		return nil, err
	}
	s.bulks = bulk.New(bulk.Config{
		DB: d, Service: s.service, Sealer: keyring, Devices: s.inventory, Groups: s.groups, Scope: inventory.Scope, Now: o.now, Logger: logger,
	})
	if err = s.openDeliveries(); err != nil {
		return nil, err
	}
	if o.demo {
		s.fleet, err = demo.New(logger)
	}
	return s, err
}

// handler is all paths of the server. What waits for something ends once stopping is closed.
func (s *server) handler(stopping <-chan struct{}) (http.Handler, error) {
	devices, err := mdmproto.NewHandler(mdmproto.HandlerConfig{
		Service: s.service, Verifier: mdmproto.Verifier{Roots: s.roots(), Now: s.now, Skew: skew},
		Enrollments: s.inventory, Commands: s.inventory, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	phones, err := s.agentHandler(stopping)
	if err != nil {
		return nil, err
	}
	computers, err := s.computerHandler()
	if err != nil {
		return nil, err
	}
	pages, err := s.console()
	if err != nil {
		return nil, err
	}
	profile := mdmproto.Profile{
		Identifier: "com.github.latchkey-mdm.enrollment", Organization: "Latchkey",
		ServerURL: s.base + "/mdm", SCEPURL: s.base + "/scep", Topic: cmp.Or(s.topic, defaultTopic),
	}
	interfaces := s.api()
	mux := http.NewServeMux()
	mux.Handle("/mdm", devices)
	mux.Handle("/android/v1/", phones)
	mux.Handle("/windows/dm", computers)
	mux.Handle("/scep", s.ca.SCEP(s.inventory, s.logger))
	mux.Handle("GET /enroll", s.ca.Enroll(profile, s.logger))
	mux.Handle("/api/", textual(interfaces))
	mux.Handle("GET /openapi.json", interfaces)
	mux.Handle("/", textual(pages))
	if s.fleet != nil {
		s.fleet.Register(mux)
	}
	watch := ops.New(s.db, s.usable, s.logger, s.metrics()...)
	watch.Register(mux)
	return watch.Wrap(mux), nil
}

// roots are what certificates of devices are issued by.
func (s *server) roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.Certificate())
	return roots
}

// api is the API for programs.
func (s *server) api() http.Handler {
	cfg := api.Config{
		Service: s.service, Audit: s.trail, Devices: s.inventory, Tokens: s.accounts, Codes: s.codes(), AndroidCodes: s.codes(),
		Locked: s.locked(), Bulk: s.bulks, Approvals: s.inbox(), Groups: s.groups, Scope: inventory.Scope, BaseURL: s.base, Now: s.now, Logger: s.logger,
	}
	if s.deliveries != nil {
		cfg.Deliveries, cfg.Accounts = s.deliveries, s.accounts
	}
	return api.New(cfg)
}

// locked reports what is locked now.
func (s *server) locked() *locked.Report {
	return &locked.Report{Service: s.service, Devices: s.inventory, Scope: inventory.Scope}
}

// inbox is what waits for a second person.
func (s *server) inbox() *approval.Inbox {
	return &approval.Inbox{
		Service: s.service, Rights: s.accounts, SecondPerson: s.approval.needed, Batches: s.bulks, Scope: inventory.Scope,
		Patience: s.approval.wait, Now: s.now,
	}
}

// codes makes enrolment codes.
func (s *server) codes() codes { return codes{s.ca, s.agents, s.service} }

// desk changes accounts and tokens.
func (s *server) desk() account.Desk { return account.Desk{Accounts: s.accounts, Notices: s.service} }

func (s *server) console() (http.Handler, error) {
	cfg := console.Config{
		Service: s.service, Audit: s.trail, Devices: s.inventory, Accounts: consoleAccounts{s.accounts, s.service, s.logger},
		Enrolment: s.codes(), Groups: s.groups, Locked: s.locked(), Bulk: s.bulks, Approvals: s.inbox(),
		Scope: inventory.Scope, BaseURL: s.base, Sessions: session.New(s.db),
		Secure: strings.HasPrefix(s.base, "https:"), Logger: s.logger,
	}
	if s.deliveries != nil {
		cfg.Links, cfg.Deliveries = s.deliveries, s.deliveries
	}
	if s.fleet != nil {
		cfg.Demo = consoleDemo{s.fleet}
	}
	return console.New(cfg)
}

// doors are how simulated devices enrol. No link, code or secret leaves this process, so none is a way in that anybody was given.
func (s *server) doors() demo.Doors {
	link := func(ctx context.Context) (string, error) {
		code, err := s.ca.NewChallenge(ctx)
		return s.base + "/enroll?code=" + code, err
	}
	return demo.Doors{URL: s.base, Code: s.agents.NewCode, Link: link, Enter: s.enterSimulated}
}
