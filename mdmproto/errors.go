package mdmproto

import "fmt"

// Rule names the rule that some input broke. Its text is fit for a log line and never holds a part of the input.
type Rule string

// The rules of [DecodeError], [SignatureError] and [FieldError].
const (
	RuleMissing      Rule = "missing"
	RuleSize         Rule = "too large"
	RuleEncoding     Rule = "wrong encoding: UTF-8 for a body, standard base64 for a header"
	RuleSyntax       Rule = "malformed"
	RuleTrailing     Rule = "followed by something else"
	RuleDepth        Rule = "nested too deep"
	RuleElements     Rule = "too many elements"
	RuleBinary       Rule = "a binary property list: only XML is accepted"
	RuleDTD          Rule = "a document type of its own: only the plain plist one is accepted"
	RuleStructure    Rule = "not a property list: one plist element with one value, dictionaries of keys and values"
	RuleDuplicate    Rule = "a key twice in one dictionary"
	RuleType         Rule = "of the wrong type"
	RuleCharacters   Rule = "with a character that is not allowed"
	RuleValue        Rule = "not an allowed value"
	RuleSixDigits    Rule = "not six ASCII digits"
	RuleHoldsPIN     Rule = "not allowed to contain the PIN"
	RuleConfig       Rule = "not configured: set Verifier.Roots to the device CA"
	RuleCertificates Rule = "a wrong set of certificates: at most eight, and one of them the signer's"
	RuleSigner       Rule = "not signed by exactly one signer"
	RuleAttributes   Rule = "without the signed attributes content type and message digest, each once"
	RuleContent      Rule = "made for another body"
	RuleAlgorithm    Rule = "of an algorithm that is not accepted: RSA or ECDSA, with SHA-1, SHA-256, SHA-384 or SHA-512"
	RuleSigningTime  Rule = "signed outside the certificate's validity: check the device's clock, or allow more Verifier.Skew"
	RuleSignature    Rule = "wrong"
	RuleChain        Rule = "by a certificate that the device CA did not issue, or not for this time"
)

// DecodeError says that a message from a device was refused. It holds no part of the message.
type DecodeError struct {
	Field  string // key of the protocol, empty when the message as a whole broke the rule
	Offset int64  // bytes read when the rule was broken; 0 when Field is set
	Rule   Rule
}

// Error implements error.
func (e *DecodeError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("mdmproto: %s in the message is %s", e.Field, e.Rule)
	}
	return fmt.Sprintf("mdmproto: message refused at byte %d: %s", e.Offset, e.Rule)
}

// SignatureError says that an Mdm-Signature header was refused. Err is set for [RuleChain] alone: why the
// certificate was not accepted (an [x509.CertificateInvalidError] when it has expired).
type SignatureError struct {
	Rule Rule
	Err  error
}

// Error implements error.
func (e *SignatureError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("mdmproto: Mdm-Signature is %s: %v", e.Rule, e.Err)
	}
	return fmt.Sprintf("mdmproto: Mdm-Signature is %s", e.Rule)
}

// Unwrap gives the reason of [RuleChain].
func (e *SignatureError) Unwrap() error { return e.Err }

// FieldError says that a field of a command or profile cannot be sent. It holds no part of the value.
type FieldError struct {
	Field string
	Rule  Rule
	Limit int // of RuleSize and RuleElements: the largest size allowed, in characters or elements
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("mdmproto: %s is %s: at most %d", e.Field, e.Rule, e.Limit)
	}
	return fmt.Sprintf("mdmproto: %s is %s", e.Field, e.Rule)
}
