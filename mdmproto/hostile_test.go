package mdmproto_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// allocated runs f and returns how many bytes were allocated meanwhile, by client and server together.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// An enrolled client may send any property list; what it costs is bounded by its size, whatever it nests or repeats.
func TestHostilePlistsCostLittle(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	const size = 250_000
	open, header := "<plist version=\"1.0\">", `<?xml version="1.0"?>`
	cases := map[string]string{
		"nested arrays":    header + open + strings.Repeat("<array>", size/7),
		"nested dicts":     header + open + strings.Repeat("<dict><key>a</key>", size/18),
		"many elements":    header + open + "<array>" + strings.Repeat("<true/>", size/7) + "</array></plist>",
		"many keys":        header + open + "<dict>" + strings.Repeat("<key>a</key><true/>", size/19) + "</dict></plist>",
		"long text":        header + open + "<string>" + strings.Repeat("a", size) + "</string></plist>",
		"entity bomb":      header + `<!DOCTYPE plist [<!ENTITY a "` + strings.Repeat("a", 1000) + `">]>` + open + strings.Repeat("&a;", size/4) + "</plist>",
		"binary recursion": "bplist00" + strings.Repeat("\xaf\x10\xff", size/3),
		"deep comments":    header + strings.Repeat("<!-- - -->", size/10),
		"many attributes":  header + "<plist " + strings.Repeat(`a="b" `, size/6) + "/>",
	}
	for name, body := range cases {
		t.Run(name, func(t *testing.T) {
			var res *mdmtest.Response
			var err error
			bytes := allocated(func() { res, err = mac.Do(t.Context(), mdmtest.Request{Body: []byte(body)}) })
			require.NoError(t, err)
			assert.Equal(t, http.StatusBadRequest, res.Status)
			assert.Less(t, bytes, uint64(24<<20), "allocated for a body of %d bytes", len(body))
		})
	}
}

// A result counts even when a value in it cannot be decoded, and costs no more for that: its texts may be cut into many pieces.
func TestOddResultsCostLittle(t *testing.T) {
	s := newServer(t)
	mac := s.mac(t, mdmtest.Config{})
	body := message("UDID", mac.Config().UDID, "Status", "Idle", "When", "<date>never</date>",
		"Text", strings.Repeat("x", 120_000)+strings.Repeat("x<!---->", 14_000))
	require.Less(t, len(body), 256<<10)
	var res *mdmtest.Response
	var err error
	bytes := allocated(func() { res, err = mac.Do(t.Context(), mdmtest.Request{Body: body}) })
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.Status)
	assert.Less(t, bytes, uint64(24<<20), "allocated for a body of %d bytes", len(body))
}

// Anyone may send any signature.
func TestHostileSignaturesCostLittle(t *testing.T) {
	s := newServer(t)
	body := message("UDID", "X", "Status", "Idle")
	cases := map[string][]byte{
		"nested sequences":           bytes.Repeat([]byte{0x30, 0x80}, 6000),
		"nested, of definite length": nested(3000),
		"many small objects":         append([]byte{0x30, 0x82, 0x2e, 0xe0}, bytes.Repeat([]byte{0x05, 0x00}, 6000)...),
		"constructed octet strings":  append([]byte{0x24, 0x80}, bytes.Repeat([]byte{0x24, 0x80, 0x04, 0x01, 0x00}, 2300)...),
		"noise":                      bytes.Repeat([]byte{0xa5, 0x5a, 0x13}, 4000),
	}
	for name, der := range cases {
		for _, padding := range []int{0, 600_000} {
			t.Run(fmt.Sprintf("%s, %d bytes more", name, padding), func(t *testing.T) {
				header := base64.StdEncoding.EncodeToString(append(bytes.Clone(der), make([]byte, padding)...))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.http.URL, bytes.NewReader(body))
				require.NoError(t, err)
				req.Header.Set("Mdm-Signature", header)
				var status int
				bytes := allocated(func() {
					res, err := http.DefaultClient.Do(req)
					if assert.NoError(t, err) {
						status = res.StatusCode
						assert.NoError(t, res.Body.Close())
					}
				})
				assert.Equal(t, http.StatusBadRequest, status)
				assert.Less(t, bytes, uint64(12<<20), "allocated for a header of %d bytes", len(header))
			})
		}
	}
}

// nested is one sequence in another, each of the right length.
func nested(depth int) []byte {
	var der []byte
	for range depth {
		n := len(der)
		der = append([]byte{0x30, 0x82, byte(n >> 8), byte(n)}, der...)
	}
	return der
}
