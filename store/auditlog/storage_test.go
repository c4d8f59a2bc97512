package auditlog_test

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/auditlog/auditlogtest"
)

func TestMemoryStorage(t *testing.T) {
	auditlogtest.RunStorage(t, func(*testing.T) auditlog.Storage { return store.NewMemory() })
}

func TestMemoryScanner(t *testing.T) {
	auditlogtest.RunScanner(t, func(*testing.T) lock.Store { return store.NewMemory() })
}
