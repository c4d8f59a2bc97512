package console

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/windows"
)

const scope = "default"

// began is when every test begins.
var began = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// bench is a console on a ledger in memory, with Apple's real preflight and commands, and a signed-in browser.
type bench struct {
	t      *testing.T
	svc    *lock.Service
	log    *auditlog.Log
	trail  *audit.Trail
	clock  atomic.Int64 // seconds since began
	deny   atomic.Bool  // the authorizer says no
	lost   atomic.Bool  // the keyring cannot seal
	verbs  []lock.Verb  // that take a second person
	rights *[]lock.Verb // of the administrator; nil: all
	gone   atomic.Bool  // so is the account of the administrator
	fleet  fleet
	demo   *desk
	server *httptest.Server
	client *http.Client
}

// ledger is a store that keeps the log too.
type ledger interface {
	lock.Store
	auditlog.Storage
}

func newBench(t *testing.T) *bench { t.Helper(); return newBenchOn(t, store.NewMemory()) }

func newBenchOn(t *testing.T, kept ledger, limits ...lock.Limit) *bench {
	t.Helper()
	b := &bench{t: t, fleet: newFleet(), demo: &desk{}}
	secret, err := pin.Bytes([]byte(rand.Text() + rand.Text())[:32])
	require.NoError(t, err)
	keyring, err := pin.NewKeyring(pin.Key{ID: "k1", Secret: secret})
	require.NoError(t, err)
	b.svc, err = lock.New(lock.Config{
		Store: kept, Sealer: losable{keyring, &b.lost}, Platforms: []lock.Platform{mdmproto.Platform(nil), phones(), windows.Platform(nil)}, Authorize: b,
		Now: b.now, Logger: slog.New(slog.DiscardHandler), Limits: limits, SecondPerson: b.second, Patience: patience,
	})
	require.NoError(t, err)
	signer, public, err := auditlog.NewKey("mdm.example.com/ledger")
	require.NoError(t, err)
	b.log, err = auditlog.New(auditlog.Config{Store: kept, Storage: kept, Key: signer})
	require.NoError(t, err)
	b.trail = audit.New(audit.Config{
		Service: b.svc, Ledger: kept, Storage: kept, Log: b.log, Key: public, Scope: scope, Logger: slog.New(slog.DiscardHandler),
	})
	b.server = httptest.NewServer(b.handler(func(*Config) {}))
	t.Cleanup(b.server.Close)
	b.client = b.browser()
	return b
}

// losable is a keyring whose file may be gone.
type losable struct {
	pin.Sealer
	lost *atomic.Bool
}

// Seal is pin.Sealer's.
func (l losable) Seal(ctx context.Context, code pin.PIN, of pin.Binding) (pin.Box, error) {
	if l.lost.Load() {
		return nil, fmt.Errorf("restore it: %w", &pin.Error{Reason: pin.ReasonKeyring, Rule: "/srv/keyring is not a regular file"})
	}
	return l.Sealer.Seal(ctx, code, of)
}

func (b *bench) handler(change func(*Config)) http.Handler {
	cfg := Config{
		Service: b.svc, Audit: b.trail, Devices: b.fleet, Accounts: accounts{b}, Enrolment: challenges{}, Demo: b.demo, Scope: scope, Now: b.now,
		Locked: &locked.Report{Service: b.svc, Devices: b.fleet, Scope: scope},
		Approvals: &approval.Inbox{
			Service: b.svc, Rights: b, SecondPerson: b.second, Scope: scope, Patience: patience, Now: b.now,
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	h, err := New(cfg)
	require.NoError(b.t, err)
	return h
}

// browser keeps cookies and does not follow redirects.
func (b *bench) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(b.t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (b *bench) now() time.Time { return began.Add(time.Duration(b.clock.Load()) * time.Second) }

func (b *bench) pass(d time.Duration) { b.clock.Add(int64(d / time.Second)) }

// Authorize is lock.Authorizer's.
func (b *bench) Authorize(_ context.Context, _ lock.Actor, v lock.Verb, _ lock.Target) error {
	if b.deny.Load() && v != lock.VerbView {
		return fmt.Errorf("not on weekends")
	}
	return nil
}

// Visible is lock.Authorizer's.
func (b *bench) Visible(ctx context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	if v != lock.VerbAudit {
		return f, nil
	}
	return f, b.Authorize(ctx, a, v, lock.Target{})
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
}

func (b *bench) do(method, path string, form url.Values, header ...string) answer {
	b.t.Helper()
	if form != nil {
		header = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)
	}
	return b.send(method, path, form.Encode(), header...)
}

func (b *bench) send(method, path, body string, header ...string) answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return answer{resp, string(text)}
}

func (b *bench) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *bench) post(path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form, "Sec-Fetch-Site", "same-origin")
}

