package omadm

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// step is one message of a sample conversation.
type step struct {
	client *syncml.Message
	works  []Work
	server string   // the sample that answers it; "": none is there
	says   []string // of works
}

// TestSamples holds the sample conversations: given the device's side, the session produces the server's.
func TestSamples(t *testing.T) {
	all := conversations(t)
	maps.Copy(all, bareConversations(t))
	require.Len(t, all, 22)
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.proof)
			if c.known {
				state := s.load()
				state.Nonce = nonce{Value: s.draw(), Until: begin.Add(nextNonceLife)}
				s.save(state)
			}
			for _, step := range c.steps {
				e := s.take(step.client, step.works...)
				assert.Equal(t, step.says, said(e.Answers))
				assert.Zero(t, e.Unknown)
				assert.Empty(t, e.Stray)
				if step.server != "" {
					want := completed(sample(t, step.server), step.client)
					assert.Equal(t, want, s.answer())
				}
			}
		})
	}
}

// completed adds what some samples leave out to save space: the nonce of a 212, and the statuses of alerts and DevInfo.
func completed(want, client *syncml.Message) *syncml.Message {
	if want.Commands[0].Data == "212" && want.Commands[0].Chal == nil {
		want.Commands[0].Chal = &syncml.Chal{Meta: syncml.Meta{Format: "b64", Type: authMD5, NextNonce: "EBESExQVFhcYGRobHB0eHw=="}}
	}
	have, rest := map[string]bool{}, []syncml.Command{}
	for _, c := range want.Commands[1:] {
		if have[c.CmdRef] = true; c.Verb != syncml.VerbStatus {
			rest = append(rest, c)
		}
	}
	all := want.Commands[:1:1]
	for _, c := range client.Commands {
		if c.Verb == syncml.VerbAlert || c.Verb == syncml.VerbReplace {
			all = append(all, syncml.Command{
				Verb: syncml.VerbStatus, MsgRef: client.Header.MsgID, CmdRef: c.ID, Cmd: string(c.Verb), Data: "200",
			})
			if have[c.ID] {
				all[len(all)-1].Data = dataOf(want, c.ID)
			}
		}
	}
	want.Commands = append(all, rest...)
	n := 0
	for c := range walk(want.Commands) {
		n++
		c.ID = strconv.Itoa(n)
	}
	return want
}

func dataOf(m *syncml.Message, ref string) string {
	for _, c := range m.Commands {
		if c.Verb == syncml.VerbStatus && c.CmdRef == ref {
			return c.Data
		}
	}
	return ""
}

type conversation struct {
	proof Proof
	known bool // the device has a nonce (00..0f), and its first message a digest
	steps []step
}

// inSession is a sample message in another session, and at another place in it.
func inSession(m *syncml.Message, session, number string) *syncml.Message {
	m.Header.SessionID, m.Header.MsgID = session, number
	return m
}

// challenged begins a session as 4.1 does; the works go with the answer to the second message.
func challenged(t *testing.T, session, answer string, works ...Work) conversation {
	return conversation{proof: both, steps: []step{
		{client: inSession(sample(t, "4.1-c1"), session, "1")},
		{client: inSession(sample(t, "4.1-c2"), session, "2"), works: works, server: answer},
	}}
}

// known begins one with the nonce of an earlier session.
func known(t *testing.T, session, answer string, works ...Work) conversation {
	first := inSession(sample(t, "4.1-c2"), session, "1")
	first.Commands = first.Commands[1:]
	return conversation{proof: both, known: true, steps: []step{{client: first, works: works, server: answer}}}
}

func (c conversation) then(steps ...step) conversation {
	c.steps = append(c.steps, steps...)
	return c
}

func gets(ref string, uris ...string) Work {
	w := Work{Ref: ref}
	for _, uri := range uris {
		w.Commands = append(w.Commands, syncml.Get(uri))
	}
	return w
}

