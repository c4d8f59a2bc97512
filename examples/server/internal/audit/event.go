package audit

import (
	"cmp"
	"encoding/hex"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Event is one recorded fact in JSON. Those with an action are chained by prev and hash.
type Event struct {
	Position    int64             `json:"position"`            // -1: it has none yet
	ID          lock.ID           `json:"id,omitempty"`        // unlike that of any other event
	ActionID    lock.ID           `json:"action_id,omitempty"` // empty: a notice
	Seq         int               `json:"seq,omitempty"`
	Type        lock.EventType    `json:"type"`
	Time        time.Time         `json:"time"`
	DeviceID    string            `json:"device_id,omitempty"`
	Actor       lock.Actor        `json:"actor,omitzero"`
	Reason      string            `json:"reason,omitempty"`
	Kind        lock.Kind         `json:"kind,omitempty"` // of an order
	Ticket      string            `json:"ticket,omitempty"`
	Request     lock.ID           `json:"request_id,omitempty"` // the event that asked for what this one is about
	Delivery    int               `json:"delivery,omitempty"`
	Evidence    lock.Evidence     `json:"evidence,omitempty"`
	OtherAction lock.ID           `json:"other_action_id,omitempty"`
	Facts       map[string]string `json:"facts,omitempty"`
	Prev        string            `json:"prev"`
	Hash        string            `json:"hash"`
}

// NewEvent is an event as others may have it: nothing in it is a secret, or tells one from another.
func NewEvent(e lock.Event) Event {
	out := Event{
		Position: e.Position, ID: e.ID, ActionID: e.Action, Seq: e.Seq, Type: e.Type, Time: e.Time.UTC(), DeviceID: e.Device, Actor: e.Actor,
		Reason: e.Reason, Ticket: e.Ticket, Request: e.Request, Delivery: e.Delivery, Evidence: e.Evidence, OtherAction: e.Other, Facts: e.Facts,
		Prev: hex.EncodeToString(e.Prev), Hash: hex.EncodeToString(e.Hash),
	}
	if e.Order != nil {
		out.Kind, out.Ticket = e.Order.Kind, cmp.Or(out.Ticket, e.Order.Ticket)
	}
	return out
}
