package lock_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	modulePath = "github.com/latchkey-mdm/latchkey"
	moduleRoot = ".." // tests run in their package's folder
)

// sourceFile is one Go file of the module, parsed. The rules of arch_test.go and budget_test.go read nothing else.
type sourceFile struct {
	path  string // from the module's root, with slashes
	lines int
	test  bool
	ast   *ast.File
	fset  *token.FileSet
}

// pkg is the folder of the file, which is also its import path within the module.
func (f sourceFile) pkg() string { return path.Dir(f.path) }

// line is the line of a position in the file.
func (f sourceFile) line(pos token.Pos) int { return f.fset.Position(pos).Line }

func parseSource(t *testing.T, name string, src []byte) sourceFile {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	return sourceFile{
		path:  name,
		lines: bytes.Count(src, []byte("\n")),
		test:  strings.HasSuffix(name, "_test.go"),
		ast:   parsed,
		fset:  fset,
	}
}

// moduleSources parses every Go file of this module. Modules nested in it have rules of their own.
func moduleSources(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(moduleRoot, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != moduleRoot && notOurs(name, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(moduleRoot, name)
		if err != nil {
			return err
		}
		files = append(files, parseSource(t, filepath.ToSlash(rel), src))
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files, "no Go files under %s: the rules would hold of nothing", moduleRoot)
	return files
}

// notOurs tells the folders that the go tool passes over as well: hidden ones, testdata, and other modules.
func notOurs(folder, base string) bool {
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "vendor" {
		return true
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// rule looks at files and returns one line for each place that breaks it.
type rule func([]sourceFile) []string

// ruleCase shows a rule a file that must break it: a rule that finds nothing anywhere is no rule.
type ruleCase struct {
	name  string
	rule  rule
	path  string
	src   string
	found string // part of the one finding; empty: the file is fine
}

func (c ruleCase) run(t *testing.T) {
	t.Helper()
	findings := c.rule([]sourceFile{parseSource(t, c.path, []byte(c.src))})
	if c.found == "" {
		require.Empty(t, findings)
		return
	}
	require.Len(t, findings, 1)
	require.Contains(t, findings[0], c.found)
}
