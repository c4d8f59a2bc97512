package amapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/lock"
)

// plan asks the platform for its plan of an order.
func plan(t *testing.T, d lock.Device, r lock.Request) lock.Plan {
	t.Helper()
	return codec(t).Plan(d, r)
}

func codec(t *testing.T) lock.Codec {
	t.Helper()
	p, err := amapi.Platform(amapi.Config{Client: &amapi.Client{}})
	require.NoError(t, err)
	return p.Codec
}

// codes are those of the findings of a level.
func codes(p lock.Plan, level lock.Level) []string {
	var found []string
	for _, f := range p.Findings {
		if f.Level == level {
			found = append(found, f.Code)
		}
	}
	return found
}

func TestPlanBlocks(t *testing.T) {
	call := func(r *lock.Request) { r.Message = "Please call" }
	option := func(name, value string) func(*lock.Request) {
		return func(r *lock.Request) { r.Message, r.Options = "Please call", map[string]string{name: value} }
	}
	for name, c := range map[string]struct {
		kind   lock.Kind
		device lock.Device
		edit   func(*lock.Request)
		blocks []string
	}{
		"lock":                             {lock.KindLock, device(), call, nil},
		"preflight of a lock":              {"", device(), call, nil},
		"reset":                            {lock.KindResetPasscode, device(), option("lock_now", "true"), nil},
		"clear":                            {lock.KindClearPasscode, device(), option("require_entry", "false"), nil},
		"lost mode":                        {lock.KindLostMode, device(), call, nil},
		"lost mode, address alone":         {lock.KindLostMode, device(), func(r *lock.Request) { r.Options = map[string]string{"street_address": "1 Road"} }, nil},
		"end of lost mode":                 {lock.KindUnlock, device(), call, nil},
		"own device, lock":                 {lock.KindLock, device("mode", "profile_owner"), call, nil},
		"own device, reset":                {lock.KindResetPasscode, device("mode", "profile_owner"), call, nil},
		"own device, lost mode":            {lock.KindLostMode, device("mode", "profile_owner"), call, []string{"company_only"}},
		"own device, end of lost mode":     {lock.KindUnlock, device("mode", "profile_owner"), call, []string{"company_only"}},
		"unknown mode, lost mode":          {lock.KindLostMode, device("mode", ""), call, nil},
		"unknown level, lost mode":         {lock.KindLostMode, device("api_level", ""), call, nil},
		"Android 10, lost mode":            {lock.KindLostMode, device("api_level", "29"), call, []string{"needs_android_11"}},
		"Android 11, lost mode":            {lock.KindLostMode, device("api_level", "30"), call, nil},
		"work profile 12L, lost mode":      {lock.KindLostMode, device("mode", "company_profile_owner", "api_level", "32"), call, []string{"needs_android_13"}},
		"work profile 13, lost mode":       {lock.KindLostMode, device("mode", "company_profile_owner", "api_level", "33"), call, nil},
		"device admin":                     {lock.KindLock, device("mode", "device_admin"), call, []string{"unsupported_mode"}},
		"lost mode, nothing to show":       {lock.KindLostMode, device(), func(*lock.Request) {}, []string{"text_missing"}},
		"lost mode, organization alone":    {lock.KindLostMode, device(), func(r *lock.Request) { r.Options = map[string]string{"organization": "Example"} }, []string{"text_missing"}},
		"lost mode, long text":             {lock.KindLostMode, device(), option("email", strings.Repeat("é", 4097)), []string{"text_invalid"}},
		"lost mode, longest text":          {lock.KindLostMode, device(), option("email", strings.Repeat("é", 4096)), nil},
		"option of another order":          {lock.KindLock, device(), option("lock_now", "true"), []string{"unknown_option"}},
		"option of nothing":                {lock.KindResetPasscode, device(), option("evict_ce_key", "true"), []string{"unknown_option"}},
		"option that is not true or false": {lock.KindResetPasscode, device(), option("lock_now", "yes"), []string{"option_invalid"}},
		"token":                            {lock.KindProvisionToken, device(), call, []string{"unsupported"}},
		"end of a token":                   {lock.KindRevokeToken, device(), call, []string{"unsupported"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := lock.Request{Device: c.device, Kind: c.kind}
			c.edit(&r)
			p := plan(t, c.device, r)
			assert.Equal(t, c.blocks, codes(p, lock.LevelBlock))
			assert.Equal(t, c.kind == lock.KindLostMode, p.Holds)
			assert.Equal(t, c.kind != lock.KindResetPasscode, p.NoPIN)
			for _, f := range p.Findings {
				assert.False(t, f.Forceable, f.Code)
				assert.True(t, strings.HasSuffix(f.Text, "."), f.Text)
			}
		})
	}
}

