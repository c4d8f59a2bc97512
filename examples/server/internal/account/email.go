package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// How long an address may be, and what is before its @ (RFC 5321, section 4.5.3.1, without the angle brackets).
const (
	maxEmail = 254
	maxLocal = 64
)

// bareAddress is an address that needs no quoting and no extension of any mail server (RFC 5322, section 3.2.3): nothing in it can end a line, a
// header or an argument.
var bareAddress = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@" +
	`[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// CheckEmail returns a *lock.InputError of the field when a text is no mail address, as in jane@example.com.
func CheckEmail(field, text string) error {
	if len(text) > maxEmail || strings.IndexByte(text, '@') > maxLocal || !bareAddress.MatchString(text) {
		return &lock.InputError{Field: field, Rule: "must be one mail address in ASCII, as in jane@example.com"}
	}
	return nil
}

// SetEmail gives an account a mail address, or takes it away when email is empty. An address that cannot be is a *lock.InputError; the error
// wraps lock.ErrNotFound when there is no such account.
func (d Desk) SetEmail(ctx context.Context, by lock.Actor, name, email string) error {
	if email != "" {
		if err := CheckEmail("email", email); err != nil {
			return err
		}
	}
	if _, err := d.Accounts.Account(ctx, name); err != nil {
		return err
	}
	if err := d.note(ctx, by, "email", name, map[string]string{"email": email}); err != nil {
		return err
	}
	if _, err := d.Accounts.db.Exec(ctx, `UPDATE server_accounts SET email = $2 WHERE name = $1`, name, email); err != nil {
		return fmt.Errorf("write the account: %w", err)
	}
	return nil
}
