package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// leaksInState scans every file of the state folder, and the token's. On PostgreSQL it scans every value of every table too.
func (s *site) leaksInState(t *testing.T, secrets []string) []string {
	t.Helper()
	found, files := leaksIn(t, s.dir, secrets)
	if !db.IsPostgres(s.source) {
		require.GreaterOrEqual(t, files, 3, "database, keyring and token")
		return found
	}
	require.GreaterOrEqual(t, files, 2, "keyring and token")
	return append(found, leaksInRows(t, s.open(t), secrets)...)
}

// leaksInServer scans the files in which PostgreSQL keeps the database, and its write-ahead log.
func (s *site) leaksInServer(t *testing.T, secrets []string) (found []string) {
	t.Helper()
	if !db.IsPostgres(s.source) {
		return nil
	}
	d := s.open(t)
	_, err := d.Exec(t.Context(), `CHECKPOINT`)
	require.NoError(t, err)
	var folder, tables string
	require.NoError(t, d.Readers.QueryRow(`SELECT current_setting('data_directory'), 'base/' || oid FROM pg_database
		WHERE datname = current_database()`).Scan(&folder, &tables))
	for _, part := range []string{tables, "pg_wal"} {
		more, files := leaksIn(t, filepath.Join(folder, part), secrets)
		require.Positive(t, files)
		found = append(found, more...)
	}
	return found
}

// leaksIn scans the files below a folder.
func leaksIn(t *testing.T, folder string, secrets []string) (found []string, files int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // PostgreSQL is at work
			return nil
		}
		for _, secret := range leaks(bytes.TrimRight(data, "\x00"), secrets) {
			found = append(found, filepath.Base(path)+": "+secret)
		}
		files++
		return err
	}))
	return found, files
}

// leaksInRows scans what the tables of a PostgreSQL database hold: large values are compressed in its files.
func leaksInRows(t *testing.T, d *db.DB, secrets []string) (found []string) {
	t.Helper()
	const query = `SELECT table_name, column_name, CASE WHEN data_type = 'bytea' THEN 'bytea' ELSE 'text' END
		FROM information_schema.columns WHERE table_schema = 'public'`
	var columns [][3]string
	eachRow(t, d, query, func(scan func(...any) error) error {
		var c [3]string
		defer func() { columns = append(columns, c) }()
		return scan(&c[0], &c[1], &c[2])
	})
	values := 0
	for _, c := range columns {
		query := `SELECT ` + c[1] + `::` + c[2] + ` FROM ` + c[0] + ` WHERE ` + c[1] + ` IS NOT NULL`
		eachRow(t, d, query, func(scan func(...any) error) error {
			var value []byte
			err := scan(&value)
			for _, secret := range leaks(value, secrets) {
				found = append(found, c[0]+"."+c[1]+": "+secret)
			}
			values++
			return err
		})
	}
	require.True(t, slices.Contains(columns, [3]string{"events", "body", "bytea"}))
	require.Greater(t, values, 1000)
	return found
}

func eachRow(t *testing.T, d *db.DB, query string, row func(scan func(...any) error) error) {
	t.Helper()
	rows, err := d.Readers.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		require.NoError(t, row(rows.Scan))
	}
	require.NoError(t, rows.Err())
}

// plant puts a secret into a table.
func (s *site) plant(t *testing.T, secret string) {
	t.Helper()
	_, err := s.open(t).Exec(t.Context(), `UPDATE server_devices SET name = $1`, "Mac "+secret)
	require.NoError(t, err)
}
