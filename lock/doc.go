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
//	code, err := svc.Reveal(ctx, actor, action.ID, "owner verified by phone")
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
//     hidden by a state, a timer, a cancel or a re-enrolment.
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
// The states and events are documented with [State] and [EventType]; [Action.Apply] is the transition table, and [Replay] proves that an
// action is what its events say. "Open again" is recorded with its evidence and destroys nothing.
//
// An acknowledgement that comes late, when another lock is live: if that one has not left yet it is cancelled in the same change, and the
// acknowledged action takes the lane, because it is the one that the device obeys. If it has left, both may be on the device, the lane
// stays where it is, and both PINs are candidates.
//
// A PIN of the caller's own joins a live lock only when that lock's PIN was the same actor's choice and is the same. It is not compared
// with any other: the right to lock is not a way to guess what only the right to reveal gives.
//
// # Not included
//
// Authentication of devices and people, an inventory, push services and user interfaces are the embedder's. Timers run only in
// [Service.Run]; [New] starts nothing.
package lock
