package auditlog

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

const (
	exportFormat  = "latchkey audit export"
	exportVersion = 1
)

// header is the first line of an export.
type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Origin  string `json:"origin"`
	Size    int64  `json:"size"` // events in the export
}

// Export writes the events that the newest checkpoint covers, and the signed checkpoints, as JSON Lines for VerifyExport. It reads them as
// they are stored, and checks nothing but that checkpoint: what was tampered with is exported likewise, for whoever looks into it.
//
// The first line is {"format":"latchkey audit export","version":1,"origin":...,"size":...}. An event is
// {"position":...,"prev":"...","hash":"...","event":{...}}, with hashes in base64 and, as event, the exact bytes that were hashed; bytes that
// are no line of JSON stand as "body" in base64 instead. A checkpoint is {"checkpoint":"..."}, right behind the event that fills its size; one
// that is no text, {"note":"..."} in base64. What is stored as a checkpoint and is none goes among them where it was found, of more than 64 KiB
// only the beginning. VerifyExport takes a line only in the very bytes that are written here for it.
//
// It needs little memory, whatever the size. An *lock.InputError says that nothing is signed yet.
func (l *Log) Export(ctx context.Context, w io.Writer) error {
	newest, err := l.kept(ctx, 0)
	if err != nil {
		return err
	}
	e := &exporter{w: newWriter(w)}
	e.json(header{exportFormat, exportVersion, l.public.origin, newest.size})
	kept := &checkpoints{verifier: l.public, storage: l.cfg.Storage, newest: newest, bad: func(stored []byte, _ error) { e.note(stored) }}
	err = (&feed{store: l.cfg.Store}).each(ctx, 0, func(event entry) error {
		if event.position >= newest.size || e.err != nil {
			return errEnough
		}
		e.event(event)
		return e.checkpoints(ctx, kept, event.position+1)
	})
	if err == nil || errors.Is(err, errEnough) {
		err = e.checkpoints(ctx, kept, newest.size)
	}
	if err != nil {
		return err
	}
	return e.end()
}

func newWriter(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 1<<16) }

// exporter writes lines, and keeps the first error.
type exporter struct {
	w    *bufio.Writer
	line []byte
	err  error
}

func (e *exporter) write(line []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(append(line, '\n'))
	}
}

func (e *exporter) json(v any) {
	line, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = err
	}
	e.write(line)
}

func (e *exporter) event(event entry) {
	b := append(e.line[:0], `{"position":`...)
	b = strconv.AppendInt(b, event.position, 10)
	b = append(b, `,"prev":"`...)
	b = base64.StdEncoding.AppendEncode(b, event.prev)
	b = append(b, `","hash":"`...)
	b = base64.StdEncoding.AppendEncode(b, event.hash)
	if asIs(event.body) {
		b = append(b, `","event":`...)
		b = append(b, event.body...)
	} else {
		b = append(b, `","body":"`...)
		b = base64.StdEncoding.AppendEncode(b, event.body)
		b = append(b, '"')
	}
	e.line = append(b, '}')
	e.write(e.line)
}

// asIs reports whether the bytes can stand in a line of JSON and be taken out of it as they were.
func asIs(body []byte) bool {
	if len(body) == 0 || body[0] != '{' || body[len(body)-1] != '}' || !utf8.Valid(body) || depth(body) >= maxDepth || !json.Valid(body) {
		return false
	}
	for _, b := range body {
		if b < ' ' {
			return false
		}
	}
	return true
}

// checkpoints writes those up to a size.
func (e *exporter) checkpoints(ctx context.Context, kept *checkpoints, size int64) error {
	for {
		c, err := kept.next(ctx, size)
		if err != nil || c.size == 0 {
			return err
		}
		e.note(c.note)
	}
}

// note writes what is stored as a checkpoint.
func (e *exporter) note(stored []byte) {
	if len(stored) > 0 && len(stored) <= maxNote && utf8.Valid(stored) {
		e.json(struct {
			Checkpoint string `json:"checkpoint"`
		}{string(stored)})
		return
	}
	e.json(struct {
		Note []byte `json:"note"`
	}{append([]byte{}, stored[:min(len(stored), maxNote+1)]...)})
}

func (e *exporter) end() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	if e.err != nil {
		return fmt.Errorf("auditlog: write the export: %w", e.err)
	}
	return nil
}
