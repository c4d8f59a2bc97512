package android

import (
	"strconv"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Mode is how the agent manages the device. The empty mode is unknown.
type Mode string

// The modes of management.
const (
	ModeDeviceAdmin         Mode = "device_admin"          // legacy device administrator
	ModeProfileOwner        Mode = "profile_owner"         // owner of the work profile on a person's own device
	ModeCompanyProfileOwner Mode = "company_profile_owner" // owner of the work profile on a device of the organisation (COPE)
	ModeDeviceOwner         Mode = "device_owner"          // fully managed
)

// profile reports whether the agent runs in a work profile.
func (m Mode) profile() bool { return m == ModeProfileOwner || m == ModeCompanyProfileOwner }

// known reports whether m is one of the modes of this package.
func (m Mode) known() bool { return m == ModeDeviceAdmin || m.profile() || m == ModeDeviceOwner }

// Answer is yes, no or not known.
type Answer int8

// The answers.
const (
	Unknown Answer = iota
	No
	Yes
)

// TokenState is where a reset token stands (DevicePolicyManager.setResetPasswordToken). The empty state is unknown.
type TokenState string

// The states of a reset token.
const (
	TokenNone        TokenState = "none"        // none is set
	TokenPending     TokenState = "pending"     // set, and kept in memory until the user types the passcode; a restart loses it
	TokenActive      TokenState = "active"      // resets the passcode, also before the first unlock after a restart
	TokenUnsupported TokenState = "unsupported" // the device cannot have one
)

// Scope is what a command is meant for.
type Scope string

// The scopes.
const (
	ScopeDevice  Scope = "device"  // the whole device, and its passcode
	ScopeProfile Scope = "profile" // the work profile, and its passcode
)

// Facts are what is known of a device. The zero value of each field is unknown, except for Policy, whose zero value is no requirement.
// SecureLock, UserUnlocked, SeparateChallenge, Token and Policy are those of the user that the agent runs as: a profile owner speaks of its
// work profile, where a passcode that the profile shares with the device counts as one.
type Facts struct {
	APILevel          int        // Build.VERSION.SDK_INT
	Mode              Mode       //
	TargetSDK         int        // what the agent is built for (targetSdkVersion)
	SecureLock        Answer     // a PIN, pattern or password is set
	UserUnlocked      Answer     // the passcode was typed since the last start, or there is none
	ManagedProfile    Answer     // user 0 has a work profile
	SeparateChallenge Answer     // the work profile has a lock of its own
	SecureLockFeature Answer     // PackageManager.FEATURE_SECURE_LOCK_SCREEN
	Token             TokenState //
	TokenID           string     // the provision-token action whose token is set
	Policy            Policy     // what the device asks of a passcode
}

// FactName is the name of a fact in lock.Device.Facts. The values are decimal numbers, "true" or "false", or as the types above say.
type FactName string

// The names of facts.
const (
	FactAPILevel          FactName = "api_level"
	FactMode              FactName = "mode"
	FactTargetSDK         FactName = "target_sdk"
	FactSecureLock        FactName = "secure_lock"
	FactUserUnlocked      FactName = "user_unlocked"
	FactManagedProfile    FactName = "managed_profile"
	FactSeparateChallenge FactName = "separate_challenge"
	FactSecureLockFeature FactName = "secure_lock_feature"
	FactTokenState        FactName = "token_state"
	FactTokenID           FactName = "token_id"
	FactQuality           FactName = "quality" // this and the next eight: of Policy
	FactMinLength         FactName = "min_length"
	FactMinLetters        FactName = "min_letters"
	FactMinNumeric        FactName = "min_numeric"
	FactMinSymbols        FactName = "min_symbols"
	FactMinUpper          FactName = "min_upper"
	FactMinLower          FactName = "min_lower"
	FactMinNonLetter      FactName = "min_non_letter"
	FactComplexity        FactName = "complexity"
	FactLockedNow         FactName = "locked_now"
	FactAgentVersion      FactName = "agent_version"
	FactBootCount         FactName = "boot_count"
	FactAgreementKey      FactName = "agreement_key" // JWK of the device's P-256 key for secrets: set at enrolment, never by a report of its state
)

// FromDevice reads the facts of a device. What is absent, or cannot be read, is unknown; of a policy of QualityComplex it is Android's own
// default: a letter, a digit and a symbol.
func FromDevice(d lock.Device) Facts {
	text := func(n FactName) string { return d.Facts[string(n)].Value }
	numberOr := func(n FactName, unread int) int {
		v, err := strconv.ParseInt(text(n), 10, 32)
		if err != nil || v < 0 {
			return unread
		}
		return int(v)
	}
	number := func(n FactName) int { return numberOr(n, 0) }
	answer := func(n FactName) Answer {
		switch text(n) {
		case "true":
			return Yes
		case "false":
			return No
		}
		return Unknown
	}
	quality, ofClass := Quality(number(FactQuality)), 0
	if quality.effective() == QualityComplex {
		ofClass = 1
	}
	f := Facts{
		APILevel: number(FactAPILevel), Mode: Mode(text(FactMode)), TargetSDK: number(FactTargetSDK),
		SecureLock: answer(FactSecureLock), UserUnlocked: answer(FactUserUnlocked), ManagedProfile: answer(FactManagedProfile),
		SeparateChallenge: answer(FactSeparateChallenge), SecureLockFeature: answer(FactSecureLockFeature),
		Token: TokenState(text(FactTokenState)), TokenID: text(FactTokenID),
		Policy: Policy{
			Quality: quality, MinLength: number(FactMinLength), Letters: numberOr(FactMinLetters, ofClass),
			Numeric: numberOr(FactMinNumeric, ofClass), Symbols: numberOr(FactMinSymbols, ofClass),
			Upper: number(FactMinUpper), Lower: number(FactMinLower), NonLetter: number(FactMinNonLetter), Complexity: Complexity(number(FactComplexity)),
		},
	}
	if !f.Mode.known() {
		f.Mode = ""
	}
	switch f.Token {
	case TokenNone, TokenPending, TokenActive, TokenUnsupported:
	default:
		f.Token = ""
	}
	return f
}
