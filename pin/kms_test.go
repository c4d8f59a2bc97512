package pin_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// remote is the adapter of the example, with its stand-in and a clock.
type remote struct {
	*RemoteSealer
	service *keyService
	minutes atomic.Int64
}

func startRemote(t *testing.T) *remote {
	t.Helper()
	r := &remote{service: startKeyService("master-1")}
	t.Cleanup(r.service.Close)
	r.RemoteSealer = &RemoteSealer{
		URL: r.service.URL, KeyID: "master-1", HTTP: r.service.Client(), CacheFor: 10 * time.Minute,
		Now: func() time.Time { return time.Unix(0, 0).Add(time.Duration(r.minutes.Load()) * time.Minute) },
	}
	return r
}

func TestRemoteSealer(t *testing.T) {
	r := startRemote(t)
	for _, size := range []int{1, 6, 300, 64 << 10} {
		p, err := pin.Bytes(bytes.Repeat([]byte{7}, size))
		require.NoError(t, err)
		box := seal(t, r, p)
		assert.Equal(t, "master-1", box.KeyID())
		got, err := r.Open(t.Context(), box, binding)
		require.NoError(t, err)
		assert.True(t, got.Equal(p))
	}
	_, err := r.Seal(t.Context(), pin.PIN{}, binding)
	requireReason(t, err, pin.ReasonLength)
	_, err = r.Seal(t.Context(), parse(t, digits), pin.Binding{})
	requireReason(t, err, pin.ReasonBinding)
}

func TestRemoteSealerAsksOnceInItsTime(t *testing.T) {
	r := startRemote(t)
	box := seal(t, r, parse(t, digits))
	open := func() {
		_, err := r.Open(t.Context(), box, binding)
		require.NoError(t, err)
	}
	for _, step := range []struct {
		name    string
		minutes int64
		do      func()
		asked   int64
	}{
		{"a data key was wrapped, and unwrapped", 0, func() {}, 2},
		{"sealing goes on with it", 9, func() { seal(t, r, parse(t, digits)) }, 2},
		{"opening too", 9, open, 2},
		{"then it is unwrapped again", 10, open, 3},
		{"which counts for sealing", 19, func() { seal(t, r, parse(t, digits)) }, 3},
		{"then there is a new data key", 20, func() { seal(t, r, parse(t, digits)) }, 5},
		{"beside the other", 20, open, 6},
	} {
		r.minutes.Store(step.minutes)
		step.do()
		require.Equal(t, step.asked, r.service.asked.Load(), step.name)
	}
}

func TestRemoteSealerInAnOutage(t *testing.T) {
	outages := map[string]func(*remote) context.Context{
		"it says so":  func(r *remote) context.Context { r.service.down.Store(true); return t.Context() },
		"no answer":   func(r *remote) context.Context { r.service.Close(); return t.Context() },
		"out of time": func(*remote) context.Context { ctx, cancel := context.WithCancel(t.Context()); cancel(); return ctx },
	}
	for name, begin := range outages {
		t.Run(name, func(t *testing.T) {
			r := startRemote(t)
			box := seal(t, r, parse(t, digits))
			ctx := begin(r)
			r.minutes.Store(9)
			got, err := r.Open(ctx, box, binding)
			require.NoError(t, err)
			assert.Equal(t, digits, got.Expose())
			_, err = r.Seal(ctx, got, binding)
			require.NoError(t, err)

			r.minutes.Store(10)
			_, err = r.Open(ctx, box, binding)
			requireOutage(t, err)
			sealed, err := r.Seal(ctx, got, binding)
			requireOutage(t, err)
			assert.Nil(t, sealed)
		})
	}
}

// requireOutage wants an error that is no word on the box.
func requireOutage(t *testing.T, err error) {
	t.Helper()
	require.ErrorContains(t, err, "key service: ")
	require.NotErrorIs(t, err, pin.ErrOpen)
	var missing *pin.MissingKeyError
	require.NotErrorAs(t, err, &missing)
	assertHidden(t, err.Error(), "an outage")
}

