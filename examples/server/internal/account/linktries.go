package account

import "context"

// linkTries goes before an address that tries one-time links: they are counted apart from sign-ins.
const linkTries = "link "

// TryLink takes one try to open a one-time link, of those that an address has as it has those to sign in; false: none is left.
func (s *Store) TryLink(ctx context.Context, address string) (bool, error) {
	return s.take(ctx, linkTries+network(address))
}

// ForgiveLink gives an address all its tries to open a link back.
func (s *Store) ForgiveLink(ctx context.Context, address string) error {
	return s.giveBack(ctx, linkTries+network(address))
}
