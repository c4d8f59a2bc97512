package omadm

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Input is one message of a device, and what is known of its sender. The caller has made sure that Source/LocURI of the message is the device
// whose State it is.
type Input struct {
	Message *syncml.Message
	Now     time.Time
	Proof   Proof
}

// Proof is how the device is to prove itself. With neither Certificate nor Inner, nothing is ever trusted.
type Proof struct {
	Certificate bool   // its TLS client certificate was verified, and is this device's
	User        string // the user name of its digest, as Source/LocName must have it
	Inner       string // [syncml.Inner] of its user and secret; empty: no digest is asked for
}

// Receive takes a message of the device and begins its answer. An error is a message that has no place in any session ([*syncml.Error], HTTP
// 400); the State is unchanged then.
func (s *State) Receive(in Input) (*Exchange, error) {
	number, err := checkHeader(in.Message)
	if err != nil {
		return nil, err
	}
	id := in.Message.Header.SessionID
	old := s.find(id)
	if old != nil && old.repeated(in, number) {
		return &Exchange{Session: id, Replay: slices.Clone(old.Answer), Trusted: old.Trusted, Limit: old.limit(), Ended: old.Over}, nil
	}
	e := &Exchange{Session: id, state: s, in: in, number: number, now: in.Now.Round(0).UTC()}
	e.anew = old == nil || number == 1
	if e.anew {
		e.session = session{ID: id}
	} else {
		e.session = old.copied()
	}
	e.session.measure(in.Message.Header.Meta)
	e.Limit = e.session.limit()
	e.authenticate()
	if !e.Trusted {
		e.turnAway()
		return e, nil
	}
	e.session.Trusted = true
	e.Beside = s.beside(id, e.now)
	e.converse()
	return e, nil
}

// checkHeader finds what an answer cannot be made without. The session's ID is the device's, and opaque; messages are counted from 1.
func checkHeader(m *syncml.Message) (int, error) {
	if m == nil {
		return 0, &syncml.Error{Element: "SyncML", Rule: "is missing"}
	}
	h := m.Header
	number, err := strconv.Atoi(h.MsgID)
	switch {
	case h.SessionID == "" || len(h.SessionID) > maxSessionID:
		return 0, &syncml.Error{Element: "SessionID", Rule: "must have 1 to 64 bytes"}
	case err != nil || number < 1 || number > maxMessageID || strconv.Itoa(number) != h.MsgID:
		return 0, &syncml.Error{Element: "MsgID", Rule: "must be a number from 1"}
	case h.Source.URI == "":
		return 0, &syncml.Error{Element: "Source/LocURI", Rule: "must name the device"}
	case h.Target.URI == "":
		return 0, &syncml.Error{Element: "Target/LocURI", Rule: "must name the server"}
	}
	return number, nil
}

// repeated says whether a message is the one that was answered last. Without a certificate it must have the same credential, and one at all:
// the answer may hold commands, which are nobody else's.
func (s *session) repeated(in Input, number int) bool {
	if number != s.Last || s.Answer == nil || in.Now.Sub(s.Seen) > idle {
		return false
	}
	cred := credHash(in.Message)
	return in.Proof.Certificate || (cred != nil && subtle.ConstantTimeCompare(s.Cred, cred) == 1)
}

// credHash is what is kept of a credential to know it again.
func credHash(m *syncml.Message) []byte {
	if m.Header.Cred == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(m.Header.Cred.Data))
	return sum[:]
}

// measure notes how much the device takes, when it says so.
func (s *session) measure(meta *syncml.Meta) {
	if meta == nil {
		return
	}
	if n, err := strconv.Atoi(meta.MaxMsgSize); err == nil && n > 0 {
		s.Limit = min(n, syncml.MaxBody)
	}
}

func (s *session) limit() int {
	if s.Limit == 0 {
		return syncml.MaxBody
	}
	return s.Limit
}
