package mdmtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
)

// enrolment is immutable; a renewal makes a new one.
type enrolment struct {
	profile profile
	id      Identity
	device  channel
	user    channel // without id: there is no user channel
}

// channel is one of the two ways to a Mac: its device, or the user who enrolled it.
type channel struct {
	userID string
	token  []byte
	magic  string
}

// Enroll fetches the profile and enrols: SCEP, Authenticate, TokenUpdate for the device and, if there is one, for the user. A
// Mac that was enrolled before gets a new identity and new push tokens, and forgets its unsent results. Errors: ErrLocked,
// *StatusError, *SCEPError, those of the network, and what is wrong in the profile. The Mac counts as enrolled once
// Authenticate is accepted; if only TokenUpdate failed, [Mac.TokenUpdate] repeats it.
func (m *Mac) Enroll(ctx context.Context, profileURL string) error {
	return m.enroll(ctx, m.fetch(profileURL), false)
}

// EnrollProfile is Enroll with a profile that is at hand.
func (m *Mac) EnrollProfile(ctx context.Context, profile []byte) error {
	return m.enroll(ctx, func(context.Context) ([]byte, error) { return profile, nil }, false)
}

// Renew replaces the identity as a pushed renewal profile does: SCEP with the new challenge, then Authenticate and TokenUpdate
// under the same UDID while still enrolled. Push tokens and unsent results stay. A renewal that failed before Authenticate was
// accepted changes nothing.
func (m *Mac) Renew(ctx context.Context, profileURL string) error {
	return m.enroll(ctx, m.fetch(profileURL), true)
}

func (m *Mac) fetch(profileURL string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		res, err := m.exchange(ctx, "profile", http.MethodGet, profileURL, nil)
		if err != nil {
			return nil, err
		}
		return res.Body, nil
	}
}

func (m *Mac) enroll(ctx context.Context, load func(context.Context) ([]byte, error), renewal bool) error {
	m.conversation.Lock()
	defer m.conversation.Unlock()
	old, err := m.awake()
	if err != nil && (renewal || !errors.Is(err, ErrNotEnrolled)) {
		return err
	}
	raw, err := load(ctx)
	if err != nil {
		return err
	}
	p, err := parseProfile(raw)
	if err != nil {
		return fmt.Errorf("mdmtest: enrolment profile: %w", err)
	}
	id, err := m.newIdentity(ctx, p)
	if err != nil {
		return err
	}
	e := &enrolment{profile: p, id: id}
	if renewal {
		e.device, e.user = old.device, old.user
	} else {
		e.device, e.user = newChannel(""), m.newUserChannel(p)
	}
	if err := m.authenticate(ctx, e); err != nil {
		return err
	}
	m.mu.Lock()
	m.enrolment = e
	if !renewal {
		m.outbox, m.held = nil, nil
	}
	m.mu.Unlock()
	return m.tokenUpdates(ctx, e)
}

func (m *Mac) newIdentity(ctx context.Context, p profile) (Identity, error) {
	m.mu.Lock()
	seed := m.seed
	m.seed = nil
	m.mu.Unlock()
	switch {
	case seed != nil:
		return *seed, nil
	case p.scep == nil:
		return Identity{}, errors.New("mdmtest: enrolment profile: IdentityCertificateUUID names no SCEP payload (or Seed the Mac)")
	}
	return m.requestIdentity(ctx, p.scep)
}

func newChannel(userID string) channel {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails
	return channel{userID: userID, token: token, magic: newUUID()}
}

func (m *Mac) newUserChannel(p profile) channel {
	if m.cfg.UserName == "" || !p.perUser {
		return channel{}
	}
	return newChannel(newUUID())
}

func (m *Mac) authenticate(ctx context.Context, e *enrolment) error {
	extra := map[string]any{}
	if e.profile.rights&rightDeviceInformation != 0 {
		for _, key := range []string{"DeviceName", "Model", "ModelName", "OSVersion", "BuildVersion", "ProductName", "SerialNumber"} {
			extra[key] = m.fact(key)
		}
	}
	_, err := m.checkIn(ctx, e, "Authenticate", extra)
	return err
}

