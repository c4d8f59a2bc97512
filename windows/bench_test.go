package windows_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// desktopID is the device of the sample messages.
const desktopID = "6F0A1B2C3D4E5F60718293A4B5C6D7E8"

// site is a handler without TLS and network in front of it, and one device with a certificate.
type site struct {
	fleet   *fleet
	svc     *lock.Service
	handler http.Handler
	cert    *x509.Certificate
	logs    *journal
}

func newSite(t tb, ledger lock.Store) *site {
	t.Helper()
	clock := &locktest.Clock{}
	clock.Set(start)
	s := &site{
		fleet: &fleet{now: clock.Now, devices: map[string]*windows.Enrolled{}, certs: map[[32]byte]string{}, learnt: map[string]windows.Learnt{}},
		cert:  sharedCA().cert, logs: &journal{},
	}
	facts := map[string]lock.Fact{}
	for name, value := range map[windows.FactName]string{
		windows.FactClass: "phone", windows.FactBuild: "10.0.15254.603", windows.FactRemoteLock: "yes", windows.FactReset: "yes",
	} {
		facts[string(name)] = lock.Fact{Value: value, At: start}
	}
	s.fleet.enrol(windows.Enrolled{ID: desktopID, Device: lock.Device{
		Scope: "acme", ID: "pc-1", Platform: windows.PlatformName, Facts: facts,
	}}, s.cert)
	log := slog.New(slog.NewTextHandler(s.logs, nil))
	var err error
	s.svc, err = lock.New(lock.Config{
		Store: ledger, Sealer: locktest.Keyring("test"), Platforms: []lock.Platform{windows.Platform(nil)}, Authorize: &locktest.Rights{},
		Now: clock.Now, Logger: log,
	})
	require.NoError(t, err)
	s.handler, err = windows.NewHandler(windows.Config{
		Service: s.svc, Devices: s.fleet, Sessions: windows.NewSessions(), Now: clock.Now, Logger: log,
	})
	require.NoError(t, err)
	return s
}

// post gives the handler a body of the device.
func (s *site) post(body []byte, edits ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, endpoint, bytes.NewReader(body))
	r.Header.Set("Content-Type", syncml.ContentType)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{s.cert}, VerifiedChains: [][]*x509.Certificate{{s.cert}}}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// conversation is what the device says in a session in which it is given one command; the statuses are of the command's ID.
func conversation(t tb, session string, id string, n int) []byte {
	t.Helper()
	m := syncml.Message{
		Header: syncml.Header{
			SessionID: session, MsgID: strconv.Itoa(n), Target: syncml.Location{URI: "https://mdm.example.com/windows/dm"},
			Source: syncml.Location{URI: desktopID},
		},
		Commands: []syncml.Command{
			{Verb: syncml.VerbAlert, Data: "1201"},
			{Verb: syncml.VerbReplace, Items: []syncml.Item{
				{Source: &syncml.Location{URI: "./DevInfo/DevId"}, Data: desktopID, HasData: true},
				{Source: &syncml.Location{URI: "./DevInfo/Man"}, Data: "Contoso, Ltd.", HasData: true},
				{Source: &syncml.Location{URI: "./DevInfo/Mod"}, Data: "Contoso phone", HasData: true},
				{Source: &syncml.Location{URI: "./DevInfo/DmV"}, Data: "1.3", HasData: true},
				{Source: &syncml.Location{URI: "./DevInfo/Lang"}, Data: "en-US", HasData: true},
			}},
		},
		Final: true,
	}
	if n > 1 {
		m.Commands = []syncml.Command{
			{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: "0", Cmd: "SyncHdr", Data: "200"},
			{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: id, Cmd: "Exec", Data: "200"},
		}
	}
	body, err := m.Encode()
	require.NoError(t, err)
	return body
}

// anySession stands for a session in a message.
const anySession = "FFFF"

// in makes the message one of the nth session.
func in(n int, body []byte) []byte {
	return bytes.Replace(body, []byte(">"+anySession+"<"), []byte(">"+strconv.FormatInt(int64(n%60000), 16)+"<"), 1)
}

// BenchmarkHandler holds sessions: a poll is one message, to which there is nothing to say; a lock is two, with the delivery and the
// acknowledgement made durable between them. The order itself is not measured.
func BenchmarkHandler(b *testing.B) {
	for name, ledger := range ledgers {
		b.Run("poll/"+name, func(b *testing.B) {
			s := newSite(b, ledger(b))
			b.ReportAllocs()
			opening := conversation(b, anySession, "", 1)
			for n := 0; b.Loop(); n++ {
				require.Equal(b, http.StatusOK, s.post(in(n, opening)).Code)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
		})
		b.Run("lock/"+name, func(b *testing.B) {
			s := newSite(b, ledger(b))
			b.ReportAllocs()
			opening, answer := conversation(b, anySession, "", 1), conversation(b, anySession, "4", 2)
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				e, err := s.fleet.Device(b.Context(), nil, desktopID)
				require.NoError(b, err)
				a, err := s.svc.Lock(b.Context(), locktest.Admin(), lock.Request{Device: e.Device, Reason: "lost"})
				require.NoError(b, err)
				b.StartTimer()
				first := s.post(in(n, opening))
				last := s.post(in(n, answer))
				b.StopTimer()
				require.Equal(b, http.StatusOK, first.Code)
				require.Equal(b, http.StatusOK, last.Code)
				a, err = s.svc.Get(b.Context(), locktest.Admin(), a.ID)
				require.NoError(b, err)
				require.Equal(b, lock.StateConfirmed, a.State, first.Body.String())
				b.StartTimer()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
		})
	}
}
