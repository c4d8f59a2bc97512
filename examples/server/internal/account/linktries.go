package account

import "context"

// linkTries goes before an address that tries one-time links: they are counted apart from sign-ins.
const linkTries = "link "

// TryLink takes one try of a one-time link that is none, of those that an address has as it has those to sign in; false: none is left.
func (s *Store) TryLink(ctx context.Context, address string) (bool, error) {
	return s.take(ctx, linkTries+network(address))
}
