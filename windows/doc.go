// Package windows locks Windows devices, resets the PIN of those that can, and ends what it began: over OMA DM (MS-MDM), as a device that is
// enrolled for management speaks it.
//
//	service, err := lock.New(lock.Config{Platforms: []lock.Platform{windows.Platform(nil)}, ...})
//	handler, err := windows.NewHandler(windows.Config{Service: service, Devices: devices})
//	verdicts := windows.Capabilities(windows.FromDevice(device)) // what will happen, before anything is ordered
//
// Enrolment is the embedder's: its devices have a client certificate, or a user and a password for the digest, or both.
//
// # What works where
//
// A phone (Windows 10 Mobile, Windows Phone 8.1) can be locked, and its PIN reset or recovered. A HoloLens can be locked. A desktop has no
// remote lock that is known to work: it is locked by its policies instead, which let nobody sign in.
//
// What a device has is asked of it (Probe), and what it answers wins over its class, edition and build; from the edition alone nothing
// follows. Nothing here has been proven on hardware for desktops: neither the lock-out nor its end, nor what a desktop answers to a remote
// lock. That is why a lock-out is ordered over a finding that blocks (sign_in_lockout_unproven, lock.Request.Force). Try it on a device
// of your own first, with its disk recovery password at hand.
//
// The table is made by Judge. A plus is before what works, a minus before what fails, an exclamation mark before what should work and is
// not proven, and a question mark where what is known does not tell.
//
//	                                 lock                  reset                 recover                sign-in lock-out           unlock
//	phone, PIN recovery enabled      + locks               + resets              + recovers             - not_desktop              - not_desktop
//	phone                            + locks               + resets              ? pin_recovery_unknown - not_desktop              - not_desktop
//	phone before 1703                + locks               + resets              - recover_before_1703  - not_desktop              - not_desktop
//	phone that lists no remote lock  - remote_lock_absent  - reset_absent        - recover_absent       - not_desktop              - not_desktop
//	HoloLens, 20H2 and later         + locks               - lock_only           - lock_only            - not_desktop              - not_desktop
//	HoloLens before 20H2             ? remote_lock_unknown - lock_only           - lock_only            - not_desktop              - not_desktop
//	HoloLens that lists a reset      + locks               ! listed              - lock_only            - not_desktop              - not_desktop
//	desktop, 1803 and later          - desktop_remote_lock - desktop_remote_lock - desktop_remote_lock  ! sign_in_lockout_unproven ! restore_unproven
//	desktop that lists a remote lock ! listed              ! listed              - desktop_remote_lock  ! sign_in_lockout_unproven ! restore_unproven
//	desktop that lists none          - remote_lock_absent  - reset_absent        - recover_absent       ! sign_in_lockout_unproven ! restore_unproven
//	desktop before 1803              - desktop_remote_lock - desktop_remote_lock - desktop_remote_lock  - policy_before_1803       - policy_before_1803
//	desktop with Windows Home        - desktop_remote_lock - desktop_remote_lock - desktop_remote_lock  - home_edition             - home_edition
//	desktop, only a user enrolled    - desktop_remote_lock - desktop_remote_lock - desktop_remote_lock  - user_enrolled            - user_enrolled
//	desktop that refused the policy  - desktop_remote_lock - desktop_remote_lock - desktop_remote_lock  - policy_absent            - policy_absent
//	edition and build alone known    ? remote_lock_unknown ? remote_lock_unknown ? remote_lock_unknown  ? sign_in_unknown          ? sign_in_unknown
//	class unknown, lists a reset     ! listed              ! listed              ? remote_lock_unknown  ? sign_in_unknown          ? sign_in_unknown
//	nothing known                    ? remote_lock_unknown ? remote_lock_unknown ? remote_lock_unknown  ? sign_in_unknown          ? sign_in_unknown
//
//	locks                    The screen locks at once, and the PIN of the device opens it; one without a PIN says that it has none.
//	resets                   The screen locks; the device makes a new PIN and returns it. The old PIN and its keys of Windows Hello are gone.
//	recovers                 The screen locks; the device makes a new PIN and returns it. Windows Hello keeps its keys. Microsoft's service must agree.
//	listed                   The device lists this command, but is not known to be of a class that carries it out: it may refuse.
//	remote_lock_unknown      It is not known whether the device has this command: it says so when it gets the order.
//	remote_lock_absent       The device said that it has no remote lock.
//	reset_absent             The device said that it cannot reset its PIN.
//	recover_absent           The device said that it cannot recover its PIN.
//	desktop_remote_lock      No Windows desktop is known to carry out a remote lock or a reset of its PIN, and this one did not say that it does.
//	lock_only                A HoloLens can be locked, but its PIN cannot be reset.
//	recover_before_1703      A PIN can be recovered from build 15063 (1703) on: reset it instead.
//	pin_recovery_off         PIN recovery is not enabled on the device (EnablePinRecovery): reset the PIN instead.
//	pin_recovery_unknown     It is not known whether PIN recovery is enabled on the device: without it, or before build 15063, this fails.
//	sign_in_lockout_unproven After a restart nobody can sign in, no administrator either. Not proven on hardware: try it on one of yours first.
//	restore_unproven         The policies get the values back that they had before. This has not been proven on hardware.
//	sign_in_unknown          It is not known whether the device can deny signing in: that takes a desktop of build 17134 (1803) or later.
//	not_desktop              Only a desktop can deny signing in.
//	policy_absent            The device said that it does not take the policy that denies signing in.
//	user_enrolled            Only a user of the device is enrolled, so it refuses policies of the device, and nobody can be kept from signing in.
//	home_edition             Windows Home does not have the policy that denies signing in.
//	policy_before_1803       The policy that denies signing in needs build 17134 (1803) or later.
//	unsupported              There is no such command.
//
// # Orders
//
//   - KindLock of a phone or HoloLens executes RemoteLock/Lock: the screen locks, and the owner's PIN opens it, so that nothing is to be
//     unlocked. Of a desktop, or a device whose class is unknown and that has no remote lock, it is the sign-in lock-out. The option method
//     chooses: screen or sign_in.
//   - KindResetPasscode executes RemoteLock/LockAndResetPIN, with the option recover "true" LockAndRecoverPIN. The device makes the PIN.
//   - KindUnlock ends a sign-in lock-out.
//
// Findings have the codes of the table, and these of their own:
//
//	device_makes_pin                          the PIN cannot be chosen or kept
//	old_pin_ends                              what a reset does, and that the new PIN is told once
//	denies_everybody, needs_network, restarts what a lock-out does to the person before the screen
//	message_too_large                         the command does not fit into a message of this device
//	message_..., phone_number_...             the text is not shown by this command, or has characters that cannot be sent
//	option_unknown, option_value              an option that the command does not have, or a value that means nothing
//
// and, after an answer: pin_unreadable, pin_despite_refusal, lockout_uncertain, not_restarted, beside those of package
// lock. A refusal has the fact reason: no_pin, unsupported, not_allowed, denied, failed, rolled_back, value_too_long, format_unsupported,
// message_too_large, already_denied or not_restored, and code and original_error as the device gave them; policy names the policies that it is
// about (deny, title, text), and cause is the code of the one that failed. What is under way has the fact step (reset, read, reread, denied,
// looked, restored), and where it stands still the reason: uncertain, asked_in_vain, or one of those above. An unlock that found nothing to
// restore is acknowledged with the reason not_in_force.
//
// # The PIN that the device makes
//
// Nobody can choose it, and the device tells it once: the first question after the reset has it, the second has nothing. So the question
// goes in the message of the reset, in one Sequence. What then keeps the PIN from being lost:
//
//   - A message that may have it is sealed whole in the ledger before it is read (lock.Service.Keep). What cannot be read can be shown
//     (lock.Service.RevealAnswer).
//   - The PIN is sealed and durable, in one commit with what the device said, before the device is answered. If that fails the answer is an
//     error, and the device sends its message again.
//   - The reset leaves once. When no answer came, the next session only asks for the PIN: a second reset would make another one, under which
//     the first could be written down. So it does when the device carried the reset out and the question failed.
//   - A value that is null, empty or missing is no PIN. A PIN that comes with a refusal, or late, or in answer to something else, is kept.
//     One that comes with a refusal is on the device, made by this reset or by one before: that is confirmed, with pin_despite_refusal.
//   - A reset without a PIN is confirmed with the finding pin_lost, one that nobody heard of again has pin_may_be_lost: the old PIN may be
//     gone, and the way on is another reset.
//
// # The lock-out
//
// It is done in parts, and each part is durable before the next one leaves. First the values of three policies are read: UserRights/DenyLocalLogOn
// and the title and text of the message at signing in. They are facts of the action (before_deny, before_title, before_text), escaped so
// that every character comes back. One of more than 7,200 bytes is refused (value_too_long), as is one that is no text (format_unsupported) and
// one that could not be restored in one message of the device (message_too_large), and nothing is changed. Then one Atomic sets the message,
// and denies signing in to everybody, by the SID of that group, since its name is translated. Then RebootNow ends the sessions that are open.
//
// A delivery that finds values read, and no word of the Atomic, reads them again: a policy that shows what this lock-out writes keeps the value
// that is known, since the Atomic got through; any other value is the one to restore. What cannot be read or sent then is no refusal, for the
// lock-out may be in force. An answer to read, reread, deny, deny-again or look counts until another
// delivery of the same action has left, and is not to be interpreted after that: late, it tells of a time before.
//
// A device whose policy denies everybody already is refused (already_denied), unless it is this lock-out that did, which the list, the title or
// the text tells: its values would be those of another one. If the Atomic fails, everything is as before, unless the device says that it could
// not take it back (516), or an earlier delivery may have got through: then it is done again (lockout_uncertain), and the lock-out can be
// unlocked whatever becomes of it.
//
// An unlock writes the values back, and deletes what was not set, first of all what denies signing in. Then it reads all three, and only if
// they are what they were is it acknowledged; else it is refused (not_restored), with the policy by name. A device that is offline
// cannot be unlocked: mind what its network needs before anybody has signed in. Somebody at the device can still start it from another
// medium, so this is no substitute for an encrypted disk.
//
// When it is not known whether the Atomic got through (its step is not denied), an unlock looks first: it reads the three policies, and restores and
// verifies only those that show what the lock-out writes (facts ours_deny, ours_title, ours_text), or that cannot be read, and a list that denies
// everybody in any form. Others were changed since, or never, and stay. If none is left it only asks once more, and is acknowledged (not_in_force).
//
// # A server of one's own
//
// Who has an OMA-DM server already takes the commands (lock.Service.Next, ParsePart) and gives back what the device said (lock.Service.Keep,
// Interpret, lock.Service.Report, and Resume for the next part): the example OwnServer has all of it. Answers are those of package windows/omadm,
// which does the session without the network: replies in document order, containers and children included.
//
// # What goes elsewhere
//
// The password of the local administrator (LAPS) and the recovery passwords of BitLocker are renewed by the device on request, and given to Entra
// ID or Active Directory alone. No MDM server is told: Rotation has the commands and reads how it went, the secrets are to be looked up there.
// BitLocker's PIN at startup, the PIN of Windows Hello on a desktop, and the password of an existing account cannot be changed this way at
// all.
//
// # Not included
//
// Enrolment, the notification through WNS (package windows/wns), locations, wiping, and everything that needs a program on the device.
package windows
