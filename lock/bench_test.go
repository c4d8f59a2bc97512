package lock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// BenchmarkOrder is one order of a new lock through the service, with its PIN drawn and sealed, on an empty memory store.
func BenchmarkOrder(b *testing.B) {
	cfg := lock.Config{
		Sealer: locktest.Keyring("test"), Authorize: &locktest.Rights{},
		Platforms: []lock.Platform{{Name: locktest.Platform, Codec: &locktest.Codec{}}},
	}
	b.ReportAllocs()
	for b.Loop() {
		cfg.Store = store.NewMemory() // which searches its whole ledger for a device
		svc, err := lock.New(cfg)
		require.NoError(b, err)
		_, err = svc.Lock(b.Context(), locktest.Admin(), lock.Request{Device: mac(), Reason: "stolen"})
		require.NoError(b, err)
	}
}
