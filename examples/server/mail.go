package main

import (
	"context"
	"errors"
	"flag"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

// envSMTPPassword has the password of the user in -smtp.
const envSMTPPassword = "LATCHKEY_SMTP_PASSWORD" //nolint:gosec // the name of the variable

// mailOptions say how new passcodes are mailed.
type mailOptions struct {
	url, from       string
	passcode, links string        // as given
	server          delivery.SMTP // read from url; no host: nothing is mailed
}

func mailFlags(o *mailOptions, flags *flag.FlagSet) {
	flags.StringVar(&o.url, "smtp", "", "`URL` of the mail server for new passcodes, as in smtp://user@mail.example.com:587 (STARTTLS; in clear on "+
		"this machine alone) or smtps://user@mail.example.com; its password is taken from "+envSMTPPassword+" (default: nothing is mailed)")
	flags.StringVar(&o.from, "mail-from", "", "`address` that mails are from, as in latchkey@example.com, with -smtp")
	flags.StringVar(&o.passcode, "passcode-mail", string(delivery.PasscodeLink), "what a mail has: link, which works once, "+
		"or clear, the passcode itself")
	flags.StringVar(&o.links, "passcode-links", "open", "who opens a link that was mailed to the user of a device: open, whoever has it, or signin, "+
		"who has an account that may reveal")
}

// read checks what was given; password is that of the environment.
func (o *mailOptions) read(password string) error {
	switch {
	case o.url == "" && o.from != "":
		return &usageError{"-mail-from", "give -smtp too, or leave it out", nil}
	case o.url == "" && (o.passcode != string(delivery.PasscodeLink) || o.links != "open"):
		return &usageError{"-passcode-mail and -passcode-links", "give -smtp too, or leave them out", nil}
	case o.passcode != string(delivery.PasscodeLink) && o.passcode != string(delivery.PasscodeClear):
		return &usageError{"-passcode-mail", "must be link or clear", nil}
	case o.links != "open" && o.links != "signin":
		return &usageError{"-passcode-links", "must be open or signin", nil}
	case o.url == "":
		return nil
	case o.from == "":
		return &usageError{"-mail-from", "give the address that mails are from, as in latchkey@example.com", nil}
	}
	server, err := delivery.ParseSMTP(o.url, password)
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return &usageError{"-smtp and " + envSMTPPassword, input.Rule, nil}
	}
	o.server = server
	return err
}

// openDeliveries makes what mails passcodes, where there is a mail server.
func (s *server) openDeliveries() (err error) {
	if s.mail.server.Host == "" {
		return nil
	}
	s.deliveries, err = delivery.New(delivery.Config{
		DB: s.db, Service: s.service, Ledger: s.db.Ledger, Tries: s.accounts, Mail: s.mail.server, From: s.mail.from, BaseURL: s.base,
		Mode: delivery.Mode(s.mail.passcode), SignIn: s.mail.links == "signin", Now: s.now, Logger: s.logger,
	})
	if input := (*lock.InputError)(nil); errors.As(err, &input) && input.Field == "From" {
		return &usageError{"-mail-from", input.Rule, nil}
	}
	return err
}

// prompt is the service as devices report to it: the mail with a passcode leaves as soon as its device has confirmed it.
type prompt struct {
	*lock.Service
	deliveries *delivery.Deliveries // nil: no passcode is mailed
}

// Report is lock.Service's.
func (p prompt) Report(ctx context.Context, r lock.Report) error {
	err := p.Service.Report(ctx, r)
	if err == nil && p.deliveries != nil {
		p.deliveries.Kick()
	}
	return err
}

// sendMail sends passcodes until ctx ends, where there is a mail server.
func (s *server) sendMail(ctx context.Context) {
	if s.deliveries != nil {
		s.deliveries.Run(ctx)
	}
}
