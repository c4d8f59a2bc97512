package omadm

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

const authMD5 = "syncml:auth-md5"

// authenticate decides whether the sender is the device, and with which code and challenge the header is answered. OMA-TS-DM_Security-V1_2,
// section 5.3; OMA-TS-DM_Protocol-V1_2, section 9.
func (e *Exchange) authenticate() {
	proof := e.in.Proof
	switch {
	case proof.Inner == "" && !proof.Certificate:
		e.code = CodeForbidden
		e.stop()
	case proof.Inner == "", proof.Certificate && e.session.Accepted:
		e.Trusted, e.code = true, CodeOK
	case e.in.Message.Header.Cred == nil:
		e.challenge(CodeMissingCredentials)
	case e.proves():
		e.accept()
	default:
		e.session.Wrong++
		e.challenge(CodeInvalidCredentials)
	}
}

// proves checks the digest with the nonces that the device may have, and uses the one up that it had: for this message. If the server
// stopped before it had answered, the same message proves the device once more; else a storage that fails twice would end the session, and a
// device-made PIN might be in it.
func (e *Exchange) proves() bool {
	header := e.in.Message.Header
	cred := header.Cred
	if cred.Meta.Type != authMD5 || (cred.Meta.Format != "" && cred.Meta.Format != "b64") || !same(header.Source.Name, e.in.Proof.User) {
		return false
	}
	if e.state.Spent.is(e, credHash(e.in.Message)) {
		return true
	}
	for _, n := range []nonce{e.session.Nonce, e.state.Nonce} {
		if len(n.Value) > 0 && e.now.Before(n.Until) && same(syncml.Digest(e.in.Proof.Inner, n.Value), cred.Data) {
			e.useUp(n)
			return true
		}
	}
	return false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// is says whether this message, not answered yet, is the one that the nonce was used for.
func (s spent) is(e *Exchange, cred []byte) bool {
	return s.Session == e.Session && s.Message == e.number && e.now.Before(s.Until) && subtle.ConstantTimeCompare(s.Cred, cred) == 1
}

// useUp forgets a nonce, in the State too, before the message has any effect.
func (e *Exchange) useUp(used nonce) {
	e.Fresh = true
	kept := e.state
	places := []*nonce{&e.session.Nonce, &kept.Nonce}
	if old := kept.find(e.Session); old != nil {
		places = append(places, &old.Nonce)
	}
	for _, place := range places {
		if bytes.Equal(place.Value, used.Value) {
			*place = nonce{}
		}
	}
	kept.Spent = spent{Session: e.Session, Message: e.number, Cred: credHash(e.in.Message), Until: e.now.Add(idle)}
}

// accept gives the next nonce. With a certificate the digest holds for the session (212), and the nonce is for the next one; without, each
// message has its own (200), and the last one given is also that of the next session.
func (e *Exchange) accept() {
	e.Trusted = true
	e.session.Wrong, e.session.Asked = 0, 0
	fresh := e.state.newNonce()
	e.code, e.chal = CodeOK, fresh
	e.session.Nonce = e.until(fresh, idle)
	if e.in.Proof.Certificate {
		e.code = CodeAuthenticated
		e.session.Accepted, e.session.Nonce = true, nonce{}
	}
	e.state.Nonce = e.until(fresh, nextNonceLife)
}

// challenge asks for a digest with a new nonce, unless the sender had its chances.
func (e *Exchange) challenge(code Code) {
	e.code = code
	e.session.Asked++
	if e.session.Wrong >= maxWrong || e.session.Asked > maxAsked {
		e.stop()
		return
	}
	e.chal = e.state.newNonce()
	e.session.Nonce = e.until(e.chal, challengeLife)
}

func (e *Exchange) until(value []byte, life time.Duration) nonce {
	return nonce{Value: value, Until: e.now.Add(life)}
}

// chal is the challenge of a header's status.
func chal(value []byte) *syncml.Chal {
	if value == nil {
		return nil
	}
	return &syncml.Chal{Meta: syncml.Meta{Format: "b64", Type: authMD5, NextNonce: base64.StdEncoding.EncodeToString(value)}}
}
