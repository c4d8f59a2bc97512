package delivery

import (
	"net/mail"
	"strings"
	"unicode"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// mailbox is who mail is from.
type mailbox struct{ name, address string }

// parseMailbox reads "Name <address>", or an address alone.
func parseMailbox(field, text string) (mailbox, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || account.CheckEmail(field, parsed.Address) != nil || strings.ContainsFunc(parsed.Name, unicode.IsControl) {
		return mailbox{}, &lock.InputError{Field: field, Rule: "must be like latchkey@example.com or Latchkey <latchkey@example.com>"}
	}
	return mailbox{parsed.Name, parsed.Address}, nil
}

// domain is what is behind the @.
func (m mailbox) domain() string { return m.address[strings.LastIndex(m.address, "@")+1:] }
