package android_test

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
)

var update = flag.Bool("update", false, "write the table into the package documentation")

// documented is where doc.go has the table.
var documented = regexp.MustCompile(`(?s)(A plus is before what works\.\n//\n).*?(// # Facts\n)`)

// The documentation shows what the rules say: go test ./android -run TestTableIsDocumented -update writes it.
func TestTableIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var comment strings.Builder
	for line := range strings.Lines(android.Table()) {
		comment.WriteString(strings.TrimRight("//\t"+line, "\t\n") + "\n")
	}
	want := documented.ReplaceAllString(string(doc), "${1}"+comment.String()+"//\n${2}")
	if *update {
		require.NoError(t, os.WriteFile("doc.go", []byte(want), 0o600))
		return
	}
	require.Contains(t, string(doc), comment.String())
	assert.Equal(t, want, string(doc))
}

// Every code that a verdict can have has its sentence in the table, and every row of sentences is about a code that there is.
func TestEveryVerdictIsInTheTable(t *testing.T) {
	table := android.Table()
	said := map[android.Code]bool{}
	everyFacts(func(f android.Facts) {
		for _, act := range acts {
			for _, scope := range []android.Scope{android.ScopeDevice, android.ScopeProfile, "elsewhere"} {
				v := android.Judge(f, act, scope)
				if said[v.Code] {
					continue
				}
				said[v.Code] = true
				assert.Contains(t, table, "\n"+string(v.Code)+" ")
				assert.Contains(t, table, " "+v.Text+"\n")
				assert.Equal(t, 1, strings.Count(v.Text+" ", ". "), "one sentence: %s", v.Text)
			}
		}
	})
	_, sentences, _ := strings.Cut(table, "\nlocks ")
	assert.Len(t, said, strings.Count("\nlocks "+sentences, "\n")-1, "no sentence is idle")
}

// A heading of the table speaks for all its versions.
func TestVersionsUnderOneHeadingAreAlike(t *testing.T) {
	alike := func(f android.Facts, levels ...int) {
		g := f
		g.Policy.Complexity, f.Policy.Complexity = 0, 0
		for _, act := range acts {
			for _, g.APILevel = range levels {
				if v, w := android.Judge(f, act, own(f.Mode)), android.Judge(g, act, own(g.Mode)); v != w {
					require.Equal(t, v, w, "%+v and %d", f, g.APILevel)
				}
			}
		}
	}
	everyFacts(func(f android.Facts) { alike(f, 22) }, 23)
	everyFacts(func(f android.Facts) { alike(f, 25) }, 24)
	everyFacts(func(f android.Facts) { alike(f, 27, 28) }, 26)
	everyFacts(func(f android.Facts) {
		if f.SecureLockFeature == android.Yes {
			alike(f, 29)
		}
	}, 26)
	everyFacts(func(f android.Facts) { alike(f, 31, 35, 36) }, 30)
}
