package mdmproto

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecodeAcceptsSamples(t *testing.T) {
	samples, err := filepath.Glob("testdata/messages/*.plist")
	require.NoError(t, err)
	require.NotEmpty(t, samples)
	for _, path := range samples {
		t.Run(filepath.Base(path), func(t *testing.T) {
			body, err := os.ReadFile(path)
			require.NoError(t, err)
			d, err := decodePlist(body)
			require.NoError(t, err)
			assert.Equal(t, 1, strings.Count(fmt.Sprint(d.values["UDID"], d.values["MessageType"], d.values["Status"]), "<nil>"))
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	bomb := `<!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	tests := []struct {
		name string
		body string
		rule Rule
	}{
		{"nothing", "", RuleStructure},
		{"binary", "bplist00\xd1\x01\x02", RuleBinary},
		{"latin-1", "<plist><string>\xe9</string></plist>", RuleEncoding},
		{"declared latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?><plist><dict/></plist>`, RuleSyntax},
		{"utf-16", "\xff\xfe<\x00p\x00", RuleEncoding},
		{"truncated", "<plist><dict><key>UDID</key>", RuleSyntax},
		{"mismatched", "<plist><dict></plist></dict>", RuleSyntax},
		{"json", `{"Status":"Idle"}`, RuleStructure},
		{"oversize", "<plist><string>" + strings.Repeat("a", maxMessage) + "</string></plist>", RuleSize},
		{"entity bomb", bomb + "<plist><string>&b;</string></plist>", RuleDTD},
		{"two document types", "<!DOCTYPE plist><!DOCTYPE plist><plist><dict/></plist>", RuleDTD},
		{"another document type", "<!DOCTYPE html><plist><dict/></plist>", RuleDTD},
		{"entity without document type", "<plist><string>&b;</string></plist>", RuleSyntax},
		{"depth 33", "<plist>" + strings.Repeat("<array>", maxDepth) + strings.Repeat("</array>", maxDepth) + "</plist>", RuleDepth},
		{"elements 20,001", "<plist><array>" + strings.Repeat("<true/>", maxElements-1) + "</array></plist>", RuleElements},
		{"data 1,251", "<plist><array>" + strings.Repeat("<data/>", maxElements/dataWeight+1) + "</array></plist>", RuleElements},
		{"duplicate key", "<plist><dict><key>A</key><true/><key>A</key><true/></dict></plist>", RuleDuplicate},
		{"duplicate key with comment", "<plist><dict><key>AB</key><true/><key>A<!-- -->B</key><true/></dict></plist>", RuleDuplicate},
		{"dangling key", "<plist><dict><key>A</key></dict></plist>", RuleStructure},
		{"two keys", "<plist><dict><key>A</key><key>B</key><true/></dict></plist>", RuleStructure},
		{"value without key", "<plist><dict><true/></dict></plist>", RuleStructure},
		{"key in array", "<plist><array><key>A</key></array></plist>", RuleStructure},
		{"key in plist", "<plist><key>A</key></plist>", RuleStructure},
		{"element in string", "<plist><string>a<true/></string></plist>", RuleStructure},
		{"empty plist", "<plist></plist>", RuleStructure},
		{"two values", "<plist><dict/><dict/></plist>", RuleStructure},
		{"no plist", "<dict></dict>", RuleStructure},
		{"plist in plist", "<plist><plist><dict/></plist></plist>", RuleStructure},
		{"unknown element", "<plist><set/></plist>", RuleStructure},
		{"namespace", `<p:plist xmlns:p="x"><dict/></p:plist>`, RuleStructure},
		{"attribute", `<plist><dict id="1"/></plist>`, RuleStructure},
		{"text between", "<plist><dict>a</dict></plist>", RuleStructure},
		{"processing instruction", "<plist><?php x?><dict/></plist>", RuleStructure},
		{"text after", "<plist><dict/></plist>x", RuleTrailing},
		{"element after", "<plist><dict/></plist><plist><dict/></plist>", RuleTrailing},
		{"root is no dictionary", "<plist><array/></plist>", RuleValue},
		{"integer too large", "<plist><dict><key>A</key><integer>18446744073709551616</integer></dict></plist>", RuleValue},
		{"malformed data", "<plist><dict><key>A</key><data>?</data></dict></plist>", RuleValue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := decodePlist([]byte(tt.body))
			var refused *DecodeError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tt.rule, refused.Rule)
		})
	}
}

func TestDecodeAcceptsLimits(t *testing.T) {
	tests := map[string]string{
		"depth 32":        "<key>A</key>" + strings.Repeat("<array>", maxDepth-2) + strings.Repeat("</array>", maxDepth-2),
		"elements 20,000": "<key>A</key><array>" + strings.Repeat("<true/>", maxElements-4) + "</array>",
		"comment":         "<!-- here --><key>A</key><true/>",
	}
	for name, inner := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decodePlist(dictionary(inner))
			require.NoError(t, err)
		})
	}
}

// A hostile message costs no more than a multiple of what is read of it, whatever it would have meant.
func TestDecodeBoundedWork(t *testing.T) {
	tests := []struct {
		name  string
		body  []byte
		nodes int
		bytes uint64
	}{
		{"a million arrays", bytes.Repeat([]byte("<array>"), 1_000_000), 0, 16 << 10},
		{"arrays up to the size", append([]byte("<plist>"), bytes.Repeat([]byte("<array>"), 37_000)...), maxDepth + 1, 64 << 10},
		{"elements up to the size", append([]byte("<plist><array>"), bytes.Repeat([]byte("<true/>"), 37_000)...), maxElements + 1, 4 << 20},
		{"dictionaries", append([]byte("<plist><array>"), bytes.Repeat([]byte("<dict><key/><true/></dict>"), 10_000)...), maxElements + 1, 16 << 20},
		{"attributes", []byte("<plist " + strings.Repeat(`a="" `, 50_000) + "><dict/></plist>"), 1, 32 << 20},
		{"comments", []byte("<plist>" + strings.Repeat("<!---->", 37_000)), 1, 16 << 20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var nodes int
			spent := allocated(func() { nodes, _ = walkPlist(tt.body) })
			assert.Equal(t, tt.nodes, nodes, "elements looked at")
			assert.Less(t, spent, tt.bytes, "bytes allocated")
		})
	}
}

// What is accepted is bounded too: the costliest message of the allowed size and number of elements.
func TestDecodeBoundedWorkWhenAccepted(t *testing.T) {
	tests := map[string]struct {
		element string
		weight  int
	}{"data": {"<data>YQ==</data>", dataWeight}, "integer": {"<integer>1</integer>", 1}, "dict": {"<dict></dict>", 1}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := min((maxElements-4)/tt.weight, (maxMessage-200)/len(tt.element))
			body := dictionary("<key>A</key><array>" + strings.Repeat(tt.element, n) + "</array>")
			var err error
			spent := allocated(func() { _, err = decodePlist(body) })
			require.NoError(t, err)
			assert.Less(t, spent, uint64(32<<20), "bytes allocated")
		})
	}
}

func TestDecodeErrorHoldsNoContent(t *testing.T) {
	for _, body := range []string{
		"<plist><dict><key>UDID</key><canary/></dict></plist>",
		"<plist><dict><key>UDID</key><integer>canary</integer></dict></plist>",
		"<plist><dict><key>canary</key><true/><key>canary</key><true/></dict></plist>",
		"<plist><dict></canary></dict></plist>",
	} {
		_, err := ParseResult([]byte(body))
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
	}
}
