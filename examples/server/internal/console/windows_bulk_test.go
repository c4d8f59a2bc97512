package console

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/windows"
)

// computer makes a Mac a Windows device.
func (m *many) computer(n int, class windows.Class, build string) {
	m.t.Helper()
	id := inventorytest.ID(n)
	m.exec(`UPDATE server_devices SET platform = $2 WHERE id = $1`, id, windows.PlatformName)
	m.exec(`DELETE FROM server_facts WHERE device = $1`, id)
	for name, value := range map[windows.FactName]string{windows.FactClass: string(class), windows.FactBuild: build} {
		m.exec(`INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, $4)`, id, string(name), value, began.UnixMicro())
	}
}

func TestBulkOfWindowsSaysWhatWillHappen(t *testing.T) {
	m := newMany(t, 3)
	m.computer(1, windows.ClassHoloLens, "10.0.22621.1258")
	m.computer(2, windows.ClassDesktop, "10.0.22631.4460")
	m.signIn()
	page := m.page(review(0, 1, 2))
	has(t, page, "<b>2</b> of 3 devices lock, <b>1</b> is left out.")
	has(t, page, "<b>1 device:</b> The screen locks at once, and the PIN of the device opens it")
	has(t, page, "A lock of this Windows desktop would keep everybody from signing in")
	has(t, page, "1 device gets none: the passcode or PIN that is on it, if there is one, opens it.")

	to := m.post("/bulk", m.fields(page, []int{0, 1, 2}, "seen", "2", "confirm", "2", "reason", "Break-in")...).Header.Get("Location")
	m.run()
	require.Eventually(t, func() bool { return strings.Contains(m.page(to), "Ordered; devices are answering") }, waiting, tick)
	m.answers(1, "200")
	page = m.page(to + "?show=confirmed")
	has(t, page, "Screen locked")
	hasNot(t, page, "<span>Locked</span>", "it holds no lock")
}

func TestBulkOverWhatBlocksSaysThatNobodyCanSignIn(t *testing.T) {
	m := newMany(t, 2)
	m.computer(1, windows.ClassDesktop, "10.0.22631.4460")
	m.signIn()
	fields := m.fields(m.page(review(0, 1)), []int{0, 1}, "seen", "1", "confirm", "1", "reason", "Break-in", "force", "1")
	again := m.post("/bulk", fields...).text
	has(t, again, "another number would lock than the page said")
	has(t, again, "(on <b>1</b> nobody can sign in any more)")
	has(t, again, "1 device gets none: nobody can sign in on it before an unlock from here.")
	hasNot(t, again, "the passcode or PIN that is on it", "of a lock-out that is not so")
}
