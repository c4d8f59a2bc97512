package auditlog_test

import (
	"slices"
	"testing"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// listingCases falsify the columns that queries go by.
func listingCases() []tampering {
	var all []tampering
	for _, set := range []string{
		"scope = 'nowhere'", "device = 'another'", "serial = ''", "actor = 'nobody'", "kind = 'escrow'", "state = 'released'", "lane = NULL", "created = 0",
	} {
		all = append(all, tampering{name: "column of an action: " + set, tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE actions SET "+set+" WHERE id = ?1", string(l.actions[5].ID))
			return exactly(auditlog.TamperedListing, l.last(5))
		}})
	}
	return append(all,
		tampering{name: "column of a secret: the key that sealed it", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE secrets SET key_id = 'lost' WHERE action = ?1", string(l.actions[5].ID))
			return exactly(auditlog.TamperedListing, l.last(5))
		}},
		tampering{name: "column of a legal hold: its type", tamper: func(_ *testing.T, l *ledger) finding {
			hold := int64(len(l.events)) - 1
			l.retype(hold, lock.EventDenied)
			return exactly(auditlog.TamperedListing, hold)
		}},
		tampering{name: "column of a legal hold: its scope", tamper: func(_ *testing.T, l *ledger) finding {
			hold := int64(len(l.events)) - 1
			l.exec("UPDATE events SET scope = 'nowhere' WHERE hash = ?1", l.events[hold].Hash)
			return exactly(auditlog.TamperedListing, hold)
		}},
		tampering{name: "column of another event: the type of a legal hold's end", tamper: func(_ *testing.T, l *ledger) finding {
			l.retype(at, lock.EventHoldLifted)
			return exactly(auditlog.TamperedListing, at)
		}},
	)
}

// retype falsifies the columns with the type of an event.
func (l *ledger) retype(position int64, to lock.EventType) {
	l.exec("UPDATE events SET type = ?1 WHERE hash = ?2", string(to), l.events[position].Hash)
	if slices.Contains(l.tables, "log") {
		l.exec("UPDATE log SET type = ?1 WHERE position = ?2", string(to), position)
	}
}

// junkCases tamper with an event, with its whole chain, and put rows among the checkpoints that are none.
func junkCases() []tampering {
	rechained := func(t *testing.T, l *ledger) {
		events := slices.Clone(l.events)
		rechain(t, events, 99)
		l.setEvents(events)
	}
	return []tampering{
		{name: "chain changed, a huge checkpoint that is none", tamper: func(t *testing.T, l *ledger) finding {
			rechained(t, l)
			l.exec("INSERT INTO log_checkpoints (size, note) VALUES (?1, ?2)", int64(1<<40), []byte("junk"))
			return exactly(auditlog.Changed, 99)
		}},
		{name: "chain changed, the newest checkpoint below many that are none", tamper: func(t *testing.T, l *ledger) finding {
			rechained(t, l)
			l.exec("DELETE FROM log_checkpoints WHERE size < ?1", l.size)
			for i := range 330 {
				l.exec("INSERT INTO log_checkpoints (size, note) VALUES (?1, ?2)", int64(i+1), []byte("junk"))
			}
			return exactly(auditlog.Changed, 99)
		}},
		{name: "the newest checkpoint stored with another size", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE log_checkpoints SET size = ?1 WHERE size = ?2", l.size-1, l.size)
			return finding{auditlog.TamperedCheckpoint, l.size, int64(len(l.events))}
		}},
	}
}
