package console

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// phones is the platform of Android with its real preflight; its commands are plain JSON.
func phones() lock.Platform {
	return lock.Platform{Name: androidPlatform, Codec: phoneCodec{}, MaxDeliveries: 10}
}

type phoneCodec struct{}

func (phoneCodec) Plan(d lock.Device, r lock.Request) lock.Plan { return android.Plan(d, r) }

type phoneCommand struct {
	Kind     lock.Kind `json:"kind"`
	Passcode string    `json:"passcode"`
	Token    bool      `json:"token"`
}

func (phoneCodec) Encode(o lock.Order) ([]byte, error) {
	c := phoneCommand{Kind: o.Action.Kind, Token: !o.Secret.IsZero()}
	if !o.PIN.IsZero() {
		c.Passcode = o.PIN.Expose()
	}
	return json.Marshal(c)
}

// The phones, by what tells them apart.
const (
	owned   = "phone1" // fully managed, Android 15, a passcode, its token active
	pending = "phone2" // fully managed, Android 14, a passcode, its token pending
	legacy  = "phone3" // device administrator, Android 11, a passcode
	open    = "phone4" // fully managed, Android 13, no passcode, its token active
	profile = "phone5" // work profile, Android 13, its token active
)

// newPhoneBench is a bench with phones in its fleet, signed in.
func newPhoneBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t).signIn()
	b.phone(owned, "Grace’s Pixel", "Grace Hopper", "Pixel 9", 35, android.ModeDeviceOwner, true, android.TokenActive)
	b.phone(pending, "Warehouse tablet", "Night shift", "Galaxy Tab A9", 34, android.ModeDeviceOwner, true, android.TokenPending)
	b.phone(legacy, "Lobby phone", "Front desk", "Moto G50", 30, android.ModeDeviceAdmin, true, android.TokenUnsupported)
	b.phone(open, "Scanner 12", "Stock", "Zebra TC58", 33, android.ModeDeviceOwner, false, android.TokenActive)
	b.phone(profile, "Ada’s Fairphone", "Ada Lovelace", "Fairphone 5", 33, android.ModeProfileOwner, true, android.TokenActive)
	return b
}

var versions = map[int]string{30: "11", 33: "13", 34: "14", 35: "15"}

// phone puts a phone into the fleet. A token that it has was provided by the ledger.
func (b *bench) phone(id, name, user, model string, api int, mode android.Mode, secure bool, token android.TokenState) {
	b.t.Helper()
	d := inventory.Device{
		Device: lock.Device{
			Scope: scope, ID: id, Platform: androidPlatform, Serial: "R5CT" + id[len(id)-1:] + "0A81XK", Name: name, User: user, Model: model,
			Facts: map[string]lock.Fact{},
		},
		OSVersion: "Android " + versions[api] + " (API " + strconv.Itoa(api) + ")", APILevel: api, Mode: string(mode),
		LastSeen: b.now().Add(-20 * time.Second), EnrolledAt: began.Add(-30 * 24 * time.Hour), Enrolled: true,
	}
	b.fleet[id] = d
	b.facts(id, map[android.FactName]string{
		android.FactAPILevel: strconv.Itoa(api), android.FactMode: string(mode), android.FactTargetSDK: "34", android.FactSecureLock: strconv.FormatBool(secure),
		android.FactUserUnlocked: "true", android.FactManagedProfile: strconv.FormatBool(mode == android.ModeProfileOwner),
		android.FactSeparateChallenge: "true", android.FactSecureLockFeature: "true", android.FactQuality: "131072", android.FactMinLength: "6",
		android.FactAgreementKey: `{"kty":"EC"}`, android.FactTokenState: string(android.TokenNone),
	})
	if token == android.TokenActive || token == android.TokenPending {
		a, err := b.svc.ProvisionToken(b.t.Context(), lock.Actor{ID: "latchkey"}, lock.Request{Device: b.device(id), Force: true})
		require.NoError(b.t, err)
		require.True(b.t, b.command(id).Token)
		b.report(a, lock.Acknowledged, map[string]string{"code": "OK"})
		b.facts(id, map[android.FactName]string{android.FactTokenID: string(a.ID)})
	}
	b.facts(id, map[android.FactName]string{android.FactTokenState: string(token)})
	b.pass(time.Second) // IDs of one millisecond have no order
}

// facts are what a phone says of itself.
func (b *bench) facts(id string, said map[android.FactName]string) {
	for name, value := range said {
		b.fleet[id].Facts[string(name)] = lock.Fact{Value: value, At: b.now().Add(-2 * time.Hour)}
	}
}

// command lets a phone fetch its command.
func (b *bench) command(id string) (c phoneCommand) {
	b.t.Helper()
	cmd, err := b.svc.Next(b.t.Context(), b.device(id))
	require.NoError(b.t, err)
	require.NoError(b.t, json.Unmarshal(cmd.Body, &c))
	return c
}

// newest is the newest action of a kind of a phone.
func (b *bench) newest(id string, k lock.Kind) lock.Action {
	b.t.Helper()
	found, err := b.svc.List(b.t.Context(), admin, lock.Filter{Scope: scope, Devices: []string{id}, Kinds: []lock.Kind{k}, Limit: 1})
	require.NoError(b.t, err)
	require.NotEmpty(b.t, found)
	return found[0]
}

// postOffice is Deliveries that send nothing.
type postOffice struct {
	sync.Mutex
	orders []delivery.Order
	said   []delivery.Delivery
	err    error
}

func (p *postOffice) Order(_ context.Context, o delivery.Order) error {
	p.Lock()
	defer p.Unlock()
	if p.err == nil {
		p.orders = append(p.orders, o)
	}
	return p.err
}

func (p *postOffice) Of(_ context.Context, id lock.ID) (found []delivery.Delivery, err error) {
	p.Lock()
	defer p.Unlock()
	for _, d := range p.said {
		if d.Action == id {
			found = append(found, d)
		}
	}
	return found, nil
}

// say adds a delivery to what the office knows.
func (p *postOffice) say(d delivery.Delivery) {
	p.Lock()
	defer p.Unlock()
	p.said = append(p.said, d)
}

// desk is a simulated Mac: mac1.
type desk struct {
	digits      atomic.Pointer[string] // nil: open
	deactivated atomic.Bool
	phone       string                 // that is simulated too
	shows       atomic.Pointer[Screen] // what the phone shows; nil: that it is locked
}

func (d *desk) Screen(_ context.Context, device string) (Screen, bool) {
	if device == d.phone && d.phone != "" {
		return d.screenOf(), true
	}
	if d.deactivated.Load() {
		return Screen{Deactivated: true}, device == "mac1"
	}
	return Screen{Locked: d.digits.Load() != nil, Message: "This Mac belongs to Analytical Engines. Please call us.", PhoneNumber: "+44 20 7946 0000"}, device == "mac1"
}

func (d *desk) Type(_ context.Context, device, digits string) (bool, error) {
	if device != "mac1" {
		return false, lock.ErrNotFound
	}
	if locked := d.digits.Load(); locked == nil || *locked != digits {
		return false, nil
	}
	d.digits.Store(nil)
	return true, nil
}

// screenOf is what the simulated phone shows.
func (d *desk) screenOf() Screen {
	if s := d.shows.Load(); s != nil {
		return *s
	}
	return Screen{Phone: true, Locked: true, Passcode: true}
}
