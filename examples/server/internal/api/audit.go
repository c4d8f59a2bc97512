package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/latchkey-mdm/latchkey/lock"
)

// auditCheckpoint gives the newest signed checkpoint, for whoever keeps one outside.
func (a *api) auditCheckpoint(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if _, err := params(r); err != nil {
		return err
	}
	signed, err := a.Audit.Checkpoint(r.Context(), actor)
	if err != nil {
		return err
	}
	writeText(w, signed)
	return nil
}

// auditKey gives the public key of the audit log.
func (a *api) auditKey(w http.ResponseWriter, r *http.Request, _ lock.Actor) error {
	if _, err := params(r); err != nil {
		return err
	}
	writeText(w, []byte(a.Audit.Key+"\n"))
	return nil
}

func writeText(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(text) //nolint:gosec // no page: its type says so, and is not guessed
}

// auditProof proves that an event is in the log, or that the log only grew.
func (a *api) auditProof(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "position", "from", "size")
	if err != nil {
		return err
	}
	if q.Has("position") == q.Has("from") {
		return invalid("position", "give it for a proof that an event is in the log, or from for one that the log only grew")
	}
	size, err := whole(q, "size")
	if err != nil {
		return err
	}
	var proof any
	if q.Has("position") {
		var position int64
		if position, err = whole(q, "position"); err == nil {
			proof, err = a.Audit.ProveInclusion(r.Context(), actor, position, size)
		}
	} else {
		var from int64
		if from, err = whole(q, "from"); err == nil {
			proof, err = a.Audit.ProveConsistency(r.Context(), actor, from, size)
		}
	}
	if err != nil {
		return err
	}
	write(w, http.StatusOK, proof)
	return nil
}

// whole reads a number that is not negative, 0 when it is not given.
func whole(q url.Values, name string) (int64, error) {
	if !q.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0, invalid(name, "must be a whole number, 0 or more")
	}
	return n, nil
}

// auditExport gives the whole ledger with its checkpoints, to be verified elsewhere.
func (a *api) auditExport(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	if _, err := params(r); err != nil {
		return err
	}
	return a.Audit.Download(r.Context(), w, "application/jsonl", "latchkey-audit.jsonl", func(ctx context.Context, out io.Writer) error {
		return a.Audit.Export(ctx, actor, out)
	})
}
