package windows

// Code is why an act does what it does: stable, also as the code of a finding.
type Code string

// The codes of verdicts. Their sentences are in the package documentation.
const (
	CodeLocks           Code = "locks"
	CodeResets          Code = "resets"
	CodeRecovers        Code = "recovers"
	CodeListed          Code = "listed"
	CodeLockUnknown     Code = "remote_lock_unknown"
	CodeLockAbsent      Code = "remote_lock_absent"
	CodeResetAbsent     Code = "reset_absent"
	CodeRecoverAbsent   Code = "recover_absent"
	CodeDesktopLock     Code = "desktop_remote_lock"
	CodeLockOnly        Code = "lock_only"
	CodeRecoverBuild    Code = "recover_before_1703"
	CodeRecoverOff      Code = "pin_recovery_off"
	CodeRecoverUnknown  Code = "pin_recovery_unknown"
	CodeLockOutUnproven Code = "sign_in_lockout_unproven"
	CodeUnlockUnproven  Code = "restore_unproven"
	CodeLockOutUnknown  Code = "sign_in_unknown"
	CodeNotDesktop      Code = "not_desktop"
	CodePolicyAbsent    Code = "policy_absent"
	CodeUserEnrolled    Code = "user_enrolled"
	CodeHome            Code = "home_edition"
	CodeLockOutBuild    Code = "policy_before_1803"
	CodeUnsupported     Code = "unsupported"
)

// sentences explain the codes, in the order of the documentation.
var sentences = []struct {
	code Code
	text string
}{
	{CodeLocks, "The screen locks at once, and the PIN of the device opens it; one without a PIN says that it has none."},
	{CodeResets, "The screen locks; the device makes a new PIN and returns it. The old PIN and its keys of Windows Hello are gone."},
	{CodeRecovers, "The screen locks; the device makes a new PIN and returns it. Windows Hello keeps its keys. Microsoft's service must agree."},
	{CodeListed, "The device lists this command, but is not known to be of a class that carries it out: it may refuse."},
	{CodeLockUnknown, "It is not known whether the device has this command: it says so when it gets the order."},
	{CodeLockAbsent, "The device said that it has no remote lock."},
	{CodeResetAbsent, "The device said that it cannot reset its PIN."},
	{CodeRecoverAbsent, "The device said that it cannot recover its PIN."},
	{CodeDesktopLock, "No Windows desktop is known to carry out a remote lock or a reset of its PIN, and this one did not say that it does."},
	{CodeLockOnly, "A HoloLens can be locked, but its PIN cannot be reset."},
	{CodeRecoverBuild, "A PIN can be recovered from build 15063 (1703) on: reset it instead."},
	{CodeRecoverOff, "PIN recovery is not enabled on the device (EnablePinRecovery): reset the PIN instead."},
	{CodeRecoverUnknown, "It is not known whether PIN recovery is enabled on the device: without it, or before build 15063, this fails."},
	{CodeLockOutUnproven, "After a restart nobody can sign in, no administrator either. Not proven on hardware: try it on one of yours first."},
	{CodeUnlockUnproven, "The policies get the values back that they had before. This has not been proven on hardware."},
	{CodeLockOutUnknown, "It is not known whether the device can deny signing in: that takes a desktop of build 17134 (1803) or later."},
	{CodeNotDesktop, "Only a desktop can deny signing in."},
	{CodePolicyAbsent, "The device said that it does not take the policy that denies signing in."},
	{CodeUserEnrolled, "Only a user of the device is enrolled, so it refuses policies of the device, and nobody can be kept from signing in."},
	{CodeHome, "Windows Home does not have the policy that denies signing in."},
	{CodeLockOutBuild, "The policy that denies signing in needs build 17134 (1803) or later."},
	{CodeUnsupported, "There is no such command."},
}

// sentence explains the code.
func (c Code) sentence() string {
	for _, s := range sentences {
		if s.code == c {
			return s.text
		}
	}
	return ""
}
