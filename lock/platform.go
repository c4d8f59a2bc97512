package lock

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Platform is one way to reach devices, named by Device.Platform.
type Platform struct {
	Name  string // required, unique among the configured
	Codec Codec  // required
	Waker Waker  // nil: devices come by themselves
	// Sender hands commands to somebody else's queue or API, and Run does that: Next has nothing for the devices of this platform. nil:
	// devices fetch their commands, through Next.
	Sender Sender
	// Guard is how long after an acknowledgement a sign of life proves nothing, because a device may send one more message before it
	// locks. 0: 60 seconds.
	Guard time.Duration
	// MaxDeliveries is how often a command may leave without an answer before it lapses; one answered with NotNow does not count, for the
	// first hundred of them.
	// 0: 3. With 1 a command that may have been lost is never sent again.
	MaxDeliveries int
}

// Codec turns orders into the commands of one platform. Both methods are pure and safe for concurrent use.
type Codec interface {
	// Plan says what the order would do on this device.
	Plan(Device, Request) Plan
	// Encode makes the command's bytes, which contain the PIN in clear. It is given what Plan said that it needs.
	Encode(Order) ([]byte, error)
}

// Waker tells a device to come and fetch its command. A wake-up is idempotent and may get lost: Run repeats it. Wake is called for up to 64
// devices at the same time, has ten seconds, and returns soon after its context ends. A nil error says that the wake-up was taken, not
// that it arrived. No error changes the action; it may have one or more of these methods to say more:
//
//   - WakeOutcome() string: its class, at most 64 bytes, which is shown beside the state (Action.WakeOutcome) and recorded when it
//     changes. Without it the class is "failed", or "timeout" when the time was up. After success it is "sent".
//   - RetryAfter() time.Duration: this device is not woken again before; up to a day.
//   - ProviderFailure() bool: it would have been the same for every device of the scope, as with a certificate that expired. There is one
//     alarm a day for each class, and all wake-ups of this scope and platform wait and show the class. One is let through as a trial after 30
//     seconds, then after twice as long each time, up to a quarter of an hour; an order of this moment need not wait longer than 30 seconds.
//     Once the provider answers one, all are woken.
//   - ProviderTrouble() bool: the provider could not be reached, or could not do it for now. The wake-up is repeated as always, but 32 in
//     a row that have this trouble or time out, with no answer of the provider in between, are taken for a provider failure.
//   - ProviderAnswered() bool: the provider did its work, and this is what it says of the device. As a success does, that ends such a row,
//     and a failure of the provider. An error without it says nothing of the provider: nobody may have asked it.
type Waker interface {
	Wake(ctx context.Context, d Device) error
}

// Plan is what a platform says of an order before anything is done.
type Plan struct {
	Findings []Finding
	Policy   pin.Policy // what the PIN must obey; generation draws from it
	NoPIN    bool       // the order carries no PIN of the server's: the device makes one, or none is needed
	Holds    bool       // once acknowledged, the device stays locked until there is evidence that it is open
	// Talks says that the device goes on talking while it is locked, as in lost mode: signs of life are no evidence, and only an unlock, a
	// person or a wipe ends it. Such a lock may be unlocked whenever it may be on the device, also when no acknowledgement came.
	Talks bool
	// Returns says that the device makes the PIN, and returns it with its answer (Report.Secret): NoPIN follows. Such a command leaves whole
	// once, since doing it again would make another PIN; a second delivery only asks what became of it (Encode tells them apart by the
	// action's Deliveries without its Deferrals), and then it lapses. Only for a lock, lost mode or a reset, and not with Makes.
	Returns bool
	// Makes names a secret that the order makes and carries, as the token of a KindProvisionToken: 32 random bytes, sealed under this name
	// with the action, and shown to nobody. Such an order has no PIN. Empty: none; it cannot be SecretPIN, "body" or "body+".
	Makes string
	// Uses is the action whose secret, which is no PIN, the command carries, as a reset needs the token that an earlier action provisioned.
	// It must be one of the same device. Empty: none.
	Uses ID
}

// Finding is one result of preflight.
type Finding struct {
	Code      string `json:"code"` // stable, lower-case with underscores
	Level     Level  `json:"level"`
	Text      string `json:"text"`                // for the administrator: what will happen, and why
	Forceable bool   `json:"forceable,omitempty"` // LevelBlock: Request.Force orders all the same
	Field     string `json:"field,omitempty"`     // the field of the request that it speaks of, when it is one
}

