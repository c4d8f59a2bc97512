package omadm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func TestCertificateAlone(t *testing.T) {
	s := newServer(t, certificate)
	e := s.take(hello("1", 1, nil), lock("a"))
	assert.Equal(t, "0=200 1=200 2=200 Exec", s.codes())
	assert.True(t, e.Trusted)
	assert.True(t, e.Begins)
	assert.False(t, e.Fresh)
	assert.Equal(t, map[string]string{"./DevInfo/DevId": deviceURI}, e.DevInfo)
}

func TestNoProofAtAll(t *testing.T) {
	s := newServer(t, Proof{User: user})
	e := s.take(hello("1", 1, []byte("guess")))
	assert.Equal(t, "0=403 1=403 2=403 1223", s.codes())
	assert.False(t, e.Trusted)
	assert.Empty(t, e.DevInfo)
	assert.ErrorIs(t, e.Send(lock("a")), ErrNotNow)
}

func TestDigestWithCertificate(t *testing.T) {
	s := newServer(t, both)
	s.take(hello("1", 1, nil))
	assert.Equal(t, "0=407 1=407 2=407", s.codes())

	e := s.take(hello("1", 2, s.nonceOf()), lock("a"))
	assert.Equal(t, "0=212 1=200 2=200 Exec", s.codes())
	assert.True(t, e.Fresh)
	next := s.nonceOf()

	e = s.take(proved(message("1", 3, true, head(2), status(2, 4, "Exec", 200)), []byte("checked no more")))
	assert.Equal(t, "0=200", s.codes())
	assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))

	s.now = s.now.Add(nextNonceLife - time.Second)
	s.take(hello("2", 1, next))
	assert.Equal(t, "0=212 1=200 2=200", s.codes())
}

func TestDigestAlone(t *testing.T) {
	s := newServer(t, digestAlone)
	s.take(hello("1", 1, nil))
	e := s.take(hello("1", 2, s.nonceOf()), lock("a"))
	assert.Equal(t, "0=200 1=200 2=200 Exec", s.codes())
	assert.True(t, e.Trusted)

	package3 := func(id int) *syncml.Message { return message("1", id, true, head(2), status(2, 4, "Exec", 200)) }
	e = s.take(package3(3))
	assert.Equal(t, "0=407", s.codes())
	assert.Empty(t, e.Answers, "each message needs its own")

	e = s.take(proved(package3(4), s.nonceOf()))
	assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
	assert.Equal(t, "0=200", s.codes())

	s.take(hello("2", 1, s.nonceOf()))
	assert.Equal(t, "0=200 1=200 2=200", s.codes(), "the last nonce is that of the next session")
}

func TestWrongDigest(t *testing.T) {
	first := func(s *server) []byte { s.take(hello("1", 1, nil)); return s.nonceOf() }
	for name, change := range map[string]func(s *server, m *syncml.Message){
		"another secret": func(_ *server, m *syncml.Message) { m.Header.Cred.Data = "+SWyXv7LZodBauPVATy1AA==" },
		"another user":   func(_ *server, m *syncml.Message) { m.Header.Source.Name = "device-00011" },
		"a part of the user's name": func(_ *server, m *syncml.Message) {
			m.Header.Source.Name = user[:len(user)-1]
		},
		"another type":   func(_ *server, m *syncml.Message) { m.Header.Cred.Meta.Type = "syncml:auth-basic" },
		"another format": func(_ *server, m *syncml.Message) { m.Header.Cred.Meta.Format = "chr" },
		"stale nonce":    func(s *server, _ *syncml.Message) { s.now = s.now.Add(challengeLife) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, both)
			m := hello("1", 2, first(s))
			change(s, m)
			e := s.take(m)
			assert.Equal(t, "0=401 1=401 2=401", s.codes())
			assert.False(t, e.Trusted)
			assert.False(t, e.Fresh)
			assert.Empty(t, e.DevInfo)

			s.take(hello("1", 3, s.nonceOf()))
			assert.Equal(t, "0=212 1=200 2=200", s.codes(), "one more chance, with a new nonce")
		})
	}
}

// TestUsedNonce: a credential is good for one message.
func TestUsedNonce(t *testing.T) {
	for name, answered := range map[string]bool{"answered": true, "stopped before the answer": false} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, both)
			s.take(hello("1", 1, nil))
			used := s.nonceOf()
			e, state := s.receive(hello("1", 2, used))
			require.True(t, e.Fresh)
			if answered {
				s.close(hello("1", 2, used), e, state)
			}
			for _, m := range []*syncml.Message{hello("2", 1, used), hello("2", 2, used), hello("1", 3, used)} {
				if e = s.take(m); !answered || m.Header.SessionID == "2" {
					assert.Contains(t, s.codes(), "0=401 1=401 2=401")
					assert.False(t, e.Trusted)
				}
			}
		})
	}
}

