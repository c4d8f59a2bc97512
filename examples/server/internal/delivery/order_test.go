package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestOrderIsRefused(t *testing.T) {
	b := newBench(t)
	reset := b.reset("a")
	for _, c := range []struct {
		name  string
		order delivery.Order
		field string
	}{
		{"line feed", delivery.Order{Action: reset.ID, User: "a@example.com\nBcc: b@example.com"}, "user"},
		{"two recipients", delivery.Order{Action: reset.ID, User: "a@example.com,b@example.com"}, "user"},
		{"display name", delivery.Order{Action: reset.ID, Admin: "Ada <ada@example.com>"}, "admin"},
		{"no address", delivery.Order{Action: reset.ID, User: "grace"}, "user"},
		{"argument of a command", delivery.Order{Action: reset.ID, User: "a@example.com> SIZE=1"}, "user"},
		{"NUL", delivery.Order{Action: reset.ID, User: "a\x00@example.com"}, "user"},
		{"beyond ASCII", delivery.Order{Action: reset.ID, User: "grüße@example.com"}, "user"},
		{"a lock", delivery.Order{Action: b.Lock(locktest.Device("b")).ID, User: userMail}, "action"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.order.By = locktest.Admin()
			err := b.d.Order(t.Context(), c.order)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
			assert.NotContains(t, err.Error(), "example.com,")
		})
	}
	assert.Empty(t, b.table())
}

func TestOrderNeedsTheRightToReveal(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.Rights.Deny(lock.VerbReveal)
	for _, o := range []delivery.Order{{Admin: adminMail}, {User: userMail}} {
		o.Action, o.By = a.ID, locktest.Admin()
		require.ErrorIs(t, b.d.Order(t.Context(), o), lock.ErrDenied)
	}
	assert.Empty(t, b.table())
}

func TestOrderOfNothing(t *testing.T) {
	b := newBench(t)
	b.order(b.done("a"), "", "")
	assert.Empty(t, b.table())
}

func TestOrderForAnActionThatIsNotThere(t *testing.T) {
	b := newBench(t)
	err := b.d.Order(t.Context(), delivery.Order{Action: lock.NewID(b.Clock.Now()), By: locktest.Admin(), User: userMail})
	require.ErrorIs(t, err, lock.ErrNotFound)
}

func TestSameOrderTwice(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, adminMail, userMail)
	b.order(a, adminMail, userMail)
	b.work()
	b.order(a, adminMail, userMail)
	b.work()
	assert.Len(t, b.post.taken(), 2, "one to each")
	_, _, err := b.d.Collect(t.Context(), b.token(userMail), stranger())
	require.NoError(t, err)
	for range 2 {
		b.order(a, "", userMail)
		b.work()
		assert.Len(t, b.post.taken(), 2, "nor to who has had it")
		b.Clock.Advance(24 * time.Hour)
	}
}

func TestSameOrderTwiceInClear(t *testing.T) {
	b := newBench(t, inClear)
	a := b.done("a")
	for range 2 {
		b.order(a, "", userMail)
		b.work()
		b.Clock.Advance(24 * time.Hour)
	}
	assert.Len(t, b.post.taken(), 1)
	assert.Len(t, b.reveals(a), 1)
}

// TestOtherOrders: what is not the same order has a mail of its own.
func TestOtherOrders(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, "", userMail)
	b.order(a, "", "hopper@example.org")
	require.NoError(t, b.d.Order(t.Context(), delivery.Order{Action: a.ID, By: locktest.Second(), User: userMail}))
	b.work()
	assert.ElementsMatch(t, []string{userMail, "hopper@example.org", userMail}, b.mailedTo())
	b.Clock.Advance(24 * time.Hour)
	b.order(a, "", userMail)
	b.work()
	assert.Len(t, b.mailedTo(), 4, "once its link has expired it can be sent again")
}

func TestNew(t *testing.T) {
	good := newBench(t).cfg
	for field, spoil := range map[string]func(*delivery.Config){
		"DB":      func(c *delivery.Config) { c.DB = nil },
		"Service": func(c *delivery.Config) { c.Service = nil },
		"Ledger":  func(c *delivery.Config) { c.Ledger = nil },
		"Tries":   func(c *delivery.Config) { c.Tries = nil },
		"Mail":    func(c *delivery.Config) { c.Mail.Host = "" },
		"BaseURL": func(c *delivery.Config) { c.BaseURL = "" },
		"From":    func(c *delivery.Config) { c.From = "Latchkey <latchkey@example.com>, x@example.com" },
		"Mode":    func(c *delivery.Config) { c.Mode = "fax" },
		"Life":    func(c *delivery.Config) { c.Life = 1 },
	} {
		t.Run(field, func(t *testing.T) {
			cfg := good
			spoil(&cfg)
			_, err := delivery.New(cfg)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, field, input.Field)
		})
	}
}
