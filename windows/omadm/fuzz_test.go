package omadm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// FuzzSession lets a client of any kind talk: bytes become messages with statuses, results, alerts and credentials that make sense or do not.
// Whatever comes, the State stays small, and every answer obeys the rules.
func FuzzSession(f *testing.F) {
	f.Add([]byte{})
	hello, answered := []byte{2, 0x17, 0x0b}, []byte{6, 0x06, 0x40, 67, 0x52, 67, 0x60, 67, 0x71, 67, 0x74}
	f.Add(slices.Concat([]byte{0, 0x01, 0}, hello, []byte{2, 0x01, 0}, answered, []byte{1, 0x21, 0, 0, 0}))       // a lock, a reset, a repetition
	f.Add(slices.Concat([]byte{1, 0x01, 0}, hello, []byte{0, 0x01, 1}, hello, []byte{2, 0x01, 0}, answered))      // with a challenge
	f.Add(slices.Concat([]byte{2, 0x01, 5}, hello, []byte{0, 0x01, 1}, hello, []byte{2, 0x01, 1}, answered))      // a digest for each message
	f.Add(slices.Concat([]byte{0, 0x01, 0}, hello, []byte{3, 0x03, 0}, hello, []byte{1, 0x40, 0}, answered))      // two sessions, out of step
	f.Add([]byte{0, 0x00, 0, 0, 0, 0x00, 0, 1, 0x27, 0, 0x00, 0, 1, 0x65, 0, 0x00, 0, 0, 0, 0x50, 0, 1, 0x37, 0}) // no Final, 1222, 1223
	files, err := filepath.Glob("../syncml/testdata/facts/*-c*.xml")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for i, name := range files {
		body, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(append([]byte{byte(i % 3), 0xf0}, body...))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client := &fuzzed{data: data, state: &State{}, text: []byte("{}"), now: begin, last: map[string]int{}}
		client.proof = []Proof{certificate, both, digestAlone, {}}[client.next()%4]
		for range 40 {
			if len(client.data) == 0 {
				return
			}
			client.step(t)
		}
	})
}

// fuzzed is a client that reads from bytes what it does.
type fuzzed struct {
	data   []byte
	state  *State
	text   []byte // the State as it was saved
	proof  Proof
	now    time.Time
	last   map[string]int // MsgID by session
	nonces [][]byte
	refs   int
}

func (f *fuzzed) next() int {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return int(b)
}

func (f *fuzzed) step(t *testing.T) {
	m := f.message()
	if m == nil {
		return
	}
	e, err := f.state.Receive(Input{Message: m, Now: f.now, Proof: f.proof})
	if err != nil {
		require.Equal(t, string(f.text), string(f.stored(t)), "an error changes nothing")
		return
	}
	may := e.May
	for n := range f.next() % 4 {
		f.refs++
		err := e.Send([]func(string) Work{lock, reset, large}[n%3](fmt.Sprint(f.refs)))
		require.True(t, may || err != nil, "a work was taken by an answer that may have none")
	}
	body, err := e.Close()
	if err != nil {
		require.Nil(t, e.Replay)
		f.reload(t, f.text)
		return
	}
	f.learn(m, body)
	if e.Replay == nil {
		require.Empty(t, obeys(m, e, body))
	}
	f.reload(t, f.stored(t))
}

func large(ref string) Work {
	return Work{Ref: ref, Commands: []syncml.Command{syncml.Replace("./a", "chr", strings.Repeat("v", 4000))}}
}

func (f *fuzzed) stored(t *testing.T) []byte {
	b, err := json.Marshal(f.state)
	require.NoError(t, err)
	require.Less(t, len(b), maxState)
	require.LessOrEqual(t, len(f.state.Sessions), maxTrusted+maxUntrusted)
	require.NotContains(t, string(b), samplePIN)
	return b
}

func (f *fuzzed) reload(t *testing.T, stored []byte) {
	f.state, f.text = &State{}, stored
	require.NoError(t, json.Unmarshal(stored, f.state))
}

// learn notes what a client would: the MsgID, and the nonce.
func (f *fuzzed) learn(m *syncml.Message, body []byte) {
	answer, err := syncml.Decode(body)
	if err != nil {
		return
	}
	f.last[m.Header.SessionID], _ = strconv.Atoi(m.Header.MsgID)
	if c := answer.Commands[0]; c.Chal != nil {
		b, _ := base64.StdEncoding.DecodeString(c.Chal.Meta.NextNonce)
		f.nonces = append(f.nonces, b)
	}
}

// message makes one: the high bits of the first byte are the kind, the low ones the session and Final.
func (f *fuzzed) message() *syncml.Message {
	kind := f.next()
	if kind >= 0xf0 {
		m, err := syncml.Decode(f.data)
		f.data = nil
		if err != nil {
			return nil
		}
		return m
	}
	session := []string{"A", "B", "C", "12"}[kind>>1&3]
	number := f.last[session] + 1
	switch kind >> 4 {
	case 2:
		number--
	case 3:
		number = 1
	case 4:
		number += 2
	case 5:
		f.now = f.now.Add(6 * time.Minute)
	}
	m := message(session, number, kind&1 == 1)
	f.credential(m)
	for range f.next() % 12 {
		m.Commands = append(m.Commands, f.command(number))
		m.Commands[len(m.Commands)-1].ID = strconv.Itoa(len(m.Commands))
	}
	return m
}

func (f *fuzzed) credential(m *syncml.Message) {
	how := f.next()
	if how&8 != 0 {
		m.Header.Meta = &syncml.Meta{MaxMsgSize: strconv.Itoa(how * 16)}
	}
	if len(f.nonces) == 0 || how&3 == 0 {
		return
	}
	proved(m, f.nonces[max(0, len(f.nonces)-how&3)])
	if how&4 != 0 {
		m.Header.Cred.Data = "guess"
	}
}

func (f *fuzzed) command(number int) syncml.Command {
	what := f.next()
	id := what >> 4
	switch what & 15 {
	case 0, 1, 2, 3:
		c := status(number-1, id, []syncml.Verb{"Exec", "Get", "Sequence", "Replace"}[what&3], f.next()*3)
		c.OriginalError = []string{"", "0x86000002", samplePIN + " "}[id%3]
		return c
	case 4:
		return results(number-1, id, pinURI, samplePIN)
	case 5:
		c := results(number-1, id, pinURI, samplePIN)
		c.Items[0].MoreData = true
		return c
	case 6:
		return head(number - 1)
	case 7, 8, 9:
		return alert(strconv.Itoa(1200 + id))
	case 10:
		return alert(strconv.Itoa(1220 + id))
	case 11:
		return syncml.Command{Verb: syncml.VerbReplace, Items: []syncml.Item{{
			Source: &syncml.Location{URI: "./DevInfo/Man"}, Data: samplePIN, HasData: true, MoreData: id == 1,
		}}}
	case 12:
		c := syncml.Sequence(syncml.Exec(lockURI))
		c.Children[0].ID = "in" + strconv.Itoa(id)
		return c
	default:
		return syncml.Command{Verb: syncml.Verb([]string{"Put", "Get", "Map"}[id%3])}
	}
}
