package mdmproto

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/smallstep/pkcs7"
	"github.com/stretchr/testify/require"
)

// seedMessages adds all samples, and hostile ones.
func seedMessages(f *testing.F) {
	f.Helper()
	paths, err := filepath.Glob("testdata/messages/*.plist")
	require.NoError(f, err)
	for _, path := range paths {
		body, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(body)
	}
	for _, s := range []string{
		"", "bplist00\xd1\x01\x02", "<plist><dict/></plist>", "<plist><array><array/></array></plist>",
		"<plist><dict><key>A</key><true/><key>A</key><true/></dict></plist>",
		"<plist><dict><key>A</key><integer>18446744073709551616</integer></dict></plist>",
		"<plist><dict><key>A</key><data>?</data><key>B</key><date>x</date><key>C</key><real>nan</real></dict></plist>",
		`<!DOCTYPE plist [<!ENTITY a "b">]><plist><string>&a;</string></plist>`,
		"<plist>" + strings.Repeat("<array>", 40),
		"<plist><dict><key>UDID</key><string>a</string><key>Status</key><integer>1</integer></dict></plist>",
		"<plist><dict><key>UDID</key><string>a</string><key>Status</key><string>Error</string><key>ErrorChain</key><array><true/></array></dict></plist>",
	} {
		f.Add([]byte(s))
	}
}

// What the walk lets pass, the decoder takes without panic, and it is within the limits.
func FuzzDecodePlist(f *testing.F) {
	seedMessages(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		nodes, err := walkPlist(body)
		if nodes > maxElements+dataWeight {
			t.Fatalf("looked at %d elements", nodes)
		}
		if err != nil {
			return
		}
		var refused *DecodeError
		if _, err := decodePlist(body); errors.As(err, &refused) && refused.Rule != RuleValue {
			t.Fatalf("the decoder refused what the walk let pass: %v", err)
		}
	})
}

func FuzzParseCheckin(f *testing.F) {
	seedMessages(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := ParseCheckin(body)
		if err != nil {
			return
		}
		if c.MessageType == "" {
			t.Fatal("no message type")
		}
		checkEnrollment(t, c.Enrollment)
		if c.MessageType == msgTokenUpdate && (len(c.Token.Bytes()) == 0 || len(c.PushMagic.Bytes()) == 0) {
			t.Fatal("no token")
		}
		for _, s := range []string{c.Topic, c.DeviceName, c.SerialNumber, c.OSVersion, c.Endpoint, c.TokenServiceType} {
			checkClean(t, s)
		}
	})
}

func FuzzParseResult(f *testing.F) {
	seedMessages(f)
	allowed := allowedFacts()
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseResult(body)
		if err != nil {
			return
		}
		if r.Status == "" {
			t.Fatal("no status")
		}
		checkEnrollment(t, r.Enrollment)
		texts := []string{r.CommandUUID, r.MessageResult}
		for key, value := range r.Facts {
			if !slices.Contains(allowed, key) {
				t.Fatalf("fact %q", key)
			}
			texts = append(texts, value)
		}
		for _, item := range r.ErrorChain {
			texts = append(texts, item.Domain, item.LocalizedDescription, item.USEnglishDescription)
		}
		for _, s := range texts {
			checkClean(t, s)
		}
	})
}

// allowedFacts are the keys that facts may have.
func allowedFacts() []string {
	allowed := slices.Concat(deviceQueries, securityFacts)
	for _, nested := range securityNested {
		for _, key := range nested.keys {
			allowed = append(allowed, nested.name+"."+key)
		}
	}
	return allowed
}

// checkEnrollment holds what every message promises of its sender.
func checkEnrollment(t *testing.T, e Enrollment) {
	t.Helper()
	if e.ID() == "" {
		t.Fatal("nobody")
	}
	if e.IsUser() != (e.UserID+e.UserShortName+e.UserLongName+e.EnrollmentUserID != "") {
		t.Fatal("a user passes for the device")
	}
	checkClean(t, e.ID())
}

// checkClean holds what every text promises.
func checkClean(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || utf8.RuneCountInString(s) > maxText {
		t.Fatalf("unclean text %q", s)
	}
}

// The keys behind the vectors are gone, so no other body can be signed: what is accepted is one of the signed ones.
func FuzzVerify(f *testing.F) {
	v, signed := vectors(f)
	paths, err := filepath.Glob("testdata/signatures/*.b64")
	require.NoError(f, err)
	for _, path := range paths {
		header, err := os.ReadFile(path)
		require.NoError(f, err)
		der, err := base64.StdEncoding.DecodeString(string(header))
		require.NoError(f, err)
		f.Add(der, signed)
		f.Add(der[:len(der)/2], signed)
		f.Add(append(der, 0), signed)
	}
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 100), signed)
	f.Add(bytes.Repeat([]byte{0x30, 0x80, 0, 0}, 100), []byte{})
	f.Fuzz(func(t *testing.T, der, body []byte) {
		cert, err := v.Verify(base64.StdEncoding.EncodeToString(der), body)
		if (cert == nil) == (err == nil) {
			t.Fatal("neither a certificate nor an error, or both")
		}
		if err == nil && !bytes.Equal(body, signed) {
			t.Fatal("accepted a body that nobody signed")
		}
	})
}

// What the walk lets pass is converted and parsed without panic, and converting it is cheap.
func FuzzWalkBER(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 5, 0, 0, 0})
	f.Add([]byte{0x30, 0x80, 0, 0, 0x30, 0x80, 0, 0})
	f.Add([]byte{0x30, 4, 0x30, 4, 5, 0, 5, 0})
	f.Add([]byte{0x1f, 0x81, 1, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		objects, rule := walkBER(der)
		if objects > maxBERObjects+1 {
			t.Fatalf("looked at %d objects", objects)
		}
		if rule == "" && len(der) <= maxHeader {
			_, _ = pkcs7.Parse(der)
		}
	})
}
