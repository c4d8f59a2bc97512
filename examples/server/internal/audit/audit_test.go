package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

var auditor = lock.Actor{ID: "ada"}

// anybody may do everything.
type anybody struct{}

// Authorize implements lock.Authorizer.
func (anybody) Authorize(context.Context, lock.Actor, lock.Verb, lock.Target) error { return nil }

// Visible implements lock.Authorizer.
func (anybody) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	return f, nil
}

// slow is a store whose events may be long in coming.
type slow struct {
	*store.Memory
	wait func(context.Context) error // before a read from a position; nil: none
}

// Scan implements auditlog.Scanner.
func (s *slow) Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error {
	if s.wait != nil {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	return s.Memory.Scan(ctx, from, row)
}

// newTrail has a ledger with a sign-in a minute, from a time on.
func newTrail(t *testing.T, began time.Time, events int) (*Trail, *slow) {
	t.Helper()
	keyring, err := pin.CreateKeyring(t.TempDir() + "/keyring")
	require.NoError(t, err)
	kept := &slow{Memory: store.NewMemory()}
	now := began
	service, err := lock.New(lock.Config{
		Store: kept, Sealer: keyring, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: anybody{},
		Now: func() time.Time { return now },
	})
	require.NoError(t, err)
	signer, public, err := auditlog.NewKey("mdm.example.com/ledger")
	require.NoError(t, err)
	log, err := auditlog.New(auditlog.Config{Store: kept, Storage: kept, Key: signer})
	require.NoError(t, err)
	for i := range events {
		require.NoError(t, service.Note(t.Context(), auditor, lock.EventSignedIn, "default", map[string]string{"n": fmt.Sprint(i)}))
		now = now.Add(time.Minute)
	}
	return New(Config{
		Service: service, Ledger: kept, Storage: kept, Log: log, Key: public, Scope: "default", Logger: slog.New(slog.DiscardHandler),
	}), kept
}

var began = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func TestPagesByTime(t *testing.T) {
	const events = maxLooked + 10
	trail, _ := newTrail(t, began, events)
	for name, c := range map[string]struct {
		filter Filter
		first  int64 // position; -1: the page is empty
		found  int
		next   int64
	}{
		"some":                {Filter{Since: began.Add(3 * time.Minute), Until: began.Add(5 * time.Minute)}, 3, 2, maxLooked},
		"a full page":         {Filter{Since: began.Add(3 * time.Minute), EventFilter: lock.EventFilter{Limit: 7}}, 3, 7, 10},
		"newest first":        {Filter{Until: began.Add((maxLooked + 5) * time.Minute), EventFilter: lock.EventFilter{Newest: true, Limit: 1}}, maxLooked + 4, 1, maxLooked + 4},
		"none of many":        {Filter{Since: began.AddDate(1, 0, 0)}, -1, 0, maxLooked},
		"none of the rest":    {Filter{Since: began.AddDate(1, 0, 0), EventFilter: lock.EventFilter{From: maxLooked}}, -1, 0, 0},
		"down to the first":   {Filter{Until: began.Add(time.Minute), EventFilter: lock.EventFilter{Newest: true, From: step}}, 0, 1, 0},
		"without times":       {Filter{EventFilter: lock.EventFilter{From: events - 1}}, events - 1, 1, 0},
		"without times, more": {Filter{EventFilter: lock.EventFilter{Limit: 5}}, 0, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			found, next, err := trail.page(t.Context(), auditor, c.filter)
			require.NoError(t, err)
			assert.Len(t, found, c.found)
			assert.Equal(t, c.next, next)
			if c.first >= 0 && assert.NotEmpty(t, found) {
				assert.Equal(t, c.first, found[0].Position)
			}
		})
	}
}

func TestCells(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "stolen": "stolen", "a=b": "a=b", "=1+1": "'=1+1", "+44 20": "'+44 20", "-1": "'-1", "@SUM(1)": "'@SUM(1)",
		" \t=1": " \t'=1", "\r\n+1": "\r\n'+1", "\u00a0=1": "\u00a0'=1", "＝1": "'＝1", "  ": "  ", "'=1": "'=1", "a,=1": "a,=1",
		"a;=1": "a;'=1", "a\t=1": "a\t'=1", "a\n=1": "a\n'=1", "=1; @b;c": "'=1; '@b;c", `a;"=1`: `a;"'=1`, "a;b=1": "a;b=1",
	} {
		assert.Equal(t, want, Cell(text), "%q", text)
	}
}

