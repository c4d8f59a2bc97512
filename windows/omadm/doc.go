// Package omadm is the server's side of an OMA DM 1.2 session as Windows holds it: message in, message out. It is pure: no network, no
// clock, no storage; the caller brings the time and keeps the [State]. The messages are those of package syncml.
//
// # One message
//
//	message, err := syncml.Decode(body)              // HTTP 400
//	// make sure that message.Header.Source.URI is the device whose state this is; hold a lock for the device
//	exchange, err := state.Receive(omadm.Input{...}) // HTTP 400
//	if exchange.Replay != nil {
//		// the device did not get its answer: send these bytes again, and do nothing else
//	}
//	if exchange.Fresh {
//		// save the state: the nonce that the device used must not be good again
//	}
//	// act on exchange.Answers, .Alerts, .DevInfo, .Stray, and make it durable
//	if exchange.May {
//		err = exchange.Send(omadm.Work{...}) // as often as there is room
//	}
//	answer, err := exchange.Close()
//	// save the state, then send the answer with HTTP 200 and Content-Length
//
// If anything cannot be made durable, answer with an error (HTTP 503), and drop the State and the Exchange: the device sends its message
// again, and it is taken as if for the first time, since an exchange enters the State in Close and nowhere else. Two replicas must not save
// the same State: keep a version with it, and let the second fail.
//
// # Works
//
// A [Work] is some commands with a name. What the device says of them comes back as an [Answer], correlated by session, message and command:
// for each command its status, and the results that this message brought. Results are handed over once and kept nowhere, since a new PIN may
// be among them: of those that an earlier message brought, only that they came is remembered (Given). An Answer is Complete when every
// command has its status and every Get that succeeded its results, or when the device's package or the session is over; a Code of 0 then
// means that the device did not say. Results that belong to nothing that waits are Stray.
//
// A work goes in one message as a whole. One that is larger than the device takes is a [*SizeError] before anything of it is sent.
//
// # Who may
//
// A device proves itself with a TLS client certificate that the caller has checked, with a digest (syncml:auth-md5), or with both: see
// [Proof]. With both, the digest is asked for once in a session (212). With the digest alone, each message needs one (200). Nonces have 128
// random bits and are good for one message: that of a challenge for 5 minutes, that of the next session for 90 days. If the server stopped
// before it had answered, the same message is taken when it comes again, for 10 minutes. The second wrong digest in a row ends the session.
// The number of sessions that are tried is the caller's to limit. A sender without proof changes nothing but its own session, and never
// sees a command; without certificates it can disturb the sessions of a device whose name it knows, and not read them.
//
// # Bounds
//
// A State has at most 6 sessions of senders that proved themselves and 2 of others; the ones that are silent longest go first. A session
// has at most 200 messages, 64 unanswered commands, 20 messages in a row without Final, and 3 with nothing in them but the wish for the next
// one; after 10 minutes of silence, or a message out of step, results are still taken and the answer is an abort (Alert 1223). Large objects
// in chunks are refused the same way: the commands' status is 413, and a result in chunks is as good as none.
//
// A client that never sends Final is served all the same: a message with the last of the answers that are due counts as the end of its
// package.
//
// # Specification
//
// OMA-TS-DM_Protocol-V1_2, OMA-TS-DM_RepPro-V1_2, OMA-TS-DM_Security-V1_2 and MS-MDM. Not included: enrolment, notification (package 0),
// WBXML, basic authentication, HMAC, messages of the server in several parts, and alerts that ask the user.
//
// # Cost
//
// A first package that is answered with a lock takes about 0.1 ms, 27 KB and 473 allocations from its bytes to those of its answer, and with
// the State's way through JSON 31 KB and 485; the State has 1 KiB then, and 2 KiB while it waits for a reset (BenchmarkMessage).
package omadm
