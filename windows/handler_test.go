package windows_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// talk is a session that a test holds by hand, in the name of a machine.
type talk struct {
	m       *machine
	client  *http.Client
	session string
	n       int
}

func (m *machine) talk(session string) *talk { return &talk{m: m, client: m.http, session: session} }

// message is the next one, with these commands.
func (c *talk) message(commands ...syncml.Command) syncml.Message {
	c.n++
	id := c.m.Config().ID
	return syncml.Message{
		Header: syncml.Header{
			SessionID: c.session, MsgID: strconv.Itoa(c.n),
			Target: syncml.Location{URI: c.m.w.server.URL + endpoint}, Source: syncml.Location{URI: id},
		},
		Commands: commands, Final: true,
	}
}

// begins is package 1.
func (c *talk) begins() syncml.Message {
	return c.message(syncml.Command{Verb: syncml.VerbAlert, Data: "1201"}, syncml.Command{Verb: syncml.VerbReplace, Items: []syncml.Item{
		{Source: &syncml.Location{URI: "./DevInfo/DevId"}, Data: c.m.Config().ID, HasData: true},
	}})
}

// says sends a message and returns the answer to it.
func (c *talk) says(m syncml.Message) syncml.Message {
	c.m.w.t.Helper()
	body, err := m.Encode()
	require.NoError(c.m.w.t, err)
	res := c.m.w.post(c.client, body)
	require.Equal(c.m.w.t, http.StatusOK, res.status)
	got, err := syncml.Decode(res.body)
	require.NoError(c.m.w.t, err)
	return *got
}

// response is what the handler answers.
type response struct {
	status int
	header http.Header
	body   []byte
}

// post sends a body by POST, with the right type.
func (w *world) post(client *http.Client, body []byte) response {
	w.t.Helper()
	res, err := client.Post(w.server.URL+endpoint, syncml.ContentType, bytes.NewReader(body))
	require.NoError(w.t, err)
	return received(w.t, res)
}

func received(t tb, res *http.Response) response {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return response{res.StatusCode, res.Header, body}
}

// commands are those of a message that ask the device for something.
func commands(m syncml.Message) (found []syncml.Command) {
	for _, c := range m.Commands {
		if c.Verb != syncml.VerbStatus && c.Verb != syncml.VerbAlert {
			found = append(found, c)
		}
	}
	return found
}

// done is the status of a command.
func done(m syncml.Message, c syncml.Command, code string) syncml.Command {
	return syncml.Command{Verb: syncml.VerbStatus, MsgRef: m.Header.MsgID, CmdRef: c.ID, Cmd: string(c.Verb), Data: code}
}

func TestHandlerRefuses(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.unknown(windowstest.Config{Name: "A"})
	other := w.unknown(windowstest.Config{Name: "B"})
	named := w.ca.issue(t, "prefix "+m.Config().ID+" suffix") // its name says so, and nobody enrolled it
	good, err := m.talk("1").begins().Encode()
	require.NoError(t, err)
	for _, c := range []request{
		{name: "it serves", want: http.StatusOK},
		{name: "with a charset", kind: syncml.ContentType + `; charset="UTF-8"`, want: http.StatusOK},
		{name: "GET", method: http.MethodGet, want: http.StatusMethodNotAllowed},
		{name: "WBXML", kind: "application/vnd.syncml.dm+wbxml", want: http.StatusUnsupportedMediaType},
		{name: "UTF-16", kind: syncml.ContentType + "; charset=utf-16", want: http.StatusUnsupportedMediaType},
		{name: "no type", kind: "none", want: http.StatusUnsupportedMediaType},
		{name: "compressed", coding: "gzip", want: http.StatusUnsupportedMediaType},
		{name: "too large", body: bytes.Repeat([]byte(" "), syncml.MaxBody+1), want: http.StatusRequestEntityTooLarge},
		{name: "no certificate", client: w.client(nil), want: http.StatusForbidden},
		{name: "another device's certificate", client: other.http, want: http.StatusForbidden},
		{name: "a certificate that names the device", client: w.client(&named), want: http.StatusForbidden},
		{name: "not XML", body: []byte("hello"), want: http.StatusBadRequest},
		{name: "DOCTYPE", body: append([]byte("<!DOCTYPE SyncML>"), good...), want: http.StatusBadRequest},
		{name: "nothing", body: []byte{}, want: http.StatusBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.body == nil {
				c.body = good
			}
			res := c.send(t, w.server.URL+endpoint, cmp.Or(c.client, m.http))
			assert.Equal(t, c.want, res.status)
			if c.want == http.StatusOK {
				assert.Equal(t, syncml.ContentType, res.header.Get("Content-Type"))
				assert.Equal(t, strconv.Itoa(len(res.body)), res.header.Get("Content-Length"), "not chunked")
			}
		})
	}
}

// request is one that differs from a good one.
type request struct {
	name   string
	client *http.Client
	method string
	kind   string // its content type; "none": none
	coding string
	body   []byte
	want   int
}

