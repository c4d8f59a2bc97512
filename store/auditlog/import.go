package auditlog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	maxBody  = 256 << 10                          // lock.Event.Decode's
	maxLine  = max(maxBody*4/3, maxNote*6) + 1024 // a body in base64, or a checkpoint with each byte escaped; and what stands around it
	maxDepth = 64
)

// line is one line of an export, but for the first: an event or a checkpoint.
type line struct {
	Position   *int64          `json:"position,omitempty"`
	Prev       []byte          `json:"prev,omitempty"`
	Hash       []byte          `json:"hash,omitempty"`
	Event      json.RawMessage `json:"event,omitempty"`
	Body       []byte          `json:"body,omitempty"`
	Checkpoint string          `json:"checkpoint,omitempty"`
	Note       []byte          `json:"note,omitempty"`
}

// VerifyExport checks what Export wrote, with no access to the server. It returns the same as Verify, but for actions and sealed boxes, which
// an export does not hold; and since it holds no tiles, events that somebody changed with all their hashes are bounded by two checkpoints.
// The error for what is no export names the line. The file is read again from its beginning where it holds more actions than fit in memory
// at a time.
func VerifyExport(ctx context.Context, r io.ReadSeeker, trust Trust) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	return v.export(ctx, r)
}

func (v *verification) export(ctx context.Context, r io.ReadSeeker) (Report, error) {
	none := func(context.Context, *pass) (*TamperError, error) { return nil, nil }
	return v.run(ctx, &export{r: r}, none)
}

// export is an exported file as a source.
type export struct{ r io.ReadSeeker }

func (s *export) tiles(context.Context) *tiles { return nil }

func (s *export) each(context.Context, int64, func(entry) error) error { return nil }

func (s *export) read(ctx context.Context, p *pass) error {
	if _, err := s.r.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("auditlog: read the export from its beginning: %w", err)
	}
	lines := bufio.NewScanner(s.r)
	lines.Buffer(nil, maxLine)
	lines.Split(toNewline)
	number := 0
	for ; lines.Scan(); number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.line(p, lines.Bytes(), number); err != nil {
			return moved(lines, err)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return badLine(p, number, fmt.Errorf("has more than %d bytes", maxLine))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("auditlog: line %d of the export: %w", number+1, err)
	}
	return s.end(p, number)
}

