package agent

import (
	"slices"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	maxSpoken  = 64  // actions of one device of which is remembered what the device said
	maxCodes   = 8   // codes of one action that are recorded until it is delivered again
	maxForeign = 256 // actions of others that one device answered
)

// spoken remembers what devices said that changes nothing, so that whoever holds a device's key cannot fill the ledger with it. What is said
// again, in other words too, is not recorded again. It is for one process and bounded for each device: enrolling one takes a code.
type spoken struct {
	mu      sync.Mutex
	devices map[address]*speech
}

// speech is one device's.
type speech struct {
	actions []lock.ID // oldest first
	codes   map[lock.ID][]Code
	foreign []lock.ID // oldest first
}

// of is what a device said. The lock is held.
func (s *spoken) of(d lock.Device) *speech {
	at := address{d.Scope, d.ID}
	if s.devices[at] == nil {
		if s.devices == nil {
			s.devices = map[address]*speech{}
		}
		s.devices[at] = &speech{codes: map[lock.ID][]Code{}}
	}
	return s.devices[at]
}

// delivered lets a device speak of an action anew. A device cannot bring that about: the ledger bounds the deliveries.
func (s *spoken) delivered(d lock.Device, id lock.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.of(d)
	p.forget(id)
	p.add(id)
}

// add remembers another action, and no longer the oldest when there are too many.
func (p *speech) add(id lock.ID) {
	if len(p.actions) >= maxSpoken {
		p.forget(p.actions[0])
	}
	p.actions, p.codes[id] = append(p.actions, id), nil
}

func (p *speech) forget(id lock.ID) {
	p.actions = slices.DeleteFunc(p.actions, func(a lock.ID) bool { return a == id })
	delete(p.codes, id)
}

// repeats reports whether progress of an action with this code is nothing new.
func (s *spoken) repeats(d lock.Device, id lock.ID, code Code) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.of(d)
	codes := p.codes[id]
	return slices.Contains(codes, code) || len(codes) >= maxCodes
}

// progress notes what was recorded.
func (s *spoken) progress(d lock.Device, id lock.ID, code Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.of(d)
	if _, known := p.codes[id]; !known {
		p.add(id)
	}
	p.codes[id] = append(p.codes[id], code)
}

// alarmed reports whether there was an alarm already that the device answered this action of another.
func (s *spoken) alarmed(d lock.Device, id lock.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.of(d).foreign, id)
}

// alarm notes that the answer to another device's command was recorded.
func (s *spoken) alarm(d lock.Device, id lock.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.of(d)
	if p.foreign = append(p.foreign, id); len(p.foreign) > maxForeign {
		p.foreign = p.foreign[1:]
	}
}
