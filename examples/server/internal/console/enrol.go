package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

type enrolData struct {
	Link   string // empty before one was made
	Agents bool   // Android devices enrol here
	Server string // with Code: where an agent finds the server
	Code   string // of an agent; empty: none was made
}

// Agents lets agents of Android devices in: an Enrolment may be one too.
type Agents interface {
	// NewAndroidCode makes a code that enrols one device, once, within the hour. When it returns one, it is on record who got it.
	NewAndroidCode(ctx context.Context, a lock.Actor) (code string, err error)
}

func (c *console) enrolPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if err := c.mayEnrol(r, a); err != nil {
		return err
	}
	_, agents := c.Enrolment.(Agents)
	return c.render(w, r, http.StatusOK, "enrol", "Enrol a device", enrolData{Agents: agents})
}

// mayEnrol asks for the right to let devices in, of all groups: one that enrols may say that it is any device.
func (c *console) mayEnrol(r *http.Request, a lock.Actor) error {
	return c.Service.Allow(r.Context(), a, account.VerbEnrol, lock.Target{Device: lock.Device{Scope: c.Scope}})
}

// newEnrolment makes a link that enrols one Mac, or a code that enrols one Android device, once. It is shown here and kept nowhere.
func (c *console) newEnrolment(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if err := c.mayEnrol(r, a); err != nil {
		return err
	}
	agents, ok := c.Enrolment.(Agents)
	data := enrolData{Agents: ok}
	var err error
	if data.Server = c.base(r); ok && r.PostFormValue("platform") == androidPlatform {
		data.Code, err = agents.NewAndroidCode(r.Context(), a)
	} else {
		var code string
		code, err = c.Enrolment.NewCode(r.Context(), a, "")
		data.Link = data.Server + "/enroll?code=" + url.QueryEscape(code)
	}
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "enrol", "Enrol a device", data)
}

// base is where devices find the server.
func (c *console) base(r *http.Request) string {
	if base := strings.TrimRight(c.BaseURL, "/"); base != "" {
		return base
	}
	scheme := "http"
	if c.Secure || r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
