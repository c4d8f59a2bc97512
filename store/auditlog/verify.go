package auditlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Trust is what an auditor brings along: it must come from elsewhere than the ledger.
type Trust struct {
	Key   string   // the log's public key, as NewKey and PublicKey return it
	Older [][]byte // checkpoints that were kept outside, in any order; without one, a ledger that was cut off or restored may look whole
}

// source is a ledger that is read from its first event, any number of times.
type source interface {
	// read gives the pass every event by position, and each checkpoint behind the event that fills its size. It ends when the pass returns
	// an error, with that error.
	read(ctx context.Context, p *pass) error

	// tiles returns those of the newest checkpoint; nil when the source has none.
	tiles(ctx context.Context) *tiles

	// each is feed's, for a source that has tiles.
	each(ctx context.Context, from int64, visit func(entry) error) error
}

// verification is one run over a ledger, in one or more passes.
type verification struct {
	verifier
	older  []checkpoint // by size
	limit  int          // of the actions that a pass follows
	report Report
	first  *TamperError
	proven int64 // what the first pass proved: events below are as they were signed
}

func newVerification(trust Trust) (*verification, error) {
	known, err := newVerifier(trust.Key)
	if err != nil {
		return nil, err
	}
	v := &verification{verifier: known, limit: maxChains}
	for i, signed := range trust.Older {
		c, err := v.open(signed)
		if err != nil {
			return nil, &lock.InputError{
				Field: fmt.Sprintf("older[%d]", i), Rule: "must be a checkpoint of " + v.origin + ", signed with its key", Err: err,
			}
		}
		v.older = append(v.older, c)
	}
	slices.SortFunc(v.older, func(a, b checkpoint) int { return cmp.Compare(a.size, b.size) })
	return v, nil
}

// run reads the source, once for each part of the actions. After each pass without a finding, held compares the actions of its part.
func (v *verification) run(ctx context.Context, src source, held func(context.Context, *pass) (*TamperError, error)) (Report, error) {
	parts, until := []part{{}}, int64(math.MaxInt64)
	var second *TamperError // of the actions: what was done to the events goes first
	for len(parts) > 0 {
		p := &pass{verification: v, chains: newChains(parts[0], v.limit), hashes: newHasher(), until: until, whole: v.report.Passes == 0}
		v.report.Passes++
		found, err := p.over(ctx, src)
		if err != nil {
			return v.report, err
		}
		if found != nil {
			v.first = found // before what an earlier pass has found
		}
		if v.first == nil && second == nil {
			if second, err = held(ctx, p); err != nil {
				return v.report, err
			}
		}
		until = v.report.Events // what came after the first pass is of no concern
		if v.first != nil {
			until = v.first.Position
		}
		parts = append(parts[1:], p.chains.rest...)
	}
	if first := cmp.Or(v.first, second); first != nil {
		return v.report, first
	}
	return v.report, nil
}

// pass reads the ledger once. The first pass is whole: it builds the tree. All follow the chains of their part of the actions.
type pass struct {
	*verification
	chains *chains
	hashes *hasher
	until  int64 // it looks at events below
	whole  bool

	tree   tree
	known  int64 // the size that the ledger is known to have had
	signed int64 // the size of the last stored checkpoint that the events led to
	good   int64 // likewise, or of one kept outside
	older  []checkpoint
	noted  *TamperError // of the log itself, for when the events are in order
	holds  []int64      // positions of the notices of legal holds

	forked bool // the finding is of a checkpoint kept outside
	broken bool // the finding is of an action's chain: its cause may lie earlier
}

// over reads the source and returns the first finding.
func (p *pass) over(ctx context.Context, src source) (*TamperError, error) {
	p.older = p.verification.older
	if p.whole && len(p.older) > 0 {
		p.known = p.older[len(p.older)-1].size
	}
	err := src.read(ctx, p)
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && p.whole {
		err = p.finish()
	}
	var found *TamperError
	if !errors.As(err, &found) {
		p.proven = max(p.proven, p.good)
		return nil, err
	}
	return p.place(ctx, src, found)
}

// place says of a finding how far the ledger is proven, and where it lies as exactly as that allows.
func (p *pass) place(ctx context.Context, src source, found *TamperError) (*TamperError, error) {
	exact := found
	switch {
	case p.forked: // the stored signatures and those outside are of two logs: tiles say nothing of what they do not agree on
		found.Proven = p.agreed()
	case p.whole:
		found.Proven = p.good
		var err error
		if exact, err = locate(ctx, src, found); err != nil {
			return nil, err
		}
	default:
		found.Proven = min(p.proven, found.Position)
	}
	if exact == found && p.broken {
		found.widen()
	}
	if p.whole {
		p.proven = exact.Proven
	}
	return exact, nil
}

