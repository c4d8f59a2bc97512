package audit

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// patience is how long a client may take to read the next piece of an answer.
const patience = time.Minute

// TakeTime lets an answer be as long in coming as it needs: from now on the deadline of the server does not count. The function that it
// returns gives the client a minute to read what is written next.
func TakeTime(w http.ResponseWriter) (answer func()) {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // one that has no deadlines needs no other
	return func() { _ = c.SetWriteDeadline(time.Now().Add(patience)) }
}

// Download answers with a file of a name: what write writes, as it is written, for as long as the client goes on reading. An error before
// the first byte is returned, and nothing was answered. A later one is logged and breaks the connection off: half a file must not look whole.
func (t *Trail) Download(
	ctx context.Context, w http.ResponseWriter, kind, name string, write func(ctx context.Context, out io.Writer) error,
) error {
	out := &download{ResponseWriter: w, kind: kind, name: name, next: TakeTime(w)}
	err := write(ctx, out)
	out.next() // what is left to be sent
	switch {
	case err == nil:
		out.begin() // a file may be empty
		return nil
	case !out.begun:
		return err
	}
	if ctx.Err() == nil {
		t.Logger.ErrorContext(ctx, "download broken off", slog.String("name", name), slog.Any("error", err))
	}
	panic(http.ErrAbortHandler)
}

type download struct {
	http.ResponseWriter
	kind, name string
	next       func() // before something is written
	begun      bool
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	d.begin()
	d.next()
	n, err := d.ResponseWriter.Write(p)
	d.next = TakeTime(d.ResponseWriter) // until there is more
	return n, err
}

func (d *download) begin() {
	if d.begun {
		return
	}
	d.begun = true
	header := d.Header()
	header.Set("Content-Type", d.kind)
	header.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	d.WriteHeader(http.StatusOK)
}
