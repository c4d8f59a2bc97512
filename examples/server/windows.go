package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"net"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/wns"
)

// windowsPath is where Windows devices come.
const windowsPath = "/windows/dm"

// windowsOptions say how Windows devices are woken.
type windowsOptions struct {
	clientID, pfn, secret string            // none: they come by themselves
	tokenURL, host        string            // of WNS; tests have ones of their own
	transport             http.RoundTripper // nil: the usual one
}

func windowsFlags(o *windowsOptions, flags *flag.FlagSet) {
	flags.StringVar(&o.clientID, "wns-client-id", "", "package `SID` (ms-app://...) under which WNS wakes Windows devices, with -wns-pfn and "+
		envWNSSecret+" (default: they come by themselves)")
	flags.StringVar(&o.pfn, "wns-pfn", "", "package family `name` that goes with -wns-client-id, which devices are told")
}

func (o windowsOptions) check(demo bool) error {
	switch {
	case o.clientID == "" && o.pfn == "": // a secret may be in the environment of everything
		return nil
	case o.clientID == "" || o.pfn == "":
		return &usageError{"-wns-client-id and -wns-pfn", "give both, or neither", nil}
	case o.secret == "":
		return &usageError{envWNSSecret, "must have the client secret that goes with -wns-client-id", nil}
	case demo:
		return &usageError{"-demo", "leave out -wns-client-id and -wns-pfn: the simulated devices come by themselves", nil}
	}
	return nil
}

// openWNS makes what wakes Windows devices; nil when nothing does.
func openWNS(o options, d *db.DB) (lock.Waker, error) {
	if o.windows.clientID == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	w, err := wns.New(wns.Config{
		ClientID: o.windows.clientID, Secret: o.windows.secret, Channels: computers.Channels{DB: d, Now: o.now},
		TokenURL: o.windows.tokenURL, Host: o.windows.host, Transport: o.windows.transport, Now: o.now,
	})
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return nil, &usageError{"-wns-client-id", "must be, with " + envWNSSecret + ", what WNS was registered with", err}
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// openComputers makes the server's side of Windows devices.
func (s *server) openComputers(ctx context.Context, keyring pin.Sealer) (err error) {
	s.computers, err = computers.Open(ctx, computers.Config{
		DB: s.db, Inventory: s.inventory, CA: s.ca, Sealer: keyring, Notices: s.service, PFN: s.windows.pfn, Now: s.now, Logger: s.logger,
	})
	return err
}

// computerHandler is what Windows devices talk to. Each proves who it is by its certificate; but simulated ones, on this machine, by their
// digest alone.
func (s *server) computerHandler() (http.Handler, error) {
	devices, err := windows.NewHandler(windows.Config{
		Service: s.service, Devices: s.computers, Sessions: s.computers, Commands: s.computers, DigestAlone: s.demo,
		Reported: s.reported, Now: s.now, Logger: s.logger,
	})
	if err != nil || !s.demo {
		return devices, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			http.Error(w, "a demonstration serves its own devices alone", http.StatusForbidden)
			return
		}
		devices.ServeHTTP(w, r)
	}), nil
}

// reported lets passcodes go out whose device has confirmed them.
func (s *server) reported(context.Context, lock.Report) {
	if s.deliveries != nil {
		s.deliveries.Kick()
	}
}

// enterSimulated enters a device of a demonstration, which has no use for its certificate. It is as new at every start, as after a reset.
func (s *server) enterSimulated(ctx context.Context, c demo.Computer) (device, secret string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	made, err := s.computers.Enter(ctx, lock.Actor{ID: account.System, Name: "Latchkey"}, computers.Entry{
		ID: c.ID, Name: c.Name, Serial: c.Serial, Model: c.Model, Holder: c.Holder, User: c.ID, Key: key.Public(), Wiped: true,
	})
	return made.Device, made.Secret, err
}
