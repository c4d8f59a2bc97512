package windowstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

const (
	contentType = "application/vnd.syncml.dm+xml"
	tries       = 3
)

var errLost = errors.New("windowstest: the message or its answer was lost")

// post sends one message, again with the same bytes when it or its answer gets lost, and returns the answer.
func (s *session) post(ctx context.Context, n int, body []byte) ([]byte, error) {
	var err error
	for range tries {
		var answer []byte
		answer, err = s.try(ctx, n, body)
		if err == nil || !lost(ctx, err) {
			return answer, err
		}
	}
	return nil, err
}

// lost says whether the same message may be sent again.
func lost(ctx context.Context, err error) bool {
	var fault *url.Error
	var status statusError
	return ctx.Err() == nil &&
		(errors.Is(err, errLost) || errors.As(err, &fault) || errors.As(err, &status) && status >= 500)
}

type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("windowstest: the server answers with HTTP status %d", int(e))
}

func (s *session) try(ctx context.Context, n int, body []byte) ([]byte, error) {
	d := s.d
	d.mu.Lock()
	onSend, onReceive := d.onSend, d.onReceive
	d.mu.Unlock()
	if onSend != nil {
		if err := onSend(n, body); err != nil {
			return nil, cut{err}
		}
	}
	if d.strikes(loseRequest, n) {
		return nil, errLost
	}
	answer, err := s.send(ctx, n, body)
	if err != nil {
		return nil, err
	}
	if d.strikes(loseAnswer, n) {
		return nil, errLost
	}
	if d.strikes(repeatMessage, n) {
		again, err := s.send(ctx, n, body)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(answer, again) {
			return nil, &Violation{Message: n, Rule: "the message was sent twice, and the answers differ"}
		}
	}
	if onReceive != nil {
		if err := onReceive(n, answer); err != nil {
			return nil, cut{err}
		}
	}
	return answer, nil
}

// cut hides from [lost] what a hook returned: such a connection is not tried again.
type cut struct{ err error }

func (c cut) Error() string { return "windowstest: the connection was cut: " + c.err.Error() }

// Is keeps errors.Is working without showing the error's type to errors.As.
func (c cut) Is(target error) bool { return errors.Is(c.err, target) }

func (s *session) send(ctx context.Context, n int, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("windowstest: message %d: %w", n, err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", contentType)
	req.Header.Set("User-Agent", "MSFT OMA DM Client/1.2.0.1")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("windowstest: message %d: %w", n, statusError(resp.StatusCode))
	}
	if rule := s.form(resp); rule != "" {
		return nil, &Violation{Message: n, Rule: rule}
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	return answer, nil
}

// form is which rule for HTTP the response breaks; empty: none.
func (s *session) form(resp *http.Response) string {
	media, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	limit := int64(s.limit)
	switch {
	case err != nil || media != contentType:
		return "Content-Type must be " + contentType
	case params["charset"] != "" && params["charset"] != "utf-8" && params["charset"] != "UTF-8":
		return "the charset must be UTF-8"
	case resp.ContentLength < 0 || len(resp.TransferEncoding) > 0:
		return "Content-Length must be set, and the answer must not be chunked"
	case resp.ContentLength > limit:
		return fmt.Sprintf("the answer has %d bytes, and MaxMsgSize is %d", resp.ContentLength, limit)
	}
	return ""
}

// maintenance adds what Windows adds to the address of its account.
func maintenance(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set("mode", "Maintenance")
	q.Set("Platform", "WoA")
	u.RawQuery = q.Encode()
	return u.String()
}