// toNewline is bufio.ScanLines, but takes no carriage return off.
func toNewline(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// line gives the pass one line. The first is the header.
func (s *export) line(p *pass, data []byte, number int) error {
	if number == 0 {
		size, err := decodeHeader(data, p.origin)
		if err != nil {
			return fmt.Errorf("auditlog: line 1 of the export: %w", err)
		}
		p.known = max(p.known, size)
		return nil
	}
	l, err := decodeLine(data)
	if err != nil {
		return badLine(p, number, err)
	}
	if l.Position != nil {
		return p.event(entry{*l.Position, l.Prev, l.Hash, l.Body})
	}
	c, err := p.open(l.Note)
	if err != nil {
		p.note(p.badCheckpoint(fmt.Sprintf("line %d of the export is not one that this log signed", number+1), err))
		return nil
	}
	if p.whole && c.size > p.tree.size {
		return &TamperError{
			What: Removed, Position: p.good, Upto: c.size,
			Detail: fmt.Sprintf("the checkpoint of size %d stands behind %d events", c.size, p.tree.size), between: true,
		}
	}
	return p.checkpoint(c)
}

// badLine is for a line that stands where the next event should, or its checkpoint.
func badLine(p *pass, number int, err error) *TamperError {
	return &TamperError{
		What: Changed, Position: p.tree.size, Upto: p.tree.size + 1,
		Detail: fmt.Sprintf("line %d of the export, which should be this event or a checkpoint before it, cannot be read", number+1), Err: err,
	}
}

// moved looks for an event that is missing in its place a little further on.
func moved(lines *bufio.Scanner, err error) error {
	var found *TamperError
	if !errors.As(err, &found) || found.What != Removed || found.Action != "" {
		return err
	}
	for range lookahead {
		if !lines.Scan() {
			break
		}
		if l, err := decodeLine(lines.Bytes()); err == nil && l.Position != nil && *l.Position == found.Position {
			found.What, found.Upto, found.Detail = Reordered, found.Position+1, "its line stands behind later ones"
		}
	}
	return found
}

// end holds that the file was not cut off.
func (s *export) end(p *pass, number int) error {
	switch {
	case number == 0:
		return errors.New("auditlog: the export is empty")
	case !p.whole:
		return nil
	case p.tree.size < p.known:
		return p.cutOff(p.known)
	case p.signed < p.tree.size:
		return p.badCheckpoint(fmt.Sprintf("the export ends with %d events, and its last one has size %d", p.tree.size, p.signed), nil)
	}
	return nil
}

// decodeHeader returns the number of events that an export of this origin says it has.
func decodeHeader(data []byte, origin string) (int64, error) {
	var h header
	if err := strict(data, &h); err != nil {
		return 0, err
	}
	if !written(data, func(e *exporter) { e.json(h) }) {
		return 0, errForm
	}
	switch {
	case h.Format != exportFormat || h.Version != exportVersion:
		return 0, fmt.Errorf("is no header: format must be %q, version %d", exportFormat, exportVersion)
	case h.Origin != origin:
		return 0, fmt.Errorf("the export is of the log %q, and the key of %q", h.Origin, origin)
	case h.Size < 1:
		return 0, errors.New("size must be 1 or more")
	}
	return h.Size, nil
}

// errForm is for a line that says something, but not in the bytes that Export writes for it. JSON has many forms for the same, and readers
// differ in what they make of them: which of two fields of the same name counts, or whether Event is the same name as event.
var errForm = errors.New("is not in the form that is exported: each field once, by its exact name and in its place, and nothing around")

// written reports whether write makes the exporter write this line.
func written(data []byte, write func(*exporter)) bool {
	var out bytes.Buffer
	e := &exporter{w: bufio.NewWriterSize(&out, len(data)+1)}
	write(e)
	return e.end() == nil && bytes.Equal(bytes.TrimSuffix(out.Bytes(), []byte("\n")), data)
}

// decodeLine returns a line that is an event, with its exact bytes as Body, or a checkpoint, with its exact bytes as Note.
func decodeLine(data []byte) (line, error) {
	var l line
	if len(data) > maxLine {
		return line{}, fmt.Errorf("has more than %d bytes", maxLine)
	}
	if err := strict(data, &l); err != nil {
		return line{}, err
	}
	if l.Event != nil {
		l.Body, l.Event = l.Event, nil
	}
	if l.Checkpoint != "" {
		l.Note, l.Checkpoint = []byte(l.Checkpoint), ""
	}
	write := func(e *exporter) { e.note(l.Note) }
	switch {
	case l.Position != nil:
		write = func(e *exporter) { e.event(entry{*l.Position, l.Prev, l.Hash, l.Body}) }
	case l.Note == nil:
		return line{}, errors.New("must be either an event or a checkpoint")
	}
	if len(l.Body) > maxBody {
		return line{}, fmt.Errorf("an event has at most %d bytes", maxBody)
	}
	if !written(data, write) {
		return line{}, errForm
	}
	return l, nil
}

// strict decodes an object and takes no field that it does not know. What else may be wrong with its form shows when it is written again.
func strict(data []byte, into any) error {
	if depth(data) > maxDepth {
		return fmt.Errorf("is nested deeper than %d", maxDepth)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New("is not JSON of an export") // the cause would repeat the text
	}
	return nil
}

// depth is how deep brackets are nested. Data that is no JSON may have any.
func depth(data []byte) int {
	deepest, now := 0, 0
	quoted, escaped := false, false
	for _, b := range data {
		switch {
		case escaped:
			escaped = false
		case quoted:
			quoted, escaped = b != '"', b == '\\'
		case b == '"':
			quoted = true
		case b == '{', b == '[':
			now++
			deepest = max(deepest, now)
		case b == '}', b == ']':
			now--
		}
	}
	return deepest
}
