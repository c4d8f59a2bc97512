package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// act is one lock of one Mac on its way through a script.
type act struct {
	*site
	*testing.T
	mac *mdmtest.Mac
	id  string
}

// script is one of the ways in which a real Mac makes trouble.
type script struct {
	name     string
	faults   []mdmtest.Fault
	config   mdmtest.Config
	order    object
	play     func(act)
	state    string // of the action at the end
	mac      mdmtest.State
	onDevice bool // whether the PIN may be on the device
}

var scripts = []script{
	{
		name: "trailing Idle", faults: []mdmtest.Fault{mdmtest.TrailingIdle},
		play: act.poll, state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "not now, twice", faults: []mdmtest.Fault{mdmtest.NotNow, mdmtest.NotNow},
		play:  func(a act) { a.poll(); a.expect("issued"); a.poll(); a.expect("issued"); a.poll() },
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "not now, more often than a command may get lost",
		faults: []mdmtest.Fault{
			mdmtest.NotNow, mdmtest.NotNow, mdmtest.NotNow, mdmtest.NotNow, mdmtest.NotNow,
		},
		play: func(a act) {
			for range 6 {
				a.poll()
			}
		},
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "error",
		play: func(a act) {
			a.mac.Refuse(mdmtest.ErrorItem{Code: 12021, Domain: "MCMDMErrorDomain", Description: "There is no recovery partition."})
			a.poll()
			answers, _ := a.action(a.T, a.id)["device_answers"].(map[string]any)
			assert.Equal(a, "MCMDMErrorDomain 12021: There is no recovery partition.", answers["ErrorChain.0"])
		},
		state: "refused", mac: mdmtest.Unlocked,
	},
	{
		name: "command format error", faults: []mdmtest.Fault{mdmtest.FormatError},
		play: act.poll, state: "refused", mac: mdmtest.Unlocked,
	},
	{
		name: "lost command", faults: []mdmtest.Fault{mdmtest.LoseCommand},
		play: func(a act) { a.cut(); a.expect("issued"); a.poll() }, state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "command lost as often as it may be sent", faults: []mdmtest.Fault{mdmtest.LoseCommand, mdmtest.LoseCommand, mdmtest.LoseCommand},
		play: func(a act) {
			a.cut()
			a.cut()
			a.cut()
			a.poll()
			assert.Len(a, a.mac.Deliveries(a.id), 3, "it is not sent for ever")
		},
		state: "unconfirmed", mac: mdmtest.Unlocked, onDevice: true,
	},
	{
		name: "lost answer, sent again once the Mac is open", faults: []mdmtest.Fault{mdmtest.LoseAnswer},
		play:  func(a act) { a.cut(); a.expect("issued"); a.open(); a.poll() },
		state: "confirmed", mac: mdmtest.Unlocked, onDevice: true,
	},
	{
		name: "lost receipt: the same answer twice", faults: []mdmtest.Fault{mdmtest.LoseReceipt},
		play:  func(a act) { a.cut(); a.expect("confirmed"); a.open(); a.poll() },
		state: "confirmed", mac: mdmtest.Unlocked, onDevice: true,
	},
	{
		name: "duplicate answer", faults: []mdmtest.Fault{mdmtest.RepeatAnswer},
		play: func(a act) { a.poll(); assert.Equal(a, 1, a.events("acknowledged")) }, state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "answer after a cancel", faults: []mdmtest.Fault{mdmtest.HoldAnswer},
		play:  func(a act) { a.poll(); a.cancel(); a.expect("cancelled"); a.candidate(true); a.flush() },
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "answer after a cancel, with another lock waiting", faults: []mdmtest.Fault{mdmtest.HoldAnswer},
		play: func(a act) {
			a.poll()
			a.cancel()
			second := a.lock(a.T, a.mac, object{"reason": "again"}).text("id")
			a.flush()
			assert.Equal(a, "cancelled", a.action(a.T, second).text("state"), "the one that had not left is withdrawn")
			assert.Equal(a, []string{a.id, second}, a.candidates(a.T, a.mac))
		},
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "answer held over a restart", faults: []mdmtest.Fault{mdmtest.HoldAnswer},
		play:  func(a act) { a.poll(); a.mac.Reboot(); a.expect("issued"); a.open(); a.poll() },
		state: "confirmed", mac: mdmtest.Unlocked, onDevice: true,
	},
	{
		name: "reboot while locked", play: func(a act) { a.poll(); a.mac.Reboot() }, state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "wiped and enrolled anew while the lock waits",
		play: func(a act) {
			a.wipe()
			a.expect("queued")
			assert.Equal(a, 1, a.events("re-enrolled"))
			a.poll()
		},
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "wiped and enrolled anew after the lock", play: func(a act) { a.poll(); a.wipe() }, state: "released", mac: mdmtest.Unlocked,
	},
	{
		name: "wiped and enrolled anew with the command on its way", faults: []mdmtest.Fault{mdmtest.LoseCommand},
		play: func(a act) { a.cut(); a.wipe() }, state: "released", mac: mdmtest.Unlocked,
	},
	{
		name: "certificate renewed while the lock waits",
		play: func(a act) {
			require.NoError(a, a.mac.Renew(a.Context(), a.link(a.T, a.mac.Config().UDID)))
			a.expect("queued")
			assert.Zero(a, a.events("re-enrolled"), "a renewal is no new enrolment")
			a.poll()
		},
		state: "confirmed", mac: mdmtest.Locked, onDevice: true,
	},
	{
		name: "Apple silicon before 11.5, forced", config: mdmtest.Config{OSVersion: "11.2", AppleSilicon: true}, order: object{"force": true},
		play: func(a act) {
			a.poll()
			device := a.must(a.T, http.StatusOK, http.MethodGet, "/api/v1/devices/"+a.mac.Config().UDID, nil)
			assert.Equal(a, "deactivated", device.text("state"), "and nobody calls it locked")
		},
		state: "confirmed", mac: mdmtest.Deactivated, onDevice: true,
	},
	{
		name: "opened", play: func(a act) {
			a.poll()
			a.open()
			a.advance(time.Minute + time.Second)
			a.poll()
		},
		state: "released", mac: mdmtest.Unlocked,
	},
}

