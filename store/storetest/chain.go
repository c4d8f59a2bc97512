package storetest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func chainCases() []testCase {
	return []testCase{
		{"an action is the fold of its events", func(l *ledger) {
			for _, a := range histories(l) {
				events := l.events(lock.EventFilter{Action: a.ID})
				folded, err := lock.Action{}.Replay(events)
				require.NoError(l, err)
				assert.Equal(l, text(l, folded), text(l, l.get(a.ID)))
				assert.Equal(l, text(l, a), text(l, folded))
			}
		}},
		{"the bytes come back exactly, by action and in the feed", func(l *ledger) {
			want := map[string]lock.Event{}
			for _, c := range []lock.Change{
				l.order("mac-1"),
				l.order("mac-2", func(e *lock.Event) { e.Reason = "\u2028 <&> \U0001F512 \ufffd" }),
				l.notice("mac-3"),
			} {
				l.must(c)
				want[string(c.Events[0].Hash)] = c.Events[0]
				for _, e := range l.events(lock.EventFilter{Action: c.Events[0].Action}) {
					assert.Equal(l, string(want[string(e.Hash)].Body), string(e.Body))
				}
			}
			for _, e := range l.dense(len(want)) {
				sealed := want[string(e.Hash)]
				assert.Equal(l, string(sealed.Body), string(e.Body))
				assert.Equal(l, sealed.Prev, e.Prev)
			}
		}},
		{"the body is kept, not what it decodes to", func(l *ledger) {
			e := l.notice("mac-1").Events[0]
			reordered := `{ "device":"mac-1","scope":"acme", "type":"denied","unknown":1.50, "time":"2026-03-14T09:26:53.589793Z" }`
			e.Body = []byte(reordered)
			e.Hash = chainHash(e.Prev, e.Body)
			l.must(lock.Change{Events: []lock.Event{e}})
			assert.Equal(l, reordered, string(l.dense(1)[0].Body))
		}},
	}
}

// histories commits actions with the lives that matter, and returns them as they are at the end.
func histories(l *ledger) []lock.Action {
	l.Helper()
	facts := func(e *lock.Event) { e.Facts = map[string]string{"message_result": "Success"} }
	poll := func(e *lock.Event) { e.Evidence = lock.EvidencePoll }
	var ends []lock.Action
	a := l.ordered("mac-1")
	for _, t := range []lock.EventType{lock.EventIssued, lock.EventNotNow, lock.EventRedelivered} {
		a = l.went(a, t)
	}
	a = l.went(l.went(a, lock.EventAcknowledged, facts), lock.EventRevealed)
	ends = append(ends, l.went(a, lock.EventReleased, poll))

	b := l.went(l.ordered("mac-2", held), lock.EventApproved)
	b = l.went(b, lock.EventSecretAdded, sealing(secret(2, "key-1", "second")))
	b = l.went(b, lock.EventResealed, sealing(secret(1, "key-2", "again")))
	ends = append(ends, l.went(b, lock.EventExpired))

	c := l.went(l.went(l.ordered("mac-3"), lock.EventIssued), lock.EventLapsed)
	d := l.ordered("mac-3", when(5))
	ends = append(ends, l.went(c, lock.EventAcknowledged, noLane), d)
	return ends
}
