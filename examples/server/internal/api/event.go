package api

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// event is one recorded fact. Those with an action are chained by prev and hash.
type event struct {
	Position    int64             `json:"position"`
	ID          lock.ID           `json:"id,omitempty"`        // of a notice
	ActionID    lock.ID           `json:"action_id,omitempty"` // empty: a notice
	Seq         int               `json:"seq,omitempty"`
	Type        lock.EventType    `json:"type"`
	Time        time.Time         `json:"time"`
	DeviceID    string            `json:"device_id,omitempty"`
	Actor       lock.Actor        `json:"actor,omitzero"`
	Reason      string            `json:"reason,omitempty"`
	Delivery    int               `json:"delivery,omitempty"`
	Evidence    lock.Evidence     `json:"evidence,omitempty"`
	OtherAction lock.ID           `json:"other_action_id,omitempty"`
	Facts       map[string]string `json:"facts,omitempty"`
	Prev        string            `json:"prev"`
	Hash        string            `json:"hash"`
}

func newEvent(e lock.Event) event {
	return event{
		Position: e.Position, ID: e.ID, ActionID: e.Action, Seq: e.Seq, Type: e.Type, Time: e.Time.UTC(), DeviceID: e.Device, Actor: e.Actor,
		Reason: e.Reason, Delivery: e.Delivery, Evidence: e.Evidence, OtherAction: e.Other, Facts: e.Facts,
		Prev: hex.EncodeToString(e.Prev), Hash: hex.EncodeToString(e.Hash),
	}
}

// listEvents lists events in the order of the feed, or those of one action. To read the feed is an event itself.
func (a *api) listEvents(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	f, err := a.eventFilter(r)
	if err != nil {
		return err
	}
	found, err := a.Service.Events(r.Context(), actor, f)
	if err != nil {
		return err
	}
	if f.Action == "" { // recorded before anything is shown
		seen := map[string]string{"from": strconv.FormatInt(f.From, 10), "events": strconv.Itoa(len(found))}
		if err := a.Service.Note(r.Context(), actor, lock.EventAuditRead, a.Scope, seen); err != nil {
			return err
		}
	}
	page := list[event]{Items: []event{}}
	for _, e := range found {
		page.Items = append(page.Items, newEvent(e))
	}
	if n := len(found); n == f.Limit {
		next := found[n-1].Position + 1
		if f.Action != "" {
			next = int64(found[n-1].Seq) + 1
		}
		page.NextCursor = strconv.FormatInt(next, 10)
	}
	write(w, http.StatusOK, page)
	return nil
}

func (a *api) eventFilter(r *http.Request) (lock.EventFilter, error) {
	f := lock.EventFilter{Scope: a.Scope}
	q, err := params(r, "action_id", "device_id", "type", "cursor", "limit")
	if err != nil {
		return f, err
	}
	if f.Limit, err = limit(q); err != nil {
		return f, err
	}
	if text := q.Get("cursor"); text != "" {
		if f.From, err = strconv.ParseInt(text, 10, 64); err != nil || f.From < 0 {
			return f, invalid("cursor", "must be what next_cursor was")
		}
	}
	f.Action = lock.ID(q.Get("action_id"))
	if id := q.Get("device_id"); id != "" {
		f.Devices = []string{id}
	}
	if kind := q.Get("type"); kind != "" {
		f.Types = []lock.EventType{lock.EventType(kind)}
	}
	return f, nil
}
