package windows

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// The devices of the tests, as facts of the ledger.
var (
	aPhone   = map[string]string{"class": "phone", "build": buildPhone}
	aHolo    = map[string]string{"class": "hololens", "build": "10.0.22621.1399"}
	aDesktop = map[string]string{"class": "desktop", "edition": "48", "build": buildDesktop}
)

func and(facts map[string]string, more ...string) map[string]string {
	all := map[string]string{}
	for name, value := range facts {
		all[name] = value
	}
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func options(pairs ...string) map[string]string { return and(nil, pairs...) }

// brief writes findings as level:code, with a + for what can be forced.
func brief(findings []lock.Finding) []string {
	var said []string
	for _, f := range findings {
		mark := ""
		if f.Forceable {
			mark = "+"
		}
		said = append(said, string(f.Level)+mark+":"+f.Code)
	}
	return said
}

var lockOutFindings = []string{"block+:sign_in_lockout_unproven", "warn:denies_everybody", "warn:needs_network", "warn:restarts"}

func TestPlan(t *testing.T) {
	typed, err := pin.Parse("739184")
	require.NoError(t, err)
	screen, sign := lock.Plan{NoPIN: true}, lock.Plan{NoPIN: true, Holds: true, Talks: true}
	reset := lock.Plan{NoPIN: true, Returns: true}
	resets := []string{"info:resets", "warn:old_pin_ends"}
	for name, c := range map[string]struct {
		facts    map[string]string
		request  lock.Request
		plan     lock.Plan
		findings []string
	}{
		"phone":                           {aPhone, lock.Request{Kind: lock.KindLock}, screen, []string{"info:locks"}},
		"no kind is a lock":               {aPhone, lock.Request{}, screen, []string{"info:locks"}},
		"HoloLens":                        {aHolo, lock.Request{Kind: lock.KindLock}, screen, []string{"info:locks"}},
		"nothing known":                   {nil, lock.Request{Kind: lock.KindLock}, screen, []string{"warn:remote_lock_unknown"}},
		"desktop":                         {aDesktop, lock.Request{Kind: lock.KindLock}, sign, lockOutFindings},
		"desktop that lists a lock":       {and(aDesktop, "remote_lock", "yes"), lock.Request{Kind: lock.KindLock}, screen, []string{"warn:listed"}},
		"desktop that lists none":         {and(aDesktop, "remote_lock", "no"), lock.Request{Kind: lock.KindLock}, sign, lockOutFindings},
		"phone that lists none":           {and(aPhone, "remote_lock", "no"), lock.Request{Kind: lock.KindLock}, screen, []string{"block:remote_lock_absent"}},
		"unknown that lists none":         {map[string]string{"remote_lock": "no"}, lock.Request{Kind: lock.KindLock}, sign, append([]string{"warn:sign_in_unknown"}, lockOutFindings...)},
		"desktop that refused the policy": {and(aDesktop, "sign_in_policy", "no"), lock.Request{Kind: lock.KindLock}, sign, append([]string{"block+:policy_absent"}, lockOutFindings...)},
		"Home":                            {and(aDesktop, "edition", "101"), lock.Request{Kind: lock.KindLock}, sign, []string{"block:home_edition"}},
		"desktop, screen":                 {aDesktop, lock.Request{Kind: lock.KindLock, Options: options("method", "screen")}, screen, []string{"block+:desktop_remote_lock"}},
		"absent is not to be forced":      {and(aDesktop, "remote_lock", "no"), lock.Request{Kind: lock.KindLock, Options: options("method", "screen")}, screen, []string{"block:remote_lock_absent"}},
		"phone, sign-in":                  {aPhone, lock.Request{Kind: lock.KindLock, Options: options("method", "sign_in")}, sign, []string{"block:not_desktop"}},
		"unknown, sign-in":                {nil, lock.Request{Kind: lock.KindLock, Options: options("method", "sign_in")}, sign, append([]string{"warn:sign_in_unknown"}, lockOutFindings...)},
		"bad method":                      {aPhone, lock.Request{Kind: lock.KindLock, Options: options("method", "hammer")}, screen, []string{"block:option_value", "info:locks"}},
		"unknown option":                  {aPhone, lock.Request{Kind: lock.KindLock, Options: options("colour", "red")}, screen, []string{"block:option_unknown", "info:locks"}},
		"message on the screen of phone":  {aPhone, lock.Request{Kind: lock.KindLock, Message: "Call us"}, screen, []string{"info:locks", "warn:message_not_shown"}},
		"message that cannot be sent":     {aDesktop, lock.Request{Kind: lock.KindLock, Message: "Call\x01"}, sign, append(lockOutFindings, "block:message_characters")},
		"phone number that cannot be":     {aDesktop, lock.Request{Kind: lock.KindLock, PhoneNumber: "\ufffe"}, sign, append(lockOutFindings, "block:phone_number_characters")},
		"lock-out in too small a message": {and(aDesktop, "max_msg_size", "900"), lock.Request{Kind: lock.KindLock}, sign, append(lockOutFindings, "block:message_too_large")},
		"reset":                           {aPhone, lock.Request{Kind: lock.KindResetPasscode}, reset, resets},
		"recover":                         {and(aPhone, "pin_recovery", "yes"), lock.Request{Kind: lock.KindResetPasscode, Options: options("recover", "true")}, reset, []string{"info:recovers", "warn:old_pin_ends"}},
		"recover false is a reset":        {aPhone, lock.Request{Kind: lock.KindResetPasscode, Options: options("recover", "false")}, reset, resets},
		"recover, not known":              {aPhone, lock.Request{Kind: lock.KindResetPasscode, Options: options("recover", "true")}, reset, []string{"warn:pin_recovery_unknown", "warn:old_pin_ends"}},
		"recover with a bad value":        {aPhone, lock.Request{Kind: lock.KindResetPasscode, Options: options("recover", "1")}, reset, append([]string{"block:option_value"}, resets...)},
		"reset of a HoloLens":             {aHolo, lock.Request{Kind: lock.KindResetPasscode}, reset, []string{"block+:lock_only"}},
		"reset of a desktop":              {aDesktop, lock.Request{Kind: lock.KindResetPasscode}, reset, []string{"block+:desktop_remote_lock"}},
		"reset that is known to be away":  {and(aPhone, "remote_lock_reset", "no"), lock.Request{Kind: lock.KindResetPasscode}, reset, []string{"block:reset_absent"}},
		"reset to a chosen PIN":           {aPhone, lock.Request{Kind: lock.KindResetPasscode, PIN: typed}, reset, append([]string{"block:device_makes_pin"}, resets...)},
		"reset to the same PIN":           {aPhone, lock.Request{Kind: lock.KindResetPasscode, Keep: true}, reset, append([]string{"block:device_makes_pin"}, resets...)},
		"reset in too small a message":    {and(aPhone, "max_msg_size", "900"), lock.Request{Kind: lock.KindResetPasscode}, reset, append(resets, "block:message_too_large")},
		"reset in a message that is fine": {and(aPhone, "max_msg_size", "8192"), lock.Request{Kind: lock.KindResetPasscode}, reset, resets},
		"unlock":                          {aDesktop, lock.Request{Kind: lock.KindUnlock}, screen, []string{"info:restore_unproven", "info:needs_network"}},
		"unlock is never in the way":      {and(aDesktop, "sign_in_policy", "no"), lock.Request{Kind: lock.KindUnlock}, screen, []string{"warn:policy_absent", "info:needs_network"}},
		"lost mode":                       {aPhone, lock.Request{Kind: lock.KindLostMode}, screen, []string{"block:unsupported"}},
		"clear":                           {aPhone, lock.Request{Kind: lock.KindClearPasscode}, screen, []string{"block:unsupported"}},
		"provision":                       {aPhone, lock.Request{Kind: lock.KindProvisionToken}, screen, []string{"block:unsupported"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := codec{}.Plan(deviceWith(c.facts), c.request)
			assert.Equal(t, c.findings, brief(plan.Findings))
			plan.Findings = nil
			assert.Equal(t, c.plan, plan)
		})
	}
}

func TestPlanFields(t *testing.T) {
	for field, r := range map[string]lock.Request{
		"options.method":  {Kind: lock.KindLock, Options: options("method", "x")},
		"options.recover": {Kind: lock.KindResetPasscode, Options: options("recover", "x")},
		"options":         {Kind: lock.KindUnlock, Options: options("x", "y")},
		"keep":            {Kind: lock.KindResetPasscode, Keep: true},
	} {
		findings := codec{}.Plan(deviceWith(aPhone), r).Findings
		require.Equal(t, lock.LevelBlock, findings[0].Level, field)
		require.Equal(t, field, findings[0].Field)
	}
}

// TestPlanTexts holds that all findings can be read.
func TestPlanTexts(t *testing.T) {
	for _, kind := range []lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindUnlock, lock.KindEscrow} {
		for _, facts := range []map[string]string{nil, aPhone, aHolo, aDesktop} {
			r := lock.Request{Kind: kind, Message: "m", PhoneNumber: "p", Options: options("a", "b")}
			for _, f := range (codec{}).Plan(deviceWith(facts), r).Findings {
				require.True(t, strings.HasSuffix(f.Text, "."), f.Code)
				require.NotEmpty(t, f.Code)
			}
		}
	}
}

func TestPlatform(t *testing.T) {
	p := Platform(nil)
	require.Equal(t, "windows", p.Name)
	require.Equal(t, 10, p.MaxDeliveries)
	require.NotNil(t, p.Codec)
}
