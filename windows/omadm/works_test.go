package omadm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// sent is a server in session 1 whose answer to message 1 had this work: its first command is 4.
func sent(t testing.TB, commands ...syncml.Command) *server {
	s := newServer(t, certificate)
	s.take(hello("1", 1, nil), Work{Ref: "w", Note: "n", Commands: commands})
	return s
}

func TestWhatADeviceSays(t *testing.T) {
	byItem := func(code int, refs ...string) syncml.Command {
		c := status(1, 4, "Get", code)
		c.TargetRefs = refs
		return c
	}
	with := func(c syncml.Command, change func(*syncml.Command)) syncml.Command { change(&c); return c }
	replaces := syncml.Atomic(syncml.Replace("./a", "chr", "1"), syncml.Replace("./b", "chr", "2"), syncml.Replace("./c", "chr", "3"))
	deviating := []syncml.Command{syncml.Exec(lockURI)}
	for name, c := range map[string]struct {
		work    []syncml.Command
		client  []syncml.Command
		want    string
		unknown int
	}{
		"Atomic rolled back": {work: []syncml.Command{replaces}, want: "w* Atomic=507 Replace=216 Replace=404 Replace=215", client: []syncml.Command{
			status(1, 4, "Atomic", 507), status(1, 5, "Replace", 216), status(1, 6, "Replace", 404), status(1, 7, "Replace", 215)}},
		"Atomic not rolled back": {work: []syncml.Command{replaces}, want: "w* Atomic=507 Replace=516 Replace=405 Replace=215", client: []syncml.Command{
			status(1, 4, "Atomic", 507), status(1, 5, "Replace", 516), status(1, 6, "Replace", 405), status(1, 7, "Replace", 215)}},
		"in progress, then done": {work: deviating, want: "w* Exec=200", client: []syncml.Command{
			status(1, 4, "Exec", 101), status(1, 4, "Exec", 200)}},
		"statuses by item: the worst": {work: []syncml.Command{syncml.Get("./a", "./b", "./c")}, want: "w* Get=404", client: []syncml.Command{
			byItem(200, "./a"), byItem(404, "./b"), byItem(202, "./c")}},
		"results name no message": {work: []syncml.Command{syncml.Get(pinURI)}, want: "w* Get=200+[483920]", client: []syncml.Command{
			status(1, 4, "Get", 200), with(results(1, 4, pinURI, samplePIN), func(c *syncml.Command) { c.MsgRef = "" })}},
		"results before the status": {work: []syncml.Command{syncml.Get(pinURI)}, want: "w* Get=200+[483920]", client: []syncml.Command{
			results(1, 4, pinURI, samplePIN), status(1, 4, "Get", 200)}},
		"results and no status": {work: []syncml.Command{syncml.Get(pinURI)}, want: "w* Get=0+[483920]", client: []syncml.Command{
			results(1, 4, pinURI, samplePIN)}},
		"no command named": {work: deviating, want: "w* Exec=200", client: []syncml.Command{
			with(status(1, 4, "Exec", 200), func(c *syncml.Command) { c.Cmd = "" })}},
		"another command":   {work: deviating, want: "w* Exec=0", client: []syncml.Command{status(1, 4, "Get", 200)}, unknown: 1},
		"another message":   {work: deviating, want: "w* Exec=0", client: []syncml.Command{status(2, 4, "Exec", 200)}, unknown: 1},
		"no such CmdID":     {work: deviating, want: "w* Exec=0", client: []syncml.Command{status(1, 5, "Exec", 200)}, unknown: 1},
		"no message at all": {work: deviating, want: "w* Exec=0", client: []syncml.Command{status(0, 4, "Exec", 200)}},
		"no code": {work: deviating, want: "w* Exec=0", unknown: 1, client: []syncml.Command{
			with(status(1, 4, "Exec", 200), func(c *syncml.Command) { c.Data = "OK" })}},
		"no code that can be": {work: deviating, want: "w* Exec=0", unknown: 1, client: []syncml.Command{status(1, 4, "Exec", 2000)}},
		"an error that is none": {work: deviating, want: "w* Exec=404", client: []syncml.Command{
			with(status(1, 4, "Exec", 404), func(c *syncml.Command) { c.OriginalError = "the PIN is 12" })}},
		"nothing": {work: deviating, want: "w* Exec=0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sent(t, c.work...)
			e := s.take(message("1", 2, true, append([]syncml.Command{head(1)}, c.client...)...))
			assert.Equal(t, []string{c.want}, said(e.Answers))
			assert.Equal(t, c.unknown, e.Unknown)
			assert.Equal(t, "n", e.Answers[0].Note)
		})
	}
}

