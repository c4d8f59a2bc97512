package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/auditlog/auditlogtest"
)

func TestStorage(t *testing.T) {
	schema := schemas(t)
	auditlogtest.RunStorage(t, func(t *testing.T) auditlog.Storage { return open(t, schema(t)) })
}

func TestGrowRefuses(t *testing.T) {
	o := fresh(t)
	for name, size := range map[string][2]int64{"no growth": {5, 5}, "a smaller tree": {5, 4}, "no size": {-1, 4}} {
		t.Run(name, func(t *testing.T) {
			_, err := o.Grow(t.Context(), size[0], size[1], nil, []byte("note"))
			var input *lock.InputError
			assert.ErrorAs(t, err, &input)
		})
	}
}

func TestScanner(t *testing.T) {
	schema := schemas(t)
	auditlogtest.RunScanner(t, func(t *testing.T) lock.Store { return open(t, schema(t)) })
}
