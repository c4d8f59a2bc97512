package oracle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/fcm/v1"
	"google.golang.org/api/option"

	"github.com/latchkey-mdm/latchkey/android/amapi"
)

const (
	device    = "enterprises/LC01/devices/3a5f"
	operation = device + "/operations/1786048723669"
)

// request is what matters of one.
type request struct {
	Method, Path, Type, Bearer string
	Query                      url.Values
	Body                       any // as JSON says it; nil: none
}

// recorder keeps the last request, and answers as the API would.
type recorder struct {
	*httptest.Server
	last request
}

func record(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		kind, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type"))
		r.last = request{Method: q.Method, Path: q.URL.Path, Query: q.URL.Query(), Type: kind, Bearer: q.Header.Get("Authorization")}
		for _, generic := range []string{"alt", "prettyPrint"} { // which say how the answer is written: as JSON, which is the default
			r.last.Query.Del(generic)
		}
		if body = bytes.TrimSpace(body); len(body) > 0 && json.Unmarshal(body, &r.last.Body) != nil {
			r.last.Body = "not JSON"
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"name":"`+operation+`"}`)
	}))
	t.Cleanup(r.Close)
	return r
}

// take returns the last request, and forgets it.
func (r *recorder) take(t *testing.T) request {
	t.Helper()
	taken := r.last
	require.NotEmpty(t, taken.Path, "nothing was asked")
	r.last = request{}
	return taken
}

func source() oauth2.TokenSource {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "one", TokenType: "Bearer"})
}

func ours(t *testing.T, r *recorder) *amapi.Client {
	t.Helper()
	c, err := amapi.NewClient(amapi.ClientConfig{Host: r.URL, Credentials: source()})
	require.NoError(t, err)
	return c
}

func googles(t *testing.T, r *recorder) *androidmanagement.EnterprisesDevicesService {
	t.Helper()
	s, err := androidmanagement.NewService(context.Background(), option.WithEndpoint(r.URL), option.WithTokenSource(source()))
	require.NoError(t, err)
	return s.Enterprises.Devices
}

func googlesFCM(t *testing.T, r *recorder) *fcm.ProjectsMessagesService {
	t.Helper()
	s, err := fcm.NewService(context.Background(), option.WithEndpoint(r.URL), option.WithTokenSource(source()))
	require.NoError(t, err)
	return s.Projects.Messages
}
