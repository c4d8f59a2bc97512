package main

import (
	"context"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
)

// noEmail takes the mail address of an account away.
const noEmail = "none"

// checkEmail refuses what is no address before an account is made for it.
func (o *office) checkEmail() error {
	if o.email == "" || o.email == noEmail {
		return nil
	}
	return account.CheckEmail("email", o.email)
}

func (o *office) changeEmail(ctx context.Context, _ string) error {
	if o.email == "" {
		return &usageError{"-email", "must be the address, or none", nil}
	}
	address := o.email
	if address == noEmail {
		address = ""
	}
	return o.desk.SetEmail(ctx, o.who(), o.name, address)
}
