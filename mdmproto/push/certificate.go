package push

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"
)

const (
	maxFile    = 256 << 10       // bytes
	checkEvery = 5 * time.Second // how often the files are looked at
	topicBegin = "com.apple.mgmt."
)

// Certificate is the push certificate in use.
type Certificate struct {
	Topic   string    // for enrolment profiles
	Expires time.Time // from then on no device can be woken. Renew it before, under the same Apple Account
	Err     error     // why the files, as they are now, are not in use; nil when they are
}

// identity is a certificate with its key.
type identity struct {
	pair    tls.Certificate
	topic   string
	expires time.Time
}

// readFiles reads the certificate's file, and after it the key's if that is another.
func readFiles(certificate, key string) ([]byte, error) {
	text, err := readFile(certificate)
	if err != nil || key == "" || key == certificate {
		return text, err
	}
	more, err := readFile(key)
	return bytes.Join([][]byte{text, more}, []byte("\n")), err
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes", name, maxFile)
	}
	return text, err
}

// parseIdentity reads a certificate and its key, in PEM. No error holds a part of the key.
func parseIdentity(text []byte) (identity, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return identity{}, fmt.Errorf("must be a certificate and its private key without a passphrase, in PEM: %w", err)
	}
	if pair.Leaf == nil { // by GODEBUG=x509keypairleaf=0
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return identity{}, err
		}
	}
	topic := topicOf(pair.Leaf)
	if !strings.HasPrefix(topic, topicBegin) {
		return identity{}, errors.New("must be a push certificate for device management, with a UID as " + topicBegin + "External in its subject")
	}
	return identity{pair, topic, pair.Leaf.NotAfter.UTC()}, nil
}

// topicOf is the UID of the subject (RFC 4519, 2.39).
func topicOf(c *x509.Certificate) string {
	for _, name := range c.Subject.Names {
		if name.Type.Equal(asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}) {
			topic, _ := name.Value.(string)
			return topic
		}
	}
	return ""
}

// Certificate returns what pushes use now. It looks at the files as a push does.
func (w *Waker) Certificate() Certificate {
	s := w.current()
	w.mu.Lock()
	defer w.mu.Unlock()
	return Certificate{s.topic, s.expires, w.broken}
}

// current returns the session of the files as they are, or as they were last of use.
func (w *Waker) current() *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := w.cfg.Now(); w.checked.IsZero() || now.Sub(w.checked).Abs() >= checkEvery {
		w.checked = now
		w.reload()
	}
	return w.session
}

// reload takes new files, if there are and they are of use. The caller holds the lock.
func (w *Waker) reload() {
	text, err := readFiles(w.cfg.Certificate, w.cfg.Key)
	if err == nil && bytes.Equal(text, w.text) {
		w.broken = nil
		return
	}
	var id identity
	if err == nil {
		id, err = parseIdentity(text)
	}
	if err == nil && id.topic != w.session.topic {
		err = fmt.Errorf("must be of the topic %s, for which devices have enrolled, and is of %s: renew the certificate, do not make a new one",
			w.session.topic, id.topic)
	}
	if err != nil {
		err = fmt.Errorf("push certificate %s: %w", w.cfg.Certificate, err)
		if w.broken == nil || w.broken.Error() != err.Error() {
			w.cfg.Logger.Error("new push certificate cannot be used, the old one stays",
				slog.Time("expires", w.session.expires), slog.Any("error", err))
		}
		w.broken = err
		return
	}
	old := w.session
	w.session, w.text, w.broken = w.open(id), text, nil
	old.retire()
	w.cfg.Logger.Info("push certificate renewed", slog.String("topic", id.topic), slog.Time("expires", id.expires))
}
