package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

var kills = flag.Int("kills", 50, "how often TestKill kills the server")

const (
	envServe = "LATCHKEY_TEST_SERVE" // the command line to run in place of the tests
	envEpoch = "LATCHKEY_TEST_EPOCH" // since when its clock runs faster, in Unix milliseconds; empty: it does not
	hurry    = 1000                  // how much faster, so that the guard of a minute passes in 60 ms
	most     = 3                     // deliveries of one command
	patience = time.Minute           // how long a server that was killed may have no answer
)

// postgres is one server for all tests, which starts when one needs it.
var postgres postgrestest.Server

func TestMain(m *testing.M) {
	if line := os.Getenv(envServe); line != "" {
		os.Exit(exit(serveForTest(strings.Split(line, "\n")), os.Stderr))
	}
	defer postgres.Stop()
	m.Run()
}

// serveForTest is the program with a clock in a hurry, in a process that can be killed. Its commands have the usual one.
func serveForTest(args []string) error {
	env := func(name string) string {
		if name == envDatabase {
			return os.Getenv(name)
		}
		return ""
	}
	if commands[args[0]] != nil {
		return run(context.Background(), args, env, os.Stdout, os.Stderr)
	}
	o, err := parse(args, env, os.Stderr)
	if err != nil {
		return err
	}
	if text := os.Getenv(envEpoch); text != "" {
		epoch, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		since := time.UnixMilli(epoch)
		o.now = func() time.Time { return since.Add(hurry * time.Since(since)) }
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return launch(ctx, o, os.Stdout, os.Stderr)
}

// battlefield is a server that gets killed, and the fleet that goes on all the while.
type battlefield struct {
	*site
	addr    string
	ordered sync.Map // ID of each lock that the server said it had taken
	opened  atomic.Int64
	over    atomic.Bool
}

// TestKill kills the server again and again while Macs are locked. No Mac may ever be locked with a PIN that the server does not know
// afterwards, no delivery number may be taken twice, and every order that was taken must be there.
func TestKill(t *testing.T) {
	b, macs := newBattlefield(t)
	var fleet sync.WaitGroup
	for _, mac := range macs {
		fleet.Go(func() { b.live(t, mac) })
	}
	times := *kills
	if testing.Short() { // the race detector needs fewer
		times = min(times, 5)
	}
	for range times {
		server := b.serve(t)
		time.Sleep(time.Duration(rand.IntN(120_000)) * time.Microsecond) // at any moment
		require.NoError(t, server.Process.Kill())
		_ = server.Wait() // it was killed
	}
	server := b.serve(t)
	b.over.Store(true) // each Mac ends with its lock opened
	fleet.Wait()
	for _, mac := range macs {
		b.settle(t, mac)
	}
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	require.NoError(t, server.Wait())
	b.account(t)
	t.Logf("%d kills, %d locks opened", times, b.opened.Load())
}

// newBattlefield enrols a fleet at leisure, and stops the server.
func newBattlefield(t *testing.T) (*battlefield, []*mdmtest.Mac) {
	t.Helper()
	quiet := open(t, nil)
	var macs []*mdmtest.Mac
	for range 4 {
		macs = append(macs, quiet.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}))
	}
	quiet.stop()
	b := &battlefield{site: quiet, addr: strings.TrimPrefix(quiet.url, "http://")}
	t.Setenv(envDatabase, b.env(envDatabase))
	t.Setenv(envEpoch, strconv.FormatInt(time.Now().UnixMilli(), 10))
	b.client = &http.Client{Timeout: 5 * time.Second}
	return b, macs
}

// serve starts the server on the address that the Macs know.
func (b *battlefield) serve(t *testing.T) *exec.Cmd {
	t.Helper()
	require.Eventually(t, func() bool { // the port of a killed process is free at once, unless something else took it
		l, err := net.Listen("tcp", b.addr)
		return err == nil && l.Close() == nil
	}, 10*time.Second, 5*time.Millisecond)
	server := program(t, b.logs, "-addr", b.addr, "-data", b.data())
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Process.Kill() }) // when the test ends early
	listening(t, out)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return server
}

// program is the program in a process of its own, which is not started yet.
func program(t *testing.T, stderr io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), envServe+"="+strings.Join(args, "\n"))
	command.Stderr = stderr
	return command
}

// live orders lock after lock for one Mac, and opens it each time with what the server reveals.
func (b *battlefield) live(t *testing.T, mac *mdmtest.Mac) {
	for round := 0; !b.over.Load(); round++ {
		if round%3 == 1 {
			mac.Script(mdmtest.LoseAnswer)
		}
		id := b.order(t, mac, fmt.Sprintf("%s-%d", mac.Config().Serial, round))
		if id == "" {
			return // the fight is over
		}
		b.ordered.Store(id, true)
		for mac.State() != mdmtest.Locked && !t.Failed() {
			_, _ = mac.Poll(t.Context()) // fails while the server is dead; the Mac goes on by itself
			if b.past(t, id, "queued", "issued") && mac.State() != mdmtest.Locked {
				break // it lapsed, delivered as often as allowed
			}
		}
		b.openWith(t, mac)
		for released := false; !released && !t.Failed(); {
			_, _ = mac.Poll(t.Context())
			b.openWith(t, mac) // a lost answer leads to the same lock once more
			released = b.past(t, id, "queued", "issued", "confirmed")
		}
	}
}

