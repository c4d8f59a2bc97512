package ca_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func serve(h http.Handler, query string) *httptest.ResponseRecorder {
	res := httptest.NewRecorder()
	h.ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/enroll"+query, nil))
	return res
}

func post(h http.Handler, body []byte) *httptest.ResponseRecorder {
	res := httptest.NewRecorder()
	h.ServeHTTP(res, httptest.NewRequest(http.MethodPost, "/scep?operation=PKIOperation", bytes.NewReader(body)))
	return res
}

func newFuzzHandler(f *testing.F) http.Handler {
	f.Helper()
	folder := f.TempDir()
	keyring, err := pin.CreateKeyring(filepath.Join(folder, "keyring"))
	require.NoError(f, err)
	d := dbtest.Open(f, dbtest.Source(f, &server))
	c, err := ca.Open(f.Context(), ca.Config{DB: d, Sealer: keyring})
	require.NoError(f, err)
	return c.SCEP(&world{}, slog.New(slog.DiscardHandler))
}
