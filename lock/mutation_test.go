package lock_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var runMutations = flag.Bool("mutations", false, "break the code as each file of testdata/mutations says, and see its test fail")

// TestMutations says that the tests can fail. Each file of testdata/mutations is one defect: which invariant it breaks, in which file, by
// which change, and the test that must notice. Without the flag, this only holds that each still fits the code.
func TestMutations(t *testing.T) {
	files, err := filepath.Glob("testdata/mutations/*.txt")
	require.NoError(t, err)
	missing := []string{"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "candidates", "limits", "approvals", "retries", "batch", "sending", "tokens", "returns"}
	for _, file := range files {
		m := readMutation(t, file)
		missing = slices.DeleteFunc(missing, func(one string) bool { return one == m.invariant })
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), m.check)
	}
	require.Empty(t, missing, "each invariant has a mutation")
}

// mutation is a defect.
type mutation struct {
	invariant string
	file      string // from the module's root
	test      string // which must fail
	old, new  string
}

func readMutation(t *testing.T, name string) mutation {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	header, body, ok := strings.Cut(string(text), "\n--- replace\n")
	require.True(t, ok, "%s has no line: --- replace", name)
	before, after, ok := strings.Cut(body, "--- with\n")
	require.True(t, ok, "%s has no line: --- with", name)
	m := mutation{old: before, new: after}
	for line := range strings.Lines(header) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "invariant":
			m.invariant = value
		case "file":
			m.file = value
		case "test":
			m.test = value
		default:
			require.Equal(t, "why", key, "%s: header lines are invariant, why, file and test", name)
		}
	}
	require.NotContains(t, []string{m.invariant, m.file, m.test, m.old}, "", "%s is not complete", name)
	return m
}

// check applies the mutation to a copy, and runs its test on that.
func (m mutation) check(t *testing.T) {
	t.Parallel()
	path, err := filepath.Abs(filepath.Join(moduleRoot, filepath.FromSlash(m.file)))
	require.NoError(t, err)
	src, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(src), m.old), "the text to replace stands once in %s", m.file)
	if !*runMutations {
		return
	}
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(mutant, []byte(strings.Replace(string(src), m.old, m.new, 1)), 0o600))
	files := m.without(t)
	files[path] = mutant
	replace, err := json.Marshal(map[string]any{"Replace": files})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))

	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-ldflags=-s -w", "-count=1", "-timeout=100s", "-overlay", overlay, "-run", "^"+m.test+"$", ".",
		"-rapid.checks=2000", "-rapid.steps=50", "-rapid.shrinktime=1ms", "-rapid.nofailfile")
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "%s does not notice:\n%s", m.test, m.new)
	require.NotContains(t, string(out), "[build failed]")
	require.Contains(t, string(out), "--- FAIL: "+m.test)
}

// without takes out, for most mutations, the test files that their test does without: to compile them takes most of the time.
func (m mutation) without(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, name := range names {
		lives := slices.Contains([]string{"TestAnyLife", "TestAnySending", "TestWhatWorkedIsOverOnceAnotherPINLeft"}, m.test)
		if lives && !strings.HasPrefix(name, "lives") && name != "helpers_test.go" && name != "export_test.go" {
			path, err := filepath.Abs(name)
			require.NoError(t, err)
			files[path] = ""
		}
	}
	return files
}
