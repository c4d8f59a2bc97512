package retention

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestIsPurged(t *testing.T) {
	purged := lock.Secret{N: 1, Name: lock.SecretPIN}
	held := lock.Secret{N: 2, Name: lock.SecretPIN, KeyID: "key-1", SHA256: []byte("sum of a box")}
	token := lock.Secret{N: 3, Name: "token"}
	for name, c := range map[string]struct {
		secrets []lock.Secret
		want    bool
	}{
		"no PIN":                         {nil, false},
		"held":                           {[]lock.Secret{held}, false},
		"purged":                         {[]lock.Secret{purged}, true},
		"one came after the purge":       {[]lock.Secret{purged, held}, false},
		"what is no PIN does not matter": {[]lock.Secret{held, token}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, IsPurged(lock.Action{Secrets: c.secrets}))
		})
	}
}
