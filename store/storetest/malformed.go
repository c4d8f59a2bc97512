package storetest

import (
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Each case spoils a change that is good otherwise.
func malformedCases() []testCase {
	var cases []testCase
	for name, spoil := range map[string]func(l *ledger, c *lock.Change){
		"empty change":                         func(_ *ledger, c *lock.Change) { *c = lock.Change{} },
		"key of a notice":                      func(l *ledger, c *lock.Change) { *c = keyed(l.notice("mac-1"), "key") },
		"key without an event":                 func(_ *ledger, c *lock.Change) { c.Events, c.Key = nil, "key" },
		"action without an ID":                 func(_ *ledger, c *lock.Change) { c.Actions[0].ID = "" },
		"action without a scope":               func(_ *ledger, c *lock.Change) { c.Actions[0].Device.Scope = "" },
		"action twice":                         func(_ *ledger, c *lock.Change) { *c = join(*c, *c) },
		"fewer events than actions":            func(l *ledger, c *lock.Change) { c.Actions = append(c.Actions, l.order("mac-2").Actions...) },
		"event of another action":              func(l *ledger, c *lock.Change) { c.Events = l.order("mac-1").Events },
		"event in another place":               func(l *ledger, c *lock.Change) { c.Events = append(l.notice("mac-1").Events, c.Events...) },
		"further event of an action":           func(_ *ledger, c *lock.Change) { c.Events = append(c.Events, c.Events[0]) },
		"version that is not its event's":      func(_ *ledger, c *lock.Change) { c.Actions[0].Version++ },
		"version zero":                         func(_ *ledger, c *lock.Change) { c.Actions[0].Version, c.Events[0].Seq = 0, 0 },
		"body that was not hashed":             func(_ *ledger, c *lock.Change) { c.Events[0].Body = append([]byte(" "), c.Events[0].Body...) },
		"event that was not sealed":            func(_ *ledger, c *lock.Change) { c.Events[0].Hash, c.Events[0].Prev = nil, nil },
		"head that is not its event's hash":    func(_ *ledger, c *lock.Change) { c.Actions[0].Head = make([]byte, 32) },
		"box that the event does not name":     func(_ *ledger, c *lock.Change) { c.Actions[0].Secrets[0].Box = []byte("another box") },
		"box that is missing":                  func(_ *ledger, c *lock.Change) { c.Actions[0].Secrets[0].Box = nil },
		"secret that the action does not have": func(_ *ledger, c *lock.Change) { c.Actions[0].Secrets = nil },
	} {
		cases = append(cases, testCase{name, func(l *ledger) {
			c := l.order("mac-1")
			spoil(l, &c)
			var input *lock.InputError
			require.ErrorAs(l, l.commit(c)[0], &input)
			require.Empty(l, l.list(lock.Filter{}))
			l.dense(0)
		}})
	}
	return cases
}
