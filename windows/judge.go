package windows

// Act is something to be done to a device.
type Act string

// The acts.
const (
	ActLock    Act = "lock"            // lock the screen: RemoteLock/Lock
	ActReset   Act = "reset"           // lock, and make a new PIN: RemoteLock/LockAndResetPIN
	ActRecover Act = "recover"         // the same, and keep the keys of Windows Hello: RemoteLock/LockAndRecoverPIN
	ActLockOut Act = "sign_in_lockout" // let nobody sign in on a desktop any more
	ActUnlock  Act = "unlock"          // end a sign-in lock-out
)

// Effect is what an act will do.
type Effect string

// The effects.
const (
	EffectWorks    Effect = "works"
	EffectFails    Effect = "fails"
	EffectUnproven Effect = "unproven" // it should work, and has not been seen to on hardware
	EffectUnknown  Effect = "unknown"  // what is known of the device does not tell
)

// Verdict is what an act will do to a device, and why.
type Verdict struct {
	Act    Act
	Effect Effect
	Code   Code
	Text   string // one sentence for the administrator
}

// Judge says what an act will do to the device, with what is known of it. What the device said of a command itself wins over its class,
// edition and build. Support never follows from an edition: without a class and a word of the device the effect is EffectUnknown.
func Judge(f Facts, act Act) Verdict {
	var o outcome
	switch act {
	case ActLock:
		o = f.lock()
	case ActReset:
		o = f.reset()
	case ActRecover:
		o = f.recoverPIN()
	case ActLockOut:
		o = f.lockOut()
	case ActUnlock:
		o = f.unlock()
	default:
		o = outcome{EffectFails, CodeUnsupported}
	}
	return Verdict{Act: act, Effect: o.effect, Code: o.code, Text: o.code.sentence()}
}

// Capabilities says what can be done to this very device, for each act.
func Capabilities(f Facts) []Verdict {
	verdicts := make([]Verdict, 0, 5)
	for _, act := range acts() {
		verdicts = append(verdicts, Judge(f, act))
	}
	return verdicts
}

func acts() []Act { return []Act{ActLock, ActReset, ActRecover, ActLockOut, ActUnlock} }

type outcome struct {
	effect Effect
	code   Code
}

func (f Facts) lock() outcome {
	switch {
	case f.RemoteLock == No:
		return outcome{EffectFails, CodeLockAbsent}
	case f.Class == ClassPhone, f.Class == ClassHoloLens && f.since(holographic20H2, 1128) == Yes:
		return outcome{EffectWorks, CodeLocks}
	case f.RemoteLock == Yes: // desktops list what they do not carry out
		return outcome{EffectUnproven, CodeListed}
	case f.Class == ClassDesktop:
		return outcome{EffectFails, CodeDesktopLock}
	}
	return outcome{EffectUnknown, CodeLockUnknown}
}

func (f Facts) reset() outcome {
	switch {
	case f.RemoteLock == No || f.Reset == No:
		return outcome{EffectFails, CodeResetAbsent}
	case f.Class == ClassPhone:
		return outcome{EffectWorks, CodeResets}
	}
	return f.elsewhere(f.Reset)
}

func (f Facts) recoverPIN() outcome {
	switch {
	case f.RemoteLock == No || f.Recover == No:
		return outcome{EffectFails, CodeRecoverAbsent}
	case f.since(build1703, 0) == No && f.Recover != Yes:
		return outcome{EffectFails, CodeRecoverBuild}
	case f.PINRecovery == No:
		return outcome{EffectFails, CodeRecoverOff}
	case f.Class != ClassPhone:
		return f.elsewhere(f.Recover)
	case f.PINRecovery == Yes && (f.Recover == Yes || f.since(build1703, 0) == Yes):
		return outcome{EffectWorks, CodeRecovers}
	}
	return outcome{EffectUnknown, CodeRecoverUnknown}
}

// elsewhere is a reset of the PIN on what is no phone.
func (f Facts) elsewhere(listed Answer) outcome {
	switch {
	case listed == Yes:
		return outcome{EffectUnproven, CodeListed}
	case f.Class == ClassHoloLens:
		return outcome{EffectFails, CodeLockOnly}
	case f.Class == ClassDesktop:
		return outcome{EffectFails, CodeDesktopLock}
	}
	return outcome{EffectUnknown, CodeLockUnknown}
}

func (f Facts) lockOut() outcome {
	switch {
	case f.Class == ClassPhone || f.Class == ClassHoloLens:
		return outcome{EffectFails, CodeNotDesktop}
	case f.SignInPolicy == No:
		return outcome{EffectFails, CodePolicyAbsent}
	case f.SignInPolicy == Yes:
		return outcome{EffectUnproven, CodeLockOutUnproven}
	case f.UserEnrolled == Yes:
		return outcome{EffectFails, CodeUserEnrolled}
	case f.home():
		return outcome{EffectFails, CodeHome}
	case f.since(build1803, 0) == No:
		return outcome{EffectFails, CodeLockOutBuild}
	case f.Class == "" || f.since(build1803, 0) == Unknown:
		return outcome{EffectUnknown, CodeLockOutUnknown}
	}
	return outcome{EffectUnproven, CodeLockOutUnproven}
}

// unlock is possible wherever a lock-out is.
func (f Facts) unlock() outcome {
	o := f.lockOut()
	if o.effect == EffectUnproven {
		o.code = CodeUnlockUnproven
	}
	return o
}
