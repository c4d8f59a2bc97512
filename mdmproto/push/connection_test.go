package push_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

func TestCutConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer pushtest.Answer
		class  push.Class
		reason string
	}{
		{"reset", pushtest.Answer{Cut: pushtest.CutReset}, push.ClassUnreachable, ""},
		{"goaway", pushtest.Answer{Cut: pushtest.CutGoAway}, push.ClassUnreachable, ""},
		{"goaway for a shutdown", pushtest.Answer{Cut: pushtest.CutGoAway, Reason: "Shutdown"}, push.ClassUnavailable, "Shutdown"},
		{"goaway for the certificate", pushtest.Answer{Cut: pushtest.CutGoAway, Reason: "BadCertificate"}, push.ClassBadCertificate, "BadCertificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			h.apns.Script(token("mac"), c.answer, pushtest.Answer{})
			e := h.fail(t.Context(), d)
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.reason, e.Reason)
			assert.Equal(t, c.class == push.ClassBadCertificate, e.ProviderFailure())
			assert.Equal(t, c.class != push.ClassBadCertificate, e.ProviderTrouble())
			assert.False(t, e.ProviderAnswered())
			require.NoError(t, h.waker.Wake(t.Context(), d), "the next push connects again")
		})
	}
	t.Run("goaway before the push was seen", func(t *testing.T) {
		h := newHarness(t)
		h.apns.Script(token("mac"), pushtest.Answer{Cut: pushtest.CutUnseen}, pushtest.Answer{})
		require.NoError(t, h.waker.Wake(t.Context(), h.device("mac")), "it is sent again over another connection")
		accepted, _ := h.apns.Connections()
		assert.Equal(t, 2, accepted)
	})
}

func TestHang(t *testing.T) {
	h := newHarness(t)
	stuck, fine := h.device("stuck"), h.device("fine")
	h.apns.Script(token("stuck"), pushtest.Answer{Cut: pushtest.CutHang})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan *push.Error)
	go func() {
		e := new(push.Error)
		assert.ErrorAs(t, h.waker.Wake(ctx, stuck), &e)
		failed <- e
	}()
	require.NoError(t, h.apns.Await(t.Context(), func() bool { return len(h.apns.Pushes()) == 1 }))
	require.NoError(t, h.waker.Wake(t.Context(), fine), "a push that hangs delays no other")
	cancel()
	e := <-failed
	assert.Equal(t, push.ClassUnreachable, e.Class)
	require.ErrorIs(t, e, context.Canceled)
	accepted, _ := h.apns.Connections()
	assert.Equal(t, 1, accepted)
}

// TestDialHonoursContext has a host that accepts connections and says nothing. The first push makes the connection, the second waits for it.
func TestDialHonoursContext(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	h := newHarness(t, func(c *push.Config) { c.Host = "https://" + silent.Addr().String() })
	first, second := h.device("first"), h.device("second")
	dialling, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.waker.Wake(dialling, first) }()
	accepted, err := silent.Accept()
	require.NoError(t, err)
	defer func() { _ = accepted.Close() }()

	brief, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.fail(brief, second), context.DeadlineExceeded)
	stop()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestUnreachable(t *testing.T) {
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	other, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(other.Close)
	for _, c := range []struct {
		name     string
		edit     func(*push.Config)
		class    push.Class
		provider bool
	}{
		{"nobody listens", func(c *push.Config) { c.Host = "https://" + closed.Addr().String() }, push.ClassUnreachable, false},
		{"an impostor", func(c *push.Config) { c.Host = other.URL() }, push.ClassUnreachable, false},
		{"a certificate of another authority", func(c *push.Config) { c.Host, c.Roots = other.URL(), other.Roots() }, push.ClassBadCertificate, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.edit)
			e := h.fail(t.Context(), h.device("mac"))
			assert.Equal(t, c.class, e.Class, e.Error())
			assert.Equal(t, c.provider, e.ProviderFailure())
			assert.Equal(t, !c.provider, e.ProviderTrouble())
			assert.False(t, e.ProviderAnswered())
			assert.Error(t, e.Err)
		})
	}
	assert.Empty(t, other.Pushes())
}

// TestThousandPushes has all of them at once: they share a connection, and at most 100 are under way.
func TestThousandPushes(t *testing.T) {
	const all, most = 1000, 100
	h := newHarness(t)
	release := make(chan struct{})
	h.apns.Script(nil, pushtest.Answer{Wait: release})
	var pushes sync.WaitGroup
	for i := range all {
		d := h.device(fmt.Sprint("mac", i))
		pushes.Go(func() { assert.NoError(t, h.waker.Wake(t.Context(), d)) })
	}
	require.NoError(t, h.apns.Await(t.Context(), func() bool { now, _ := h.apns.UnderWay(); return now == most }))
	full, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.fail(full, h.device("late")), context.DeadlineExceeded)
	close(release)
	pushes.Wait()
	_, peak := h.apns.UnderWay()
	assert.Equal(t, most, peak)
	assert.Len(t, h.apns.Pushes(), all)
	accepted, _ := h.apns.Connections()
	assert.LessOrEqual(t, accepted, 2)
}

// TestOneConnection has a host that takes five pushes at once: the others wait for their turn, and open no second connection.
func TestOneConnection(t *testing.T) {
	const streams, all = 5, 50
	narrow, err := pushtest.Start(topic, func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams} })
	require.NoError(t, err)
	t.Cleanup(narrow.Close)
	h := newHarness(t, func(c *push.Config) {
		text, err := narrow.Certificate(topic, time.Now().AddDate(1, 0, 0))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(c.Certificate, text, 0o600))
		c.Host, c.Roots = narrow.URL(), narrow.Roots()
	})
	require.NoError(t, h.waker.Wake(t.Context(), h.device("first")), "after which the limit is known")
	release := make(chan struct{})
	narrow.Script(nil, pushtest.Answer{Wait: release})
	var pushes sync.WaitGroup
	for i := range all {
		d := h.device(fmt.Sprint("mac", i))
		pushes.Go(func() { assert.NoError(t, h.waker.Wake(t.Context(), d)) })
	}
	require.NoError(t, narrow.Await(t.Context(), func() bool { now, _ := narrow.UnderWay(); return now == streams }))
	close(release)
	pushes.Wait()
	accepted, _ := narrow.Connections()
	assert.Equal(t, 1, accepted)
}

var _ lock.Waker = (*push.Waker)(nil)
