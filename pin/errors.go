package pin

// Reason is the rule that something broke. It is an error itself, so that errors.Is(err, pin.ReasonLength) asks for one rule.
// Its text is a stable code, except for the two that begin with Err, whose text is a sentence.
type Reason string

const (
	// ReasonLength: too short, too long, or not the length that the policy asks for.
	ReasonLength Reason = "length"
	// ReasonEncoding: not valid UTF-8.
	ReasonEncoding Reason = "encoding"
	// ReasonControl: a control character.
	ReasonControl Reason = "control"
	// ReasonSpace: white space at the beginning or the end.
	ReasonSpace Reason = "space"
	// ReasonAlphabet: a character that the policy does not allow.
	ReasonAlphabet Reason = "alphabet"
	// ReasonRepeat: one character throughout, or five times in a row, as 111112.
	ReasonRepeat Reason = "repeat"
	// ReasonSequence: a run up or down, or one of five characters, as 890123 and 123459.
	ReasonSequence Reason = "sequence"
	// ReasonStep: the same step from each character to the next, or in five characters, as 246802.
	ReasonStep Reason = "step"
	// ReasonPattern: a block repeated, or each character doubled, as 121212 and 112233.
	ReasonPattern Reason = "pattern"
	// ReasonMirror: the same forwards and backwards, as 123321.
	ReasonMirror Reason = "mirror"
	// ReasonDate: a date or a year.
	ReasonDate Reason = "date"
	// ReasonKeypad: a line or a shape on a keypad or a keyboard.
	ReasonKeypad Reason = "keypad"
	// ReasonCommon: one of those that are used most.
	ReasonCommon Reason = "common"
	// ReasonValue: contained in a value that the policy avoids, as the serial number.
	ReasonValue Reason = "value"
	// ReasonClass: too few characters of a class, as letters or digits.
	ReasonClass Reason = "class"
	// ReasonRun: more characters in equal steps than the policy's MaxSequence.
	ReasonRun Reason = "run"
	// ReasonHistory: one of the last PINs.
	ReasonHistory Reason = "history"
	// ReasonDisclosed: somebody has seen it.
	ReasonDisclosed Reason = "disclosed"
	// ReasonAge: too old to be kept.
	ReasonAge Reason = "age"
	// ReasonPolicy: the policy contradicts itself, or nothing can satisfy it.
	ReasonPolicy Reason = "policy"
	// ReasonBinding: a binding with an empty scope or action, or a negative secret number.
	ReasonBinding Reason = "binding"
	// ReasonKey: a key's ID or size.
	ReasonKey Reason = "key"
	// ReasonKeyring: a keyring, or the file that should hold one.
	ReasonKeyring Reason = "keyring"

	// ErrSecret is what every encoder returns that is asked to write a PIN.
	ErrSecret Reason = "a secret is not encoded: seal it, or use Expose where it must leave"
	// ErrOpen says that a box did not open. A wrong key, another binding and a damaged box cannot be told apart.
	ErrOpen Reason = "the box does not open: wrong key, other binding, or damaged"
)

// Error returns the code or the sentence, after "pin: ".
func (r Reason) Error() string { return "pin: " + string(r) }

// Error says why a PIN, a policy, a binding or a key was refused. It never holds the value, nor its length.
type Error struct {
	Reason Reason
	Rule   string // the rule in words, as "must have exactly 6 characters"
}

// Error returns the rule in words.
func (e *Error) Error() string { return "pin: " + e.Rule }

// Unwrap returns the Reason.
func (e *Error) Unwrap() error { return e.Reason }

// MissingKeyError says that a box was sealed by a key that the keyring does not have. The box may well be sound: restore the
// keyring that holds the key.
type MissingKeyError struct {
	KeyID string
}

// Error names the key.
func (e *MissingKeyError) Error() string {
	return "pin: no key " + e.KeyID + " in the keyring: restore the keyring that holds it"
}
