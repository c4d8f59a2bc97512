package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInClear(t *testing.T) {
	for _, c := range []struct {
		name, ip string
		o        options
		want     bool
	}{
		{"loopback", "127.0.0.1", options{}, false},
		{"loopback of IPv6", "::1", options{}, false},
		{"every address", "0.0.0.0", options{}, true},
		{"every address of IPv6", "::", options{}, true},
		{"one address", "192.0.2.7", options{}, true},
		{"with a certificate", "192.0.2.7", options{tlsCert: "x", tlsKey: "y"}, false},
		{"behind a proxy", "192.0.2.7", options{url: "https://mdm.example.com"}, false},
		{"URL in clear", "192.0.2.7", options{url: "http://mdm.example.com"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, c.o.inClear(&net.TCPAddr{IP: net.ParseIP(c.ip), Port: 8080}))
		})
	}
}

func TestWarnsOfTheOpenNetwork(t *testing.T) {
	const warning = "passwords and PINs travel in clear"
	open := start(t, t.TempDir(), "-addr", "0.0.0.0:0")
	open.end()
	assert.Contains(t, open.stderr.String(), warning)
	here := start(t, t.TempDir())
	here.end()
	assert.NotContains(t, here.stderr.String(), warning)
}