// event checks the next event. Its error is a *TamperError, or errEnough when it has seen enough.
func (p *pass) event(e entry) error {
	if e.position >= p.until {
		return errEnough
	}
	if p.whole {
		if err := p.outside(); err != nil {
			return err
		}
		if e.position < p.tree.size {
			return &TamperError{
				What: Reordered, Position: p.tree.size, Upto: p.tree.size + 1,
				Detail: fmt.Sprintf("the event of position %d stands in its place", e.position),
			}
		}
		if err := next(p.hashes, e, p.tree.size); err != nil {
			return err
		}
		p.tree.grow(tlog.RecordHash(e.hash))
		p.report.Events = p.tree.size
		if isHold(e.body) {
			p.holds = append(p.holds, e.position)
		}
	}
	if err := p.chains.follow(e); err != nil {
		p.broken = true
		return err
	}
	return nil
}

// checkpoint checks a stored one, which must cover the events so far.
func (p *pass) checkpoint(c checkpoint) error {
	switch {
	case !p.whole:
		return nil
	case c.size <= p.signed:
		p.note(p.badCheckpoint(fmt.Sprintf("one of size %d stands behind that of size %d", c.size, p.signed), nil))
		return nil
	case c.size > p.tree.size:
		return p.cutOff(max(c.size, p.known))
	case c.size < p.tree.size:
		return p.badCheckpoint(fmt.Sprintf("the one of size %d stands behind %d events: some were inserted, or it was moved", c.size, p.tree.size), nil)
	case c.root != p.tree.root():
		return &TamperError{
			What: Changed, Position: p.good, Upto: c.size, between: true,
			Detail: fmt.Sprintf("the checkpoint of size %d was signed over other events", c.size),
		}
	}
	p.signed, p.good = c.size, max(p.good, c.size)
	p.report.Size, p.report.Checkpoint = c.size, c.note
	p.report.Checkpoints++
	return nil
}

func (p *pass) badCheckpoint(detail string, err error) *TamperError {
	return &TamperError{What: TamperedCheckpoint, Position: p.signed, Upto: max(p.tree.size, p.signed+1), Detail: detail, Err: err}
}

// outside compares the checkpoints kept outside that cover the events so far.
func (p *pass) outside() error {
	for ; len(p.older) > 0 && p.older[0].size == p.tree.size; p.older = p.older[1:] {
		if p.older[0].root != p.tree.root() {
			p.forked = true
			return &TamperError{
				What: Changed, Position: p.agreed(), Upto: p.tree.size, between: true,
				Detail: fmt.Sprintf("the checkpoint of size %d that was kept outside was signed over other events. "+
					"Where the stored checkpoints agree with the ledger, it was restored from an older backup and went on, "+
					"or somebody had the signing key", p.tree.size),
			}
		}
		p.good = max(p.good, p.tree.size)
		p.report.Older++
	}
	return nil
}

// agreed is the size of the largest checkpoint kept outside that the events led to: two logs of one key have no more in common for sure.
func (p *pass) agreed() int64 {
	if p.report.Older == 0 {
		return 0
	}
	return p.verification.older[p.report.Older-1].size
}

// finish is for the end of the events.
func (p *pass) finish() error {
	if err := p.outside(); err != nil {
		return err
	}
	switch {
	case len(p.older) > 0:
		return p.cutOff(p.known)
	case p.agreed() > p.signed:
		return p.badCheckpoint(fmt.Sprintf("the newest stored one has size %d, the one kept outside %d: checkpoints were taken away",
			p.signed, p.agreed()), nil)
	case p.noted != nil:
		return p.noted
	}
	return nil
}

// note keeps the first finding that is not of the events.
func (p *pass) note(found *TamperError) {
	if p.noted == nil {
		p.noted = found
	}
}

func (p *pass) cutOff(known int64) *TamperError {
	return &TamperError{
		What: CutOff, Position: p.tree.size, Upto: known,
		Detail: fmt.Sprintf("the ledger ends with %d events, and %d were signed: its end was removed, or it was restored from an older backup",
			p.tree.size, known),
	}
}
