package computers_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"log/slog"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
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
		"TestDeviceIsKnownByItsCertificate": TestDeviceIsKnownByItsCertificate,
		"TestSecondIssueReplacesTheFirst":   TestSecondIssueReplacesTheFirst,
		"TestRemovedDevice":                 TestRemovedDevice,
		"TestDisconnectedDevice":            TestDisconnectedDevice,
		"TestDeviceEnrolsAgain":             TestDeviceEnrolsAgain,
		"TestIssueIsAnnouncedLater":         TestIssueIsAnnouncedLater,
		"TestSerialAndModelAreLearnt":       TestSerialAndModelAreLearnt,
		"TestSerialOfAnotherIsNotTakenOver": TestSerialOfAnotherIsNotTakenOver,
		"TestWipeIsToldLater":               TestWipeIsToldLater,
		"TestSessions":                      TestSessions,
		"TestFactsAreLearnt":                TestFactsAreLearnt,
		"TestChannelIsAskedForOnceADay":     TestChannelIsAskedForOnceADay,
		"TestChannels":                      TestChannels,
		"TestKeyIsResealed":                 TestKeyIsResealed,
	})
}

// world is the server's side of Windows devices.
type world struct {
	*computers.Store
	t       *testing.T
	db      *db.DB
	ca      *ca.CA
	keyring *pin.Keyring
	devices *inventory.Store
	now     time.Time
	pfn     string
	seen    []lock.Evidence
	failing error // of what is noted
	noted   []map[string]string
	links   []map[string]string
}

// Note implements inventory.Notices.
func (w *world) Note(_ context.Context, _ lock.Actor, kind lock.EventType, _ string, facts map[string]string) error {
	if w.failing != nil && kind == lock.EventEnrolled {
		return w.failing
	}
	if kind == lock.EventEnrolmentLink {
		w.links = append(w.links, maps.Clone(facts))
	} else {
		w.noted = append(w.noted, maps.Clone(facts))
	}
	return nil
}

// Seen implements inventory.Notices.
func (w *world) Seen(_ context.Context, _ lock.Device, e lock.Evidence) error {
	w.seen = append(w.seen, e)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.Open(t, dbtest.Source(t, &server)), now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), pfn: "Example_abc"}
	var err error
	w.keyring, err = pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	w.ca, err = ca.Open(t.Context(), ca.Config{DB: w.db, Sealer: w.keyring, Now: w.clock})
	require.NoError(t, err)
	w.devices = inventory.New(inventory.Config{DB: w.db, Issuer: w.ca, Notices: w, Now: w.clock})
	w.Store = w.another(w.keyring)
	return w
}

func (w *world) clock() time.Time { return w.now }

// another is a second server of the same database.
func (w *world) another(sealer pin.Sealer) *computers.Store {
	w.t.Helper()
	s, err := computers.Open(w.t.Context(), computers.Config{
		DB: w.db, Inventory: w.devices, CA: w.ca, Sealer: sealer, Notices: w, PFN: w.pfn, Now: w.clock, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(w.t, err)
	return s
}

// account makes an account that sees every device.
func (w *world) account(name string) error {
	_, err := w.db.Exec(w.t.Context(), `INSERT INTO server_accounts (name, password) VALUES ($1, '')`, name)
	return err
}

// enter enters a device and returns its certificate too.
func (w *world) enter(e computers.Entry) (computers.Entered, *x509.Certificate) {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(w.t, err)
	e.Key, e.ID = key.Public(), cmp.Or(e.ID, rand.Text())
	made, err := w.Enter(w.t.Context(), lock.Actor{ID: "ada"}, e)
	require.NoError(w.t, err)
	cert, err := x509.ParseCertificate(made.Certificate)
	require.NoError(w.t, err)
	return made, cert
}

// device is what the handler learns of whoever has a certificate.
func (w *world) device(cert *x509.Certificate) lock.Device {
	w.t.Helper()
	e, err := w.Device(w.t.Context(), cert, "")
	require.NoError(w.t, err)
	return e.Device
}
