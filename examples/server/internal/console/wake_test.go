package console

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
)

func TestPhoneThatIsNotConnectedInWords(t *testing.T) {
	a := lock.Action{State: lock.StateQueued, Device: lock.Device{Platform: androidPlatform}, WakeOutcome: "no_poll"}
	assert.Contains(t, wakeUp(a), "holds no connection open")
}

func TestWakeOutcomesInWords(t *testing.T) {
	said := map[string]bool{}
	for _, class := range []push.Class{
		push.ClassNoToken, push.ClassUnregistered, push.ClassBadToken, push.ClassBadTopic, push.ClassBadCertificate, push.ClassTooLarge,
		push.ClassThrottled, push.ClassUnavailable, push.ClassUnreachable, push.ClassRejected, "timeout", "failed",
	} {
		for _, state := range []lock.State{lock.StateQueued, lock.StateIssued} {
			a := lock.Action{State: state, WakeOutcome: string(class)}
			text := wakeUp(a)
			assert.Contains(t, statusOf(a, false, began).Detail, text)
			assert.Contains(t, text, "when it comes by itself", class)
			if class != "failed" {
				assert.NotContains(t, text, "("+string(class)+")", "it has words of its own")
			}
			said[text] = true
		}
	}
	assert.Len(t, said, 12, "each says something else")
	assert.Contains(t, statusOf(lock.Action{State: lock.StateQueued, WakeOutcome: "sent"}, false, began).Detail, "It was told to come.")
	assert.NotContains(t, statusOf(lock.Action{State: lock.StateQueued, WakeOutcome: "sent"}, true, began).Detail, "told to come", "it cannot come")
}
