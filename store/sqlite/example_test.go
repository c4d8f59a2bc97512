package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// Two pools on one file: one connection that writes, and as many as there are that read.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	dsn := sqlite.DSN(filepath.Join(dir, "ledger.db"))
	writer, err := sql.Open("sqlite", dsn)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = writer.Close() }()
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", dsn)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = readers.Close() }()
	if err := sqlite.Migrate(ctx, writer); err != nil {
		log.Fatal(err)
	}
	ledger, err := sqlite.New(ctx, writer, readers)
	if err != nil {
		log.Fatal(err)
	}
	actions, err := ledger.List(ctx, lock.Filter{})
	fmt.Println(len(actions), err)
	// Output: 0 <nil>
}
