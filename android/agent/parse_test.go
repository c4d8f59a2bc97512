package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each rule by itself: the key signed all of these, so that nothing but the rule refuses them.
func TestEnvelopeRules(t *testing.T) {
	key := fuzzKey(t)
	public, err := formatJWK(&key.PublicKey)
	require.NoError(t, err)
	embedded, err := json.Marshal(public)
	require.NoError(t, err)
	small := public
	small.X = public.X[:40]
	short, err := json.Marshal(small)
	require.NoError(t, err)
	for _, c := range []struct {
		name, typ, header string
		rule              Rule
	}{
		{"alg none", typRequest, `{"alg":"none","typ":"android-request+jws","kid":"dev-1"}`, RuleAlgorithm},
		{"HS256", typRequest, `{"alg":"HS256","typ":"android-request+jws","kid":"dev-1"}`, RuleAlgorithm},
		{"ES384", typRequest, `{"alg":"ES384","typ":"android-request+jws","kid":"dev-1"}`, RuleAlgorithm},
		{"no alg", typRequest, `{"typ":"android-request+jws","kid":"dev-1"}`, RuleAlgorithm},
		{"alg in capitals", typRequest, `{"Alg":"ES256","typ":"android-request+jws","kid":"dev-1"}`, RuleHeader},
		{"another typ", typRequest, `{"alg":"ES256","typ":"android-state+jws","kid":"dev-1"}`, RuleHeader},
		{"no typ", typRequest, `{"alg":"ES256","kid":"dev-1"}`, RuleHeader},
		{"no kid", typRequest, `{"alg":"ES256","typ":"android-request+jws"}`, RuleHeader},
		{"a key beside the kid", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","jwk":` + string(embedded) + `}`, RuleHeader},
		{"a kid beside the key", typEnroll, `{"alg":"ES256","typ":"android-enroll+jws","kid":"dev-1","jwk":` + string(embedded) + `}`, RuleHeader},
		{"no key", typEnroll, `{"alg":"ES256","typ":"android-enroll+jws"}`, RuleHeader},
		{"a short coordinate", typEnroll, `{"alg":"ES256","typ":"android-enroll+jws","jwk":` + string(short) + `}`, RuleKey},
		{"crit", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","crit":["b64"],"b64":true}`, RuleHeader},
		{"zip", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","zip":"DEF"}`, RuleHeader},
		{"something after", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"} `, ""},
		{"two values", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"}{}`, RuleHeader},
		{"as it must be", typRequest, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := parseJWS(signFixed(key, b64.EncodeToString([]byte(c.header))+"."+b64.EncodeToString([]byte("{}"))), c.typ)
			if c.rule == "" {
				require.NoError(t, err)
				_, err = e.verify(&key.PublicKey)
				assert.NoError(t, err)
				return
			}
			assert.Equal(t, c.rule, ruleOf(err))
		})
	}
}

func TestEnvelopeIsBounded(t *testing.T) {
	key := fuzzKey(t)
	header := b64.EncodeToString([]byte(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"}`)) + "."
	room := maxJWS - len(header) - len(".") - 86 // the signature
	_, err := parseJWS(signFixed(key, header+strings.Repeat("A", room/4*4)), typRequest)
	require.NoError(t, err)
	_, err = parseJWS(signFixed(key, header+strings.Repeat("A", room/4*4+4)), typRequest)
	assert.Equal(t, RuleSize, ruleOf(err))
}

func TestJSONRules(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, doc string
		rule      Rule
	}{
		{"eight levels", nested(8), ""},
		{"nine levels", nested(9), RuleDepth},
		{"4096 tokens", "[" + strings.TrimSuffix(strings.Repeat("1,", 4094), ",") + "]", ""},
		{"4097 tokens", "[" + strings.TrimSuffix(strings.Repeat("1,", 4095), ",") + "]", RuleSize},
		{"a name twice", `{"a":1,"a":2}`, RuleDuplicate},
		{"a name twice, deeper", `{"a":{"b":1,"b":1}}`, RuleDuplicate},
		{"a name in two objects", `{"a":{"b":1},"b":1}`, ""},
		{"a name twice, one escaped", `{"a":1,"\u0061":2}`, RuleDuplicate},
		{"a name in capitals", `{"A":1}`, RuleUnknown},
		{"a name that folds to another", `{"\u017f":1}`, RuleUnknown},
		{"not UTF-8", "\"\xff\"", RuleEncoding},
		{"something after", `{} 1`, RuleSyntax},
		{"cut short", `{"a":`, RuleSyntax},
		{"nothing", ``, RuleSyntax},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.rule, ruleOf(walk([]byte(c.doc), true))) })
	}
}

// ruleOf is the rule that an error names; empty for none.
func ruleOf(err error) Rule {
	if e, is := err.(*DecodeError); is { //nolint:errorlint // it is returned as it is
		return e.Rule
	}
	return ""
}
