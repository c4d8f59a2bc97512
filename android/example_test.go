package android_test

import (
	"fmt"
	"log"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// What an administrator asks before a reset: will it work on this device, and why not?
func ExampleJudge() {
	phone := android.Facts{
		APILevel: 34, Mode: android.ModeDeviceOwner, TargetSDK: 34,
		SecureLock: android.Yes, UserUnlocked: android.No, Token: android.TokenPending,
	}
	fmt.Println(android.Judge(phone, android.ActReset, android.ScopeDevice).Text)

	phone.Token = android.TokenActive
	fmt.Println(android.Judge(phone, android.ActReset, android.ScopeDevice).Text)

	legacy := android.Facts{APILevel: 24, Mode: android.ModeDeviceAdmin, SecureLock: android.Yes}
	v := android.Judge(legacy, android.ActReset, android.ScopeDevice)
	fmt.Println(v.Effect, v.Code)
	// Output:
	// The reset token is not active yet: the user has to enter the passcode once.
	// The active reset token changes the passcode, also before the first unlock after a restart.
	// fails admin_over_passcode
}

// The page of a device shows what can be done to it.
func ExampleCapabilities() {
	tablet := android.Facts{
		APILevel: 33, Mode: android.ModeCompanyProfileOwner, TargetSDK: 34, SecureLock: android.Yes, UserUnlocked: android.Yes,
		SeparateChallenge: android.Yes, SecureLockFeature: android.Yes, Token: android.TokenActive,
	}
	for _, v := range android.Capabilities(tablet) {
		fmt.Println(v.Act, v.Scope+":", v.Effect, v.Code)
	}
	// Output:
	// lock device: unknown device_lock_unknown
	// lock profile: works locks_profile
	// reset device: fails not_by_profile_owner
	// reset profile: works token
	// clear profile: works token
	// provision profile: fails token_active
}

// What a device has against a passcode, by its version.
func ExampleValidate() {
	code, err := pin.Parse("abcd99")
	if err != nil {
		log.Fatal(err)
	}
	policy := android.Policy{Quality: android.QualityNumericComplex, MinLength: 6}
	fmt.Println(android.Validate(code, 29, policy))
	fmt.Println(android.Validate(code, 34, policy))
	// Output:
	// []
	// [CONTAINS_SEQUENCE]
}

// A passcode that the device takes.
func ExamplePolicy_PIN() {
	policy := android.Policy{Quality: android.QualityNumeric, MinLength: 6, Complexity: android.ComplexityHigh}
	code, err := policy.PIN(34).Generate()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(code.Expose()), android.Validate(code, 34, policy))
	// Output:
	// 8 []
}

// The preflight of package lock: Service.Preflight and every order ask the codec of the platform, which asks Plan.
func ExamplePlan() {
	device := lock.Device{Scope: "acme", ID: "phone-7", Platform: "android", Facts: map[string]lock.Fact{
		"api_level": {Value: "34"}, "mode": {Value: "device_owner"}, "secure_lock": {Value: "true"}, "token_state": {Value: "none"},
		"agreement_key": {Value: "{...}"},
	}}
	plan := android.Plan(device, lock.Request{Kind: lock.KindResetPasscode, Options: map[string]string{"lock_now": "true"}})
	for _, finding := range plan.Findings {
		fmt.Println(finding.Level, finding.Code)
	}
	// Output:
	// block token_none
	// warn no_password_policy
}