// signIn signs the browser in.
func (b *bench) signIn() *bench {
	b.t.Helper()
	require.Equal(b.t, http.StatusSeeOther, b.post("/signin", "name", "admin", "password", "correct horse").StatusCode)
	return b
}

// page is a page that must be there.
func (b *bench) page(path string) string {
	b.t.Helper()
	a := b.get(path)
	require.Equal(b.t, http.StatusOK, a.StatusCode, a.text)
	return a.text
}

var (
	admin = lock.Actor{ID: "admin", Name: "Ada Admin"}
	grace = lock.Actor{ID: "grace", Name: "Grace Approver"}
)

// order locks a device without the console.
func (b *bench) order(id string) lock.Action {
	b.t.Helper()
	a, err := b.svc.Lock(b.t.Context(), admin, lock.Request{Device: b.device(id), Reason: "stolen", Ticket: "4711"})
	require.NoError(b.t, err)
	return a
}

func (b *bench) device(id string) lock.Device {
	d, err := b.fleet.FindFor(b.t.Context(), admin, id)
	require.NoError(b.t, err)
	return d.Device
}

var sentPIN = regexp.MustCompile(`<key>PIN</key>\s*<string>(\d{6})</string>`)

// deliver lets the device fetch its command and returns the PIN that is in it.
func (b *bench) deliver(id string) (digits string) {
	b.t.Helper()
	cmd, err := b.svc.Next(b.t.Context(), b.device(id))
	require.NoError(b.t, err)
	match := sentPIN.FindSubmatch(cmd.Body)
	require.NotNil(b.t, match, "the command has a PIN")
	return string(match[1])
}

func (b *bench) report(a lock.Action, outcome lock.Outcome, facts map[string]string) {
	b.t.Helper()
	require.NoError(b.t, b.svc.Report(b.t.Context(), lock.Report{
		Scope: scope, Device: a.Device.ID, Action: a.ID, Outcome: outcome, Facts: facts,
	}))
}

func (b *bench) actions() []lock.Action {
	b.t.Helper()
	actions, err := b.svc.List(b.t.Context(), admin, lock.Filter{Scope: scope})
	require.NoError(b.t, err)
	return actions
}

func (b *bench) events(types ...lock.EventType) []lock.Event {
	b.t.Helper()
	events, err := b.svc.Events(b.t.Context(), admin, lock.EventFilter{Scope: scope, Types: types})
	require.NoError(b.t, err)
	return events
}

// fleet is an inventory.
type fleet map[string]inventory.Device

