// Package api is the JSON API of the server below /api/v1, described by /openapi.json.
//
// Callers present an API token (Authorization: Bearer); what they may do is decided by lock.Service, with the token's account as the
// actor. Requests are JSON of at most 64 KiB without unknown fields; errors are problem documents (RFC 9457) with a stable code, which
// never repeat a value that was refused. A PIN is in the answers of reveal and reveal-answer alone, which must not be cached.
package api

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Devices is the inventory.
type Devices interface {
	// Devices lists devices that the actor sees; see inventory.Store.
	Devices(ctx context.Context, a lock.Actor, search, after string, limit int) ([]inventory.Device, error)
	// FindFor returns one device that the actor sees, with its facts, or an error that wraps lock.ErrNotFound.
	FindFor(ctx context.Context, a lock.Actor, id string) (inventory.Device, error)
	// Remove takes a device out of the inventory, or returns an error that wraps lock.ErrNotFound. It is on record before it is done.
	Remove(ctx context.Context, a lock.Actor, id string) error
}

// Tokens knows API tokens.
type Tokens interface {
	// CheckToken returns for whom a token acts, or an error that wraps lock.ErrDenied.
	CheckToken(ctx context.Context, token string) (lock.Actor, error)
}

// Codes makes enrolment codes.
type Codes interface {
	// NewCode makes a code that enrols one device, or by which the device that is named renews its certificate. When it returns one, it is
	// on record who got it.
	NewCode(ctx context.Context, a lock.Actor, renews string) (code string, err error)
}

// AndroidCodes makes enrolment codes for agents of Android devices.
type AndroidCodes interface {
	// NewAndroidCode makes a code that enrols one device. When it returns one, it is on record who got it.
	NewAndroidCode(ctx context.Context, a lock.Actor) (code string, err error)
}

// Config is what the API is made of. Every field but Now, AndroidCodes, Deliveries and Accounts is required.
type Config struct {
	Service *lock.Service
	Audit   *audit.Trail
	Devices Devices
	Tokens  Tokens
	Codes   Codes
	Locked  *locked.Report
	Groups  *group.Store
	Bulk    *bulk.Batches

	Approvals *approval.Inbox

	AndroidCodes AndroidCodes // nil: no Android device enrols here
	Deliveries   Deliveries   // nil: no passcode is mailed
	Accounts     Accounts     // with Deliveries: where passcodes are mailed to

	Scope   string
	BaseURL string           // as devices and people reach the server, without a slash at its end
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger
}

type api struct{ Config }

// handler answers one request. What it returns becomes a problem document.
type handler func(w http.ResponseWriter, r *http.Request, a lock.Actor) error

// New returns the handler of everything below /api/ and of /openapi.json.
func New(cfg Config) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &api{cfg}
	mux := http.NewServeMux()
	for pattern, h := range a.routes() {
		mux.HandleFunc(pattern, a.withActor(h))
	}
	mux.HandleFunc("/api/", a.withActor(func(http.ResponseWriter, *http.Request, lock.Actor) error { return errNoRoute }))
	mux.HandleFunc("GET /openapi.json", serveOpenAPI)
	return mux
}

// Routes are all routes of the API, as patterns of net/http: for whoever checks that none was forgotten.
func Routes() []string { return slices.Sorted(maps.Keys(new(api).routes())) }

func (a *api) routes() map[string]handler {
	routes := a.groupRoutes()
	maps.Copy(routes, a.passcodeRoutes())
	maps.Copy(routes, map[string]handler{
		"GET /api/v1/devices":                a.listDevices,
		"GET /api/v1/devices/{id}":           a.getDevice,
		"DELETE /api/v1/devices/{id}":        a.removeDevice,
		"GET /api/v1/devices/{id}/hold":      a.deviceHolds,
		"PUT /api/v1/devices/{id}/hold":      a.placeHold,
		"DELETE /api/v1/devices/{id}/hold":   a.liftHold,
		"GET /api/v1/holds":                  a.listHolds,
		"GET /api/v1/devices/{id}/pins":      a.devicePINs,
		"GET /api/v1/pins":                   a.hardwarePINs,
		"POST /api/v1/purge":                 a.purge,
		"POST /api/v1/devices/{id}/lock":     a.lockDevice,
		"GET /api/v1/actions":                a.listActions,
		"GET /api/v1/actions/{id}":           a.getAction,
		"POST /api/v1/actions/{id}/cancel":   a.cancelAction,
		"POST /api/v1/actions/{id}/reveal":   a.revealPIN,
		"POST /api/v1/actions/{id}/feedback": a.giveFeedback,
		"POST /api/v1/devices/{id}/unlock":   a.unlockDevice,

		"POST /api/v1/actions/{id}/reveal-answer": a.revealAnswer,

		"GET /api/v1/events":                 a.listEvents,
		"GET /api/v1/audit/checkpoint":       a.auditCheckpoint,
		"GET /api/v1/audit/key":              a.auditKey,
		"GET /api/v1/audit/proof":            a.auditProof,
		"GET /api/v1/audit/export":           a.auditExport,
		"POST /api/v1/enrollments":           a.newEnrollment,
		"GET /api/v1/locked":                 a.listLocked,
		"GET /api/v1/bulk":                   a.listBulk,
		"POST /api/v1/bulk":                  a.orderBulk,
		"GET /api/v1/bulk/{id}":              a.getBulk,
		"GET /api/v1/bulk/{id}/export":       a.exportBulk,
		"POST /api/v1/bulk/{id}/cancel":      a.cancelBulk,
		"POST /api/v1/bulk/{id}/approve":     a.approveBulk,
		"POST /api/v1/bulk/{id}/break-glass": a.breakGlassBulk,
		"POST /api/v1/bulk/{id}/reject":      a.rejectBulk,
		"GET /api/v1/approvals":              a.listApprovals,
		"POST /api/v1/actions/{id}/approve":  a.approve,
		"POST /api/v1/actions/{id}/reject":   a.reject,

		"POST /api/v1/actions/{id}/break-glass": a.breakGlass,

		"GET /api/v1/reviews":          a.listReviews,
		"POST /api/v1/reviews/{event}": a.giveReview,
	})
	return routes
}

// withActor finds out who asks, and answers for what goes wrong.
func (a *api) withActor(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r))
		actor, err := a.actor(r)
		if err == nil {
			err = h(w, r, actor)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}

func (a *api) actor(r *http.Request) (lock.Actor, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return lock.Actor{}, errNoToken
	}
	actor, err := a.Tokens.CheckToken(r.Context(), strings.TrimSpace(token))
	if errors.Is(err, lock.ErrDenied) {
		return lock.Actor{}, errNoToken
	}
	if err != nil {
		return lock.Actor{}, err
	}
	if actor.Address, _, err = net.SplitHostPort(r.RemoteAddr); err != nil {
		actor.Address = r.RemoteAddr
	}
	return actor, nil
}
