package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

var (
	bulkDevices = flag.Int("bulk-devices", 1500, "how many devices TestBulkIsKilled locks")
	bulkKills   = flag.Int("bulk-kills", 1, "how often TestBulkIsKilled kills the server")
)

const (
	maxMemory    = memoryFactor * 200 << 20 // bytes that a server may ever have used
	bulkPatience = 5 * time.Minute          // how long it may take from one kill to the next
)

// TestBulkIsKilled kills the server again and again while it orders in bulk. Each time it is started again it goes on by itself, and at the
// end every device has one action of the batch, with a PIN that opens.
func TestBulkIsKilled(t *testing.T) {
	devices, kills := *bulkDevices, *bulkKills
	if testing.Short() { // the race detector needs fewer
		devices, kills = min(devices, 500), 1
	}
	b := newBulkField(t, devices)
	begun := time.Now()
	targets := make([]int, kills) // ordered at each kill; the first may come before anything is
	for i := range targets {
		targets[i] = rand.IntN(devices)
	}
	slices.Sort(targets)
	for _, target := range targets {
		server := b.serve(t)
		b.orderAll(t)
		b.until(t, func(now object) bool { return b.ordered(now) >= target })
		time.Sleep(time.Duration(rand.IntN(700_000)) * time.Microsecond) // at any moment of a chunk
		b.kill(t, server)
	}
	server := b.serve(t)
	b.orderAll(t)
	b.until(t, func(now object) bool { return now.text("state") == "done" })
	took := time.Since(begun)
	b.remember(t, server)
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	require.NoError(t, server.Wait())
	alike := b.examine(t)
	assert.Less(t, b.memory, maxMemory, "bytes of memory that a server used at most")
	t.Logf("%d devices, %d kills (ordered before: %v): done in %s, at most %d MiB of memory; %d pairs of equal PINs, about %d by chance",
		b.devices, len(targets), b.killedAt, took.Round(time.Millisecond), b.memory>>20, alike, b.byChance())
}

// bulkField is a server that gets killed over a bulk order.
type bulkField struct {
	*battlefield
	devices  int
	batch    string
	killedAt []int // ordered then
	last     int
	memory   int // bytes
}

func newBulkField(t *testing.T, devices int) *bulkField {
	t.Helper()
	quiet := open(t, nil)
	quiet.stop()
	d := quiet.open(t)
	inventorytest.Seed(t, d, devices)
	require.NoError(t, d.Close())
	b := &bulkField{battlefield: &battlefield{site: quiet, addr: strings.TrimPrefix(quiet.url, "http://")}, devices: devices}
	t.Setenv(envDatabase, b.env(envDatabase))
	t.Setenv(envEpoch, "")
	b.client = &http.Client{Timeout: time.Minute}
	return b
}

// orderAll orders a lock of every device, until the server has taken it. Again it is the same order.
func (b *bulkField) orderAll(t *testing.T) {
	t.Helper()
	ids := make([]string, b.devices)
	for i := range ids {
		ids[i] = inventorytest.ID(i)
	}
	for until := time.Now().Add(bulkPatience); ; {
		status, answer, err := b.try(t, http.MethodPost, "/api/v1/bulk", object{"kind": "lock", "devices": ids, "reason": "break-in"}, "the one")
		if err == nil && (status == http.StatusAccepted || status == http.StatusOK) {
			b.batch = answer.text("id")
			return
		}
		require.True(t, time.Now().Before(until), "the server takes no bulk order: %d %v %v", status, answer, err)
	}
}

func (b *bulkField) ordered(now object) int {
	n, _ := now["ordered"].(float64)
	return int(n)
}

// until looks at the batch until it has come so far. It never goes back.
func (b *bulkField) until(t *testing.T, far func(now object) bool) {
	t.Helper()
	for until := time.Now().Add(bulkPatience); ; time.Sleep(2 * time.Millisecond) {
		status, now, err := b.try(t, http.MethodGet, "/api/v1/bulk/"+b.batch+"?limit=1", nil, "")
		if err == nil && status == http.StatusOK {
			require.GreaterOrEqual(t, b.ordered(now), b.last, "what was ordered stays so")
			b.last = b.ordered(now)
			if far(now) {
				return
			}
		}
		require.True(t, time.Now().Before(until), "the bulk order does not go on: %d %v %v\n%s", status, now, err, b.logs)
	}
}

func (b *bulkField) kill(t *testing.T, server *exec.Cmd) {
	t.Helper()
	b.remember(t, server)
	require.NoError(t, server.Process.Kill())
	_ = server.Wait() // it was killed
	b.killedAt = append(b.killedAt, b.last)
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// remember keeps the most memory that any of the servers ever used, where the system tells.
func (b *bulkField) remember(t *testing.T, server *exec.Cmd) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.Process.Pid))
	if err != nil {
		return
	}
	match := highWater.FindSubmatch(text)
	require.NotNil(t, match)
	kB, err := strconv.Atoi(string(match[1]))
	require.NoError(t, err)
	b.memory = max(b.memory, kB<<10)
}

// examine looks at what is in the ledger, and returns how many pairs of actions have the same PIN.
func (b *bulkField) examine(t *testing.T) (alike int) {
	t.Helper()
	keyring, err := pin.LoadKeyring(filepath.Join(b.data(), "keyring"))
	require.NoError(t, err)
	ledger := b.open(t).Ledger
	devices, pins, boxes := map[string]bool{}, map[string]int{}, map[string]bool{}
	for f := (lock.Filter{Scope: inventory.Scope, Limit: 1000}); ; {
		page, err := ledger.List(t.Context(), f)
		require.NoError(t, err)
		for _, listed := range page {
			f.Before = listed.ID
			a, err := ledger.Get(t.Context(), listed.ID)
			require.NoError(t, err)
			require.Equal(t, b.batch, a.Batch)
			require.False(t, devices[a.Device.ID], "%s has a second action", a.Device.ID)
			require.Len(t, a.Secrets, 1)
			code, err := keyring.Open(t.Context(), a.Secrets[0].Box, pin.Binding{
				Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: a.Secrets[0].N,
			})
			require.NoError(t, err)
			devices[a.Device.ID], boxes[string(a.Secrets[0].Box)] = true, true
			alike += pins[code.Expose()]
			pins[code.Expose()]++
		}
		if len(page) < f.PageSize() {
			break
		}
	}
	require.Len(t, devices, b.devices, "each device has its action")
	assert.Len(t, boxes, b.devices, "no two have the same box")
	deviation := int(math.Sqrt(float64(b.byChance())))
	assert.InDelta(t, b.byChance(), alike, float64(10*deviation+10), "pairs of equal PINs: as many as chance makes")
	return alike
}

// byChance is how many pairs of equal PINs are to be expected.
func (b *bulkField) byChance() int { return b.devices * b.devices / 2 / 905_207 } // as many as pin.SixDigits has
