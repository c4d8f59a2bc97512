package lock

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func TestWordsOfAShape(t *testing.T) {
	for name, c := range map[string]struct{ code, said, is string }{
		"letters":                   {"horse", "a horse, a zebra or a donkey", "a [withheld], a [withheld] or a donkey"},
		"letters and digits":        {"h0rse7", "INC4711a is h0rse7, not horses", "[withheld] is [withheld], not horses"},
		"in a longer word":          {"h0rse7", "xh0rse7x", "[withheld]"},
		"with others":               {"h0rse-7", "it was (h0rse-7), h0rse7 no more", "it was [withheld] h0rse7 no more"},
		"others alone":              {"....", "hm .... or !!!!", "hm [withheld] or [withheld]"},
		"of no PIN":                 {"h0rse7", "Stolen from the van", "Stolen from the van"},
		"numbers, beside a word":    {"h0rse7", "7391 846 or 739184", "7391 846 or [digits]"},
		"of another script":         {"пароль", "it was пароль", "it was [withheld]"},
		"in quotes and in brackets": {"h0rse7", "“h0rse7” [h0rse7]", "“[withheld]” [[withheld]]"},
	} {
		t.Run(name, func(t *testing.T) {
			code, err := pin.Parse(c.code)
			require.NoError(t, err)
			assert.Equal(t, c.is, mask(c.said, code))
		})
	}
}
