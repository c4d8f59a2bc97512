package omadm

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// BenchmarkMessage measures what one message costs, from its bytes to those of its answer, without and with the State's way through JSON.
func BenchmarkMessage(b *testing.B) {
	read := func(name string) []byte {
		body, err := os.ReadFile("../syncml/testdata/facts/" + name + ".xml")
		require.NoError(b, err)
		return body
	}
	for _, c := range []struct {
		name   string
		before string // the sample that comes first
		work   Work   // in the answer to it
		body   []byte
		then   Work
	}{
		{"first package, lock", "", Work{}, read("4.1-c1"), lock("a")},
		{"result of a reset", "4.1-c2", reset("a"), read("4.3-c3"), Work{}},
	} {
		stored := prepared(b, c.before, c.work)
		message := func(b *testing.B, state *State) {
			m, err := syncml.Decode(c.body)
			require.NoError(b, err)
			e, err := state.Receive(Input{Message: m, Now: begin, Proof: certificate})
			require.NoError(b, err)
			if c.then.Commands != nil {
				require.NoError(b, e.Send(c.then))
			}
			_, err = e.Close()
			require.NoError(b, err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				state := &State{Sessions: []session{stored.Sessions[0].copied()}}
				message(b, state)
			}
		})
		b.Run(c.name+", with JSON", func(b *testing.B) {
			b.ReportAllocs()
			text, err := json.Marshal(stored)
			require.NoError(b, err)
			for b.Loop() {
				state := &State{}
				require.NoError(b, json.Unmarshal(text, state))
				message(b, state)
				_, err := json.Marshal(state)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(len(text)), "state-bytes")
		})
	}
}

// prepared is the State in which a message finds the server.
func prepared(b *testing.B, name string, w Work) *State {
	state := &State{}
	m := hello("other", 1, nil)
	if name != "" {
		m = sample(b, name)
	}
	e, err := state.Receive(Input{Message: m, Now: begin, Proof: certificate})
	require.NoError(b, err)
	if w.Commands != nil {
		require.NoError(b, e.Send(w))
	}
	_, err = e.Close()
	require.NoError(b, err)
	return state
}
