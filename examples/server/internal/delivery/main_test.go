package delivery_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	defer server.Stop()
	m.Run()
}

func TestOnPostgreSQL(t *testing.T) {
	dbtest.Run(t, map[string]func(*testing.T){
		"TestMailWithALink":                      TestMailWithALink,
		"TestLinkWorksOnce":                      TestLinkWorksOnce,
		"TestLinkIsGivenBack":                    TestLinkIsGivenBack,
		"TestTwoServersSendOneMail":              TestTwoServersSendOneMail,
		"TestMailServerSaysNotNow":               TestMailServerSaysNotNow,
		"TestSameOrderTwice":                     TestSameOrderTwice,
		"TestLinkOfSomebodyWhoMayNoMore":         TestLinkOfSomebodyWhoMayNoMore,
		"TestNothingIsSentBeforeTheDeviceSaysSo": TestNothingIsSentBeforeTheDeviceSaysSo,
		"TestNoSecretIsKept":                     TestNoSecretIsKept,
		"TestGuessesAreLimited":                  TestGuessesAreLimited,
		"TestLateAnswer":                         TestLateAnswer,
		"TestDeviceEnrolsAnew":                   TestDeviceEnrolsAnew,
		"TestKickWritesNothing":                  TestKickWritesNothing,
		"TestOldDeliveriesAreForgotten":          TestOldDeliveriesAreForgotten,
		"TestWhatEndedHasNoToken":                TestWhatEndedHasNoToken,
	})
}

// bench is a ledger with a device, a mail server, and deliveries from one to the other.
type bench struct {
	*locktest.Fixture
	t    *testing.T
	db   *db.DB
	post *post
	cfg  delivery.Config
	d    *delivery.Deliveries
	log  bytes.Buffer
}

const (
	adminMail = "ada@example.com"
	userMail  = "grace@example.org"
	baseURL   = "https://mdm.example.com"
)

// newBench is a bench with a mail server of this machine. Edits change the configuration.
func newBench(t *testing.T, edits ...func(*delivery.Config)) *bench {
	t.Helper()
	return newBenchWith(t, newPost(t, false, false), nil, edits...)
}

func newBenchWith(t *testing.T, p *post, service func(*lock.Config), edits ...func(*delivery.Config)) *bench {
	t.Helper()
	b := &bench{t: t, db: dbtest.Open(t, dbtest.Source(t, &server)), post: p}
	var of []func(*lock.Config)
	if service != nil {
		of = append(of, service)
	}
	b.Fixture = locktest.New(t, b.db.Ledger, of...)
	host, port, err := net.SplitHostPort(p.address)
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	b.cfg = delivery.Config{
		DB: b.db, Service: b.Service, Ledger: b.db.Ledger, Tries: account.New(account.Config{DB: b.db, Scope: "acme", Now: b.Clock.Now}),
		Mail: delivery.SMTP{Host: host, Port: number, Timeout: timeLimit}, From: "Latchkey <latchkey@example.com>", BaseURL: baseURL,
		Now: b.Clock.Now, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
	}
	for _, edit := range edits {
		edit(&b.cfg)
	}
	b.d = b.another()
	return b
}

// timeLimit is of what a mail server does beside the test.
const timeLimit = 30 * time.Second

// another is a further server of the same database.
func (b *bench) another() *delivery.Deliveries {
	b.t.Helper()
	d, err := delivery.New(b.cfg)
	require.NoError(b.t, err)
	return d
}

// reset orders a reset of the passcode of a device.
func (b *bench) reset(device string) lock.Action {
	b.t.Helper()
	a, err := b.Service.ResetPasscode(b.t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device(device), Reason: "forgotten"})
	require.NoError(b.t, err)
	return a
}

// done is a reset that the device has confirmed.
func (b *bench) done(device string) lock.Action {
	b.t.Helper()
	a := b.reset(device)
	b.Deliver(a.Device)
	b.Answer(a, lock.Acknowledged)
	return b.Get(a.ID)
}

// order orders a delivery as Admin.
func (b *bench) order(a lock.Action, admin, user string) {
	b.t.Helper()
	require.NoError(b.t, b.d.Order(b.t.Context(), delivery.Order{Action: a.ID, By: locktest.Admin(), Admin: admin, User: user}))
}

// work lets the worker look once.
func (b *bench) work() {
	b.t.Helper()
	require.NoError(b.t, b.d.Work(b.t.Context()))
}

// only is the one delivery of an action.
func (b *bench) only(a lock.Action) delivery.Delivery {
	b.t.Helper()
	all, err := b.d.Of(b.t.Context(), a.ID)
	require.NoError(b.t, err)
	require.Len(b.t, all, 1)
	return all[0]
}

var link = regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(baseURL) + `/collect/([a-zA-Z]+)\r?$`)

// token is that of the link in the newest mail to an address.
func (b *bench) token(to string) string {
	b.t.Helper()
	mails := b.post.taken()
	for i := len(mails) - 1; i >= 0; i-- {
		if mails[i].to[0] == to {
			_, body := read(b.t, mails[i])
			found := link.FindStringSubmatch(body)
			require.NotNil(b.t, found, "the mail has no link")
			return found[1]
		}
	}
	require.Fail(b.t, "no mail to "+to)
	return ""
}

// mailed is a link to the user of a device that has confirmed its reset.
func (b *bench) mailed(device string) (lock.Action, string) {
	b.t.Helper()
	a := b.done(device)
	b.order(a, "", userMail)
	b.work()
	return a, b.token(userMail)
}

// stranger opens a link without a session.
func stranger() lock.Actor { return lock.Actor{Address: "198.51.100.4"} }

// reveals are the reveals of an action on record, oldest first.
func (b *bench) reveals(a lock.Action) (all []lock.Event) {
	b.t.Helper()
	events, err := b.db.Ledger.Events(b.t.Context(), lock.EventFilter{Action: a.ID})
	require.NoError(b.t, err)
	for _, e := range events {
		if e.Type == lock.EventRevealed {
			all = append(all, e)
		}
	}
	return all
}

// tables is all that the table of deliveries has, as text.
func (b *bench) table() string {
	b.t.Helper()
	rows, err := b.db.Readers.QueryContext(b.t.Context(), `SELECT * FROM server_deliveries`)
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(b.t, err)
	var text strings.Builder
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		require.NoError(b.t, rows.Scan(cells...))
		for i, cell := range cells {
			value := *cell.(*any)
			if bytes, ok := value.([]byte); ok {
				value = string(bytes)
			}
			fmt.Fprintf(&text, "%s=%v\n", columns[i], value)
		}
	}
	require.NoError(b.t, rows.Err())
	return text.String()
}
