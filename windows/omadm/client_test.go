package omadm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// TestExactlyOnce: a client that keeps to the rules executes every work that was sent once, and the server hears of each once, whatever the
// network loses or repeats, and wherever a server stops before it has saved.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, stored: []byte("{}"), sent: map[string]int{}, done: map[string]int{}, heard: map[string]int{}, secrets: map[string]int{}}
		w.proof = rapid.SampledFrom([]Proof{certificate, both, digestAlone}).Draw(t, "proof")
		w.finals = rapid.Bool().Draw(t, "finals")
		for id := range rapid.IntRange(1, 3).Draw(t, "sessions") {
			w.run(strconv.Itoa(id))
		}
		require.Equal(t, w.sent, w.done, "executed")
		require.Equal(t, w.sent, w.heard, "heard of")
		require.Equal(t, w.sent, w.secrets, "secrets received")
	})
}

// world is a client that keeps to the rules, a network that does not, and the State in a database.
type world struct {
	t      *rapid.T
	proof  Proof
	finals bool // the client ends its packages with Final
	stored []byte
	nonce  []byte
	refs   int

	sent, done, heard, secrets map[string]int // by work
}

// run is one session, until the server has no more commands.
func (w *world) run(session string) {
	pending, begun, ref := hello("", 0, nil).Commands, false, 0
	for number := 1; number <= 60; number++ {
		part := w.part(&pending, begun)
		m := message(session, number, len(pending) == 0 && (w.finals || !begun), part...)
		if ref > 0 {
			m = message(session, number, m.Final, append([]syncml.Command{head(ref)}, part...)...)
		}
		answer := w.post(proved(m, w.credential()))
		ref = number
		code := answer.Commands[0].Data
		w.learn(answer)
		if code == "401" || code == "407" {
			pending = append(part, pending...)
			continue
		}
		begun = true
		commands := slices.DeleteFunc(answer.Commands, func(c syncml.Command) bool { return c.Verb == syncml.VerbStatus })
		if len(commands) == 1 && commands[0].Data == "1222" {
			continue
		}
		if len(commands) == 0 {
			return
		}
		pending = w.execute(number, commands)
	}
	w.t.Fatal("the session does not end")
}

// part takes the commands of the next message: all, or some, so that a package takes several messages. The first package does not.
func (w *world) part(pending *[]syncml.Command, split bool) []syncml.Command {
	n := len(*pending)
	if w.finals && split && n > 1 {
		n = rapid.IntRange(1, n).Draw(w.t, "commands of this message")
	}
	part := slices.Clone((*pending)[:n])
	*pending = slices.Clone((*pending)[n:])
	return part
}

func (w *world) credential() []byte {
	if w.proof.Inner == "" {
		return nil
	}
	return w.nonce
}

func (w *world) learn(answer *syncml.Message) {
	if c := answer.Commands[0].Chal; c != nil {
		w.nonce = decoded(c.Meta.NextNonce)
	}
}

// post sends a message until its answer arrives. Requests and answers are lost, and servers stop, a few times.
func (w *world) post(m *syncml.Message) *syncml.Message {
	for try := 0; ; try++ {
		fault := "none"
		if try < 4 {
			fault = rapid.SampledFrom([]string{"none", "none", "request lost", "answer lost", "server stops", "stops early"}).Draw(w.t, "fault")
		}
		if fault == "request lost" {
			continue
		}
		body := w.serve(m, fault)
		if fault != "none" {
			continue
		}
		answer, err := syncml.Decode(body)
		require.NoError(w.t, err)
		return answer
	}
}

// serve answers as a server does. One that stops has saved nothing, or only that the nonce is used up.
func (w *world) serve(m *syncml.Message, fault string) []byte {
	state := &State{}
	require.NoError(w.t, json.Unmarshal(w.stored, state))
	e, err := state.Receive(Input{Message: m, Now: begin, Proof: w.proof})
	require.NoError(w.t, err)
	if e.Fresh && fault != "stops early" {
		w.save(state)
	}
	var refs []string
	for e.May && w.refs < 12 && rapid.Bool().Draw(w.t, "a work") {
		w.refs++
		refs = append(refs, fmt.Sprint(w.refs))
		require.NoError(w.t, e.Send(reset(refs[len(refs)-1])))
	}
	if fault == "server stops" || fault == "stops early" {
		return nil
	}
	body, err := e.Close()
	require.NoError(w.t, err)
	if e.Replay == nil {
		require.Empty(w.t, obeys(m, e, body))
	}
	require.NotContains(w.t, string(body), "1223")
	w.save(state)
	for _, ref := range refs {
		w.sent[ref]++
	}
	w.hear(e)
	return body
}

func (w *world) save(state *State) {
	b, err := json.Marshal(state)
	require.NoError(w.t, err)
	require.NotContains(w.t, string(b), "secret of")
	w.stored = b
}

func (w *world) hear(e *Exchange) {
	require.Empty(w.t, e.Stray)
	require.Zero(w.t, e.Unknown)
	for _, a := range e.Answers {
		for _, item := range a.Replies[2].Items {
			require.Equal(w.t, "secret of "+a.Ref, item.Data)
			w.secrets[a.Ref]++
		}
		if a.Complete {
			w.heard[a.Ref]++
			for _, r := range a.Replies {
				require.Equal(w.t, CodeOK, r.Code)
			}
			require.True(w.t, a.Replies[2].Given)
		}
	}
}

// execute does what the answer asks for, and says so. Which work a Sequence belongs to, the client cannot know: it is told by the order.
func (w *world) execute(number int, commands []syncml.Command) (said []syncml.Command) {
	open := slices.DeleteFunc(sortedRefs(w.sent), func(ref string) bool { return w.done[ref] > 0 })
	require.Len(w.t, commands, len(open))
	for i, c := range commands {
		w.done[open[i]]++
		exec, get := c.Children[0], c.Children[1]
		said = append(said, answered(number, c, nil), answered(number, exec, nil), answered(number, get, nil),
			answered(number, get, []syncml.Item{{Source: get.Items[0].Target, Data: "secret of " + open[i], HasData: true}}))
	}
	return said
}

func answered(number int, c syncml.Command, items []syncml.Item) syncml.Command {
	id, _ := strconv.Atoi(c.ID)
	s := status(number, id, c.Verb, 200)
	if items != nil {
		s = results(number, id, "", "")
		s.Items = items
	}
	return s
}

func sortedRefs(works map[string]int) []string {
	var refs []string
	for ref := range works {
		refs = append(refs, ref)
	}
	slices.SortFunc(refs, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return refs
}
