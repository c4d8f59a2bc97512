// Package ops is what operating the server needs: health, readiness, metrics, and a log line for each request, which has the route and
// never a path, query or body.
package ops

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout is how long the store may take to answer.
const readyTimeout = 2 * time.Second

// Store is what must answer for the server to be of use.
type Store interface {
	// Ready reports whether the store answers.
	Ready(ctx context.Context) error
	// CountActions returns the number of actions by kind and state.
	CountActions(ctx context.Context) (map[[2]string]int, error)
	// SealedBy returns the number of sealed secrets by the key that opens them.
	SealedBy(ctx context.Context) (map[string]int, error)
}

// Ops serves the operators' endpoints. Make it with New.
type Ops struct {
	store    Store
	usable   func(context.Context) error
	logger   *slog.Logger
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	metrics  http.Handler
}

// New makes the metrics in a registry of their own, with more of them if there are any. Usable says, as an error that its owner logs, why
// the keyring cannot seal now.
func New(store Store, usable func(context.Context) error, logger *slog.Logger, more ...prometheus.Collector) *Ops {
	o := &Ops{store: store, usable: usable, logger: logger}
	o.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "latchkey_http_requests_total", Help: "Requests answered, by route and status code.",
	}, []string{"route", "code"})
	o.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "latchkey_http_request_seconds", Help: "How long requests took, by route.", Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
	}, []string{"route"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(o.requests, o.seconds, ledger{store, usable}, collectors.NewGoCollector())
	registry.MustRegister(more...)
	o.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return o
}

// Register adds GET /healthz, /readyz and /metrics.
func (o *Ops) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", o.ready)
	mux.Handle("GET /metrics", o.metrics)
}

func (o *Ops) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := o.store.Ready(ctx); err != nil {
		o.logger.ErrorContext(r.Context(), "not ready", slog.Any("error", err))
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	if o.usable(ctx) != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the keyring file cannot be used, so nothing is sealed: restore it", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// Wrap counts and logs what next answers.
func (o *Ops) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		seen := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		route := r.Pattern // the mux wrote it there; a path could name a device, a query hold a code
		if route == "" {
			route = "none"
		}
		took := time.Since(begun)
		o.requests.WithLabelValues(route, strconv.Itoa(seen.status)).Inc()
		o.seconds.WithLabelValues(route).Observe(took.Seconds())
		o.logger.DebugContext(r.Context(), "request",
			slog.String("route", route), slog.Int("status", seen.status), slog.Duration("took", took))
	})
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// ledger counts what is in the ledger when it is asked, and says whether more can be sealed.
type ledger struct {
	store  Store
	usable func(context.Context) error
}

// Describe implements prometheus.Collector.
func (l ledger) Describe(out chan<- *prometheus.Desc) {
	out <- actionsDesc()
	out <- sealedDesc()
	out <- usableDesc()
}

// Collect implements prometheus.Collector.
func (l ledger) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	actions, err := l.store.CountActions(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(actionsDesc(), err)
	}
	for by, n := range actions {
		out <- prometheus.MustNewConstMetric(actionsDesc(), prometheus.GaugeValue, float64(n), by[0], by[1])
	}
	sealed, err := l.store.SealedBy(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(sealedDesc(), err)
	}
	for key, n := range sealed {
		out <- prometheus.MustNewConstMetric(sealedDesc(), prometheus.GaugeValue, float64(n), key)
	}
	usable := 1.0
	if l.usable(ctx) != nil {
		usable = 0
	}
	out <- prometheus.MustNewConstMetric(usableDesc(), prometheus.GaugeValue, usable)
}

func actionsDesc() *prometheus.Desc {
	return prometheus.NewDesc("latchkey_actions", "Actions in the ledger, by kind and state.", []string{"kind", "state"}, nil)
}

func sealedDesc() *prometheus.Desc {
	return prometheus.NewDesc("latchkey_sealed_secrets", "Sealed secrets, by the key that opens them.", []string{"key_id"}, nil)
}

func usableDesc() *prometheus.Desc {
	return prometheus.NewDesc("latchkey_keyring_usable", "1 while the keyring can seal, 0 while its file must be restored.", nil, nil)
}
