package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
)

const (
	waiting = time.Minute
	tick    = 50 * time.Millisecond
)

// people gives the Macs names to look at.
func (m *many) people(n int) {
	names := []string{"Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Hedy", "Linus", "Margaret", "Tony"}
	for i := range n {
		name := names[i%len(names)]
		m.exec(`UPDATE server_devices SET name = $2, user_name = $3 WHERE id = $1`, inventorytest.ID(i),
			fmt.Sprintf("%s’s MacBook Pro %d", name, i), name)
	}
}

// TestBulkInABrowser chooses Macs in the list, reviews and orders, and watches the progress move while the Macs answer.
func TestBulkInABrowser(t *testing.T) {
	m := newMany(t, 24)
	m.people(24)
	for _, n := range []int{2, 6, 10, 14, 18} {
		m.phone(n, n != 6)
		m.exec(`UPDATE server_devices SET name = replace(name, 'MacBook Pro', 'Pixel') WHERE id = $1`, inventorytest.ID(n))
	}
	m.learn(3, "OSVersion", "11.4")
	m.learn(7, "OSVersion", "11.4")
	m.learn(11, "ManagementStatus.IsUserEnrollment", "true")
	m.lockOne(5)
	tab := newTab(t, m.server.URL)
	tab.open("/")
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("table.devices")
	tab.click("tbody tr:nth-child(2) .tick input")
	tab.wait(".picked")
	assert.Equal(t, "1 selected", tab.text("#picked"))
	tab.shoot("bulk-selected")
	tab.click("#every")
	assert.Equal(t, "24 selected", tab.text("#picked"))
	tab.click(".picked button.danger")
	tab.wait("#order")
	assert.Contains(t, tab.text(".tally"), "20 of 24 devices lock (on 1 only the screen goes off), 1 has a lock already, 3 are left out.")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "not armed yet")
	tab.shoot("bulk-review")
	tab.enter("input[name=reason]", "Break-in at the London office")
	tab.enter("input[name=ticket]", "INC-4711")
	tab.enter("#confirm", "20")
	assert.False(t, js[bool](tab, "document.getElementById('order').disabled"), "armed")
	tab.shoot("bulk-review-armed")
	tab.click("#order")
	tab.wait("#progress")
	tab.shoot("bulk-begun")
	m.run()
	watch(t, m, tab)
	tab.open("/bulk")
	tab.shoot("bulk-list")
}

// watch sees the page move by itself, from nothing to everything.
func watch(t *testing.T, m *many, tab *tab) {
	t.Helper()
	// Asked in one step: the page may be fetched anew at any time.
	settled := func() string { return js[string](tab, "document.querySelector('.settled').textContent") }
	require.Eventually(t, func() bool {
		return strings.Contains(js[string](tab, "document.getElementById('progress').textContent"), "lock when online")
	}, waiting, tick)
	assert.Equal(t, "3 of 24 settled", settled(), "those that preflight blocks")
	tab.shoot("bulk-ordered")
	done := 3
	for i := range 24 {
		if i == 3 || i == 7 || i == 11 {
			continue
		}
		if i == 20 { // some stay silent
			break
		}
		m.answers(i, map[bool]string{i == 6: noSecureLock}[true])
		done++
		if i != 9 {
			continue
		}
		require.Eventually(t, func() bool { return settled() == fmt.Sprintf("%d of 24 settled", done) }, waiting, tick, "it moves by itself")
	}
	require.Eventually(t, func() bool { return settled() == "20 of 24 settled" }, waiting, tick)
	tab.shoot("bulk-progress")
	tab.scheme("dark")
	tab.shoot("bulk-progress-dark")
	tab.scheme("light")
	tab.click("#decide summary")
	tab.enter("#decide input[name=reason]", "All found")
	tab.shoot("bulk-cancel")
	tab.click("#decide button.danger")
	tab.wait(".flash")
	assert.Equal(t, "24 of 24 settled", settled())
	tab.click(".shares li:last-child a")
	tab.wait(".shares .chosen")
	tab.shoot("bulk-cancelled")
}
