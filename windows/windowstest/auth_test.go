package windowstest_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

const (
	v2 = "BKpNNns834duzUIvmagzbQ=="
	v3 = "p4sVvx4fkDun3LxmOEsh7g=="
)

// digestOf is a second, independent way to the digest; the vectors of the digest itself are in the test inside the package.
func digestOf(user, secret, nonce string) string {
	raw, _ := base64.StdEncoding.DecodeString(nonce)
	inner := md5.Sum([]byte(user + ":" + secret))
	sum := md5.Sum([]byte(base64.StdEncoding.EncodeToString(inner[:]) + ":" + string(raw)))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func creds(list []wire) (out []string) {
	for _, m := range list {
		out = append(out, m.Cred)
	}
	return out
}

// Which digests the device sends, for what the server says about them.
func TestDigests(t *testing.T) {
	lock := turn{code: 212, nonce: nonce2, body: exec("9", remote+"Lock")}
	wrong := digestOf("device-0001", "s3cret-0001?", nonce1)
	tests := map[string]struct {
		turns    []turn
		faults   []windowstest.Fault
		sessions int
		want     []string
		err      error
	}{
		"212 is for the session, its nonce for the next": {
			turns: []turn{{code: 407, nonce: nonce1}, lock, {}, {code: 212, nonce: nonce1}}, sessions: 2, want: []string{"", v2, "", v3},
		},
		"200 is for the message": {
			turns: []turn{{code: 407, nonce: nonce1}, {nonce: nonce2, body: exec("9", remote+"Lock")}, {nonce: nonce1}},
			want:  []string{"", v2, v3},
		},
		"a refused digest is made again": {
			turns: []turn{{code: 407, nonce: nonce1}, {code: 401, nonce: nonce2}, {code: 212, nonce: nonce1}},
			want:  []string{"", v2, v3},
		},
		"a wrong secret": {
			turns:  []turn{{code: 407, nonce: nonce1}, {code: 401, nonce: nonce1}, {code: 212, nonce: nonce1}},
			faults: []windowstest.Fault{windowstest.WrongDigest()}, want: []string{"", wrong, v2},
		},
		"a stale nonce": {
			turns:  []turn{{code: 407, nonce: nonce1}, {code: 401, nonce: nonce2}, {code: 401, nonce: nonce1}},
			faults: []windowstest.Fault{windowstest.StaleNonce()}, want: []string{"", digestOf("device-0001", "s3cret-0001", ""), v3},
			err: windowstest.ErrRefused,
		},
		"refused twice": {
			turns: []turn{{code: 407, nonce: nonce1}, {code: 401, nonce: nonce1}, {code: 401, nonce: nonce1}},
			want:  []string{"", v2, v2}, err: windowstest.ErrRefused,
		},
		"refused and aborted": {
			turns: []turn{{code: 407, nonce: nonce1}, {code: 401, body: `<Alert><CmdID>a</CmdID><Data>1223</Data></Alert>`}},
			want:  []string{"", v2}, err: windowstest.ErrAborted,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := script(test.turns...)
			d := device(t, s, sampleConfig(windowstest.Phone))
			d.Script(test.faults...)
			err := d.Sync(context.Background())
			if test.sessions == 2 {
				require.NoError(t, err)
				err = d.Sync(context.Background())
			}
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.want, creds(s.messages()))
		})
	}
}

// The first nonce may come with the enrolment.
func TestFirstNonce(t *testing.T) {
	cfg := sampleConfig(windowstest.Phone)
	cfg.Nonce, _ = base64.StdEncoding.DecodeString(nonce1)
	s := script(turn{code: 212, nonce: nonce2})
	require.NoError(t, device(t, s, cfg).Sync(context.Background()))
	assert.Equal(t, []string{v2}, creds(s.messages()))
	assert.Equal(t, "device-0001", s.messages()[0].User)
}

// A device without a user has nothing to answer a challenge with.
func TestChallengeWithoutUser(t *testing.T) {
	s := script(turn{code: 407, nonce: nonce1})
	err := device(t, s, windowstest.Config{}).Sync(context.Background())
	require.ErrorIs(t, err, windowstest.ErrRefused)
	assert.Len(t, s.messages(), 1)
}

// Another status of the header is no acceptance.
func TestHeaderStatus(t *testing.T) {
	err := device(t, script(turn{code: 500}), windowstest.Config{}).Sync(context.Background())
	require.EqualError(t, err, "windowstest: the server answers the header of message 1 with status 500")
}
