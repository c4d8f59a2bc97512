// Package inventorytest puts devices into an inventory for tests, without a conversation with each of them.
package inventorytest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"testing"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// Device is one Mac to be put into an inventory: Apple silicon with macOS 15.1, of which preflight knows all that it asks.
type Device struct {
	ID, Serial, Name string
	Cert             []byte // in DER, as the device CA issued it; empty: nobody has its key
	Token, Magic     []byte // where its pushes go
	Topic            string
}

// ID is the ID of the device of Seed with a number, from 0.
func ID(n int) string { return fmt.Sprintf("SEED-%06d", n) }

// Seed puts n enrolled Macs into the inventory. Nobody has the key of their certificates.
func Seed(tb testing.TB, d *db.DB, n int) {
	tb.Helper()
	devices := make([]Device, n)
	for i := range devices {
		devices[i] = Device{ID: ID(i), Serial: fmt.Sprintf("C02%06d", i), Name: fmt.Sprintf("Mac %06d", i)}
	}
	Put(tb, d, devices)
}

// perWrite is how many devices one transaction puts there.
const perWrite = 1000

// Put puts enrolled Macs into the inventory.
func Put(tb testing.TB, d *db.DB, devices []Device) {
	tb.Helper()
	for len(devices) > 0 {
		now := devices[:min(len(devices), perWrite)]
		devices = devices[len(now):]
		err := d.Write(tb.Context(), func(tx *sql.Tx) error {
			for _, device := range now {
				if err := device.put(tb.Context(), tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func (d Device) put(ctx context.Context, tx *sql.Tx) error {
	cert := d.Cert
	if len(cert) == 0 {
		cert = []byte(d.ID)
	}
	sum := sha256.Sum256(cert)
	_, err := tx.ExecContext(ctx, `INSERT INTO server_devices
		(id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
		VALUES ($1, $2, $3, '', 'MacBook Pro', '15.1', 'Mac15,3', 1, 1, 1, $4)`, d.ID, d.Serial, d.Name, sum[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_facts (device, name, value, learnt_at) VALUES
		($1, 'OSVersion', '15.1', 1), ($1, 'ProductName', 'Mac15,3', 1), ($1, 'IsAppleSilicon', 'true', 1),
		($1, 'ManagementStatus.IsUserEnrollment', 'false', 1), ($1, 'PINRequiredForDeviceLock', 'true', 1)`, d.ID)
	if err != nil || len(d.Cert) == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_certificates (sha256, der, renews, issued_at) VALUES ($1, $2, '', 1)`, sum[:], d.Cert)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_bindings (cert, device, unrecorded, expires_at) VALUES ($1, $2, '', 0)`, sum[:], d.ID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_channels (device, user_id, user_name, token, magic, topic, updated_at)
		VALUES ($1, '', '', $2, $3, $4, 1)`, d.ID, d.Token, d.Magic, d.Topic)
	return err
}
