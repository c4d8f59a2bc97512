package windows_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// gate is a Sessions whose nth save waits until it is let through. Loads fail with an error, if it has one.
type gate struct {
	windows.Sessions

	mu      sync.Mutex
	n       int
	arrived chan struct{}
	open    chan struct{}
	fail    error
}

func newGate(n int) *gate {
	return &gate{Sessions: windows.NewSessions(), n: n, arrived: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) Load(ctx context.Context, scope, device string) ([]byte, int64, error) {
	if g.fail != nil {
		return nil, 0, g.fail
	}
	return g.Sessions.Load(ctx, scope, device)
}

func (g *gate) Save(ctx context.Context, scope, device string, state []byte, version int64) error {
	g.mu.Lock()
	g.n--
	waits := g.n == 0
	g.mu.Unlock()
	if waits {
		close(g.arrived)
		<-g.open
	}
	return g.Sessions.Save(ctx, scope, device, state, version)
}

// TestTwoReplicasWithOneMessage gives one message to two processes at once: one answers it with the command, and the other claims nothing.
func TestTwoReplicasWithOneMessage(t *testing.T) {
	for name, n := range map[string]int{"before the claim": 1, "after the claim": 2} {
		t.Run(name, func(t *testing.T) {
			g := newGate(n)
			w := newWorld(t, store.NewMemory(), func(c *windows.Config) { c.Sessions = g })
			w.replicas = true
			m := w.unknown(windowstest.Config{PIN: personal})
			reset := m.must(lock.KindResetPasscode, force)
			body, err := m.talk("77").begins().Encode()
			require.NoError(t, err)
			one := make(chan response)
			go func() { one <- w.post(m.http, body) }()
			<-g.arrived
			answers := []response{w.post(m.http, body)}
			close(g.open)
			answers = append(answers, <-one)

			var statuses []int
			sent := 0
			for _, a := range answers {
				statuses = append(statuses, a.status)
				sent += bytes.Count(a.body, []byte("LockAndResetPIN"))
			}
			require.ElementsMatch(t, []int{http.StatusOK, http.StatusServiceUnavailable}, statuses)
			require.Equal(t, 1, sent, "the whole command leaves")
			require.Equal(t, 1, w.get(reset.ID).Deliveries)
			require.Contains(t, string(w.post(m.http, body).body), "LockAndResetPIN", "again the same answer")
			require.Equal(t, 1, w.get(reset.ID).Deliveries)
		})
	}
}

// TestReplicaThatStopped has the device come again after a process stopped in the middle of its message.
func TestReplicaThatStopped(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.unknown(windowstest.Config{PIN: personal})
	body, err := m.talk("77").begins().Encode()
	require.NoError(t, err)
	w.sessions.failAt(2, false)
	require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status)
	require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status, "it may be at work still")
	w.clock.Advance(time.Minute)
	require.Equal(t, http.StatusOK, w.post(m.http, body).status)

	w.fail = errors.New("the records are away")
	body = bytes.Replace(body, []byte("<SessionID>77"), []byte("<SessionID>78"), 1)
	w.clock.Advance(8 * 24 * time.Hour)
	w.set(m, windows.FactMaxMsgSize, "1") // which it will want to learn
	require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status)
	w.fail = nil
	require.Equal(t, http.StatusOK, w.post(m.http, body).status, "it gave up, and said so")
}

// TestHoldOfAWrongClock: what says that the device is answered for days was written by a clock that was wrong, and shuts nobody out.
func TestHoldOfAWrongClock(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		want  int
	}{
		"of another replica": {30 * time.Second, http.StatusServiceUnavailable},
		"wrong":              {72 * time.Hour, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.unknown(windowstest.Config{PIN: personal})
			body, err := m.talk("77").begins().Encode()
			require.NoError(t, err)
			w.clock.Advance(c.ahead)
			w.sessions.failAt(2, false)
			require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status)
			w.clock.Advance(-c.ahead)
			require.Equal(t, c.want, w.post(m.http, body).status)
		})
	}
}

// hanging is an embedder whose database does not answer in time.
type hanging struct{ windows.Sessions }

func (hanging) Next(ctx context.Context, _ lock.Device) ([]omadm.Work, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Done(context.Context, lock.Device, omadm.Answer) error { return nil }

func (h hanging) Save(ctx context.Context, scope, device string, state []byte, version int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.Sessions.Save(ctx, scope, device, state, version)
}

// TestHoldIsReleasedInTheEnd lets the work on a message use up all of its time: another process can answer it at once.
func TestHoldIsReleasedInTheEnd(t *testing.T) {
	sharedCA() // its certificates are of this year, and not of the bubble's
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, store.NewMemory())
		h := hanging{windows.NewSessions()}
		cfg := windows.Config{Service: s.svc, Devices: s.fleet, Sessions: h, Commands: h}
		var err error
		s.handler, err = windows.NewHandler(cfg)
		require.NoError(t, err)
		opening := conversation(t, "D", "", 1)
		require.Equal(t, http.StatusServiceUnavailable, s.post(opening).Code)
		cfg.Commands = nil
		s.handler, err = windows.NewHandler(cfg)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, s.post(opening).Code)
	})
}

