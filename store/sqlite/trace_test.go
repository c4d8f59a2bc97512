package sqlite_test

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// acknowledgement begins what a program under trace writes to its standard output when Commit has returned.
const acknowledgement = "acknowledged"

// trace follows the output of strace -f -y: whether what was written to the write-ahead log is synced when an acknowledgement leaves.
type trace struct {
	running         map[string]call // by thread
	touched         int             // beginnings and ends of writes to the log
	writing         int             // writes that have begun and not ended
	written         bool            // since the last acknowledgement
	unsynced        bool
	acknowledgments int
	violations      []string
}

// call is a system call that has begun.
type call struct {
	name, args string
	touched    int
}

var (
	traceLine = regexp.MustCompile(`^(\d+) +(\w+)\((.*)$`)
	resumed   = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	succeeded = regexp.MustCompile(`\) += 0$`)
)

func parseTrace(r io.Reader) (*trace, error) {
	t := &trace{running: map[string]call{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		t.line(lines.Text())
	}
	return t, lines.Err()
}

func (t *trace) line(line string) {
	if m := traceLine.FindStringSubmatch(line); m != nil {
		c := call{name: m[2], args: m[3]}
		t.begin(&c)
		if strings.HasSuffix(line, "<unfinished ...>") {
			t.running[m[1]] = c
			return
		}
		t.end(c, line)
	}
	if m := resumed.FindStringSubmatch(line); m != nil {
		if c, ok := t.running[m[1]]; ok {
			delete(t.running, m[1])
			t.end(c, line)
		}
	}
}

func (c call) onLog() bool { return strings.Contains(c.args, "-wal>") }

func (c call) writes() bool {
	switch c.name {
	case "write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate":
		return true
	default:
		return false
	}
}

func (c call) syncs() bool { return c.name == "fsync" || c.name == "fdatasync" }

func (t *trace) begin(c *call) {
	switch {
	case c.onLog() && c.writes():
		t.touched++
		t.writing++
		t.written, t.unsynced = true, true
	case c.writes() && strings.HasPrefix(c.args, "1<") && strings.Contains(c.args, `"`+acknowledgement):
		t.acknowledge()
	}
	c.touched = t.touched
}

func (t *trace) end(c call, line string) {
	switch {
	case c.onLog() && c.writes():
		t.touched++
		t.writing--
	case c.onLog() && c.syncs() && succeeded.MatchString(line) && t.writing == 0 && t.touched == c.touched:
		t.unsynced = false
	}
}

func (t *trace) acknowledge() {
	t.acknowledgments++
	if !t.written {
		t.violations = append(t.violations, fmt.Sprintf("acknowledgement %d: nothing was written to the log", t.acknowledgments))
	}
	if t.unsynced {
		t.violations = append(t.violations, fmt.Sprintf("acknowledgement %d: the log was not synced after its last write", t.acknowledgments))
	}
	t.written = false
}

func TestParseTrace(t *testing.T) {
	const (
		write = `7  pwrite64(5</data/ledger.db-wal>, "\1\2"..., 4096, 32) = 4096`
		sync  = `7  fdatasync(5</data/ledger.db-wal>) = 0`
		ack   = `9  write(1<pipe:[12]>, "acknowledged 1\n", 15) = 15`
	)
	unsynced := []string{"acknowledgement 1: the log was not synced after its last write"}
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"written, synced, acknowledged", []string{write, sync, ack}, nil},
		{"fsync", []string{write, `7  fsync(5</data/ledger.db-wal>)           = 0`, ack}, nil},
		{"twice", []string{write, sync, ack, write, sync, ack}, nil},
		{"nothing written", []string{sync, ack}, []string{"acknowledgement 1: nothing was written to the log"}},
		{"not written again", []string{write, sync, ack, sync, ack}, []string{"acknowledgement 2: nothing was written to the log"}},
		{"not synced", []string{write, ack}, unsynced},
		{"synced too late", []string{write, ack, sync}, unsynced},
		{"synced before the last write", []string{write, sync, write, ack}, unsynced},
		{"another file synced", []string{write, `7  fdatasync(4</data/ledger.db>) = 0`, ack}, unsynced},
		{"a sync that failed", []string{write, `7  fdatasync(5</data/ledger.db-wal>) = -1 EIO (Input/output error)`, ack}, unsynced},
		{"a sync that is not done", []string{write, `7  fdatasync(5</data/ledger.db-wal> <unfinished ...>`, ack, `7  <... fdatasync resumed>) = 0`}, unsynced},
		{"a sync that was interrupted by a line", []string{write, `7  fdatasync(5</data/ledger.db-wal> <unfinished ...>`, `7  <... fdatasync resumed>)          = 0`, ack}, nil},
		{
			"a write during the sync",
			[]string{write, `7  fdatasync(5</data/ledger.db-wal> <unfinished ...>`, strings.Replace(write, "7", "8", 1), `7  <... fdatasync resumed>) = 0`, ack},
			unsynced,
		},
		{
			"a write that ends after the sync began",
			[]string{`8  pwrite64(5</data/ledger.db-wal>, "\1"..., 9, 32 <unfinished ...>`, sync, `8  <... pwrite64 resumed>) = 9`, ack},
			unsynced,
		},
		{"an acknowledgement that begins before the sync", []string{write, `9  write(1<pipe:[12]>, "acknowledged 1\n", 15 <unfinished ...>`, sync, `9  <... write resumed>) = 15`}, unsynced},
		{"other output and other calls", []string{write, sync, `9  write(2<pipe:[13]>, "acknowledged 1\n", 15) = 15`, "7  +++ exited with 0 +++", ack}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseTrace(strings.NewReader(strings.Join(c.lines, "\n")))
			require.NoError(t, err)
			assert.Equal(t, c.want, got.violations)
			assert.Equal(t, strings.Count(strings.Join(c.lines, "\n"), "1<pipe"), got.acknowledgments)
		})
	}
}