// TestMetaOfResults is that of the items which have none of their own: a format of null says that there is no value.
func TestMetaOfResults(t *testing.T) {
	own := &syncml.Meta{Format: "chr"}
	for name, c := range map[string]struct {
		item *syncml.Meta
		want string
	}{"no format": {nil, "null"}, "a format": {own, "chr"}} {
		t.Run(name, func(t *testing.T) {
			r := results(1, 4, pinURI, samplePIN)
			r.Meta, r.Items[0].Meta = &syncml.Meta{Format: "null"}, c.item
			e := sent(t, syncml.Get(pinURI)).take(message("1", 2, true, head(1), status(1, 4, "Get", 200), r))
			assert.Equal(t, c.want, e.Answers[0].Replies[0].Items[0].Meta.Format)
			r.MsgRef = "7"
			e = sent(t, syncml.Get(pinURI)).take(message("1", 2, true, head(1), status(1, 4, "Get", 200), r))
			assert.Equal(t, c.want, e.Stray[0].Meta.Format)
		})
	}
}

func TestAnswerInParts(t *testing.T) {
	s := sent(t, reset("").Commands...)
	e := s.take(message("1", 2, false, head(1), status(1, 4, "Sequence", 200), status(1, 5, "Exec", 200)))
	assert.Equal(t, []string{"w Sequence=200 Exec=200 Get=0"}, said(e.Answers))
	e = s.take(message("1", 3, false, head(2), status(1, 6, "Get", 200)))
	assert.Equal(t, []string{"w Sequence=200 Exec=200 Get=200"}, said(e.Answers), "it said that it has results")
	e = s.take(message("1", 4, false, head(3), alert("1224")))
	assert.Empty(t, e.Answers, "it said nothing of the work")
	e = s.take(message("1", 5, false, head(4), results(1, 6, pinURI, samplePIN)))
	assert.Equal(t, []string{"w* Sequence=200 Exec=200 Get=200+[483920]"}, said(e.Answers))
	assert.Equal(t, pinURI, e.Answers[0].Replies[2].URI)
	e = s.take(message("1", 6, true, head(5), results(1, 6, pinURI, samplePIN)))
	assert.Len(t, e.Stray, 1, "it was answered")
}

func TestStatusesByItem(t *testing.T) {
	s := sent(t, syncml.Command{Verb: syncml.VerbDelete, Items: append(syncml.Delete("./a").Items, syncml.Delete("./b").Items...)})
	first, second := status(1, 4, "Delete", 200), status(1, 4, "Delete", 200)
	first.TargetRefs, second.TargetRefs = []string{"./a"}, []string{"./b"}
	e := s.take(message("1", 2, false, head(1), first))
	assert.Equal(t, []string{"w Delete=200"}, said(e.Answers), "the other item is missing")
	e = s.take(message("1", 3, false, head(2), second))
	assert.Equal(t, []string{"w* Delete=200"}, said(e.Answers))
}

func TestGivenIsRemembered(t *testing.T) {
	s := sent(t, syncml.Get(pinURI), syncml.Exec(lockURI))
	s.take(message("1", 2, false, head(1), status(1, 4, "Get", 200), results(1, 4, pinURI, samplePIN)))
	e := s.take(message("1", 3, true, head(2), status(1, 5, "Exec", 200)))
	assert.Equal(t, []string{"w* Get=200+ Exec=200"}, said(e.Answers))
}

func TestMessageRefZeroFirst(t *testing.T) {
	s := newServer(t, certificate)
	m := hello("1", 1, nil)
	zero := status(0, 0, "SyncHdr", 500)
	zero.ID = "9"
	m.Commands = append([]syncml.Command{zero}, m.Commands...)
	e := s.take(m, lock("a"))
	assert.Equal(t, "0=200 1=200 2=200 Exec", s.codes())
	assert.Zero(t, e.Unknown)
}

