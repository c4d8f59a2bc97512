package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEmbed(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, embed(t.Context(), &out, filepath.Join(t.TempDir(), "keyring")))
	assert.Equal(t, "Ada's MacBook opens with a PIN of 6 digits\n", out.String())
}

// The README shows this program's function as it is.
func TestReadmeShowsThisExample(t *testing.T) {
	source, err := os.ReadFile("main.go")
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, function, found := strings.Cut(string(source), "\nfunc embed(")
	require.True(t, found)
	assert.Contains(t, string(readme), "func embed("+strings.TrimSpace(function))
}
