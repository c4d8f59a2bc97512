package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
)

const (
	// maxHeader holds a SCEP request line of 7 kB and an Mdm-Signature of 16 KiB.
	maxHeader   = 32 << 10
	stopTimeout = 10 * time.Second
)

// run is the program, or one of its commands (see commands). The program returns when ctx ends, when the process is asked to stop
// (SIGINT, SIGTERM), or on an error. When it serves it says so on stdout: "Listening on URL".
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](ctx, args[1:], env, stdout, stderr)
	}
	o, err := parse(args, env, stderr)
	if err != nil {
		return err
	}
	return launch(ctx, o, stdout, stderr)
}

// launch opens the state folder and serves until ctx ends.
func launch(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	if o.logFormat == "json" {
		logger = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	remove, err := openFolder(&o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	held, err := hold(o)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	listener, cert, err := listen(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // closed already when it served
	if o.inClear(listener.Addr()) {
		logger.Warn("passwords and PINs travel in clear: give -tls-cert and -tls-key, or -url with the https address of a proxy",
			slog.String("addr", listener.Addr().String()))
	}
	d, err := openDatabase(ctx, o, db.Open, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Check(ctx); err != nil {
		return err
	}
	s, err := prepare(ctx, o, o.baseURL(listener.Addr()), d, logger, stdout)
	if err != nil {
		return err
	}
	if err := writeToken(ctx, o, s.desk()); err != nil {
		return err
	}
	if cert != nil {
		listener = s.encrypted(listener, *cert)
	}
	return s.serve(ctx, listener, stdout)
}

// prepare makes what the first start makes, and wires the server. Only one server of a database is here at a time.
func prepare(ctx context.Context, o options, base string, d *db.DB, logger *slog.Logger, stdout io.Writer) (s *server, err error) {
	err = d.Alone(ctx, func(ctx context.Context) error {
		keyring, err := openKeyring(ctx, o, d, logger)
		if err != nil {
			return err
		}
		if s, err = wire(ctx, o, base, d, keyring, logger); err != nil {
			return err
		}
		return createAdmin(ctx, o, s.accounts, stdout)
	})
	return s, err
}

// listen opens the address, and reads the certificate for TLS when there is one.
func listen(ctx context.Context, o options) (net.Listener, *tls.Certificate, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return nil, nil, &usageError{"-addr", "choose an address that is free on this machine", err}
	}
	if o.tlsCert == "" {
		return listener, nil, nil
	}
	cert, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		_ = listener.Close()
		return nil, nil, &usageError{"-tls-cert and -tls-key", "must be a certificate chain and its key, in PEM", err}
	}
	return listener, &cert, nil
}

// encrypted is the listener with TLS. It asks for certificates of the device CA alone, so that no browser asks its user for one.
func (s *server) encrypted(listener net.Listener, cert tls.Certificate) net.Listener {
	return tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.roots(), Time: s.now,
	})
}

// serve answers until ctx ends. Then it lets requests finish, and after them what runs beside: due actions and the simulated fleet.
func (s *server) serve(ctx context.Context, listener net.Listener, stdout io.Writer) error {
	handler, err := s.handler(ctx.Done())
	if err != nil {
		return err
	}
	web := &http.Server{
		Handler: handler, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	beside, stopBeside := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stopBeside()
	fleet, stopFleet := context.WithCancel(ctx)
	defer stopFleet()
	running.Go(func() { _ = s.service.Run(beside) }) // its error is nil
	running.Go(func() { s.signEvents(beside) })
	running.Go(func() { s.bulks.Run(beside) })
	running.Go(func() { s.approvers.Run(beside) })
	running.Go(func() { s.watchPush(beside) })
	running.Go(func() { s.sendMail(beside) })
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	s.greet(stdout)
	if s.fleet != nil {
		running.Go(func() { s.fleet.Run(fleet, s.doors()) })
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.logger.Info("stopping")
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := web.Shutdown(bounded); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// greet tells a person where to go.
func (s *server) greet(stdout io.Writer) {
	_, _ = fmt.Fprintf(stdout, "Listening on %s\n", s.base)
	if s.temporary {
		_, _ = fmt.Fprintf(stdout, "Demonstration: seven simulated Macs, six simulated Android and three simulated Windows devices (a passcode of "+
			"theirs is %s), and a temporary state folder (%s) that is removed at the end.\n", demo.Passcode, s.data)
	}
	s.logger.Info("serving", slog.String("url", s.base), slog.String("data", s.data), slog.Bool("demo", s.demo),
		slog.String("audit_key", s.trail.Key))
}
