package api

import (
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// fetch gets what is no JSON document.
func (w *world) fetch(path string) answer {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Header.Set("Authorization", "Bearer "+goodToken)
	res := httptest.NewRecorder()
	w.web.ServeHTTP(res, req)
	a := answer{Response: res.Result(), text: res.Body.String()}
	if strings.HasSuffix(a.Header.Get("Content-Type"), "json") {
		require.NoError(w.t, json.Unmarshal(res.Body.Bytes(), &a.json))
	}
	return a
}

// reads are the facts of the notices that the record was read.
func (w *world) reads() (facts []map[string]string) {
	w.t.Helper()
	events, err := w.ledger.Events(w.t.Context(), lock.EventFilter{Types: []lock.EventType{lock.EventAuditRead}})
	require.NoError(w.t, err)
	for _, e := range events {
		assert.Equal(w.t, "admin", e.Actor.ID)
		facts = append(facts, e.Facts)
	}
	return facts
}

func (w *world) checkpoint() string {
	w.t.Helper()
	require.NoError(w.t, w.log.Integrate(w.t.Context()))
	res := w.fetch("/api/v1/audit/checkpoint")
	require.Equal(w.t, http.StatusOK, res.StatusCode, res.text)
	assert.Equal(w.t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
	return res.text
}

func TestNothingSignedYet(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"checkpoint", "proof?position=0", "proof?from=1", "export"} {
		res := w.fetch("/api/v1/audit/" + path)
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
		assert.Equal(t, "unsigned", res.json["code"], path)
		assert.Empty(t, res.Header.Get("Content-Disposition"), path)
	}
	assert.Empty(t, w.reads(), "nothing was read")
}

func TestProofs(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	}
	older := w.checkpoint()
	w.lock(`{}`)
	w.checkpoint()
	key := strings.TrimSpace(w.fetch("/api/v1/audit/key").text)
	events := items(w.do(http.MethodGet, "/api/v1/events", ""))
	hash := func(position int) []byte {
		e, _ := events[position].(map[string]any)
		text, _ := e["hash"].(string)
		sum, err := hex.DecodeString(text)
		require.NoError(t, err)
		return sum
	}

	var in auditlog.InclusionProof
	require.NoError(t, json.Unmarshal([]byte(w.fetch("/api/v1/audit/proof?position=1").text), &in))
	require.NoError(t, auditlog.CheckInclusion(in, key, hash(1)))
	require.ErrorIs(t, auditlog.CheckInclusion(in, key, hash(2)), auditlog.ErrProof)
	require.NoError(t, json.Unmarshal([]byte(w.fetch("/api/v1/audit/proof?position=1&size=3").text), &in))
	assert.EqualValues(t, 3, in.Size)
	require.NoError(t, auditlog.CheckInclusion(in, key, hash(1)))

	var grown auditlog.ConsistencyProof
	require.NoError(t, json.Unmarshal([]byte(w.fetch("/api/v1/audit/proof?from=3").text), &grown))
	require.NoError(t, auditlog.CheckConsistency(grown, key, []byte(older)))
	assert.Len(t, w.reads(), 1, "that of the list: a proof holds nothing of an event")

	for query, field := range map[string]string{
		"": "position", "position=1&from=1": "position", "position=9": "position", "position=x": "position", "position=-1": "position",
		"from=0": "from", "from=9": "from", "position=1&size=2": "size", "position=1&size=x": "size",
	} {
		res := w.fetch("/api/v1/audit/proof?" + query)
		assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, query)
		assert.Equal(t, field, res.json["field"], query)
	}
}

func TestWholeExport(t *testing.T) {
	w := newWorld(t)
	w.lock(`{"pin": {"mode": "supplied", "value": "048213"}}`)
	older := w.checkpoint()
	w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	w.checkpoint()
	res := w.fetch("/api/v1/audit/export")
	require.Equal(t, http.StatusOK, res.StatusCode, res.text)
	assert.Equal(t, "application/jsonl", res.Header.Get("Content-Type"))
	assert.Equal(t, []map[string]string{{"kind": "export", "format": "log"}}, w.reads())
	trust := auditlog.Trust{Key: w.fetch("/api/v1/audit/key").text, Older: [][]byte{[]byte(older)}}
	report, err := auditlog.VerifyExport(t.Context(), strings.NewReader(res.text), trust)
	require.NoError(t, err)
	assert.EqualValues(t, 2, report.Events)
	assert.NotContains(t, res.text, "048213")
	var tampered *auditlog.TamperError
	_, err = auditlog.VerifyExport(t.Context(), strings.NewReader(strings.Replace(res.text, `"forced":true`, `"forced":null`, 1)), trust)
	require.ErrorAs(t, err, &tampered)
	assert.EqualValues(t, 1, tampered.Position)
}