func TestRemoteSealerIsTamperProof(t *testing.T) {
	r := startRemote(t)
	box := seal(t, r, parse(t, digits))
	r.minutes.Store(10) // so that another data key seals the next box
	sibling := seal(t, r, parse(t, "482915"))
	const wrapped = 5 + len("master-1") + 2
	cases := map[string]pin.Box{
		"nothing":            nil,
		"other wrapped key":  slices.Concat(box[:wrapped], sibling[wrapped:wrapped+60], box[wrapped+60:]),
		"no wrapped key":     slices.Concat(box[:wrapped-2], []byte{0, 0}, box[wrapped:]),
		"wrapped key beyond": slices.Concat(box[:wrapped-2], []byte{255, 255}, box[wrapped:]),
	}
	for i := range box {
		cases[fmt.Sprint("byte ", i)] = slices.Concat(box[:i], pin.Box{box[i] ^ 1}, box[i+1:])
		cases[fmt.Sprint("cut at ", i)] = box[:i]
	}
	for name, damaged := range cases {
		p, err := r.Open(t.Context(), damaged, binding)
		require.True(t, p.IsZero(), name)
		if id := damaged.KeyID(); id != "" && id != "master-1" {
			require.ErrorAs(t, err, new(*pin.MissingKeyError), name)
			continue
		}
		require.ErrorIs(t, err, pin.ErrOpen, name)
	}
}

func TestRemoteSealerRefusesOtherBindings(t *testing.T) {
	r := startRemote(t)
	box := seal(t, r, parse(t, digits))
	for name, change := range map[string]func(*pin.Binding){
		"scope": func(b *pin.Binding) { b.Scope = "other" }, "platform": func(b *pin.Binding) { b.Platform = "android" },
		"action": func(b *pin.Binding) { b.Action = "other" }, "secret number": func(b *pin.Binding) { b.Secret = 1 },
	} {
		other := binding
		change(&other)
		_, err := r.Open(t.Context(), box, other)
		require.Equal(t, pin.ErrOpen, err, name)
	}
}

func TestRemoteSealerWithoutItsMasterKey(t *testing.T) {
	r, other := startRemote(t), startRemote(t)
	box := seal(t, r, parse(t, digits))
	other.KeyID = "master-2"
	var missing *pin.MissingKeyError
	_, err := other.Open(t.Context(), box, binding)
	require.ErrorAs(t, err, &missing, "the box names another key")
	assert.Equal(t, "master-1", missing.KeyID)
	assert.Zero(t, other.service.asked.Load(), "nobody need be asked")

	_, err = other.Seal(t.Context(), parse(t, digits), binding)
	require.ErrorAs(t, err, &missing, "the service has no such key")
	assert.Equal(t, "master-2", missing.KeyID)

	other.KeyID = "master-1" // of the same name, and not the same
	_, err = other.Open(t.Context(), box, binding)
	require.ErrorIs(t, err, pin.ErrOpen)
}

func TestRemoteSealerDistrustsAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		says string
	}{
		"nothing":            {0, "1 to 4096 bytes"},
		"half a key":         {16, "exactly 32 bytes"},
		"too long for a key": {33, "exactly 32 bytes"},
		"largest":            {maxAnswer, "exactly 32 bytes"},
		"too large":          {maxAnswer + 1, "1 to 4096 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, c.size)) }))
			t.Cleanup(service.Close)
			r := &RemoteSealer{URL: service.URL, KeyID: "k", HTTP: service.Client(), CacheFor: time.Minute, Now: time.Now}
			box, err := r.Seal(t.Context(), parse(t, digits), binding)
			requireOutage(t, err)
			assert.Contains(t, err.Error(), c.says)
			assert.Nil(t, box)
		})
	}
}

func TestRemoteSealerForgets(t *testing.T) {
	r := startRemote(t)
	box := seal(t, r, parse(t, digits))
	for i := range maxCached {
		r.cache[fmt.Sprint("other ", i)] = dataKey{until: r.Now().Add(r.CacheFor)}
	}
	r.sealing = ""
	seal(t, r, parse(t, digits))
	assert.LessOrEqual(t, len(r.cache), maxCached, "it is bounded")
	_, err := r.Open(t.Context(), box, binding)
	require.NoError(t, err)

	r.minutes.Store(10)
	seal(t, r, parse(t, digits))
	assert.Len(t, r.cache, 1, "what is out of its time is forgotten")
}

func TestRemoteSealerConcurrently(t *testing.T) {
	r, code := startRemote(t), parse(t, digits)
	var workers sync.WaitGroup
	for n := range 8 {
		workers.Go(func() {
			own := binding
			own.Secret = n
			for range 20 {
				r.minutes.Add(1)
				box, sealErr := r.Seal(t.Context(), code, own)
				got, openErr := r.Open(t.Context(), box, own)
				if sealErr != nil || openErr != nil || !got.Equal(code) {
					t.Errorf("sealed: %v, opened: %v", sealErr, openErr)
				}
			}
		})
	}
	workers.Wait()
}
