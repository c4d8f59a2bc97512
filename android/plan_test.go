package android_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// asDevice is a device that reports those facts, and has given a key.
func asDevice(f android.Facts) lock.Device {
	facts := map[string]lock.Fact{}
	set := func(name android.FactName, value string) {
		if value != "" {
			facts[string(name)] = lock.Fact{Value: value}
		}
	}
	number := func(name android.FactName, n int) {
		if n != 0 {
			set(name, strconv.Itoa(n))
		}
	}
	answer := func(name android.FactName, a android.Answer) {
		set(name, map[android.Answer]string{android.Yes: "true", android.No: "false"}[a])
	}
	number(android.FactAPILevel, f.APILevel)
	set(android.FactMode, string(f.Mode))
	number(android.FactTargetSDK, f.TargetSDK)
	answer(android.FactSecureLock, f.SecureLock)
	answer(android.FactUserUnlocked, f.UserUnlocked)
	answer(android.FactManagedProfile, f.ManagedProfile)
	answer(android.FactSeparateChallenge, f.SeparateChallenge)
	answer(android.FactSecureLockFeature, f.SecureLockFeature)
	set(android.FactTokenState, string(f.Token))
	set(android.FactTokenID, f.TokenID)
	number(android.FactQuality, int(f.Policy.Quality))
	number(android.FactMinLength, f.Policy.MinLength)
	number(android.FactMinLetters, f.Policy.Letters)
	number(android.FactMinNumeric, f.Policy.Numeric)
	number(android.FactMinSymbols, f.Policy.Symbols)
	number(android.FactMinUpper, f.Policy.Upper)
	number(android.FactMinLower, f.Policy.Lower)
	number(android.FactMinNonLetter, f.Policy.NonLetter)
	number(android.FactComplexity, int(f.Policy.Complexity))
	set(android.FactAgreementKey, "{}")
	return lock.Device{Scope: "acme", ID: "3f2c9a7e", Platform: "android", Facts: facts}
}

// blocked are the codes of what blocks, in their order.
func blocked(found []lock.Finding) []string { return codesAt(found, lock.LevelBlock) }

