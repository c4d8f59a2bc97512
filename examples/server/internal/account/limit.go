package account

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// An address may try maxTries times at once, and then once every tryEvery, until somebody signs in from there, at whichever server of the
// database. A name has no limit: with one, any stranger could keep the administrator out.
const (
	maxTries = 10
	tryEvery = 5 * time.Second
)

// mayTry takes one try of an address, if it has one left, whether its caller waits for the answer or not. Each try puts off the time by
// which the address has all of them back; addresses that have are forgotten.
func (s *Store) mayTry(ctx context.Context, address string) (bool, error) {
	return s.take(ctx, network(address))
}

// take is mayTry of whatever has tries.
func (s *Store) take(ctx context.Context, who string) (bool, error) {
	ctx, now := context.WithoutCancel(ctx), s.now()
	taken, err := s.db.Exec(ctx, `INSERT INTO server_tries (network, back_at) VALUES ($1, $3)
		ON CONFLICT (network) DO UPDATE SET
			back_at = CASE WHEN server_tries.back_at < $2 THEN $2 ELSE server_tries.back_at END + $4
		WHERE server_tries.back_at <= $5`,
		who, db.Micros(now), db.Micros(now.Add(tryEvery)), tryEvery.Microseconds(),
		db.Micros(now.Add((maxTries-1)*tryEvery)))
	if err == nil {
		_, err = s.db.Exec(ctx, `DELETE FROM server_tries WHERE back_at <= $1`, db.Micros(now))
	}
	if err != nil {
		return false, fmt.Errorf("count the tries: %w", err)
	}
	return taken > 0, nil
}

// forget gives an address all its tries back.
func (s *Store) forget(ctx context.Context, address string) error {
	return s.giveBack(ctx, network(address))
}

func (s *Store) giveBack(ctx context.Context, who string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM server_tries WHERE network = $1`, who); err != nil {
		return fmt.Errorf("give the tries back: %w", err)
	}
	return nil
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
