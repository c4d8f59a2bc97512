package agent_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// tb is what tests and properties have in common.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
	Cleanup(f func())
}

// world is a ledger, the handler in front of it, and simulated devices that reach it over HTTP.
type world struct {
	*fleet
	t      tb
	svc    *lock.Service
	clock  *locktest.Clock
	server *httptest.Server
}

func newWorld(t tb, ledger lock.Store, edits ...func(*agent.Config)) *world {
	t.Helper()
	w := &world{
		fleet: &fleet{devices: map[string]agent.Enrolled{}, used: map[string]string{}, sequence: map[string]int64{}, prefix: "dev-"}, t: t, clock: &locktest.Clock{},
	}
	w.clock.Set(now)
	key, err := agent.NewKey()
	require.NoError(t, err)
	cfg := agent.Config{
		Enrollments: w.fleet, Requests: w.fleet, Keys: []agent.Key{key}, Hub: agent.NewHub(nil), Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
	}
	w.svc, err = lock.New(lock.Config{
		Store: ledger, Sealer: locktest.Keyring("test"), Platforms: []lock.Platform{agent.Platform(cfg.Hub)}, Authorize: &locktest.Rights{},
		Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	cfg.Service, w.ledger = w.svc, w.svc
	for _, edit := range edits {
		edit(&cfg)
	}
	handler, err := agent.NewHandler(cfg)
	require.NoError(t, err)
	w.server = httptest.NewServer(handler)
	t.Cleanup(w.server.Close)
	return w
}

// fleet is an embedder's records, in memory.
type fleet struct {
	mu       sync.Mutex
	devices  map[string]agent.Enrolled
	used     map[string]string // enrolment codes and request IDs: by whom
	sequence map[string]int64
	ledger   *lock.Service // is told of every enrolment
	prefix   string        // of device IDs
}

func (f *fleet) Enroll(ctx context.Context, e agent.Enrollment) (lock.Device, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Code != "code-of-"+e.Serial || f.used[e.Code] != "" && !f.devices[f.prefix+e.Serial].Key.Equal(e.SigningKey) {
		return lock.Device{}, false, agent.ErrCode
	}
	repeated := f.used[e.Code] != ""
	f.used[e.Code] = e.Serial
	d := lock.Device{
		Scope: "acme", ID: f.prefix + e.Serial, Platform: agent.PlatformName, Serial: e.Serial, Name: e.Name, Model: e.Model, User: e.User,
		Facts: map[string]lock.Fact{string(android.FactAgreementKey): {Value: e.AgreementKey}},
	}
	for name, value := range e.State.Facts {
		d.Facts[name] = lock.Fact{Value: value}
	}
	f.devices[d.ID] = agent.Enrolled{Device: d, Key: e.SigningKey}
	if repeated {
		return d, true, nil
	}
	f.sequence[d.ID]++
	return d, true, f.ledger.Seen(ctx, d, lock.EvidenceReenrolled)
}

func (f *fleet) Device(_ context.Context, id string) (agent.Enrolled, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.devices[id]
	if !ok {
		return agent.Enrolled{}, agent.ErrNotEnrolled
	}
	e.Device.Facts, e.Last = maps.Clone(e.Device.Facts), f.sequence[id]
	return e, nil
}

func (f *fleet) State(_ context.Context, d lock.Device, s agent.State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.devices[d.ID]
	if !s.Key.Equal(e.Key) {
		return agent.ErrNotEnrolled
	}
	facts := map[string]lock.Fact{string(android.FactAgreementKey): e.Device.Facts[string(android.FactAgreementKey)]}
	for name, value := range s.Facts {
		facts[name] = lock.Fact{Value: value}
	}
	e.Device.Facts = facts
	f.devices[d.ID] = e
	return nil
}

func (f *fleet) Once(_ context.Context, device, jti string, _ time.Time) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.used[device+"/"+jti]
	f.used[device+"/"+jti] = device
	return before == "", nil
}

func (f *fleet) Number(_ context.Context, device string, last int64) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sequence[device] != last {
		return 0, nil
	}
	f.sequence[device]++
	return f.sequence[device], nil
}

func (f *fleet) Raise(_ context.Context, device string, seen int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sequence[device] = max(f.sequence[device], seen)
	return nil
}

// handset is one simulated device in its world.
type handset struct {
	*androidtest.Device
	w *world
}

// handset makes a device and enrols it.
func (w *world) handset(cfg androidtest.Config) *handset {
	w.t.Helper()
	cfg.Now = w.clock.Now
	d, err := androidtest.New(cfg)
	require.NoError(w.t, err)
	require.NoError(w.t, d.Enroll(w.t.Context(), w.server.URL, "code-of-"+d.Config().Serial))
	return &handset{Device: d, w: w}
}

