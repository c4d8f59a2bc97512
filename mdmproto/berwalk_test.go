package mdmproto

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWalkBER(t *testing.T) {
	deep := func(n int) []byte {
		return append(bytes.Repeat([]byte{0x30, 0x80}, n), append([]byte{5, 0}, make([]byte, 2*n)...)...)
	}
	many := func(n int) []byte {
		return append(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{5, 0}, n-1)...), 0, 0)
	}
	tests := []struct {
		name    string
		der     []byte
		objects int
		rule    Rule
	}{
		{"null", []byte{5, 0}, 1, ""},
		{"definite", []byte{0x30, 4, 5, 0, 5, 0}, 3, ""},
		{"empty sequence", []byte{0x30, 4, 0x30, 0, 5, 0}, 3, ""},
		{"indefinite", []byte{0x30, 0x80, 5, 0, 0, 0}, 2, ""},
		{"indefinite in definite", []byte{0x30, 6, 0x30, 0x80, 5, 0, 0, 0}, 3, ""},
		{"nested ends together", []byte{0x30, 4, 0x30, 2, 5, 0}, 3, ""},
		{"long tag", []byte{0x1f, 0x81, 0x01, 0}, 1, ""},
		{"long length", append([]byte{4, 0x81, 0x80}, make([]byte, 128)...), 1, ""},
		{"depth 24", deep(maxBERDepth), maxBERDepth + 1, ""},
		{"depth 25", deep(maxBERDepth + 1), maxBERDepth + 1, RuleDepth},
		{"1,500 objects", many(maxBERObjects), maxBERObjects, ""},
		{"1,501 objects", many(maxBERObjects + 1), maxBERObjects + 1, RuleElements},
		{"nothing", nil, 1, RuleSyntax},
		{"tag alone", []byte{5}, 1, RuleSyntax},
		{"long tag without end", []byte{0x1f, 0x81, 0x81}, 1, RuleSyntax},
		{"long tag without length", []byte{0x1f, 0x01}, 1, RuleSyntax},
		{"content beyond the end", []byte{4, 2, 0}, 1, RuleSyntax},
		{"length beyond the end", []byte{4, 0x82, 1}, 1, RuleSyntax},
		{"length of five bytes", []byte{4, 0x85, 0, 0, 0, 0, 1, 0}, 1, RuleSyntax},
		{"length near overflow", []byte{4, 0x84, 0xff, 0xff, 0xff, 0xff}, 1, RuleSyntax},
		{"child beyond its parent", []byte{0x30, 4, 0x30, 4, 5, 0, 5, 0}, 4, RuleSyntax},
		{"primitive beyond its parent", []byte{0x30, 3, 5, 0, 4, 1, 0}, 3, RuleSyntax},
		{"indefinite beyond its parent", []byte{0x30, 4, 0x30, 0x80, 5, 0, 0, 0}, 3, RuleSyntax},
		{"indefinite without end", []byte{0x30, 0x80, 5, 0}, 3, RuleSyntax},
		{"indefinite with nothing", []byte{0x30, 0x80, 0, 0}, 1, RuleSyntax},
		{"indefinite primitive", []byte{4, 0x80, 5, 0, 0, 0}, 1, RuleSyntax},
		{"trailing", []byte{5, 0, 5, 0}, 1, RuleTrailing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			objects, rule := walkBER(tt.der)
			assert.Equal(t, tt.rule, rule)
			assert.Equal(t, tt.objects, objects, "objects looked at")
		})
	}
}
