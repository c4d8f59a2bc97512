package auditlog

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Config is what a Log stands on.
type Config struct {
	Store   lock.Store   // the ledger; a Scanner is read faster
	Storage Storage      // usually the same store
	Key     string       // the signer that NewKey made: a secret. Its name is the log's origin
	Logger  *slog.Logger // nil: slog.Default; what Run cannot return to a caller goes there
}

// Log makes the events of a ledger a verifiable log. Make it with New. All methods are safe for concurrent use, and any number of processes
// may have a Log with the same key on one ledger.
type Log struct {
	cfg    Config
	signer note.Signer
	public verifier

	mu   sync.Mutex
	last checkpoint // the largest that this process signed or found to extend its own
}

// New makes a Log. It reads and starts nothing. A *lock.InputError names what is missing in the configuration.
func New(cfg Config) (*Log, error) {
	switch {
	case cfg.Store == nil:
		return nil, &lock.InputError{Field: "store", Rule: "is required"}
	case cfg.Storage == nil:
		return nil, &lock.InputError{Field: "storage", Rule: "is required"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	signer, err := newSigner(cfg.Key)
	if err != nil {
		return nil, err
	}
	key, err := PublicKey(cfg.Key)
	if err != nil {
		return nil, err
	}
	public, err := newVerifier(key)
	if err != nil {
		return nil, err
	}
	return &Log{cfg: cfg, signer: signer, public: public}, nil
}

// Checkpoint returns the newest signed checkpoint, in the form of https://c2sp.org/tlog-checkpoint; nil when nothing is signed yet. One that
// the log's key did not sign, or that takes back what this process has seen, is a *TamperError.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	newest, err := l.newest(ctx)
	return newest.note, err
}

// newest returns the newest checkpoint, once it is sure that the log stands by all that this process has seen of it.
func (l *Log) newest(ctx context.Context) (checkpoint, error) {
	l.mu.Lock()
	last := l.last // before it reads: what others add meanwhile is larger
	l.mu.Unlock()
	newest, err := l.stored(ctx)
	if err != nil {
		return checkpoint{}, err
	}
	if newest.size == last.size && newest.root == last.root {
		return newest, nil
	}
	if err := l.extends(ctx, last, newest); err != nil {
		return checkpoint{}, err
	}
	l.remember(newest)
	return newest, nil
}

func (l *Log) stored(ctx context.Context) (checkpoint, error) {
	size, signed, err := l.cfg.Storage.Checkpoint(ctx)
	if err != nil {
		return checkpoint{}, fmt.Errorf("auditlog: read the newest checkpoint: %w", err)
	}
	if signed == nil {
		return checkpoint{}, nil
	}
	newest, err := l.public.open(signed)
	if err == nil && newest.size != size {
		err = fmt.Errorf("%w: it is stored as one of size %d", errCheckpoint, size)
	}
	if err != nil {
		return checkpoint{}, &TamperError{
			What: TamperedCheckpoint, Position: 0, Upto: size, Detail: "the newest stored checkpoint is not one that this log signed", Err: err,
		}
	}
	return newest, nil
}

// extends returns a *TamperError unless the tree of the newest checkpoint begins with the whole tree of the one before.
func (l *Log) extends(ctx context.Context, last, newest checkpoint) error {
	forked := &TamperError{
		What: TamperedCheckpoint, Position: 0, Upto: last.size,
		Detail: fmt.Sprintf("the newest stored checkpoint has size %d and does not extend the one of size %d that was there before: "+
			"the log was restored from an older backup, or replaced", newest.size, last.size),
	}
	switch {
	case last.size == 0:
		return nil
	case newest.size <= last.size:
		return forked
	}
	t := newTiles(ctx, l.cfg.Storage, newest)
	proof, err := tlog.ProveTree(newest.size, last.size, t)
	if err != nil {
		return t.explain(err)
	}
	if tlog.CheckTree(proof, newest.size, newest.root, last.size, last.root) != nil {
		return forked
	}
	return nil
}

func (l *Log) remember(c checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.size > l.last.size {
		l.last = c
	}
}