func (c request) send(t *testing.T, url string, client *http.Client) response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), cmp.Or(c.method, http.MethodPost), url, bytes.NewReader(c.body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", strings.TrimPrefix(cmp.Or(c.kind, syncml.ContentType), "none"))
	if c.coding != "" {
		r.Header.Set("Content-Encoding", c.coding)
	}
	res, err := client.Do(r)
	require.NoError(t, err)
	return received(t, res)
}

func TestCertificateOfAnotherAuthority(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.unknown(windowstest.Config{})
	forged := newCA().issue(t, m.Config().ID)
	require.NoError(t, m.SetServer(w.server.URL+endpoint, w.client(&forged)))
	require.Error(t, m.Sync(t.Context()), "TLS refuses it")
}

func TestDigest(t *testing.T) {
	with := func(e *windows.Enrolled) { e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001") }
	cfg := windowstest.Config{PIN: personal, User: "device-0001", Secret: "s3cret-0001"}
	for _, c := range []struct {
		name   string
		alone  bool // the handler takes a digest without a certificate
		cert   bool // the device presents one
		secret string
		enrol  []func(*windows.Enrolled)
		ok     bool
	}{
		{"certificate and digest", false, true, cfg.Secret, []func(*windows.Enrolled){with}, true},
		{"certificate and a wrong digest", false, true, "wrong", []func(*windows.Enrolled){with}, false},
		{"digest alone", true, false, cfg.Secret, []func(*windows.Enrolled){with}, true},
		{"digest alone, which is not enough", false, false, cfg.Secret, []func(*windows.Enrolled){with}, false},
		{"a wrong digest alone", true, false, "wrong", []func(*windows.Enrolled){with}, false},
		{"nothing at all", true, false, cfg.Secret, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory(), func(h *windows.Config) { h.DigestAlone = c.alone })
			device := cfg
			device.Secret = c.secret
			m := w.unknown(device, c.enrol...)
			if !c.cert {
				require.NoError(t, m.SetServer(w.server.URL+endpoint, w.client(nil)))
			}
			reset := m.must(lock.KindResetPasscode, force)
			err := m.Sync(t.Context())
			if !c.ok {
				require.Error(t, err)
				require.Equal(t, lock.StateQueued, w.get(reset.ID).State)
				require.Empty(t, w.learnt, "who proves nothing teaches nothing")
				if len(c.enrol) == 0 {
					require.ErrorContains(t, err, "403", "there is nothing that it could prove itself with")
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, m.State().PIN, w.reveal(reset.ID))
			body, err := w.service().RevealAnswer(t.Context(), locktest.Admin(), reset.ID, "asked by a test", "")
			require.NoError(t, err)
			require.Contains(t, string(body), m.State().PIN, "the message was kept before it was interpreted")
			m.Script(windowstest.StaleNonce())
			require.NoError(t, m.later(), "it is challenged once more")
		})
	}
}

func TestNonceIsUsedOnce(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal, User: "device-0001", Secret: "s3cret-0001"}, func(e *windows.Enrolled) {
		e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001")
	})
	locked := m.must(lock.KindLock)
	w.sessions.failAt(2, false) // the server dies once it has noted that the nonce is used
	var heard []byte
	m.OnSend(func(_ int, body []byte) error {
		if heard != nil {
			return errCut
		}
		heard = bytes.Clone(body)
		return nil
	})
	require.ErrorIs(t, m.later(), errCut)
	require.Contains(t, string(heard), "<Cred>")
	delivered := w.get(locked.ID).Deliveries

	m.OnSend(nil)
	w.clock.Advance(time.Minute)
	other := bytes.Replace(heard, []byte("<SessionID>"), []byte("<SessionID>A"), 1)
	res := w.post(m.http, other)
	require.Equal(t, http.StatusOK, res.status)
	answer, err := syncml.Decode(res.body)
	require.NoError(t, err)
	require.Empty(t, commands(*answer))
	require.Equal(t, "401", answer.Commands[0].Data)
	require.Equal(t, delivered, w.get(locked.ID).Deliveries)
	require.NoError(t, m.later())
}

// embedder is somebody with commands of their own.
type embedder struct {
	waiting []omadm.Work
	done    []omadm.Answer
	fail    error // of Done
}

func (e *embedder) Next(context.Context, lock.Device) ([]omadm.Work, error) { return e.waiting, nil }

func (e *embedder) Done(_ context.Context, _ lock.Device, a omadm.Answer) error {
	if e.fail == nil && a.Complete {
		e.done = append(e.done, a)
		e.waiting = e.waiting[1:]
	}
	return e.fail
}

