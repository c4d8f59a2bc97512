package wns

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Channels is where the embedder keeps the addresses that devices gave (Push/ChannelURI). The methods may be called concurrently.
type Channels interface {
	// Channel returns the device's channel; empty: it has none, or it is dead.
	Channel(ctx context.Context, d lock.Device) (uri string, err error)
	// Expired notes that WNS knows this channel no more. It must change nothing when the device's channel is another one by now.
	Expired(ctx context.Context, d lock.Device, uri string) error
}

const (
	domain     = ".notify.windows.com"
	maxChannel = 4096 // bytes; WNS' own have about 400
)

// parse checks a channel. The host that it must have, port included, is for tests; empty: one below notify.windows.com.
func parse(uri, host string) (*url.URL, error) {
	if len(uri) > maxChannel || strings.ContainsFunc(uri, unfit) {
		return nil, errors.New("it must be an address of at most 4096 printable ASCII characters")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme != "https" || u.User != nil || u.Opaque != "" || u.Fragment != "":
		return nil, errors.New("it must be an https address without user and fragment")
	case host != "" && u.Host != host:
		return nil, errors.New("it must be of the host that the configuration names")
	case host == "" && !isWNS(u.Host):
		return nil, errors.New("its host must be below notify.windows.com, without a port")
	}
	return u, nil
}

func unfit(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }

// isWNS compares by label. A port, a dot at the end and whatever is no plain label fail.
func isWNS(host string) bool {
	below, is := strings.CutSuffix(strings.ToLower(host), domain)
	if !is {
		return false
	}
	for label := range strings.SplitSeq(below, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' {
			return false
		}
	}
	return true
}
