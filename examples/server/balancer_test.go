package main

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// balance is the simplest load balancer: it listens on addr, and each request goes to any of the replicas, dead or alive. It knows no
// sessions. For one that is dead it answers 502.
func balance(t testing.TB, addr string, replicas []string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	require.NoError(t, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 256, ResponseHeaderTimeout: 20 * time.Second}
	server := &httptest.Server{Listener: listener, Config: &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: replicas[rand.IntN(len(replicas))]})
			r.Out.Host = r.In.Host
		},
		Transport: transport,
		ErrorLog:  slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError),
	}}}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
}