func TestCommandsOfTheEmbedder(t *testing.T) {
	theirs := &embedder{}
	w := newWorld(t, store.NewMemory(), func(c *windows.Config) { c.Commands = theirs })
	m := w.machine(windowstest.Config{PIN: personal})
	theirs.waiting = []omadm.Work{
		{Ref: "push", Commands: []syncml.Command{syncml.Sequence(
			syncml.Replace("./Device/Vendor/MSFT/DMClient/Provider/ExampleMDM/Push/PFN", "chr", "12345Example.MDM_abcdefghjkmnp"),
			syncml.Get("./Device/Vendor/MSFT/DMClient/Provider/ExampleMDM/Push/ChannelURI"),
		)}},
	}
	reset := m.must(lock.KindResetPasscode)
	m.syncs()
	require.Equal(t, lock.StateConfirmed, w.get(reset.ID).State, "a lock goes first")
	require.Len(t, theirs.done, 1)
	assert.Equal(t, "push", theirs.done[0].Ref)
	assert.Equal(t, m.Config().ChannelURI, w.learnt[m.known().ID].ChannelURI)

	theirs.waiting = []omadm.Work{
		{Ref: "again", Commands: []syncml.Command{syncml.Get("./DevDetail/SwV")}},
		{Ref: "nothing", Commands: []syncml.Command{{Verb: syncml.VerbGet}}}, // nobody could execute it, and it holds nothing up
	}
	theirs.fail = errors.New("their database is away")
	require.ErrorContains(t, m.later(), "503")
	theirs.fail = nil
	require.NoError(t, m.later())
	require.Len(t, theirs.done, 2, "it was said again")
}

func TestDeviceTellsOfItself(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal, Class: windowstest.HoloLens, MaxMsgSize: 8000})
	require.NoError(t, m.SignIn("grace"))
	require.NoError(t, m.later())
	facts := windows.FromDevice(m.known())
	assert.Equal(t, "user", facts.SignedIn)
	assert.Equal(t, 8000, facts.MaxMsgSize)
	asked := m.known().Facts[string(windows.FactBuild)].At

	require.NoError(t, m.later())
	assert.Equal(t, asked, m.known().Facts[string(windows.FactBuild)].At, "not asked again")
	w.clock.Advance(7 * 24 * time.Hour)
	require.NoError(t, m.later())
	assert.True(t, asked.Before(m.known().Facts[string(windows.FactBuild)].At), "asked again after a week")

	m.Disconnect()
	require.NoError(t, m.later())
	assert.True(t, w.learnt[m.known().ID].Gone)
}

func TestFactsThatCannotBeKept(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.unknown(windowstest.Config{PIN: personal})
	w.fail = errors.New("the records are away")
	body, err := m.talk("1").begins().Encode()
	require.NoError(t, err)
	res := w.post(m.http, body)
	assert.Equal(t, http.StatusServiceUnavailable, res.status)
	assert.Equal(t, "30", res.header.Get("Retry-After"))
	w.fail = nil
	assert.Equal(t, http.StatusOK, w.post(m.http, body).status)
}

func TestTwoSessionsAtOnce(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	w.clock.Advance(time.Hour)
	locked := m.must(lock.KindLock)
	one, two := m.talk("A1"), m.talk("A2")
	first := one.says(one.begins())
	require.Len(t, commands(first), 1)
	require.Empty(t, commands(two.says(two.begins())), "the first session may still answer")
	require.Equal(t, 1, w.get(locked.ID).Deliveries)

	one.says(one.message(done(first, commands(first)[0], "200")))
	require.Equal(t, lock.StateConfirmed, w.get(locked.ID).State)

	again := m.must(lock.KindLock)
	three, four := m.talk("A3"), m.talk("A4")
	require.Len(t, commands(three.says(three.begins())), 1)
	w.clock.Advance(3 * time.Minute)
	late := four.says(four.begins())
	require.Len(t, commands(late), 1, "nobody waits for a session that fell silent")
	require.Equal(t, 2, w.get(again.ID).Deliveries)
	four.says(four.message(done(late, commands(late)[0], "200")))
	require.Equal(t, lock.StateConfirmed, w.get(again.ID).State)
}

func TestStateThatCannotBeRead(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	_, version, err := w.sessions.Load(t.Context(), "acme", m.known().ID)
	require.NoError(t, err)
	require.NoError(t, w.sessions.Save(t.Context(), "acme", m.known().ID, []byte("{"), version))
	reset := m.carriedOut(lock.KindResetPasscode)
	assert.Equal(t, m.State().PIN, w.reveal(reset.ID))
}

func TestConflictIsAnError(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	w.sessions.failAt(1, true) // stored, and not heard: the next one conflicts with nothing, since it loads anew
	require.ErrorContains(t, m.later(), "503", "as if another process had the message")
	w.clock.Advance(time.Minute)
	m.syncs()
	err := windows.NewSessions().Save(t.Context(), "acme", "pc", nil, 7)
	require.ErrorIs(t, err, windows.ErrConflict)
}

func TestNewHandlerNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	full := windows.Config{Service: w.service(), Devices: w.fleet}
	for field, edit := range map[string]func(*windows.Config){
		"Service": func(c *windows.Config) { c.Service = nil },
		"Devices": func(c *windows.Config) { c.Devices = nil },
	} {
		cfg := full
		edit(&cfg)
		_, err := windows.NewHandler(cfg)
		var input *lock.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
}
