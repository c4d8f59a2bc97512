package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var s spoken
	p := s.of(lock.Device{Scope: "acme", ID: "phone"})
	for n := range 2 * maxForeign {
		id := lock.ID(fmt.Sprint(n))
		p.delivered(id)
		p.progress(id, CodeUnknown)
		p.alarm(id)
		other := "other " + id
		assert.False(t, p.repeats(other, CodeUnknown, time.Unix(0, 0).Add(time.Duration(n)*othersFor)), "an hour later")
		p.progress(other, CodeUnknown)
	}
	assert.Len(t, p.actions, maxSpoken)
	assert.Len(t, p.codes, maxSpoken)
	assert.Len(t, p.last, 1)
	assert.Len(t, p.foreign, maxForeign)
	assert.True(t, p.alarmed(lock.ID(fmt.Sprint(2*maxForeign-1))), "the latest")
}
