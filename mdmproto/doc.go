// Package mdmproto speaks Apple's device management protocol, as far as locking a Mac needs it.
//
// Most callers verify, parse, decide, and encode:
//
//	verifier := mdmproto.Verifier{Roots: deviceCA, Skew: 5 * time.Minute}
//	cert, err := verifier.Verify(r.Header.Get("Mdm-Signature"), body) // who signed; compare with the enrolment
//	result, err := mdmproto.ParseResult(body)                         // or ParseCheckin
//	if result.Status == mdmproto.StatusIdle && !result.IsUser() {
//		body, err := mdmproto.DeviceLock{PIN: code, Message: "..."}.Encode(commandUUID)
//	}
//
// # Words
//
// An Enrollment is who a message claims to be from: a device, or one of its users on a channel of its own. A Checkin is what a
// device sends about its enrolment: Authenticate, TokenUpdate, CheckOut, bootstrap tokens. A Result is what it sends to be given
// commands: a poll (Idle) or the outcome of the last command. DeviceLock, DeviceInformation and SecurityInfo are commands. A Profile
// is what brings a Mac under management.
//
// # Promises
//
// What comes from a device is hostile until its signature is verified, and suspicious afterwards. Everything is bounded before it
// is parsed: a message by 256 KiB, 32 levels and 20,000 elements in one flat pass; a signature by 16 KiB of base64, 24 levels and 1,500
// objects, then by eight certificates and one signer. Binary property lists, document types of one's own, doubled keys, and
// anything after the end are refused.
//
// A message is refused for its core alone: who, which, and the tokens that it exists for. Any other field that is not as
// expected is left out and named in Skipped, so that what a device did is never lost for how it put it. A malformed number, date or
// base64 leaves a result its plain texts; a check-in, which may bring a secret, is refused for it.
//
// Secrets that a device hands over (UnlockToken, BootstrapToken) are PINs, and do not print; nor do push tokens and
// PushMagic, see Token. Facts hold allowed keys alone. A device's own words (ErrorChain, MessageResult) are cleaned and cut, and runs
// of six or more digits are struck out of them.
//
// Errors are *DecodeError and *SignatureError for what came in, *FieldError for what should go out. Each names a Rule, and none
// holds a part of the input.
//
// Commands and profiles are written by an encoder, never by formatting text, and what an encoder would silently replace is
// refused before.
//
// # Not included
//
// Lost mode, erase, recovery lock and firmware passwords, unlock tokens that come as results, declarative management, the
// ACME payload, and signed profiles.
//
// Specification: Apple, Device Management (developer.apple.com/documentation/devicemanagement), and the schema in
// github.com/apple/device-management.
package mdmproto
