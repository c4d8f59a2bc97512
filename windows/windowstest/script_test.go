package windowstest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// seen are the MsgIDs that the server saw, in their order; a dot marks those without Final.
func seen(list []wire) (out []string) {
	for _, m := range list {
		id := m.Session + "/" + string(rune('0'+m.MsgID))
		if !m.final() {
			id += "."
		}
		out = append(out, id)
	}
	return out
}

// What the server sees of faults of the network, and of a device that puts its packages into messages in its own way.
func TestMessages(t *testing.T) {
	reset, next := resetSequence, turn{next: true}
	aborts := turn{body: `<Alert><CmdID>a</CmdID><Data>1223</Data></Alert>`}
	tests := map[string]struct {
		turns  []turn
		faults []windowstest.Fault
		want   []string
		err    string
	}{
		"nothing":        {[]turn{reset}, nil, []string{"1/1", "1/2"}, ""},
		"request lost":   {[]turn{reset}, []windowstest.Fault{windowstest.LoseRequest(2)}, []string{"1/1", "1/2"}, ""},
		"answer lost":    {[]turn{reset}, []windowstest.Fault{windowstest.LoseAnswer(2)}, []string{"1/1", "1/2", "1/2"}, ""},
		"any answer":     {[]turn{reset}, []windowstest.Fault{windowstest.LoseAnswer(0)}, []string{"1/1", "1/1", "1/2"}, ""},
		"answers lost":   {nil, []windowstest.Fault{windowstest.LoseAnswer(1), windowstest.LoseAnswer(1), windowstest.LoseAnswer(1)}, []string{"1/1", "1/1", "1/1"}, "lost"},
		"repeated":       {[]turn{reset}, []windowstest.Fault{windowstest.RepeatMessage(2)}, []string{"1/1", "1/2", "1/2"}, ""},
		"server's error": {[]turn{{http: 503}, reset}, nil, []string{"1/1", "1/1", "1/2"}, ""},
		"server's no":    {[]turn{{http: 403}}, nil, []string{"1/1"}, "HTTP status 403"},
		"redirection":    {[]turn{{http: 307, header: map[string]string{"Location": "/"}}}, nil, []string{"1/1"}, "HTTP status 307"},
		"split": {[]turn{next, next, reset, next, next}, []windowstest.Fault{windowstest.SplitPackages()},
			[]string{"1/1.", "1/2.", "1/3", "1/4.", "1/5.", "1/6"}, ""},
		"results late":  {[]turn{reset, next}, []windowstest.Fault{windowstest.LateResults()}, []string{"1/1", "1/2.", "1/3"}, ""},
		"no Final":      {[]turn{reset}, []windowstest.Fault{windowstest.NoFinal()}, []string{"1/1", "1/2."}, ""},
		"no Final ever": {[]turn{reset, next, next, aborts}, []windowstest.Fault{windowstest.NoFinal()}, []string{"1/1", "1/2.", "1/3.", "1/4."}, "aborted"},
		"abort":         {[]turn{reset}, []windowstest.Fault{windowstest.Abort(2)}, []string{"1/1", "1/2"}, "aborted"},
		"abort of a split package": {[]turn{next}, []windowstest.Fault{windowstest.SplitPackages(), windowstest.Abort(2)},
			[]string{"1/1.", "1/2"}, "aborted"},
		"server aborts":  {[]turn{aborts}, nil, []string{"1/1"}, "aborted"},
		"restart":        {[]turn{reset}, []windowstest.Fault{windowstest.RestartAfter(1)}, []string{"1/1"}, "restarted"},
		"restart inside": {[]turn{reset}, []windowstest.Fault{windowstest.RestartInSequence()}, []string{"1/1"}, "restarted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := script(test.turns...)
			d := device(t, s, windowstest.Config{PIN: "1"})
			d.Script(test.faults...)
			err := d.Sync(context.Background())
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			assert.Equal(t, test.want, seen(s.messages()))
		})
	}
}

// The same message again is the same bytes, and a server that answers it otherwise breaks the protocol.
func TestRepetition(t *testing.T) {
	s := script()
	d := device(t, s, windowstest.Config{})
	d.Script(windowstest.RepeatMessage(1))
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	assert.Equal(t, got[0].body, got[1].body)

	s = script()
	d = device(t, s, windowstest.Config{})
	d.Script(windowstest.RepeatMessage(1))
	d.OnSend(func(int, []byte) error { return nil })
	n := 0
	fickle := roundTrip(func(m string) string { n++; return m + string(rune('\n'))[:n-1] })
	require.NoError(t, d.SetServer(address, fickle.client(s)))
	var v *windowstest.Violation
	require.ErrorAs(t, d.Sync(context.Background()), &v)
	assert.Equal(t, "the message was sent twice, and the answers differ", v.Rule)
}

