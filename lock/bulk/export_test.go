package bulk_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func each(outcomes []bulk.Outcome) iter.Seq2[bulk.Outcome, error] {
	return func(yield func(bulk.Outcome, error) bool) {
		for _, o := range outcomes {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func samples() []bulk.Outcome {
	return []bulk.Outcome{
		{Device: "mac-1", Platform: "android", Serial: "S-1", Name: `=HYPERLINK("http://x")`, Result: bulk.Ordered, Action: "a-1", State: lock.StateConfirmed},
		{Device: "mac-2", Name: "a;=1+1\nb", Result: bulk.Blocked, Code: "too_old", Reason: "“Too old”, says the platform."},
	}
}

func TestWriteCSV(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bulk.WriteCSV(&out, each(samples())))
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, [][]string{
		{"device_id", "serial_number", "name", "outcome", "code", "reason", "action_id", "state", "platform"},
		{"mac-1", "S-1", `'=HYPERLINK("http://x")`, "ordered", "", "", "a-1", "confirmed", "android"},
		{"mac-2", "", "a;'=1+1\nb", "blocked", "too_old", "“Too old”, says the platform.", "", "", ""},
	}, rows)
}

func TestWriteJSONLines(t *testing.T) {
	var out strings.Builder
	require.NoError(t, bulk.WriteJSONLines(&out, each(samples())))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	var got bulk.Outcome
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &got))
	assert.Equal(t, samples()[1], got)
	assert.JSONEq(t, `{"device_id":"mac-1","platform":"android","serial_number":"S-1","name":"=HYPERLINK(\"http://x\")",
		"outcome":"ordered","action_id":"a-1","state":"confirmed"}`, lines[0])
}

func TestExportsStopAtAnError(t *testing.T) {
	gone := errors.New("the database is gone")
	broken := func(yield func(bulk.Outcome, error) bool) { yield(bulk.Outcome{}, gone) }
	var out strings.Builder
	require.ErrorIs(t, bulk.WriteCSV(&out, broken), gone)
	require.ErrorIs(t, bulk.WriteJSONLines(&out, broken), gone)
	require.ErrorIs(t, bulk.WriteCSV(full{}, each(samples())), errFull)
	require.ErrorIs(t, bulk.WriteJSONLines(full{}, each(samples())), errFull)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestExportsHaveNoPINs(t *testing.T) {
	o := newOffice(t, 3)
	o.order.Request.PIN = parsed(t, "739184")
	_, err := o.run(t)
	require.NoError(t, err)
	var outcomes []bulk.Outcome
	for _, out := range o.last {
		outcomes = append(outcomes, out)
	}
	var out strings.Builder
	require.NoError(t, bulk.WriteCSV(&out, each(outcomes)))
	require.NoError(t, bulk.WriteJSONLines(&out, each(outcomes)))
	assert.NotContains(t, out.String(), "739184")
}

func TestRefresh(t *testing.T) {
	o := newOffice(t, 3)
	joined := o.Lock(o.fleet.devices[2])
	_, err := o.run(t)
	require.NoError(t, err)
	o.Deliver(o.fleet.devices[0])
	o.Answer(o.only(t, "mac-000000"), lock.Acknowledged)
	o.Deliver(o.fleet.devices[2])
	outcomes := []bulk.Outcome{
		o.last["mac-000000"], o.last["mac-000001"], {Device: "zebra", Result: bulk.Unknown}, {Device: "mac-000002", Action: joined.ID},
	}
	require.NoError(t, bulk.Refresh(t.Context(), o.Service, locktest.Admin(), "acme", outcomes))
	var states []lock.State
	for _, out := range outcomes {
		states = append(states, out.State)
	}
	assert.Equal(t, []lock.State{lock.StateConfirmed, lock.StateQueued, "", lock.StateIssued}, states)
	o.Rights.Deny(lock.VerbView)
	require.ErrorIs(t, bulk.Refresh(t.Context(), o.Service, locktest.Admin(), "acme", outcomes), lock.ErrDenied)
	require.Error(t, bulk.Refresh(t.Context(), o.Service, locktest.Admin(), "acme", make([]bulk.Outcome, bulk.Chunk+1)))
}
