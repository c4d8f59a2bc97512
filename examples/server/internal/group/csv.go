package group

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// The limits of a CSV file.
const (
	MaxCSV  = 2 << 20 // bytes
	MaxRows = 20_000
	MaxBad  = 100 // lines that are named as wrong
)

// Row is a line of a CSV file: a member of a group.
type Row struct {
	Line   int    // in the file, from 1
	Path   string // of the group: the names from the top with slashes between
	Member string // ID or serial number of a device, or the name of a user
}

// BadLine is a line that breaks a rule.
type BadLine struct {
	Line int // from 1
	Rule string
}

// FileError says what is wrong with a file: nothing of it was imported.
type FileError struct {
	Lines []BadLine // the first of them, by number
	More  int       // that are wrong too
}

// Error names the first line and its rule, and how many there are.
func (e *FileError) Error() string {
	text := fmt.Sprintf("line %d: %s", e.Lines[0].Line, e.Lines[0].Rule)
	if n := len(e.Lines) + e.More - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// add takes note of one more.
func (e *FileError) add(line int, rule string) {
	if len(e.Lines) == MaxBad {
		e.More++
		return
	}
	e.Lines = append(e.Lines, BadLine{line, rule})
}

// wrong is e when it has lines.
func (e *FileError) wrong() error {
	if len(e.Lines) == 0 {
		return nil
	}
	return e
}

// ParseCSV reads a file of at most 2 MiB and 20,000 lines: first the names of the columns, group,device (or group,user), then a member in each
// line (RFC 4180), the group by its path and the device by its ID or serial number. Semicolons may stand for the commas, white space around a
// field does not count, empty lines and a byte order mark are passed over. What is wrong is a *FileError with the lines and their rules, which
// never repeats what a line says, or a *lock.InputError of the field file.
func ParseCSV(kind Kind, data []byte) ([]Row, error) {
	if len(data) > MaxCSV {
		return nil, &lock.InputError{Field: "file", Rule: "must have at most 2 MiB"}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &lock.InputError{Field: "file", Rule: "must be text in UTF-8"}
	}
	header, _, _ := strings.Cut(string(data), "\n")
	r := csv.NewReader(bytes.NewReader(data))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	if strings.Contains(header, ";") && !strings.Contains(header, ",") {
		r.Comma = ';'
	}
	d := decoder{kind: kind, reader: r}
	err := d.read()
	if err == nil {
		err = d.bad.wrong()
	}
	if err != nil {
		return nil, err
	}
	return d.rows, nil
}

type decoder struct {
	kind   Kind
	reader *csv.Reader
	rows   []Row
	bad    FileError
}

// read reads all lines. After one that cannot be taken apart there is no telling where the next begins.
func (d *decoder) read() error {
	for first := true; ; first = false {
		fields, err := d.reader.Read()
		if errors.Is(err, io.EOF) {
			if first {
				return d.noHeader()
			}
			return nil
		}
		if broken := (*csv.ParseError)(nil); errors.As(err, &broken) {
			d.bad.add(broken.Line, "must be comma-separated values: "+broken.Err.Error())
			return nil
		}
		if err != nil {
			return &lock.InputError{Field: "file", Rule: "could not be read", Err: err}
		}
		line, _ := d.reader.FieldPos(0)
		switch {
		case first && !d.isHeader(fields):
			return d.noHeader()
		case first:
		case len(d.rows) == MaxRows:
			return &lock.InputError{Field: "file", Rule: fmt.Sprintf("must have at most %d lines: import it in parts", MaxRows)}
		default:
			d.row(line, fields)
		}
	}
}

// one is what a member is called.
func (d *decoder) one() string { return strings.TrimSuffix(string(d.kind), "s") }

func (d *decoder) isHeader(fields []string) bool {
	return len(fields) == 2 && strings.EqualFold(strings.TrimSpace(fields[0]), "group") && strings.EqualFold(strings.TrimSpace(fields[1]), d.one())
}

func (d *decoder) noHeader() error {
	return &lock.InputError{Field: "file", Rule: "must begin with the line group," + d.one()}
}

// row takes one line.
func (d *decoder) row(line int, fields []string) {
	if len(fields) != 2 {
		d.bad.add(line, fmt.Sprintf("must have 2 fields, not %d", len(fields)))
		return
	}
	row := Row{Line: line, Path: strings.TrimSpace(fields[0]), Member: strings.TrimSpace(fields[1])}
	names := strings.Split(row.Path, "/")
	if len(names) > MaxDepth {
		d.bad.add(line, fmt.Sprintf("group must have at most %d names in its path", MaxDepth))
		return
	}
	if d.kind == Users && len(names) > 1 {
		d.bad.add(line, "group must have no slash: user groups have no groups below them")
		return
	}
	for _, name := range names {
		if input := (*lock.InputError)(nil); errors.As(checkName(name), &input) {
			d.bad.add(line, "group: each name of the path "+input.Rule)
			return
		}
	}
	if input := (*lock.InputError)(nil); errors.As(checkUser(row.Member), &input) { // holds for devices too
		d.bad.add(line, d.one()+" "+input.Rule)
		return
	}
	d.rows = append(d.rows, row)
}
