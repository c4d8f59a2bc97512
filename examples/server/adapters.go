package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/console"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// consoleAccounts records the sign-ins that were refused. Unknown names are not recorded: people type passwords there.
type consoleAccounts struct {
	*account.Store
	service *lock.Service
	logger  *slog.Logger
}

// CheckPassword implements console.Accounts.
func (c consoleAccounts) CheckPassword(ctx context.Context, name, password string) (lock.Actor, error) {
	a, err := c.Store.CheckPassword(ctx, name, password)
	if name == account.Admin && errors.Is(err, lock.ErrDenied) && !errors.Is(err, account.ErrTooOften) {
		facts := map[string]string{"outcome": "refused"}
		if err := c.service.Note(ctx, lock.Actor{ID: name}, lock.EventSignedIn, inventory.Scope, facts); err != nil {
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
