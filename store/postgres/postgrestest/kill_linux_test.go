package postgrestest_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

// The child is this test binary: it starts a server, says which process it is, and waits to be killed.
func TestServerEndsWithItsTests(t *testing.T) {
	if os.Getenv("LATCHKEY_CHILD") != "" {
		conn := connect(t, postgrestest.Start(t).Database(t))
		_, _ = os.Stdout.WriteString(show[string](t, conn, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)") + "\n" +
			show[string](t, conn, "SHOW data_directory") + "\n")
		select {}
	}
	postgrestest.Start(t).Stop() // skips here when there is no PostgreSQL
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerEndsWithItsTests$")
	cmd.Env = append(os.Environ(), "LATCHKEY_CHILD=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	text := make([]byte, 4096)
	n, err := out.Read(text)
	require.NoError(t, err)
	line, rest, _ := strings.Cut(string(text[:n]), "\n")
	pid, err := strconv.Atoi(line)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, 0), "it runs")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, os.RemoveAll(strings.TrimSuffix(strings.TrimSpace(rest), "/data")))
}
