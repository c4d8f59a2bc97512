package main

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

var linkCode = regexp.MustCompile(`code=([A-Z2-7]{26})`)

// Every link that a person gets is on record before it leaves, by the API and by the console.
func TestLinksAreOnRecord(t *testing.T) {
	site := open(t, nil)
	mac := site.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	site.link(t, mac.Config().UDID)
	var kinds, devices []string
	for _, e := range site.feed(t, "?type=enrolment-link") {
		facts, _ := e["facts"].(map[string]any)
		kinds, devices = append(kinds, object(facts).text("kind")), append(devices, object(facts).text("device"))
		assert.Contains(t, e["actor"], "address")
	}
	assert.Equal(t, []string{"enrol", "renew"}, kinds)
	assert.Equal(t, []string{"", mac.Config().UDID}, devices)
	assert.Len(t, site.feed(t, "?type=enrolled"), 1)
}

func TestNoLinkWithoutARecord(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	v := visit(t, s)
	require.Equal(t, http.StatusSeeOther, v.signIn("admin", testPassword))
	ways := map[string]func() (int, string){
		"API": func() (int, string) {
			w := v.post("/api/v1/enrollments", "application/json", `{}`)
			return w.Code, w.Body.String()
		},
		"console": func() (int, string) {
			w := v.form("/enrolment", url.Values{})
			return w.Code, w.Body.String()
		},
	}
	for name, link := range ways {
		t.Run(name, func(t *testing.T) {
			_, text := link()
			code := linkCode.FindStringSubmatch(text)
			require.NotNil(t, code, text)
			for _, e := range notices(t, s, lock.EventEnrolmentLink) {
				assert.NotContains(t, string(e.Body), code[1])
			}
		})
	}
	require.Len(t, notices(t, s, lock.EventEnrolmentLink), len(ways))
	deafen(t, s)
	for name, link := range ways {
		t.Run(name+", nothing can be recorded", func(t *testing.T) {
			status, text := link()
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.NotContains(t, text, "code=")
		})
	}
}

func TestTheFleetOfADemonstrationGetsItsLinksUnrecorded(t *testing.T) {
	s := wired(t, "http://127.0.0.1", "-demo")
	doors := s.doors()
	_, err := doors.Link(t.Context())
	require.NoError(t, err)
	_, err = doors.Code(t.Context())
	require.NoError(t, err)
	assert.Empty(t, notices(t, s, lock.EventEnrolmentLink))
}

func TestRefusedSignInsAreOnRecord(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	v := visit(t, s)
	for _, name := range []string{"admin", testPassword} { // people type passwords into the name field
		require.Equal(t, http.StatusUnauthorized, v.signIn(name, "wrong"))
	}
	var who []lock.Actor
	for _, e := range notices(t, s, lock.EventSignedIn) {
		who = append(who, e.Actor)
		assert.Equal(t, "refused", e.Facts["outcome"])
		assert.NotContains(t, string(e.Body), testPassword)
	}
	const address = "192.0.2.1" // httptest's
	assert.Equal(t, []lock.Actor{{ID: "admin", Address: address}, {ID: "unknown", Address: address}}, who)
	for range 20 { // no more than the limit lets through
		v.signIn("admin", "wrong")
	}
	assert.Len(t, notices(t, s, lock.EventSignedIn), 10)
}
