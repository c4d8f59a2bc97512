package omadm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

const (
	deviceURI = "6F0A1B2C3D4E5F60718293A4B5C6D7E8"
	serverURI = "https://mdm.example.com/ManagementServer/MDM.svc"
	user      = "device-0001"
	pinURI    = "./Device/Vendor/MSFT/RemoteLock/NewPINValue"
	lockURI   = "./Device/Vendor/MSFT/RemoteLock/Lock"
	resetURI  = "./Device/Vendor/MSFT/RemoteLock/LockAndResetPIN"
	samplePIN = "483920"

	maxState = 4 << 20
)

var (
	begin       = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	inner       = syncml.Inner(user, "s3cret-0001")
	certificate = Proof{Certificate: true}
	both        = Proof{Certificate: true, User: user, Inner: inner}
	digestAlone = Proof{User: user, Inner: inner}
)

// server holds a State as a server does: as JSON, read and written for each message.
type server struct {
	t      testing.TB
	stored []byte
	now    time.Time
	proof  Proof
	drawn  byte
	last   []byte // the last answer
}

func newServer(t testing.TB, proof Proof) *server {
	return &server{t: t, stored: []byte("{}"), now: begin, proof: proof}
}

// draw gives the nonces of the samples: 00..0f, 10..1f, and so on.
func (s *server) draw() []byte {
	b := make([]byte, nonceBytes)
	for i := range b {
		b[i] = s.drawn*nonceBytes + byte(i)
	}
	s.drawn++
	return b
}

func (s *server) load() *State {
	state := &State{draw: s.draw}
	require.NoError(s.t, json.Unmarshal(s.stored, state))
	return state
}

func (s *server) save(state *State) {
	b, err := json.Marshal(state)
	require.NoError(s.t, err)
	assert.Less(s.t, len(b), maxState)
	for _, form := range []string{samplePIN, base64.StdEncoding.EncodeToString([]byte(samplePIN))} {
		assert.NotContains(s.t, string(b), form, "results in the State")
	}
	again := &State{}
	require.NoError(s.t, json.Unmarshal(b, again))
	b2, err := json.Marshal(again)
	require.NoError(s.t, err)
	assert.Equal(s.t, string(b), string(b2), "the State is not the same after JSON")
	s.stored = b
}

// receive takes a message as far as the moment at which works can be sent. The State is read anew after a nonce was used up, as by another replica.
func (s *server) receive(m *syncml.Message) (*Exchange, *State) {
	s.t.Helper()
	state := s.load()
	e, err := state.Receive(Input{Message: m, Now: s.now, Proof: s.proof})
	require.NoError(s.t, err)
	if e.Fresh {
		s.save(state)
	}
	return e, state
}

// take answers a message with these works, and saves the State.
func (s *server) take(m *syncml.Message, works ...Work) *Exchange {
	s.t.Helper()
	e, state := s.receive(m)
	for _, w := range works {
		require.NoError(s.t, e.Send(w))
	}
	s.close(m, e, state)
	return e
}

func (s *server) close(m *syncml.Message, e *Exchange, state *State) {
	s.t.Helper()
	body, err := e.Close()
	require.NoError(s.t, err)
	if e.Replay == nil {
		for _, fault := range obeys(m, e, body) {
			assert.Fail(s.t, fault)
		}
	}
	s.save(state)
	s.last = body
}

// answer is the last answer, decoded.
func (s *server) answer() *syncml.Message {
	s.t.Helper()
	m, err := syncml.Decode(s.last)
	require.NoError(s.t, err)
	return m
}

// codes are the statuses of the last answer, and the codes of its alerts, in short: "0=200 2=200 1222".
func (s *server) codes() string {
	var all []string
	for _, c := range s.answer().Commands {
		switch c.Verb {
		case syncml.VerbStatus:
			all = append(all, c.CmdRef+"="+c.Data)
		case syncml.VerbAlert:
			all = append(all, c.Data)
		default:
			all = append(all, string(c.Verb))
		}
	}
	return strings.Join(all, " ")
}

