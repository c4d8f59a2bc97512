package console

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	sessionLifetime = 12 * time.Hour
	sessionIdle     = time.Hour
	maxForm         = 64 << 10
)

// Keys of a session.
const (
	keyActorID   = "actor_id"
	keyActorName = "actor_name"
	keyFlash     = "flash"
	keyWarning   = "warning"
	keySince     = "since" // account.Account.PasswordAt at the sign-in: with another password the session has ended
)

// newSessions is not scs.New, which starts a goroutine that nobody can stop. Only a sign-in makes a session, so that the memory store
// does not grow with strangers.
func newSessions(cfg Config) *scs.SessionManager {
	store := cfg.Sessions
	if store == nil {
		store = memstore.NewWithCleanupInterval(0)
	}
	name := "latchkey"
	if cfg.Secure {
		name = "__Host-latchkey"
	}
	return &scs.SessionManager{
		Lifetime: sessionLifetime, IdleTimeout: sessionIdle, Store: store, Codec: scs.GobCodec{}, HashTokenInStore: true,
		ErrorFunc: func(w http.ResponseWriter, r *http.Request, err error) {
			cfg.Logger.ErrorContext(r.Context(), "session store failed", slog.Any("error", err))
			w.Header().Set("Retry-After", "5")
			http.Error(w, "The session cannot be read now. Try again.", http.StatusServiceUnavailable)
		},
		Cookie: scs.SessionCookie{Name: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: cfg.Secure},
	}
}

// handler answers one request of a signed-in administrator. What it returns becomes an error page.
type handler func(w http.ResponseWriter, r *http.Request, a lock.Actor) error

// open serves a page that needs no session.
func (c *console) open(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formLimit(r))
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	}
}

// signedIn serves a page that needs a session, and sends everybody else to the sign-in page.
func (c *console) signedIn(h handler) http.HandlerFunc {
	return c.open(func(w http.ResponseWriter, r *http.Request) error {
		a, ok := c.actor(r)
		if ok {
			var err error
			if r, ok, err = c.withAccount(r, a); err != nil {
				return err
			}
		}
		if !ok {
			next := ""
			if r.Method == http.MethodGet && r.URL.Path != "/" {
				next = "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, "/signin"+next, http.StatusSeeOther)
			return nil
		}
		err := readForm(r)
		if err == nil {
			err = h(w, r, a)
		}
		if err != nil {
			c.fail(w, r, err) // with what this account may do
		}
		return nil
	})
}

// readForm reads a form, in which there must be text.
func readForm(r *http.Request) error {
	if err := parseForm(r); err != nil {
		return &lock.InputError{Field: "form", Rule: "must be a web form that is not too large", Err: err}
	}
	for name, values := range r.Form {
		if slices.ContainsFunc(values, func(value string) bool { return !db.IsText(value) }) {
			return &lock.InputError{Field: name, Rule: "must be UTF-8 text without NUL"}
		}
	}
	return nil
}

// formLimit is the size of a form: a file with groups may be larger than what people type.
func formLimit(r *http.Request) int64 {
	if strings.HasPrefix(r.URL.Path, "/groups/") && strings.HasSuffix(r.URL.Path, "/import") {
		return maxImportForm
	}
	return maxForm
}

// parseForm reads a form, with files or without.
func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if err := r.ParseMultipartForm(formLimit(r)); !errors.Is(err, http.ErrNotMultipart) { //nolint:gosec // open bounds the body
		return err
	}
	return nil
}

// actor is who has the session, from where the request came. One of an account with the server's own name is nobody's.
func (c *console) actor(r *http.Request) (lock.Actor, bool) {
	id := c.sessions.GetString(r.Context(), keyActorID)
	return lock.Actor{ID: id, Name: c.sessions.GetString(r.Context(), keyActorName), Address: remoteHost(r)}, id != "" && id != account.System
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

type signInData struct {
	Name, Next string
	Refused    string // why; empty: nobody was
}

func (c *console) signInPage(w http.ResponseWriter, r *http.Request) error {
	next := localPath(r.URL.Query().Get("next"))
	if _, ok := c.actor(r); ok {
		http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // localPath keeps it here
		return nil
	}
	return c.render(w, r, http.StatusOK, "signin", "Sign in", signInData{Next: next})
}

func (c *console) signIn(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	data := signInData{Name: r.PostFormValue("name"), Next: localPath(r.PostFormValue("next"))}
	who, unknown := c.Accounts.Account(ctx, data.Name) // before the password is looked at: what is changed meanwhile ends this session
	a, err := c.Accounts.CheckPassword(ctx, data.Name, r.PostFormValue("password"), remoteHost(r))
	if errors.Is(err, account.ErrTooOften) {
		c.Logger.WarnContext(ctx, "sign-in tried too often", slog.String("address", remoteHost(r)))
		data.Refused = "Too many tries from your network. This one was not looked at: wait a minute, then sign in again."
		w.Header().Set("Retry-After", "60")
		return c.render(w, r, http.StatusTooManyRequests, "signin", "Sign in", data)
	}
	if errors.Is(err, lock.ErrDenied) {
		// The name is not logged: people type passwords there.
		c.Logger.WarnContext(ctx, "sign-in refused", slog.String("address", remoteHost(r)))
		data.Refused = "Name or password is wrong."
		return c.render(w, r, http.StatusUnauthorized, "signin", "Sign in", data)
	}
	if err != nil {
		return err
	}
	if unknown != nil {
		return unknown
	}
	a.Address = remoteHost(r)
	if err := c.Service.Note(ctx, a, lock.EventSignedIn, c.Scope, nil); err != nil {
		return err
	}
	if err := c.sessions.RenewToken(ctx); err != nil { // a token that somebody planted before is worth nothing
		return err
	}
	c.sessions.Put(ctx, keyActorID, a.ID)
	c.sessions.Put(ctx, keyActorName, a.Name)
	c.sessions.Put(ctx, keySince, db.Micros(who.PasswordAt))
	http.Redirect(w, r, data.Next, http.StatusSeeOther)
	return nil
}

func (c *console) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := c.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

// localPath keeps a redirect on this server: a path of ours, or the list of devices.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return "/"
	}
	return next
}

// say keeps a sentence for the next page that the session sees.
func (c *console) say(ctx context.Context, text string) { c.sessions.Put(ctx, keyFlash, text) }

// warn is say for what is no good news.
func (c *console) warn(ctx context.Context, text string) { c.sessions.Put(ctx, keyWarning, text) }
