package mdmproto

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/latchkey-mdm/latchkey/lock"
)

// The names under which Apple's secrets are escrowed.
const (
	escrowUnlockToken    = "unlock_token"
	escrowBootstrapToken = "bootstrap_token"
)

// checkin answers a check-in message.
func (h *handler) checkin(ctx context.Context, cert *x509.Certificate, m Checkin) ([]byte, error) {
	if m.MessageType == msgAuthenticate {
		return nil, h.authenticate(ctx, cert, m)
	}
	d, err := h.Enrollments.Device(ctx, cert, m.ID())
	if err != nil {
		return nil, enrolled(err)
	}
	switch m.MessageType {
	case msgTokenUpdate:
		if !m.IsUser() && !m.UnlockToken.IsZero() {
			if err := h.Service.Escrow(ctx, d, escrowUnlockToken, m.UnlockToken); err != nil {
				return nil, err
			}
		}
		return nil, enrolled(h.Enrollments.TokenUpdate(ctx, d, m))
	case "CheckOut":
		if m.IsUser() {
			return nil, nil
		}
		return nil, enrolled(h.Enrollments.CheckOut(ctx, d, m))
	case msgSetBootstrapToken:
		return nil, h.Service.Escrow(ctx, d, escrowBootstrapToken, m.BootstrapToken)
	case "GetBootstrapToken":
		return h.bootstrapToken(ctx, d)
	case "UserAuthenticate": // declines user logins of network accounts (Apple, MDM Protocol Reference)
		return nil, &refusal{http.StatusGone, "user authentication is not offered"}
	case "DeclarativeManagement", "GetToken":
		return nil, &refusal{http.StatusNotFound, "not offered by this server"}
	default: // one that is newer than this package
		h.Logger.InfoContext(ctx, "check-in of an unknown type answered", slog.String("device", d.ID))
		return nil, nil
	}
}

// authenticate begins an enrolment, renews one, or begins a new one of a device that was wiped.
func (h *handler) authenticate(ctx context.Context, cert *x509.Certificate, m Checkin) error {
	d, settled, err := h.Enrollments.Authenticate(ctx, cert, m)
	if err != nil || settled {
		return enrolled(err)
	}
	// The certificate is bound: whoever hangs up now must not escape what follows from that.
	return h.Service.Seen(context.WithoutCancel(ctx), d, lock.EvidenceReenrolled)
}

func (h *handler) bootstrapToken(ctx context.Context, d lock.Device) ([]byte, error) {
	token, err := h.Service.Escrowed(ctx, d, escrowBootstrapToken)
	if errors.Is(err, lock.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return encodeBootstrapToken(token)
}

// command answers a poll or a result. On a user's channel there are no commands.
func (h *handler) command(ctx context.Context, cert *x509.Certificate, m Result) ([]byte, error) {
	d, err := h.Enrollments.Device(ctx, cert, m.ID())
	if err != nil {
		return nil, enrolled(err)
	}
	if m.IsUser() {
		return nil, h.Service.Seen(ctx, d, lock.EvidenceUserChannel)
	}
	ours, err := h.result(ctx, d, m)
	if err != nil {
		return nil, err
	}
	if !ours {
		if err := h.Service.Seen(ctx, d, lock.EvidencePoll); err != nil {
			return nil, err
		}
	}
	next := h.Service.NextQueued
	if m.Status == StatusIdle { // the device has come back: what it did not answer, or put off, is offered again
		next = h.Service.Next
	}
	cmd, err := next(ctx, d)
	switch {
	case errors.Is(err, lock.ErrSealed):
		h.Logger.ErrorContext(ctx, "a command waits and cannot be made", slog.String("device", d.ID), slog.Any("error", err))
	case err != nil:
		return nil, err
	case cmd.ID != "":
		return cmd.Body, nil
	}
	if h.Commands == nil {
		return nil, nil
	}
	return h.Commands.Next(ctx, d, m)
}

// result makes what a device said of a command durable, and reports whether the command was the ledger's.
func (h *handler) result(ctx context.Context, d lock.Device, m Result) (ours bool, err error) {
	if m.Status == StatusIdle {
		return false, nil
	}
	if r, ok := report(d, m); ok {
		switch err := h.Service.Report(ctx, r); {
		case errors.Is(err, lock.ErrWrongDevice): // recorded; to refuse it would make the device repeat it for ever
			h.Logger.WarnContext(ctx, "result of another device's command", slog.String("device", d.ID))
			return true, nil
		case err == nil, !errors.Is(err, lock.ErrNotOurs):
			return true, err
		}
	}
	if h.Commands == nil {
		h.Logger.InfoContext(ctx, "result of an unknown command", slog.String("device", d.ID))
		return false, nil
	}
	return false, h.Commands.Result(ctx, d, m)
}

// report puts a result in the ledger's words.
func report(d lock.Device, m Result) (lock.Report, bool) {
	r := lock.Report{Scope: d.Scope, Device: d.ID, Action: lock.ID(m.CommandUUID), Facts: map[string]string{}}
	switch m.Status {
	case StatusAcknowledged:
		r.Outcome = lock.Acknowledged
	case StatusError, StatusCommandFormatError:
		r.Outcome = lock.Refused
		r.Facts["Status"] = string(m.Status)
	case StatusNotNow:
		r.Outcome = lock.NotNow
	default: // says nothing about the command
		return r, false
	}
	if m.MessageResult != "" {
		r.Facts["MessageResult"] = m.MessageResult
	}
	for i, item := range m.ErrorChain[:min(len(m.ErrorChain), 8)] {
		field := "ErrorChain." + strconv.Itoa(i)
		r.Facts[field] = fmt.Sprintf("%s %d: %s", item.Domain, item.Code, item.LocalizedDescription)
	}
	return r, m.CommandUUID != ""
}
