package account

import (
	"net/netip"
	"time"
)

// An address may try maxTries times at once, and then once every tryEvery, until somebody signs in from there. A name has no limit: with
// one, any stranger could keep the administrator out.
const (
	maxTries    = 10
	tryEvery    = 5 * time.Second
	maxNetworks = 10_000
)

// tries counts what an address has used up; one try comes back every tryEvery.
type tries struct {
	used int
	at   time.Time // until when the count is right
}

// mayTry takes one try of an address, if it has one left.
func (s *Store) mayTry(address string) bool {
	now, key := s.now(), network(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.tries[key]
	if !known {
		s.makeRoom()
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
	s.tries[key] = t
	return true
}

// makeRoom bounds the table. It forgets the count that is the oldest, and so the nearest to none, and no other.
func (s *Store) makeRoom() {
	if len(s.tries) < maxNetworks {
		return
	}
	var oldest string
	for key, t := range s.tries {
		if oldest == "" || t.at.Before(s.tries[oldest].at) {
			oldest = key
		}
	}
	delete(s.tries, oldest)
}

func (s *Store) forget(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tries, network(address))
}

// network is what counts as one address: in IPv6 a /64, since whoever has one address of it has them all.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
