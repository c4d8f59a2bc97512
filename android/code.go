package android

// Code is the reason of a verdict: stable, lower-case with underscores.
type Code string

// The reasons of verdicts. Table has their sentences.
const (
	CodeLocks           Code = "locks"
	CodeLocksProfile    Code = "locks_profile"
	CodeLocksWhole      Code = "locks_whole_device"
	CodeNoSecureLock    Code = "no_secure_lock"
	CodeProfileOpen     Code = "profile_no_passcode"
	CodeDeviceLock      Code = "device_lock_unknown"
	CodeChallenge       Code = "challenge_unknown"
	CodeSecureLock      Code = "secure_lock_unknown"
	CodeManaged         Code = "managed_profile_unknown"
	CodeUserUnlocked    Code = "user_unlocked_unknown"
	CodeFeature         Code = "lock_screen_unknown"
	CodeTokenUnknown    Code = "token_unknown"
	CodeTarget          Code = "target_sdk_unknown"
	CodeMode            Code = "mode_unknown"
	CodeAPILevel        Code = "api_level_unknown"
	CodeDirect          Code = "direct"
	CodeToken           Code = "token"
	CodeAdminOver       Code = "admin_over_passcode"
	CodeAdminClear      Code = "admin_cannot_clear"
	CodeAdminReset      Code = "admin_cannot_reset"
	CodeNotProfile      Code = "not_in_profile"
	CodeProfileDevice   Code = "not_by_profile_owner"
	CodeProfileBefore7  Code = "profile_before_7"
	CodeProfileClear    Code = "profile_cannot_clear"
	CodeManagedProfile  Code = "managed_profile"
	CodeUserLocked      Code = "user_locked"
	CodeNoLockScreen    Code = "no_lock_screen"
	CodePolicy          Code = "policy_needs_passcode"
	CodeTokenNone       Code = "token_none"
	CodeTokenPending    Code = "token_pending"
	CodeTokenUnfit      Code = "token_unsupported"
	CodeTokenAtOnce     Code = "token_active_at_once"
	CodeTokenAfter      Code = "token_after_unlock" //nolint:gosec // a reason, and no token
	CodeTokenSet        Code = "token_set"
	CodeTokenActive     Code = "token_active"
	CodeTokenBefore8    Code = "token_before_8"
	CodeTokenNotByAdmin Code = "token_needs_owner"
	CodeUnsupported     Code = "unsupported"
)

// sentences say the reasons to an administrator, one sentence each, in the order of Table.
var sentences = [...]struct {
	code Code
	text string
}{
	{CodeLocks, "The screen locks at once, and the passcode opens it again."},
	{CodeLocksProfile, "The work profile locks at once; the rest of the device stays as it is."},
	{CodeLocksWhole, "The work profile has no lock of its own, so the whole device locks."},
	{CodeNoSecureLock, "No passcode is set, so the screen only goes off, and anybody can switch it on again."},
	{CodeProfileOpen, "The work profile has a lock of its own without a passcode, so nothing locks, and the screen stays on."},
	{CodeDirect, "The agent changes the passcode itself and needs no token."},
	{CodeToken, "The active reset token changes the passcode, also before the first unlock after a restart."},
	{CodeAdminOver, "From Android 7 on, a device administrator can set a passcode only where none is set."},
	{CodeAdminClear, "From Android 7 on, a device administrator cannot remove a passcode."},
	{CodeAdminReset, "From Android 11 on, a device administrator cannot change the passcode at all."},
	{CodeNotProfile, "The agent does not run in a work profile, so it cannot act on one."},
	{CodeProfileDevice, "The owner of a work profile cannot change the passcode of the device, not even of a company's: only that of the profile."},
	{CodeProfileBefore7, "Before Android 7, a work profile has no passcode of its own."},
	{CodeProfileClear, "Without a reset token, the owner of a work profile cannot remove its passcode."},
	{CodeManagedProfile, "Without a reset token, the passcode cannot be changed while the device has a work profile."},
	{CodeUserLocked, "Without a reset token, the passcode cannot be changed before the first unlock after a restart."},
	{CodeNoLockScreen, "This device has no secure lock screen, so there is no passcode."},
	{CodePolicy, "The password policy of this device asks for a passcode, so it cannot be removed."},
	{CodeTokenNone, "The passcode is changed by a reset token, and this device has none yet."},
	{CodeTokenPending, "The reset token is not active yet: the user has to enter the passcode once."},
	{CodeTokenUnfit, "This device cannot have a reset token; that may change when it is enrolled again after a factory reset."},
	{CodeTokenAtOnce, "No passcode is set, so the reset token is active at once."},
	{CodeTokenAfter, "The reset token becomes active when the user enters the passcode, and has to be set again if the device restarts before."},
	{CodeTokenSet, "The reset token is active at once if no passcode is set, and otherwise when the user enters it."},
	{CodeTokenActive, "A reset token is active already, and setting another one ends it at once."},
	{CodeTokenBefore8, "Reset tokens need Android 8 or later."},
	{CodeTokenNotByAdmin, "A device administrator cannot set a reset token: that takes a device owner or the owner of a work profile."},
	{CodeDeviceLock, "It is not known whether the device has a passcode beside that of the work profile: without one, its screen only goes off."},
	{CodeChallenge, "It is not known whether the work profile has a lock of its own: without one, the lock is that of the whole device."},
	{CodeSecureLock, "It is not known whether a passcode is set, and the outcome depends on it."},
	{CodeManaged, "It is not known whether the device has a work profile: with one, only a reset token changes the passcode."},
	{CodeUserUnlocked, "It is not known whether the device was unlocked since it started: before, only a reset token changes the passcode."},
	{CodeFeature, "It is not known whether this device has a secure lock screen."},
	{CodeTokenUnknown, "It is not known whether a reset token is active."},
	{CodeTarget, "It is not known for which Android the agent is built: one for Android 8 or later needs a reset token."},
	{CodeMode, "It is not known how this device is managed, and the outcome depends on it."},
	{CodeAPILevel, "The Android version is not known, and the outcome depends on it."},
	{CodeUnsupported, "There is no such command."},
}

// sentence is the text of a code.
func (c Code) sentence() string {
	for _, s := range sentences {
		if s.code == c {
			return s.text
		}
	}
	return ""
}