// known is the device as the embedder knows it.
func (h *handset) known() lock.Device {
	e, err := h.w.Device(h.w.t.Context(), h.ID())
	require.NoError(h.w.t, err)
	return e.Device
}

// fact is one thing that the embedder knows.
func (h *handset) fact(name android.FactName) string { return h.known().Facts[string(name)].Value }

// order places an order of a kind.
func (h *handset) order(kind lock.Kind, edits ...func(*lock.Request)) (lock.Action, error) {
	r := lock.Request{Device: h.known(), Reason: "asked by the user"}
	for _, edit := range edits {
		edit(&r)
	}
	place := map[lock.Kind]func(context.Context, lock.Actor, lock.Request) (lock.Action, error){
		lock.KindLock: h.w.svc.Lock, lock.KindResetPasscode: h.w.svc.ResetPasscode, lock.KindClearPasscode: h.w.svc.ClearPasscode,
		lock.KindProvisionToken: h.w.svc.ProvisionToken,
	}[kind]
	return place(h.w.t.Context(), locktest.Admin(), r)
}

// must places an order that is taken.
func (h *handset) must(kind lock.Kind, edits ...func(*lock.Request)) lock.Action {
	h.w.t.Helper()
	a, err := h.order(kind, edits...)
	require.NoError(h.w.t, err)
	return a
}

// carriedOut places an order and polls once.
func (h *handset) carriedOut(kind lock.Kind, edits ...func(*lock.Request)) lock.Action {
	h.w.t.Helper()
	a := h.must(kind, edits...)
	h.polls()
	return h.w.get(a.ID)
}

func force(r *lock.Request) { r.Force = true }

// option sets options to "true".
func option(names ...string) func(*lock.Request) {
	return func(r *lock.Request) {
		r.Options = map[string]string{}
		for _, name := range names {
			r.Options[name] = "true"
		}
	}
}

// polls is one round that goes well.
func (h *handset) polls() int {
	h.w.t.Helper()
	n, err := h.Poll(h.w.t.Context(), 0)
	require.NoError(h.w.t, err)
	return n
}

func (w *world) get(id lock.ID) lock.Action {
	w.t.Helper()
	a, err := w.svc.Get(w.t.Context(), locktest.Admin(), id)
	require.NoError(w.t, err)
	return a
}

// code is the latest code that a device gave for an action.
func (w *world) code(id lock.ID) string {
	w.t.Helper()
	events, err := w.svc.Events(w.t.Context(), locktest.Admin(), lock.EventFilter{Action: id})
	require.NoError(w.t, err)
	code := ""
	for _, e := range events {
		if c := e.Facts["code"]; c != "" {
			code = c
		}
	}
	return code
}

func (w *world) reveal(id lock.ID) string {
	w.t.Helper()
	code, err := w.svc.Reveal(w.t.Context(), locktest.Admin(), id, "asked by a test", "")
	require.NoError(w.t, err)
	return code.Expose()
}

// passcode is the one that the agent may set: of the work profile in a profile mode that has one of its own.
func (h *handset) passcode() string {
	if h.State().Separate {
		return h.WorkPasscode()
	}
	return h.Passcode()
}

// ours says which action set the passcode that is on the device now; empty when a person did, or there is none.
func (h *handset) ours() lock.ID {
	if by := h.State().SetBy; by != "user" && h.passcode() != "" {
		return lock.ID(by)
	}
	return ""
}

// remembered is the invariant: the passcode that a command put on the device is among the candidates, under the name of that command.
func (h *handset) remembered() {
	h.w.t.Helper()
	id := h.ours()
	if id == "" {
		return
	}
	candidates, err := h.w.svc.Candidates(h.w.t.Context(), locktest.Admin(), h.known())
	require.NoError(h.w.t, err)
	var ids []lock.ID
	for _, c := range candidates {
		ids = append(ids, c.Action.ID)
	}
	require.Contains(h.w.t, ids, id)
	require.Equal(h.w.t, h.passcode(), h.w.reveal(id))
}

// opens reveals the passcode of an action and types it.
func (h *handset) opens(id lock.ID) {
	h.w.t.Helper()
	assert.True(h.w.t, h.Type(h.w.reveal(id)), "the passcode of %s opens the device", id)
}

// do sends one request by hand.
func (h *handset) do(r androidtest.Request) androidtest.Answer {
	h.w.t.Helper()
	ans, err := h.Do(h.w.t.Context(), r)
	require.NoError(h.w.t, err)
	return ans
}

func (h *handset) path(tail string) string {
	return fmt.Sprintf("/android/v1/devices/%s/%s", h.ID(), tail)
}

func own(t tb, code string) func(*lock.Request) {
	parsed, err := pin.Parse(code)
	require.NoError(t, err)
	return func(r *lock.Request) { r.PIN = parsed }
}

func decoded(t tb, text string) string {
	b, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	return string(b)
}
