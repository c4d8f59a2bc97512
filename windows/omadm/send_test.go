package omadm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// limited is a first package of a device that takes so many bytes.
func limited(size string) *syncml.Message {
	m := hello("1", 1, nil)
	m.Header.Meta = &syncml.Meta{MaxMsgSize: size}
	return m
}

func TestMaxMsgSize(t *testing.T) {
	s := newServer(t, certificate)
	m := limited("1000000")
	e, state := s.receive(m)
	require.NoError(t, e.Send(reset("a")))
	s.close(m, e, state)
	need := len(s.last)

	for name, c := range map[string]struct {
		limit int
		fits  bool
	}{"exact": {need, true}, "a byte less": {need - 1, false}, "tiny": {10, false}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, certificate)
			m := limited(fmt.Sprint(c.limit))
			e, state := s.receive(m)
			assert.Equal(t, c.limit, e.Limit)
			err := e.Send(reset("a"))
			if c.fits {
				require.NoError(t, err)
				s.close(m, e, state)
				return
			}
			var size *SizeError
			require.ErrorAs(t, err, &size)
			assert.Equal(t, SizeError{Need: need, Limit: c.limit}, *size)
			s.close(m, e, state)
			assert.Equal(t, "0=200 1=200 2=200", s.codes(), "nothing of it was added")
			assert.Empty(t, s.load().Sessions[0].Works)
			e = s.take(message("1", 2, true, head(1)))
			assert.Equal(t, c.limit, e.Limit, "it holds for the session")
		})
	}
}

func TestMaxMsgSizeValues(t *testing.T) {
	for value, want := range map[string]int{
		"": 512 << 10, "0": 512 << 10, "-5": 512 << 10, "much": 512 << 10, "524289": 512 << 10, "99999999999999999999": 512 << 10, "8192": 8192,
	} {
		t.Run(value, func(t *testing.T) {
			assert.Equal(t, want, newServer(t, certificate).take(limited(value)).Limit)
		})
	}
}

// TestRoomForOneMore: the second work waits for the next message, and the first is not harmed.
func TestRoomForOneMore(t *testing.T) {
	s := newServer(t, certificate)
	m := limited("1000")
	e, state := s.receive(m)
	require.NoError(t, e.Send(lock("a")))
	var size *SizeError
	require.ErrorAs(t, e.Send(reset("b")), &size)
	s.close(m, e, state)
	assert.Equal(t, "0=200 1=200 2=200 Exec", s.codes())
	e = s.take(message("1", 2, true, head(1), status(1, 4, "Exec", 200)), reset("b"))
	assert.Equal(t, []string{"a* Exec=200"}, said(e.Answers))
	assert.Equal(t, "0=200 Sequence", s.codes())
}

func TestWorksThatCannotBe(t *testing.T) {
	get := func(n int) Work {
		w := Work{}
		for range n {
			w.Commands = append(w.Commands, syncml.Get(lockURI))
		}
		return w
	}
	var wrong *syncml.Error
	for name, c := range map[string]struct {
		work Work
		as   any
	}{
		"no commands":                  {Work{Ref: "a"}, ErrWork},
		"an empty Sequence":            {Work{Commands: []syncml.Command{syncml.Sequence()}}, ErrWork},
		"commands in a Get":            {Work{Commands: []syncml.Command{{Verb: syncml.VerbGet, Children: get(1).Commands}}}, ErrWork},
		"a Status":                     {Work{Commands: []syncml.Command{status(1, 1, "Exec", 200)}}, ErrWork},
		"an Alert":                     {Work{Commands: []syncml.Command{alert("1223")}}, ErrWork},
		"a Get in an Atomic":           {Work{Commands: []syncml.Command{syncml.Atomic(syncml.Sequence(syncml.Get("./a")))}}, ErrWork},
		"an Atomic in an Atomic":       {Work{Commands: []syncml.Command{syncml.Atomic(syncml.Atomic(syncml.Exec("./a")))}}, ErrWork},
		"a long note":                  {Work{Note: strings.Repeat("n", maxWork+1), Commands: get(1).Commands}, ErrWork},
		"65 commands":                  {get(65), ErrFull},
		"an address that is none":      {Work{Commands: []syncml.Command{syncml.Exec("Lock")}}, &wrong},
		"a character that XML has not": {Work{Commands: []syncml.Command{syncml.Replace("./a", "chr", "\x00")}}, &wrong},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, certificate)
			m := hello("1", 1, nil)
			e, state := s.receive(m)
			err := e.Send(c.work)
			if sentinel, ok := c.as.(error); ok && !errors.As(sentinel, &wrong) {
				require.ErrorIs(t, err, sentinel)
			} else {
				require.ErrorAs(t, err, &wrong)
			}
			require.NoError(t, e.Send(get(64)), "nothing of it was added")
			s.close(m, e, state)
			assert.Len(t, s.answer().Commands, 3+64)
		})
	}
}

