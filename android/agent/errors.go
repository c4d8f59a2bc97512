package agent

import "fmt"

// Rule names the rule that some input broke. Its text is fit for a log line and never holds a part of the input.
type Rule string

// The rules of [DecodeError].
const (
	RuleMissing    Rule = "missing"
	RuleSize       Rule = "too large"
	RuleDepth      Rule = "nested too deep"
	RuleSyntax     Rule = "malformed"
	RuleEncoding   Rule = "not valid UTF-8, or not base64url without padding"
	RuleDuplicate  Rule = "a name twice in one object"
	RuleUnknown    Rule = "a name that the contract does not have"
	RuleType       Rule = "of the wrong type"
	RuleValue      Rule = "not an allowed value"
	RuleVersion    Rule = "of another version of the contract"
	RuleAlgorithm  Rule = "of an algorithm that is not accepted: ES256 only"
	RuleHeader     Rule = "with a wrong protected header: alg, typ, and kid or jwk as the contract has them, nothing else"
	RuleKey        Rule = "not a public key on P-256"
	RuleSignature  Rule = "not signed by this device's key"
	RuleOtherAsked Rule = "signed for another request"
)

// DecodeError says that something from a device was refused. It holds no part of it.
type DecodeError struct {
	Field  string // as in the contract, empty when the message as a whole broke the rule
	Offset int64  // bytes read when the rule was broken; 0 when unknown
	Rule   Rule
}

// Error implements error.
func (e *DecodeError) Error() string {
	switch {
	case e.Field != "":
		return fmt.Sprintf("agent: %s in the message is %s", e.Field, e.Rule)
	case e.Offset > 0:
		return fmt.Sprintf("agent: message refused at byte %d: %s", e.Offset, e.Rule)
	default:
		return "agent: message refused: " + string(e.Rule)
	}
}
