package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

type enrolData struct {
	Link string // empty before one was made
}

func (c *console) enrolPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if err := c.mayEnrol(r, a); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "enrol", "Enrol a Mac", enrolData{})
}

// mayEnrol asks for the right to let devices in, of all groups: one that enrols may say that it is any device.
func (c *console) mayEnrol(r *http.Request, a lock.Actor) error {
	return c.Service.Allow(r.Context(), a, account.VerbEnrol, lock.Target{Device: lock.Device{Scope: c.Scope}})
}

// newEnrolment makes a link that enrols one Mac, once. It is shown here and kept nowhere.
func (c *console) newEnrolment(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if err := c.mayEnrol(r, a); err != nil {
		return err
	}
	code, err := c.Enrolment.NewCode(r.Context(), a, "")
	if err != nil {
		return err
	}
	base := strings.TrimRight(c.BaseURL, "/")
	if base == "" {
		scheme := "http"
		if c.Secure || r.TLS != nil {
			scheme = "https"
		}
		base = scheme + "://" + r.Host
	}
	return c.render(w, r, http.StatusOK, "enrol", "Enrol a Mac", enrolData{base + "/enroll?code=" + url.QueryEscape(code)})
}
