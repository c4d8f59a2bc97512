package change_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

// What Check refuses is a topic of storetest.
func TestOrder(t *testing.T) {
	action := func(scope, device string) lock.Change {
		return lock.Change{Actions: []lock.Action{{Device: lock.Device{Scope: scope, ID: device}}}}
	}
	notice := func(scope, device string) lock.Change {
		return lock.Change{Events: []lock.Event{{Scope: scope, Device: device}}}
	}
	for _, c := range []struct {
		name  string
		batch []lock.Change
		want  []int
	}{
		{"nothing", nil, []int{}},
		{"by scope, then device", []lock.Change{action("b", "1"), action("a", "2"), action("a", "1")}, []int{2, 1, 0}},
		{"one device stays in its order", []lock.Change{action("a", "2"), action("a", "1"), action("a", "1"), action("a", "1")}, []int{1, 2, 3, 0}},
		{"notices by their device", []lock.Change{action("a", "2"), notice("a", "1"), notice("a", "3")}, []int{1, 0, 2}},
		{"an empty change first", []lock.Change{action("a", "1"), {}}, []int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, change.Order(c.batch)) })
	}
}
