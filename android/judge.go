package android

// API levels at which the rules change.
const (
	android7  = 24
	android8  = 26
	android10 = 29
	android11 = 30
	android12 = 31
	android13 = 33
	android15 = 35
)

// Judge says what an act will do: to the device or to the work profile, with what is known of it. It follows the source of Android for
// API levels 22 to 35 (DevicePolicyManagerService), and takes later ones for the last of these. What is certain to fail fails, also where
// other facts are unknown; where the outcome depends on one that is, the effect is EffectUnknown. It takes for granted that the agent has
// the right to lock and, as a device administrator, the one to reset (force-lock and reset-password of its policies).
//
// Of a passcode it says whether one can be set at all: Validate has the rules that it must obey.
func Judge(f Facts, act Act, scope Scope) Verdict {
	o := f.misplaced(act, scope)
	if o.effect == "" {
		switch act {
		case ActLock:
			o = f.lock(scope)
		case ActReset:
			o = f.change(act)
		case ActClear:
			o = f.clear()
		case ActProvision:
			o = f.provision()
		default:
			o = fails("", CodeUnsupported)
		}
	}
	return Verdict{Act: act, Scope: scope, Effect: o.effect, Method: o.method, Code: o.code, Text: o.code.sentence()}
}

// Capabilities says what can be done to this very device: for each act and each scope that its mode of management has. That a profile
// owner cannot reset the passcode of the device is among it, since it is asked for.
func Capabilities(f Facts) []Verdict {
	verdicts := []Verdict{Judge(f, ActLock, ScopeDevice)}
	scope := ScopeDevice
	if f.Mode.profile() {
		scope = ScopeProfile
		verdicts = append(verdicts, Judge(f, ActLock, ScopeProfile), Judge(f, ActReset, ScopeDevice))
	}
	return append(verdicts, Judge(f, ActReset, scope), Judge(f, ActClear, scope), Judge(f, ActProvision, scope))
}

// outcome is a verdict in the making; the zero outcome is none.
type outcome struct {
	effect Effect
	method Method
	code   Code
}

func works(m Method, c Code) outcome   { return outcome{EffectWorks, m, c} }
func fails(m Method, c Code) outcome   { return outcome{EffectFails, m, c} }
func unknown(m Method, c Code) outcome { return outcome{EffectUnknown, m, c} }

// when is a reason that holds under a condition.
type when struct {
	holds bool
	code  Code
}

// first returns the first reason that holds.
func first(reasons ...when) (Code, bool) {
	for _, r := range reasons {
		if r.holds {
			return r.code, true
		}
	}
	return "", false
}

// misplaced refuses what the mode of management excludes on every version.
func (f Facts) misplaced(act Act, scope Scope) outcome {
	code, found := first(
		when{scope != ScopeDevice && scope != ScopeProfile, CodeUnsupported},
		when{scope == ScopeProfile && f.Mode != "" && !f.Mode.profile(), CodeNotProfile},
		when{scope == ScopeDevice && f.Mode.profile() && act != ActLock, CodeProfileDevice},
	)
	if found {
		return fails("", code)
	}
	return outcome{}
}

// lock is DevicePolicyManager.lockNow, by a profile owner on the instance of the parent for ScopeDevice.
func (f Facts) lock(scope Scope) outcome {
	separate := f.SeparateChallenge
	if f.APILevel > 0 && f.APILevel < android7 {
		separate = No // work profiles have no lock of their own
	}
	switch {
	case f.Mode == "":
		return unknown("", CodeMode)
	case scope == ScopeDevice && f.Mode.profile() && separate != No: // what follows is of the profile
		return unknown("", CodeDeviceLock)
	case f.SecureLock == Unknown:
		return unknown("", CodeSecureLock)
	case scope == ScopeProfile && separate == Unknown:
		return unknown("", CodeChallenge)
	case scope == ScopeProfile && separate == Yes && f.SecureLock == No:
		return fails("", CodeProfileOpen)
	case scope == ScopeProfile && separate == Yes:
		return works("", CodeLocksProfile)
	case f.SecureLock == No:
		return outcome{EffectScreenOff, "", CodeNoSecureLock}
	case scope == ScopeProfile:
		return works("", CodeLocksWhole)
	}
	return works("", CodeLocks)
}

// change is a reset, or a removal but for the policy.
func (f Facts) change(act Act) outcome {
	admin := f.Mode == ModeDeviceAdmin
	switch {
	case f.Mode == "":
		return unknown("", CodeMode)
	case f.APILevel == 0 && f.Token == TokenActive && !admin: // only Android 8 and later have one
		return f.byToken()
	case f.APILevel == 0:
		return unknown("", CodeAPILevel)
	case admin && f.APILevel >= android11:
		return fails(MethodDirect, CodeAdminReset)
	case admin || f.APILevel < android8:
		return f.direct(act)
	case f.APILevel >= android11 || f.TargetSDK >= android8 || f.Token == TokenActive:
		return f.byToken()
	}
	return f.either(act)
}

