// Package androidtest simulates Android devices that are managed by an agent of the contract v1: for tests, demonstrations, and for
// anyone who embeds a server of his own. A [Device] has two layers. Below is Android: it answers the methods of DevicePolicyManager as
// the source of its API level does. Above is an agent that enrols, polls, verifies, decrypts, calls those methods, and reports.
//
// The package speaks the contract by itself and shares no code with the server side of this module, so that a misreading of the
// contract, or of Android, on one side is not repeated on the other.
//
//	d, err := androidtest.New(androidtest.Config{APILevel: 34, Mode: androidtest.DeviceOwner, Passcode: "482915"})
//	err = d.Enroll(ctx, "https://mdm.example.com", code)
//	n, err := d.Poll(ctx, 0) // results and state, then commands, then their results
//	if d.State().Token == androidtest.TokenPending {
//		opened := d.Type("482915") // the person unlocks, and the token is active
//	}
//
// # Android
//
// [Device.ResetPassword], [Device.SetResetPasswordToken], [Device.IsResetPasswordTokenActive], [Device.ResetPasswordWithToken],
// [Device.ClearResetPasswordToken], [Device.LockNow] and [Device.SetLockScreenInfo] are the methods of DevicePolicyManager, called by the
// agent. They return what AOSP returns: true, false, or an [*Exception] with the platform's message. What differs by level:
//
//   - Up to API 23, resetPassword works for every admin but not in a managed profile. From 24 on an admin may only set a first passcode;
//     an owner needs user 0 unlocked and no managed profile. From 26 on owners that target 26 need a token, from 30 on all do.
//   - A token set where no passcode is set is active at once. Else it is pending, in memory, until somebody types the passcode; a reboot
//     loses it. To set one removes the previous one first, whatever becomes of the new one.
//   - resetPasswordWithToken with a token that is not active is false from API 33 on, and a NullPointerException before.
//   - Fewer than four characters are an exception up to API 29, and false after that; so are more than sixteen, which pass before.
//   - A passcode that was cleared by a token leaves the user unlocked from API 30 on.
//   - Android 11 stores digits that a token has set as a password: see [State].Credential.
//   - lockNow without a passcode turns the screen off, and that is all.
//
// [Validate] is the platform's check of a new passcode. Tokens take slots of Weaver hardware where Config.WeaverSlots is set; when an
// unlock finds none left, the lock screen is broken for good.
//
// # A person
//
// [Device.Type] is somebody who types a passcode into whatever asks for it. [Device.SetPasscode] and [Device.SetWorkPasscode] are the
// settings, [Device.Pause] switches the work profile off. [Device.Reboot], [Device.Offline] and [Device.FactoryReset] are the turns of
// a device's life. [Device.Passcode] is in clear, as in a person's mind; [State] holds no secret.
//
// # The agent
//
// [Device.Enroll] makes the keys. [Device.Poll] is one round, and [Device.Run] one after the other. In a round the agent sends the
// results that no server has acknowledged, and its state when that changed (boot, token, passcode, lock); then it asks for commands. A
// command goes this way: signature, audience, repetition, expiry, number, secrets; then a durable note that it executes, the
// preconditions, the act, a durable result. The same ID again gets the same result, marked as a duplicate. Not kept are the results
// BAD_SIGNATURE, WRONG_DEVICE, STALE and UNKNOWN, so that the true command can still come. After a crash between the two notes, a command
// is reported as UNKNOWN, and executed when it comes again. From then on only a success of it is final: a second attempt that fails, or
// comes too late, is UNKNOWN again, since the first may have taken effect. A result that was taken three times and never acknowledged
// is dropped.
//
// The clock of the agent is the device's own (Config.ClockSkew) until the server refuses a request for it; then it goes by the server's.
//
// # Making it go wrong
//
// [Device.Script] prepares what goes wrong; nothing is random. [Device.Inject] puts a command on the way that the server did not send to
// this device now, [Device.Do] sends any request, signed by anyone, for anyone, or once more, and [Device.Sign] makes results that no
// agent would send. A broken network is also the business of Config.Client and its RoundTripper.
//
// # Not included
//
// Patterns, biometrics, the delay after wrong tries, the wipe command, several users beside one work profile, FCM (a device polls when it is
// told to, or all the time in Run), attestation of keys, and the additions of manufacturers.
package androidtest
