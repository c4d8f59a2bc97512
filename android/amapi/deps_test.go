package amapi_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoGoogleClient: who imports the library has none of Google's clients in their program. In a nested module they are an oracle.
func TestNoGoogleClient(t *testing.T) {
	const ours = "github.com/latchkey-mdm/latchkey/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ours+"pin/...", ours+"lock/...", ours+"android/...", ours+"mdmproto/...",
		ours+"store/...").Output()
	require.NoError(t, err)
	found := strings.Fields(string(out))
	require.Contains(t, found, ours+"android/amapi")
	require.Contains(t, found, ours+"mdmproto/push")
	for _, dep := range found {
		for _, client := range []string{"google.golang.org/", "cloud.google.com/", "firebase.google.com/", "github.com/googleapis/"} {
			assert.False(t, strings.HasPrefix(dep, client), "%s is a part of Google's clients", dep)
		}
	}
}
