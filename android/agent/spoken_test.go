package agent

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

// TestProgressOfWhatAnotherServerDelivered is recorded, however much this one delivered before.
func TestProgressOfWhatAnotherServerDelivered(t *testing.T) {
	var s spoken
	d := lock.Device{Scope: "acme", ID: "phone"}
	for n := range maxSpoken {
		s.delivered(d, lock.ID(fmt.Sprint(n)))
	}
	assert.False(t, s.repeats(d, "elsewhere", CodeUnknown))
	s.progress(d, "elsewhere", CodeUnknown)
	assert.True(t, s.repeats(d, "elsewhere", CodeUnknown))
	assert.Len(t, s.of(d).actions, maxSpoken)
	assert.Len(t, s.of(d).codes, maxSpoken)
}
