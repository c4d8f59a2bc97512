package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// linkTime is how long the passcode of a link stays on the screen: its reader has to go and type it into a device.
const linkTime = 2 * time.Minute

// Links are the one-time links to passcodes (delivery.Deliveries). All methods are safe for concurrent use.
type Links interface {
	// Look reports whether a link works for somebody, whose ID is empty without a session, and leaves it as it is. delivery.ErrDead,
	// delivery.ErrSignIn, delivery.ErrOther, account.ErrTooOften or an error that wraps lock.ErrDenied when it does not.
	Look(ctx context.Context, token string, opener lock.Actor) (delivery.Link, error)
	// Collect uses a link up and gives its passcode, of which it is on record that it was given. When it fails the link is as it was.
	Collect(ctx context.Context, token string, opener lock.Actor) (delivery.Link, pin.PIN, error)
}

type linkData struct {
	Device  lock.Device
	Named   bool // it is opened by the account that is signed in
	Seconds int
	Groups  []string // the passcode in groups of three; none before the form was sent
	Spoken  string
	Title   string // of what is to be said instead
	Text    string
}

// linkRoutes are the pages of one-time links, which say themselves who may open them.
func (c *console) linkRoutes(mux *http.ServeMux) {
	if c.Links == nil {
		return
	}
	mux.HandleFunc("GET /collect/{token}", c.open(c.linkPage))
	mux.HandleFunc("GET /collect/used", c.open(c.usedLink))
	mux.HandleFunc("POST /collect/{token}", c.open(c.collect))
}

// linkPage shows a button. Scanners of mail servers follow links: so it gives nothing away, and the link is as good afterwards.
func (c *console) linkPage(w http.ResponseWriter, r *http.Request) error {
	r, opener, err := c.opener(r)
	if err != nil {
		return c.noLink(w, r, opener, err)
	}
	l, err := c.Links.Look(r.Context(), r.PathValue("token"), opener)
	if err != nil {
		return c.noLink(w, r, opener, err)
	}
	return c.link(w, r, http.StatusOK, linkData{Device: l.Device, Named: l.Named})
}

// usedLink is where the page of a passcode goes when its time is over: it is no link, and no guess at one.
func (c *console) usedLink(w http.ResponseWriter, r *http.Request) error {
	return c.noLink(w, r, lock.Actor{}, delivery.ErrDead)
}

// collect gives the passcode. The answer is kept nowhere.
func (c *console) collect(w http.ResponseWriter, r *http.Request) error {
	r, opener, err := c.opener(r)
	if err != nil {
		return c.noLink(w, r, opener, err)
	}
	l, code, err := c.Links.Collect(r.Context(), r.PathValue("token"), opener)
	if err != nil {
		return c.noLink(w, r, opener, err)
	}
	return c.link(w, r, http.StatusOK, linkData{Device: l.Device, Groups: groups(code.Expose()), Spoken: spoken(code.Expose())})
}

// opener is who opens a link: the account of a session, if there is one, and the address in any case.
func (c *console) opener(r *http.Request) (*http.Request, lock.Actor, error) {
	a, ok := c.actor(r)
	if ok {
		var err error
		if r, ok, err = c.withAccount(r, a); err != nil {
			return r, lock.Actor{}, err
		}
	}
	if !ok {
		a = lock.Actor{Address: remoteHost(r)}
	}
	return r, a, nil
}

// link shows the page of a link. It never fails towards c.fail, which logs the path of a page: that of a link is a secret.
func (c *console) link(w http.ResponseWriter, r *http.Request, status int, data linkData) error {
	title := "A " + codeOf(lock.KindResetPasscode, data.Device) + " for you"
	if data.Title != "" {
		title = data.Title
	}
	data.Seconds = int(linkTime / time.Second)
	if err := c.render(w, r, status, "link", title, data); err != nil {
		c.Logger.ErrorContext(r.Context(), "page of a one-time link failed", slog.Any("error", err))
		http.Error(w, "This page cannot be shown now.", http.StatusInternalServerError)
	}
	return nil
}

// noLink says why a link gives nothing. That it was used, has expired, or never was one is the same page.
func (c *console) noLink(w http.ResponseWriter, r *http.Request, opener lock.Actor, err error) error {
	denied := errors.Is(err, lock.ErrDenied)
	switch {
	case errors.Is(err, delivery.ErrSignIn):
		http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.Path), http.StatusSeeOther)
		return nil
	case errors.Is(err, account.ErrTooOften):
		w.Header().Set("Retry-After", "60")
		return c.link(w, r, http.StatusTooManyRequests, linkData{Title: "Too many links that do not work",
			Text: "They were opened from your network, and this is one more. Open the link of the newest mail, or ask your administrator."})
	case errors.Is(err, delivery.ErrOther):
		return c.link(w, r, http.StatusForbidden, linkData{Title: "This link is for another account",
			Text: "It works for the account that ordered the passcode. Sign out, sign in with that one, and open the link again."})
	case errors.Is(err, lock.ErrPending):
		return c.link(w, r, http.StatusConflict, linkData{Title: "Somebody has to approve this first",
			Text: "The passcode is not shown before a second administrator approves it. They were told. The link stays good: open it again later."})
	case denied && opener.ID != "":
		return c.link(w, r, http.StatusForbidden, linkData{Title: "You may not see this passcode",
			Text: "The account does not have the right to reveal it, or the device is in none of its groups. The attempt was recorded."})
	case denied, errors.Is(err, delivery.ErrDead):
		return c.link(w, r, http.StatusNotFound, linkData{Title: "This link does not work",
			Text: "It was used already, is too old, or was replaced by that of a newer mail; or its passcode may not open the device any more, because " +
				"that was set up anew or has another one. Ask your administrator for the passcode."})
	}
	c.Logger.ErrorContext(r.Context(), "one-time link could not be opened", slog.Any("error", err))
	w.Header().Set("Retry-After", "5")
	return c.link(w, r, http.StatusServiceUnavailable, linkData{Title: "The passcode cannot be shown now",
		Text: "The link is as it was: open it again in a while. If it stays like this, tell your administrator."})
}
