package mdmproto_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

const (
	typeCommand = "application/x-apple-aspen-mdm; charset=UTF-8"
	typeCheckin = "application/x-apple-aspen-mdm-checkin"
)

// message is a property list with these keys and values, already in XML.
func message(pairs ...string) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>`)
	for i := 0; i+1 < len(pairs); i += 2 {
		value := pairs[i+1]
		if !strings.HasPrefix(value, "<") {
			value = "<string>" + value + "</string>"
		}
		fmt.Fprintf(&b, "<key>%s</key>%s", pairs[i], value)
	}
	b.WriteString(`</dict></plist>`)
	return []byte(b.String())
}

func TestHandlerRefusesBadRequests(t *testing.T) {
	s := newServer(t)
	mac, other := s.mac(t, mdmtest.Config{}), s.mac(t, mdmtest.Config{})
	a := s.lock(t, mac)
	udid := mac.Config().UDID
	idle := message("UDID", udid, "Status", "Idle")
	otherID, err := other.Identity()
	require.NoError(t, err)
	foreignKey, foreignCA := newCA(t)
	foreign := issue(t, foreignCA, foreignKey, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	expired := s.identity(t, time.Now().Add(-time.Hour), time.Now().Add(-time.Minute))

	cases := []struct {
		name    string
		request mdmtest.Request
		status  int
		text    string
	}{
		{"method", mdmtest.Request{Method: http.MethodGet}, http.StatusMethodNotAllowed, "PUT or POST"},
		{"content type", mdmtest.Request{ContentType: "application/json", Body: idle}, http.StatusUnsupportedMediaType, "content type"},
		{"charset", mdmtest.Request{ContentType: "application/xml; charset=utf-16", Body: idle}, http.StatusUnsupportedMediaType, "UTF-8"},
		{"oversize", mdmtest.Request{Body: bytes.Repeat([]byte(" "), 1<<20)}, http.StatusRequestEntityTooLarge, "larger than"},
		{"empty", mdmtest.Request{Body: []byte{}}, http.StatusBadRequest, ""},
		{"truncated", mdmtest.Request{Body: idle[:len(idle)-10]}, http.StatusBadRequest, "malformed"},
		{"binary plist", mdmtest.Request{Body: []byte("bplist00\xd1\x01\x02")}, http.StatusBadRequest, "binary"},
		{"nesting bomb", mdmtest.Request{Body: bytes.Repeat([]byte("<array>"), 30_000)}, http.StatusBadRequest, ""},
		{"wrong type in one field", mdmtest.Request{Body: message("UDID", udid, "Status", "<integer>1</integer>")}, http.StatusBadRequest, "Status"},
		{"no device", mdmtest.Request{Body: message("Status", "Idle")}, http.StatusBadRequest, "UDID"},
		{"unsigned", mdmtest.Request{Body: idle, Unsigned: true}, http.StatusBadRequest, "Mdm-Signature is missing"},
		{"signature of another body", mdmtest.Request{Body: idle, Forged: true}, http.StatusBadRequest, "Mdm-Signature"},
		{"another CA", mdmtest.Request{Body: idle, Signer: &foreign}, http.StatusBadRequest, "Mdm-Signature"},
		{"expired certificate", mdmtest.Request{Body: idle, Signer: &expired}, http.StatusBadRequest, "Mdm-Signature"},
		{"certificate of another enrolment", mdmtest.Request{Body: idle, Signer: &otherID}, http.StatusBadRequest, "not enrolled"},
		{"unknown device", mdmtest.Request{Body: message("UDID", "UNKNOWN", "Status", "Idle")}, http.StatusBadRequest, "not enrolled"},
		{"unknown device checks in", mdmtest.Request{ContentType: typeCheckin, Body: message("UDID", "UNKNOWN", "MessageType", "CheckOut")}, http.StatusBadRequest, "not enrolled"},
		{
			"certificate of another enrolment authenticates",
			mdmtest.Request{ContentType: typeCheckin, Signer: &otherID, Body: message("UDID", udid, "MessageType", "Authenticate", "Topic", "x")},
			http.StatusBadRequest, "not enrolled",
		},
		{"date of nonsense where nothing is known", mdmtest.Request{ContentType: typeCheckin, Body: message("UDID", udid, "MessageType",
			"SetBootstrapToken", "When", "<date>never</date>")}, http.StatusBadRequest, "not an allowed value"},
		{"user authentication", mdmtest.Request{ContentType: typeCheckin, Body: message("UDID", udid, "UserID", "U", "MessageType", "UserAuthenticate")}, http.StatusGone, "not offered"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res, err := mac.Do(t.Context(), c.request)
			require.NoError(t, err)
			assert.Equal(t, c.status, res.Status, string(res.Body))
			assert.Contains(t, string(res.Body), c.text)
			assert.Equal(t, lock.StateQueued, s.state(t, a.ID), "the lock is as it was")
		})
	}
}

func TestHandlerAnswersWhatIsNotOurs(t *testing.T) {
	s := newServer(t)
	mac, other := s.mac(t, mdmtest.Config{}), s.mac(t, mdmtest.Config{})
	a := s.lock(t, mac)
	theirs := other.Config().UDID
	for name, body := range map[string][]byte{
		"result of an unknown command":           message("UDID", theirs, "Status", "Acknowledged", "CommandUUID", "unheard-of"),
		"result of another device's command":     message("UDID", theirs, "Status", "Acknowledged", "CommandUUID", string(a.ID)),
		"unknown status":                         message("UDID", theirs, "Status", "Perhaps", "CommandUUID", "unheard-of"),
		"unknown status of another's command":    message("UDID", theirs, "Status", "Perhaps", "CommandUUID", string(a.ID)),
		"error without a command":                message("UDID", theirs, "Status", "Error"),
		"wrong type in a field of no importance": message("UDID", theirs, "Status", "Idle", "ErrorChain", "no list"),
	} {
		t.Run(name, func(t *testing.T) {
			res, err := other.Do(t.Context(), mdmtest.Request{ContentType: typeCommand, Body: body})
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, res.Status)
			assert.Empty(t, res.Body)
			assert.Equal(t, lock.StateQueued, s.state(t, a.ID))
		})
	}
	alarms, err := s.svc.Events(t.Context(), admin, lock.EventFilter{Types: []lock.EventType{lock.EventAlarm}})
	require.NoError(t, err)
	require.Len(t, alarms, 1, "answering another device's command is on record")
	assert.Equal(t, a.ID, alarms[0].Other)
}

func TestHandlerKeepsTheChannelsApart(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{UserName: "ada"})
	udid := mac.Config().UDID
	a := s.lock(t, mac)

	assert.Len(t, s.devices[udid].tokens, 2, "device and user have push tokens of their own")
	res, err := mac.Do(t.Context(), mdmtest.Request{ContentType: typeCommand, Body: message("UDID", udid, "UserID", "U-1", "Status", "Idle")})
	require.NoError(t, err)
	assert.Empty(t, res.Body, "a user's channel gets no lock")
	assert.Equal(t, lock.StateQueued, s.state(t, a.ID))

	res, err = mac.Do(t.Context(), mdmtest.Request{Method: http.MethodPost, Body: message("UDID", udid, "Status", "Idle")})
	require.NoError(t, err)
	assert.Contains(t, string(res.Body), "DeviceLock", "POST without a content type is a poll as well")
}

func TestHandlerAnswers503WhenNothingIsDurable(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	udid := mac.Config().UDID
	a := s.lock(t, mac)
	s.ledger.down.Store(true)

	res, err := mac.Do(t.Context(), mdmtest.Request{ContentType: typeCommand, Body: message("UDID", udid, "Status", "Idle")})
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, res.Status)
	assert.NotEmpty(t, res.Header.Get("Retry-After"))
	assert.NotContains(t, string(res.Body), "PIN")

	s.ledger.down.Store(false)
	_, err = mac.Do(t.Context(), mdmtest.Request{ContentType: typeCommand, Body: message("UDID", udid, "Status", "Idle")})
	require.NoError(t, err)
	s.ledger.down.Store(true)
	answer := mdmtest.Request{ContentType: typeCommand, Body: message("UDID", udid, "Status", "Acknowledged", "CommandUUID", string(a.ID))}
	res, err = mac.Do(t.Context(), answer)
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, res.Status, "an answer that is not durable is not accepted")

	s.ledger.down.Store(false)
	res, err = mac.Do(t.Context(), answer)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.Status)
	assert.Equal(t, lock.StateConfirmed, s.state(t, a.ID))
}

func TestHandlerServesOtherCommandsAfterTheLock(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{OSVersion: "15.1", AppleSilicon: true})
	info, err := mdmproto.DeviceInformation{}.Encode("info-1")
	require.NoError(t, err)
	s.queue = append(s.queue, info)
	a := s.lock(t, mac)
	mac.Script(mdmtest.NotNow)

	_, err = mac.Poll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, lock.StateIssued, s.state(t, a.ID), "not now is not never")
	require.Len(t, s.results, 1, "the other command was served in the same session")
	assert.Equal(t, "15.1", s.results[0].Facts["OSVersion"])

	_, err = mac.Poll(t.Context())
	require.NoError(t, err)
	assert.Equal(t, lock.StateConfirmed, s.state(t, a.ID))
	assert.Equal(t, mdmtest.Locked, mac.State())
}

// A user who signs in is evidence, and what a user's channel says is not the device's word.
func TestHandlerTakesAUsersChannelForWhatItIs(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{UserName: "ada"})
	udid := mac.Config().UDID
	a := s.lock(t, mac)
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	send := func(contentType string, pairs ...string) {
		res, err := mac.Do(t.Context(), mdmtest.Request{ContentType: contentType, Body: message(append(pairs, "UDID", udid, "UserID", "U-1")...)})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.Status)
		require.Empty(t, res.Body)
	}
	send(typeCommand, "Status", "Idle")
	assert.Equal(t, lock.StateConfirmed, s.state(t, a.ID), "within the guard nothing is evidence")
	send(typeCheckin, "MessageType", "CheckOut")
	assert.False(t, s.devices[udid].checkedOut, "a user who leaves does not take the Mac along")
	send(typeCheckin, "MessageType", "TokenUpdate", "Topic", "x", "PushMagic", "m", "Token", "<data>AAAA</data>", "UnlockToken", "<data>AAAA</data>")
	kept, err := s.svc.List(t.Context(), admin, lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	assert.Empty(t, kept, "an unlock token is the device's")

	s.later.Store(true)
	send(typeCommand, "Status", "Idle")
	got, err := s.svc.Get(t.Context(), admin, a.ID)
	require.NoError(t, err)
	assert.Equal(t, lock.StateReleased, got.State)
	assert.Equal(t, lock.EvidenceUserChannel, got.Evidence)
}

// The token that clears a passcode comes with TokenUpdate, perhaps once only.
func TestHandlerKeepsUnlockTokens(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	update := func(token string) int {
		res, err := mac.Do(t.Context(), mdmtest.Request{ContentType: typeCheckin, Body: message("UDID", mac.Config().UDID,
			"MessageType", "TokenUpdate", "Topic", "x", "PushMagic", "m", "Token", "<data>AAAA</data>", "UnlockToken", "<data>"+token+"</data>")})
		require.NoError(t, err)
		return res.Status
	}
	s.ledger.down.Store(true)
	assert.Equal(t, http.StatusServiceUnavailable, update("dW5sb2Nr"), "one that is not durable is not accepted")
	s.ledger.down.Store(false)
	require.Equal(t, http.StatusOK, update("dW5sb2Nr"))
	require.Equal(t, http.StatusOK, update("dW5sb2Nr"))
	kept, err := s.svc.List(t.Context(), admin, lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	require.Len(t, kept, 1)
	assert.Equal(t, "unlock_token", kept[0].Secrets[0].Name)
}

func TestHandlerKeepsBootstrapTokens(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	udid := mac.Config().UDID
	set := func(value string) {
		res, err := mac.Do(t.Context(), mdmtest.Request{
			ContentType: typeCheckin, Body: message("UDID", udid, "MessageType", "SetBootstrapToken", "BootstrapToken", "<data>"+value+"</data>"),
		})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.Status)
	}
	get := func() string {
		res, err := mac.Do(t.Context(), mdmtest.Request{ContentType: typeCheckin, Body: message("UDID", udid, "MessageType", "GetBootstrapToken")})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.Status)
		return string(res.Body)
	}
	assert.Empty(t, get(), "none yet")
	set("Ym9vdHN0cmFw")
	assert.Contains(t, get(), "Ym9vdHN0cmFw")
	set("")
	assert.Empty(t, get(), "taken back")
	kept, err := s.svc.List(t.Context(), admin, lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	require.Len(t, kept, 1, "and still in the ledger")
	assert.Equal(t, lock.StateReleased, kept[0].State)
}

func TestHandlerTellsRenewalFromReenrolment(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	_, err := mac.Poll(t.Context())
	require.NoError(t, err)
	a := s.lock(t, mac)
	_, err = mac.Poll(t.Context())
	require.NoError(t, err)
	code, err := s.svc.Reveal(t.Context(), admin, a.ID, "found", "")
	require.NoError(t, err)
	require.True(t, mac.Type(code.Expose()))

	s.renewal = true
	s.enrol(t, mac)
	assert.Equal(t, lock.StateConfirmed, s.state(t, a.ID), "a renewal within the guard proves nothing")
	s.renewal = false
	s.enrol(t, mac)
	assert.Equal(t, lock.StateReleased, s.state(t, a.ID), "a new enrolment does")
	again, err := s.svc.Reveal(t.Context(), admin, a.ID, "audit", "")
	require.NoError(t, err)
	assert.True(t, code.Equal(again))
}

func TestHandlerGoesOnWhenASecretCannotBeOpened(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	lost, err := pin.CreateKeyring(t.TempDir() + "/other")
	require.NoError(t, err)
	elsewhere, err := lock.New(lock.Config{
		Store: s.ledger, Sealer: lost, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: everybody{},
	})
	require.NoError(t, err)
	_, err = elsewhere.Lock(t.Context(), admin, lock.Request{Device: device(mac.Config().UDID), Force: true})
	require.NoError(t, err)

	_, err = mac.Poll(t.Context())
	require.NoError(t, err, "a poll is answered")
	assert.Empty(t, mac.Commands(), "with no lock, whose PIN nobody could tell")
}
