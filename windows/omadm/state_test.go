package omadm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// TestStateIsBounded fills every place of a State: eight sessions, the greatest answers, and as much of works as a session may have.
func TestStateIsBounded(t *testing.T) {
	state := &State{}
	talk := func(session string, proof Proof, works ...Work) {
		e, err := state.Receive(Input{Message: hello(session, 1, nil), Now: begin, Proof: proof})
		require.NoError(t, err)
		for _, w := range works {
			require.NoError(t, e.Send(w))
		}
		_, err = e.Close()
		require.NoError(t, err)
	}
	w := Work{Note: strings.Repeat("\x01", 31<<10), Commands: []syncml.Command{
		syncml.Replace("./"+strings.Repeat("a", 500), "chr", strings.Repeat("v", 250<<10)),
	}}
	for id := range maxTrusted + 2 {
		talk(fmt.Sprintf("s%d", id), certificate, w, w)
	}
	for id := range maxUntrusted + 2 {
		talk(fmt.Sprintf("u%d", id), both)
	}
	assert.Len(t, state.Sessions, maxTrusted+maxUntrusted)
	b, err := json.Marshal(state)
	require.NoError(t, err)
	assert.Greater(t, len(b), 3<<20, "the test fills it")
	assert.Less(t, len(b), maxState)
}

// TestOldestGoesFirst: and those that wait for an answer last.
func TestOldestGoesFirst(t *testing.T) {
	s := newServer(t, certificate)
	s.take(hello("waits", 1, nil), lock("a"))
	for id := range 7 {
		s.take(hello(fmt.Sprint(id), 1, nil))
	}
	var ids []string
	for _, one := range s.load().Sessions {
		ids = append(ids, one.ID)
	}
	assert.Equal(t, []string{"waits", "2", "3", "4", "5", "6"}, ids)
}

// TestTheSpeakerStays: even if all others wait for answers.
func TestTheSpeakerStays(t *testing.T) {
	s := newServer(t, certificate)
	for id := range maxTrusted {
		s.take(hello(fmt.Sprint(id), 1, nil), lock("a"))
	}
	s.take(hello("new", 1, nil))
	assert.Nil(t, s.load().find("0"))
	assert.NotNil(t, s.load().find("new"))
}

func TestOldAnswersAreForgotten(t *testing.T) {
	s := locked(t)
	s.now = s.now.Add(idle + 1)
	s.take(hello("2", 1, nil))
	assert.Nil(t, s.load().find("1").Answer)
	assert.NotNil(t, s.load().find("1").Works)
}

func TestStateThatIsNone(t *testing.T) {
	for _, text := range []string{"[]", `{"sessions":7}`, `"x"`} {
		require.Error(t, json.Unmarshal([]byte(text), &State{}), text)
	}
	state := &State{}
	require.NoError(t, json.Unmarshal([]byte("{}"), state))
	assert.Equal(t, &State{}, state)
}

func TestNoncesDiffer(t *testing.T) {
	state := &State{}
	a, b := state.newNonce(), state.newNonce()
	assert.Len(t, a, 16)
	assert.NotEqual(t, a, b)
}

func TestClasses(t *testing.T) {
	for class, codes := range map[Class][]Code{
		ClassOK:            {200, 212, 299, 304},
		ClassPending:       {101, 202, 213, 1},
		ClassUnsupported:   {404, 406, 501},
		ClassNotApplicable: {405},
		ClassDenied:        {403, 425},
		ClassConflict:      {418},
		ClassSkipped:       {215},
		ClassRolledBack:    {216},
		ClassUnknown:       {516, 0, -1},
		ClassAuth:          {401, 407},
		ClassSize:          {413, 424, 517},
		ClassRetry:         {408},
		ClassFailed:        {214, 420, 500, 506, 507, 510, 499, 300, 999},
		ClassServerError:   {400, 412, 414, 415},
	} {
		for _, code := range codes {
			assert.Equal(t, class, code.Class(), "%d", code)
		}
	}
}
