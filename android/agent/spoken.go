package agent

import (
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	maxSpoken  = 64  // actions of one device, delivered last, of which is remembered what the device said
	maxCodes   = 8   // codes of one of them that are recorded until it is delivered again
	maxOthers  = 8   // reports of progress that are recorded within the time below, of all other actions of one device together
	maxForeign = 256 // actions of others that one device answered
)

// othersFor is how long maxOthers is for.
const othersFor = time.Hour

// spoken remembers what devices said that changes nothing, so that whoever holds a device's key cannot fill the ledger with it. What is said
// again, in other words too, is not recorded again. It is for one process and bounded for each device: enrolling one takes a code.
type spoken struct {
	mu      sync.Mutex
	devices map[address]*speech
}

// speech is one device's. It is held locked while a result is recorded: of two that come together, one is the later.
type speech struct {
	sync.Mutex

	actions []lock.ID          // that this process delivered, oldest first. What a device says adds none, so it can make none forgotten
	codes   map[lock.ID][]Code // of each of them
	others  int                // progress of other actions
	last    map[lock.ID]Code   // of each of these
	since   time.Time          // when others was none
	foreign []lock.ID          // oldest first
}

// of is what a device said.
func (s *spoken) of(d lock.Device) *speech {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := address{d.Scope, d.ID}
	if s.devices[at] == nil {
		if s.devices == nil {
			s.devices = map[address]*speech{}
		}
		s.devices[at] = &speech{codes: map[lock.ID][]Code{}, last: map[lock.ID]Code{}}
	}
	return s.devices[at]
}

// delivered lets a device speak of an action anew. A device cannot bring that about: the ledger bounds the deliveries.
func (p *speech) delivered(id lock.ID) {
	p.Lock()
	defer p.Unlock()
	p.forget(id)
	if len(p.actions) >= maxSpoken {
		p.forget(p.actions[0])
	}
	p.actions, p.codes[id] = append(p.actions, id), nil
}

func (p *speech) forget(id lock.ID) {
	p.actions = slices.DeleteFunc(p.actions, func(a lock.ID) bool { return a == id })
	delete(p.codes, id)
}

// repeats reports whether progress of an action with this code is nothing new, or too much.
func (p *speech) repeats(id lock.ID, code Code, now time.Time) bool {
	if codes, ours := p.codes[id]; ours {
		return slices.Contains(codes, code) || len(codes) >= maxCodes
	}
	if now.Sub(p.since).Abs() >= othersFor {
		p.others, p.since = 0, now
		clear(p.last)
	}
	last, said := p.last[id] // a code before that one may be news: another process may have delivered the action anew
	return said && last == code || p.others >= maxOthers
}

// progress notes what was recorded.
func (p *speech) progress(id lock.ID, code Code) {
	if codes, ours := p.codes[id]; ours {
		p.codes[id] = append(codes, code)
	} else {
		p.others++
		p.last[id] = code
	}
}

// alarmed reports whether there was an alarm already that the device answered this action of another.
func (p *speech) alarmed(id lock.ID) bool { return slices.Contains(p.foreign, id) }

// alarm notes that the answer to another device's command was recorded.
func (p *speech) alarm(id lock.ID) {
	if p.foreign = append(p.foreign, id); len(p.foreign) > maxForeign {
		p.foreign = p.foreign[1:]
	}
}
