package agent_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the ledger is told of every result under testdata/result, in the file of the same name under testdata/report.
func TestResultsAreReportedAsTheirGoldenFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/result/*.json")
	require.NoError(t, err)
	require.Len(t, files, 12)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			payload, err := os.ReadFile(file)
			require.NoError(t, err)
			conforms(t, "result", payload)
			s := newSite(t)
			assert.Equal(t, []string{actionID}, acked(t, s.report(json.RawMessage(payload))))
			require.Len(t, s.ledger.reports, 1)
			r := s.ledger.reports[0]
			text, err := json.MarshalIndent(map[string]any{"action": r.Action, "outcome": r.Outcome, "facts": r.Facts}, "", "  ")
			require.NoError(t, err)
			golden(t, "report/"+filepath.Base(file), append(text, '\n'))
		})
	}
}
