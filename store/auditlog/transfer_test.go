package auditlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// exported is a ledger's export, and what an auditor has beside it.
func exported(t *testing.T) (lines []string, b *book, kept [][]byte) {
	t.Helper()
	b, f, actions := chained(t, 40) // checkpoints of sizes 80 and 120
	for _, a := range actions[:10] {
		f.PIN(a.ID)
	}
	b.notices(t, 10)
	b.integrate(t)
	b.notices(t, 3) // not yet signed: not in the export
	notes, err := b.Checkpoints(t.Context(), 0, 10)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, b.log.Export(t.Context(), &out))
	lines = strings.SplitAfter(out.String(), "\n")
	return lines[:len(lines)-1], b, notes
}

func verifyLines(t *testing.T, lines []string, trust auditlog.Trust) (auditlog.Report, error) {
	t.Helper()
	return auditlog.VerifyExport(t.Context(), strings.NewReader(strings.Join(lines, "")), trust)
}

func TestExport(t *testing.T) {
	lines, b, kept := exported(t)
	report, err := verifyLines(t, lines, auditlog.Trust{Key: b.key, Older: kept[:2]})
	require.NoError(t, err)
	assert.Equal(t, auditlog.Report{Events: 140, Size: 140, Checkpoint: kept[2], Checkpoints: 3, Older: 2, Passes: 1}, report)

	report, err = auditlog.VerifyExportCapped(t.Context(), strings.NewReader(strings.Join(lines, "")), auditlog.Trust{Key: b.key}, 10)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, report.Passes, 4)

	event := b.all(t)[7]
	var line struct {
		Position   int64
		Prev, Hash []byte
		Event      json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(lines[8]), &line))
	assert.Equal(t, []any{int64(7), event.Prev, event.Hash, string(event.Body)}, []any{line.Position, line.Prev, line.Hash, string(line.Event)})
	assert.JSONEq(t, `{"format":"latchkey audit export","version":1,"origin":"`+origin+`","size":140}`, lines[0])
	assert.Contains(t, lines[81], `{"checkpoint":`, "right behind the event that fills its size")
	assert.Contains(t, lines[len(lines)-1], `{"checkpoint":`)
}

// number gives lines of events the positions of their places.
func number(lines []string) []string {
	position := -1
	for i, l := range lines {
		if _, rest, ok := strings.Cut(l, `,"prev":`); ok {
			position++
			lines[i] = `{"position":` + jsonOf(position) + `,"prev":` + rest
		}
	}
	return lines
}

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// lineOf is the export's line of an event.
func lineOf(e lock.Event) string {
	return `{"position":` + jsonOf(e.Position) + `,"prev":` + jsonOf(e.Prev) + `,"hash":` + jsonOf(e.Hash) + `,"event":` + string(e.Body) + "}\n"
}

func TestExportTampered(t *testing.T) {
	lines, b, kept := exported(t)
	events := b.all(t)
	const at, line = 101, 103 // an acknowledgement; a header and a checkpoint lie before it
	edited := func(change func(e *lock.Event)) []string {
		all := slices.Clone(lines)
		e := events[at]
		change(&e)
		all[line] = lineOf(e)
		return all
	}
	for _, c := range []struct {
		name  string
		lines []string
		want  finding
	}{
		{"body", edited(func(e *lock.Event) {
			hash := e.Hash
			edit(t, e)
			e.Hash = hash
		}), exactly(auditlog.Changed, at)},
		{"body with its hash", edited(func(e *lock.Event) { edit(t, e) }), finding{auditlog.Changed, 80, 120}},
		{"deleted", slices.Delete(slices.Clone(lines), line, line+1), exactly(auditlog.Removed, at)},
		{"deleted and moved up", number(slices.Delete(slices.Clone(lines), line, line+1)), finding{auditlog.Removed, 80, 120}},
		{"inserted", number(slices.Insert(slices.Clone(lines), line, lineOf(forgedNotice(t)))), finding{auditlog.TamperedCheckpoint, 80, 121}},
		{"two lines changed places", slices.Concat(lines[:line], []string{lines[line+3]}, lines[line+1:line+3], lines[line:line+1], lines[line+4:]),
			exactly(auditlog.Reordered, at)},
		{"the same twice", slices.Insert(slices.Clone(lines), line, lines[line]), exactly(auditlog.Reordered, at+1)},
		{"cut off", lines[:line], finding{auditlog.CutOff, at, 140}},
		{"cut off in a line", append(slices.Clone(lines[:line]), lines[line][:50]), exactly(auditlog.Changed, at)},
		{"last checkpoint missing", lines[:len(lines)-1], finding{auditlog.TamperedCheckpoint, 120, 140}},
		{"checkpoint in another place", slices.Concat(lines[:81], lines[82:90], lines[81:82], lines[90:]), finding{auditlog.TamperedCheckpoint, 0, 88}},
		{"not an event", slices.Insert(slices.Clone(lines), line, "{}\n"), exactly(auditlog.Changed, at)},
		{"long line", slices.Insert(slices.Clone(lines), line, strings.Repeat("x", 1<<20)+"\n"), exactly(auditlog.Changed, at)},
		{"deep line", slices.Insert(slices.Clone(lines), line, strings.Repeat("[", 200)+"\n"), exactly(auditlog.Changed, at)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := verifyLines(t, c.lines, auditlog.Trust{Key: b.key})
			requireFinding(t, c.want, err)
		})
	}
	t.Run("cut off at an older checkpoint, with another header", func(t *testing.T) {
		cutOff := slices.Concat([]string{strings.Replace(lines[0], `"size":140`, `"size":80`, 1)}, lines[1:82])
		_, err := verifyLines(t, cutOff, auditlog.Trust{Key: b.key})
		require.NoError(t, err, "it does not show without a checkpoint that was kept outside")
		_, err = verifyLines(t, cutOff, auditlog.Trust{Key: b.key, Older: kept})
		requireFinding(t, finding{auditlog.CutOff, 80, 140}, err)
	})
}

