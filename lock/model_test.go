package lock_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var modelPolls = flag.Int("model-polls", 2, "connections of the device in the model; 3 takes half a minute and 700 MB")

// TestModel searches all that can happen in the model of lock/model/lock.pml, which says what that proves.
func TestModel(t *testing.T) {
	out := searchModel(t)
	require.Contains(t, out, "errors: 0", "%s", out)
	for _, incomplete := range []string{"Search not completed", "max search depth too small", "out of memory", "truncated", "aborted"} {
		require.NotContains(t, out, incomplete)
	}
	for _, line := range regexp.MustCompile(`(?m)^\s+lock\.pml:.*$`).FindAllString(out, -1) {
		require.Contains(t, line, `"-end-"`, "what the model never does is not proven: its processes never end, and do all else")
	}
	t.Log(regexp.MustCompile(`\d+ states, stored`).FindString(out))
}

// TestModelCanFail breaks the model in turn where each assertion guards it.
func TestModelCanFail(t *testing.T) {
	for fault, assertion := range map[string]string{
		"FAULT_LANE":   `lane\[0\]&&lane\[1\]`,
		"FAULT_ESCROW": `sealed\[a\]`,
		"FAULT_FORGET": `sealed`,
		"FAULT_CLAIM":  `deliveries\[a\]<number`,
		"FAULT_SEND":   `left\[0\]<=deliveries\[0\]`,
		"FAULT_WINS":   `answered\[0\]\)\|\|\(state\[0\]==3`,
		"FAULT_ANSWER": `accepted\[0\]\)\|\|answered\[0\]`,
	} {
		t.Run(fault, func(t *testing.T) {
			require.Regexp(t, "assertion violated .*"+assertion, searchModel(t, "-D"+fault))
		})
	}
}

// searchModel makes the program that searches the model, and returns what it says.
func searchModel(t *testing.T, defines ...string) string {
	t.Helper()
	requirePrograms(t, "spin", "gcc")
	dir := t.TempDir()
	model, err := os.ReadFile(filepath.Join("model", "lock.pml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lock.pml"), model, 0o600))
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return string(out)
	}
	run("spin", slices.Concat([]string{"-a", "-DPOLLS=" + strconv.Itoa(*modelPolls)}, defines, []string{"lock.pml"})...)
	run("gcc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c") // no cycles to look for; states are kept small
	return run("./pan", "-m100000")
}

// requirePrograms skips the test where one is missing, unless LATCHKEY_REQUIRE names the first.
func requirePrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if slices.Contains(strings.Split(os.Getenv("LATCHKEY_REQUIRE"), ","), names[0]) {
			t.Fatalf("%s is missing (Debian: apt-get install spin gcc)", name)
		}
		t.Skipf("%s is missing: the model is not searched (Debian: apt-get install spin gcc)", name)
	}
}
