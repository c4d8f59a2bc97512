package mdmtest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

func newMac(t *testing.T, cfg mdmtest.Config) *mdmtest.Mac {
	t.Helper()
	mac, err := mdmtest.New(cfg)
	require.NoError(t, err)
	return mac
}

// enrolled returns a Mac with a P-256 identity and its server, with an empty log.
func enrolled(t *testing.T, cfg mdmtest.Config) (*mdmtest.Mac, *server) {
	t.Helper()
	srv := newServer()
	t.Cleanup(srv.Close)
	cfg.KeyType = mdmtest.P256
	mac := newMac(t, cfg)
	require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))
	srv.log()
	return mac, srv
}

func TestNewRefusesAConfigurationItCannotKeep(t *testing.T) {
	tests := map[string]mdmtest.Config{
		"version in words":        {OSVersion: "Sequoia"},
		"version of four numbers": {OSVersion: "1.2.3.4"},
		"digest":                  {Digest: crypto.MD5},
		"key type":                {KeyType: 9},
	}
	for name, cfg := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := mdmtest.New(cfg)
			assert.Error(t, err)
		})
	}
}

func TestEnrollLikeARealMac(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	mac := newMac(t, mdmtest.Config{Serial: "C02REAL", UserName: "alice", AppleSilicon: true, OSVersion: "14.0"})
	require.NoError(t, mac.Enroll(t.Context(), srv.enrollURL()))

	kinds, msgs := srv.log()
	require.Equal(t, []string{"Authenticate", "TokenUpdate", "TokenUpdate"}, kinds)
	assert.Equal(t, "C02REAL", msgs[0].Body["SerialNumber"])
	assert.Equal(t, "14.0", msgs[0].Body["OSVersion"])
	assert.Equal(t, "application/x-apple-aspen-mdm-checkin", msgs[0].ContentType)
	assert.NotContains(t, msgs[1].Body, "UserID", "the device channel comes first")
	assert.Equal(t, "alice", msgs[2].Body["UserShortName"])
	assert.Equal(t, msgs[1].Body["UDID"], msgs[2].Body["UDID"])
	assert.NotEqual(t, msgs[1].Body["Token"], msgs[2].Body["Token"])
	token, magic, err := mac.Push()
	require.NoError(t, err)
	assert.Equal(t, msgs[1].Body["Token"], token)
	assert.Equal(t, msgs[1].Body["PushMagic"], magic)

	id, err := mac.Identity()
	require.NoError(t, err)
	assert.IsType(t, &rsa.PublicKey{}, id.Cert.PublicKey)
	assert.Equal(t, "C02REAL", id.Cert.Subject.CommonName, "variables of the subject are filled in")
	assert.Greater(t, srv.scepLine, 4096, "the message is repeated in the request line")
}

func TestEnrollVariants(t *testing.T) {
	t.Run("without POST", func(t *testing.T) {
		srv := newServer()
		defer srv.Close()
		srv.caps = "SHA-256\n"
		assert.NoError(t, newMac(t, mdmtest.Config{}).Enroll(t.Context(), srv.enrollURL()))
	})
	t.Run("P-256", func(t *testing.T) {
		mac, _ := enrolled(t, mdmtest.Config{})
		id, err := mac.Identity()
		require.NoError(t, err)
		assert.IsType(t, &ecdsa.PublicKey{}, id.Cert.PublicKey)
	})
	t.Run("seeded", func(t *testing.T) {
		srv := newServer()
		defer srv.Close()
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		mac := newMac(t, mdmtest.Config{})
		mac.Seed(mdmtest.Identity{Cert: srv.issue(pkix.Name{CommonName: "seeded"}, key.Public()), Key: key})
		require.NoError(t, mac.EnrollProfile(t.Context(), srv.profile("unused")))
		id, err := mac.Identity()
		require.NoError(t, err)
		assert.Equal(t, "seeded", id.Cert.Subject.CommonName)
		assert.Zero(t, srv.scepLine, "no SCEP")
	})
	t.Run("without the right to be asked", func(t *testing.T) {
		srv := newServer()
		defer srv.Close()
		srv.rights = 4
		require.NoError(t, newMac(t, mdmtest.Config{KeyType: mdmtest.P256}).Enroll(t.Context(), srv.enrollURL()))
		_, msgs := srv.log()
		assert.NotContains(t, msgs[0].Body, "SerialNumber")
	})
}

