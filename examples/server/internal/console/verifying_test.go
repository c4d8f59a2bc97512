package console

import (
	"bytes"
	"database/sql"
	"encoding/csv"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// newBenchOnSQLite has its ledger in a file, and somebody who can write there.
func newBenchOnSQLite(t *testing.T) (*bench, *sql.DB) {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	kept, ok := d.Ledger.(ledger)
	require.True(t, ok)
	return newBenchOn(t, kept), d.Writer
}

// tamper changes what was recorded of every reveal.
func tamper(t *testing.T, kept *sql.DB) {
	t.Helper()
	_, err := kept.Exec(`DROP TRIGGER events_update; UPDATE events
		SET body = CAST(replace(CAST(body AS TEXT), '"type":"revealed"', '"type":"feedback"') AS BLOB) WHERE type = 'revealed'`)
	require.NoError(t, err)
}

func (b *bench) integrate() {
	b.t.Helper()
	require.NoError(b.t, b.log.Integrate(b.t.Context()))
}

// verifies posts the form as a browser does, and returns the page that it leads to.
func (b *bench) verifies(file, text string) string {
	b.t.Helper()
	res := b.verify(file, text)
	require.Equal(b.t, http.StatusSeeOther, res.StatusCode, res.text)
	assert.Equal(b.t, "/audit#verification", res.Header.Get("Location"))
	return b.page("/audit")
}

func (b *bench) verify(file, text string) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if file != "" {
		part, err := form.CreateFormFile("file", "checkpoint.txt")
		require.NoError(b.t, err)
		_, err = part.Write([]byte(file))
		require.NoError(b.t, err)
	}
	require.NoError(b.t, form.WriteField("checkpoint", text))
	require.NoError(b.t, form.Close())
	return b.send(http.MethodPost, "/audit/verify", body.String(), "Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

func TestVerification(t *testing.T) {
	b, kept := newBenchOnSQLite(t)
	b.signIn()
	has(t, b.page("/audit"), "Not verified lately.")
	has(t, b.page("/audit"), "Nothing is signed yet")
	furnish(b)
	b.integrate()
	checkpoint := b.page("/audit/checkpoint")

	text := b.verifies("", "")
	has(t, text, "Intact up to position")
	has(t, text, "3 actions and every sealed PIN compared")
	has(t, text, `Compared with no checkpoint from outside: <a href="/audit/checkpoint" download>keep one</a>.`)
	has(t, text, "Ada Admin")
	b.order("mac1")
	b.integrate()
	for name, given := range map[string][2]string{
		"file":               {checkpoint, ""},
		"text, as a browser": {"", strings.ReplaceAll(checkpoint, "\n", "\r\n")},
	} {
		text := b.verifies(given[0], given[1])
		has(t, text, "goes on from the checkpoint kept outside", name)
		hasNot(t, text, "no checkpoint from outside", name)
	}
	assert.Equal(t, http.StatusUnprocessableEntity, b.verify("", "no checkpoint").StatusCode)

	tamper(t, kept)
	text = b.verifies("", "")
	has(t, text, "The log is not as it was written.")
	has(t, text, "Event at position 6 was changed")
	has(t, text, "Audit log verified: tampered")
	var outcomes []string
	for _, e := range b.events(lock.EventAuditVerified) {
		outcomes = append(outcomes, e.Facts["outcome"])
	}
	assert.Equal(t, []string{"intact", "intact", "intact", "tampered"}, outcomes)
}

// What cannot be read as an event does not keep the page from saying so, nor anybody from a verification.
func TestVerdictOnAnEventThatCannotBeRead(t *testing.T) {
	for name, position := range map[string]string{"newest": "(SELECT max(position) FROM events)", "first": "0"} {
		t.Run(name, func(t *testing.T) {
			b, kept := newBenchOnSQLite(t)
			b.signIn()
			furnish(b)
			has(t, b.verifies("", ""), "Intact")
			b.integrate()
			_, err := kept.Exec(`DROP TRIGGER events_update; UPDATE events SET body = x'676163' WHERE position = ` + position)
			require.NoError(t, err)
			text := b.page("/audit")
			has(t, text, "<b>An event cannot be read: verify the log.</b>")
			has(t, text, `An event cannot be read: <a href="#verification">verify the log</a>.`)
			hasNot(t, text, "Intact")
			text = b.verifies("", "")
			has(t, text, "The log is not as it was written.")
			export := b.get("/audit/events?format=csv")
			assert.Equal(t, http.StatusInternalServerError, export.StatusCode)
			has(t, export.text, "An event cannot be read")
			for _, path := range []string{"/audit/export", "/audit/checkpoint"} {
				assert.Equal(t, http.StatusOK, b.get(path).StatusCode, path)
			}
		})
	}
}

func TestVerificationNeedsTheRight(t *testing.T) {
	b := newBench(t).signIn()
	b.integrate()
	b.deny.Store(true)
	for _, path := range []string{"/audit", "/audit/export", "/audit/checkpoint", "/audit/events?format=csv"} {
		assert.Equal(t, http.StatusForbidden, b.get(path).StatusCode, path)
	}
	assert.Equal(t, http.StatusForbidden, b.verify("", "").StatusCode)
	b.deny.Store(false)
	assert.Empty(t, b.events(lock.EventAuditRead), "nothing was read")
	assert.Len(t, b.events(lock.EventDenied), 5)
}

func TestAuditDownloads(t *testing.T) {
	b := newBench(t).signIn()
	assert.Equal(t, http.StatusNotFound, b.get("/audit/checkpoint").StatusCode, "nothing is signed yet")
	assert.Equal(t, http.StatusNotFound, b.get("/audit/export").StatusCode)
	assert.Empty(t, b.events(lock.EventAuditRead))
	furnish(b)
	b.integrate()
	has(t, b.page("/audit"), strings.ReplaceAll(b.trail.Key, "+", "&#43;"))

	export := b.get("/audit/export")
	assert.Equal(t, `attachment; filename="latchkey-audit.jsonl"`, export.Header.Get("Content-Disposition"))
	report, err := auditlog.VerifyExport(t.Context(), strings.NewReader(export.text), auditlog.Trust{
		Key: b.trail.Key, Older: [][]byte{[]byte(b.page("/audit/checkpoint"))},
	})
	require.NoError(t, err)
	assert.Equal(t, 1, report.Older)

	filtered := b.get("/audit/events?format=csv&show=reveals&device=grace")
	assert.Equal(t, "no-store", filtered.Header.Get("Cache-Control"))
	rows, err := csv.NewReader(strings.NewReader(filtered.text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Contains(t, rows[1], "owner on the phone, identity checked")
	assert.Len(t, strings.Split(strings.TrimSpace(b.page("/audit/events?format=jsonl&show=reveals")), "\n"), 1)
	assert.Equal(t, http.StatusUnprocessableEntity, b.get("/audit/events?format=xls").StatusCode)
}

func TestAuditFilters(t *testing.T) {
	b := newBench(t).signIn()
	furnish(b)
	b.pass(48 * time.Hour)
	b.order("mac1")
	delete(b.fleet, "mac1") // sold
	for query, c := range map[string]struct{ shows, hides string }{
		"":                              {"Grace’s MacBook Air", ""},
		"device=grace":                  {"Grace’s MacBook Air", "Reception iMac"},
		"device=C02MAC27QX":             {"Reception iMac", "Grace’s"},
		"device=C02MAC17QX":             {"mac1", "Grace’s"},
		"device=mac1":                   {"mac1", "Grace’s"},
		"device=nothing":                {"No event matches.", "Grace’s"},
		"actor=admin":                   {"Ada Admin", "Eve"},
		"actor=Device":                  {"Command sent", "Ada Admin<"},
		"show=denials&actor=eve":        {"Denied: reveal", "Lock ordered"},
		"from=2026-11-22":               {"mac1", "Grace’s"},
		"to=2026-11-21":                 {"Grace’s", "mac1"},
		"from=2026-11-22&to=2026-11-22": {"No event matches.", "mac1"},
	} {
		text := b.page("/audit?" + query)
		_, text, _ = strings.Cut(text, `id="events"`)
		_, text, _ = strings.Cut(text, `</form>`)
		has(t, text, c.shows, query)
		if c.hides != "" {
			hasNot(t, text, c.hides, query)
		}
	}
	assert.Equal(t, http.StatusUnprocessableEntity, b.get("/audit?from=yesterday").StatusCode)
}
