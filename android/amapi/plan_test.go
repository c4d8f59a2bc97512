package amapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
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
		"lock, own device, 10":     {lock.KindLock, device("mode", "profile_owner", "api_level", "29"), []string{"work_profile_only"}},
		"lock, own device, shared": {lock.KindLock, device("mode", "profile_owner", "separate_challenge", "false"), nil},
		"lock, company, 7":         {lock.KindLock, device("mode", "company_profile_owner", "api_level", "25"), []string{"work_profile_only"}},
		"lock, company, 8":         {lock.KindLock, device("mode", "company_profile_owner", "api_level", "26"), nil},
		"lock, company, 10":        {lock.KindLock, device("mode", "company_profile_owner", "api_level", "29"), nil},
		"lock, company, 11":        {lock.KindLock, device("mode", "company_profile_owner", "api_level", "30"), []string{"work_profile_only"}},
		"lock, company, no level":  {lock.KindLock, device("mode", "company_profile_owner", "api_level", ""), []string{"work_profile_only"}},
		"lock, company, own lock":  {lock.KindLock, device("mode", "company_profile_owner", "separate_challenge", "true"), []string{"work_profile_only"}},
		"lock, company, shared":    {lock.KindLock, device("mode", "company_profile_owner", "separate_challenge", "false"), nil},
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

// TestPlanPolicy: a passcode is drawn that the device takes, with at least the six digits of Android 14; where none can be, that is said.
func TestPlanPolicy(t *testing.T) {
	for _, level := range []string{"", "26", "33", "34", "36"} {
		for _, quality := range []string{"", "65536", "131072", "196608", "262144", "327680", "393216"} {
			d := device("api_level", level, "quality", quality, "min_length", "4")
			p := plan(t, d, lock.Request{Kind: lock.KindResetPasscode})
			assert.GreaterOrEqual(t, p.Policy.Length, 6)
			code, err := p.Policy.Generate()
			require.NoError(t, err)
			f := android.FromDevice(d)
			assert.Empty(t, android.Validate(code, f.APILevel, f.Policy))
		}
	}
	for _, quality := range []string{"131072", "262144", "393216"} {
		p := plan(t, device("quality", quality, "min_length", "18"), lock.Request{Kind: lock.KindResetPasscode})
		assert.Equal(t, []string{"policy_not_met"}, codes(p, lock.LevelBlock))
		_, err := p.Policy.Generate()
		require.ErrorIs(t, err, pin.ReasonPolicy)
	}
}

// TestPlanOwnPasscode: one of the caller's own is measured by itself, by what the device takes, and by what Google adds to that.
func TestPlanOwnPasscode(t *testing.T) {
	for name, c := range map[string]struct {
		code   string
		facts  []string
		blocks []string
	}{
		"six digits":              {"482915", []string{"quality", "131072"}, nil},
		"ten digits":              {"7391528046", []string{"quality", "131072"}, nil},
		"a password":              {"Tr4velling", []string{"quality", "131072"}, nil},
		"five digits":             {"48291", nil, []string{"passcode_too_short"}},
		"five digits, Android 13": {"48291", []string{"api_level", "33"}, nil},
		"five digits, no level":   {"48291", []string{"api_level", ""}, []string{"passcode_too_short"}},
		"five characters":         {"4829x", nil, nil},
		"said once":               {"48291", []string{"quality", "131072", "min_length", "6"}, []string{"passcode_too_short"}},
		"too short by the policy": {"482915", []string{"quality", "131072", "min_length", "8"}, []string{"passcode_too_short"}},
		"digits for a password":   {"48291573", []string{"quality", "262144"}, []string{"passcode_weak_credential_type"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, device(c.facts...), lock.Request{Kind: lock.KindResetPasscode, PIN: token(t, c.code)})
			assert.Equal(t, c.blocks, codes(p, lock.LevelBlock))
			require.NoError(t, p.Policy.Check(token(t, c.code)))
			assert.Len(t, c.code, p.Policy.Length)
			for _, f := range p.Findings {
				assert.NotContains(t, f.Text, c.code)
			}
		})
	}
}

// TestPlanClearPolicy: a device that must have a passcode keeps it. The policy may be another one when the command arrives, so that can be
// forced.
func TestPlanClearPolicy(t *testing.T) {
	p := plan(t, device("quality", "131072"), lock.Request{Kind: lock.KindClearPasscode})
	require.Equal(t, []string{"policy_needs_passcode"}, codes(p, lock.LevelBlock))
	for _, f := range p.Findings {
		assert.Equal(t, f.Level == lock.LevelBlock, f.Forceable)
	}
	for _, level := range []string{"30", "31"} { // the first takes no heed of complexity
		p = plan(t, device("api_level", level, "complexity", "65536"), lock.Request{Kind: lock.KindClearPasscode})
		assert.Equal(t, level == "31", len(codes(p, lock.LevelBlock)) > 0, level)
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
