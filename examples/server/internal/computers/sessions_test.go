package computers_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func TestSessions(t *testing.T) {
	w := newWorld(t)
	made, _ := w.enter(computers.Entry{Name: "Lumia"})
	other, _ := w.enter(computers.Entry{Name: "Lumia"})
	two := w.another(w.keyring) // servers of one database
	state, version, err := w.Load(t.Context(), "default", made.Device)
	require.NoError(t, err)
	assert.Empty(t, state)
	assert.Zero(t, version)
	require.NoError(t, w.Save(t.Context(), "default", made.Device, []byte("first nonce"), 0))
	require.ErrorIs(t, two.Save(t.Context(), "default", made.Device, []byte("late"), 0), windows.ErrConflict)
	large := bytes.Repeat([]byte("second nonce"), 50_000)
	require.NoError(t, two.Save(t.Context(), "default", made.Device, large, 1))
	state, version, err = w.Load(t.Context(), "default", made.Device)
	require.NoError(t, err)
	assert.Equal(t, large, state)
	assert.EqualValues(t, 2, version)

	var kept []byte
	require.NoError(t, w.db.Readers.QueryRow(`SELECT session FROM server_computers WHERE device = $1`, made.Device).Scan(&kept))
	assert.NotContains(t, string(kept), "nonce")
	_, err = w.db.Exec(t.Context(), `UPDATE server_computers SET session = $2 WHERE device = $1`, other.Device, kept)
	require.NoError(t, err)
	state, version, err = w.Load(t.Context(), "default", other.Device)
	require.NoError(t, err, "it must not shut the device out")
	assert.Empty(t, state, "it is that of another device")
	require.NoError(t, w.Save(t.Context(), "default", other.Device, []byte("anew"), version))
	_, err = w.db.Exec(t.Context(), `UPDATE server_computers SET digest = $2, digest_user = 'x' WHERE device = $1`, made.Device, kept)
	require.NoError(t, err)
	_, err = w.Device(t.Context(), nil, made.ID)
	require.ErrorContains(t, err, "does not decrypt", "it is no digest")

	require.ErrorIs(t, w.Save(t.Context(), "default", "nobody", []byte("x"), 0), windows.ErrConflict)
	require.ErrorIs(t, w.Save(t.Context(), "other", made.Device, []byte("x"), 2), windows.ErrConflict)
}

func TestFactsAreLearnt(t *testing.T) {
	w := newWorld(t)
	_, cert := w.enter(computers.Entry{Name: "Lumia"})
	learn := func(facts map[string]string) lock.Device {
		require.NoError(t, w.Learn(t.Context(), w.device(cert), windows.Learnt{Facts: facts}))
		return w.device(cert)
	}
	learn(map[string]string{"class": "desktop", "edition": "48", "build": "10.0.22631.4460"})
	w.now = w.now.Add(time.Hour)
	d := learn(map[string]string{"remote_lock": "no", "signed_in": string(bytes.Repeat([]byte("x"), 300))})
	assert.Equal(t, "10.0.22631.4460", d.Facts["build"].Value, "what was not said stays")
	assert.Equal(t, lock.Fact{Value: "no", At: w.now}, d.Facts["remote_lock"])
	assert.NotContains(t, d.Facts, "signed_in", "it is too long")
	found, err := w.devices.Find(t.Context(), d.ID)
	require.NoError(t, err)
	assert.Equal(t, "Windows 11 (10.0.22631.4460)", found.OSVersion)
	assert.Equal(t, []string{"desktop", "48", "10.0.22631.4460"}, []string{found.Class, found.Edition, found.Build})
	for name, c := range map[string]struct{ class, build, want string }{
		"Windows 10": {"desktop", "10.0.19045.1", "Windows 10 (10.0.19045.1)"},
		"phone":      {"phone", "10.0.15254.603", "Windows 10 Mobile (10.0.15254.603)"},
		"HoloLens":   {"hololens", "10.0.22621.1252", "Windows Holographic (10.0.22621.1252)"},
		"odd":        {"toaster", "x", "Windows (x)"},
	} {
		t.Run(name, func(t *testing.T) {
			learn(map[string]string{"class": c.class, "build": c.build})
			found, err := w.devices.Find(t.Context(), d.ID)
			require.NoError(t, err)
			assert.Equal(t, c.want, found.OSVersion)
		})
	}
}

func TestDisconnectedDevice(t *testing.T) {
	w := newWorld(t)
	_, cert := w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	d := w.device(cert)
	require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{Gone: true}))
	w.isFormer(cert, d.ID)
	found, err := w.devices.Find(t.Context(), d.ID)
	require.NoError(t, err, "it is listed still")
	assert.False(t, found.Enrolled)
	_, cert = w.enter(computers.Entry{Name: "Lumia", ID: "urn:x"})
	assert.Equal(t, d.ID, w.device(cert).ID)
}

