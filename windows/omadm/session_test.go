package omadm

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// locked is a server in the middle of session 1: an Exec is out, as command 4 of message 1.
func locked(t testing.TB) *server {
	s := newServer(t, certificate)
	m := hello("1", 1, nil)
	m.Commands = append(m.Commands, message("", 0, false, alert("1201"), alert("1201"), alert("1224")).Commands[2])
	s.take(m, lock("a"))
	require.Equal(t, "0=200 1=200 2=200 3=200 Exec", s.codes())
	return s
}

func executed(id int) *syncml.Message {
	return message("1", id, true, head(1), status(1, 5, "Exec", 200))
}

func TestRepetition(t *testing.T) {
	s := locked(t)
	first := s.take(executed(2), lock("b"))
	assert.False(t, first.Beside, "there is no other session")
	answer := s.last
	for range 3 {
		e := s.take(executed(2))
		assert.Equal(t, answer, e.Replay)
		assert.Empty(t, e.Answers)
		require.ErrorIs(t, e.Send(lock("c")), ErrNotNow)
	}
	assert.Equal(t, []string{"a* Exec=200"}, said(first.Answers))
	e := s.take(message("1", 3, true, head(2), status(2, 2, "Exec", 405)))
	assert.Equal(t, []string{"b* Exec=405"}, said(e.Answers), "a repetition changes nothing")
}

// TestNotClosed: what was not closed, or not saved, did not happen.
func TestNotClosed(t *testing.T) {
	s := locked(t)
	before := string(s.stored)
	for range 2 {
		e, state := s.receive(executed(2))
		assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
		require.NoError(t, e.Send(lock("b")))
		s.save(state)
		assert.JSONEq(t, before, string(s.stored))
	}
}

func TestBeginsAnew(t *testing.T) {
	s := locked(t)
	s.take(executed(2))
	e := s.take(hello("1", 1, nil), lock("b"))
	assert.Nil(t, e.Replay)
	assert.True(t, e.Begins)
	e = s.take(message("1", 2, true, head(1), status(1, 4, "Exec", 200)))
	assert.False(t, e.Begins)
	assert.Equal(t, []string{"b* Exec=200"}, said(e.Answers))
}

func TestOutOfStep(t *testing.T) {
	t.Run("skipped", func(t *testing.T) {
		s := locked(t)
		e := s.take(executed(3))
		assert.Equal(t, "0=200 1223", s.codes())
		assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers), "results are taken all the same")
		assert.True(t, e.Ended)
		assert.False(t, e.May)
		s.take(message("1", 4, true, head(3)))
		assert.Equal(t, "0=200 1223", s.codes(), "it stays ended")
	})
	t.Run("an old message does not disturb the session", func(t *testing.T) {
		s := locked(t)
		s.take(executed(2), lock("b"))
		s.take(message("1", 3, true, head(2), status(2, 2, "Exec", 101)), lock("c"))
		e := s.take(executed(2))
		assert.Equal(t, "0=200 1223", s.codes())
		assert.Empty(t, e.Answers)
		assert.Equal(t, 1, e.Unknown)
		e = s.take(message("1", 4, true, head(3), status(3, 2, "Exec", 200)), lock("d"))
		assert.Equal(t, []string{"c* Exec=200"}, said(e.Answers))
	})
	t.Run("unknown session", func(t *testing.T) {
		s := newServer(t, certificate)
		e := s.take(message("9", 5, true, head(4), status(4, 3, "Get", 200), results(4, 3, pinURI, samplePIN)))
		assert.Equal(t, "0=200 1223", s.codes())
		require.Len(t, e.Stray, 1)
		assert.Equal(t, samplePIN, e.Stray[0].Data)
		assert.Equal(t, 1, e.Unknown)
		assert.False(t, e.May)
	})
	t.Run("unknown session that begins late", func(t *testing.T) {
		s := newServer(t, certificate)
		e := s.take(hello("9", 5, nil), lock("a"))
		assert.True(t, e.Begins)
		e = s.take(message("9", 6, true, head(5), status(5, 4, "Exec", 200)))
		assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
	})
}

func TestExpiry(t *testing.T) {
	s := locked(t)
	s.now = s.now.Add(idle)
	s.take(executed(2), lock("b")) // 10 minutes are not too long

	s.now = s.now.Add(idle + time.Second)
	e := s.take(message("1", 3, true, head(2), status(2, 2, "Exec", 200)))
	assert.Equal(t, "0=200 1223", s.codes())
	assert.Equal(t, []string{"b* Exec=200"}, said(e.Answers))

	s.now = s.now.Add(idle + time.Second)
	e = s.take(message("1", 3, true, head(2), status(2, 2, "Exec", 200)))
	assert.Nil(t, e.Replay, "an old answer is not given again")
	assert.Equal(t, 1, e.Unknown)
	e = s.take(hello("1", 1, nil))
	assert.True(t, e.Begins)
}

func TestTwoSessions(t *testing.T) {
	s := locked(t)
	e := s.take(hello("2", 1, nil), lock("b"))
	assert.True(t, e.Begins)
	assert.True(t, e.Beside)
	e = s.take(executed(2))
	assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
	assert.True(t, e.Beside)
	s.now = s.now.Add(beside)
	e = s.take(message("1", 3, true, head(2)))
	assert.False(t, e.Beside, "the other has been silent for long")
	e = s.take(message("2", 2, true, head(1), status(1, 4, "Exec", 405)))
	assert.Equal(t, []string{"b* Exec=405"}, said(e.Answers))
	assert.False(t, e.Beside, "the other waits for nothing")
}

