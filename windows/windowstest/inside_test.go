package windowstest

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The vectors of OMA's security document (the first) and others of the same form.
func TestDigestVectors(t *testing.T) {
	tests := map[string]struct{ user, secret, nonce, want string }{
		"v1": {"Bruce2", "OhBehave", "Tm9uY2U=", "Zz6EivR3yeaaENcRN6lpAQ=="},
		"v2": {"device-0001", "s3cret-0001", "AAECAwQFBgcICQoLDA0ODw==", "BKpNNns834duzUIvmagzbQ=="},
		"v3": {"device-0001", "s3cret-0001", "EBESExQVFhcYGRobHB0eHw==", "p4sVvx4fkDun3LxmOEsh7g=="},
		"v4": {"device-0001", "wrong", "AAECAwQFBgcICQoLDA0ODw==", "+SWyXv7LZodBauPVATy1AA=="},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			nonce, err := base64.StdEncoding.DecodeString(test.nonce)
			require.NoError(t, err)
			assert.Equal(t, test.want, digest(test.user, test.secret, nonce))
		})
	}
}

func TestAccountURI(t *testing.T) {
	assert.Equal(t, "./SyncML/DMAcc/0x0000800cABF8CA7D87C0FA21BB21B896AE2C8468CA07710326415228ACF2392EA1327077",
		Config{ProviderID: "Fleet"}.accountURI())
	assert.Equal(t, "./SyncML/DMAcc/0x0000800c7C442B5BAA5E3A62BD058BA4730A268774D9D915F7A7E47F09CC8BB9540A2486",
		Config{ProviderID: "TestMDMServer"}.accountURI())
}

func TestSessionID(t *testing.T) {
	assert.Equal(t, []string{"1", "9999", "1"}, []string{sessionID(1, false), sessionID(9999, false), sessionID(10000, false)})
	assert.Equal(t, []string{"D", "FFFF", "1"}, []string{sessionID(13, true), sessionID(0xffff, true), sessionID(0x10000, true)})
}

// What the server sends may be anything: it is an error or a tree within the limits, and what was read can be written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD></SyncHdr><SyncBody><Final/></SyncBody></SyncML>`))
	f.Add([]byte("\xef\xbb\xbf" + `<?xml version="1.0"?><a><Data xmlns:m="` + nsMSFT + `" m:originalerror="0x1">404</Data></a>`))
	f.Add([]byte(`<!DOCTYPE a><a/>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parse(body)
		if err != nil {
			return
		}
		_ = ordered(e)
		s := &session{d: &Device{cfg: Config{ID: "x"}}, id: "1"}
		_, _ = s.read(sent{id: 1, final: true}, body)
		require.LessOrEqual(t, depth(e), maxDepth)
	})
}

func depth(e element) int {
	deepest := 0
	for _, k := range e.kids {
		deepest = max(deepest, depth(k))
	}
	return deepest + 1
}
