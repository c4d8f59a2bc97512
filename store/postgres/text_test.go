package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// What PostgreSQL cannot keep as text is not there, as in every other store.
func TestReadingWhatCannotBeThere(t *testing.T) {
	s := fresh(t)
	c := storetest.Order(t, "mac-1")
	storetest.Commit(t, s, []lock.Change{c})
	for name, bad := range map[string]string{"zero byte": "a\x00b", "no UTF-8": "\xff"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Get(t.Context(), lock.ID(bad))
			require.ErrorIs(t, err, lock.ErrNotFound)
			for _, f := range []lock.Filter{{Serial: bad}, {Devices: []string{bad}}, {Devices: []string{bad, "\xfe"}}, {Key: bad}} {
				found, err := s.List(t.Context(), f)
				require.NoError(t, err)
				assert.Empty(t, found)
			}
			found, err := s.List(t.Context(), lock.Filter{Devices: []string{bad, "mac-1"}})
			require.NoError(t, err)
			assert.Len(t, found, 1)
			events, err := s.Events(t.Context(), lock.EventFilter{Action: lock.ID(bad)})
			require.NoError(t, err)
			assert.Empty(t, events)
		})
	}
}