func newFleet() fleet {
	f := fleet{}
	yes, no := true, false
	add := func(id, name, user, model, product, version string, silicon *bool, seen time.Duration) {
		facts := map[string]lock.Fact{}
		learn := func(name, value string) {
			if value != "" {
				facts[name] = lock.Fact{Value: value, At: began.Add(-26 * time.Hour)}
			}
		}
		learn("OSVersion", version)
		learn("ProductName", product)
		learn("ManagementStatus.IsUserEnrollment", "false")
		learn("PINRequiredForDeviceLock", "true")
		if silicon != nil {
			learn("IsAppleSilicon", fmt.Sprint(*silicon))
		}
		f[id] = inventory.Device{
			Device: lock.Device{
				Scope: scope, ID: id, Platform: mdmproto.PlatformName, Serial: "C02" + strings.ToUpper(id) + "7QX", Name: name, User: user,
				Model: model, Facts: facts,
			},
			OSVersion: version, ProductName: product, Silicon: silicon, LastSeen: began.Add(-seen), EnrolledAt: began.Add(-90 * 24 * time.Hour),
			Enrolled: true,
		}
	}
	add("mac1", "Ada’s MacBook Pro", "Ada Lovelace", "MacBook Pro (14-inch, M3)", "Mac15,3", "15.1", &yes, 3*time.Minute)
	add("mac2", "Reception iMac", "Front desk", "iMac (27-inch, 2019)", "iMac19,1", "13.6", &no, 40*time.Second)
	add("mac3", "Build mini", "Platform team", "Mac mini (M1, 2020)", "Macmini9,1", "11.4", &yes, 2*time.Hour)
	add("mac4", "Archive iMac", "Records", "iMac (21.5-inch, 2013)", "iMac14,2", "10.13", &no, 9*24*time.Hour)
	add("mac5", "Grace’s MacBook Air", "Grace Hopper", "MacBook Air (13-inch, M2)", "Mac14,2", "14.7", &yes, 5*time.Second)
	add("pad1", "Kiosk iPad", "Lobby", "iPad (9th generation)", "iPad12,1", "17.5", nil, time.Hour)
	return f
}

func (f fleet) Devices(_ context.Context, _ lock.Actor, search, after string, limit int) ([]inventory.Device, error) {
	var found []inventory.Device
	for _, d := range f {
		if d.ID > after && strings.Contains(strings.ToLower(d.Name+" "+d.Serial+" "+d.User), strings.ToLower(search)) {
			d.Facts = nil
			found = append(found, d)
		}
	}
	slices.SortFunc(found, func(x, y inventory.Device) int { return strings.Compare(x.ID, y.ID) })
	return found[:min(len(found), limit)], nil
}

func (f fleet) FindFor(_ context.Context, _ lock.Actor, id string) (inventory.Device, error) {
	d, ok := f[id]
	if !ok {
		return d, fmt.Errorf("device %w", lock.ErrNotFound)
	}
	return d, nil
}

func (f fleet) Those(_ context.Context, ids []string) (map[string]inventory.Device, error) {
	found := map[string]inventory.Device{}
	for _, id := range ids {
		if d, ok := f[id]; ok {
			found[id] = d
		}
	}
	return found, nil
}

func (f fleet) Remove(ctx context.Context, a lock.Actor, id string) error {
	_, err := f.FindFor(ctx, a, id)
	delete(f, id)
	return err
}

type accounts struct{ *bench }

// Account is Accounts'.
func (a accounts) Account(_ context.Context, name string) (account.Account, error) {
	if a.gone.Load() {
		return account.Account{}, lock.ErrNotFound
	}
	if a.rights != nil {
		return account.Account{Name: name, Rights: *a.rights}, nil
	}
	return account.Account{Name: name, Rights: account.Rights(), Email: "ada@example.com"}, nil
}

func (accounts) CheckPassword(_ context.Context, name, password, _ string) (lock.Actor, error) {
	switch {
	case name == "broken":
		return lock.Actor{}, fmt.Errorf("the disk is gone")
	case name == "admin" && password == "correct horse":
		return admin, nil
	case name == "grace" && password == "correct horse":
		return grace, nil
	}
	return lock.Actor{}, fmt.Errorf("sign-in %w", lock.ErrDenied)
}

type challenges struct{}

func (challenges) NewCode(context.Context, lock.Actor, string) (string, error) {
	return "ONE&TIME", nil
}

// has and hasNot look into a page, and print it only in part.
func has(t *testing.T, page, part string, why ...any) {
	t.Helper()
	if !strings.Contains(page, part) {
		t.Errorf("%q is missing %v in\n%s", part, why, content(page))
	}
}

func hasNot(t *testing.T, page, part string, why ...any) {
	t.Helper()
	if strings.Contains(page, part) {
		t.Errorf("%q is there %v in\n%s", part, why, content(page))
	}
}

func content(page string) string {
	_, after, _ := strings.Cut(page, "<main")
	return after
}
