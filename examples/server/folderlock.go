package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// hold keeps the SQLite database in the state folder from being replaced.
func hold(o options) (io.Closer, error) {
	if o.database != "" {
		return io.NopCloser(nil), nil
	}
	return lockFolder(o, false)
}

// lockFolder is held by whoever uses the SQLite database in the state folder, and alone by who puts another one in its place. The lock is
// the system's: it goes with the process.
func lockFolder(o options, alone bool) (io.Closer, error) {
	path := filepath.Join(o.data, "latchkey.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &usageError{"-data", "must be a folder that this program may write", err}
	}
	taken, err := flock(f, alone)
	switch {
	case err == nil && !taken:
		return f, nil
	case err == nil && alone:
		err = &usageError{"-data", "a server or one of its commands uses the database in " + o.data + ": stop it first", nil}
	case err == nil:
		err = &usageError{"-data", "a database is being restored to " + o.data + ": wait until that is done", nil}
	default:
		err = fmt.Errorf("lock %s: %w", path, err)
	}
	_ = f.Close()
	return nil, err
}
