package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

//go:embed templates static
var files embed.FS

// pages are the parsed templates by name.
type pages map[string]*template.Template

// words are what templates call.
func words(now func() time.Time) template.FuncMap {
	return template.FuncMap{
		"ago":    func(t time.Time) string { return relative(now(), t) },
		"exact":  exact,
		"stamp":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"status": func(a lock.Action, away bool) status { return statusOf(a, away, now()) },
		"who":    who,
		"what":   what,
		"grave":  grave,

		"finding": finding,
		"number":  thousands,
		"chip":    chip,
		"said":    said,
		"effect":  effectOf,
		"system":  system,
		"noun":    func(platform string) string { return noun(lock.Device{Platform: platform}) },
		"phone":   func(platform string) bool { return isPhone(lock.Device{Platform: platform}) },
		"mac":     func(platform string) bool { return isMac(lock.Device{Platform: platform}) },
		"windows": func(platform string) bool { return isComputer(lock.Device{Platform: platform}) },
		"make":    makeOf,
		"code":    func(a lock.Action) string { return codeOf(a.Kind, a.Device) },
		"codeOf":  codeOf,
		"option":  optionWords,
		"answer":  answerWords,
		"before":  beforeOf,
		"class":   classOf,
		"untold":  untold,
		"verb":    verbOf,
		"waitsOf": func(r approval.Request) string { return waitsWith(r.What, r.HeldBy, an(r.Kind, r.Device)) },
		"managed": managed,
		"title":   title,

		"devicePath": devicePath,
		"pinsPath":   pinsPath,
		"hardware":   hardwarePath,
		"because":    purgeWords,
		"pins":       pins,
		"nano":       func(t time.Time) string { return t.Format(time.RFC3339Nano) },
		"minus":      func(a, b int) int { return a - b },
		"on":         func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"day":        day,
		"nth":        nth,
		"devices":    deviceCount,
		"stage":      stageOf,
		"select":     selectOf,
		"groupPath":  func(k group.Kind, id string) string { return groupPath(groupKind{Kind: k}, id) },
		"count":      count,
		"waits":      waitsFor,
		"decide":     deciding,
		"decideBulk": decidingBulk,
		"num":        func(n int) string { return thousands(int64(n)) },
		"times":      times,
		"wake":       wakeWords,
	}
}

func parsePages(now func() time.Time) (pages, error) {
	base, err := template.New("").Funcs(words(now)).ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/devicecards.html",
		"templates/phoneparts.html", "templates/windowsparts.html")
	if err != nil {
		return nil, fmt.Errorf("console: parse templates: %w", err)
	}
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("console: list templates: %w", err)
	}
	parsed := pages{}
	for _, path := range names {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(files, path)
		}
		if err != nil {
			return nil, fmt.Errorf("console: parse %s: %w", path, err)
		}
		parsed[strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".html")] = t
	}
	return parsed, nil
}

// view is what every page gets.
type view struct {
	Title   string
	Page    string
	Actor   lock.Actor // no ID: nobody is signed in
	Flash   string
	Warning string // a Flash that is no good news
	Version string // of the static files
	Inbox   inbox
	Groups  bool // there are pages of groups
	rights  []lock.Verb

	restricted bool
	Data       any
}

// Whole reports whether the account is for all devices, and not for those of some groups.
func (v view) Whole() bool { return !v.restricted }

// May reports whether the account has a right, so that the page shows what it is good for.
func (v view) May(right lock.Verb) bool { return slices.Contains(v.rights, right) }

// render writes a page. It makes the whole page first, so that an error is an error page and not half of one.
func (c *console) render(w http.ResponseWriter, r *http.Request, status int, page, title string, data any) error {
	v := view{Title: title, Page: page, Version: c.assets.version, Data: data}
	v.Actor, _ = c.actor(r)
	v.rights, v.restricted, v.Groups = accountOf(r).Rights, accountOf(r).Restricted, c.Groups != nil
	if v.Actor.ID != "" && r.Header.Get("X-Refresh") == "" { // a refresh in the background must not swallow the sentence
		v.Flash = c.sessions.PopString(r.Context(), keyFlash)
		v.Warning = c.sessions.PopString(r.Context(), keyWarning)
	}
	if v.Actor.ID != "" && page != "failure" {
		v.Inbox = c.inboxOf(r, v.Actor)
	}
	var body bytes.Buffer
	if err := c.pages[page].ExecuteTemplate(&body, "layout", v); err != nil {
		return fmt.Errorf("console: page %s: %w", page, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the browser went away: nobody is left to tell
	return nil
}

// guard is what every answer passes: same origin, and headers that let a browser run and load only what is ours.
func (c *console) guard(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "This request came from another site and was refused. Open the console and try again there.", http.StatusForbidden)
	}))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		// Paths go to no other site. With no-referrer a browser would say nothing of the origin of a form either, not even to us.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if c.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		protected.ServeHTTP(w, r)
	})
}

// assets serves the static files. Pages name them with their version, so that browsers may keep them.
type assets struct {
	version string
	http.Handler
}

func loadAssets() (assets, error) {
	hash := sha256.New()
	err := fs.WalkDir(files, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := files.ReadFile(path)
		hash.Write(content)
		return err
	})
	if err != nil {
		return assets{}, fmt.Errorf("console: read static files: %w", err)
	}
	server := http.FileServerFS(files)
	return assets{hex.EncodeToString(hash.Sum(nil))[:12], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		server.ServeHTTP(w, r)
	})}, nil
}
