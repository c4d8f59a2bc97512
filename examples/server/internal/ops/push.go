package ops

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PushCertificate makes metrics of the push certificate. Read returns when the one in use expires, and whether the files, as they are now,
// are the ones in use.
func PushCertificate(read func() (expires time.Time, usable bool)) prometheus.Collector {
	return pushCertificate{read}
}

type pushCertificate struct{ read func() (time.Time, bool) }

// Describe implements prometheus.Collector.
func (p pushCertificate) Describe(out chan<- *prometheus.Desc) {
	out <- pushExpiryDesc()
	out <- pushUsableDesc()
}

// Collect implements prometheus.Collector.
func (p pushCertificate) Collect(out chan<- prometheus.Metric) {
	expires, ok := p.read()
	usable := 0.0
	if ok {
		usable = 1
	}
	out <- prometheus.MustNewConstMetric(pushExpiryDesc(), prometheus.GaugeValue, float64(expires.Unix()))
	out <- prometheus.MustNewConstMetric(pushUsableDesc(), prometheus.GaugeValue, usable)
}

func pushExpiryDesc() *prometheus.Desc {
	return prometheus.NewDesc("latchkey_push_certificate_expiry_timestamp_seconds",
		"When the push certificate in use expires, in seconds since 1970.", nil, nil)
}

func pushUsableDesc() *prometheus.Desc {
	return prometheus.NewDesc("latchkey_push_certificate_usable",
		"1 while the push certificate's files are in use, 0 while they cannot be used and the certificate before them is.", nil, nil)
}
