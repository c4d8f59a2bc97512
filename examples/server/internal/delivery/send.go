package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"

	"github.com/wneessen/go-mail"
)

// failure is why a mail did not go out. Its text is made here: what a mail server answers may repeat the mail, and with it what is secret.
type failure struct {
	text  string
	final bool // the same mail would be refused again
}

// Error is one sentence.
func (f *failure) Error() string { return f.text }

// message is a letter as it is sent to one address.
func (d *Deliveries) message(to string, l letter) (*mail.Msg, error) {
	m := mail.NewMsg(mail.WithEncoding(mail.EncodingQP), mail.WithCharset(mail.CharsetASCII), mail.WithNoDefaultUserAgent())
	if err := m.FromFormat(d.from.name, d.from.address); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := m.To(to); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	m.Subject(l.subject)
	m.SetDateWithValue(d.now())
	m.SetMessageIDWithValue(newToken() + "@" + d.from.domain())
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834, section 5: no out-of-office note answers it
	m.SetBodyString(mail.TypeTextPlain, l.body)
	return m, nil
}

// send hands a letter to the mail server, and makes it once the server has let us in. What goes wrong there is a *failure, but for
// what write returns.
func (d *Deliveries) send(ctx context.Context, to string, write func(context.Context) (letter, error)) error {
	l, err := d.Mail.open(ctx)
	if err != nil {
		return &failure{text: whyNotOpen(err)}
	}
	well := false
	defer func() { l.close(well) }()
	text, err := write(ctx)
	if err != nil {
		return err
	}
	m, err := d.message(to, text)
	if err != nil {
		return &failure{text: "The mail could not be made: check -mail-from and the address.", final: true}
	}
	if err := l.client.Send(m); err != nil && !m.IsDelivered() {
		return whyNotTaken(err)
	}
	well = true
	return nil
}

// whyNotOpen says in words why a mail server does not let us in. None of it is final: it is for an operator to repair.
func whyNotOpen(err error) string {
	var certificate *tls.CertificateVerificationError
	var said *textproto.Error
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return "The mail server's certificate is not good for its name."
	case errors.As(err, &said):
		return fmt.Sprintf("The mail server does not let us in (%d): check the user and LATCHKEY_SMTP_PASSWORD.", said.Code)
	case errors.Is(err, errNotLocal):
		return "The mail server is not on this machine, so mail does not go to it without TLS."
	case errors.As(err, &network) && network.Timeout():
		return "The mail server does not answer in time."
	case errors.As(err, &network):
		return "The mail server cannot be reached."
	}
	return "The mail server offers no TLS, or no way to sign in, that can be used."
}

// whyNotTaken says in words why a mail server did not take a mail. A permanent answer to the recipient or to the mail is final; one to the
// sender is for an operator to repair.
func whyNotTaken(err error) *failure {
	var said *mail.SendError
	if !errors.As(err, &said) || said.ErrorCode() == 0 {
		return &failure{text: "The mail server did not answer in time, or hung up."}
	}
	code := said.ErrorCode()
	f := &failure{final: code >= 500}
	switch said.Reason {
	case mail.ErrSMTPRcptTo:
		f.text = fmt.Sprintf("The mail server does not take mail for this address (%d).", code)
	case mail.ErrSMTPMailFrom:
		f.text, f.final = fmt.Sprintf("The mail server does not take mail from this sender (%d): check -mail-from.", code), false
	default:
		f.text = fmt.Sprintf("The mail server does not take the mail (%d).", code)
	}
	return f
}