// TestMessagesAtOnce sends one message many times to one process, while the first is at work: they wait for it, and get the same answer.
func TestMessagesAtOnce(t *testing.T) {
	sharedCA() // its certificates are of this year, and not of the bubble's
	synctest.Test(t, func(t *testing.T) {
		s, a := ordered(t, (*lock.Service).ResetPasscode)
		g := newGate(1)
		var err error
		s.handler, err = windows.NewHandler(windows.Config{Service: s.svc, Devices: s.fleet, Sessions: g})
		require.NoError(t, err)
		opening := conversation(t, "D", "", 1)
		answers := make(chan string, 8)
		for range cap(answers) {
			go func() {
				got := s.post(opening)
				answers <- http.StatusText(got.Code) + got.Body.String()
			}()
		}
		synctest.Wait()
		require.Empty(t, answers)
		close(g.open)
		first := <-answers
		require.True(t, strings.HasPrefix(first, http.StatusText(http.StatusOK)))
		require.Contains(t, first, "LockAndResetPIN")
		for range cap(answers) - 1 {
			require.Equal(t, first, <-answers)
		}
		require.Equal(t, 1, s.get(t, a.ID).Deliveries)
		require.Zero(t, windows.Turns(s.handler), "nothing is left of a message")
	})
}

func TestSessionsThatCannotBeLoaded(t *testing.T) {
	g := newGate(0)
	w := newWorld(t, store.NewMemory(), func(c *windows.Config) { c.Sessions = g })
	m := w.unknown(windowstest.Config{PIN: personal})
	reset := m.must(lock.KindResetPasscode, force)
	body, err := m.talk("77").begins().Encode()
	require.NoError(t, err)
	g.fail = errors.New("the database is away")
	require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, body).status)
	require.Zero(t, w.get(reset.ID).Deliveries)
	g.fail = nil
	require.Equal(t, http.StatusOK, w.post(m.http, body).status)
}

// TestUnreadableMessageWaitsUntilItIsKept lets the only commit fail that a message without sense needs.
func TestUnreadableMessageWaitsUntilItIsKept(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	w.clock.Advance(time.Hour)
	reset := m.must(lock.KindResetPasscode)
	talk := m.talk("77")
	require.Len(t, commands(talk.says(talk.begins())), 1)
	garbage := []byte("<Results>730164</Status>")
	w.ledger.DieAfter(0, false)
	require.Equal(t, http.StatusServiceUnavailable, w.post(m.http, garbage).status)
	w.ledger.DieAfter(locktest.Forever, false)
	require.Equal(t, http.StatusBadRequest, w.post(m.http, garbage).status)
	w.keeps(reset.ID, "730164")
}

func TestLockGoesAlone(t *testing.T) {
	theirs := &embedder{waiting: []omadm.Work{{Ref: "version", Commands: []syncml.Command{syncml.Get("./DevDetail/SwV")}}}}
	w := newWorld(t, store.NewMemory(), func(c *windows.Config) { c.Commands = theirs })
	m := w.unknown(windowstest.Config{PIN: personal})
	m.must(lock.KindLock, force)
	talk := m.talk("77")
	first := talk.says(talk.begins())
	require.Len(t, commands(first), 1, "neither theirs nor the handler's own questions")
	assert.Equal(t, syncml.VerbExec, commands(first)[0].Verb)
}

// TestCrowdedMessage has little room left for commands: what has none waits, whole, and is not claimed.
func TestCrowdedMessage(t *testing.T) {
	for _, limit := range []string{"1300", "1400", "1500", "1600", "1700", "1800", "2000", "3000"} {
		t.Run(limit, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.unknown(windowstest.Config{PIN: personal})
			reset := m.must(lock.KindResetPasscode, force)
			talk := m.talk("77")
			crowded := talk.begins()
			crowded.Header.Meta = &syncml.Meta{MaxMsgSize: limit}
			for range 5 {
				crowded.Commands = append(crowded.Commands, syncml.Command{Verb: syncml.VerbAlert, Data: "1224", Items: []syncml.Item{{
					Meta: &syncml.Meta{Type: "com.microsoft/MDM/LoginStatus"}, Data: "user", HasData: true,
				}}})
			}
			sent := commands(talk.says(crowded))
			whole := len(sent) == 1 && sent[0].Verb == syncml.VerbSequence
			if limit == "3000" {
				require.True(t, whole)
			}
			require.Equal(t, whole, w.get(reset.ID).Deliveries == 1, "claimed and sent, or neither")
		})
	}
}

// TestNonceOfAnUnfinishedPackage is used up before the message has any effect, also when no command can follow.
func TestNonceOfAnUnfinishedPackage(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{User: "device-0001", Secret: "s3cret-0001"}, func(e *windows.Enrolled) {
		e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001")
	})
	w.set(m, windows.FactMaxMsgSize, "1") // which it will want to learn
	w.fail = errors.New("the records are away")
	var heard []byte
	m.OnSend(func(_ int, body []byte) error {
		if heard != nil {
			return errCut
		}
		heard = bytes.Clone(body)
		return nil
	})
	m.Script(windowstest.SplitPackages())
	require.ErrorIs(t, m.later(), errCut)
	require.Contains(t, string(heard), "<Cred>")
	require.NotContains(t, string(heard), "<Final")
	res := w.post(m.http, bytes.Replace(heard, []byte("<SessionID>"), []byte("<SessionID>A"), 1))
	require.Equal(t, http.StatusOK, res.status)
	answer, err := syncml.Decode(res.body)
	require.NoError(t, err)
	require.Equal(t, "401", answer.Commands[0].Data)
}
