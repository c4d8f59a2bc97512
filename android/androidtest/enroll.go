package androidtest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// enrolRequest is the payload of an enrolment.
type enrolRequest struct {
	V            int             `json:"v"`
	Typ          string          `json:"typ"`
	Code         string          `json:"code"`
	Issued       string          `json:"iat"`
	AgreementKey jose.JSONWebKey `json:"agreement_key"`
	Serial       string          `json:"serial"`
	Name         string          `json:"name"`
	Model        string          `json:"model"`
	User         string          `json:"user"`
	FCMToken     string          `json:"fcm_token"`
	Device       stateBlock      `json:"device"`
}

// Enroll enrols at a server, whose contract lies under base + "/android/v1", with a one-time code. The keys are made once and kept: to
// call it again with the same code is what an agent does whose first answer was lost. The error
// names the server's status and code.
func (d *Device) Enroll(ctx context.Context, base, code string) error {
	d.conversation.Lock()
	defer d.conversation.Unlock()
	base = strings.TrimSuffix(base, "/")
	ans, err := d.askToEnrol(ctx, base, code)
	if err == nil && ans.Status == http.StatusUnauthorized && ans.Code == "clock_skew" && d.takeTime(ans.Body) {
		ans, err = d.askToEnrol(ctx, base, code)
	}
	if err != nil {
		return fmt.Errorf("androidtest: enrol: %w", err)
	}
	if ans.Status != http.StatusOK {
		return fmt.Errorf("androidtest: enrol: the server answered %d %s", ans.Status, ans.Code)
	}
	var got struct {
		V          int               `json:"v"`
		Dev        string            `json:"dev"`
		ServerTime time.Time         `json:"server_time"`
		Keys       []jose.JSONWebKey `json:"keys"`
	}
	if err := json.NewDecoder(bytes.NewReader(ans.Body)).Decode(&got); err != nil || got.V != 1 || got.Dev == "" || len(got.Keys) == 0 {
		return fmt.Errorf("androidtest: enrol: the answer is not one of the contract")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.enrolment = &enrolment{base: base, device: got.Dev, keys: jose.JSONWebKeySet{Keys: got.Keys}}
	d.heard(got.ServerTime)
	d.agent.stateDue = false
	return nil
}

func (d *Device) askToEnrol(ctx context.Context, base, code string) (Answer, error) {
	body, err := d.enrolment(code)
	if err != nil {
		return Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/android/v1/enroll", strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/jose")
	return d.roundTrip(req)
}

// enrolment makes the keys, if there are none yet, and the signed request.
func (d *Device) enrolment(code string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.platform.offline || d.platform.paused {
		return "", ErrOffline
	}
	a := &d.agent
	if a.signing == nil {
		var err error
		if a.signing, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return "", err
		}
		if a.agreement, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return "", err
		}
		a.results, a.executing, a.sequence = map[string]*result{}, map[string]execution{}, map[string]int64{}
	}
	return sign(a.signing, typeEnroll, "", true, enrolRequest{
		V: 1, Typ: "android.dpc.enroll", Code: code, Issued: stamp(d.now()), AgreementKey: jose.JSONWebKey{Key: a.agreement.Public()},
		Serial: d.cfg.Serial, Name: d.cfg.Name, Model: d.cfg.Model, User: d.cfg.User, FCMToken: d.cfg.FCMToken, Device: d.block(),
	})
}

// FactoryReset wipes the device as its recovery does: no passcode, no agent, no keys, no token. It can be enrolled again.
func (d *Device) FactoryReset() {
	d.conversation.Lock()
	defer d.conversation.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	open := user{kind: NoCredential, by: byPerson, unlocked: true}
	d.platform = platform{person: open, work: open, noEscrow: d.cfg.EscrowDisabled, screenOn: true, boots: 1, offline: d.platform.offline}
	d.agent = agent{}
}
