package lock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestOrder(t *testing.T) {
	f := newFixture(t)
	d := mac()
	d.Facts = map[string]lock.Fact{"os_version": {Value: "15.1"}}
	a := f.Lock(d, func(r *lock.Request) {
		r.Ticket, r.Message, r.PhoneNumber, r.Batch, r.Key = "4711", "call us", "+49 30 1", "b1", "k1"
	})
	want := lock.Action{
		ID: a.ID, Version: 1, Head: a.Head, Kind: lock.KindLock, State: lock.StateQueued, Lane: "lock", Device: mac(), By: locktest.Admin(),
		Reason: "stolen", Ticket: "4711", Message: "call us", PhoneNumber: "+49 30 1", Batch: "b1", Key: "k1", Holds: true,
		Created: f.Clock.Now(), Changed: f.Clock.Now(), NotAfter: f.Clock.Now().Add(30 * 24 * time.Hour), Due: f.Clock.Now(), Secrets: a.Secrets,
	}
	assert.Equal(t, want, a)
	require.Len(t, a.Secrets, 1)
	assert.Nil(t, a.Secrets[0].Box, "what Lock returns may be shown")
	assert.Equal(t, "test", a.Secrets[0].KeyID)
	requireReplay(t, f.Store, a.ID)
}

func TestOrderJoinsTheLiveLock(t *testing.T) {
	f := newFixture(t)
	first := f.Lock(mac())
	code := f.PIN(first.ID)
	for _, state := range []lock.State{lock.StateQueued, lock.StateIssued, lock.StateConfirmed} {
		t.Run(string(state), func(t *testing.T) {
			switch state {
			case lock.StateIssued:
				f.Deliver(mac())
			case lock.StateConfirmed:
				f.Answer(first, lock.Acknowledged)
			}
			again := f.Lock(mac())
			assert.Equal(t, first.ID, again.ID)
			assert.Equal(t, state, again.State)
			assert.True(t, again.Joined)
			assert.Equal(t, code, f.PIN(again.ID))
			assert.Equal(t, lock.EventRevealed, eventsOf(t, f, first.ID)[again.Version].Type, "the join is the event before the reveal")
			requireReplay(t, f.Store, first.ID)
		})
	}
	assert.False(t, first.Joined)
}

func TestOrderAfterTheLockEnded(t *testing.T) {
	f := newFixture(t)
	first := f.Lock(mac())
	cancel(t, f, first.ID)
	second := f.Lock(mac())
	assert.NotEqual(t, first.ID, second.ID)
	assert.False(t, second.Joined)
	assert.NotEqual(t, f.PIN(first.ID), f.PIN(second.ID))
}

func TestOrderInAnotherScopeOrForAnotherDevice(t *testing.T) {
	f := newFixture(t)
	elsewhere := mac()
	elsewhere.Scope = "globex"
	ids := map[lock.ID]bool{f.Lock(mac(), withKey("k")).ID: true, f.Lock(elsewhere, withKey("k")).ID: true, f.Lock(locktest.Device("mac-2")).ID: true}
	assert.Len(t, ids, 3)
}

func TestKeyLeadsToOneActionForEver(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), withKey("first"))
	joined := f.Lock(mac(), withKey("joined"))
	require.Equal(t, a.ID, joined.ID)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	before := f.Get(a.ID)
	require.Equal(t, lock.StateReleased, before.State)

	for _, key := range []string{"first", "joined"} {
		t.Run(key, func(t *testing.T) {
			again := f.Lock(mac(), withKey(key))
			assert.Equal(t, a.ID, again.ID)
			assert.True(t, again.Joined)
			assert.Equal(t, lock.StateReleased, again.State)
			assert.Equal(t, before.Version, f.Get(a.ID).Version, "a repeated key records nothing")
			assert.Empty(t, f.Deliver(mac()).ID, "a retry after the release locks nothing")
		})
	}
	assert.NotEqual(t, a.ID, f.Lock(mac(), withKey("new")).ID)
}

func TestKeyOfAnotherOrder(t *testing.T) {
	f := newFixture(t)
	f.Lock(mac(), withKey("k"))
	_, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device("mac-2"), Key: "k"})
	require.ErrorIs(t, err, lock.ErrKeyReused)
	live, err := f.Service.Live(t.Context(), locktest.Admin(), "acme", "mac-2")
	require.NoError(t, err)
	assert.Empty(t, live)
}

