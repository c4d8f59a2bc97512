package mdmtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
)

const (
	checkInType = "application/x-apple-aspen-mdm-checkin"
	commandType = "application/x-apple-aspen-mdm; charset=UTF-8"
)

// Request is a raw message of a Mac, for tests of what a server refuses.
type Request struct {
	URL         string // empty: the ServerURL of the enrolment
	Method      string // empty: PUT
	ContentType string // empty: none is sent
	Body        []byte
	Signer      *Identity // nil: the Mac's own
	Unsigned    bool      // no Mdm-Signature at all
	Forged      bool      // a signature over other bytes than the body
	Attached    bool      // the signature contains the body
}

// Response is a server's answer, with at most 1 MiB of body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// StatusError is an answer with another status than 200.
type StatusError struct {
	Op     string // what the Mac sent: "Authenticate", "Idle", "DeviceLock", "SCEP GetCACaps", ...
	Code   int
	Header http.Header
	Body   []byte // not part of the error's text
}

// Error names the operation and the status.
func (e *StatusError) Error() string {
	return fmt.Sprintf("mdmtest: %s: the server answered %d, a Mac accepts 200 only", e.Op, e.Code)
}

// Do signs and sends a message and returns the answer whatever its status. It is no act of the simulated Mac: the message
// leaves also when the Mac is locked, and changes nothing in it. It returns ErrNotEnrolled when the enrolment is needed (for
// URL or Signer) and missing.
func (m *Mac) Do(ctx context.Context, r Request) (*Response, error) {
	m.mu.Lock()
	e := m.enrolment
	m.mu.Unlock()
	if e == nil && (r.URL == "" || r.Signer == nil && !r.Unsigned) {
		return nil, ErrNotEnrolled
	}
	if e != nil {
		r.URL = cmp.Or(r.URL, e.profile.serverURL)
		r.Signer = cmp.Or(r.Signer, &e.id)
	}
	header := http.Header{}
	if r.ContentType != "" {
		header.Set("Content-Type", r.ContentType)
	}
	if !r.Unsigned {
		signed := r.Body
		if r.Forged {
			signed = append(slices.Clone(r.Body), ' ')
		}
		sig, err := r.Signer.sign(signed, m.cfg.Digest, r.Attached)
		if err != nil {
			return nil, err
		}
		header.Set("Mdm-Signature", sig)
	}
	return m.transmit(ctx, cmp.Or(r.Method, http.MethodPut), r.URL, header, r.Body)
}

// message sends a signed message of the Mac over the given enrolment. Anything but 200 is a *StatusError.
func (m *Mac) message(ctx context.Context, e *enrolment, op, url, contentType string, body []byte) ([]byte, error) {
	sig, err := e.id.sign(body, m.cfg.Digest, false)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {contentType}, "Mdm-Signature": {sig}}
	res, err := m.transmit(ctx, http.MethodPut, url, header, body)
	if err != nil {
		return nil, fmt.Errorf("mdmtest: %s: %w", op, err)
	}
	if res.Status != http.StatusOK {
		m.obeyRemoval(e, res)
		return nil, &StatusError{Op: op, Code: res.Status, Header: res.Header, Body: res.Body}
	}
	return res.Body, nil
}

// obeyRemoval ends the enrolment when the server says that the device is none of its own.
func (m *Mac) obeyRemoval(e *enrolment, res *Response) {
	unknown := res.Status == http.StatusForbidden && bytes.Contains(res.Body, []byte("com.apple.unrecognized.device"))
	if res.Status != http.StatusUnauthorized && !unknown {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.enrolment == e {
		m.enrolment = nil
	}
}

// exchange is one plain request (profile, SCEP) that must be answered with 200.
func (m *Mac) exchange(ctx context.Context, op, method, url string, body []byte) (*Response, error) {
	header := http.Header{}
	if body != nil {
		header.Set("Content-Type", "application/octet-stream")
	}
	res, err := m.transmit(ctx, method, url, header, body)
	if err != nil {
		return nil, fmt.Errorf("mdmtest: %s: %w", op, err)
	}
	if res.Status != http.StatusOK {
		return nil, &StatusError{Op: op, Code: res.Status, Header: res.Header, Body: res.Body}
	}
	return res, nil
}

func (m *Mac) transmit(ctx context.Context, method, url string, header http.Header, body []byte) (*Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	req.Header = header
	res, err := m.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(data) > maxBody {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return &Response{Status: res.StatusCode, Header: res.Header, Body: data}, nil
}
