package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// keepsAnswer reports whether an answer of the device is kept that may have its PIN.
func keepsAnswer(a lock.Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == "body" && !s.Purged() })
}

// revealAnswer gives a person the newest kept answer of a device, whole, for a PIN that could not be read from it. It is recorded, limited and
// approved as a reveal of the PIN is.
func (a *api) revealAnswer(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body revealRequest
	if err := read(r, &body); err != nil {
		return err
	}
	id := lock.ID(r.PathValue("id"))
	answer, err := a.Service.RevealAnswer(r.Context(), actor, id, body.Reason, body.Ticket)
	if errors.Is(err, lock.ErrPending) {
		return a.pending(w, r, actor, id, err)
	}
	if err != nil {
		return err
	}
	write(w, http.StatusOK, map[string]string{"answer": strings.ToValidUTF8(string(answer), string(utf8.RuneError))})
	return nil
}