func TestPlanWarns(t *testing.T) {
	for name, c := range map[string]struct {
		kind   lock.Kind
		device lock.Device
		warns  []string
	}{
		"lock":                     {lock.KindLock, device(), nil},
		"lock, no passcode":        {lock.KindLock, device("secure_lock", "false"), []string{"no_secure_lock"}},
		"lock, own device":         {lock.KindLock, device("mode", "profile_owner"), []string{"work_profile_only"}},
		"lock, unknown mode":       {lock.KindLock, device("mode", ""), []string{"mode_unknown"}},
		"reset":                    {lock.KindResetPasscode, device("quality", "131072"), nil},
		"reset, no policy":         {lock.KindResetPasscode, device(), []string{"no_password_policy"}},
		"reset, work profile":      {lock.KindResetPasscode, device("mode", "company_profile_owner", "quality", "131072"), []string{"work_profile_only"}},
		"clear":                    {lock.KindClearPasscode, device(), []string{"passcode_removed"}},
		"clear, own device":        {lock.KindClearPasscode, device("mode", "profile_owner"), []string{"work_profile_only"}},
		"lost mode":                {lock.KindLostMode, device(), []string{"not_within_12_hours"}},
		"lost mode, unknown level": {lock.KindLostMode, device("api_level", ""), []string{"api_level_unknown", "not_within_12_hours"}},
		"end of lost mode":         {lock.KindUnlock, device(), []string{"lost_mode_only"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := lock.Request{Device: c.device, Kind: c.kind}
			if c.kind == lock.KindLostMode {
				r.Message = "Please call"
			}
			p := plan(t, c.device, r)
			assert.Empty(t, codes(p, lock.LevelBlock))
			assert.Equal(t, c.warns, codes(p, lock.LevelWarn))
		})
	}
	p := plan(t, device(), lock.Request{Kind: lock.KindLock, Message: "Please call"})
	assert.Contains(t, codes(p, lock.LevelWarn), "text_not_shown")
}

// TestPlanPolicy: a passcode is drawn that Android 14 takes, whatever the device's own policy is.
func TestPlanPolicy(t *testing.T) {
	for _, level := range []string{"", "26", "33", "34", "36"} {
		for _, quality := range []string{"", "65536", "131072", "196608", "262144", "327680", "393216"} {
			p := plan(t, device("api_level", level, "quality", quality, "min_length", "4"), lock.Request{Kind: lock.KindResetPasscode})
			assert.GreaterOrEqual(t, p.Policy.Length, 6)
			code, err := p.Policy.Generate()
			require.NoError(t, err)
			assert.False(t, code.IsZero())
		}
	}
}

// TestEncodeRefuses: a reset without a passcode would remove the one that is set.
func TestEncodeRefuses(t *testing.T) {
	for _, kind := range []lock.Kind{lock.KindResetPasscode, lock.KindProvisionToken, lock.KindRevokeToken, lock.KindEscrow} {
		_, err := codec(t).Encode(lock.Order{Action: lock.Action{Kind: kind}})
		require.Error(t, err, kind)
	}
	kinds := []lock.Kind{lock.KindLock, lock.KindClearPasscode, lock.KindLostMode, lock.KindUnlock}
	for _, kind := range kinds {
		_, err := codec(t).Encode(lock.Order{Action: lock.Action{Kind: kind}})
		require.NoError(t, err, kind)
	}
}
