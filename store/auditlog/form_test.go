package auditlog_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// Other readers of JSON may take other bytes for the event than those that were verified, unless a line has one form only.
func TestExportForm(t *testing.T) {
	lines, b, _ := exported(t)
	const event, checkpoint = 103, 81
	forged := `"event":{"type":"acknowledged","reason":"forged"},`
	replace := func(line int, old, with string) []string {
		all := slices.Clone(lines)
		all[line] = strings.Replace(all[line], old, with, 1)
		require.NotEqual(t, lines[line], all[line])
		return all
	}
	for name, tampered := range map[string][]string{
		"the event by another name":      replace(event, `"event":`, forged+`"Event":`),
		"two events":                     replace(event, `"event":`, forged+`"event":`),
		"an event beside the body":       replace(event, `"event":`, `"body":"",`+`"event":`),
		"names in capitals":              replace(event, `"hash":`, `"HASH":`),
		"names escaped":                  replace(event, `"hash":`, `"\u0068ash":`),
		"null before":                    replace(event, `"event":`, `"event":null,"event":`),
		"a checkpoint beside the event":  replace(event, `"event":`, `"checkpoint":"","event":`),
		"another order":                  replace(event, `{"position":101,`, `{"hash":"","position":101,`),
		"space":                          replace(event, `"event":`, ` "event":`),
		"data behind an event":           replace(event, "}\n", "} {}\n"),
		"carriage return":                replace(event, "\n", "\r\n"),
		"a number in another form":       replace(event, `"position":101`, `"position":101e0`),
		"two checkpoints":                replace(checkpoint, `"checkpoint":`, `"checkpoint":"forged","checkpoint":`),
		"a checkpoint by another name":   replace(checkpoint, `"checkpoint":`, `"checkpoint":"forged","Checkpoint":`),
		"a checkpoint with another text": replace(checkpoint, `{"checkpoint":`, `{"note":"","checkpoint":`),
		"data behind a checkpoint":       replace(checkpoint, "}\n", "} 1\n"),
		"two sizes":                      replace(0, `"size":`, `"size":1,"size":`),
		"a size by another name":         replace(0, `"size":`, `"size":1,"Size":`),
		"data behind the header":         replace(0, "}\n", "} 1\n"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verifyLines(t, tampered, auditlog.Trust{Key: b.key})
			assert.Error(t, err)
		})
	}
}

// An event that was changed with its hash breaks the chain at the next one, which is not to blame.
func TestExportNamesNoInnocentEvent(t *testing.T) {
	b := newBook(t)
	f := locktest.New(t, b.Memory)
	b.signed(t, 10)
	for i := range 3 {
		f.Deliver(f.Lock(locktest.Device(fmt.Sprint("mac-", i))).Device) // at 10 and 11, 12 and 13, 14 and 15
	}
	b.integrate(t)
	var out bytes.Buffer
	require.NoError(t, b.log.Export(t.Context(), &out))
	lines := strings.SplitAfter(out.String(), "\n")
	e := b.all(t)[14]
	edit(t, &e)
	lines[16] = lineOf(e) // behind the header, ten events, a checkpoint and four more
	_, err := verifyLines(t, lines, auditlog.Trust{Key: b.key})
	requireFinding(t, finding{auditlog.Changed, 10, 16}, err)
	require.ErrorContains(t, err, "one or more events between position 10 and 15 were changed (of action")
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, int64(10), found.Proven)
	assert.Equal(t, e.Action, found.Action)
	assert.Zero(t, found.Seq)
}

// What is stored among the checkpoints is exported, whatever it is.
func TestExportOfTamperedCheckpoints(t *testing.T) {
	for name, junk := range map[string][]byte{
		"text":           []byte("junk <&>\n\u2028"),
		"bytes":          {0xff, 0, 1},
		"empty":          {},
		"huge":           bytes.Repeat([]byte("x"), 1<<20),
		"all is escaped": bytes.Repeat([]byte("<"), 64<<10),
		"an older one":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			store, db := newSQLite(t)
			skey, key, err := auditlog.NewKey(origin)
			require.NoError(t, err)
			log, err := auditlog.New(auditlog.Config{Store: store, Storage: store, Key: skey})
			require.NoError(t, err)
			f := locktest.New(t, store)
			for i := range 4 {
				f.Lock(locktest.Device(fmt.Sprint("mac-", i)))
				require.NoError(t, log.Integrate(t.Context()))
			}
			if name == "an older one" {
				notes, err := store.Checkpoints(t.Context(), 0, 1)
				require.NoError(t, err)
				junk = notes[0]
			}
			_, err = db.ExecContext(t.Context(), "DROP TRIGGER log_checkpoints_update")
			require.NoError(t, err)
			_, err = db.ExecContext(t.Context(), "UPDATE log_checkpoints SET note = ?1 WHERE size = 2", junk)
			require.NoError(t, err)
			want := exactly(auditlog.TamperedCheckpoint, 1)
			_, err = auditlog.Verify(t.Context(), store, store, auditlog.Trust{Key: key})
			requireFinding(t, want, err)
			var out bytes.Buffer
			require.NoError(t, log.Export(t.Context(), &out))
			_, err = auditlog.VerifyExport(t.Context(), bytes.NewReader(out.Bytes()), auditlog.Trust{Key: key})
			requireFinding(t, want, err)
			assert.Equal(t, 9, strings.Count(out.String(), "\n"), "a header, four events, four checkpoints")
		})
	}
}

// stuck is a store that may not give positions, as for somebody who may only read.
type stuck struct{ planted }

func (stuck) Sequence(context.Context) (bool, error) { return false, errFull }

func TestVerifyMayOnlyRead(t *testing.T) {
	b, f, _ := chained(t, 3)
	size := int64(len(b.all(t)))
	s := stuck{planted{b, f.Lock(locktest.Device("mac-x")).ID, size}}
	report, err := auditlog.Verify(t.Context(), s, b, auditlog.Trust{Key: b.key})
	require.NoError(t, err)
	assert.Equal(t, []int64{size, 1}, []int64{report.Events, report.Waiting})
}
