package bulk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// planned answers every plan by what it is asked.
type planned struct {
	locktest.Codec

	plan func(lock.Request) []lock.Finding
}

func (p *planned) Plan(_ lock.Device, r lock.Request) lock.Plan {
	return lock.Plan{NoPIN: true, Findings: p.plan(r)}
}

func TestBatchLocksWhateverKindItsRequestNames(t *testing.T) {
	o := newOffice(t, 1, func(c *lock.Config) {
		c.Platforms[0].Codec = &planned{plan: func(r lock.Request) []lock.Finding { return []lock.Finding{{Code: string(r.Kind)}} }}
	})
	o.order.Request.Kind, o.order.Request.Of = lock.KindRevokeToken, "no action"
	_, err := bulk.Preflight(t.Context(), o.config(), o.order)
	require.NoError(t, err)
	assert.Equal(t, []lock.Finding{{Code: string(lock.KindLock)}}, o.last["mac-000000"].Findings)
	_, err = o.run(t)
	require.NoError(t, err)
	assert.Equal(t, lock.KindLock, o.only(t, "mac-000000").Kind)
}

// What came up since preflight is named, and not what was ordered over.
func TestRunNamesWhatBlocksThoughForced(t *testing.T) {
	findings := []lock.Finding{{Code: "soft", Level: lock.LevelBlock, Forceable: true}}
	o := newOffice(t, 1, func(c *lock.Config) {
		c.Platforms[0].Codec = &planned{plan: func(lock.Request) []lock.Finding {
			defer func() { findings = append(findings[:1:1], lock.Finding{Code: "hard", Level: lock.LevelBlock}) }()
			return findings
		}}
	})
	o.order.Request.Force = true
	_, err := o.run(t)
	require.NoError(t, err)
	assert.Equal(t, "hard", o.last["mac-000000"].Code)
}
