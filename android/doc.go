// Package android says beforehand what a lock or a passcode reset will do on an Android device, and which passcodes it takes. It speaks to
// no device: package android/agent does, through an agent on the device, and package android/amapi, through Google's management API. It
// imports package lock, package pin and the standard library.
//
//	facts := android.FromDevice(device)                               // or android.Facts{...}
//	v := android.Judge(facts, android.ActReset, android.ScopeDevice)
//	v.Effect, v.Code, v.Text                                          // "fails", "token_pending", and a sentence for the administrator
//	code, err := facts.Policy.PIN(facts.APILevel).Generate()          // a passcode that the device takes
//	reasons := android.Validate(code, facts.APILevel, facts.Policy)   // what it has against one
//
// # Words
//
// A device is managed in one of four modes. A device administrator is the legacy way, and on Android 7 and later can do little more than
// lock. A device owner manages the whole device. A profile owner manages the work profile on somebody's own device, or, as a company
// profile owner (COPE), on one of the organisation; for the passcode that makes no difference. The agent is the app that has this mode.
//
// A reset token is 32 random bytes that the server makes. Android 8 and later keep it beside the passcode, and whoever has it can set
// another. It is active at once where no passcode is set; where one is, it is pending until the user enters that, and lost when the device
// restarts before. An active token survives restarts and any later change of the passcode, and works before the first unlock after a
// restart. Setting a token ends the one before it at once, active or not: that is why one is never set over an active one, unless
// somebody forces it.
//
// # What works
//
//   - A device administrator on Android 7 to 10 sets a passcode only where none is set, and from Android 11 on sets none at all.
//   - A device owner resets a passcode also over another: on Android 7 if the device was unlocked since it started and has no work profile, on
//     Android 8 and later by an active reset token. An agent that was built for Android 7 or earlier can still do the former up to Android 10.
//   - A profile owner resets the passcode of its work profile by the same rules, and never that of the device, not even of a company's.
//   - A lock without a passcode only turns the screen off, and where a work profile's own lock has none, that of the profile not even that.
//     It does not stop anybody: reset the passcode, with the option lock_now.
//   - A removed passcode is refused where the password policy asks for one; Clear in the table speaks of devices where it does not.
//
// What Judge cannot see is left: an administrator other than the agent that reset the passcode with RESET_PASSWORD_REQUIRE_ENTRY, until the
// user has entered it; a work profile that its user has paused, where the agent does not run; a token whose bytes are others than the server
// has; a system app with the permission to reset passwords; and what manufacturers have changed.
//
// # The table
//
// It is made by Judge. A plus is before what works.
//
//	Lock                                     device admin           profile owner          profile owner          device owner
//	                                                                of its profile         of the device
//	Any Android
//	  no passcode set                        - no_secure_lock       - no_secure_lock       - no_secure_lock       - no_secure_lock
//	  passcode set                           + locks                + locks_whole_device   + locks                + locks
//	  passcode set, the profile has its own  + locks                + locks_profile        - device_lock_unknown  + locks
//	  none set, the profile has its own lock - no_secure_lock       - profile_no_passcode  - device_lock_unknown  - no_secure_lock
//
//	Reset: set a passcode                    device admin           profile owner          profile owner          device owner
//	                                                                of its profile         of the device
//	Android 6 and earlier
//	  no passcode set                        + direct               - profile_before_7     - not_by_profile_owner + direct
//	  passcode set                           + direct               - profile_before_7     - not_by_profile_owner + direct
//	Android 7
//	  no passcode set                        + direct               + direct               - not_by_profile_owner + direct
//	  passcode set                           - admin_over_passcode  + direct               - not_by_profile_owner + direct
//	  passcode set, before the first unlock  - admin_over_passcode  - user_locked          - not_by_profile_owner - user_locked
//	  no passcode set, with a work profile   - managed_profile      + direct               - not_by_profile_owner - managed_profile
//	  passcode set, with a work profile      - admin_over_passcode  + direct               - not_by_profile_owner - managed_profile
//	Android 8 to 10, agent for 7 or earlier
//	  no passcode set                        + direct               + direct               - not_by_profile_owner + direct
//	  passcode set                           - admin_over_passcode  + direct               - not_by_profile_owner + direct
//	  passcode set, before the first unlock  - admin_over_passcode  - user_locked          - not_by_profile_owner - user_locked
//	  no passcode set, with a work profile   - managed_profile      + direct               - not_by_profile_owner - managed_profile
//	  passcode set, with a work profile      - admin_over_passcode  + direct               - not_by_profile_owner - managed_profile
//	  passcode set, token active             - admin_over_passcode  + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_over_passcode  + token                - not_by_profile_owner + token
//	Android 8 to 10, agent for 8 or later
//	  no passcode set, no token              + direct               - token_none           - not_by_profile_owner - token_none
//	  passcode set, no token                 - admin_over_passcode  - token_none           - not_by_profile_owner - token_none
//	  passcode set, token pending            - admin_over_passcode  - token_pending        - not_by_profile_owner - token_pending
//	  passcode set, token active             - admin_over_passcode  + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_over_passcode  + token                - not_by_profile_owner + token
//	Android 11 and later
//	  no passcode set, no token              - admin_cannot_reset   - token_none           - not_by_profile_owner - token_none
//	  passcode set, no token                 - admin_cannot_reset   - token_none           - not_by_profile_owner - token_none
//	  passcode set, token pending            - admin_cannot_reset   - token_pending        - not_by_profile_owner - token_pending
//	  passcode set, token active             - admin_cannot_reset   + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_cannot_reset   + token                - not_by_profile_owner + token
//
//	Clear: remove the passcode               device admin           profile owner          profile owner          device owner
//	                                                                of its profile         of the device
//	Android 6 and earlier
//	  no passcode set                        + direct               - profile_before_7     - not_by_profile_owner + direct
//	  passcode set                           + direct               - profile_before_7     - not_by_profile_owner + direct
//	Android 7
//	  no passcode set                        - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner + direct
//	  passcode set                           - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner + direct
//	  passcode set, before the first unlock  - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - user_locked
//	  no passcode set, with a work profile   - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - managed_profile
//	  passcode set, with a work profile      - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - managed_profile
//	Android 8 to 10, agent for 7 or earlier
//	  no passcode set                        - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner + direct
//	  passcode set                           - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner + direct
//	  passcode set, before the first unlock  - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - user_locked
//	  no passcode set, with a work profile   - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - managed_profile
//	  passcode set, with a work profile      - admin_cannot_clear   - profile_cannot_clear - not_by_profile_owner - managed_profile
//	  passcode set, token active             - admin_cannot_clear   + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_cannot_clear   + token                - not_by_profile_owner + token
//	Android 8 to 10, agent for 8 or later
//	  no passcode set, no token              - admin_cannot_clear   - token_none           - not_by_profile_owner - token_none
//	  passcode set, no token                 - admin_cannot_clear   - token_none           - not_by_profile_owner - token_none
//	  passcode set, token pending            - admin_cannot_clear   - token_pending        - not_by_profile_owner - token_pending
//	  passcode set, token active             - admin_cannot_clear   + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_cannot_clear   + token                - not_by_profile_owner + token
//	Android 11 and later
//	  no passcode set, no token              - admin_cannot_reset   - token_none           - not_by_profile_owner - token_none
//	  passcode set, no token                 - admin_cannot_reset   - token_none           - not_by_profile_owner - token_none
//	  passcode set, token pending            - admin_cannot_reset   - token_pending        - not_by_profile_owner - token_pending
//	  passcode set, token active             - admin_cannot_reset   + token                - not_by_profile_owner + token
//	  the same, before the first unlock      - admin_cannot_reset   + token                - not_by_profile_owner + token
//
//	Provision: set a reset token             device admin           profile owner          profile owner          device owner
//	                                                                of its profile         of the device
//	Android 7 and earlier
//	  any                                    - token_needs_owner    - token_before_8       - not_by_profile_owner - token_before_8
//	Android 8 and later
//	  no passcode set, no token              - token_needs_owner    + token_active_at_once - not_by_profile_owner + token_active_at_once
//	  passcode set, no token                 - token_needs_owner    + token_after_unlock   - not_by_profile_owner + token_after_unlock
//	  token pending                          - token_needs_owner    + token_after_unlock   - not_by_profile_owner + token_after_unlock
//	  token active                           - token_needs_owner    - token_active         - not_by_profile_owner - token_active
//	  tokens disabled                        - token_needs_owner    - token_unsupported    - not_by_profile_owner - token_unsupported
//
//	locks                   The screen locks at once, and the passcode opens it again.
//	locks_profile           The work profile locks at once; the rest of the device stays as it is.
//	locks_whole_device      The work profile has no lock of its own, so the whole device locks.
//	no_secure_lock          No passcode is set, so the screen only goes off, and anybody can switch it on again.
//	profile_no_passcode     The work profile has a lock of its own without a passcode, so nothing locks, and the screen stays on.
//	direct                  The agent changes the passcode itself and needs no token.
//	token                   The active reset token changes the passcode, also before the first unlock after a restart.
//	admin_over_passcode     From Android 7 on, a device administrator can set a passcode only where none is set.
//	admin_cannot_clear      From Android 7 on, a device administrator cannot remove a passcode.
//	admin_cannot_reset      From Android 11 on, a device administrator cannot change the passcode at all.
//	not_in_profile          The agent does not run in a work profile, so it cannot act on one.
//	not_by_profile_owner    The owner of a work profile cannot change the passcode of the device, not even of a company's: only that of the profile.
//	profile_before_7        Before Android 7, a work profile has no passcode of its own.
//	profile_cannot_clear    Without a reset token, the owner of a work profile cannot remove its passcode.
//	managed_profile         Without a reset token, the passcode cannot be changed while the device has a work profile.
//	user_locked             Without a reset token, the passcode cannot be changed before the first unlock after a restart.
//	no_lock_screen          This device has no secure lock screen, so there is no passcode.
//	policy_needs_passcode   The password policy of this device asks for a passcode, so it cannot be removed.
//	token_none              The passcode is changed by a reset token, and this device has none yet.
//	token_pending           The reset token is not active yet: the user has to enter the passcode once.
//	token_unsupported       This device cannot have a reset token; that may change when it is enrolled again after a factory reset.
//	token_active_at_once    No passcode is set, so the reset token is active at once.
//	token_after_unlock      The reset token becomes active when the user enters the passcode, and has to be set again if the device restarts before.
//	token_set               The reset token is active at once if no passcode is set, and otherwise when the user enters it.
//	token_active            A reset token is active already, and setting another one ends it at once.
//	token_before_8          Reset tokens need Android 8 or later.
//	token_needs_owner       A device administrator cannot set a reset token: that takes a device owner or the owner of a work profile.
//	device_lock_unknown     It is not known whether the device has a passcode beside that of the work profile: without one, its screen only goes off.
//	challenge_unknown       It is not known whether the work profile has a lock of its own: without one, the lock is that of the whole device.
//	secure_lock_unknown     It is not known whether a passcode is set, and the outcome depends on it.
//	managed_profile_unknown It is not known whether the device has a work profile: with one, only a reset token changes the passcode.
//	user_unlocked_unknown   It is not known whether the device was unlocked since it started: before, only a reset token changes the passcode.
//	lock_screen_unknown     It is not known whether this device has a secure lock screen.
//	token_unknown           It is not known whether a reset token is active.
//	target_sdk_unknown      It is not known for which Android the agent is built: one for Android 8 or later needs a reset token.
//	mode_unknown            It is not known how this device is managed, and the outcome depends on it.
//	api_level_unknown       The Android version is not known, and the outcome depends on it.
//	unsupported             There is no such command.
//
// # Facts
//
// Facts come from lock.Device.Facts, by the names of FactName. What is not known is never taken for good: the effect is EffectUnknown where
// the outcome depends on it, which warns and does not block. Facts are as old as the last report of the device, so what it may outgrow (a
// pending token, a device that was not unlocked yet) blocks, but can be forced.
//
// # Passcodes
//
// Validate refuses what the device refuses, by its API level:
//
//	up to 29   at least four characters; the quality of the policy or a better one: numeric complex takes digits without more than three in
//	           equal steps, or anything with a letter or a symbol; alphabetic and alphanumeric what their names say; complex the least
//	           numbers of characters of each class. No upper limit, and any characters. 29 cuts characters to one byte before it counts
//	30         4 to 16 characters of 32 to 127; numeric complex refuses more than three in equal steps in any passcode
//	31 to 34   and complexity: medium as numeric complex, high with eight digits or six characters; alphabetic and stronger, complex
//	           included, refuse digits alone. 30 to 34 cut characters to one byte, so that some beyond ASCII pass for what they are not
//	35         the same, and characters are looked at whole
//
// From 33 on, what is long enough but for being digits alone has a reason of its own, TooShortWhenAllNumeric. The least length of a policy
// counts from numeric quality on, and complexity from level 31 on.
//
// Equal steps are those of MaxLengthSequence: 1357, 9630 and 4444 have four, dcba and ;;;; too, and acegi and 8901 have not. Of so many PINs
// that rule refuses so many:
//
//	digits             4        5          6           7            8
//	refused           34      654      9,680     128,100    1,593,004
//	                0.34 %   0.65 %     0.97 %      1.28 %       1.59 %
//
// Policy.PIN makes eight digits, or as many as the policy asks for, and 12 characters or more where it asks for letters, none of which are
// easily mistaken. They pass on every level, and with the management API, which wants six digits or more on Android 14. A policy that asks
// for more than 16 characters has no passcode.
//
// # With package lock
//
// Plan is the preflight of package android/agent, and Findings the part of it that does not depend on how the device is reached. Findings have
// the codes of the table, and these of their own:
//
//	unsupported                    no such command on this platform
//	no_key                         the device has given no key to encrypt secrets to
//	token_not_named                the device has a token, and has not said which
//	no_token                       nothing to take back
//	no_passcode                    no passcode is set: the new one is the first
//	no_password_policy             nothing keeps the user from removing the new passcode
//	policy_not_met                 nothing that can be made satisfies the policy
//	passcode_...                   the device would refuse the caller's passcode: the reason in small letters, as passcode_too_short
//	profile_passcode               the passcode of the work profile, and not that of the device
//	separate_lock                  the work profile gets a lock of its own
//	stays_open                     a reset does not lock
//	text_keyboard                  Android 11 asks for digits with its text keyboard
//	option_unknown, option_value   an option that the command does not have, or a value that means nothing
//	do_not_ask_sticky, ..._ignored of the option do_not_ask_credentials_on_boot
//	evict_needs_...                of the option evict_ce_key
//	message_..., phone_number_...  whether a text on the locked screen is possible, and that it stays there
//
// A lock does not hold a device: once its passcode is entered it is open as before.
//
// # Not included
//
// The effect on the device is what it reports, and not what was judged here. Android below API level 22 was not looked at, and levels above
// 35 are taken for that one. Patterns and fingerprints cannot be set from afar.
package android
