package agents_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	defer server.Stop()
	m.Run()
}

func TestOnPostgreSQL(t *testing.T) {
	dbtest.Run(t, map[string]func(*testing.T){
		"TestCodeEnrolsOneDevice":            TestCodeEnrolsOneDevice,
		"TestCodeOfManyServersEnrolsOnce":    TestCodeOfManyServersEnrolsOnce,
		"TestRefusedEnrolmentKeepsTheCode":   TestRefusedEnrolmentKeepsTheCode,
		"TestEnrolsAgain":                    TestEnrolsAgain,
		"TestRequestIsTakenOnce":             TestRequestIsTakenOnce,
		"TestNumbersNeverRepeat":             TestNumbersNeverRepeat,
		"TestStateBecomesFacts":              TestStateBecomesFacts,
		"TestOldStateIsAskedFor":             TestOldStateIsAskedFor,
		"TestUnansweredQuestionIsBounded":    TestUnansweredQuestionIsBounded,
		"TestNumbersGoOnAboveWhatADeviceSaw": TestNumbersGoOnAboveWhatADeviceSaw,
		"TestTokens":                         TestTokens,
		"TestTokenIsOrderedOnce":             TestTokenIsOrderedOnce,
		"TestTokenIsOrderedByOneServer":      TestTokenIsOrderedByOneServer,
		"TestKeyOfBeforeCountsNoMore":        TestKeyOfBeforeCountsNoMore,
		"TestKeyIsMadeOnce":                  TestKeyIsMadeOnce,
	})
}

// world is the server's side of agents, with a ledger of its own.
type world struct {
	*agents.Store
	t       *testing.T
	db      *db.DB
	devices *inventory.Store
	now     time.Time
	ledger  *lock.Service
	wiped   int
	ordered []lock.Action
	keys    map[string]*ecdsa.PublicKey // that devices enrolled with last
}

// Note implements inventory.Notices.
func (w *world) Note(context.Context, lock.Actor, lock.EventType, string, map[string]string) error {
	return nil
}

// Seen implements inventory.Notices.
func (w *world) Seen(context.Context, lock.Device, lock.Evidence) error {
	w.wiped++
	return nil
}

// ProvisionToken implements agents.Orders.
func (w *world) ProvisionToken(ctx context.Context, a lock.Actor, r lock.Request) (lock.Action, error) {
	require.Equal(w.t, lock.Actor{ID: "latchkey"}, a)
	ordered, err := w.ledger.ProvisionToken(ctx, a, r)
	if err == nil {
		w.ordered = append(w.ordered, ordered)
	}
	return ordered, err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, db: dbtest.Open(t, dbtest.Source(t, &server)), now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), keys: map[string]*ecdsa.PublicKey{},
	}
	w.devices = inventory.New(inventory.Config{DB: w.db, Notices: w, Now: w.clock})
	w.Store = w.another()
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	w.ledger, err = lock.New(lock.Config{
		Store: w.db.Ledger, Sealer: keyring, Platforms: []lock.Platform{agent.Platform(nil)}, Authorize: &locktest.Rights{}, Now: w.clock,
		Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	return w
}

func (w *world) clock() time.Time { return w.now }

// another is a second server of the same database.
func (w *world) another() *agents.Store {
	return agents.New(agents.Config{
		DB: w.db, Inventory: w.devices, Orders: w, System: lock.Actor{ID: "latchkey"}, Now: w.clock, Logger: slog.New(slog.DiscardHandler),
	})
}

func newKey(t *testing.T) *ecdsa.PublicKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return &key.PublicKey
}

// phone is a fully managed Android 14 without a passcode, as it enrols.
func (w *world) phone(serial string) agent.Enrollment {
	w.t.Helper()
	return agent.Enrollment{
		Code: w.code(), SigningKey: newKey(w.t), AgreementKey: agreementKey, Serial: serial, Name: "Ada's Pixel",
		Model: "Pixel 8", User: "ada", FCMToken: "fcm 1", State: w.state(nil),
	}
}

// agreementKey is the public key of some device.
const agreementKey = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`

// state is what such a phone says of itself, with what differs.
func (w *world) state(other map[string]string) agent.State {
	facts := map[string]string{
		"api_level": "34", "mode": "device_owner", "target_sdk": "34", "secure_lock": "false", "user_unlocked": "true", "managed_profile": "false",
		"separate_challenge": "false", "secure_lock_feature": "true", "token_state": "none", "agent_version": "1.0.0", "boot_count": "1",
	}
	for name, value := range other {
		facts[name] = value
	}
	return agent.State{Facts: facts, At: w.now}
}

func (w *world) code() string {
	w.t.Helper()
	code, err := w.NewCode(w.t.Context())
	require.NoError(w.t, err)
	return code
}

// enrol is a whole enrolment.
func (w *world) enrol(e agent.Enrollment) lock.Device {
	w.t.Helper()
	d, _, err := w.Enroll(w.t.Context(), e)
	require.NoError(w.t, err)
	w.keys[d.ID] = e.SigningKey
	return d
}

// remove takes a device out of the inventory.
func (w *world) remove(id string) {
	w.t.Helper()
	_, err := w.db.Exec(w.t.Context(), `INSERT INTO server_accounts (name, password) VALUES ('ada', '')`)
	require.NoError(w.t, err)
	require.NoError(w.t, w.devices.Remove(w.t.Context(), lock.Actor{ID: "ada"}, id))
}

// rows is what a query counts.
func (w *world) rows(query string) (n int) {
	w.t.Helper()
	require.NoError(w.t, w.db.Readers.QueryRowContext(w.t.Context(), query).Scan(&n))
	return n
}

// State takes a state that a device has signed with its key.
func (w *world) State(ctx context.Context, d lock.Device, s agent.State) error {
	s.Key = w.keys[d.ID]
	return w.Store.State(ctx, d, s)
}

// facts are what is known of a device.
func (w *world) facts(id string) map[string]string {
	w.t.Helper()
	d, err := w.devices.Find(w.t.Context(), id)
	require.NoError(w.t, err)
	known := map[string]string{}
	for name, f := range d.Facts {
		known[name] = f.Value
	}
	return known
}