// TestNotesAreBounded: what is kept of works has a bound of its own, since the State keeps it.
func TestNotesAreBounded(t *testing.T) {
	s := newServer(t, certificate)
	e, _ := s.receive(hello("1", 1, nil))
	note := lock("a")
	note.Note = strings.Repeat("n", 30<<10)
	require.NoError(t, e.Send(note))
	require.NoError(t, e.Send(note))
	require.ErrorIs(t, e.Send(note), ErrFull)
	require.NoError(t, e.Send(lock("b")))
}

func TestWorkIsTheCallers(t *testing.T) {
	w := reset("a")
	s := newServer(t, certificate)
	s.take(hello("1", 1, nil), w)
	assert.Equal(t, reset("a"), w, "it is not changed")
}

// TestForget holds that an answer which nobody waits for any more is nobody's, in each session, and that all else is heard.
func TestForget(t *testing.T) {
	s := newServer(t, certificate)
	work := func(ref string) Work { return Work{Ref: ref, Commands: []syncml.Command{syncml.Get(pinURI)}} }
	late := func(session string) *syncml.Message {
		return message(session, 2, true, head(1), status(1, 4, "Get", 200), results(1, 4, pinURI, samplePIN), status(1, 5, "Get", 404))
	}
	s.take(hello("1", 1, nil), work("old"), work("other"))
	s.take(hello("2", 1, nil), work("old"), work("other"))
	before := string(s.stored)
	e, _ := s.receive(late("2"))
	e.Forget("other")
	require.JSONEq(t, before, string(s.stored), "before Close nothing is changed")

	m := hello("3", 1, nil)
	e, state := s.receive(m)
	require.NoError(t, e.Send(work("old")))
	e.Forget("old") // which left before
	s.close(m, e, state)
	for _, session := range []string{"1", "2"} {
		e = s.take(late(session))
		assert.Equal(t, []string{"other* Get=404"}, said(e.Answers), session)
		assert.Equal(t, 1, e.Unknown)
		assert.Len(t, e.Stray, 1)
	}
	e = s.take(message("3", 2, true, head(1), status(1, 4, "Get", 404)))
	assert.Equal(t, []string{"old* Get=404"}, said(e.Answers))

	s = newServer(t, certificate)
	s.take(hello("1", 1, nil), work("old"), work("other"))
	m = message("1", 2, false, head(1), alert("1224"))
	e, state = s.receive(m)
	e.Forget("old")
	s.close(m, e, state)
	e = s.take(message("1", 3, true, head(2), status(1, 4, "Get", 404), status(1, 5, "Get", 404)))
	assert.Equal(t, []string{"other* Get=404"}, said(e.Answers), "in the same session")
	assert.Equal(t, 1, e.Unknown)
}

// TestRoom: a work takes no more of the room than its Size, and little less: its CmdIDs have three digits here, and not four.
func TestRoom(t *testing.T) {
	for name, w := range map[string]Work{"one command": lock("a"), "a sequence": reset("a")} {
		t.Run(name, func(t *testing.T) {
			size, err := Size(w.Commands)
			require.NoError(t, err)
			m := limited("20000")
			for id := 3; id < 150; id++ { // each has a status, before the works
				event := alert("1224")
				event.ID = strconv.Itoa(id)
				m.Commands = append(m.Commands, event)
			}
			e, _ := newServer(t, certificate).receive(m)
			room := e.Room()
			require.NoError(t, e.Send(w))
			taken := room - e.Room()
			assert.LessOrEqual(t, taken, size)
			assert.GreaterOrEqual(t, taken, size-3)
			body, err := e.Close()
			require.NoError(t, err)
			assert.Len(t, body, 20000-room+taken)
			assert.Zero(t, e.Room(), "it is closed")
		})
	}
	_, err := Size([]syncml.Command{syncml.Exec("nonsense\x00")})
	require.Error(t, err)
	e, _ := newServer(t, certificate).receive(message("1", 1, false, alert("1201")))
	require.Zero(t, e.Room(), "it takes none")
}