// TokenUpdate sends the push tokens again, of the device and then of the user.
func (m *Mac) TokenUpdate(ctx context.Context) error {
	return m.speak(func(e *enrolment) error { return m.tokenUpdates(ctx, e) })
}

func (m *Mac) tokenUpdates(ctx context.Context, e *enrolment) error {
	for _, c := range []channel{e.device, e.user} {
		if c.token == nil {
			continue
		}
		keys := m.userKeys(c)
		keys["Token"], keys["PushMagic"] = c.token, c.magic
		if _, err := m.checkIn(ctx, e, "TokenUpdate", keys); err != nil {
			return err
		}
	}
	return nil
}

// Push returns the token and magic under which a push reaches the Mac's device channel, or ErrNotEnrolled.
func (m *Mac) Push() (token []byte, magic string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.enrolment == nil {
		return nil, "", ErrNotEnrolled
	}
	return m.enrolment.device.token, m.enrolment.device.magic, nil
}

// CheckOut removes the enrolment, as a user does who removes the profile. The message is sent only if the profile asks for it,
// and never again: the Mac is not enrolled afterwards, whatever the server answered.
func (m *Mac) CheckOut(ctx context.Context) error {
	return m.speak(func(e *enrolment) error {
		m.mu.Lock()
		m.enrolment = nil // with the next one its unsent answers go
		m.mu.Unlock()
		if !e.profile.checkOut {
			return nil
		}
		_, err := m.checkIn(ctx, e, "CheckOut", nil)
		return err
	})
}

// SetBootstrapToken escrows a bootstrap token; an empty one asks the server to remove it.
func (m *Mac) SetBootstrapToken(ctx context.Context, token []byte) error {
	return m.speak(func(e *enrolment) error {
		keys := map[string]any{}
		if len(token) > 0 {
			keys["BootstrapToken"] = token
		}
		_, err := m.checkIn(ctx, e, "SetBootstrapToken", keys)
		return err
	})
}

// GetBootstrapToken asks for the bootstrap token; nil when the server has none.
func (m *Mac) GetBootstrapToken(ctx context.Context) (token []byte, err error) {
	err = m.speak(func(e *enrolment) error {
		body, err := m.checkIn(ctx, e, "GetBootstrapToken", nil)
		if err != nil || len(body) == 0 {
			return err
		}
		dict, err := decode(body)
		if err != nil {
			return fmt.Errorf("mdmtest: GetBootstrapToken: %w", err)
		}
		token = at[[]byte](dict, "BootstrapToken")
		return nil
	})
	return token, err
}

// speak runs one exchange of a Mac that is enrolled and may speak.
func (m *Mac) speak(exchange func(*enrolment) error) error {
	m.conversation.Lock()
	defer m.conversation.Unlock()
	e, err := m.awake()
	if err != nil {
		return err
	}
	return exchange(e)
}

func (m *Mac) checkIn(ctx context.Context, e *enrolment, kind string, extra map[string]any) ([]byte, error) {
	dict := map[string]any{"MessageType": kind, "Topic": e.profile.topic, "UDID": m.cfg.UDID}
	maps.Copy(dict, extra)
	body, err := encode(dict)
	if err != nil {
		return nil, err
	}
	return m.message(ctx, e, kind, e.profile.checkInURL, checkInType, body)
}

// userKeys are what a message of the user channel carries in addition; none on the device channel.
func (m *Mac) userKeys(c channel) map[string]any {
	if c.userID == "" {
		return map[string]any{}
	}
	return map[string]any{
		"UserID": c.userID, "UserShortName": m.cfg.UserName, "UserLongName": m.cfg.UserName, "NotOnConsole": false,
	}
}

// withoutURL drops the URL from an error of the HTTP client: profile URLs carry enrolment codes.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
