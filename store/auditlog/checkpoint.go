package auditlog

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote is the size of a checkpoint in bytes, with room for the signatures of witnesses.
const maxNote = 64 << 10

// checkpoint is a signed statement: the first size events have this root.
type checkpoint struct {
	size int64
	root tlog.Hash
	note []byte // as it was signed; nil: the empty tree, which nobody signs
}

func (c checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.size, Hash: c.root} }

// sign makes the text of https://c2sp.org/tlog-checkpoint, and the note around it.
func sign(t *tree, by note.Signer) (checkpoint, error) {
	root := t.root()
	text := fmt.Sprintf("%s\n%d\n%s\n", by.Name(), t.size, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, by)
	if err != nil {
		return checkpoint{}, fmt.Errorf("auditlog: sign the checkpoint of size %d: %w", t.size, err)
	}
	return checkpoint{t.size, root, signed}, nil
}

// open returns a checkpoint that the log signed. Signatures of others are passed over, and so are lines that extend the text.
func (v verifier) open(signed []byte) (checkpoint, error) {
	if len(signed) > maxNote {
		return checkpoint{}, fmt.Errorf("%w: it has more than 64 KiB", errCheckpoint)
	}
	n, err := note.Open(signed, v.known)
	if err != nil {
		return checkpoint{}, fmt.Errorf("%w: %w", errCheckpoint, err)
	}
	lines := strings.Split(n.Text, "\n") // a note's text ends with a newline
	if len(lines) < 4 || lines[0] != v.origin {
		return checkpoint{}, fmt.Errorf("%w: it does not begin with the origin %s, a size and a root", errCheckpoint, v.origin)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, fmt.Errorf("%w: its second line is no size", errCheckpoint)
	}
	c := checkpoint{size: size, note: signed}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || copy(c.root[:], root) != tlog.HashSize || len(root) != tlog.HashSize {
		return checkpoint{}, fmt.Errorf("%w: its third line is no root", errCheckpoint)
	}
	return c, nil
}
