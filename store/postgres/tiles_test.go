package postgres_test

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/auditlog/auditlogtest"
)

func TestStorage(t *testing.T) {
	schema := schemas(t)
	auditlogtest.RunStorage(t, func(t *testing.T) auditlog.Storage { return open(t, schema(t)) })
}

func TestScanner(t *testing.T) {
	schema := schemas(t)
	auditlogtest.RunScanner(t, func(t *testing.T) lock.Store { return open(t, schema(t)) })
}
