package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

var (
	replicasFor  = flag.Duration("replicas-for", 10*time.Second, "how long TestReplicas kills replicas")
	replicasMacs = flag.Int("replicas-macs", 8, "how many Macs TestReplicas has")
)

// cluster is several replicas on one PostgreSQL database, behind a load balancer that the fleet knows.
type cluster struct {
	*battlefield
	postgres *postgrestest.Server
	ring     string // the keyring's file
	addrs    []string
	running  []*exec.Cmd

	feed        [][]byte // hashes, as they were first seen, by position
	checkpoints [][]byte // as they were first seen
}

// TestReplicas kills a replica every second, and PostgreSQL itself twice, while the fleet goes on. What a single server must keep, they
// must keep together: every order ends, no delivery number is taken twice, the feed has no gap and changes nothing that it said, and the
// audit log verifies, also against each checkpoint that was fetched on the way.
func TestReplicas(t *testing.T) {
	c, macs := newCluster(t, 3, *replicasMacs)
	var fleet, watchers sync.WaitGroup
	for _, mac := range macs {
		fleet.Go(func() { c.live(t, mac) })
	}
	watchers.Go(func() { c.watch(t) })
	t.Cleanup(func() { // when the test ends early
		c.over.Store(true)
		fleet.Wait()
		watchers.Wait()
	})
	kills := c.fight(t, *replicasFor)
	c.over.Store(true) // each Mac ends with its lock opened
	fleet.Wait()
	c.allEnd(t, macs)
	for _, mac := range macs {
		c.settle(t, mac)
	}
	watchers.Wait()
	checked := c.verifies(t)
	for _, replica := range c.running {
		require.NoError(t, replica.Process.Signal(syscall.SIGTERM))
		require.NoError(t, replica.Wait())
	}
	c.account(t)
	t.Logf("%d Macs, %d replicas killed and PostgreSQL twice in %s: %d locks opened; %d events in order, verified against %d checkpoints kept outside",
		len(macs), kills, *replicasFor, c.opened.Load(), checked.Events, checked.Older)
}

// newCluster enrols a fleet with a single server at leisure, and starts the replicas in its place.
func newCluster(t *testing.T, replicas, macs int) (*cluster, []*mdmtest.Mac) {
	t.Helper()
	server := postgrestest.Start(t)
	quiet := &site{dir: t.TempDir(), source: server.Database(t)}
	quiet.start(t, nil)
	fleet := make([]*mdmtest.Mac, macs)
	for i := range fleet {
		fleet[i] = quiet.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	}
	quiet.stop()
	b := &battlefield{site: quiet, addr: strings.TrimPrefix(quiet.url, "http://")}
	t.Setenv(envDatabase, b.source)
	t.Setenv(envEpoch, strconv.FormatInt(time.Now().UnixMilli(), 10))
	b.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	c := &cluster{battlefield: b, postgres: server, ring: filepath.Join(quiet.data(), "keyring"), running: make([]*exec.Cmd, replicas)}
	for range replicas {
		c.addrs = append(c.addrs, freeAddr(t))
	}
	balance(t, b.addr, c.addrs)
	for i := range replicas {
		c.launch(t, i)
	}
	return c, fleet
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// launch starts a replica, which has a state folder of its own and nothing in it. One that gives up, because PostgreSQL went away while it
// started, is started again, as whatever watches over a server does.
func (c *cluster) launch(t *testing.T, i int) {
	t.Helper()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		replica := program(t, c.logs, "-addr", c.addrs[i], "-data", filepath.Join(c.dir, fmt.Sprint("replica-", i)), "-keyring", c.ring, "-url", c.url)
		out, err := replica.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, replica.Start())
		t.Cleanup(func() { _ = replica.Process.Kill() }) // when the test ends early
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "Listening on ") {
				go func() { _, _ = io.Copy(io.Discard, out) }()
				c.running[i] = replica
				return
			}
		}
		_ = replica.Wait() // it is in the log why
	}
	require.FailNow(t, "a replica does not start", "%s", c.logs)
}

