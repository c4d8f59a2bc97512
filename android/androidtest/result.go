package androidtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// result is the payload of a result.
type result struct {
	V          int               `json:"v"`
	Typ        string            `json:"typ"`
	ID         string            `json:"id"`
	RID        string            `json:"rid"`
	Dev        string            `json:"dev"`
	Seq        int64             `json:"seq"`
	State      string            `json:"state"`
	Code       string            `json:"code"`
	Detail     string            `json:"detail,omitempty"`
	Exception  string            `json:"exception,omitempty"`
	Validation []string          `json:"validation,omitempty"`
	Observed   map[string]string `json:"observed,omitempty"`
	Duplicate  bool              `json:"duplicate,omitempty"`
	Received   string            `json:"received_at"`
	Executed   string            `json:"executed_at,omitempty"`
	Device     stateBlock        `json:"device"`

	unread int // how often a server took it and did not acknowledge it
}

// outcome is how a command ended.
type outcome struct {
	state, code, detail string
	exception           string
	validation          []string
	observed            map[string]string
}

func succeeded() outcome { return outcome{state: stateSucceeded, code: codeOK} }
func failed(code, detail string) outcome {
	return outcome{state: stateFailed, code: code, detail: detail}
}
func rejected(code string) outcome { return outcome{state: stateRejected, code: code} }

// newResult makes a result with the state of this moment.
func (d *Device) newResult(id string, seq int64, received time.Time, o outcome) *result {
	return &result{
		V: 1, Typ: "android.dpc.result", ID: id, RID: newUUID(), Dev: d.agent.enrolment.device, Seq: seq, State: o.state, Code: o.code,
		Detail: o.detail, Exception: o.exception, Validation: o.validation, Observed: o.observed, Received: stamp(received), Device: d.block(),
	}
}

const (
	maxResults = 16 // in one request
	maxUnread  = 3  // a result that was taken so often and never acknowledged cannot be read
)

// sendResults sends what is not acknowledged, and forgets what the server acknowledges, or cannot read.
func (d *Device) sendResults(ctx context.Context) error {
	body, ids, err := d.packResults()
	if err != nil || len(ids) == 0 {
		return err
	}
	if d.strikes(LoseResults) {
		return ErrCut
	}
	ans, err := d.sendTo(ctx, "results", body)
	if err == nil && d.strikes(RepeatResults) {
		ans, err = d.sendTo(ctx, "results", body)
	}
	switch {
	case err != nil:
		return err
	case d.strikes(LoseReceipt):
		return ErrCut
	case ans.Status != http.StatusOK:
		if faulty(ans) {
			d.separate(ids)
		}
		return unexpected("results", ans)
	}
	var got struct {
		Acked []string `json:"acked"`
	}
	if err := json.Unmarshal(ans.Body, &got); err != nil {
		return fmt.Errorf("androidtest: results: the answer is not one of the contract")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.alone = max(0, d.agent.alone-len(ids))
	d.agent.outbox = slices.DeleteFunc(d.agent.outbox, func(r *result) bool {
		if !slices.Contains(ids, r.RID) {
			return false
		}
		r.unread++
		return slices.Contains(got.Acked, r.ID) || r.unread >= maxUnread
	})
	return nil
}

// faulty says that the request was none of the contract: the same again would be refused again.
func faulty(ans Answer) bool {
	return ans.Status == http.StatusBadRequest || ans.Status == http.StatusRequestEntityTooLarge
}

// separate finds the result that a server refuses: they are sent one by one, and the one that is refused alone is dropped.
func (d *Device) separate(rids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(rids) > 1 {
		d.agent.alone = len(rids)
		return
	}
	d.agent.alone = max(0, d.agent.alone-1)
	d.agent.outbox = slices.DeleteFunc(d.agent.outbox, func(r *result) bool { return r.RID == rids[0] })
}

// packResults signs the oldest results, as many as one request may have, and names those that are in it.
func (d *Device) packResults() (body []byte, rids []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := &d.agent
	if len(a.outbox) > 0 && d.script[HoldResults] > 0 {
		d.script[HoldResults]--
		a.held, a.outbox = append(a.held, a.outbox...), nil
	}
	var signed []string
	size := len(`{"results":[],"v":1}`)
	most := maxResults
	if a.alone > 0 {
		most = 1
	}
	for _, r := range a.outbox[:min(len(a.outbox), most)] {
		jws, err := sign(a.signing, typeResult, a.enrolment.device, false, r)
		if err != nil {
			return nil, nil, err
		}
		if size += len(jws) + len(`"",`); size > maxBody {
			break
		}
		signed, rids = append(signed, jws), append(rids, r.RID)
	}
	body, err = json.Marshal(map[string]any{"v": 1, "results": signed})
	return body, rids, err
}

// sendState sends the state when it changed since the server heard of it.
func (d *Device) sendState(ctx context.Context) error {
	d.mu.Lock()
	due := d.agent.stateDue
	d.agent.stateDue = false
	body, err := d.packState()
	d.mu.Unlock()
	if err != nil || !due {
		return err
	}
	ans, err := d.sendTo(ctx, "state", body)
	if err == nil && ans.Status != http.StatusNoContent {
		err = unexpected("state", ans)
	}
	if err != nil && !faulty(ans) {
		d.mu.Lock()
		d.agent.stateDue = true
		d.mu.Unlock()
	}
	return err
}

func (d *Device) packState() ([]byte, error) {
	a := &d.agent
	jws, err := sign(a.signing, typeState, a.enrolment.device, false, map[string]any{
		"v": 1, "typ": "android.dpc.state", "dev": a.enrolment.device, "iat": stamp(d.now()), "fcm_token": d.cfg.FCMToken, "device": d.block(),
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"v": 1, "state": jws})
}

// sendTo posts to one of the device's endpoints.
func (d *Device) sendTo(ctx context.Context, endpoint string, body []byte) (Answer, error) {
	return d.send(ctx, http.MethodPost, "/android/v1/devices/"+d.ID()+"/"+endpoint, body)
}

// Sign signs any payload with the device's key, as a compact JWS of the type ("android-result+jws", "android-state+jws"): for results
// and states that the agent would not send.
func (d *Device) Sign(typ string, payload any) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.agent.enrolment == nil {
		return "", ErrNotEnrolled
	}
	return sign(d.agent.signing, typ, d.agent.enrolment.device, false, payload)
}
