// Package secret keeps the secrets of the server itself, such as the key of its device CA, sealed in the database, so that all servers
// of the database have the same ones and whoever has the database alone has none.
package secret

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Name is what a secret is called. It is sealed with it: the box of one secret is none of another.
type Name string

const (
	// DeviceCA is the key with which the device CA signs (PKCS #1); public is its certificate.
	DeviceCA Name = "device CA key"
	// AuditLog is the key that signs the checkpoints of the audit log (the text that note.NewSigner takes); public is the verifier's
	// (the text that note.NewVerifier takes).
	AuditLog Name = "audit log key"
	// AgentCommands is the key that signs the commands of Android devices (PKCS #8); public is its ID.
	AgentCommands Name = "android command key"
	// WindowsSessions is the key from which those are derived that encrypt what is kept of Windows devices (32 bytes); public is empty.
	WindowsSessions Name = "windows session key"
)

func (n Name) binding() pin.Binding {
	return pin.Binding{Scope: "latchkey server", Action: string(n), Secret: 1}
}

// ErrNone says that there is no secret of this name.
var ErrNone = errors.New("there is no such secret")

// Pair is a secret with what may be known of it.
type Pair struct {
	Public  []byte
	Private pin.PIN
}

// Open returns the secret of a name. Where there is none it makes and keeps one; of several servers that do so at a time, all return the
// one that was kept. A secret that cannot be opened is an error which wraps that of the Sealer.
func Open(ctx context.Context, d *db.DB, sealer pin.Sealer, name Name, create func() (Pair, error)) (Pair, error) {
	p, err := Read(ctx, d, sealer, name)
	if !errors.Is(err, ErrNone) {
		return p, err
	}
	if p, err = create(); err != nil {
		return Pair{}, fmt.Errorf("%s: make it: %w", name, err)
	}
	if err := keep(ctx, d, sealer, name, p); err != nil {
		return Pair{}, err
	}
	return Read(ctx, d, sealer, name) // that of another server, if it was faster; and it is proved that it opens
}

// Read returns the secret of a name, or ErrNone.
func Read(ctx context.Context, d *db.DB, sealer pin.Sealer, name Name) (Pair, error) {
	var p Pair
	var box []byte
	err := d.Readers.QueryRowContext(ctx, `SELECT public, box FROM server_secrets WHERE name = $1`, string(name)).Scan(&p.Public, &box)
	if errors.Is(err, sql.ErrNoRows) {
		return Pair{}, fmt.Errorf("%s: %w", name, ErrNone)
	}
	if err == nil {
		p.Private, err = sealer.Open(ctx, box, name.binding())
	}
	if err != nil {
		return Pair{}, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// keep writes a secret, unless there is one.
func keep(ctx context.Context, d *db.DB, sealer pin.Sealer, name Name, p Pair) error {
	box, err := sealer.Seal(ctx, p.Private, name.binding())
	if err != nil {
		return fmt.Errorf("%s: seal it: %w", name, err)
	}
	_, err = d.Exec(ctx, `INSERT INTO server_secrets (name, public, key_id, box) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		string(name), p.Public, box.KeyID(), []byte(box))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
