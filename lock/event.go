package lock

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// EventType says what an event records.
type EventType string

// Events of an action. The transition table says in which states each may happen and where it leads.
const (
	EventOrdered         EventType = "ordered" // the first: Order holds the action as ordered
	EventHeld            EventType = "held"    // a limit keeps it held: the reason says which
	EventApproved        EventType = "approved"
	EventRejected        EventType = "rejected"
	EventIssued          EventType = "issued"      // the first delivery was claimed
	EventRedelivered     EventType = "redelivered" // a further delivery was claimed
	EventNotNow          EventType = "not-now"
	EventProgress        EventType = "progress" // an intermediate fact, durable without a change of state
	EventWoken           EventType = "woken"    // the outcome of waking the device changed its class
	EventAcknowledged    EventType = "acknowledged"
	EventRefused         EventType = "refused"
	EventCancelled       EventType = "cancelled"
	EventExpired         EventType = "expired"
	EventLapsed          EventType = "lapsed"
	EventReleased        EventType = "released"
	EventJoined          EventType = "joined"   // a repeated order was answered with this action
	EventRevealed        EventType = "revealed" // its PIN was given to a person
	EventRevealRequested EventType = "reveal-requested"
	EventRevealApproved  EventType = "reveal-approved"
	EventRevealRejected  EventType = "reveal-rejected"
	EventReturned        EventType = "returned" // an escrowed secret was given back to its device
	EventFeedback        EventType = "feedback"
	EventSecretAdded     EventType = "secret-added"
	EventResealed        EventType = "resealed"
	EventPurged          EventType = "purged" // its secrets are gone: Secrets names them, without key and hash
	EventReenrolled      EventType = "re-enrolled"
)

// Notices: events of no action.
const (
	EventDenied         EventType = "denied"
	EventAlarm          EventType = "alarm"
	EventSignedIn       EventType = "signed-in"
	EventBatchOpened    EventType = "batch-opened" // facts: batch, devices, kind
	EventBatchApproved  EventType = "batch-approved"
	EventBatchRejected  EventType = "batch-rejected"
	EventBatchCancelled EventType = "batch-cancelled"
	EventBreakGlass     EventType = "break-glass" // somebody approved what they asked for themselves: to be reviewed by another person
	EventReviewed       EventType = "reviewed"    // of a break-glass notice (facts: event)
	EventAuditRead      EventType = "audit-read"
	EventAuditVerified  EventType = "audit-verified" // what came of it is among the facts
	EventEnrolmentLink  EventType = "enrolment-link" // a way in was handed out: who has it can enrol a device, or renew one's certificate
	EventEnrolled       EventType = "enrolled"       // a certificate was bound to a device
	EventRemoved        EventType = "removed"        // a device was taken out of the embedder's inventory
	EventAccount        EventType = "account"        // who may sign in, what they may do, or a token was changed
	EventGroup          EventType = "group"          // a group of devices or users, or who is in one, was changed
	EventKeyring        EventType = "keyring"        // the keys that seal were changed
	EventHoldPlaced     EventType = "hold-placed"    // a legal hold on the device with this ID, or this serial number (facts: serial)
	EventHoldLifted     EventType = "hold-lifted"    // the end of every hold on that device
	EventPurge          EventType = "purge"          // a purge begins, or has ended (facts: phase, run, before, devices; then the counts)
)

// Event is one recorded fact. Those of an action are numbered from 1 and hash-chained; a notice belongs to no action. The ID makes every
// event differ from every other, whoever recorded the same at the same time.
//
// An event is kept as the exact bytes that were hashed: Body is a JSON object of the fields that have a JSON name below, and
// Hash = SHA-256("latchkey event v1\n" ‖ Prev ‖ Body), where Prev is the hash of the action's event before, and 32 zero bytes for a
// first event and for a notice. Readers must take the fields from Body and never encode them again.
type Event struct {
	ID       ID                `json:"id,omitempty"`
	Action   ID                `json:"action,omitempty"` // empty: a notice
	Seq      int               `json:"seq,omitempty"`
	Type     EventType         `json:"type"`
	Time     time.Time         `json:"time"` // UTC, whole microseconds, never before the action's previous event
	Scope    string            `json:"scope"`
	Device   string            `json:"device,omitempty"`
	Actor    Actor             `json:"actor,omitzero"`
	Reason   string            `json:"reason,omitempty"` // the actor's words, or ours: why it lapsed, what the alarm means
	Ticket   string            `json:"ticket,omitempty"`
	Request  ID                `json:"request,omitempty"` // the reveal-requested event that this is about
	Key      string            `json:"key,omitempty"`     // the idempotency key of a repeated order
	Delivery int               `json:"delivery,omitempty"`
	Evidence Evidence          `json:"evidence,omitempty"`
	Other    ID                `json:"other,omitempty"`   // another action: the unlock that released, the lock that superseded
	NoLane   bool              `json:"no_lane,omitempty"` // acknowledged while another action held the lane
	Secret   int               `json:"secret,omitempty"`  // the number of the secret that was disclosed
	Ref      string            `json:"ref,omitempty"`     // the transport's own name for the action from now on
	Facts    map[string]string `json:"facts,omitempty"`
	Findings []Finding         `json:"findings,omitempty"` // what people must know of the outcome, from now on among those of the action
	Secrets  []Secret          `json:"secrets,omitempty"`  // each box that the event adds or replaces, by its SHA-256
	Order    *Action           `json:"order,omitempty"`

	Body     []byte `json:"-"`
	Prev     []byte `json:"-"` // 32 bytes
	Hash     []byte `json:"-"` // 32 bytes
	Position int64  `json:"-"` // in the feed, set by the store; -1 while the event has none yet
}

// Decode sets the fields that have a JSON name from Body, which it limits to 256 KiB. It does not check the hash: Action.Replay does.
func (e *Event) Decode() error {
	if len(e.Body) > 256<<10 {
		return fmt.Errorf("event at position %d: body of %d bytes is over the limit of 256 KiB", e.Position, len(e.Body))
	}
	decoded := Event{Body: e.Body, Prev: e.Prev, Hash: e.Hash, Position: e.Position}
	if err := json.Unmarshal(e.Body, &decoded); err != nil {
		return fmt.Errorf("event at position %d: body is not an event: %w", e.Position, err)
	}
	*e = decoded
	return nil
}

// Seal fixes the event's bytes and chains them to prev, the hash of the action's event before; nil for a first event or a notice. The service
// seals what it records; others need it only to build events for tests of a store.
func (e *Event) Seal(prev []byte) error {
	e.Prev = make([]byte, sha256.Size)
	copy(e.Prev, prev)
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode %s event: %w", e.Type, err)
	}
	e.Body, e.Hash = body, eventHash(e.Prev, body)
	return nil
}

func (e *Event) intact() bool { return bytes.Equal(e.Hash, eventHash(e.Prev, e.Body)) }

func eventHash(prev, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte("latchkey event v1\n"))
	h.Write(prev)
	h.Write(body)
	return h.Sum(nil)
}