// Level is the weight of a finding.
type Level string

// The levels of a finding.
const (
	LevelBlock Level = "block"
	LevelWarn  Level = "warn"
	LevelInfo  Level = "info"
)

// Request is an order for one device. The names of its options have at most 64 characters, their values 256.
type Request struct {
	Device      Device
	Kind        Kind              // for Preflight: of what; empty: KindLock. The verbs that order set it, whatever a caller puts there
	Reason      string            // why, in the actor's words; at most 1,024 characters. Numbers that may be a PIN of the device are not kept
	Ticket      string            // at most 128 characters
	Message     string            // for the locked screen; the platform's rules apply, and it must not contain the PIN
	PhoneNumber string            // for the locked screen; the platform's rules apply
	PIN         pin.PIN           // the caller's choice, checked by the plan's policy and Config.Rotation; zero: a new one is drawn, or see Keep
	Keep        bool              // use the PIN again that the device confirmed last, if Config.Rotation allows
	Reuse       string            // with PIN or Keep: why one that was used before or shown to somebody may be used again; at most 1,024 characters
	NotAfter    time.Time         // nothing is delivered from then on; zero: 30 days from now
	Options     map[string]string // the platform's own, which Plan checks and Encode reads: at most 16, without the PIN
	Force       bool              // order over findings that block and are forceable
	Key         string            // idempotency key, at most 128 characters: the same order for ever
	Batch       string            // at most 128 characters; a PIN of the caller's own is shared by all orders of a batch
	Of          ID                // the action that an unlock or a revoke-token ends. The verbs that order set it; for Preflight, empty: not judged

	state  State  // how the action begins; empty: queued
	heldBy string // what holds it from the beginning
	ousts  bool   // it takes the place of an order that a limit holds
	lost   int    // how often another order took its place
}

// Order is what a codec encodes.
type Order struct {
	Action Action
	Device Device  // as the transport knows it now, with facts; when Run sends it, as the action keeps it, without facts
	PIN    pin.PIN // zero when the plan said NoPIN
	Secret pin.PIN // what Plan.Makes made, or what Plan.Uses names; else zero
	Ended  Action  // KindUnlock: the action that it ends, with its facts and without the boxes of its secrets
	// Resumed says that this is the next part of the delivery that is under way: see Service.Resume. The action has the facts so far.
	Resumed bool
}

// Command is what leaves for a device. The zero Command means that there is nothing to send.
type Command struct {
	ID   ID
	Body []byte // contains the PIN in clear: send it, and keep it nowhere
}

// Outcome is what a device said of a command.
type Outcome string

// The outcomes of a report.
const (
	Acknowledged Outcome = "acknowledged"
	Refused      Outcome = "refused"
	NotNow       Outcome = "not-now"
	Progress     Outcome = "progress" // an intermediate fact
)

// Report is what a device said, already authenticated and parsed by its platform.
type Report struct {
	Scope, Device string // as the transport proved it, never as the body claims
	Action        ID     // the command's ID
	Ref           string // the transport's own name for it (Action.Ref), when it does not give the ID
	Outcome       Outcome
	Unproven      bool              // Acknowledged: it proves receipt and not effect, so it confirms its action, and releases no other one
	Facts         map[string]string // message result, error codes; never a secret. At most 32, cut to 1,024 bytes each
	Findings      []Finding         // what people must know of the outcome; kept with the action, each code once. At most 32
	// Secret is the PIN that the device made, of an action that Returns: sealed and durable when Report returns, in the commit of the outcome.
	// It is kept whatever the outcome, and however late; the same one is not kept twice.
	Secret pin.PIN
}

// Evidence is why a device is known to be open again, or alive.
type Evidence string

// The kinds of evidence. Any of them counts only after the platform's Guard, but for re-enrolment.
const (
	EvidencePoll        Evidence = "poll"         // it asked for commands, or answered another one
	EvidenceUserChannel Evidence = "user-channel" // a user is signed in
	EvidenceAgent       Evidence = "agent"        // the embedder's own agent reported
	EvidenceStatement   Evidence = "statement"    // a person says so
	EvidenceRemoved     Evidence = "removed"      // the device withdrew the secret that it had handed over
	EvidenceUnlocked    Evidence = "unlocked"     // it acknowledged an unlock
	EvidenceReenrolled  Evidence = "re-enrolled"  // it was wiped and enrolled anew (not a renewal of its certificate)
)
