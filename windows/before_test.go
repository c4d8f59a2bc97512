package windows

import (
	"maps"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPack holds that any text comes back exactly from facts that the ledger keeps as they are.
func TestPack(t *testing.T) {
	letters := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\uf000\r\n\t\"\\\x00\u2028\ufeff\ufffd€😀a=#"))))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(letters, rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		text = strings.Repeat(text, rapid.IntRange(1, 200).Draw(t, "times"))
		facts := value{set: true, text: text}.pack("text")
		if facts == nil {
			require.Greater(t, len(text)*6, maxPiece*maxPieces-maxPieces*utf8.UTFMax, "only what is too long is refused")
			return
		}
		for name, fact := range facts {
			require.LessOrEqual(t, len(fact), 1000, name)
			require.True(t, utf8.ValidString(fact), name)
			require.Negative(t, strings.IndexFunc(fact, unicode.IsControl), name)
		}
		v, known := unpack(facts, "text")
		require.True(t, known)
		require.Equal(t, value{true, text}, v)
	})
}

func TestPackLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		pieces int // 0: none, -1: refused
	}{
		"empty":              {"", 0},
		"one fact":           {strings.Repeat("x", 900), 0},
		"two facts":          {strings.Repeat("x", 901), 2},
		"cut within a rune":  {strings.Repeat("x", 899) + strings.Repeat("€", 10), 2},
		"as much as fits":    {strings.Repeat("x", 7200), 8},
		"too much":           {strings.Repeat("x", 7201), -1},
		"escapes count":      {strings.Repeat("\uf000", 1201), -1},
		"as many separators": {strings.Repeat("\uf000", 1200), 8},
	} {
		t.Run(name, func(t *testing.T) {
			facts := value{set: true, text: c.text}.pack("text")
			if c.pieces < 0 {
				require.Nil(t, facts)
				return
			}
			require.Len(t, facts, c.pieces+1)
			for name, fact := range facts {
				require.True(t, utf8.ValidString(fact), name)
			}
			v, known := unpack(facts, "text")
			require.True(t, known)
			require.Equal(t, c.text, v.text)
		})
	}
}

// TestPackAgain holds that a value that was read twice is the one that was read last, whichever was longer.
func TestPackAgain(t *testing.T) {
	long, short := value{true, strings.Repeat("long", 400)}, value{true, "short"}
	for name, order := range map[string][]value{
		"shorter": {long, short}, "longer": {short, long}, "unset": {long, {}}, "set": {{}, long},
	} {
		facts := map[string]string{}
		for _, v := range order {
			maps.Copy(facts, v.pack("text"))
		}
		v, known := unpack(facts, "text")
		require.True(t, known, name)
		require.Equal(t, order[1], v, name)
	}
}

func TestUnpackNothing(t *testing.T) {
	for name, facts := range map[string]map[string]string{
		"nothing": nil, "withheld": {"before_text": "[withheld]"}, "no number": {"before_text": "#x"}, "zero": {"before_text": "#0"},
		"too many": {"before_text": "#9"}, "bad escape": {"before_text": `=\q`}, "open escape": {"before_text": `=\`}, "quote": {"before_text": `="`},
		"cut": {"before_text": "#2", "before_text.1": `\uf0`},
	} {
		_, known := unpack(facts, "text")
		require.False(t, known, name)
	}
}

func TestDeniesEverybody(t *testing.T) {
	for text, want := range map[string]bool{
		"*S-1-1-0": true, "*S-1-5-32-546\uf000*S-1-1-0": true, "*s-1-1-0": true, "S-1-1-0": true, "Guests\uf000Everyone": true, "everyone": true,
		"": false, "*S-1-5-32-546": false, "*S-1-1-01": false, "Everyone else": false, "*S-1-5-11": false,
	} {
		require.Equal(t, want, value{true, text}.deniesEverybody(), text)
	}
}
