package inventory_test

import (
	"context"
	"crypto/x509"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

func (w *world) pixel(serial, key string) inventory.Agent {
	return inventory.Agent{
		At:     w.now,
		Serial: serial, Name: "Ada's Pixel", Model: "Pixel 8", User: "ada", OSVersion: "Android 14 (API 34)", Key: []byte(key),
		Facts: map[string]string{"api_level": "34", "mode": "device_owner", "agreement_key": "{}"},
	}
}

// enrolAgent is a whole enrolment.
func (w *world) enrolAgent(a inventory.Agent) string {
	w.t.Helper()
	id, err := w.tryAgent(a)
	require.NoError(w.t, err)
	require.NoError(w.t, w.AnnounceAgent(w.t.Context(), id))
	return id
}

func (w *world) tryAgent(a inventory.Agent) (id string, err error) {
	err = w.db.Write(w.t.Context(), func(tx *sql.Tx) error {
		var err error
		id, err = w.EnrolAgent(w.t.Context(), tx, a)
		return err
	})
	return id, err
}

func (w *world) learnAgent(id string, facts map[string]string) error {
	return w.db.Write(w.t.Context(), func(tx *sql.Tx) error {
		return w.LearnAgent(w.t.Context(), tx, id, inventory.Agent{OSVersion: "Android 15 (API 35)", Facts: facts, At: w.now}, "agreement_key")
	})
}

func TestAgentIsADevice(t *testing.T) {
	w := newWorld(t)
	w.enrol("A")
	id := w.enrolAgent(w.pixel("R5CT", "key"))
	assert.Equal(t, []map[string]string{{"kind": "new", "device": id, "key_sha256": "6b6579"}}, w.noted[1:])
	listed, err := w.Devices(t.Context(), ada, "pixel", "", 0)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	found, err := w.FindFor(t.Context(), ada, id)
	require.NoError(t, err)
	whole, err := w.Whole(t.Context(), []string{id, "A"})
	require.NoError(t, err)
	for _, d := range []inventory.Device{listed[0], found, whole[id]} {
		assert.Equal(t, [...]any{"android", "R5CT", "Ada's Pixel", "ada", "Pixel 8", "Android 14 (API 34)", 34, "device_owner", true},
			[...]any{d.Platform, d.Serial, d.Name, d.User, d.Model, d.OSVersion, d.APILevel, d.Mode, d.Enrolled})
		assert.Nil(t, d.Silicon)
	}
	assert.Equal(t, lock.Fact{Value: "34", At: w.now}, found.Facts["api_level"])
	assert.Equal(t, "34", whole[id].Facts["api_level"].Value)
	assert.Equal(t, mdmproto.PlatformName, whole["A"].Platform)
	assert.Zero(t, whole["A"].APILevel)
}

func TestAgentEnrolsAgain(t *testing.T) {
	w := newWorld(t)
	id := w.enrolAgent(w.pixel("R5CT", "key"))
	require.NoError(t, w.learnAgent(id, map[string]string{"api_level": "34", "token_state": "active"}))
	w.now = w.now.Add(time.Hour)
	other := w.pixel("R5CT", "another key")
	other.Name = "Grace's Pixel"
	assert.Equal(t, id, w.enrolAgent(other), "it is the same device")
	assert.Equal(t, 2, w.wiped, "which was wiped")
	assert.Equal(t, map[string]string{"kind": "again", "device": id, "key_sha256": "616e6f74686572206b6579"}, w.noted[1])
	d, err := w.FindAgent(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "Grace's Pixel", d.Name)
	assert.NotContains(t, d.Facts, "token_state", "what was known of it is forgotten")
	assert.Equal(t, w.now, d.EnrolledAt)

	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	assert.Len(t, w.noted, 2, "the ledger knows")
	assert.NotEqual(t, id, w.enrolAgent(w.pixel("", "a third key")))
	assert.NotEqual(t, w.enrolAgent(w.pixel("", "a fourth key")), w.enrolAgent(w.pixel("", "a fifth key")), "nobody knows one without a serial number")
}

func TestAgentTakesNoOthersName(t *testing.T) {
	w := newWorld(t)
	w.enrol("A") // serial number SA
	phone := w.enrolAgent(w.pixel("SA", "key"))
	assert.NotEqual(t, "A", phone, "a Mac's serial number makes no Mac of it")
	_, err := w.tryAgent(w.pixel("R5CT", "key"))
	require.ErrorIs(t, err, inventory.ErrOtherDevice)
	_, _, err = w.Authenticate(t.Context(), w.cert(""), hello(phone))
	require.ErrorIs(t, err, mdmproto.ErrNotEnrolled, "nor may a Mac say that it is the phone")
	_, err = w.Device(t.Context(), &x509.Certificate{Raw: []byte("key")}, phone)
	require.ErrorIs(t, err, mdmproto.ErrNotEnrolled)
	_, err = w.FindAgent(t.Context(), "A")
	require.ErrorIs(t, err, lock.ErrNotFound)
	require.ErrorIs(t, w.learnAgent("A", nil), lock.ErrNotFound)
}

func TestAgentStateReplacesWhatItSaid(t *testing.T) {
	w := newWorld(t)
	id := w.enrolAgent(w.pixel("R5CT", "key"))
	require.NoError(t, w.learnAgent(id, map[string]string{"api_level": "35", "token_state": "none"}))
	d, err := w.FindAgent(t.Context(), id)
	require.NoError(t, err)
	said := map[string]string{}
	for name, f := range d.Facts {
		said[name] = f.Value
	}
	assert.Equal(t, map[string]string{"api_level": "35", "token_state": "none", "agreement_key": "{}"}, said)
	assert.Equal(t, "Android 15 (API 35)", d.OSVersion)
}

func TestNoAnswerToAnAgentWithoutARecord(t *testing.T) {
	w := newWorld(t)
	a := w.pixel("R5CT", "key")
	id, err := w.tryAgent(a)
	require.NoError(t, err)
	w.mute = true
	require.Error(t, w.AnnounceAgent(t.Context(), id))
	w.mute = false
	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	assert.Len(t, w.noted, 1)
	assert.Equal(t, 1, w.wiped)
}

// Whoever looks at a device just as the ledger is told of its enrolment waits: told again, it would end what is ordered after that.
func TestLedgerIsToldOfAnAgentOnce(t *testing.T) {
	w := newWorld(t)
	a := w.pixel("R5CT", "key")
	id, err := w.tryAgent(a)
	require.NoError(t, err)
	w.meanwhile = func() {
		if w.wiped > 1 { // told twice, which is seen below
			return
		}
		other := w.Store
		if w.db.IsShared() {
			other = w.open()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		require.Error(t, other.AnnounceAgent(ctx, id), "it waits")
	}
	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	assert.Equal(t, 1, w.wiped)
	assert.Len(t, w.noted, 1)
}

func TestManyTellTheLedgerOfAnAgentOnce(t *testing.T) {
	w := newWorld(t)
	a := w.pixel("R5CT", "key")
	id, err := w.tryAgent(a)
	require.NoError(t, err)
	stores := []*inventory.Store{w.Store, w.Store}
	if w.db.IsShared() {
		stores[1] = w.open()
	}
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() { assert.NoError(t, stores[n%2].AnnounceAgent(t.Context(), id)) })
	}
	all.Wait()
	assert.Equal(t, 1, w.wiped)
	assert.Len(t, w.noted, 1)
}

