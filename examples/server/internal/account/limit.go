package account

import "time"

// A name may be tried maxTries times at once, and then once every tryEvery, until somebody signs in.
const (
	maxTries = 10
	tryEvery = 5 * time.Second
	maxNames = 10_000
)

// tries counts what a name has used up; one try comes back every tryEvery.
type tries struct {
	used int
	at   time.Time // until when the count is right
}

// mayTry takes one try of a name, if it has one left.
func (s *Store) mayTry(name string) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.tries[name]
	if !known && len(s.tries) >= maxNames { // somebody tries names: forget them all rather than grow
		clear(s.tries)
	}
	back := int(now.Sub(t.at) / tryEvery)
	if !known || back >= t.used {
		t = tries{at: now}
	} else if back > 0 {
		t.used -= back
		t.at = t.at.Add(time.Duration(back) * tryEvery)
	}
	if t.used >= maxTries {
		return false
	}
	t.used++
	s.tries[name] = t
	return true
}

func (s *Store) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tries, name)
}
