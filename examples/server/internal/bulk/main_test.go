package bulk

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
	"github.com/latchkey-mdm/latchkey/windows"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	defer server.Stop()
	m.Run()
}

func TestOnPostgreSQL(t *testing.T) {
	dbtest.Run(t, map[string]func(*testing.T){
		"TestEachDeviceGetsOneAction":         TestEachDeviceGetsOneAction,
		"TestSelectionIsFrozen":               TestSelectionIsFrozen,
		"TestAnotherServerGoesOn":             TestAnotherServerGoesOn,
		"TestLeaseKeepsOthersOut":             TestLeaseKeepsOthersOut,
		"TestKeyLeadsToOneOrder":              TestKeyLeadsToOneOrder,
		"TestSharedPINIsForgotten":            TestSharedPINIsForgotten,
		"TestCancelBeforeAnythingIsOrdered":   TestCancelBeforeAnythingIsOrdered,
		"TestCancelWithdraws":                 TestCancelWithdraws,
		"TestSecondPersonApproves":            TestSecondPersonApproves,
		"TestSecondPersonRejects":             TestSecondPersonRejects,
		"TestOwnBatchStaysOnesOwn":            TestOwnBatchStaysOnesOwn,
		"TestBatchOfOthersIsNotThere":         TestBatchOfOthersIsNotThere,
		"TestHalfWrittenBatchIsForgotten":     TestHalfWrittenBatchIsForgotten,
		"TestDeviceThatLeftGetsNoOrder":       TestDeviceThatLeftGetsNoOrder,
		"TestOrderOfWhoMayNotAnyMore":         TestOrderOfWhoMayNotAnyMore,
		"TestPreflightOrdersNothing":          TestPreflightOrdersNothing,
		"TestItemsOfAShare":                   TestItemsOfAShare,
		"TestOutcomesFollowTheLedger":         TestOutcomesFollowTheLedger,
		"TestNumbersThatMayBePINsAreNotKept":  TestNumbersThatMayBePINsAreNotKept,
		"TestScreensThatWentOff":              TestScreensThatWentOff,
		"TestPreflightOfWhatHasALock":         TestPreflightOfWhatHasALock,
		"TestLateOutcomeChangesNothing":       TestLateOutcomeChangesNothing,
		"TestOnlyWhoHasTheLeaseWrites":        TestOnlyWhoHasTheLeaseWrites,
		"TestEndAndPINGoTogether":             TestEndAndPINGoTogether,
		"TestBatchGoesOnWithoutItsKeptPIN":    TestBatchGoesOnWithoutItsKeptPIN,
		"TestBatchWithoutItsPINOrdersNothing": TestBatchWithoutItsPINOrdersNothing,
		"TestBatchThatVanishedIsNotAccepted":  TestBatchThatVanishedIsNotAccepted,
		"TestDropKeepsWhatWasWrittenWhole":    TestDropKeepsWhatWasWrittenWhole,
		"TestInheritLeavesOnesOwn":            TestInheritLeavesOnesOwn,
		"TestLeaseOfAnotherTimeIsNone":        TestLeaseOfAnotherTimeIsNone,
		"TestCancelJustBeforeTheLedgerKnows":  TestCancelJustBeforeTheLedgerKnows,
		"TestCancelOutlivesWhoCancelled":      TestCancelOutlivesWhoCancelled,
		"TestOrderedStaysOrdered":             TestOrderedStaysOrdered,
		"TestGivingUpLeavesTheRestOut":        TestGivingUpLeavesTheRestOut,
		"TestRejectedStaysRejected":           TestRejectedStaysRejected,
		"TestUnreadableSharedPINStopsNothing": TestUnreadableSharedPINStopsNothing,
	})
}

var admin = lock.Actor{ID: account.Admin}

// bench is the bulk orders on an inventory of some Macs. Nothing runs by itself.
type bench struct {
	*Batches
	t       *testing.T
	db      *db.DB
	groups  *group.Store
	svc     *lock.Service
	devices *inventory.Store
	second  atomic.Bool // bulk orders need a second person
	moved   atomic.Int64
}