func TestCommandsOfTheDevice(t *testing.T) {
	s := newServer(t, certificate)
	in := syncml.Atomic(syncml.Get("./a"), syncml.Sequence(syncml.Exec("./b")))
	in.Children[0].ID, in.Children[1].ID, in.Children[1].Children[0].ID = "x", "y", "z"
	policy := syncml.Replace("./Vendor/MSFT/Policy", "chr", "1")
	e := s.take(message("1", 1, true, in, alert("1201"), syncml.Command{Verb: "Put"}, alert("1100"), policy, syncml.Delete("./a"), alert(" 1226 ")))
	assert.Equal(t, "0=200 1=405 x=405 y=405 z=405 2=200 3=406 4=406 5=405 6=405 7=200", s.codes())
	assert.Empty(t, e.DevInfo)
	require.Len(t, e.Alerts, 1)
	assert.Equal(t, 1226, e.Alerts[0].Code)
}

func TestAlerts(t *testing.T) {
	e := newServer(t, certificate).take(sample(t, "4.1-c1"))
	require.Len(t, e.Alerts, 1)
	assert.Equal(t, 1224, e.Alerts[0].Code)
	assert.Equal(t, "user", e.Alerts[0].Items[0].Data)
	assert.Equal(t, "en-US", e.DevInfo["./DevInfo/Lang"])

	e = newServer(t, certificate).take(sample(t, "4.11-c1"))
	require.Len(t, e.Alerts, 1)
	assert.Equal(t, 1226, e.Alerts[0].Code)
	assert.Equal(t, "com.microsoft:mdm.unenrollment.userrequest", e.Alerts[0].Items[0].Meta.Type)
}

func TestLargeObjects(t *testing.T) {
	part := func(c syncml.Command) syncml.Command {
		c.Items = []syncml.Item{{Source: &syncml.Location{URI: "./DevInfo/Man"}, Data: "48", HasData: true, MoreData: true}}
		return c
	}
	t.Run("results", func(t *testing.T) {
		s := sent(t, syncml.Get(pinURI))
		e := s.take(message("1", 2, false, head(1), status(1, 4, "Get", 200), part(results(1, 4, pinURI, ""))))
		assert.Equal(t, []string{"w* Get=200"}, said(e.Answers), "a part of a PIN is no PIN")
		assert.Equal(t, 1, e.Unknown)
		assert.Equal(t, "0=200 1223", s.codes())
		assert.True(t, e.Ended)
	})
	for _, c := range []syncml.Command{alert("1226"), {Verb: syncml.VerbReplace}} {
		t.Run(string(c.Verb), func(t *testing.T) {
			s := newServer(t, certificate)
			e := s.take(message("1", 1, true, part(c)))
			assert.Equal(t, "0=200 1=413 1223", s.codes())
			assert.Empty(t, e.Alerts)
			assert.Empty(t, e.DevInfo)
		})
	}
}

func TestHeadersWithoutAPlace(t *testing.T) {
	for name, change := range map[string]func(h *syncml.Header){
		"SessionID is missing":  func(h *syncml.Header) { h.SessionID = "" },
		"SessionID is long":     func(h *syncml.Header) { h.SessionID = strings.Repeat("D", 65) },
		"MsgID is no number":    func(h *syncml.Header) { h.MsgID = "one" },
		"MsgID is 0":            func(h *syncml.Header) { h.MsgID = "0" },
		"MsgID has zeros":       func(h *syncml.Header) { h.MsgID = "01" },
		"MsgID is beyond bound": func(h *syncml.Header) { h.MsgID = "1000000001" },
		"Source is missing":     func(h *syncml.Header) { h.Source.URI = "" },
		"Target is missing":     func(h *syncml.Header) { h.Target.URI = "" },
	} {
		t.Run(name, func(t *testing.T) {
			m := hello("1", 1, nil)
			change(&m.Header)
			state := &State{}
			_, err := state.Receive(Input{Message: m, Now: begin, Proof: certificate})
			var wrong *syncml.Error
			require.ErrorAs(t, err, &wrong)
			assert.Equal(t, &State{}, state)
		})
	}
	_, err := new(State).Receive(Input{})
	assert.Error(t, err)
}
