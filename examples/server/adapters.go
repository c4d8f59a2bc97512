package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/console"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// codes makes enrolment codes for people.
type codes struct {
	ca      *ca.CA
	agents  *agents.Store
	service *lock.Service
}

// NewCode implements api.Codes and console.Enrolment. Who was given a way in is on record before the code leaves; the code itself is not.
func (c codes) NewCode(ctx context.Context, a lock.Actor, renews string) (code string, err error) {
	facts := map[string]string{"kind": "enrol"}
	if renews == "" {
		code, err = c.ca.NewChallenge(ctx)
	} else {
		facts = map[string]string{"kind": "renew", "device": renews}
		code, err = c.ca.NewRenewal(ctx, renews)
	}
	if err != nil {
		return "", err
	}
	if err := c.service.Note(ctx, a, lock.EventEnrolmentLink, inventory.Scope, facts); err != nil {
		return "", err
	}
	return code, nil
}

// NewAndroidCode makes a code with which one Android device enrols, once, within the hour. Who was given it is on record before it leaves;
// the code itself is not.
func (c codes) NewAndroidCode(ctx context.Context, a lock.Actor) (code string, err error) {
	if code, err = c.agents.NewCode(ctx); err != nil {
		return "", err
	}
	facts := map[string]string{"kind": "enrol", "platform": inventory.AgentPlatform}
	if err := c.service.Note(ctx, a, lock.EventEnrolmentLink, inventory.Scope, facts); err != nil {
		return "", err
	}
	return code, nil
}

// unknownName stands for every name that nobody has: people type passwords there, so the name itself is not recorded.
const unknownName = "unknown"

// consoleAccounts records the sign-ins that were refused, but for those that came too often.
type consoleAccounts struct {
	*account.Store
	service *lock.Service
	logger  *slog.Logger
}

// CheckPassword implements console.Accounts.
func (c consoleAccounts) CheckPassword(ctx context.Context, name, password, address string) (lock.Actor, error) {
	a, err := c.Store.CheckPassword(ctx, name, password, address)
	if errors.Is(err, lock.ErrDenied) && !errors.Is(err, account.ErrTooOften) {
		who := lock.Actor{ID: unknownName, Address: address}
		if _, err := c.Account(ctx, name); err == nil {
			who.ID = name
		}
		facts := map[string]string{"outcome": "refused"}
		if err := c.service.Note(ctx, who, lock.EventSignedIn, inventory.Scope, facts); err != nil {
			c.logger.ErrorContext(ctx, "refused sign-in could not be recorded", slog.Any("error", err))
		}
	}
	return a, err
}

// consoleDemo is the simulated fleet as the console sees it.
type consoleDemo struct{ *demo.Fleet }

// Screen implements console.Demo.
func (c consoleDemo) Screen(_ context.Context, device string) (console.Screen, bool) {
	s, ok := c.Fleet.Screen(device)
	return console.Screen(s), ok
}

// Type implements console.Demo.
func (c consoleDemo) Type(_ context.Context, device, digits string) (bool, error) {
	return c.Fleet.Type(device, digits)
}