func newBench(t *testing.T, macs int) *bench {
	t.Helper()
	b := &bench{t: t, db: dbtest.Open(t, dbtest.Source(t, &server))}
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	accounts := account.New(account.Config{DB: b.db, Scope: inventory.Scope})
	require.NoError(t, accounts.CreateAdmin(t.Context(), "correct horse battery", nil))
	now := func() time.Time { return time.Now().Add(time.Duration(b.moved.Load())) }
	b.svc, err = lock.New(lock.Config{
		Store: b.db.Ledger, Sealer: keyring, Platforms: []lock.Platform{mdmproto.Platform(nil), agent.Platform(nil), windows.Platform(nil)}, Authorize: accounts, Now: now,
		SecondPerson: func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbBulk && b.second.Load() },
	})
	require.NoError(t, err)
	b.devices = inventory.New(inventory.Config{DB: b.db, Notices: b.svc})
	b.groups = group.New(group.Config{DB: b.db, Ledger: b.svc, Scope: inventory.Scope})
	b.Batches = b.another(keyring)
	inventorytest.Seed(t, b.db, macs)
	return b
}

// another is a further server of the same database.
func (b *bench) another(sealer pin.Sealer) *Batches {
	return New(Config{DB: b.db, Service: b.svc, Sealer: sealer, Devices: b.devices, Groups: b.groups, Scope: inventory.Scope})
}

// of selects devices by their numbers.
func of(numbers ...int) Order {
	o := Order{Reason: "break-in"}
	for _, n := range numbers {
		o.Selection.Devices = append(o.Selection.Devices, inventorytest.ID(n))
	}
	return o
}

// first selects the first n devices.
func first(n int) Order {
	o := Order{Reason: "break-in"}
	for i := range n {
		o.Selection.Devices = append(o.Selection.Devices, inventorytest.ID(i))
	}
	return o
}

func (b *bench) create(o Order) Batch {
	b.t.Helper()
	made, again, err := b.Create(b.t.Context(), admin, o, "")
	require.NoError(b.t, err)
	require.False(b.t, again)
	return made
}

// turn lets the server look for work once.
func (b *bench) turn() {
	b.t.Helper()
	_, err := b.next(b.t.Context())
	require.NoError(b.t, err)
}

func (b *bench) now(id string) Batch {
	b.t.Helper()
	found, err := b.Get(b.t.Context(), admin, id)
	require.NoError(b.t, err)
	return found
}

func (b *bench) counted(id string) Counts {
	b.t.Helper()
	c, err := b.count(b.t.Context(), id)
	require.NoError(b.t, err)
	return c
}

// actions are those of a batch.
func (b *bench) actions(id string) []lock.Action {
	b.t.Helper()
	found, err := b.svc.List(b.t.Context(), admin, lock.Filter{Scope: inventory.Scope, Batch: id, Limit: 1000})
	require.NoError(b.t, err)
	return found
}

func (b *bench) exec(statement string, args ...any) {
	b.t.Helper()
	_, err := b.db.Exec(b.t.Context(), statement, args...)
	require.NoError(b.t, err)
}

// account makes one with rights, restricted to a group if there is one.
func (b *bench) account(name, rights, group string) lock.Actor {
	b.t.Helper()
	restricted := 0
	if group != "" {
		restricted = 1
	}
	b.exec(`INSERT INTO server_accounts (name, password, rights, restricted) VALUES ($1, '', $2, $3)`, name, rights, restricted)
	if group != "" {
		b.exec(`INSERT INTO server_account_groups (account, grp) VALUES ($1, $2)`, name, group)
	}
	return lock.Actor{ID: name}
}

// group makes a group of devices.
func (b *bench) group(id string, numbers ...int) lockbulk.Group {
	b.t.Helper()
	b.exec(`INSERT INTO server_groups (id, kind, name, parent) VALUES ($1, 'devices', $1, '')`, id)
	for _, n := range numbers {
		b.exec(`INSERT INTO server_group_members (grp, member) VALUES ($1, $2)`, id, inventorytest.ID(n))
	}
	return lockbulk.Group{ID: id}
}

// lease gives the lease of a batch to the server, as next does.
func (b *bench) lease(id string) {
	b.t.Helper()
	b.exec(`UPDATE server_batches SET lease_by = $2, lease_until = $3 WHERE id = $1`, id, b.me, b.until(lease))
}