// A restart in the middle of the Sequence: the PIN is new, and nobody has read it; whether it can still be read, nobody knows.
func TestRestartInSequence(t *testing.T) {
	for name, keeps := range map[string]bool{"the PIN is lost": false, "the PIN is kept": true} {
		t.Run(name, func(t *testing.T) {
			s := script(resetSequence, turn{body: get("9", remote+"NewPINValue")})
			d := device(t, s, windowstest.Config{PIN: "1234", KeepsPIN: keeps, SignedIn: "hedy"})
			d.Script(windowstest.RestartInSequence())
			require.ErrorIs(t, d.Sync(context.Background()), windowstest.ErrRestarted)
			state := d.State()
			assert.NotEqual(t, "1234", state.PIN)
			assert.Equal(t, keeps, state.NewPIN == state.PIN)
			assert.Equal(t, 1, state.Restarts)
			assert.Empty(t, state.SignedIn)
			require.NoError(t, d.Sync(context.Background()))
			assert.Equal(t, keeps, s.messages()[2].results("9")[0] == state.PIN)
		})
	}
}

// What has not begun when the device restarts never does.
func TestRestartInSequenceStopsTheRest(t *testing.T) {
	s := script(turn{body: set("Replace", "1", denyLogOn, "chr", "x") + resetSequence.body})
	d := device(t, s, windowstest.Config{Class: windowstest.Desktop, RemoteLock: true})
	d.Script(windowstest.RestartInSequence())
	require.ErrorIs(t, d.Sync(context.Background()), windowstest.ErrRestarted)
	_, made := d.Get(denyLogOn)
	assert.False(t, made)
}

// What a restart does after the commands were executed: they hold.
func TestRestartAfter(t *testing.T) {
	s := script(resetSequence)
	d := device(t, s, windowstest.Config{PIN: "1234"})
	d.Script(windowstest.RestartAfter(1))
	require.ErrorIs(t, d.Sync(context.Background()), windowstest.ErrRestarted)
	assert.Empty(t, d.State().NewPIN, "it was read, and its Results never left")
	assert.NotEqual(t, "1234", d.State().PIN)
}

// Results that come in the next session refer to a message that this one never had.
func TestHoldResults(t *testing.T) {
	s := script(resetSequence)
	d := device(t, s, windowstest.Config{PIN: "1234"})
	d.Script(windowstest.HoldResults())
	require.NoError(t, d.Sync(context.Background()))
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	assert.Empty(t, got[1].results("7"))
	assert.Equal(t, "200", got[1].status("7"))
	assert.Equal(t, []string{d.State().PIN}, got[2].results("7"))
	assert.Equal(t, "2", got[2].Session)
	require.NoError(t, d.Sync(context.Background()))
	assert.Empty(t, s.messages()[3].results("7"), "once")
}

// A server says of Results only that it could not take them.
func TestStatusOfResults(t *testing.T) {
	status := func(code string) string {
		return "<Status><CmdID>r</CmdID><MsgRef>2</MsgRef><CmdRef>5</CmdRef><Cmd>Results</Cmd><Data>" + code + "</Data></Status>"
	}
	require.NoError(t, device(t, script(resetSequence, turn{body: status("413")}), windowstest.Config{}).Sync(context.Background()))
	err := device(t, script(resetSequence, turn{body: status("200")}), windowstest.Config{}).Sync(context.Background())
	require.ErrorContains(t, err, "a status must be of a command of the device's message")
}

// Refuse answers instead of executing, once.
func TestRefuse(t *testing.T) {
	s := script(resetSequence, resetSequence)
	d := device(t, s, windowstest.Config{PIN: "1234"})
	d.Script(windowstest.Refuse("./Vendor/MSFT/RemoteLock/LockAndResetPIN", 500))
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	assert.Equal(t, "200 500 200", codes(got[1], "5", "6", "7"))
	assert.Equal(t, []string{""}, got[1].results("7"))
	assert.Equal(t, "200 200 200", codes(got[2], "5", "6", "7"))
}