// openWith opens a locked Mac with the PIN that the server has for the command which locked it.
func (b *battlefield) openWith(t *testing.T, mac *mdmtest.Mac) {
	if mac.State() != mdmtest.Locked {
		return
	}
	locks := mac.Locks()
	last := locks[len(locks)-1]
	for until := time.Now().Add(patience); ; {
		status, answer, err := b.try(t, http.MethodPost, "/api/v1/actions/"+last.CommandUUID+"/reveal", object{"reason": "killed"}, "")
		if err == nil && status != http.StatusServiceUnavailable {
			if !assert.Equal(t, http.StatusOK, status, "the server knows the lock of a locked Mac: %v", answer) {
				mac.Type(last.PIN) // so that the test ends
				return
			}
			if !assert.True(t, mac.Type(answer.text("pin")), "the PIN that it reveals opens the Mac") {
				mac.Type(last.PIN)
			}
			b.opened.Add(1)
			return
		}
		if !assert.True(t, time.Now().Before(until), "the server reveals no PIN: %d %v %v", status, answer, err) {
			mac.Type(last.PIN)
			return
		}
	}
}

// order orders a lock until the server has taken it; an answer that got lost leads to the same lock. It returns "" when it is over.
func (b *battlefield) order(t *testing.T, mac *mdmtest.Mac, key string) string {
	for until := time.Now().Add(patience); !b.over.Load(); {
		status, answer, err := b.try(t, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock", object{"reason": "stolen"}, key)
		if err == nil && (status == http.StatusAccepted || status == http.StatusOK) {
			return answer.text("id")
		}
		if !assert.True(t, time.Now().Before(until), "the server takes no order: %d %v %v", status, answer, err) {
			return ""
		}
	}
	return ""
}

// past reports whether an action is known to be in none of these states any more.
func (b *battlefield) past(t *testing.T, id string, states ...string) bool {
	status, answer, err := b.try(t, http.MethodGet, "/api/v1/actions/"+id, nil, "")
	return err == nil && status == http.StatusOK && !slices.Contains(states, answer.text("state"))
}

// try is one call of a server that may be dead: then it waits a moment.
func (b *battlefield) try(t *testing.T, method, path string, body any, key string) (int, object, error) {
	status, answer, err := b.request(t.Context(), method, path, body, "Idempotency-Key", key)
	if status == http.StatusBadGateway {
		err = errors.New("the replica is dead")
	}
	if err != nil || status == http.StatusServiceUnavailable {
		time.Sleep(2 * time.Millisecond)
	}
	return status, answer, err
}

// settle lets a Mac talk until it has nothing more to say.
func (b *battlefield) settle(t *testing.T, mac *mdmtest.Mac) {
	for range 10 {
		b.openWith(t, mac)
		_, err := mac.Poll(t.Context())
		if err != nil && !errors.Is(err, mdmtest.ErrLocked) && !errors.Is(err, mdmtest.ErrCut) {
			require.NoError(t, err)
		}
	}
	b.openWith(t, mac)
	pins, times := map[string]string{}, map[string]int{}
	for _, c := range mac.Commands() {
		if c.RequestType != "DeviceLock" {
			continue
		}
		if earlier, ok := pins[c.CommandUUID]; ok {
			assert.Equal(t, earlier, c.PIN, "every delivery carries the same PIN")
		}
		pins[c.CommandUUID] = c.PIN
		times[c.CommandUUID]++
	}
	for id, code := range pins {
		recorded, _ := b.action(t, id)["deliveries"].(float64)
		assert.LessOrEqual(t, times[id], int(recorded), "no delivery of %s that is not on record", id)
		assert.LessOrEqual(t, int(recorded), most, "deliveries of %s", id)
		assert.Equal(t, code, b.reveal(t, id), "the PIN that arrived is the one that was kept")
	}
}

// account checks the ledger at the end.
func (b *battlefield) account(t *testing.T) {
	known := map[string]bool{}
	for _, a := range b.replays(t) { // and every delivery number is taken once
		known[string(a.ID)] = true
		if a.Kind == lock.KindLock {
			assert.LessOrEqual(t, a.Deliveries, most)
		}
	}
	b.ordered.Range(func(id, _ any) bool {
		return assert.True(t, known[id.(string)], "order %s was taken and is not there", id)
	})
}