func TestWhoHangsUpDoesNotEndTheTelling(t *testing.T) {
	w := newWorld(t)
	a := w.pixel("R5CT", "key")
	id, err := w.tryAgent(a)
	require.NoError(t, err)
	ctx, hangUp := context.WithCancel(t.Context())
	w.meanwhile = hangUp
	require.NoError(t, w.AnnounceAgent(ctx, id))
	require.NoError(t, w.AnnounceAgent(t.Context(), id))
	assert.Equal(t, 1, w.wiped)
	assert.Len(t, w.noted, 1)
}

// The ledger has heard of the later enrolment, and of what was ordered since.
func TestReplacedEnrolmentEndsNothing(t *testing.T) {
	for name, replace := range map[string]func(w *world, id string){
		"by another": func(w *world, _ string) { w.enrolAgent(w.pixel("R5CT", "another key")) },
		"by none":    (*world).remove,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			late := w.pixel("R5CT", "key")
			id, err := w.tryAgent(late)
			require.NoError(t, err)
			replace(w, id)
			wiped := w.wiped
			require.NoError(t, w.AnnounceAgent(t.Context(), id))
			assert.Equal(t, wiped, w.wiped)
			assert.Contains(t, w.noted, map[string]string{"kind": "new", "device": id, "key_sha256": "6b6579"}, "it is on record")
		})
	}
}

func TestRemovedAgentEnrolsAgain(t *testing.T) {
	w := newWorld(t)
	id := w.enrolAgent(w.pixel("R5CT", "key"))
	w.remove(id)
	_, err := w.FindAgent(t.Context(), id)
	require.ErrorIs(t, err, lock.ErrNotFound)
	require.ErrorIs(t, w.learnAgent(id, map[string]string{"api_level": "34"}), lock.ErrNotFound)
	assert.Zero(t, w.rows(`SELECT count(*) FROM server_facts WHERE device = $1`, id))
	assert.Equal(t, id, w.enrolAgent(w.pixel("R5CT", "another key")))
}
