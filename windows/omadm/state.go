package omadm

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// The bounds of a State and of a session.
const (
	maxTrusted    = 6                  // sessions of a sender that proved itself
	maxUntrusted  = 2                  // sessions of one that did not yet: they never displace the others
	maxMessages   = 200                // messages of one session
	maxUnfinished = 20                 // messages in a row without Final
	maxHollow     = 3                  // messages in a row with nothing but a wish for the next one
	maxWrong      = 2                  // wrong credentials in a row
	maxAsked      = 3                  // challenges in a row
	maxCommands   = 64                 // commands without an answer
	maxKept       = 64 << 10           // bytes of references, notes and addresses of a session
	maxWork       = 32 << 10           // bytes of Ref and Note of one work
	maxAnswers    = 2 * syncml.MaxBody // bytes of kept answers of all sessions, newest first

	idle          = 10 * time.Minute    // what a session may be silent
	beside        = 2 * time.Minute     // what another session may be silent to count as active
	challengeLife = 5 * time.Minute     // a nonce of a challenge
	nextNonceLife = 90 * 24 * time.Hour // the nonce for the next session
	nonceBytes    = 16
	maxSessionID  = 64 // bytes; OMA DM has 4
	maxMessageID  = 1_000_000_000
	maxOriginal   = 32 // bytes of an msft:originalerror
)

// State is what the server keeps of one device between its messages: up to 8 sessions with their unanswered commands and their last answer,
// and the nonce for the next session. The zero State is a device that was never seen. It goes through encoding/json unchanged (read it into
// a zero State), so that any replica can answer the next message; what is in it is this package's own. Keep it sealed, since answers may
// hold what the commands hold. It never holds anything that a device returned: of results, only that they came. It has a bounded size,
// below 4 MiB of JSON, and usually less than 2 KiB.
//
// A State is not safe for concurrent use.
type State struct {
	Sessions []session `json:"sessions,omitempty"` // the last one to speak is the last
	Nonce    nonce     `json:"nonce,omitzero"`     // for the next session
	Spent    spent     `json:"spent,omitzero"`

	draw func() []byte // for tests: the next nonce
}

type nonce struct {
	Value []byte    `json:"value"`
	Until time.Time `json:"until"`
}

// spent is the message that a nonce was used for, until it is answered.
type spent struct {
	Session string    `json:"session"`
	Message int       `json:"message"`
	Cred    []byte    `json:"cred"` // SHA-256
	Until   time.Time `json:"until"`
}

type session struct {
	ID         string    `json:"id"`
	Last       int       `json:"last"` // the MsgID of the message that was answered last
	Seen       time.Time `json:"seen"`
	Count      int       `json:"count"`
	Limit      int       `json:"limit,omitempty"`
	Trusted    bool      `json:"trusted,omitempty"`
	Accepted   bool      `json:"accepted,omitempty"` // by 212: the certificate suffices from here on
	Begun      bool      `json:"begun,omitempty"`    // its first package is complete
	Over       bool      `json:"over,omitempty"`
	Wrong      int       `json:"wrong,omitempty"`
	Asked      int       `json:"asked,omitempty"`
	Unfinished int       `json:"unfinished,omitempty"`
	Hollow     int       `json:"hollow,omitempty"`
	Nonce      nonce     `json:"nonce,omitzero"`
	Cred       []byte    `json:"cred,omitempty"`   // SHA-256 of the credential of the last message
	Answer     []byte    `json:"answer,omitempty"` // to the last message
	Works      []work    `json:"works,omitempty"`
}

// work is a Work that was sent. order is one of its commands, in document order.
type (
	work struct {
		Ref     string  `json:"ref"`
		Note    string  `json:"note,omitempty"`
		Message int     `json:"message"` // the MsgID that carried it
		Orders  []order `json:"orders"`
	}
	order struct {
		ID       int         `json:"id"`
		Verb     syncml.Verb `json:"verb"`
		URI      string      `json:"uri,omitempty"`
		Items    int         `json:"items"`          // how many statuses, and results, it may have
		Said     int         `json:"said,omitempty"` // how many statuses it has
		Came     int         `json:"came,omitempty"` // how many results
		Code     Code        `json:"code,omitempty"`
		Original string      `json:"original,omitempty"`
	}
)

// newNonce draws 16 bytes.
func (s *State) newNonce() []byte {
	if s.draw != nil {
		return s.draw()
	}
	b := make([]byte, nonceBytes)
	_, _ = rand.Read(b) // never fails
	return b
}

func (s *State) find(id string) *session {
	for i := range s.Sessions {
		if s.Sessions[i].ID == id {
			return &s.Sessions[i]
		}
	}
	return nil
}

// beside says whether another session than this waits for answers and is likely to give them.
func (s *State) beside(id string, now time.Time) bool {
	return slices.ContainsFunc(s.Sessions, func(one session) bool {
		return one.ID != id && !one.Over && len(one.Works) > 0 && now.Sub(one.Seen) < beside
	})
}

// enter puts a session into the State, as the last one to speak, and keeps the State within its bounds.
func (s *State) enter(one session, now time.Time) {
	s.Sessions = slices.DeleteFunc(s.Sessions, func(old session) bool { return old.ID == one.ID })
	s.Sessions = append(s.Sessions, one)
	s.displace(true, maxTrusted)
	s.displace(false, maxUntrusted)
	room := maxAnswers
	for i := len(s.Sessions) - 1; i >= 0; i-- {
		one := &s.Sessions[i]
		room -= len(one.Answer)
		if room < 0 || len(one.Answer) > syncml.MaxBody || now.Sub(one.Seen) > idle {
			one.Answer = nil
		}
	}
}

// displace drops the session that was silent longest, one without unanswered commands if there is one, until there are few enough.
func (s *State) displace(trusted bool, most int) {
	count, first, idler := 0, -1, -1
	for i, one := range s.Sessions {
		if one.Trusted != trusted {
			continue
		}
		count++
		if first < 0 {
			first = i
		}
		if idler < 0 && len(one.Works) == 0 {
			idler = i
		}
	}
	if count <= most {
		return
	}
	if idler >= 0 && idler != len(s.Sessions)-1 {
		first = idler
	}
	s.Sessions = slices.Delete(s.Sessions, first, first+1)
}

// copied is a session that can be changed without changing this one.
func (s *session) copied() session {
	one := *s
	one.Works = slices.Clone(s.Works)
	for i := range one.Works {
		one.Works[i].Orders = slices.Clone(one.Works[i].Orders)
	}
	return one
}