// nonceOf is the nonce that the last answer gave.
func (s *server) nonceOf() []byte {
	s.t.Helper()
	head := s.answer().Commands[0]
	require.NotNil(s.t, head.Chal)
	b, err := base64.StdEncoding.DecodeString(head.Chal.Meta.NextNonce)
	require.NoError(s.t, err)
	return b
}

// said are answers in short: the work, a star if it is complete, and for each command its code, original error, and results.
func said(answers []Answer) []string {
	var all []string
	for _, a := range answers {
		line := a.Ref
		if a.Complete {
			line += "*"
		}
		for _, r := range a.Replies {
			line += fmt.Sprintf(" %s=%d", r.Verb, r.Code)
			if r.Original != "" {
				line += "(" + r.Original + ")"
			}
			if r.Given {
				line += "+"
			}
			for _, item := range r.Items {
				line += "[" + item.Data + "]"
			}
		}
		all = append(all, line)
	}
	return all
}

func message(session string, id int, final bool, commands ...syncml.Command) *syncml.Message {
	for i := range commands {
		commands[i].ID = strconv.Itoa(i + 1)
	}
	return &syncml.Message{
		Header: syncml.Header{
			SessionID: session, MsgID: strconv.Itoa(id),
			Target: syncml.Location{URI: serverURI}, Source: syncml.Location{URI: deviceURI},
		},
		Commands: commands, Final: final,
	}
}

// hello is a first package; with a nonce, it has a digest made of it.
func hello(session string, id int, nonce []byte) *syncml.Message {
	m := message(session, id, true, alert("1201"), syncml.Command{Verb: syncml.VerbReplace, Items: []syncml.Item{{
		Source: &syncml.Location{URI: "./DevInfo/DevId"}, Data: deviceURI, HasData: true,
	}}})
	return proved(m, nonce)
}

func proved(m *syncml.Message, nonce []byte) *syncml.Message {
	if nonce != nil {
		m.Header.Source.Name = user
		m.Header.Cred = &syncml.Cred{Meta: syncml.Meta{Format: "b64", Type: authMD5}, Data: syncml.Digest(inner, nonce)}
	}
	return m
}

func alert(code string) syncml.Command { return syncml.Command{Verb: syncml.VerbAlert, Data: code} }

func head(ref int) syncml.Command { return status(ref, 0, "SyncHdr", 200) }

func status(msgRef, cmdRef int, cmd syncml.Verb, code int) syncml.Command {
	return syncml.Command{
		Verb: syncml.VerbStatus, MsgRef: strconv.Itoa(msgRef), CmdRef: strconv.Itoa(cmdRef), Cmd: string(cmd), Data: strconv.Itoa(code),
	}
}

func results(msgRef, cmdRef int, uri, data string) syncml.Command {
	return syncml.Command{
		Verb: syncml.VerbResults, MsgRef: strconv.Itoa(msgRef), CmdRef: strconv.Itoa(cmdRef),
		Items: []syncml.Item{{Source: &syncml.Location{URI: uri}, Data: data, HasData: true}},
	}
}

func lock(ref string) Work { return Work{Ref: ref, Commands: []syncml.Command{syncml.Exec(lockURI)}} }

func reset(ref string) Work {
	return Work{Ref: ref, Note: "note", Commands: []syncml.Command{syncml.Sequence(syncml.Exec(resetURI), syncml.Get(pinURI))}}
}

func sample(t testing.TB, name string) *syncml.Message {
	t.Helper()
	body, err := os.ReadFile(path.Join("../syncml/testdata/facts", name+".xml"))
	require.NoError(t, err)
	m, err := syncml.Decode(body)
	require.NoError(t, err)
	return m
}

func decoded(nonce string) []byte {
	b, _ := base64.StdEncoding.DecodeString(nonce)
	return b
}
