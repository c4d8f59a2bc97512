package postgres

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// What waits to be written is no longer the caller's.
func TestRecordsKeepNothingOfTheCallers(t *testing.T) {
	c := storetest.Order(t, "mac-1")
	c.Events = append(c.Events, storetest.Notice(t, "mac-1").Events...)
	r := record{Change: c}
	require.NoError(t, r.encode())
	r.own()
	rows := func() string {
		var s steps
		s.action(&r, 0)
		s.notice(&r, r.notices()[0])
		var text string
		for _, column := range append(append(s.inserts.rows, s.added...), s.notices.rows...) {
			switch column := column.(type) {
			case *[]string:
				text += fmt.Sprintln(*column)
			case *[]int64:
				text += fmt.Sprintln(*column)
			case *[][]byte:
				text += fmt.Sprintln(*column)
			}
		}
		return text
	}
	want := rows()
	for i := range c.Events {
		clear(c.Events[i].Body)
		clear(c.Events[i].Prev)
		clear(c.Events[i].Hash)
		clear(c.Events[i].Secrets)
	}
	clear(c.Actions[0].Secrets[0].Box)
	clear(c.Actions[0].Secrets)
	clear(c.Actions)
	clear(c.Events)
	assert.Equal(t, want, rows())
}
