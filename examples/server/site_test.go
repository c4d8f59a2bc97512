package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// site is the whole server for one test: started as the command line starts it, on a state folder of its own.
type site struct {
	dir    string
	source string // its database, as db.Open takes it
	url    string
	token  string
	logs   *buffer
	client *http.Client
	moved  atomic.Int64 // how far its clock was moved on
	edit   func(*options)
	stop   func()
}

// buffer is where a running server writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// open starts a server; clock is nil for the real one.
func open(t testing.TB, clock func() time.Time) *site {
	t.Helper()
	s := newSite(t)
	if dbtest.IsPostgres(t) {
		s.source = postgres.Database(t)
	}
	s.start(t, clock)
	return s
}

// newSite is a state folder with nothing in it.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.source = filepath.Join(s.data(), "latchkey.db")
	return s
}

// reopen starts a server again on the state that another has left.
func reopen(t testing.TB, left *site) *site {
	t.Helper()
	s := &site{dir: left.dir, source: left.source}
	s.start(t, nil)
	return s
}

func (s *site) start(t testing.TB, clock func() time.Time) {
	t.Helper()
	s.logs, s.client = &buffer{}, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	if clock == nil {
		clock = time.Now
	}
	o, err := parse([]string{
		"-addr", "127.0.0.1:0", "-data", filepath.Join(s.dir, "data"), "-api-token-file", filepath.Join(s.dir, "token"),
	}, s.env, io.Discard)
	require.NoError(t, err)
	o.now = func() time.Time { return clock().Add(time.Duration(s.moved.Load())) }
	if s.edit != nil {
		s.edit(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := launch(ctx, o, in, s.logs)
		_ = in.CloseWithError(err)
		ended <- err
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		s.client.CloseIdleConnections()
		assert.NoError(t, <-ended)
	})
	t.Cleanup(s.stop)
	s.url = listening(t, out)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	token, err := os.ReadFile(filepath.Join(s.dir, "token"))
	require.NoError(t, err)
	s.token = strings.TrimSpace(string(token))
}

func (s *site) data() string { return filepath.Join(s.dir, "data") }

// env is the environment of the server and of its commands.
func (s *site) env(name string) string {
	if name == envDatabase && db.IsPostgres(s.source) {
		return s.source
	}
	return ""
}

// open opens the database beside the server.
func (s *site) open(t testing.TB) *db.DB {
	t.Helper()
	return dbtest.Open(t, s.source)
}

// listening reads what the server prints until it says where it listens.
func listening(t testing.TB, out io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "Listening on "); ok {
			return url
		}
	}
	require.NoError(t, lines.Err(), "the server did not start")
	require.FailNow(t, "the server ended without listening")
	return ""
}

func (s *site) advance(d time.Duration) { s.moved.Add(int64(d)) }

// object is a JSON object.
type object map[string]any

func (o object) text(name string) string {
	v, _ := o[name].(string)
	return v
}

func (o object) list(name string) []object {
	items, _ := o[name].([]any)
	var out []object
	for _, item := range items {
		fields, _ := item.(map[string]any)
		out = append(out, fields)
	}
	return out
}

// call calls the API and returns the status and the answer.
func (s *site) call(t testing.TB, method, path string, body any, header ...string) (int, object) {
	t.Helper()
	status, answer, err := s.request(t.Context(), method, path, body, header...)
	require.NoError(t, err, "%s %s", method, path)
	return status, answer
}

// request is call for a server that may be gone. Headers come in pairs; one without a value is left out.
func (s *site) request(ctx context.Context, method, path string, body any, header ...string) (int, object, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	if body == nil {
		data = nil
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if data, err = io.ReadAll(res.Body); err != nil || len(data) == 0 {
		return res.StatusCode, nil, err
	}
	var answer object
	err = json.Unmarshal(data, &answer)
	return res.StatusCode, answer, err
}

// must is call with a status that is expected.
func (s *site) must(t testing.TB, status int, method, path string, body any, header ...string) object {
	t.Helper()
	got, answer := s.call(t, method, path, body, header...)
	require.Equal(t, status, got, "%s %s: %v", method, path, answer)
	return answer
}

// enrol enrols a simulated Mac over SCEP.
func (s *site) enrol(t testing.TB, cfg mdmtest.Config) *mdmtest.Mac {
	t.Helper()
	mac, err := mdmtest.New(cfg)
	require.NoError(t, err)
	require.NoError(t, mac.Enroll(t.Context(), s.link(t, "")))
	_, err = mac.Poll(t.Context()) // answers what the server asks first
	require.NoError(t, err)
	return mac
}

// link makes an enrolment link, or one by which a device renews its certificate.
func (s *site) link(t testing.TB, renews string) string {
	t.Helper()
	return s.must(t, http.StatusCreated, http.MethodPost, "/api/v1/enrollments", object{"device_id": renews}).text("url")
}

// lock orders a lock and returns its action.
func (s *site) lock(t testing.TB, mac *mdmtest.Mac, order object) object {
	t.Helper()
	return s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock", order)
}

func (s *site) action(t testing.TB, id string) object {
	t.Helper()
	return s.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions/"+id, nil)
}

func (s *site) reveal(t testing.TB, id string) string {
	t.Helper()
	return s.must(t, http.StatusOK, http.MethodPost, "/api/v1/actions/"+id+"/reveal", object{"reason": "test"}).text("pin")
}

// candidates are the actions whose PINs may open the Mac, the most likely first.
func (s *site) candidates(t testing.TB, mac *mdmtest.Mac) []string {
	t.Helper()
	var ids []string
	for _, c := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+mac.Config().UDID+"/pins", nil).list("items") {
		ids = append(ids, c.text("action_id"))
	}
	return ids
}

// poll lets the Mac talk to the server.
func poll(t testing.TB, mac *mdmtest.Mac) {
	t.Helper()
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
}