func TestWithoutFinal(t *testing.T) {
	t.Run("served all the same", func(t *testing.T) {
		s := newServer(t, certificate)
		s.take(hello("1", 1, nil), lock("a"))
		for id := 2; id <= 40; id++ {
			ref := 4
			if id > 2 {
				ref = 2
			}
			e := s.take(message("1", id, false, head(id-1), status(id-1, ref, "Exec", 200)), lock("a"))
			assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
			assert.True(t, s.answer().Final)
		}
	})
}

func TestWithoutFinalForTooLong(t *testing.T) {
	t.Run("with content", func(t *testing.T) {
		s := locked(t)
		for id := 2; id < 2+maxUnfinished; id++ {
			e := s.take(message("1", id, false, alert("1224")))
			assert.Equal(t, "0=200 1=200 1222", s.codes())
			assert.False(t, e.May)
			assert.Empty(t, e.Answers)
		}
		e := s.take(message("1", 2+maxUnfinished, false, alert("1224")))
		assert.Equal(t, "0=200 1=200 1223", s.codes())
		assert.Equal(t, []string{"a* Exec=0"}, said(e.Answers), "nobody waits for it any more")
	})
	t.Run("without content", func(t *testing.T) {
		s := locked(t)
		for id := 2; id < 2+maxHollow; id++ {
			s.take(message("1", id, false, head(id-1), status(id-1, 2, "Alert", 200)))
			assert.Equal(t, "0=200 1222", s.codes())
		}
		e := s.take(message("1", 2+maxHollow, false, head(1)))
		assert.Equal(t, "0=200 1223", s.codes())
		assert.Equal(t, []string{"a* Exec=0"}, said(e.Answers))
	})
}

func TestWithoutFinalNotForTooLong(t *testing.T) {
	t.Run("what was said is content", func(t *testing.T) {
		s := newServer(t, certificate)
		s.take(hello("1", 1, nil), gets("w", pinURI, pinURI, pinURI, pinURI, pinURI, pinURI))
		for n := range 6 {
			s.take(message("1", 2+n, false, head(1), status(1, 4+n, "Get", 200)))
			assert.Equal(t, "0=200 1222", s.codes())
		}
		for n := range 5 {
			s.take(message("1", 8+n, false, head(1), results(1, 4+n, pinURI, samplePIN)))
			assert.Equal(t, "0=200 1222", s.codes())
		}
	})
	t.Run("in a row", func(t *testing.T) {
		s := newServer(t, certificate)
		s.take(hello("1", 1, nil))
		for id := 2; id < 60; id++ {
			m := message("1", id, id%20 == 0, head(id-1))
			if id%3 == 0 {
				m = message("1", id, id%20 == 0, head(id-1), alert("1224"))
			}
			s.take(m)
			assert.NotContains(t, s.codes(), "1223")
		}
	})
	t.Run("first package in two messages", func(t *testing.T) {
		s := newServer(t, certificate)
		m := hello("1", 1, nil)
		m.Final = false
		e := s.take(m)
		assert.Equal(t, "0=200 1=200 2=200 1222", s.codes())
		assert.False(t, e.Begins)
		e = s.take(message("1", 2, true, head(1), alert("1226")), lock("a"))
		assert.True(t, e.Begins)
	})
}

func TestNextMessagePingPong(t *testing.T) {
	for _, final := range []bool{true, false} {
		t.Run(fmt.Sprintf("final %v", final), func(t *testing.T) {
			s := newServer(t, certificate)
			s.take(hello("1", 1, nil))
			for id := 2; id < 2+maxHollow; id++ {
				e := s.take(message("1", id, final, head(id-1), alert("1222")))
				assert.False(t, e.Aborted)
				assert.NotContains(t, s.codes(), "1223")
			}
			e := s.take(message("1", 2+maxHollow, final, head(1), alert("1222")))
			assert.Equal(t, "0=200 2=200 1223", s.codes())
			assert.True(t, e.Ended)
		})
	}
}

func TestManyMessages(t *testing.T) {
	s := newServer(t, certificate)
	s.take(hello("1", 1, nil))
	for id := 2; id <= maxMessages; id++ {
		e := s.take(message("1", id, true, head(id-1)))
		assert.Equal(t, "0=200", s.codes())
		assert.False(t, e.Aborted)
	}
	e := s.take(message("1", maxMessages+1, true, head(maxMessages)))
	assert.Equal(t, "0=200 1223", s.codes())
	assert.True(t, e.Ended)
}

func TestAborts(t *testing.T) {
	t.Run("by the device", func(t *testing.T) {
		s := locked(t)
		e := s.take(message("1", 2, true, head(1), status(1, 5, "Exec", 200), alert("1223")))
		assert.Equal(t, "0=200 3=200", s.codes())
		assert.True(t, s.answer().Final)
		assert.True(t, e.Aborted)
		assert.True(t, e.Ended)
		assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
		s.take(message("1", 3, true, head(2)))
		assert.Equal(t, "0=200 1223", s.codes())
	})
	t.Run("by the caller", func(t *testing.T) {
		s := locked(t)
		m := executed(2)
		e, state := s.receive(m)
		require.NoError(t, e.Send(reset("b")))
		e.Abort()
		require.ErrorIs(t, e.Send(lock("c")), ErrNotNow)
		s.close(m, e, state)
		assert.Equal(t, "0=200 1223", s.codes())
		assert.True(t, e.Ended)
		assert.False(t, e.Aborted)
		again := s.take(m)
		assert.Equal(t, s.last, again.Replay)
		e = s.take(message("1", 3, true, head(2), status(2, 2, "Sequence", 200)))
		assert.Empty(t, e.Answers, "what did not leave is forgotten")
	})
}