// TestStoppedBeforeTheAnswer: the message that a nonce was used for is taken when it comes again, and only once.
func TestStoppedBeforeTheAnswer(t *testing.T) {
	s := newServer(t, digestAlone)
	s.take(hello("1", 1, nil))
	m := hello("1", 2, s.nonceOf())
	for range 3 {
		e, _ := s.receive(m)
		require.True(t, e.Trusted)
	}
	s.take(m, lock("a"))
	assert.Equal(t, "0=200 1=200 2=200 Exec", s.codes())
	assert.Zero(t, s.load().Spent)
	s.now = s.now.Add(idle + 1)
	e := s.take(m)
	assert.Nil(t, e.Replay)
	assert.False(t, e.Trusted)
}

func TestStaleNextNonce(t *testing.T) {
	s := newServer(t, both)
	s.take(hello("1", 1, nil))
	s.take(hello("1", 2, s.nonceOf()))
	next := s.nonceOf()
	s.now = s.now.Add(nextNonceLife)
	s.take(hello("2", 1, next))
	assert.Equal(t, "0=401 1=401 2=401", s.codes())
	s.take(hello("2", 2, s.nonceOf()))
	assert.Equal(t, "0=212 1=200 2=200", s.codes())
}

func TestFailuresEnd(t *testing.T) {
	t.Run("wrong twice", func(t *testing.T) {
		s := newServer(t, both)
		s.take(hello("1", 1, []byte("guess")))
		assert.Equal(t, "0=401 1=401 2=401", s.codes())
		good := s.nonceOf()
		e := s.take(hello("1", 2, []byte("guess")))
		assert.Equal(t, "0=401 1=401 2=401 1223", s.codes())
		assert.True(t, e.Ended)
		assert.Nil(t, s.answer().Commands[0].Chal)

		s.take(hello("1", 1, good))
		assert.NotEqual(t, "212", s.answer().Commands[0].Data, "a session that failed leaves no nonce behind")
	})
	t.Run("never any", func(t *testing.T) {
		s := newServer(t, both)
		for id := 1; id <= maxAsked; id++ {
			s.take(hello("1", id, nil))
			assert.Equal(t, "0=407 1=407 2=407", s.codes())
		}
		e := s.take(hello("1", maxAsked+1, nil))
		assert.Equal(t, "0=407 1=407 2=407 1223", s.codes())
		assert.True(t, e.Ended)
	})
}

// TestFailuresInARow: a digest that is right makes good for a wrong one before.
func TestFailuresInARow(t *testing.T) {
	s := newServer(t, digestAlone)
	s.take(hello("1", 1, nil))
	for id := 2; id < 20; id += 2 {
		s.take(proved(message("1", id, true), s.nonceOf()))
		assert.Equal(t, "0=200", s.codes())
		s.take(proved(message("1", id+1, true), []byte("guess")))
		assert.Equal(t, "0=401", s.codes())
	}
}

// TestCertificateGoesAway: a session that was accepted with a certificate is worth nothing to a sender without it.
func TestCertificateGoesAway(t *testing.T) {
	s := newServer(t, both)
	s.take(hello("1", 1, nil))
	s.take(hello("1", 2, s.nonceOf()), lock("a"))
	executed := message("1", 3, true, head(2), status(2, 4, "Exec", 200))
	for _, answered := range []bool{false, true} {
		s.proof = digestAlone
		before := s.stored
		e := s.take(executed)
		assert.Nil(t, e.Replay)
		assert.Equal(t, "0=407", s.codes())
		assert.Empty(t, e.Answers)
		if !answered {
			s.stored, s.proof = before, both
			s.take(executed, lock("b"))
		}
	}
}

// TestStrangersDisturbLittle: sessions of senders without proof displace none of the others, and see none of their answers.
func TestStrangersDisturbLittle(t *testing.T) {
	s := newServer(t, digestAlone)
	s.take(hello("1", 1, nil))
	m := hello("1", 2, s.nonceOf())
	s.take(m, lock("a"))
	answer, nonce := s.last, s.nonceOf()

	e := s.take(hello("1", 2, nil))
	assert.Nil(t, e.Replay, "the kept answer is for who has the credential")
	for id := range 20 {
		s.take(hello("stranger"+string(rune('a'+id)), 1, nil))
	}
	assert.Len(t, s.load().Sessions, 1+maxUntrusted)
	e = s.take(m)
	assert.Equal(t, answer, e.Replay)

	e = s.take(proved(message("1", 3, true, head(2), status(2, 4, "Exec", 200)), nonce))
	assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
}

// TestSpentNonceProvesOneMessage: until it is answered, and not for ever, and nothing else under its name.
func TestSpentNonceProvesOneMessage(t *testing.T) {
	for name, change := range map[string]func(s *server, m *syncml.Message){
		"another digest":  func(_ *server, m *syncml.Message) { proved(m, []byte("guess")) },
		"another message": func(_ *server, m *syncml.Message) { m.Header.MsgID = "3" },
		"another session": func(_ *server, m *syncml.Message) { m.Header.SessionID = "2" },
		"ten minutes":     func(s *server, _ *syncml.Message) { s.now = s.now.Add(idle) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, both)
			s.take(hello("1", 1, nil))
			m := hello("1", 2, s.nonceOf())
			e, _ := s.receive(m)
			require.True(t, e.Fresh)
			e, _ = s.receive(m)
			require.True(t, e.Trusted)
			change(s, m)
			e = s.take(m)
			assert.False(t, e.Trusted)
			assert.Contains(t, s.codes(), "0=401")
		})
	}
}
