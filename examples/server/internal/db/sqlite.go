package db

import (
	"database/sql"
	"errors"
	"os"
	"runtime"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// readers is how many connections to an SQLite file may read at a time.
var readers = max(4, runtime.NumCPU())

// overwrite has what is replaced or deleted overwritten in the file, so that a box that was purged is nowhere in it.
const overwrite = "&_pragma=secure_delete(1)"

// readOnly leaves most of what pages are kept in memory to the writer: each of the readers would keep as many for itself.
const readOnly = "&_pragma=query_only(1)&_pragma=cache_size(-4096)"

func connectSQLite(path string) (*DB, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite gives its other files the mode of this one
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	d := &DB{}
	if d.Writer, err = sql.Open("sqlite", sqlite.DSN(path)+overwrite); err != nil {
		return nil, err
	}
	d.Writer.SetMaxOpenConns(1)
	if d.Readers, err = sql.Open("sqlite", sqlite.DSN(path)+readOnly); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Readers.SetMaxOpenConns(readers)
	return d, nil
}
