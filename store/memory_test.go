package store_test

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		return storetest.Fixture{Store: store.NewMemory()}
	})
}