// What the device says of itself fills what nobody has said, and changes nothing else.
func TestSerialAndModelAreLearnt(t *testing.T) {
	w := newWorld(t)
	said := windows.Learnt{Facts: map[string]string{"serial": "5CD1234XYZ", "model": "Contoso Slate", "name": "DESKTOP-1"}}
	for name, c := range map[string]struct {
		entry                 computers.Entry
		serial, model, holder string
	}{
		"nothing known": {computers.Entry{Name: "a"}, "5CD1234XYZ", "Contoso Slate", ""},
		"all known":     {computers.Entry{Name: "b", Serial: "5CD0", Model: "Slate", Holder: "hedy"}, "5CD0", "Slate", "hedy"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cert := w.enter(c.entry)
			require.NoError(t, w.Learn(t.Context(), w.device(cert), said))
			require.NoError(t, w.Learn(t.Context(), w.device(cert), windows.Learnt{Facts: map[string]string{"build": "10.0.22631.1"}}))
			d := w.device(cert)
			assert.Equal(t, []string{c.serial, c.model, c.holder}, []string{d.Serial, d.Model, d.User})
			assert.Equal(t, "DESKTOP-1", d.Facts["name"].Value)
		})
	}
}

// A device that says the serial number of another one gets nothing of its history: it stays a fact.
func TestSerialOfAnotherIsNotTakenOver(t *testing.T) {
	for name, removed := range map[string]bool{"enrolled": false, "removed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, _ := w.enter(computers.Entry{Name: "Boss", Serial: "5CDBOSS001"})
			if removed {
				require.NoError(t, w.account("ada"))
				require.NoError(t, w.devices.Remove(t.Context(), lock.Actor{ID: "ada"}, first.Device))
			}
			_, cert := w.enter(computers.Entry{Name: "Hostile"})
			var logs bytes.Buffer
			w.Logger = slog.New(slog.NewTextHandler(&logs, nil))
			learn := func(serial string) lock.Device {
				facts := map[string]string{"serial": serial}
				require.NoError(t, w.Learn(t.Context(), w.device(cert), windows.Learnt{Facts: facts}))
				return w.device(cert)
			}
			for _, serial := range []string{"5CDBOSS001", "5cdBoss001"} {
				d := learn(serial)
				assert.Empty(t, d.Serial)
				assert.Equal(t, serial, d.Facts["serial"].Value)
				assert.Contains(t, logs.String(), "said="+serial)
			}
			logs.Reset()
			assert.Equal(t, "5CDOWN0001", learn("5CDOWN0001").Serial)
			assert.Equal(t, "5CDOWN0001", learn("5CDOWN0001").Serial)
			assert.Empty(t, logs.String())
		})
	}
}

func TestChannelIsAskedForOnceADay(t *testing.T) {
	w := newWorld(t)
	_, cert := w.enter(computers.Entry{Name: "Lumia"})
	d := w.device(cert)
	asks := func() bool {
		works, err := w.Next(t.Context(), d)
		require.NoError(t, err)
		if len(works) == 0 {
			return false
		}
		require.Len(t, works, 1)
		verbs := []syncml.Verb{}
		require.Len(t, works[0].Commands, 1)
		for _, c := range works[0].Commands[0].Children {
			verbs = append(verbs, c.Verb)
		}
		assert.Equal(t, []syncml.Verb{syncml.VerbReplace, syncml.VerbGet}, verbs)
		assert.Equal(t, syncml.VerbSequence, works[0].Commands[0].Verb, "there is no channel before the name is known")
		assert.Equal(t, "Example_abc", works[0].Commands[0].Children[0].Items[0].Data)
		return true
	}
	done := func(complete bool) {
		require.NoError(t, w.Done(t.Context(), d, answer("push-setup", complete)))
	}
	require.True(t, asks())
	done(false)
	require.True(t, asks(), "the answer goes on")
	require.NoError(t, w.Done(t.Context(), d, answer("probe", true)))
	require.True(t, asks(), "that was another one")
	require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{ChannelURI: "https://a.notify.windows.com/?token=1"}))
	done(true)
	assert.False(t, asks())
	w.now = w.now.Add(time.Hour)
	w.dies(d, "https://a.notify.windows.com/?token=1")
	require.True(t, asks(), "it is dead")
	done(true)
	assert.False(t, asks(), "not at once")
	w.now = w.now.Add(10 * time.Minute)
	require.True(t, asks(), "it may have another one by now")
	require.NoError(t, w.Learn(t.Context(), d, windows.Learnt{ChannelURI: "https://a.notify.windows.com/?token=2"}))
	done(true)
	w.now = w.now.Add(23 * time.Hour)
	assert.False(t, asks())
	w.now = w.now.Add(time.Hour)
	assert.True(t, asks())
	w.pfn = ""
	w.Store = w.another(w.keyring)
	assert.False(t, asks(), "nothing wakes it")
}
