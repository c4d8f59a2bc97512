package amapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	host     = "https://androidmanagement.googleapis.com"
	scope    = "https://www.googleapis.com/auth/androidmanagement"
	pageSize = 100
	maxPages = 10
)

// ClientConfig is what a Client is made of.
type ClientConfig struct {
	CredentialsFile string             // the JSON key file of a service account that may manage the enterprise; or give Credentials
	Credentials     oauth2.TokenSource // access tokens with the scope androidmanagement, in place of CredentialsFile
	Host            string             // for tests: https, or http to this machine; empty: https://androidmanagement.googleapis.com
	Transport       http.RoundTripper  // nil: http.DefaultTransport
	Now             func() time.Time   // nil: time.Now
}

// Client calls the API. It is safe for concurrent use. Its errors are an *Error, or an *lock.InputError for what it does not ask Google.
// It tries nothing twice.
type Client struct {
	google *google.Client
	now    func() time.Time
}

// NewClient reads the key file and connects to nothing yet. It fails with a *lock.InputError when what is required is missing or cannot be
// used.
func NewClient(c ClientConfig) (*Client, error) {
	c.Host = cmp.Or(c.Host, host)
	if c.Now == nil {
		c.Now = time.Now
	}
	if (c.CredentialsFile == "") == (c.Credentials == nil) {
		return nil, &lock.InputError{Field: "CredentialsFile", Rule: "is required, unless Credentials is given in its place"}
	}
	if err := google.CheckHost(c.Host); err != nil {
		return nil, &lock.InputError{Field: "Host", Rule: err.Error(), Err: err}
	}
	web := google.HTTP(c.Transport)
	if c.Credentials == nil {
		account, err := google.ReadAccount(c.CredentialsFile)
		if err != nil {
			return nil, &lock.InputError{Field: "CredentialsFile", Rule: fmt.Sprintf("%s: %v", c.CredentialsFile, err), Err: err}
		}
		c.Credentials = account.Tokens(web, scope)
	}
	return &Client{google: google.NewClient(c.Host, c.Credentials, web, c.Now), now: c.Now}, nil
}

var errNoName = errors.New("an answer without the name of the operation")

// Issue orders a command for a device, and returns the operation by which its result is found (devices.issueCommand).
func (c *Client) Issue(ctx context.Context, device string, command Command) (Operation, error) {
	text, err := command.encode()
	if err != nil {
		return Operation{}, &lock.InputError{Field: "command", Rule: "must have a type of this package", Err: err}
	}
	return c.issue(ctx, device, text)
}

func (c *Client) issue(ctx context.Context, device string, text []byte) (Operation, error) {
	if err := checkDevice(device); err != nil {
		return Operation{}, err
	}
	var w wire
	if err := c.google.Do(ctx, http.MethodPost, "/v1/"+device+":issueCommand", nil, text, &w); err != nil {
		return Operation{}, issueFailed(err)
	}
	o := w.operation()
	if o.Device() != device {
		return Operation{}, &Error{Class: ClassRejected, Status: http.StatusOK, Err: errNoName}
	}
	return o, nil
}

// Operation looks up what became of a command (operations.get). Google forgets operations after a while, and those of deleted devices:
// ClassNotFound then says nothing of the command.
func (c *Client) Operation(ctx context.Context, name string) (Operation, error) {
	if err := checkOperation(name); err != nil {
		return Operation{}, err
	}
	var w wire
	if err := c.google.Do(ctx, http.MethodGet, "/v1/"+name, nil, nil, &w); err != nil {
		return Operation{}, failed(err)
	}
	if w.Name != name {
		return Operation{}, &Error{Class: ClassRejected, Status: http.StatusOK, Err: errNoName}
	}
	return w.operation(), nil
}

// Operations lists what Google remembers of a device's commands, up to 1,000 of them (operations.list).
func (c *Client) Operations(ctx context.Context, device string) ([]Operation, error) {
	if err := checkDevice(device); err != nil {
		return nil, err
	}
	var found []Operation
	query := url.Values{"pageSize": {strconv.Itoa(pageSize)}}
	for range maxPages {
		var page struct {
			Operations []wire `json:"operations"`
			Next       string `json:"nextPageToken"`
		}
		if err := c.google.Do(ctx, http.MethodGet, "/v1/"+device+"/operations", query, nil, &page); err != nil {
			return nil, failed(err)
		}
		for _, w := range page.Operations {
			found = append(found, w.operation())
		}
		if page.Next == "" {
			break
		}
		query.Set("pageToken", page.Next)
	}
	return found, nil
}

// Cancel asks Google not to deliver a command (operations.cancel). It may come too late: the operation tells, and has the code 1 when not.
func (c *Client) Cancel(ctx context.Context, name string) error {
	if err := checkOperation(name); err != nil {
		return err
	}
	if err := c.google.Do(ctx, http.MethodPost, "/v1/"+name+":cancel", nil, nil, &struct{}{}); err != nil {
		return failed(err)
	}
	return nil
}

func checkDevice(name string) error {
	if !IsDeviceName(name) {
		return &lock.InputError{Field: "device", Rule: "must be a resource name like enterprises/LC01/devices/3a5f"}
	}
	return nil
}

func checkOperation(name string) error {
	if (Operation{Name: name}).Device() == "" {
		return &lock.InputError{Field: "operation", Rule: "must be a resource name like enterprises/LC01/devices/3a5f/operations/17"}
	}
	return nil
}
