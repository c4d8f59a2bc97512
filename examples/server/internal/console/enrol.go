package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

type enrolData struct {
	Link string // empty before one was made
}

func (c *console) enrolPage(w http.ResponseWriter, r *http.Request, _ lock.Actor) error {
	return c.render(w, r, http.StatusOK, "enrol", "Enrol a Mac", enrolData{})
}

// newEnrolment makes a link that enrols one Mac, once. It is shown here and kept nowhere.
func (c *console) newEnrolment(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
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