// either is for an owner on Android 8 to 10 without an active token, whose agent may be built for an earlier Android.
func (f Facts) either(act Act) outcome {
	direct, token := f.direct(act), f.byToken()
	switch {
	case f.TargetSDK > 0 && direct.effect == EffectWorks:
		return direct
	case f.Token == "":
		return token
	case f.TargetSDK > 0:
		return direct
	case direct.effect == EffectFails:
		return token
	}
	return unknown(MethodDirect, CodeTarget)
}

// direct is DevicePolicyManager.resetPassword, in the order of its checks: on Android 10 and earlier.
func (f Facts) direct(act Act) outcome {
	admin, profile, strict := f.Mode == ModeDeviceAdmin, f.Mode.profile(), f.APILevel >= android7
	code, found := first(
		when{f.noLockScreen(), CodeNoLockScreen},
		when{profile && !strict, CodeProfileBefore7},
		when{profile && act == ActClear, CodeProfileClear},
		when{admin && strict && act == ActClear, CodeAdminClear},
		when{admin && strict && f.SecureLock == Yes, CodeAdminOver},
		when{!profile && strict && f.ManagedProfile == Yes, CodeManagedProfile},
		when{strict && f.UserUnlocked == No, CodeUserLocked},
	)
	if found {
		return fails(MethodDirect, code)
	}
	code, found = first(
		when{f.APILevel >= android10 && f.featureUnknown(), CodeFeature},
		when{admin && strict && f.SecureLock == Unknown, CodeSecureLock},
		when{!profile && strict && f.ManagedProfile == Unknown, CodeManaged},
		when{strict && f.UserUnlocked == Unknown && f.SecureLock != No, CodeUserUnlocked},
	)
	if found {
		return unknown(MethodDirect, code)
	}
	return works(MethodDirect, CodeDirect)
}

// byToken is DevicePolicyManager.resetPasswordWithToken, of an owner on Android 8 or later.
func (f Facts) byToken() outcome {
	code, found := first(
		when{f.noLockScreen(), CodeNoLockScreen},
		when{f.Token == TokenUnsupported, CodeTokenUnfit},
		when{f.Token == TokenNone, CodeTokenNone},
		when{f.Token == TokenPending, CodeTokenPending},
	)
	switch {
	case found:
		return fails(MethodToken, code)
	case f.Token != TokenActive:
		return unknown(MethodToken, CodeTokenUnknown)
	}
	return works(MethodToken, CodeToken)
}

// clear is a reset to no passcode, which the policy must allow; Android looks at that last.
func (f Facts) clear() outcome {
	o := f.change(ActClear)
	if o.effect != EffectFails && !f.Policy.AllowsNone(f.APILevel) {
		return fails(o.method, CodePolicy)
	}
	return o
}

// provision is DevicePolicyManager.setResetPasswordToken.
func (f Facts) provision() outcome {
	code, found := first(
		when{f.Mode == ModeDeviceAdmin, CodeTokenNotByAdmin},
		when{f.APILevel > 0 && f.APILevel < android8, CodeTokenBefore8},
		when{f.noLockScreen(), CodeNoLockScreen},
		when{f.Token == TokenUnsupported, CodeTokenUnfit},
		when{f.Token == TokenActive, CodeTokenActive},
	)
	if found {
		return fails("", code)
	}
	code, found = first(
		when{f.Mode == "", CodeMode},
		when{f.APILevel == 0, CodeAPILevel},
		when{f.APILevel >= android10 && f.featureUnknown(), CodeFeature},
		when{f.Token != TokenNone && f.Token != TokenPending, CodeTokenUnknown},
	)
	if found {
		return unknown("", code)
	}
	switch f.SecureLock {
	case No:
		return works("", CodeTokenAtOnce)
	case Yes:
		return works("", CodeTokenAfter)
	}
	return works("", CodeTokenSet)
}

// noLockScreen reports whether there is no secure lock screen, for which Android 10 and later ask first: before, no device has the feature.
// A passcode and an active token prove that there is one.
func (f Facts) noLockScreen() bool {
	return f.APILevel >= android10 && f.SecureLockFeature == No && f.SecureLock != Yes && f.Token != TokenActive
}

// featureUnknown reports whether there might be no secure lock screen: Android 10 and later ask for the feature.
func (f Facts) featureUnknown() bool { return f.SecureLockFeature == Unknown && f.SecureLock != Yes }