func TestSignatureDigest(t *testing.T) {
	tests := map[string]struct {
		digest crypto.Hash
		oid    string
	}{
		"SHA-1":           {crypto.SHA1, "1.3.14.3.2.26"},
		"SHA-256 default": {0, "2.16.840.1.101.3.4.2.1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			mac, srv := enrolled(t, mdmtest.Config{Digest: tc.digest})
			require.NoError(t, mac.TokenUpdate(t.Context()))
			_, msgs := srv.log()
			assert.Equal(t, tc.oid, msgs[0].Digest)
		})
	}
}

func TestEnrollFailures(t *testing.T) {
	srv := newServer()
	defer srv.Close()
	mac := newMac(t, mdmtest.Config{KeyType: mdmtest.P256})

	t.Run("a challenge is good once", func(t *testing.T) {
		var refused *mdmtest.SCEPError
		require.ErrorAs(t, mac.EnrollProfile(t.Context(), srv.profile("never issued")), &refused)
		assert.Equal(t, "2", refused.FailInfo)
	})
	t.Run("status of the profile", func(t *testing.T) {
		var status *mdmtest.StatusError
		require.ErrorAs(t, mac.Enroll(t.Context(), srv.URL+"/nowhere?code=s3cret"), &status)
		assert.Equal(t, http.StatusNotFound, status.Code)
	})
	t.Run("an error does not repeat the code", func(t *testing.T) {
		err := mac.Enroll(t.Context(), "http://127.0.0.1:1/enroll?code=s3cret")
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "s3cret")
	})
	t.Run("Authenticate refused", func(t *testing.T) {
		srv.set(func() { srv.fail = []int{503} })
		var status *mdmtest.StatusError
		require.ErrorAs(t, mac.Enroll(t.Context(), srv.enrollURL()), &status)
		assert.Equal(t, "Authenticate", status.Op)
		_, err := mac.Poll(t.Context())
		assert.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
	})
}

func TestProfileThatNoMacAccepts(t *testing.T) {
	tests := map[string]string{
		"not XML":    "PK\x03\x04",
		"binary":     "bplist00",
		"two roots":  "<plist><dict/></plist><plist><dict/></plist>",
		"no payload": "<plist><dict/></plist>",
		"not a dict": "<plist><array/></plist>",
		"entities":   "<!DOCTYPE plist [<!ENTITY a \"b\">]><plist><dict/></plist>",
		"signed away": `<plist><dict><key>PayloadContent</key><array><dict><key>PayloadType</key>` +
			`<string>com.apple.mdm</string></dict></array></dict></plist>`,
	}
	for name, profile := range tests {
		t.Run(name, func(t *testing.T) {
			err := newMac(t, mdmtest.Config{}).EnrollProfile(t.Context(), []byte(profile))
			assert.ErrorContains(t, err, "enrolment profile")
		})
	}
}

func TestRenewalKeepsDeviceAndTokens(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	before, err := mac.Identity()
	require.NoError(t, err)
	token, _, err := mac.Push()
	require.NoError(t, err)

	require.NoError(t, mac.Renew(t.Context(), srv.enrollURL()))
	after, err := mac.Identity()
	require.NoError(t, err)
	assert.NotEqual(t, before.Cert.Raw, after.Cert.Raw)
	kinds, msgs := srv.log()
	require.Equal(t, []string{"Authenticate", "TokenUpdate"}, kinds)
	assert.Equal(t, token, msgs[1].Body["Token"])
	_, err = mac.Poll(t.Context())
	require.NoError(t, err)

	t.Run("one that failed changes nothing", func(t *testing.T) {
		srv.set(func() { srv.fail = []int{503} })
		require.Error(t, mac.Renew(t.Context(), srv.enrollURL()))
		_, err := mac.Poll(t.Context())
		assert.NoError(t, err)
	})
}

func TestCheckOutEndsTheEnrolment(t *testing.T) {
	mac, srv := enrolled(t, mdmtest.Config{})
	require.NoError(t, mac.CheckOut(t.Context()))
	kinds, _ := srv.log()
	assert.Equal(t, []string{"CheckOut"}, kinds)
	_, err := mac.Poll(t.Context())
	assert.ErrorIs(t, err, mdmtest.ErrNotEnrolled)
}

func TestBootstrapToken(t *testing.T) {
	mac, _ := enrolled(t, mdmtest.Config{})
	got, err := mac.GetBootstrapToken(t.Context())
	require.NoError(t, err)
	require.Nil(t, got)
	require.NoError(t, mac.SetBootstrapToken(t.Context(), []byte("token")))
	got, err = mac.GetBootstrapToken(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []byte("token"), got)
}
