package lock_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// undecided is an Authorizer whose database does not answer.
type undecided struct{}

var errNoAnswer = fmt.Errorf("%w: the database does not answer", lock.ErrUndecided)

func (undecided) Authorize(context.Context, lock.Actor, lock.Verb, lock.Target) error {
	return errNoAnswer
}

func (undecided) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	return f, errNoAnswer
}

// Nobody was told no: nothing is allowed, and nothing on record that was not so.
func TestUndecidedIsNoDenial(t *testing.T) {
	for verb, act := range personalActs() {
		t.Run(string(verb), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			err := act(t.Context(), locktest.New(t, f.Store, func(c *lock.Config) { c.Authorize = undecided{} }), a.ID)
			require.ErrorIs(t, err, lock.ErrUndecided)
			require.NotErrorIs(t, err, lock.ErrDenied)
			assert.Empty(t, noticesOf(t, f))
			assert.Len(t, eventsOf(t, f, a.ID), 1, "the action is as it was")
		})
	}
}
