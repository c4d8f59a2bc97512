// Package lock orders locks for managed devices, delivers them, and never loses the PIN that opens them again.
//
// Most callers need five calls. An administrator's server calls [Service.Lock] and, when the device is to be opened, [Service.Reveal].
// The transport that talks to devices calls [Service.Next] for a command, [Service.Report] for an answer, and [Service.Seen] for any
// other sign of life:
//
//	svc, err := lock.New(lock.Config{
//		Store:     st,                                   // package store, or store/sqlite
//		Sealer:    keyring,                              // package pin
//		Platforms: []lock.Platform{mdmproto.Platform(nil)},
//		Authorize: yourRights,                           // nil: nobody may do anything
//	})
//	go svc.Run(ctx)
//
//	action, err := svc.Lock(ctx, actor, lock.Request{Device: device, Reason: "stolen", Key: "ticket-4711"})
//	code, err := svc.Reveal(ctx, actor, action.ID, "owner verified by phone", "")
//
// # Vocabulary
//
// A device is named by the embedder's ID within a scope, the tenant. An [Action] is one thing ordered for one device; its ID is the
// command ID on the wire. It keeps its PIN sealed, as one of its secrets, and nothing in a device's life deletes it. What happens is
// recorded as an [Event] in the same commit. A lane is what can be live side by side on one device: there is never more than one lock.
// A notice is an event of no action: a denial, an alarm. A candidate is a PIN that may open the device now.
//
// # Promises
//
//   - A PIN is sealed and durable before any byte that contains it can leave, and a PIN that may be on a device is never deleted or
//     hidden by a state, a timer, a cancel, a re-enrolment or a purge. One that a device makes is durable before the device is told that
//     its answer was received; that it was lost on the way is never silent.
//   - Every change of state and every disclosure is one commit together with its event. No event, no change, no disclosure.
//   - One live action for each device and lane. A repeated order returns the live one, marked as Joined; an idempotency key leads to one
//     action for ever.
//   - The command is encoded, then its delivery is claimed, then it leaves. A delivery number is taken once.
//   - The device wins: an acknowledgement confirms an action that was cancelled or had lapsed.
//   - PINs exist in clear only between opening and encoding or revealing. Texts that contain the PIN are refused, or withheld when a
//     device says them.
//
// These hold whatever the number of processes on one store, and when any of them is killed at any point.
//
// # Lifecycle
//
//	ordered ─► queued ─► issued ─► confirmed ─► released
//	             │         │  └──► unconfirmed ───┘
//	             │         └─────► refused
//	             └─► cancelled, expired
//
// An order that needs a second person begins as held, and is queued when it is approved. It has a lane of its own, and blocks nothing.
// [Service.Unlock] is an order too: its acknowledgement confirms it and releases the action that it names, in one commit. So does that of
// [Service.RevokeToken], and that of [Service.ClearPasscode] with what was reset before, unless the report is Unproven.
//
// The states and events are documented with [State] and [EventType]; [Action.Apply] is the transition table, and [Action.Replay] proves
// that an action is what its events say. "Open again" is recorded with its evidence and destroys nothing.
//
// An acknowledgement that comes late, when another lock is live: if that one has not left yet it is cancelled in the same change, and the
// acknowledged action takes the lane, because it is the one that the device obeys. If it has left, both may be on the device, the lane
// stays where it is, and both PINs are candidates.
//
// A PIN of the caller's own joins a live lock only when that lock's PIN was the same actor's choice and is the same. It is not compared
// with any other: the right to lock is not a way to guess what only the right to reveal gives.
//
// # Platforms that are sent to
//
// Where somebody else's queue or API delivers, the platform has a [Sender] and [Service.Run] does the work: it encodes, claims, sends, and
// keeps the name that the provider gave the command ([Action].Ref), by which results come in ([Report].Ref) or are asked for. Promises and
// states are the same: a command that may have been taken counts as delivered; what was certainly not taken is sent again for as long as the
// order stands; a command that is cancelled is withdrawn, if the provider can, and is on the device if it says so all the same. A provider
// that fails for all of its devices is tried by one command at a time, with one alarm a day, as for wake-ups.
//
// # Tokens
//
// Some devices take a new passcode only with a token that they were given before. [Service.ProvisionToken] makes one, of 32 random bytes,
// and gives it to the device; it is a secret of its action, which no person gets to see, and which a purge keeps for as long as it may be in
// force. The platform's plan of a later [Service.ResetPasscode] names that action ([Plan].Uses), and its command carries the token. An order
// whose token is not in the ledger is blocked by a finding (secret_missing). [Service.RevokeToken] takes a token back. Limits and second
// persons pass these orders by: a token opens nothing without a reset, which they do not.
//
// # PINs that a device makes
//
// Of some devices nobody chooses the PIN: they make one, and return it with their answer, where it can be read once. The platform's plan of
// such an order says so ([Plan].Returns), and the transport hands the PIN over with the report ([Report].Secret): it is sealed, and durable
// in one commit with the outcome, when [Service.Report] returns, and only then may the device be told that its answer was received. It is kept
// with whatever outcome it comes, and however late. The rest is as for any PIN: Reveal, candidates, limits, retention.
//
// What can be read once can be lost. So a transport calls [Service.Keep] with the whole message before it reads any of it: while an action of
// the device waits for a PIN, the message is sealed as it came, and [Service.RevealAnswer] gives it to a person, by the same right and with the
// same record as a reveal. A PIN that no order waits for, as after the ledger was restored from a backup, is kept by [Service.KeepStray] in the
// same way, with an alarm: it is given to no order, since it may belong to none.
//
// The command leaves whole once, because to repeat it would make another PIN: a second delivery only asks for the one that was made, and then
// the action lapses.
//
// When the device confirmed such an order and no PIN came, that is a finding of the action (pin_lost) and an alarm; when the order lapsed, or
// was cancelled after it had left, so is that its PIN may be lost (pin_may_be_lost). Both say what to do next, and are over when the PIN comes
// after all. Meanwhile [Service.Candidates] says of earlier PINs that an unknown one may have taken their place.
//
// # Commands in several steps
//
// A device may need more than one message for a command, as where a value has to be read and durable before it is changed. Each step that is
// done is reported as [Progress], with facts; [Service.Resume] then encodes the next part, which belongs to the delivery that is under way.
// When a part gets lost, the next delivery begins with what the facts say. An unlock is encoded with the action that it ends and its facts
// ([Order].Ended), so that it can put back what that one changed.
//
// Some devices go on talking while they are locked ([Plan].Talks), as in lost mode: no sign of life says that they are open. Such a lock can be
// ended by an unlock whenever it may be on the device, also when it was cancelled or given up after it had left.
//
// # A second person
//
// [Config].SecondPerson says which acts need one, and [Config].Limits how much an actor may do alone. Such an order is [StateHeld], and
// such a [Service.Reveal], or RevealAnswer, is recorded and fails with [ErrPending]. [Service.Requests] lists what waits; [Service.Approve] and
// [Service.Reject] decide. Nobody approves what they asked for: the ID of the actor decides. What is not decided in [Config].Patience is
// over. An approved order is queued with the PIN that was sealed for it; an approved reveal is used by its requester, once, by calling
// Reveal again. [Service.BreakGlass] needs no second person, and leaves an alarm and a task that [Service.Reviews] lists until another
// person has called [Service.Review].
//
// A limit has no counter. What an actor asks for is committed first; then the devices of all that they asked for in the window, up to this
// event in the feed, are counted. So the verdict on a request is the same whoever finds it, after a crash too, and of requests that race
// exactly as many pass as the limit says. What waits or is rejected counts as well. What is over a limit raises an alarm.
//
// # Batches
//
// One order for many devices: [Service.OpenBatch] puts its size on record, which is when limits and a second person judge it as one act;
// [Service.LockBatch] orders up to 1,000 locks at a time, each with a PIN of its own, under the key "batch/device", so that to resume is to
// call again; [Service.CancelBatch] ends what is left. Package lock/bulk does all of it for a selection of devices, and reports what became
// of each.
//
// # Choosing the PIN
//
// An order gets a new PIN, drawn from the policy that the platform gives for the device. It differs from the device's last ones and from
// every one that somebody has seen (Config.Rotation), and is no part of the device's serial number, name, user, model or ID, nor of the
// texts of the order. [Request].PIN is a PIN of the caller's own, held to the same rules. With a Batch it is shared: each order of the
// batch has it, and a finding warns. [Request].Keep uses the PIN again that the device confirmed last. That is blocked by a finding which
// says why when there is none (pin_nothing_to_keep), when the device was enrolled anew since (pin_re_enrolled), when it was shared
// (pin_shared) or shown to somebody (pin_disclosed), is too old (pin_age), was purged (pin_purged), or breaks a rule of today (pin_ and
// the [pin.Reason]).
// [Request].Reuse gives a reason to use a PIN all the same that was used before or shown to somebody; the reason is kept, and a finding
// says so (pin_reused).
//
// Earlier PINs are opened and compared: there is no fingerprint to search for. An order that is refused because of one tells whoever asks
// that this is or was a PIN of the device, so the refusal is an alarm on record, a device takes ten orders with a PIN of the caller's own in
// a day, and [Service.Preflight] does not compare. With a PIN that is kept nothing is compared that a caller can choose.
//
// # Which PIN opens it
//
// [Service.Candidates] lists every PIN that the ledger has of a device, the likeliest first, each with its reason in words. Of those that
// the device acknowledged, the one delivered last comes first, since a device acts on a command when it gets it, however late its answer
// comes in. [Service.Feedback] records what a person found: a PIN that worked moves to the front, and one that was wrong to the end, until
// the device had its command again. A device whose enrolment is gone is found by the serial number on its label. Nothing is left
// out but what a purge took.
//
// # Retention
//
// [Service.Purge] takes the secrets of actions that ended long ago, and nothing else: the actions and all their events stay. It is a dry
// run unless asked to apply, and keeps what may be in force, each for a reason that is documented with [Purge]. [Service.Hold] keeps all
// secrets of a device from any purge until [Service.LiftHold]. A purged PIN is no candidate, cannot be revealed ([ErrPurged]) or kept, and
// a new PIN is not compared with it.
//
// # Changing keys
//
// Give the Sealer a new key that seals, with the old one to open, in every process; then [Service.Reseal] seals what the old key sealed
// anew while orders go on. Each new box is opened and compared before it replaces the old one, each replacement is an event, and a call
// that was stopped is made again. [Service.Sealed] says which keys the ledger needs, and for how many secrets: ask it before a service
// starts, and before a key goes.
//
// # Not included
//
// Authentication of devices and people, an inventory, push services and user interfaces are the embedder's. Timers run only in
// [Service.Run]; [New] starts nothing.
package lock
