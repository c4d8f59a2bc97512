// Package agent is the contract, version 1, between a server and an agent of the embedder's own on Android devices: a device owner, a
// profile owner, or a legacy device administrator. It has the server's side: a [Platform] for the ledger, which makes the commands, and the
// handler that devices talk to, see [NewHandler]. What an agent's developer needs is all here, and in [Schemas]; the simulated device of
// package androidtest is such an agent.
//
//	hub := agent.NewHub(fcm)                               // wakes long polls, then by FCM; nil: nothing behind it
//	svc, err := lock.New(lock.Config{..., Platforms: []lock.Platform{agent.Platform(hub)}})
//	h, err := agent.NewHandler(agent.Config{Service: svc, Enrollments: own, Requests: own, Keys: keys, Hub: hub})
//	mux.Handle("/android/v1/", h)
//
// # Words
//
// A command is what the server signs for one device; its ID is the action's. A result is what the agent says of a command, signed by the
// device. The state block is what it says of itself. A reset token lets an agent set a passcode on Android 8 and later, also before the first
// unlock after a restart; its ID is that of the provision-token action that made it, and the server makes it, keeps it sealed, and gives it to
// the device only inside a secret.
//
// # Promises
//
// A passcode or token leaves encrypted to the one device, inside a signed command, and is nowhere else in clear: not in a command's bytes, an
// error, a log. What a device sends is hostile until its signature is verified, and suspicious afterwards: sizes, depth and names are
// bounded first, algorithms are allow-listed on every parse, and a key counts only where it was bound. The content of a result never fails the
// device; a commit that failed does (503), and the device sends it again. Errors are *DecodeError for what came in and *lock.InputError for
// what should go out; none holds a part of it.
//
// # Form
//
// Times are RFC 3339 in UTC. All that is signed is a compact JWS (RFC 7515) with ES256 of at most 16 KiB; what is secret is a compact JWE
// (RFC 7516) with ECDH-ES and A256GCM. Nothing else is accepted, on either side. Keys are on P-256, JWKs have kty, crv, x and y. A device has
// two: one signs, one is for key agreement. A protected header has alg, typ and kid, that of an enrolment alg, typ and jwk, and no other
// member. Bodies have at most 64 KiB, JSON at most eight levels. In requests, unknown and doubled names are refused; an agent ignores what
// it does not know. Answers that are not 200 or 204 are problem documents (RFC 9457) with a code and server_time.
//
// # Enrolment
//
//	POST /android/v1/enroll      application/jose: a JWS, typ android-enroll+jws, with the new signing key as jwk
//	{"v":1,"typ":"android.dpc.enroll","code":"<one-time code>","iat":"...","agreement_key":{JWK},
//	 "serial":"","name":"","model":"","user":"","fcm_token":"","device":{state block}}
//	200 {"v":1,"dev":"<device ID>","server_time":"...","keys":[JWK with kid]}
//
// The signature proves that the device has the key. The agent keeps dev and the keys: it takes commands of these keys alone. A code works once;
// the same code with the same signing key again gives the same answer and changes nothing, so an agent whose answer was lost repeats. 403
// bad_code: unknown, expired, or used by another key; the agent does not repeat it, and asks for another code. A serial number that is known
// keeps its device ID; the keys of before are no longer accepted. The answer may name another dev than the one before: the numbers of
// commands are each dev's own.
//
// # Requests
//
//	Authorization: Device <JWS>      typ android-request+jws, kid the device ID
//	{"v":1,"dev":"<dev>","htm":"GET","htu":"/android/v1/devices/<dev>/commands?wait=50","iat":"...","jti":"<uuid>","bh":"<hash>"}
//
// htu is path and query as they are sent; bh is base64url of the SHA-256 of the body, also of the empty one. Every attempt has a jti of its
// own, 16 to 64 characters of base64url. 401 bad_signature: not signed by this device for this request. 401 clock_skew: iat is more than five
// minutes off; the agent takes server_time as its base and repeats, also at enrolment. 401 replayed: the jti was used before. 401 not_enrolled:
// the agent enrols again, and keeps results until then. 503 with Retry-After: the same again later.
//
//	GET /android/v1/devices/{dev}/commands?wait=50      wait: 0 to 60 seconds
//	200 {"v":1,"commands":["<JWS>"],"server_time":"..."}      204 without a command; header Latchkey-Time
//
//	POST /android/v1/devices/{dev}/results      application/json {"v":1,"results":["<JWS>",...]}      1 to 16
//	200 {"v":1,"acked":["<id>",...]}
//
//	POST /android/v1/devices/{dev}/state      application/json {"v":1,"state":"<JWS>"}      typ android-state+jws
//	{"v":1,"typ":"android.dpc.state","dev":"..","iat":"..","fcm_token":"","device":{state block}}      204
//
// A command comes again until its result arrives: after a result the agent polls at once, after an error it waits. A new poll ends the one
// before with 204, after a second of that at the earliest. An agent whose poll ends so before the wait that it asked for, though it made no other
// one, shares its keys with somebody, or the server stops: it waits a second before it polls again, and twice as long after each such end that
// follows, up to a minute.
//
// One request brings as many results, oldest first, as fit: 16, and 64 KiB for the body. A result that 200 did not acknowledge three times
// cannot be read: the agent drops it. 400 and 413 say that the agent made a request that is none of this contract, and it does not send the
// same again: it sends the results one by one, and drops the one that is refused alone; a state waits for its next change.
//
// The state is sent after a restart, after the first unlock that follows, when a token became active, when the passcode or the lock, the
// password policy, or the FCM token changed. What changes during a long poll ends it. It counts from when it arrives, whatever the device's clock
// shows; the state in a result counts from executed_at, or received_at, which is taken to be as long ago as the iat of the request is after it.
// What is older than what is known changes nothing.
//
// # Commands
//
//	header {"alg":"ES256","kid":"<server key>","typ":"android-cmd+jws"}
//	{"v":1,"typ":"android.dpc.command","id":"<uuid>","dev":"..","user":0,"seq":42,"iat":"..","exp":"..","cmd":"..",
//	 "pre":{"min_api":26,"max_api":29,"modes":["device_owner"],"token_active":true},"args":{...}}
//
// seq is above that of every command before, and is taken for each answer, so a command that comes again has another; there are gaps. user is
// 0, the user that the agent runs as: an agent in a work profile takes it as that profile, whatever number Android gives it. Another user is
// WRONG_DEVICE. Members of pre that are absent do not matter; modes names who may execute it, and token_active wants that the token of
// args.token_id is the active one.
//
//	lock              {"scope":"device|profile","evict_ce_key":false,"message":null}
//	reset_password    {"method":"token|direct","secret":JWE,"token_id":"..","flags":["require_entry","do_not_ask_credentials_on_boot","lock_now"]}
//	clear_password    {"method":"token|direct","secret":JWE,"token_id":"..","flags":[]}
//	provision_token   {"token_id":"..","secret":JWE,"replace":false}
//	revoke_token      {"token_id":".."}
//	token_status {}   report_state {}
//
// secret is {"new_password":"..","token":"<base64>"}, with what the command needs.
//
// lock is lockNow. The scope device locks everything: a profile owner calls it on the parent instance (getParentProfileInstance). The scope
// profile locks the work profile alone and is for its owner; from others it is MANAGEMENT_MODE. evict_ce_key adds
// FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY, for the scope profile. A message that is a text is shown by setDeviceOwnerLockScreenInfo before the
// device is locked, and stays until the next; null leaves what is there. When it cannot be shown, the device is locked all the same, and detail
// says why. Where what was locked has no passcode, lockNow only switches the screen off, and does not even do that for a work profile with a
// lock of its own: that is NO_SECURE_LOCK instead of OK.
//
// reset_password sets a passcode. The method token is resetPasswordWithToken. The agent asks isResetPasswordTokenActive first, since the
// method's false has many reasons and it may throw without an active token up to Android 12: TOKEN_NOT_SET, TOKEN_NOT_ACTIVE while it is pending,
// TOKEN_MISMATCH when another one is active. Then it checks the passcode against its policy: INVALID_VALUE, with AOSP's names in validation. The
// method direct is resetPassword and has no token: up to Android 10, as the platform allows. The flag lock_now is lockNow on the agent's own
// instance after the passcode was set; if that fails the result is OK with a detail, because the passcode is set. The other flags are Android's.
//
// clear_password is reset_password with no passcode. With the method direct it has no secret at all.
//
// provision_token is setResetPasswordToken, which removes the token before, active or not. If the token with this ID is active, it is OK, and
// nothing is done. If another one is active, it is TOKEN_ALREADY_ACTIVE without replace. A pending one is always replaced, and so is an active
// one whose ID the agent does not know, because nobody can use it. The agent keeps the ID of the token that is set, never the token: before the
// call it forgets the old ID, durably, and after the call it keeps the new one. Interrupted in between, it finds the command marked as executing
// and an ID that it does not know: it executes the command again with the same bytes, when it comes again, over whatever token is there.
//
// revoke_token is clearResetPasswordToken. It is OK too when no token is set, or one whose ID the agent does not know, and TOKEN_MISMATCH, with
// nothing removed, when another one is.
//
// token_status and report_state change nothing: the state block of the result is the answer.
//
// # The order of work in an agent
//
//  1. Verify the signature with the key that kid names among those of the enrolment: BAD_SIGNATURE. Then dev and v: WRONG_DEVICE,
//     UNSUPPORTED_VERSION.
//  2. Look for a stored result of the id: send it as it was, same rid, same code, with "duplicate":true. Execute nothing.
//  3. Expired by the later of the own clock and the server time that was told last, though an earlier one was later: EXPIRED. seq not above
//     the highest taken for this dev: STALE, with observed {"seq":"<the highest>"}, above which the server then numbers. But an id that is
//     marked as executing is answered with UNKNOWN instead of either, and of every refusal that follows.
//  4. Decrypt the secret: DECRYPT_FAILED. Mark the id as executing, durably, and keep the seq.
//  5. Check pre: PRECONDITION_FAILED, with what was found in observed.
//  6. Execute. Store the result without the secret, durably, in device-protected storage, until 30 days after exp at least, and with it take
//     the mark away. Report the result until it is acknowledged.
//
// BAD_SIGNATURE, WRONG_DEVICE, STALE and UNKNOWN are reported and not stored, so that the true command can still come. An agent that starts and
// finds an id marked as executing reports UNKNOWN for it, once, and leaves the mark: the command comes again with the same secret, and is executed
// again, which is harmless. Only a success of it takes the mark away: if it fails then, it is UNKNOWN again and not the failure, because the first
// attempt may have worked. A token that was pending when the device restarted is gone, and the server sends another.
//
// # Results
//
//	{"v":1,"typ":"android.dpc.result","id":"..","rid":"<uuid>","dev":"..","seq":42,"state":"succeeded|failed|rejected|received","code":"..",
//	 "detail":"","exception":"","validation":[],"observed":{"..":".."},"duplicate":false,"received_at":"..","executed_at":"..",
//	 "device":{state block}}
//
//	code                                       state      the server takes it as
//	OK, NO_SECURE_LOCK                         succeeded  acknowledged
//	ACCEPTED                                   received   an early receipt: progress
//	UNKNOWN                                    failed     progress: the passcode may be on the device; delivered again
//	BAD_SIGNATURE                              rejected   progress: nobody knows whose ID that was; delivered again
//	STALE                                      rejected   not now: nothing was done; delivered again, with a new number
//	EXPIRED, WRONG_DEVICE, DECRYPT_FAILED,     rejected   refused
//	UNSUPPORTED_VERSION, UNKNOWN_COMMAND
//	PRECONDITION_FAILED                        failed     refused; observed says why
//	INVALID_VALUE                              failed     refused; validation says why, in AOSP's names
//	NOT_OWNER, API_LEVEL, MANAGEMENT_MODE,     failed     refused
//	ESCROW_DISABLED, TOKEN_NOT_SET,
//	TOKEN_NOT_ACTIVE, TOKEN_ALREADY_ACTIVE,
//	TOKEN_MISMATCH, WEAVER_EXHAUSTED,
//	PASSWORD_OWNED_BY_OTHER_ADMIN, UNSUPPORTED,
//	ILLEGAL_STATE, ILLEGAL_ARGUMENT, any other
//
// A code that contradicts its state is progress: it proves neither success nor failure, so the passcode stays among those that may be on the
// device. What is delivered ten times without an answer lapses, and its passcode may still be on the device. Of a result the ledger keeps
// code, detail, exception, validation and observed, cleaned, cut to 256 bytes, and with runs of four or more digits struck out; the latest
// result replaces all five. Progress is recorded once for each delivery and code, of eight codes at most. A process knows that of
// the 64 commands that it delivered to the device last; of all others together it records eight reports of progress an hour for a device, and
// in that hour no code of a command twice running. A result that cannot be understood is noted without its text, and acknowledged by its ID if
// that can be read; one of another device's command raises an alarm, once.
//
//	state block: {"api":34,"mode":"device_admin|profile_owner|company_profile_owner|device_owner","target_sdk":34,"secure_lock":true,
//	 "user_unlocked":true,"managed_profile":false,"separate_challenge":false,"secure_lock_feature":true,
//	 "token":{"id":"..","state":"none|pending|active|unsupported"},
//	 "policy":{"quality":0,"min_length":0,"letters":0,"numeric":0,"symbols":0,"upper":0,"lower":0,"non_letter":0,"complexity":0},
//	 "locked_now":true,"agent":"1.0.0","boot_count":17}
//
// Absent and null are unknown. secure_lock, user_unlocked, token and policy are those of the user that the agent runs as. token.id goes with
// token.state: pending, the ID of the token that was set since the restart; active, the ID that the agent keeps, and "" when it does not know
// which token that is; none and unsupported, "". unsupported is also what the agent says after ESCROW_DISABLED.
//
// # Settled
//
//   - The ID of a token stands in args; token_active in pre refers to it.
//   - PRECONDITION_FAILED is failed, not rejected: the command was good, and observed has the values that were found.
//   - A lock may wait for 30 days, FCM keeps a message for 28 at most: its time to live is cut to that. The command itself waits in the
//     ledger, and a device that polls gets it.
//   - One command an answer, a lock first. The order of the others is that of their orders.
//   - A wake-up says nothing but that there is something: what is true is what the poll brings.
//
// # Not included
//
// Certificates and attestation of a device's keys, new server keys without a new enrolment, wiping and restarting, lost mode, policies and
// apps, and the agent itself. One process remembers who polls: in another, a poll sees an order within fifteen seconds.
package agent
