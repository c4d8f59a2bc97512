package mdmproto

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

var update = flag.Bool("update", false, "write the golden files")

// message reads a sample message.
func message(tb testing.TB, name string) []byte {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "messages", name+".plist"))
	require.NoError(tb, err)
	return body
}

// golden compares with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}

// dictionary wraps keys and values into a message.
func dictionary(inner string) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>` + inner + `</dict></plist>`)
}

// secretOf makes a secret of some text.
func secretOf(tb testing.TB, s string) pin.PIN {
	tb.Helper()
	p, err := pin.Bytes([]byte(s))
	require.NoError(tb, err)
	return p
}

// allocated counts the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// printed is a value as anything that logs might write it.
func printed(v any) string { return fmt.Sprintf("%v %+v %#v %q %x", v, v, v, v, v) }
