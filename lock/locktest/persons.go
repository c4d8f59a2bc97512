package locktest

import (
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Second is a second person: who may approve what Admin asked for.
func Second() lock.Actor { return lock.Actor{ID: "bob", Name: "Bob", Address: "192.0.2.8"} }

// Limited is an edit for New: it adds limits.
func Limited(limits ...lock.Limit) func(*lock.Config) {
	return func(c *lock.Config) { c.Limits = append(c.Limits, limits...) }
}

// TwoPersons is an edit for New: every act of these verbs, by anybody, needs a second person.
func TwoPersons(verbs ...lock.Verb) func(*lock.Config) {
	return func(c *lock.Config) {
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return slices.Contains(verbs, v) }
	}
}