func TestScripts(t *testing.T) {
	s := open(t, nil)
	for _, c := range scripts {
		t.Run(c.name, func(t *testing.T) {
			c.config.KeyType = mdmtest.P256
			order := object{"reason": "lost"}
			for name, value := range c.order {
				order[name] = value
			}
			mac := s.enrol(t, c.config)
			mac.Script(c.faults...)
			a := act{s, t, mac, s.lock(t, mac, order).text("id")}
			code := s.reveal(t, a.id)
			c.play(a)
			a.expect(c.state)
			assert.Equal(t, c.mac, mac.State())
			a.candidate(c.onDevice)
			assert.Equal(t, code, s.reveal(t, a.id), "the PIN is kept whatever happens")
			for _, d := range mac.Deliveries(a.id) {
				assert.Equal(t, code, d.PIN, "every delivery carries the same PIN")
			}
			if mac.State() == mdmtest.Locked {
				assert.True(t, mac.Type(code), "and it opens the Mac")
			}
		})
	}
	s.replays(t)
}

func (a act) poll() { poll(a.T, a.mac) }

func (a act) flush() {
	_, err := a.mac.Flush(a.Context())
	require.NoError(a, err)
}

// cut is a poll whose connection breaks.
func (a act) cut() {
	_, err := a.mac.Poll(a.Context())
	require.ErrorIs(a, err, mdmtest.ErrCut)
}

func (a act) cancel() {
	a.must(a.T, http.StatusOK, http.MethodPost, "/api/v1/actions/"+a.id+"/cancel", object{"reason": "found"})
}

func (a act) open() { require.True(a, a.mac.Type(a.reveal(a.T, a.id))) }

func (a act) wipe() {
	a.mac.Wipe()
	require.NoError(a, a.mac.Enroll(a.Context(), a.link(a.T, "")))
}

func (a act) expect(state string) {
	a.Helper()
	assert.Equal(a, state, a.action(a.T, a.id).text("state"))
}

// candidate checks that the PIN is among the candidates, and whether it is said to be on the device perhaps.
func (a act) candidate(onDevice bool) {
	a.Helper()
	assert.Contains(a, a.candidates(a.T, a.mac), a.id)
	assert.Equal(a, onDevice, a.action(a.T, a.id)["may_be_on_device"])
}

func (a act) events(kind string) int {
	a.Helper()
	n := 0
	for _, e := range a.must(a.T, http.StatusOK, http.MethodGet, "/api/v1/events?action_id="+a.id, nil).list("items") {
		if e.text("type") == kind {
			n++
		}
	}
	return n
}
