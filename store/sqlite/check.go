package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// DamageError says that the file is no whole database any more.
type DamageError struct {
	Findings []string // what SQLite found, at most 20; rows by number, never by content
	Err      error    // what SQLite failed with, when it could not even look
}

// Error names the first finding and says what to do.
func (e *DamageError) Error() string {
	found := strings.Join(e.Findings[:min(len(e.Findings), 1)], "")
	if e.Err != nil {
		found = e.Err.Error()
	}
	return fmt.Sprintf("sqlite: the database is damaged: %s: stop the program, keep the file and its -wal beside it, and restore a backup", found)
}

// Unwrap is Err.
func (e *DamageError) Unwrap() error { return e.Err }

const maxFindings = 20

// Check reads the whole database and returns a *DamageError when its pages, rows, indexes, constraints or references do not hold together: a lane
// or a key that an index has lost could be taken twice. It takes
// time with the size of the file, blocks nobody, and is for the start of a program. Whether the events are those that were recorded is not
// for SQLite to tell: see package auditlog. That a file is damaged so much that it cannot be read is told from other errors by the method
// Code() int of the driver's errors, as modernc.org/sqlite has it.
func Check(ctx context.Context, db *sql.DB) error {
	return checkFile(ctx, db, "main")
}

func checkFile(ctx context.Context, c conn, schema string) error {
	findings, err := problems(ctx, c, schema)
	const corrupt, notADatabase = 11, 26 // https://sqlite.org/rescode.html
	switch code(err) {
	case corrupt, notADatabase:
		return &DamageError{Err: err}
	}
	if err == nil && len(findings) > 0 {
		return &DamageError{Findings: findings[:min(len(findings), maxFindings)]}
	}
	return err
}

func problems(ctx context.Context, c conn, schema string) (findings []string, err error) {
	r := reader{c}
	err = r.each(ctx, fmt.Sprintf("PRAGMA %s.integrity_check(%d)", schema, maxFindings), nil, func(scan func(...any) error) error {
		var finding string
		err := scan(&finding)
		if finding != "ok" {
			findings = append(findings, finding)
		}
		return err
	})
	if err != nil || len(findings) > 0 {
		return findings, err
	}
	err = r.each(ctx, fmt.Sprintf("PRAGMA %s.foreign_key_check", schema), nil, func(scan func(...any) error) error {
		var table, parent string
		var row sql.NullInt64 // NULL without rowid
		var key int
		err := scan(&table, &row, &parent, &key)
		if len(findings) < maxFindings {
			findings = append(findings, fmt.Sprintf("a row of %s refers to one that is not in %s", table, parent))
		}
		return err
	})
	return findings, err
}

// code is SQLite's primary result code of an error, and 0 when it has none.
func code(err error) int {
	var coded interface{ Code() int }
	if !errors.As(err, &coded) {
		return 0
	}
	return coded.Code() & 0xff
}
