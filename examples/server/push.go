package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/ops"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
)

const (
	defaultTopic = "com.apple.mgmt.External.latchkey"
	renewEarly   = 30 * 24 * time.Hour // how long before the push certificate expires the log says so
	remindEvery  = 24 * time.Hour
)

// pushOptions say how Apple devices are woken.
type pushOptions struct {
	cert, key string         // files; none: devices come by themselves
	host      string         // of APNs; tests have one of their own
	roots     *x509.CertPool // who issued its certificate
}

func pushFlags(o *pushOptions, flags *flag.FlagSet) {
	flags.StringVar(&o.cert, "push-cert", "", "`file` of Apple's push certificate, and of its key unless -push-key is given (PEM); "+
		"a new certificate is taken without a restart (default: devices are not woken)")
	flags.StringVar(&o.key, "push-key", "", "private key `file` of the push certificate (PEM), with -push-cert")
}

func (o pushOptions) check(demo bool) error {
	switch {
	case o.key != "" && o.cert == "":
		return &usageError{"-push-key", "give -push-cert too, or leave it out", nil}
	case o.cert != "" && demo:
		return &usageError{"-demo", "leave out -push-cert and -push-key: the simulated devices come by themselves", nil}
	}
	return nil
}

// openPush makes what wakes devices; nil without a certificate, whose topic becomes that of the enrolment profiles.
func openPush(o *options, d *db.DB, logger *slog.Logger) (*push.Waker, error) {
	if o.push.cert == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	w, err := push.New(push.Config{
		Certificate: o.push.cert, Key: o.push.key, Tokens: inventory.Channels{DB: d}, Host: o.push.host, Roots: o.push.roots,
		Now: o.now, Logger: logger,
	})
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return nil, &usageError{"-push-cert and -push-key", "must be Apple's push certificate for device management and its key", err}
	}
	if err != nil {
		return nil, err
	}
	topic := w.Certificate().Topic
	if o.topic != "" && o.topic != topic {
		return nil, &usageError{"-topic", "leave it out: the push certificate is for " + topic, nil}
	}
	o.topic = topic
	return w, nil
}

// metrics are those of the push certificate, if there is one.
func (s *server) metrics() []prometheus.Collector {
	if s.push == nil {
		return nil
	}
	return []prometheus.Collector{ops.PushCertificate(func() (time.Time, bool) {
		c := s.push.Certificate()
		return c.Expires, c.Err == nil
	})}
}

// watchPush says each day that the push certificate is to be renewed, as long as it is so.
func (s *server) watchPush(ctx context.Context) {
	for {
		s.remind(ctx)
		select {
		case <-time.After(remindEvery):
		case <-ctx.Done():
			return
		}
	}
}

func (s *server) remind(ctx context.Context) {
	if s.push == nil {
		if !s.demo {
			s.logger.WarnContext(ctx, "devices are not woken, and get commands only when they come by themselves: give -push-cert")
		}
		return
	}
	c := s.push.Certificate()
	switch left := c.Expires.Sub(s.now()); {
	case left <= 0:
		s.logger.ErrorContext(ctx, "the push certificate has expired, so no device is woken: renew it, under the same Apple Account",
			slog.Time("expired", c.Expires), slog.String("topic", c.Topic))
	case left < renewEarly:
		s.logger.WarnContext(ctx, "the push certificate expires soon: renew it, under the same Apple Account",
			slog.Time("expires", c.Expires), slog.String("topic", c.Topic))
	}
}