func codesAt(found []lock.Finding, level lock.Level) []string {
	var codes []string
	for _, f := range found {
		if f.Level == level {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// requireDocumented asks that the package comment says this, wherever its lines end.
func requireDocumented(t *testing.T, text string) {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	assert.Contains(t, strings.ReplaceAll(string(doc), "\n// ", " "), text)
}

func TestFromDevice(t *testing.T) {
	f := device(34, cope, active, managed, separate, locked)
	f.Policy = android.Policy{
		Quality: android.QualityComplex, MinLength: 1, Letters: 2, Numeric: 3, Symbols: 4, Upper: 5, Lower: 6, NonLetter: 7,
		Complexity: android.ComplexityHigh,
	}
	assert.Equal(t, f, android.FromDevice(asDevice(f)))
	assert.Equal(t, android.Facts{}, android.FromDevice(lock.Device{}), "what is absent is unknown")

	strange := lock.Device{Facts: map[string]lock.Fact{}}
	for name := range asDevice(f).Facts {
		if name != string(android.FactTokenID) {
			strange.Facts[name] = lock.Fact{Value: "-1 or so"}
		}
	}
	assert.Equal(t, android.Facts{}, android.FromDevice(strange), "what cannot be read is unknown")

	strange.Facts[string(android.FactAPILevel)] = lock.Fact{Value: "-1"}
	assert.Equal(t, android.Facts{}, android.FromDevice(strange), "no number is below 0")
}

// Android asks for a letter, a digit and a symbol where an administrator gave QualityComplex no numbers.
func TestFromDeviceComplex(t *testing.T) {
	of := func(facts ...string) android.Policy {
		d := lock.Device{Facts: map[string]lock.Fact{}}
		for i := 0; i < len(facts); i += 2 {
			d.Facts[facts[i]] = lock.Fact{Value: facts[i+1]}
		}
		return android.FromDevice(d).Policy
	}
	whole := strconv.Itoa(int(android.QualityComplex))
	assert.Equal(t, android.Policy{Quality: android.QualityComplex, Letters: 1, Numeric: 1, Symbols: 1}, of("quality", whole))
	assert.Equal(t, android.Policy{Quality: android.QualityComplex, Numeric: 1, Symbols: 1}, of("quality", whole, "min_letters", "0", "min_symbols", "-"))
	assert.Equal(t, android.Policy{Quality: android.QualityComplex + 1, Letters: 2, Numeric: 3, Symbols: 4},
		of("quality", strconv.Itoa(int(android.QualityComplex)+1), "min_letters", "2", "min_numeric", "3", "min_symbols", "4"))
	assert.Equal(t, android.Policy{Quality: android.QualityComplex + 1, Letters: 1, Numeric: 1, Symbols: 1},
		of("quality", strconv.Itoa(int(android.QualityComplex)+1)))
	assert.Equal(t, quality(android.QualityManaged), of("quality", strconv.Itoa(int(android.QualityManaged))))
	assert.Contains(t, android.Validate(code(t, "kwobkwob"), 34, of("quality", whole)), android.NotEnoughDigits)
}

// levels says what is found of a kind of order: what blocks, what warns.
type levels struct{ block, warn []string }

func TestPlan(t *testing.T) {
	policy := func(f *android.Facts) {
		f.Policy = android.Policy{Quality: android.QualityNumericComplex, MinLength: 6}
	}
	cases := map[string]struct {
		f    android.Facts
		kind lock.Kind
		want levels
	}{
		"lock":                            {device(34, do), lock.KindLock, levels{}},
		"lock, kind left empty":           {device(34, do), "", levels{}},
		"lock without a passcode":         {device(34, do, open), lock.KindLock, levels{nil, []string{"no_secure_lock"}}},
		"lock of what nothing is known":   {android.Facts{}, lock.KindLock, levels{nil, []string{"mode_unknown"}}},
		"reset":                           {device(34, do, active, policy), lock.KindResetPasscode, levels{}},
		"reset without a policy":          {device(34, do, active), lock.KindResetPasscode, levels{nil, []string{"no_password_policy"}}},
		"reset without a passcode":        {device(34, do, active, policy, open), lock.KindResetPasscode, levels{nil, []string{"no_passcode"}}},
		"reset of what nothing is known":  {android.Facts{}, lock.KindResetPasscode, levels{nil, []string{"mode_unknown", "no_password_policy"}}},
		"reset without a token":           {device(34, do, policy), lock.KindResetPasscode, levels{[]string{"token_none"}, nil}},
		"reset of a profile":              {device(34, po, active, policy), lock.KindResetPasscode, levels{nil, []string{"separate_lock"}}},
		"reset by an admin":               {device(24, admin, policy), lock.KindResetPasscode, levels{[]string{"admin_over_passcode"}, nil}},
		"reset, no passcode can be so":    {device(34, do, active, func(f *android.Facts) { f.Policy = android.Policy{Quality: android.QualityNumeric, MinLength: 17} }), lock.KindResetPasscode, levels{[]string{"policy_not_met"}, nil}},
		"clear":                           {device(34, do, active), lock.KindClearPasscode, levels{}},
		"clear of a profile":              {device(34, po, active), lock.KindClearPasscode, levels{nil, []string{"separate_lock"}}},
		"clear of a profile with a lock":  {device(34, po, active, separate), lock.KindClearPasscode, levels{}},
		"clear against the policy":        {device(34, do, active, strict), lock.KindClearPasscode, levels{[]string{"policy_needs_passcode"}, nil}},
		"provision":                       {device(34, do), lock.KindProvisionToken, levels{}},
		"provision again":                 {device(34, do, active), lock.KindProvisionToken, levels{[]string{"token_active"}, nil}},
		"revoke":                          {device(34, do, active), lock.KindRevokeToken, levels{}},
		"revoke nothing":                  {device(34, do), lock.KindRevokeToken, levels{nil, []string{"no_token"}}},
		"lost mode":                       {device(34, do), lock.KindLostMode, levels{[]string{"unsupported"}, nil}},
		"unlock":                          {device(34, do), lock.KindUnlock, levels{[]string{"unsupported"}, nil}},
		"escrow of what a device gives":   {device(34, do), lock.KindEscrow, levels{[]string{"unsupported"}, nil}},
		"reset before the first unlock":   {device(24, do, policy, locked), lock.KindResetPasscode, levels{[]string{"user_locked"}, nil}},
		"reset, token not known":          {device(34, do, policy, func(f *android.Facts) { f.Token, f.TokenID = "", token }), lock.KindResetPasscode, levels{nil, []string{"token_unknown"}}},
		"reset, pending token of no name": {device(34, do, pending, policy), lock.KindResetPasscode, levels{[]string{"token_pending", "token_not_named"}, nil}},
		"clear, token of no name, policy": {device(34, do, active, strict, unnamed), lock.KindClearPasscode, levels{[]string{"policy_needs_passcode", "token_not_named"}, nil}},
		"clear, no token":                 {device(34, do), lock.KindClearPasscode, levels{[]string{"token_none"}, nil}},
		"reset, neither token nor its ID": {device(34, do, policy, func(f *android.Facts) { f.Token = "" }), lock.KindResetPasscode, levels{[]string{"token_not_named"}, []string{"token_unknown"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := android.Plan(asDevice(c.f), lock.Request{Kind: c.kind}).Findings
			assert.Equal(t, c.want.block, blocked(found))
			assert.Equal(t, c.want.warn, codesAt(found, lock.LevelWarn))
			for _, f := range found {
				assert.NotEmpty(t, f.Text, f.Code)
			}
		})
	}
}

// What an order carries.
func TestPlanCarries(t *testing.T) {
	cases := map[string]struct {
		f     android.Facts
		kind  lock.Kind
		noPIN bool
		makes string
		uses  lock.ID
	}{
		"lock":                  {device(34, do, active), lock.KindLock, true, "", ""},
		"reset by token":        {device(34, do, active), lock.KindResetPasscode, false, "", token},
		"reset directly":        {device(24, do), lock.KindResetPasscode, false, "", ""},
		"clear by token":        {device(34, do, active), lock.KindClearPasscode, true, "", token},
		"clear directly":        {device(23, admin), lock.KindClearPasscode, true, "", ""},
		"provision":             {device(34, do), lock.KindProvisionToken, true, android.SecretToken, ""},
		"revoke":                {device(34, do, active), lock.KindRevokeToken, true, "", ""},
		"a pending token":       {device(34, do, pending, func(f *android.Facts) { f.TokenID = token }), lock.KindResetPasscode, false, "", token},
		"what is not supported": {device(34, do, active), lock.KindLostMode, true, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := asDevice(c.f)
			plan := android.Plan(d, lock.Request{Kind: c.kind})
			assert.Equal(t, c.noPIN, plan.NoPIN)
			assert.Equal(t, c.noPIN, plan.Policy.IsZero())
			assert.Equal(t, c.makes, plan.Makes)
			assert.Equal(t, c.uses, plan.Uses)
			assert.False(t, plan.Holds)

			delete(d.Facts, string(android.FactAgreementKey))
			secret := !c.noPIN || c.makes != "" || c.uses != ""
			assert.Equal(t, secret, contains(blocked(android.Plan(d, lock.Request{Kind: c.kind}).Findings), "no_key"))
		})
	}
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// What may have changed when the command arrives can be forced; what the device is cannot.
func TestForceable(t *testing.T) {
	cases := map[string]struct {
		f    android.Facts
		kind lock.Kind
		want bool
	}{
		"token active":            {device(34, do, active), lock.KindProvisionToken, true},
		"token pending":           {device(34, do, pending), lock.KindResetPasscode, true},
		"locked":                  {device(24, do, locked), lock.KindResetPasscode, true},
		"passcode set":            {device(24, admin), lock.KindResetPasscode, true},
		"work profile":            {device(24, do, managed), lock.KindResetPasscode, true},
		"policy":                  {device(34, do, active, strict), lock.KindClearPasscode, true},
		"profile without one":     {device(34, po, open, separate), lock.KindLock, true},
		"no token":                {device(34, do), lock.KindResetPasscode, false},
		"admin on Android 11":     {device(30, admin), lock.KindResetPasscode, false},
		"no lock screen":          {device(34, do, unfit), lock.KindProvisionToken, false},
		"Android 7 has no tokens": {device(24, do), lock.KindProvisionToken, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := lock.Request{Kind: c.kind}
			if c.kind == lock.KindLock {
				r.Options = map[string]string{string(android.OptionScope): string(android.ScopeProfile)}
			}
			first := android.Findings(c.f, r)[0]
			assert.Equal(t, lock.LevelBlock, first.Level)
			assert.Equal(t, c.want, first.Forceable)
		})
	}
}

// A passcode of the caller's own must be typed by everybody, must not be tried first, and the device must take it.
func TestSuppliedPasscodes(t *testing.T) {
	policy := android.Policy{Quality: android.QualityNumericComplex, MinLength: 6}
	cases := map[string]struct {
		code    string
		finding []string
		broken  pin.Reason
	}{
		"good":             {"739182", nil, ""},
		"good, longer":     {"7391825064", nil, ""},
		"good, a password": {"river-Stone7", nil, ""},
		"too short":        {"7391", []string{"passcode_too_short"}, ""},
		"a sequence":       {"739135", []string{}, ""},
		"steps":            {"713579", []string{"passcode_contains_sequence"}, pin.ReasonStep},
		"a date":           {"311299", []string{}, pin.ReasonDate},
		"beyond ASCII":     {"Grüße739", []string{"passcode_contains_invalid_characters"}, pin.ReasonAlphabet},
		"with a space":     {"739 1826", []string{}, pin.ReasonAlphabet},
		"too long":         {"73918250647391826", []string{"passcode_too_long"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := device(34, do, active)
			f.Policy = policy
			plan := android.Plan(asDevice(f), lock.Request{Kind: lock.KindResetPasscode, PIN: code(t, c.code)})
			assert.ElementsMatch(t, c.finding, blocked(plan.Findings))
			for _, found := range plan.Findings {
				assert.NotContains(t, found.Text, c.code)
			}
			if err := plan.Policy.Check(code(t, c.code)); c.broken == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorIs(t, err, c.broken)
			}
			assert.Equal(t, len([]rune(c.code)), plan.Policy.Length, "numbers of its length are kept out of texts")
		})
	}
}

func TestOptions(t *testing.T) {
	cases := map[string]struct {
		f       android.Facts
		kind    lock.Kind
		options map[string]string
		want    levels
	}{
		"of a reset": {device(34, do, active), lock.KindResetPasscode, map[string]string{"require_entry": "true", "lock_now": "true"},
			levels{nil, []string{"no_password_policy"}}},
		"false":            {device(34, do, active), lock.KindClearPasscode, map[string]string{"require_entry": "false"}, levels{}},
		"a value":          {device(34, do, active), lock.KindClearPasscode, map[string]string{"lock_now": "1"}, levels{[]string{"option_value"}, nil}},
		"unknown":          {device(34, do, active), lock.KindClearPasscode, map[string]string{"wipe": "true"}, levels{[]string{"option_unknown"}, nil}},
		"of a lock":        {device(34, do, active), lock.KindClearPasscode, map[string]string{"scope": "device"}, levels{[]string{"option_unknown"}, nil}},
		"of a reset alone": {device(34, do), lock.KindLock, map[string]string{"lock_now": "true"}, levels{[]string{"option_unknown"}, nil}},
		"of a token":       {device(34, do), lock.KindProvisionToken, map[string]string{"lock_now": "true"}, levels{[]string{"option_unknown"}, nil}},
		"do not ask": {device(34, do, active), lock.KindClearPasscode, map[string]string{"do_not_ask_credentials_on_boot": "true"},
			levels{nil, []string{"do_not_ask_sticky"}}},
		"do not ask, profile owner": {device(34, po, active), lock.KindClearPasscode, map[string]string{"do_not_ask_credentials_on_boot": "true"},
			levels{nil, []string{"do_not_ask_ignored", "separate_lock"}}},
		"scope":                  {device(34, po, separate), lock.KindLock, map[string]string{"scope": "profile"}, levels{}},
		"scope of the device":    {device(34, po, separate), lock.KindLock, map[string]string{"scope": "device"}, levels{nil, []string{"device_lock_unknown"}}},
		"no such scope":          {device(34, po), lock.KindLock, map[string]string{"scope": "house"}, levels{[]string{"option_value"}, nil}},
		"profile of an owner":    {device(34, do), lock.KindLock, map[string]string{"scope": "profile"}, levels{[]string{"not_in_profile"}, nil}},
		"evict":                  {device(34, po, separate), lock.KindLock, map[string]string{"evict_ce_key": "true"}, levels{}},
		"evict of a device":      {device(34, do), lock.KindLock, map[string]string{"evict_ce_key": "true"}, levels{[]string{"not_in_profile"}, nil}},
		"evict of the parent":    {device(34, po, separate), lock.KindLock, map[string]string{"evict_ce_key": "true", "scope": "device"}, levels{[]string{"evict_needs_profile"}, nil}},
		"evict before Android 8": {device(25, po, separate), lock.KindLock, map[string]string{"evict_ce_key": "true"}, levels{[]string{"evict_needs_8"}, nil}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := android.Findings(c.f, lock.Request{Kind: c.kind, Options: c.options})
			assert.Equal(t, c.want.block, blocked(found))
			assert.Equal(t, c.want.warn, codesAt(found, lock.LevelWarn))
		})
	}
}

func TestTextOnTheLockedScreen(t *testing.T) {
	cases := map[string]struct {
		f     android.Facts
		r     lock.Request
		code  string
		level lock.Level
	}{
		"device owner":                    {device(24, do), lock.Request{Message: "Please call"}, "message_stays", lock.LevelInfo},
		"a number":                        {device(24, do), lock.Request{PhoneNumber: "+49 30 1234"}, "phone_number_stays", lock.LevelInfo},
		"device owner on Android 6":       {device(23, do), lock.Request{Message: "Please call"}, "message_unsupported", lock.LevelBlock},
		"company profile owner":           {device(30, cope), lock.Request{Message: "Please call"}, "message_stays", lock.LevelInfo},
		"company profile owner before 11": {device(29, cope), lock.Request{Message: "Please call"}, "message_unsupported", lock.LevelBlock},
		"profile owner":                   {device(34, po), lock.Request{Message: "Please call"}, "message_unsupported", lock.LevelBlock},
		"device admin":                    {device(34, admin), lock.Request{PhoneNumber: "+49 30 1234"}, "phone_number_unsupported", lock.LevelBlock},
		"not known":                       {android.Facts{}, lock.Request{Message: "Please call"}, "message_unknown", lock.LevelWarn},
		"with a reset":                    {device(34, do, active), lock.Request{Kind: lock.KindResetPasscode, Message: "Please call"}, "message_unsupported", lock.LevelBlock},
		"too long":                        {device(34, do), lock.Request{Message: strings.Repeat("x", 1020), PhoneNumber: "1234"}, "message_too_long", lock.LevelBlock},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, codesAt(android.Findings(c.f, c.r), c.level), c.code)
		})
	}
	for _, found := range android.Findings(device(34, do), lock.Request{Message: strings.Repeat("x", 1019), PhoneNumber: "1234"}) {
		assert.NotEqual(t, lock.LevelBlock, found.Level, "just fits")
	}
}

func TestNotesOfAReset(t *testing.T) {
	info := func(f android.Facts, r lock.Request) []string {
		r.Kind = lock.KindResetPasscode
		return codesAt(android.Findings(f, r), lock.LevelInfo)
	}
	assert.Equal(t, []string{"token", "stays_open"}, info(device(34, do, active), lock.Request{}))
	assert.Equal(t, []string{"token"}, info(device(34, do, active), lock.Request{Options: map[string]string{"lock_now": "true"}}))
	assert.Equal(t, []string{"token", "profile_passcode", "stays_open"}, info(device(34, cope, active), lock.Request{}))
	assert.Equal(t, []string{"token", "stays_open", "text_keyboard"}, info(device(30, do, active), lock.Request{}))
	assert.Equal(t, []string{"direct", "stays_open"}, info(device(24, do), lock.Request{}))
}
