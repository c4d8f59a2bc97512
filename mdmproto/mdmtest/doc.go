// Package mdmtest simulates Macs that are managed over Apple's MDM protocol: for tests, demonstrations, and for anyone who embeds a
// server of his own. A [Mac] enrols from an enrolment profile, gets its identity over SCEP, checks in, polls, signs every message,
// and obeys DeviceLock: it acknowledges, restarts, and then sends nothing at all until somebody types the right PIN.
//
// The package speaks HTTP, property lists, CMS and SCEP by itself and shares no code with the server side of this module, so that
// a misreading of the protocol on one side is not repeated on the other.
//
//	mac, err := mdmtest.New(mdmtest.Config{Serial: "C02EXAMPLE1", OSVersion: "15.1", AppleSilicon: true})
//	err = mac.Enroll(ctx, "https://mdm.example.com/enroll?code=...")
//	session, err := mac.Poll(ctx) // Idle, command, result, ... until the server has nothing more
//	if mac.State() == mdmtest.Locked {
//		opened := mac.Type(pin)
//	}
//
// # What it does like a Mac
//
//   - The profile is an unsigned XML plist with one com.apple.mdm payload and the com.apple.security.scep payload that it names.
//   - SCEP is GetCACaps, GetCACert and PKCSReq with the challenge: CMS with SHA-1, a DES-CBC envelope, and (when the server
//     takes POST) the message in the body and, again, in a request line of about 7 kB. The content encryption is the
//     process-wide setting of github.com/smallstep/pkcs7, which this package never changes.
//   - Messages are PUT with a detached CMS signature in Mdm-Signature and Apple's content types. Redirects are not followed.
//     Only 200 is success; 401, and 403 with com.apple.unrecognized.device, remove the enrolment.
//   - Queries and keys that the configured version of macOS does not know are missing from an answer. Unknown commands are answered
//     with Error 12021 of MCMDMErrorDomain.
//   - A result that got no 200 is kept, in the same bytes, and sent again before the next Idle. A NotNow is not kept.
//   - A Mac with Apple silicon before macOS 11.5 is deactivated by DeviceLock, not locked with the PIN.
//
// # Making it go wrong
//
// [Mac.Script] and [Mac.Refuse] prepare what the Mac does with the next DeviceLock; nothing is random. [Mac.Flush] lets a held
// answer go, [Mac.Reboot], [Mac.Wipe], [Mac.Renew] and [Mac.CheckOut] are the turns of a device's life, and [Mac.Do] sends any
// bytes, signed by anyone, or not at all. A broken network is the business of Config.Client and its RoundTripper.
//
// # What a test asks
//
// [Mac.State], [Mac.WrongTries], [Mac.DelayedUntil], [Mac.Commands] (everything that a server sent, also what never arrived),
// [Mac.Deliveries] of one command, and [Mac.Locks] (what the Mac obeyed, with the PINs). PINs are in clear there, as they are
// on a Mac's screen; String, and JSON, leave them out.
//
// # Not included
//
// Signed profiles, ACME, TLS client certificates, iOS, declarative management, UserAuthenticate, EraseDevice, and APNs: a Mac
// polls when it is told to.
package mdmtest