// fight kills a replica every second and starts it again, and restarts PostgreSQL as after a crash at a third and at two thirds of the
// time. It returns how many replicas it killed.
func (c *cluster) fight(t *testing.T, lasting time.Duration) (kills int) {
	t.Helper()
	begun := time.Now()
	crashes := []time.Duration{lasting / 3, 2 * lasting / 3}
	for tick := time.NewTicker(time.Second); len(crashes) > 0 || time.Since(begun) < lasting; <-tick.C {
		if len(crashes) > 0 && time.Since(begun) >= crashes[0] {
			crashes = crashes[1:]
			c.postgres.Restart(t, postgrestest.Immediate)
		}
		i := rand.IntN(len(c.running))
		require.NoError(t, c.running[i].Process.Kill())
		_ = c.running[i].Wait() // it was killed
		kills++
		c.launch(t, i)
	}
	return kills
}

// watch follows the feed as somebody outside does, and keeps the checkpoints that it is given on the way.
func (c *cluster) watch(t *testing.T) {
	ledger := c.open(t).Ledger
	for !c.over.Load() && !t.Failed() {
		events, err := ledger.Events(t.Context(), lock.EventFilter{From: int64(len(c.feed)), Limit: 1000})
		if err == nil { // else PostgreSQL is just being killed
			for _, e := range events {
				assert.Equal(t, int64(len(c.feed)), e.Position, "the feed has no gap")
				c.feed = append(c.feed, e.Hash)
			}
		}
		if note, ok := c.fetch(t, "/api/v1/audit/checkpoint"); ok && (len(c.checkpoints) == 0 || !bytes.Equal(c.checkpoints[len(c.checkpoints)-1], note)) {
			c.checkpoints = append(c.checkpoints, note)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// fetch fetches a text, if a replica and its database are just there.
func (c *cluster) fetch(t *testing.T, path string) (text []byte, ok bool) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, false
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.client.Do(req)
	if err != nil {
		return nil, false
	}
	defer func() { _ = res.Body.Close() }()
	text, err = io.ReadAll(res.Body)
	return text, err == nil && res.StatusCode == http.StatusOK
}

// allEnd lets the fleet talk until every lock that was ordered is in a final state: what a Mac acknowledged last is over when it comes again
// after the guard.
func (c *cluster) allEnd(t *testing.T, macs []*mdmtest.Mac) {
	t.Helper()
	states := map[string]int{}
	c.ordered.Range(func(id, _ any) bool {
		var state string
		ended := assert.Eventually(t, func() bool {
			status, answer, err := c.try(t, http.MethodGet, "/api/v1/actions/"+id.(string), nil, "")
			state = answer.text("state")
			if err == nil && status == http.StatusOK && state != "queued" && state != "issued" && state != "confirmed" {
				return true
			}
			for _, mac := range macs {
				c.openWith(t, mac)
				_, _ = mac.Poll(t.Context())
			}
			return false
		}, patience, 10*time.Millisecond, "order %s ends", id)
		states[state]++
		return ended
	})
	t.Logf("orders by their final state: %v", states)
}

// verifies checks feed and audit log against what was seen on the way.
func (c *cluster) verifies(t *testing.T) auditlog.Report {
	t.Helper()
	ledger := c.open(t).Ledger
	require.NotEmpty(t, c.feed)
	require.NotEmpty(t, c.checkpoints)
	for from := 0; from < len(c.feed); {
		events, err := ledger.Events(t.Context(), lock.EventFilter{From: int64(from), Limit: 1000})
		require.NoError(t, err)
		require.NotEmpty(t, events, "the feed has lost what it had said, from position %d on", from)
		for _, e := range events {
			require.Equal(t, int64(from), e.Position, "the feed has no gap")
			if from < len(c.feed) {
				require.Equal(t, c.feed[from], e.Hash, "the feed says at %d what it said first", from)
			}
			from++
		}
	}
	key, ok := c.fetch(t, "/api/v1/audit/key")
	require.True(t, ok)
	report, err := auditlog.Verify(t.Context(), ledger, ledger, auditlog.Trust{Key: string(key), Older: c.checkpoints})
	require.NoError(t, err)
	return report
}
