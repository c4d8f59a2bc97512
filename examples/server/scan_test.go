package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

// hexText is what has digits of its own, and random ones: UUIDs and hashes.
var hexText = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}`)

// leaks returns the secrets that are in the data: as text, in UTF-16 of either order, or in base64 at any alignment. A secret of digits
// counts only as a whole run of digits.
func leaks(data []byte, secrets []string) []string {
	var words []byte // data without those
	var found []string
	for _, secret := range secrets {
		if !leaked(data, secret, anywhere) {
			continue // which is quick
		}
		if words == nil {
			words = hexText.ReplaceAll(data, []byte("#"))
		}
		if leaked(words, secret, wholeRun) {
			found = append(found, secret)
		}
	}
	return found
}

func anywhere(data, secret []byte, _ int) bool { return bytes.Contains(data, secret) }

func leaked(data []byte, secret string, found func(data, secret []byte, width int) bool) bool {
	if found(data, []byte(secret), 1) {
		return true
	}
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(secret)) {
		little, big = append(little, byte(unit), byte(unit>>8)), append(big, byte(unit>>8), byte(unit))
	}
	if found(data, little, 2) || found(data, big, 2) {
		return true
	}
	for before := range 3 { // bytes in front of the secret in its group of three
		padded := append(make([]byte, before), secret...)
		text := base64.StdEncoding.EncodeToString(padded)
		sure := text[(8*before+5)/6 : 8*len(padded)/6] // the characters that depend on the secret alone
		url := strings.NewReplacer("+", "-", "/", "_").Replace(sure)
		if bytes.Contains(data, []byte(sure)) || bytes.Contains(data, []byte(url)) {
			return true
		}
	}
	return false
}

// wholeRun finds a secret that no digit touches. Width is the size of a character.
func wholeRun(data, secret []byte, width int) bool {
	for from := 0; ; {
		i := bytes.Index(data[from:], secret)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(secret)
		if !digitIn(data[max(0, start-width):start]) && !digitIn(data[end:min(len(data), end+width)]) {
			return true
		}
		from = start + 1
	}
}

func digitIn(b []byte) bool { return bytes.ContainsAny(b, "0123456789") }

func TestScanFindsLeaks(t *testing.T) {
	secrets := []string{"483920", "kT7vQ2mX9pLs4RzW"}
	for _, secret := range secrets {
		var wide []byte
		for _, c := range []byte(secret) {
			wide = append(wide, c, 0)
		}
		for name, data := range map[string]string{
			"text": "pin=" + secret + "\n", "JSON": `{"pin":"` + secret + `"}`, "in a record": "lock" + secret + "queued",
			"UTF-16": "\x00" + string(wide) + "x", "base64": base64.StdEncoding.EncodeToString([]byte("a" + secret + "!")),
			"base64, aligned": base64.StdEncoding.EncodeToString([]byte(secret)), "base64 for URLs": base64.URLEncoding.EncodeToString([]byte("??" + secret)),
		} {
			assert.Equal(t, []string{secret}, leaks([]byte(data), secrets), "%s", name)
		}
	}
	for _, data := range []string{"1483920", "4839201", "018f4839-2012-7483-9204-483920483920", "483921", "48392", "nothing"} {
		assert.Empty(t, leaks([]byte(data), secrets), data)
	}
}

// Twenty PINs that were chosen by callers, and as many codes of sixteen characters that devices handed over, go through everything that
// can go wrong with them. Afterwards they are nowhere in clear.
func TestNoSecretIsKeptInClear(t *testing.T) {
	start := time.Now()
	s := newSite(t)
	if dbtest.IsPostgres(t) {
		s.source = postgrestest.Start(t).Database(t) // the log of the others' would be scanned too
	}
	s.start(t, func() time.Time { return start }) // no PIN by chance in a time
	pins := goodPINs(t, 20)
	var codes []string
	for i := range pins {
		codes = append(codes, fmt.Sprintf("kT7v%02dmX9pLs4RzW", i+10))
	}
	var macs []*mdmtest.Mac
	for range 4 {
		macs = append(macs, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256, OSVersion: "15.1", AppleSilicon: true}))
	}
	answers := &bytes.Buffer{}
	for i, code := range pins {
		mac := macs[i%len(macs)]
		require.NoError(t, mac.SetBootstrapToken(t.Context(), []byte(codes[i])))
		token, err := mac.GetBootstrapToken(t.Context())
		require.NoError(t, err)
		require.Equal(t, codes[i], string(token))
		s.abuse(t, answers, mac, code)
		s.lifeOf(t, answers, mac, code)
		s.again(t, answers, mac, code)
	}
	metrics, err := s.client.Get(s.url + "/metrics")
	require.NoError(t, err)
	_, err = answers.ReadFrom(metrics.Body)
	require.NoError(t, err)
	require.NoError(t, metrics.Body.Close())

	secrets := slices.Concat(pins, codes, grouped(pins))
	assert.Empty(t, s.leaksInState(t, secrets), "while it runs, with the write-ahead log")
	s.stop()
	assert.Empty(t, s.leaksInState(t, secrets), "and after it stopped")
	assert.Empty(t, s.leaksInServer(t, secrets), "and in the files of PostgreSQL")
	s.plant(t, pins[3])
	assert.NotEmpty(t, s.leaksInState(t, pins[3:4]), "a PIN in a table is found")
	if dbtest.IsPostgres(t) {
		assert.NotEmpty(t, s.leaksInServer(t, pins[3:4]), "and in a file")
	}
	assert.Empty(t, leaks([]byte(s.logs.String()), secrets), "in the logs")
	assert.Empty(t, leaks(answers.Bytes(), secrets), "in the answers")
	planted := s.logs.String() + "level=INFO msg=revealed pin=" + pins[7] + "\n"
	assert.Equal(t, []string{pins[7]}, leaks([]byte(planted), secrets), "a PIN in a log line is found")
}

// grouped are PINs as the console shows them, and as people write them.
func grouped(pins []string) (forms []string) {
	for _, code := range pins {
		forms = append(forms, code[:3]+" "+code[3:], code[:3]+"-"+code[3:])
	}
	return forms
}

// goodPINs are PINs that the policy of a Mac accepts.
func goodPINs(t *testing.T, n int) (pins []string) {
	t.Helper()
	for i := 0; len(pins) < n; i++ {
		code, err := pin.Parse(fmt.Sprintf("%06d", (483_920+i*92_821)%1_000_000))
		require.NoError(t, err)
		if pin.SixDigits().Check(code) == nil {
			pins = append(pins, code.Expose())
		}
	}
	return pins
}

// abuse sends a PIN where it does not belong, and keeps what comes back.
func (s *site) abuse(t *testing.T, answers *bytes.Buffer, mac *mdmtest.Mac, code string) {
	t.Helper()
	path := "/api/v1/devices/" + mac.Config().UDID + "/lock"
	supplied := func(value any) object { return object{"mode": "supplied", "value": value} }
	for _, order := range []object{
		{"pin": code}, {"pin": supplied(123.5)}, {"pin": supplied(code + "0")}, {"pin": supplied("\n" + code)}, {code: true},
		{"pin": supplied(code), "message": "The PIN is " + code}, {"pin": supplied(code), "reason": "PIN " + code},
		{"pin": supplied(code), "ticket": code}, {"pin": supplied(code), "phone_number": code}, {"pin": object{"mode": code}},
		{"not_after": code}, {"pin": object{"mode": "rotate", "value": code}},
	} {
		status, answer := s.call(t, http.MethodPost, path, order)
		assert.GreaterOrEqual(t, status, 400, "%v", order)
		assert.Less(t, status, 500)
		_, _ = fmt.Fprintln(answers, answer)
	}
	status, answer := s.call(t, http.MethodPost, path, object{"pin": supplied(code)}, "Idempotency-Key", code)
	assert.Equal(t, http.StatusUnprocessableEntity, status, "a PIN is no key")
	_, _ = fmt.Fprintln(answers, answer)
}

// lifeOf locks a Mac with a PIN, lets everybody say the PIN in the wrong places, and opens the Mac.
func (s *site) lifeOf(t *testing.T, answers *bytes.Buffer, mac *mdmtest.Mac, code string) {
	t.Helper()
	a := s.lock(t, mac, object{"reason": "lost", "message": "Call us", "pin": object{"mode": "supplied", "value": code}})
	id := a.text("id")
	status, again := s.call(t, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock", object{"reason": "is it " + code + "?"})
	assert.Equal(t, http.StatusOK, status)
	status, refused := s.call(t, http.MethodPost, "/api/v1/actions/"+id+"/reveal", object{"reason": "it is " + code})
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	quote := `<plist version="1.0"><dict><key>UDID</key><string>` + mac.Config().UDID + `</string><key>CommandUUID</key><string>` + id +
		`</string><key>Status</key><string>Error</string><key>ErrorChain</key><array><dict><key>ErrorDomain</key><string>PIN` + code +
		`</string><key>ErrorCode</key><integer>` + strings.TrimLeft(code, "0") + `</integer></dict></array></dict></plist>`
	poll(t, mac)
	_, err := mac.Do(t.Context(), mdmtest.Request{Body: []byte(quote)}) // too late to change anything
	require.NoError(t, err)
	require.Equal(t, code, s.reveal(t, id))
	require.True(t, mac.Type(code))
	s.advance(2 * time.Minute)
	poll(t, mac)
	ended := s.action(t, id)
	assert.Equal(t, "released", ended.text("state"))
	events := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?action_id="+id, nil)
	status, cancel := s.call(t, http.MethodPost, "/api/v1/actions/"+id+"/cancel", object{"reason": code})
	assert.Equal(t, http.StatusConflict, status)
	_, _ = fmt.Fprintln(answers, a, again, refused, ended, events, cancel)
}

// again says the PIN that was used in all the places where one speaks of a used PIN, and locks the Mac with it once more.
func (s *site) again(t *testing.T, answers *bytes.Buffer, mac *mdmtest.Mac, code string) {
	t.Helper()
	path := "/api/v1/devices/" + mac.Config().UDID + "/lock"
	used := s.candidates(t, mac)[0]
	status, answer := s.call(t, http.MethodPost, "/api/v1/actions/"+used+"/feedback", object{
		"outcome": "worked", "note": "it was " + code + ", in groups " + strings.Join(grouped([]string{code}), ", or "),
	})
	assert.Equal(t, http.StatusOK, status)
	_, _ = fmt.Fprintln(answers, answer)
	for _, order := range []object{
		{"pin": object{"mode": "supplied", "value": code}}, {"pin": object{"mode": "supplied", "value": code, "reuse_reason": code}},
		{"pin": object{"mode": "keep"}}, {"pin": object{"mode": "keep", "reuse_reason": "it is " + code}}, {"pin": object{"reuse_reason": code}},
		{"pin": object{"mode": "keep", "reuse_reason": "found"}, "message": code},
		{"pin": object{"mode": "keep", "reuse_reason": "found"}, "message": grouped([]string{code})[0]}, {"pin": object{"mode": "keep", "value": code}},
	} {
		status, answer := s.call(t, http.MethodPost, path, order)
		assert.Equal(t, http.StatusUnprocessableEntity, status, "%v", order)
		_, _ = fmt.Fprintln(answers, answer)
	}
	kept := s.lock(t, mac, object{"pin": object{"mode": "keep", "reuse_reason": "it hangs on the wall"}})
	poll(t, mac)
	require.True(t, mac.Type(code), "the PIN was kept")
	s.advance(2 * time.Minute)
	poll(t, mac)
	_, _ = fmt.Fprintln(answers, kept, s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices/"+mac.Config().UDID+"/pins", nil))
}
