package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/agents"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// pollPatience is how long a device may wait for a command, and for the answer to come through: more than the minute that it may ask for.
const pollPatience = 90 * time.Second

// androidOptions say how Android devices are woken.
type androidOptions struct {
	credentials string            // file; empty: they hold a connection open, or come by themselves
	host        string            // of FCM; tests have one of their own
	transport   http.RoundTripper // nil: the usual one
}

func androidFlags(o *androidOptions, flags *flag.FlagSet) {
	flags.StringVar(&o.credentials, "fcm-credentials", "", "JSON key `file` of a service account of the Firebase project that wakes Android devices "+
		"(default: they are reached while they hold a connection open, and when they come by themselves)")
}

func (o androidOptions) check(demo bool) error {
	if o.credentials != "" && demo {
		return &usageError{"-demo", "leave out -fcm-credentials: the simulated devices come by themselves", nil}
	}
	return nil
}

// openHub makes what wakes Android devices: those that are connected to this server at once, the others through FCM, if it may be used.
func openHub(o options, d *db.DB) (*agent.Hub, error) {
	if o.android.credentials == "" {
		return agent.NewHub(nil), nil
	}
	w, err := fcm.New(fcm.Config{
		CredentialsFile: o.android.credentials, Tokens: agents.Tokens{DB: d}, Host: o.android.host, Transport: o.android.transport, Now: o.now,
	})
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return nil, &usageError{"-fcm-credentials", "must be the JSON key file of a service account that may send messages", err}
	}
	if err != nil {
		return nil, err
	}
	return agent.NewHub(w), nil
}

// platforms are the ways to reach devices, with what wakes them.
func platforms(w *push.Waker, hub *agent.Hub, wns lock.Waker) []lock.Platform {
	apple, android := mdmproto.Platform(nil), agent.Platform(nil)
	if w != nil {
		apple = mdmproto.Platform(w)
	}
	if hub != nil {
		android = agent.Platform(hub)
	}
	return []lock.Platform{apple, android, windows.Platform(wns)}
}

// openAgents makes the server's side of Android devices.
func (s *server) openAgents(ctx context.Context, keyring pin.Sealer) (err error) {
	s.agents = agents.New(agents.Config{
		DB: s.db, Inventory: s.inventory, Orders: s.service, System: lock.Actor{ID: account.System, Name: "Latchkey"}, Now: s.now, Logger: s.logger,
	})
	s.agentKey, err = agents.OpenKey(ctx, s.db, keyring)
	return err
}

// agentHandler is what Android devices talk to. Their long polls end once stopping is closed.
func (s *server) agentHandler(stopping <-chan struct{}) (http.Handler, error) {
	devices, err := agent.NewHandler(agent.Config{
		Service: prompt{s.service, s.deliveries}, Enrollments: s.agents, Requests: s.agents, Queries: s.agents, Keys: []agent.Key{s.agentKey}, Hub: s.hub,
		Now: s.now, Logger: s.logger,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/android/v1/", devices)
	mux.Handle("GET /android/v1/devices/{id}/commands", patient(stopping, devices, s.logger))
	return mux, nil
}

// patient lets a request wait longer than others, but not longer than the server runs.
func patient(stopping <-chan struct{}, next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, until := http.NewResponseController(w), time.Now().Add(pollPatience)
		if err := errors.Join(c.SetReadDeadline(until), c.SetWriteDeadline(until)); err != nil {
			logger.WarnContext(r.Context(), "a long poll may be cut off", slog.Any("error", err))
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		go func() {
			select {
			case <-stopping:
				cancel()
			case <-ctx.Done():
			}
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