func TestCheckpointsAreCleaned(t *testing.T) {
	const signed = "origin\n5\nroot\n\n— origin signature\n"
	for _, text := range []string{signed, strings.ReplaceAll(signed, "\n", "\r\n"), "\n " + strings.TrimSpace(signed), signed + "\n\n"} {
		assert.Equal(t, signed, string(CleanCheckpoint([]byte(text))))
	}
	assert.EqualValues(t, 5, Size([]byte(signed)))
	assert.Zero(t, Size([]byte("none")))
}

// A download that fails before it begins is an error; later it breaks off, so that nobody takes half of it for the whole.
func TestDownloadBreaksOff(t *testing.T) {
	trail, _ := newTrail(t, began, 0)
	gone := errors.New("the disk is gone")
	for name, c := range map[string]struct {
		write  func(io.Writer) error
		status int // 0: the connection broke off
		body   string
	}{
		"whole":       {func(w io.Writer) error { _, err := io.WriteString(w, "all"); return err }, http.StatusOK, "all"},
		"empty":       {func(io.Writer) error { return nil }, http.StatusOK, ""},
		"never began": {func(io.Writer) error { return gone }, http.StatusTeapot, ""},
		"half": {func(w io.Writer) error {
			_, _ = io.WriteString(w, strings.Repeat("half", 1<<12))
			return gone
		}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				err := trail.Download(r.Context(), w, "text/plain", "x.txt", func(_ context.Context, out io.Writer) error { return c.write(out) })
				if err != nil {
					assert.Equal(t, gone, err)
					w.WriteHeader(http.StatusTeapot)
				}
			}))
			defer server.Close()
			res, err := server.Client().Get(server.URL)
			require.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			body, err := io.ReadAll(res.Body)
			if c.status == 0 {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.status, res.StatusCode)
			assert.Equal(t, c.body, string(body))
			assert.Equal(t, c.status == http.StatusOK, res.Header.Get("Content-Disposition") == `attachment; filename="x.txt"`)
		})
	}
}

func TestLastVerification(t *testing.T) {
	trail, kept := newTrail(t, began, 3)
	last, err := trail.Last(t.Context(), auditor)
	require.NoError(t, err)
	assert.Nil(t, last)
	require.NoError(t, trail.Log.Integrate(t.Context()))
	signed, err := trail.Checkpoint(t.Context(), auditor)
	require.NoError(t, err)
	_, err = trail.Verify(t.Context(), auditor, [][]byte{signed})
	require.NoError(t, err)
	last, err = trail.Last(t.Context(), auditor)
	require.NoError(t, err)
	require.NotNil(t, last)
	assert.Equal(t, Verification{
		By: auditor, At: began.Add(3 * time.Minute), Outcome: Intact, Events: 3, Signed: 3, Older: 1,
	}, *last)

	_, err = trail.Verify(t.Context(), auditor, [][]byte{[]byte("none")})
	var input *lock.InputError
	require.ErrorAs(t, err, &input)
	kept.wait = func(context.Context) error { return errors.New("the disk is gone") }
	_, err = trail.Verify(t.Context(), auditor, nil)
	require.Error(t, err)
	last, err = trail.Last(t.Context(), auditor)
	require.NoError(t, err)
	assert.Equal(t, Intact, last.Outcome, "what was no verification is not on record as one")
}

// A verification that had no time left is on record, and one runs at a time.
func TestVerificationTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail, kept := newTrail(t, began, 3)
		kept.wait = func(ctx context.Context) error {
			_, err := trail.Verify(ctx, auditor, nil)
			require.ErrorIs(t, err, ErrUnderWay)
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := trail.Verify(ctx, auditor, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		last, err := trail.Last(t.Context(), auditor)
		require.NoError(t, err)
		assert.Equal(t, Unfinished, last.Outcome)
	})
}