func TestEventsAreFiltered(t *testing.T) {
	w := newWorld(t)
	begun := w.now
	first, _ := w.lock(`{"reason": "lost", "ticket": "T-1"}`).json["id"].(string)
	w.do(http.MethodPost, "/api/v1/actions/"+first+"/reveal", `{"reason": "owner is here"}`)
	split := w.now.Add(time.Millisecond)
	w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`, "Authorization", "Bearer "+otherToken)
	at := func(name string, t time.Time) string { return "&" + name + "=" + t.Format(time.RFC3339Nano) }
	for query, want := range map[string][]string{
		"":                                      {"ordered", "revealed", "ordered"},
		"&newest=true":                          {"ordered", "revealed", "ordered"},
		"&newest=true&limit=1":                  {"ordered"},
		"&newest=true&cursor=2":                 {"revealed", "ordered"},
		"&type=revealed":                        {"revealed"},
		"&device_id=old":                        {"ordered"},
		"&actor=other":                          {"ordered"},
		"&actor=nobody":                         nil,
		at("since", split):                      {"ordered"},
		at("until", split):                      {"ordered", "revealed"},
		at("since", begun) + "&cursor=1":        {"revealed", "ordered"},
		at("since", split) + at("until", split): nil,
	} {
		path := "/api/v1/events?type=ordered,revealed" + query
		if strings.Contains(query, "type=") {
			path = "/api/v1/events?" + query[1:]
		}
		res := w.do(http.MethodGet, path, "")
		var got []string
		for _, item := range items(res) {
			e, _ := item.(map[string]any)
			got = append(got, fmt.Sprint(e["type"]))
		}
		assert.Equal(t, want, got, query)
	}
	assert.Equal(t, "T-1", items(w.do(http.MethodGet, "/api/v1/events?action_id="+first, ""))[0].(map[string]any)["ticket"])
	for query, field := range map[string]string{
		"since=yesterday": "since", "until=1": "until", "newest=yes": "newest", "format=xls": "format", "format=csv&limit=1": "limit",
	} {
		assert.Equal(t, field, w.fetch("/api/v1/events?" + query).json["field"], query)
	}
}

func TestEventsAreExported(t *testing.T) {
	w := newWorld(t)
	id, _ := w.lock(`{"reason": "=HYPERLINK(\"http://evil.example\")", "ticket": " @SUM(1)", "pin": {"mode": "supplied", "value": "048213"}}`).json["id"].(string)
	w.do(http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "one, \"two\""}`)
	res := w.fetch("/api/v1/events?format=csv&actor=admin&type=ordered,revealed")
	assert.Equal(t, `attachment; filename="latchkey-events.csv"`, res.Header.Get("Content-Disposition"))
	rows, err := csv.NewReader(strings.NewReader(res.text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	column := func(row int, name string) string {
		for i, title := range rows[0] {
			if title == name {
				return rows[row][i]
			}
		}
		return "no such column"
	}
	assert.Equal(t, `'=HYPERLINK("http://evil.example")`, column(1, "reason"))
	assert.Equal(t, " '@SUM(1)", column(1, "ticket"))
	assert.Equal(t, "one, \"two\"", column(2, "reason"))
	assert.Equal(t, []string{"1", "revealed", "admin", "mac", id},
		[]string{column(2, "position"), column(2, "type"), column(2, "actor_id"), column(2, "device_id"), column(2, "action_id")})

	lines := w.fetch("/api/v1/events?format=jsonl").text
	assert.Len(t, strings.Split(strings.TrimSpace(lines), "\n"), 3, "the record of the export before is in it")
	assert.Contains(t, w.fetch("/api/v1/events?format=csv&type=purge").text, "position,time,type", "no event is a table too")
	assert.Equal(t, []map[string]string{
		{"kind": "export", "format": "csv", "actor": "admin", "types": "ordered revealed"}, {"kind": "export", "format": "jsonl"},
		{"kind": "export", "format": "csv", "types": "purge"},
	}, w.reads())
	assert.NotContains(t, res.text+lines, "048213")
}

// A ledger that cannot take the record of a reading shows nothing.
func TestNothingIsReadUnrecorded(t *testing.T) {
	w := newWorld(t)
	w.lock(`{"reason": "a secret matter"}`)
	w.checkpoint()
	w.ledger.broken = true
	for _, path := range []string{"/api/v1/events", "/api/v1/events?format=csv", "/api/v1/events?format=jsonl", "/api/v1/audit/export"} {
		res := w.fetch(path)
		assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, path)
		assert.NotContains(t, res.text, "a secret matter", path)
	}
}

func TestAuditNeedsTheRight(t *testing.T) {
	w := newWorld(t)
	w.lock(`{"reason": "a secret matter"}`)
	w.checkpoint()
	paths := []string{
		"/api/v1/events", "/api/v1/events?format=csv", "/api/v1/audit/export", "/api/v1/audit/checkpoint", "/api/v1/audit/proof?position=0",
		"/api/v1/audit/proof?from=1",
	}
	for _, path := range paths {
		res := w.do(http.MethodGet, path, "", "Authorization", "Bearer "+curiousToken)
		assert.Equal(t, http.StatusForbidden, res.StatusCode, path)
		assert.NotContains(t, res.text, "a secret matter", path)
	}
	assert.Empty(t, w.reads())
	denied, err := w.ledger.Events(t.Context(), lock.EventFilter{Types: []lock.EventType{lock.EventDenied}})
	require.NoError(t, err)
	assert.Len(t, denied, len(paths))
}
