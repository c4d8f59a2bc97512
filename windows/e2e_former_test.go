package windows_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

func (m *machine) former(is bool) {
	m.w.fleet.mu.Lock()
	defer m.w.fleet.mu.Unlock()
	m.w.devices[m.Config().ID].Former = is
}

// TestFormerDevice removes a device while it makes a PIN. Whoever has its certificate may say anything: that is kept, and not believed.
func TestFormerDevice(t *testing.T) {
	digest := func(e *windows.Enrolled) { e.User, e.Inner = "device-0001", syncml.Inner("device-0001", "s3cret-0001") }
	for name, cert := range map[string]bool{"with a certificate": true, "with a digest alone": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory(), func(c *windows.Config) { c.DigestAlone = true })
			m := w.unknown(windowstest.Config{PIN: personal, User: "device-0001", Secret: "s3cret-0001"}, digest)
			if !cert {
				require.NoError(t, m.SetServer(w.server.URL+endpoint, w.client(nil)))
			}
			m.syncs()
			reset := m.must(lock.KindResetPasscode)
			m.OnReceive(func(int, []byte) error {
				if w.get(reset.ID).Deliveries == 1 {
					m.former(true)
					w.learnt = map[string]windows.Learnt{}
				}
				return nil
			})
			require.ErrorContains(t, m.later(), "403")
			require.NotEqual(t, personal, m.State().PIN)
			require.False(t, hasPIN(w.get(reset.ID)))
			if cert {
				w.keeps(reset.ID, m.State().PIN)
			} else {
				require.Empty(t, w.get(reset.ID).Secrets, "it has proved nothing")
			}
			waiting := m.must(lock.KindLock)
			require.ErrorContains(t, m.later(), "403")
			assert.Zero(t, w.get(waiting.ID).Deliveries)
			assert.Empty(t, w.learnt)
			m.OnReceive(nil)
			m.former(false)
			m.settles()
			assert.Equal(t, "pin_may_be_lost", lost(w.get(reset.ID)))
		})
	}
}

// replaced is a fleet that knows one certificate as the former one of a device.
type replaced struct {
	*fleet
	cert *x509.Certificate
	id   string
}

func (r replaced) Device(ctx context.Context, cert *x509.Certificate, id string) (windows.Enrolled, error) {
	if cert == nil || !cert.Equal(r.cert) {
		return r.fleet.Device(ctx, cert, id)
	}
	e, err := r.fleet.Device(ctx, nil, r.id)
	e.Former = true
	return e, err
}

// TestFormerCertificateForges has who keeps the replaced certificate of a device answer the reset of the device that it is now.
func TestFormerCertificateForges(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	old := w.ca.issue(t, "CN of "+m.Config().ID)
	w.edits = append(w.edits, func(c *windows.Config) { c.Devices = replaced{w.fleet, old.Leaf, m.Config().ID} })
	w.boot()
	w.clock.Advance(time.Hour)
	reset := m.must(lock.KindResetPasscode)
	talk := m.talk("B1")
	sent := talk.says(talk.begins())
	sequence := commands(sent)[0]
	answer := talk.message(done(sent, sequence, "200"), done(sent, sequence.Children[0], "200"), done(sent, sequence.Children[1], "200"),
		brought(sent, sequence.Children[1], "730164"))
	genuine, err := answer.Encode()
	require.NoError(t, err)
	forged := bytes.Replace(genuine, []byte("730164"), []byte("999111"), 1)
	require.Equal(t, http.StatusForbidden, w.post(w.client(&old), forged).status)
	require.Equal(t, lock.StateIssued, w.get(reset.ID).State)
	require.False(t, hasPIN(w.get(reset.ID)))
	w.keeps(reset.ID, "999111")
	require.Empty(t, m.strays())
	require.Equal(t, http.StatusForbidden, w.post(w.client(&old), []byte("<SyncML>")).status, "what cannot be read is forbidden too")
	require.Equal(t, http.StatusOK, w.post(m.http, genuine).status)
	require.Equal(t, "730164", w.reveal(reset.ID))
}

// TestDeviceThatDisconnects is offered nothing in the answer to what it says last: it would be done, and never answered.
func TestDeviceThatDisconnects(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	reset := m.must(lock.KindResetPasscode)
	m.Disconnect()
	require.NoError(t, m.later())
	require.True(t, w.learnt[m.known().ID].Gone)
	require.Zero(t, w.get(reset.ID).Deliveries)
	require.True(t, m.Type(personal))
}
