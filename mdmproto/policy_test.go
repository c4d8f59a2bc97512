package mdmproto_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

// TestPolicyOfAnyMac: whatever is known of a device, what the policy draws is what it accepts, and what DeviceLock takes.
func TestPolicyOfAnyMac(t *testing.T) {
	codec := mdmproto.Platform(nil).Codec
	rapid.Check(t, func(t *rapid.T) {
		facts := map[string]lock.Fact{}
		for name, values := range map[string][]string{
			"ProductName": {"", "Mac14,2", "iMac19,1", "iPad12,1"}, "OSVersion": {"", "10.13", "11.4", "15.1"}, "IsAppleSilicon": {"", "true", "false"},
		} {
			if value := rapid.SampledFrom(values).Draw(t, name); value != "" {
				facts[name] = lock.Fact{Value: value}
			}
		}
		d := lock.Device{Scope: "acme", ID: "mac-1", Platform: mdmproto.PlatformName, Facts: facts}
		plan := codec.Plan(d, lock.Request{Device: d})
		if plan.NoPIN || slices.ContainsFunc(plan.Findings, func(f lock.Finding) bool { return f.Level == lock.LevelBlock && !f.Forceable }) {
			return
		}
		plan.Policy.Avoid = []string{rapid.StringMatching(`[0-9A-Z -]{0,40}`).Draw(t, "avoid")}
		code, err := plan.Policy.Generate()
		require.NoError(t, err)
		require.NoError(t, plan.Policy.Check(code))
		require.NoError(t, pin.SixDigits().Check(code))
		_, err = codec.Encode(lock.Order{Action: lock.Action{ID: "0195954d-8a75-7c3e-9d21-5f60b8e4a7c1", Kind: lock.KindLock, Device: d}, Device: d, PIN: code})
		require.NoError(t, err)
	})
}