func TestExportIsNone(t *testing.T) {
	lines, b, _ := exported(t)
	other := newBook(t)
	for name, c := range map[string]struct{ text, key, want string }{
		"empty":       {"", b.key, "empty"},
		"other text":  {"hello\n", b.key, "line 1"},
		"newer":       {strings.Replace(lines[0], `"version":1`, `"version":2`, 1), b.key, "version"},
		"other log":   {strings.Replace(lines[0], origin, "elsewhere", 1), b.key, "elsewhere"},
		"no size":     {strings.Replace(lines[0], `"size":140`, `"size":0`, 1), b.key, "size"},
		"unknown key": {`{"format":"latchkey audit export","version":1,"origin":"x","size":1,"more":1}` + "\n", b.key, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auditlog.VerifyExport(t.Context(), strings.NewReader(c.text), auditlog.Trust{Key: c.key})
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := verifyLines(t, lines, auditlog.Trust{Key: other.key})
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found, "another key of the same origin")
	assert.Equal(t, auditlog.TamperedCheckpoint, found.What)
	var input *lock.InputError
	assert.ErrorAs(t, other.log.Export(t.Context(), io.Discard), &input, "nothing is signed")
}

// What was tampered with is exported as it is.
func TestExportKeepsBytes(t *testing.T) {
	b, _, _ := chained(t, 3)
	for name, c := range map[string]struct {
		body string
		asIs bool
	}{
		"newline":       {"{\n}", false},
		"no JSON":       {"deleted", false},
		"empty":         {"", false},
		"not UTF-8":     {"{\"a\":\"\xff\"}", false},
		"space":         {" {}", false},
		"deep":          {`{"a":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, false},
		"an escape":     {`{"a":"\u003c<"}`, true},
		"many brackets": {`{"reason":"` + strings.Repeat("{[", 100) + `"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := c.body
			tampered := scanned{b.Memory, func(position int64, prev, hash, stored []byte) (int64, []byte) {
				if position == 4 {
					copy(hash, hashOf(prev, []byte(body)))
					return position, []byte(body)
				}
				return position, stored
			}}
			log, err := auditlog.New(auditlog.Config{Store: tampered, Storage: b, Key: b.skey})
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, log.Export(t.Context(), &out))
			var line struct {
				Event json.RawMessage
				Body  []byte
			}
			require.NoError(t, json.Unmarshal([]byte(strings.Split(out.String(), "\n")[5]), &line))
			assert.Equal(t, body, string(line.Event)+string(line.Body))
			assert.Equal(t, c.asIs, line.Event != nil, "as the event itself")
			_, err = auditlog.VerifyExport(t.Context(), bytes.NewReader(out.Bytes()), auditlog.Trust{Key: b.key})
			var found *auditlog.TamperError
			assert.ErrorAs(t, err, &found)
		})
	}
}

// full is a disk that is.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

var errFull = errors.New("no space left")

func TestExportDiskFull(t *testing.T) {
	_, b, _ := exported(t)
	assert.ErrorIs(t, b.log.Export(t.Context(), full{}), errFull)
}
