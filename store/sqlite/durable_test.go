package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// The environment of this test binary when it is to be the program under trace: where its ledger is, and what synchronous is set to.
const (
	tracedFile  = "LATCHKEY_SQLITE_TRACED"
	tracedLevel = "LATCHKEY_SQLITE_TRACED_SYNCHRONOUS"
	tracedAcks  = 20
)

// program is what runs under trace.
func program(t *testing.T, path string) {
	t.Helper()
	dsn := strings.Replace(sqlite.DSN(path), "synchronous(FULL)", "synchronous("+os.Getenv(tracedLevel)+")", 1)
	readers := pool(t, dsn)
	require.NoError(t, sqlite.Migrate(t.Context(), readers))
	// New refuses what is not durable, so that the driver has to lie to it. It does so in both runs: they differ in the setting alone.
	writer := sql.OpenDB(&faults{driver: readers.Driver(), dsn: dsn, lies: true})
	defer func() { _ = writer.Close() }()
	writer.SetMaxOpenConns(1)
	s, err := sqlite.New(t.Context(), writer, readers)
	require.NoError(t, err)
	for i := range tracedAcks {
		errs, err := s.Commit(t.Context(), []lock.Change{storetest.Order(t, fmt.Sprint("mac-", i))})
		require.NoError(t, err)
		require.Equal(t, []error{nil}, errs)
		_, err = fmt.Fprintf(os.Stdout, "%s %d\n", acknowledgement, i+1)
		require.NoError(t, err)
	}
	require.NoError(t, sqlite.Backup(t.Context(), readers, path+".copy"))
	_, err = fmt.Fprintln(os.Stdout, "copied")
	require.NoError(t, err)
}

// Durability as the kernel sees it (man 2 fdatasync): between the last write to the write-ahead log and each acknowledgement lies a sync of
// the log. That the same program, set to synchronous OFF, fails shows that the test can.
func TestEveryAcknowledgementIsSynced(t *testing.T) {
	if path := os.Getenv(tracedFile); path != "" { // this process is the one under trace
		program(t, path)
		return
	}
	t.Run("FULL", func(t *testing.T) {
		assert.Empty(t, followed(t, traced(t, "FULL")).violations)
	})
	t.Run("OFF fails", func(t *testing.T) {
		assert.Len(t, followed(t, traced(t, "OFF")).violations, tracedAcks)
	})
}

func followed(t *testing.T, output string) *trace {
	t.Helper()
	found, err := parseTrace(strings.NewReader(output))
	require.NoError(t, err)
	require.Equal(t, tracedAcks, found.acknowledgments, "acknowledgements in the trace")
	return found
}

// A copy is synced when it gets its name, and so is its folder before Backup returns.
func TestBackupIsSynced(t *testing.T) {
	output := traced(t, "FULL")
	rest := output[strings.LastIndex(output, ".copy.partial>, "):] // from the last write on
	for _, step := range []string{`fsync\(\d+<[^>]*\.copy\.partial>\) += 0\n`, `rename[^\n]*\.copy\.partial"`, `fsync\(\d+</[^>]*\d>\) += 0\n`, `write\(1<[^\n]*"copied`} {
		at := regexp.MustCompile(step).FindStringIndex(rest)
		require.NotNil(t, at, "%s in what follows:\n%s", step, rest)
		rest = rest[at[1]:]
	}
}

// traced is the trace of the program.
func traced(t *testing.T, synchronous string) string {
	t.Helper()
	strace := requireStrace(t)
	dir := t.TempDir()
	output := filepath.Join(dir, "trace")
	command := exec.CommandContext(t.Context(), strace, "-f", "-y", "-s", "64", "-o", output,
		"-e", "trace=write,writev,pwrite64,pwritev,pwritev2,ftruncate,fsync,fdatasync,rename,renameat,renameat2", os.Args[0], "-test.run=^TestEveryAcknowledgementIsSynced$")
	command.Env = append(os.Environ(), tracedFile+"="+filepath.Join(dir, "ledger.db"), tracedLevel+"="+synchronous)
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s", said)
	found, err := os.ReadFile(output)
	require.NoError(t, err)
	return string(found)
}

// requireStrace skips the test where strace is not there or may not trace, unless LATCHKEY_REQUIRE names it.
func requireStrace(t *testing.T) (path string) {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		err = exec.CommandContext(context.WithoutCancel(t.Context()), path, "-o", os.DevNull, "true").Run()
	}
	if err == nil {
		return path
	}
	if strings.Contains(os.Getenv("LATCHKEY_REQUIRE"), "strace") {
		t.Fatalf("strace must be there and may trace: %v", err)
	}
	t.Skipf("durability is not seen without strace: %v", err)
	return ""
}