func TestPreflight(t *testing.T) {
	block := lock.Finding{Code: "os_too_old", Level: lock.LevelBlock, Text: "macOS is too old"}
	forceable := lock.Finding{Code: "os_unknown", Level: lock.LevelBlock, Text: "the version is unknown", Forceable: true}
	warn := lock.Finding{Code: "model_unknown", Level: lock.LevelWarn, Text: "the model is unknown"}
	for name, c := range map[string]struct {
		findings []lock.Finding
		force    bool
		blocked  bool
		forced   bool
	}{
		"nothing found":         {nil, false, false, false},
		"a warning":             {[]lock.Finding{warn}, false, false, false},
		"a warning, forced":     {[]lock.Finding{warn}, true, false, false},
		"blocked":               {[]lock.Finding{warn, block}, false, true, false},
		"blocked, forced":       {[]lock.Finding{block}, true, true, false},
		"forceable":             {[]lock.Finding{forceable}, false, true, false},
		"forceable, forced":     {[]lock.Finding{forceable, warn}, true, false, true},
		"both blocks, forced":   {[]lock.Finding{forceable, block}, true, true, false},
		"both blocks, reversed": {[]lock.Finding{block, forceable}, true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			plan := f.Codec.Plan(lock.Device{}, lock.Request{})
			plan.Findings = c.findings
			f.Codec.Answer = &plan
			found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Force: c.force})
			require.NoError(t, err)
			assert.Equal(t, c.findings, found)
			requireEmpty(t, f)

			a, err := order(t, f, func(r *lock.Request) { r.Force = c.force })
			if c.blocked {
				var blocked *lock.BlockedError
				require.ErrorAs(t, err, &blocked)
				assert.Equal(t, c.findings, blocked.Findings)
				requireEmpty(t, f)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.findings, f.Get(a.ID).Findings)
			assert.Equal(t, c.forced, a.Forced)
		})
	}
}

func TestBlockedErrorNamesWhatBlocks(t *testing.T) {
	err := &lock.BlockedError{Findings: []lock.Finding{
		{Code: "model_unknown", Level: lock.LevelWarn, Text: "the model is unknown"},
		{Code: "os_too_old", Level: lock.LevelBlock, Text: "macOS is too old"},
	}}
	assert.True(t, strings.HasSuffix(err.Error(), ": macOS is too old (os_too_old)"), err.Error())
}

func TestUnknownPlatformNamesThoseConfigured(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) {
		c.Platforms = append(c.Platforms, lock.Platform{Name: "apple", Codec: &locktest.Codec{}})
	})
	d := mac()
	d.Platform = "aple"
	_, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: d})
	require.Equal(t, "device.platform", inputField(err))
	require.ErrorContains(t, err, "apple, test")
	_, err = f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: d})
	require.ErrorContains(t, err, "apple, test")
	requireEmpty(t, f)
}

func TestDeadline(t *testing.T) {
	f := newFixture(t)
	now := f.Clock.Now()
	for name, c := range map[string]struct {
		asked time.Time
		want  time.Time // zero: refused
	}{
		"default":            {time.Time{}, now.Add(30 * 24 * time.Hour)},
		"past":               {now.Add(-time.Second), time.Time{}},
		"now":                {now, time.Time{}},
		"soon":               {now.Add(time.Microsecond), now.Add(time.Microsecond)},
		"finer than kept":    {now.Add(time.Second + time.Nanosecond), now.Add(time.Second)},
		"in another zone":    {now.Add(time.Hour).In(time.FixedZone("east", 7200)), now.Add(time.Hour)},
		"beyond the default": {now.AddDate(1, 0, 0), now.AddDate(1, 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a, err := order(t, f, func(r *lock.Request) { r.NotAfter = c.asked })
			if c.want.IsZero() {
				require.Equal(t, "not_after", inputField(err))
				requireEmpty(t, f)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, a.NotAfter)
		})
	}
}

func TestNewChecksItsConfiguration(t *testing.T) {
	good := locktest.New(t, &locktest.Faulty{})
	codec := &locktest.Codec{}
	platform := lock.Platform{Name: "a", Codec: codec}
	for name, c := range map[string]struct {
		edit  func(*lock.Config)
		field string
	}{
		"no store":            {func(c *lock.Config) { c.Store = nil }, "Store"},
		"no sealer":           {func(c *lock.Config) { c.Sealer = nil }, "Sealer"},
		"no platform":         {func(c *lock.Config) { c.Platforms = nil }, "Platforms"},
		"no name":             {func(c *lock.Config) { c.Platforms[0].Name = "" }, "Platforms[0].Name"},
		"the same name twice": {func(c *lock.Config) { c.Platforms = append(c.Platforms, platform) }, "Platforms[1].Name"},
		"no codec":            {func(c *lock.Config) { c.Platforms[0].Codec = nil }, "Platforms[0].Codec"},
		"negative guard":      {func(c *lock.Config) { c.Platforms[0].Guard = -1 }, "Platforms[0]"},
		"negative deliveries": {func(c *lock.Config) { c.Platforms[0].MaxDeliveries = -1 }, "Platforms[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := lock.Config{Store: good.Store, Sealer: locktest.Keyring("k"), Platforms: []lock.Platform{platform}}
			_, err := lock.New(cfg)
			require.NoError(t, err)
			c.edit(&cfg)
			_, err = lock.New(cfg)
			assert.Equal(t, c.field, inputField(err))
		})
	}
}
