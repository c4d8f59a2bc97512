package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// verifyTime is how long a verification may take before a browser, or what is between, gives up on it.
const verifyTime = 45 * time.Second

// logState is what there is to say of the log as a whole.
type logState struct {
	Size   int64  // events that the newest checkpoint covers; 0: nothing is signed yet
	Origin string // what the log is called
	Key    string // its public key
	Broken string // the newest checkpoint cannot be right: why
	Last   *audit.Verification
	Unread bool // an event could not be read
}

// Prior is the last position that is signed.
func (s logState) Prior() int64 { return s.Size - 1 }

func (c *console) logState(ctx context.Context, a lock.Actor) (s logState, err error) {
	s.Key = c.Audit.Key
	s.Origin, _, _ = strings.Cut(s.Key, "+")
	s.Last, err = c.Audit.Last(ctx, a)
	if s.Unread = errors.Is(err, audit.ErrUnreadable); err != nil && !s.Unread {
		return s, err
	}
	signed, err := c.Audit.Checkpoint(ctx, a)
	tampered := (*auditlog.TamperError)(nil)
	switch {
	case errors.As(err, &tampered):
		s.Broken = tampered.Error()
		return s, nil
	case errors.Is(err, audit.ErrUnsigned):
		return s, nil
	}
	s.Size = audit.Size(signed)
	return s, err
}

// verifyLog verifies the ledger. What came of it is on record, from where every server shows it.
func (c *console) verifyLog(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	older, err := keptOutside(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), verifyTime)
	defer cancel()
	_, err = c.Audit.Verify(ctx, a, older)
	tampered, input := (*auditlog.TamperError)(nil), (*lock.InputError)(nil)
	switch {
	case errors.As(err, &tampered), errors.Is(err, context.DeadlineExceeded):
		err = nil // the page says it
	case errors.Is(err, audit.ErrUnderWay):
		c.warn(r.Context(), "The log is being verified for somebody else. Wait until that has ended.")
		err = nil
	case errors.As(err, &input):
		return &lock.InputError{Field: "checkpoint", Rule: "must be one of this log, as it was downloaded", Err: err}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/audit#verification", http.StatusSeeOther)
	return nil
}

// keptOutside are the checkpoints that came with a form: as a file, as text, or both.
func keptOutside(r *http.Request) (older [][]byte, err error) {
	if text := strings.TrimSpace(r.FormValue("checkpoint")); text != "" {
		older = append(older, audit.CleanCheckpoint([]byte(text)))
	}
	if r.MultipartForm == nil || len(r.MultipartForm.File["file"]) == 0 {
		return older, nil
	}
	f, err := r.MultipartForm.File["file"][0].Open()
	if err != nil {
		return nil, &lock.InputError{Field: "file", Rule: "could not be read", Err: err}
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(f)       // the whole form is bounded
	if err == nil && len(text) > 0 {
		older = append(older, audit.CleanCheckpoint(text))
	}
	return older, err
}

// exportEvents gives the events that the page shows, all of them.
func (c *console) exportEvents(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	_, f, err := c.auditFilter(r.Context(), r, a)
	if err != nil {
		return err
	}
	format := audit.Format(r.FormValue("format"))
	write := func(ctx context.Context, out io.Writer) error { return c.Audit.WriteEvents(ctx, a, f, format, out) }
	return c.Audit.Download(r.Context(), w, format.ContentType(), "latchkey-events."+string(format), write)
}

// exportLog gives the whole ledger with its checkpoints.
func (c *console) exportLog(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.Audit.Download(r.Context(), w, "application/jsonl", "latchkey-audit.jsonl", func(ctx context.Context, out io.Writer) error {
		return c.Audit.Export(ctx, a, out)
	})
}

// checkpoint gives the newest signed checkpoint.
func (c *console) checkpoint(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	signed, err := c.Audit.Checkpoint(r.Context(), a)
	if err != nil {
		return err
	}
	return c.Audit.Download(r.Context(), w, "text/plain; charset=utf-8", "latchkey-checkpoint.txt", func(_ context.Context, out io.Writer) error {
		_, err := out.Write(signed)
		return err
	})
}
