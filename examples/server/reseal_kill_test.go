package main

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

var boxes = flag.Int("boxes", 2000, "how many PINs TestResealIsKilled has sealed when it begins")

// mostResealKills bounds how often the command is killed; then it may finish.
const mostResealKills = 20

// TestResealIsKilled rotates the keyring of a server at work, and kills the command that seals everything anew again and again, until
// it is through. Then the old key goes. Every PIN that was ever ordered must still be there, and be the one that it was.
func TestResealIsKilled(t *testing.T) {
	b, macs := newBattlefield(t)
	d := b.open(t)
	old := keyIDs(t, b.data())[0]
	known := seed(t, d, b.data(), *boxes)

	server := b.serve(t)
	var fleet sync.WaitGroup
	for _, mac := range macs {
		fleet.Go(func() { b.live(t, mac) })
	}
	b.command(t, "rotate")
	begun := time.Now()
	kills, halfway := b.resealUntilDone(t, d, old)
	took := time.Since(begun)
	assert.Positive(t, halfway, "some kills left it half done")
	b.command(t, "remove", old)
	b.over.Store(true)
	fleet.Wait()
	for _, mac := range macs {
		b.settle(t, mac)
	}
	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	require.NoError(t, server.Wait())
	b.account(t)
	b.allThere(t, d, old, known)
	t.Logf("%d boxes sealed anew in %.1f s with %d kills, %d of them halfway; %d locks opened meanwhile",
		len(known), took.Seconds(), kills, halfway, b.opened.Load())
	reopen(t, b.site) // which it would not if a key were missing
}

// recorder is a Sealer that remembers what it sealed, by action.
type recorder struct {
	pin.Sealer
	mu   sync.Mutex
	pins map[lock.ID]pin.PIN
}

// Seal implements pin.Sealer.
func (r *recorder) Seal(ctx context.Context, code pin.PIN, b pin.Binding) (pin.Box, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pins[lock.ID(b.Action)] = code
	return r.Sealer.Seal(ctx, code, b)
}

// seed orders a lock for each of n Macs that never come, and returns their PINs.
func seed(t *testing.T, d *db.DB, data string, n int) map[lock.ID]pin.PIN {
	t.Helper()
	ring, err := pin.LoadKeyring(data + "/keyring")
	require.NoError(t, err)
	sealer := &recorder{Sealer: ring, pins: map[lock.ID]pin.PIN{}}
	service, err := lock.New(lock.Config{
		Store: d.Ledger, Sealer: sealer, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: &locktest.Rights{},
	})
	require.NoError(t, err)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 64 {
		workers.Go(func() {
			for i := range numbers {
				away := lock.Device{Scope: inventory.Scope, ID: "away-" + strconv.Itoa(i), Platform: mdmproto.PlatformName}
				_, err := service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: away, Reason: "stolen", Force: true})
				assert.NoError(t, err)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	require.Len(t, sealer.pins, n)
	return sealer.pins
}

// command runs a command on the keyring, in a process that ends well.
func (b *battlefield) command(t *testing.T, words ...string) {
	t.Helper()
	out, err := b.prepared(t, words...).Output()
	require.NoError(t, err, "keyring %v: %s %s", words, out, b.logs)
}

func (b *battlefield) prepared(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	return program(t, b.logs, append([]string{"keyring", "-data", b.data()}, words...)...)
}

// resealUntilDone kills the command by turns when it has done some part of the rest, and at any moment.
func (b *battlefield) resealUntilDone(t *testing.T, d *db.DB, old string) (kills, halfway int) {
	t.Helper()
	for left := *boxes; ; kills++ {
		reseal := b.prepared(t, "reseal")
		require.NoError(t, reseal.Start())
		ended := make(chan error, 1)
		go func() { ended <- reseal.Wait() }()
		if kills < mostResealKills {
			b.strike(t, d, old, kills, left, ended)
			_ = reseal.Process.Kill() // it may have ended
		}
		err := <-ended
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() { // not killed
			require.NoError(t, err, "%s", b.logs)
			return kills, halfway
		}
		now := sealedBy(t, d, old)
		if now > 0 && now < left {
			halfway++
		}
		left = now
	}
}

// strike returns when it is time to kill, or when there is nothing left to kill.
func (b *battlefield) strike(t *testing.T, d *db.DB, old string, kills, left int, ended chan error) {
	t.Helper()
	delay, part := time.Duration(rand.IntN(300_000+20*(*boxes)))*time.Microsecond, 0
	if kills%2 == 0 {
		delay, part = time.Minute, left-1-rand.IntN(max(1, left/8))
	}
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	enough := time.After(delay)
	for {
		select {
		case <-enough:
			return
		case err := <-ended:
			ended <- err
			return
		case <-look.C:
			if part > 0 && sealedBy(t, d, old) <= part {
				return
			}
		}
	}
}

// sealedBy counts the secrets in the ledger that the key sealed.
func sealedBy(t *testing.T, d *db.DB, key string) (n int) {
	t.Helper()
	require.NoError(t, d.Readers.QueryRowContext(t.Context(), `SELECT count(*) FROM secrets WHERE key_id = $1`, key).Scan(&n))
	return n
}

// allThere opens every PIN that is known with the keyring as it is now, and compares.
func (b *battlefield) allThere(t *testing.T, d *db.DB, old string, known map[lock.ID]pin.PIN) {
	t.Helper()
	require.NotContains(t, keyIDs(t, b.data()), old)
	ring, err := pin.LoadKeyring(b.data() + "/keyring")
	require.NoError(t, err)
	for id, code := range known {
		a, err := d.Ledger.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, 2, a.Version, "action %s was ordered, and sealed anew once", id)
		kept, err := ring.Open(t.Context(), a.Secrets[0].Box, pin.Binding{
			Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(id), Secret: 1,
		})
		require.NoError(t, err)
		require.True(t, code.Equal(kept), "action %s has another PIN", id)
	}
}
