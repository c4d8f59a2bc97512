package console

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBrowserVerifiesTheLog is an auditor at the audit page: verify, against a checkpoint from outside, filter, and see what was tampered
// with.
func TestBrowserVerifiesTheLog(t *testing.T) {
	b, kept := newBenchOnSQLite(t)
	furnish(b)
	require.NoError(t, b.log.Integrate(t.Context()))
	tab := newTab(t, b.server.URL)
	tab.open("/audit")
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait(".verification")
	tab.shoot("audit-unverified")

	tab.click(".verification button.primary")
	tab.wait(".limit")
	tab.shoot("audit-limit")
	signed, err := b.trail.Checkpoint(t.Context(), admin)
	require.NoError(t, err)
	outside := filepath.Join(t.TempDir(), "checkpoint.txt")
	require.NoError(t, os.WriteFile(outside, signed, 0o600))
	tab.click(".verification summary")
	tab.do(chromedp.SetUploadFiles(chromedp.CSS("input[name=file]"), []string{outside}))
	tab.click(".verification button")
	tab.wait(".verification:not(:has(.limit)) .result.good") // not the one of the page before
	assert.Contains(t, tab.text(".result"), "goes on from the checkpoint kept outside")
	require.NoError(t, b.log.Integrate(t.Context()))
	tab.click(".verification summary")
	tab.shoot("audit-compare")
	tab.open("/audit")
	tab.shoot("audit-verified")
	tab.scheme("dark")
	tab.shoot("audit-verified-dark")
	tab.scheme("light")
	tab.open("/audit?show=reveals&device=grace&from=2026-11-20&to=2026-11-21")
	tab.shoot("audit-filtered")

	tamper(t, kept)
	tab.click(".verification button.primary")
	tab.wait(".result.bad")
	tab.shoot("audit-tampered")
	tab.scheme("dark")
	tab.shoot("audit-tampered-dark")
	tab.scheme("light")
}