// conversations are those that go on from the CmdIDs of a whole first package.
func conversations(t *testing.T) map[string]conversation {
	from := func(name string) *syncml.Message { return sample(t, name) }
	locks := func() conversation { return challenged(t, "D", "4.2-s2", lock("lock")) }
	resets := func() conversation { return challenged(t, "D", "4.3-s2", reset("reset")) }
	return map[string]conversation{
		"4.1 challenge": {proof: both, steps: []step{
			{client: from("4.1-c1"), server: "4.1-s1"}, {client: from("4.1-c2"), server: "4.1-s2"},
		}},
		"4.2 locked": locks().then(step{client: from("4.2-c3-ok"), server: "4.2-s3", says: []string{"lock* Exec=200"}}),
		"4.2 no PIN": locks().then(step{client: from("4.2-c3-nopin"), server: "4.2-s3", says: []string{"lock* Exec=405"}}),
		"4.2 absent": locks().then(step{client: from("4.2-c3-absent"), server: "4.2-s3", says: []string{"lock* Exec=404(0x86000002)"}}),
		"4.3 reset": resets().then(step{client: from("4.3-c3"), server: "4.2-s3",
			says: []string{"reset* Sequence=200 Exec=200 Get=200+[483920]"}}),
		"4.3 reset failed": resets().then(step{client: from("4.3-c3-failed"), server: "4.2-s3",
			says: []string{"reset* Sequence=200 Exec=500 Get=200+[]"}}),
		"4.7 two messages": challenged(t, "12", "", gets("probe", "./DevDetail/SwV", "./DevDetail/DevTyp")).then(
			step{client: from("4.7-c3"), server: "4.7-s3", says: []string{"probe Get=200+[10.0.22631.4460] Get=0"}},
			step{client: from("4.7-c4"), says: []string{"probe* Get=200+ Get=200+[VMware7,1]"}}),
		"4.8 abort": challenged(t, "13", "", lock("lock")).then(
			step{client: from("4.8-c3"), server: "4.8-s3", says: []string{"lock* Exec=200"}}),
		"4.11 disconnects": {proof: certificate, steps: []step{{client: from("4.11-c1")}}},
		"4.12 re-key": {proof: certificate, steps: []step{
			{client: message("17", 1, false, alert("1201"))},
			{client: message("17", 2, true, head(1), status(1, 3, "Alert", 200)), works: ours(t, "4.12-s2"), server: "4.12-s2"},
		}},
	}
}

// bareConversations are those that go on from the CmdIDs of a first package without alerts and DevInfo, as the samples print them; and the
// same answers with all their statuses.
func bareConversations(t *testing.T) map[string]conversation {
	from := func(name string) *syncml.Message { return sample(t, name) }
	all := map[string]conversation{
		"4.4 LAPS": bare(challenged(t, "E", "4.4-s2", ours(t, "4.4-s2")...)).then(
			step{client: from("4.4-c3"), works: ours(t, "4.4-s3"), server: "4.4-s3",
				says: []string{"4.4-s2* Atomic=200 Replace=200 Replace=200 Exec=200"}},
			step{client: from("4.4-c4"), says: []string{"4.4-s3* Get=200+[-2147483638]"}}),
		"4.5 BitLocker": bare(challenged(t, "F", "4.5-s2", ours(t, "4.5-s2")...)).then(
			step{client: from("4.5-c3"), says: []string{"4.5-s2* Exec=202"}}),
		"4.5 BitLocker, later": bare(known(t, "10", "4.5-s1", ours(t, "4.5-s1")...)).then(
			step{client: from("4.5-c2"), says: []string{"4.5-s1* Get=200+[0][0b5f2f44-2a5d-4f0e-9d0e-5b6b7c8d9e0f]"}}),
		"4.6 push": bare(known(t, "11", "4.6-s1", ours(t, "4.6-s1")...)).then(
			step{client: from("4.6-c2"), says: []string{
				"4.6-s1* Sequence=200 Replace=200 Get=200+[https://db5p.notify.windows.com/?token=AwYAAAB%2b] Get=200+[0]"}}),
		"4.9 sign-in": bare(challenged(t, "14", "4.9-s2", ours(t, "4.9-s2")...)).then(
			step{client: from("4.9-c3"), says: []string{"4.9-s2* Atomic=507 Replace=216 Replace=216 Replace=405 Exec=200"}}),
		"4.10 probe": bare(challenged(t, "15", "4.10-s2", ours(t, "4.10-s2")...)).then(
			step{client: from("4.10-c3"), says: []string{
				"4.10-s2* Get=200+[10.0.22631.4460] Get=404 Get=200+[Policies/Actions] Get=200+[DeviceEncryptionStatus/" +
					"RotateRecoveryPasswordsStatus/RotateRecoveryPasswordsRequestID/RemovableDrivesEncryptionStatus]"}}),
	}
	for session, answer := range map[string]string{"E": "4.4-s2", "F": "4.5-s2", "14": "4.9-s2", "15": "4.10-s2"} {
		all[answer+" with all statuses"] = challenged(t, session, answer, ours(t, answer)...)
	}
	for session, answer := range map[string]string{"10": "4.5-s1", "11": "4.6-s1"} {
		all[answer+" with all statuses"] = known(t, session, answer, ours(t, answer)...)
	}
	return all
}

// bare leaves the alerts and DevInfo out of the package that works answer: the samples that go on use the CmdIDs that follow from it.
func bare(c conversation) conversation {
	m := c.steps[len(c.steps)-1].client
	m.Commands = slices.DeleteFunc(m.Commands, func(c syncml.Command) bool { return c.Verb != syncml.VerbStatus })
	return c
}

// ours is one work with the commands of a sample.
func ours(t *testing.T, name string) []Work {
	w := Work{Ref: name}
	for _, c := range sample(t, name).Commands {
		if c.Verb != syncml.VerbStatus {
			w.Commands = append(w.Commands, c)
		}
	}
	return []Work{w}
}
