package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// direct takes requests to a server that does not listen, as from an address.
type direct struct {
	web  http.Handler
	from string
}

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	in, res := r.Clone(r.Context()), httptest.NewRecorder()
	in.RemoteAddr = d.from
	d.web.ServeHTTP(res, in)
	return res.Result(), nil
}

// Without TLS a digest alone is enough for the simulated devices of a demonstration, on its own machine, and for nobody else.
func TestDigestAloneIsForDemonstrations(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		from   string
		served bool
	}{
		"demonstration":              {[]string{"-demo"}, "127.0.0.1:1234", true},
		"demonstration, by IPv6":     {[]string{"-demo"}, "[::1]:1234", true},
		"demonstration, from afar":   {[]string{"-demo"}, "192.0.2.1:1234", false},
		"no demonstration":           {nil, "127.0.0.1:1234", false},
		"no demonstration, by proxy": {[]string{"-url", "https://mdm.example.com"}, "127.0.0.1:1234", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := wired(t, "http://127.0.0.1:8080", c.args...)
			web, err := s.handler(t.Context().Done())
			require.NoError(t, err)
			_, secret, err := s.enterSimulated(t.Context(), demo.Computer{ID: "DE30", Name: "Lumia"})
			require.NoError(t, err)
			phone, err := windowstest.New(windowstest.Config{ID: "DE30", User: "DE30", Secret: secret})
			require.NoError(t, err)
			require.NoError(t, phone.SetServer("http://127.0.0.1:8080"+windowsPath, &http.Client{Transport: direct{web, c.from}}))
			err = phone.Sync(t.Context())
			if c.served {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), "403")
		})
	}
}
