package db

import (
	"context"
	"errors"
	"fmt"
)

// Ready is an error unless the database answers, can be written, and has the tables that it had when it was opened. Whether it can be
// written it tries every few seconds at most.
func (d *DB) Ready(ctx context.Context) error {
	if d.pool != nil {
		var readOnly string
		if err := d.Readers.QueryRowContext(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly); err != nil {
			return fmt.Errorf("database: %w", err)
		}
		if readOnly != "off" {
			return errors.New("the database is read only, as a standby is: connect to the primary")
		}
	}
	ledger, err := d.checkSchema(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if ledger != d.version {
		return fmt.Errorf("database: %w", ErrNewer)
	}
	return d.canWrite(ctx)
}

// SealedBy counts the sealed boxes, of the ledger and of the server, by the key that opens them.
func (d *DB) SealedBy(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := d.count(ctx, `SELECT key_id, '', count(*) FROM
		(SELECT key_id FROM secrets WHERE length(box) > 0 UNION ALL SELECT key_id FROM server_secrets) boxes GROUP BY key_id`,
		func(key [2]string, n int) { counts[key[0]] = n })
	if err != nil {
		return nil, fmt.Errorf("count sealed boxes: %w", err)
	}
	return counts, nil
}

// CountActions counts the ledger's actions by kind and state.
func (d *DB) CountActions(ctx context.Context) (map[[2]string]int, error) {
	counts := map[[2]string]int{}
	err := d.count(ctx, `SELECT kind, state, count(*) FROM actions GROUP BY kind, state`, func(by [2]string, n int) { counts[by] = n })
	if err != nil {
		return nil, fmt.Errorf("count actions: %w", err)
	}
	return counts, nil
}

// count adds what a query returns: two texts and a number.
func (d *DB) count(ctx context.Context, query string, add func([2]string, int)) error {
	rows, err := d.Readers.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var by [2]string
		var n int
		if err := rows.Scan(&by[0], &by[1], &n); err != nil {
			return err
		}
		add(by, n)
	}
	return rows.Err()
}
