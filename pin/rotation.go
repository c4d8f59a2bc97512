package pin

import (
	"cmp"
	"time"
)

// Rotation says when a PIN may be used again. It compares PINs in clear, opened for that moment: nothing is kept by which a PIN could be
// searched for. The zero Rotation is a good one.
type Rotation struct {
	// History is how many of the last PINs a new one must differ from. 0: 10; negative: none.
	History int
	// MaxAge is how long after it was made a PIN may be kept. 0: 90 days; negative: for ever.
	MaxAge time.Duration
}

// maxRedraws bounds how often Generate draws: it finds a new PIN in a policy of 20 codes, 10 of which were used, all but surely.
const maxRedraws = 100

// Generate draws a PIN from the policy that is none of the last ones, which are given newest first, and none of those that were
// disclosed. The errors are those of Policy.Generate, and an *Error with ReasonHistory when there is hardly any other. It costs what
// Policy.Generate does, and as many draws more as are needed.
func (r Rotation) Generate(p Policy, last, disclosed []PIN) (PIN, error) {
	s, fault := p.sampler() // counted once, if at all
	if fault != nil {
		return PIN{}, fault
	}
	for range maxRedraws {
		code, err := s.next()
		if err != nil {
			return PIN{}, err
		}
		if r.Check(code, last, disclosed) == nil {
			return code, nil
		}
	}
	return PIN{}, &Error{ReasonHistory, "the policy accepts hardly any PIN that was not used before"}
}

// Check returns nil when a PIN may follow the last ones, which are given newest first, and those that were disclosed. Else it returns
// an *Error with ReasonDisclosed or ReasonHistory. Whoever may learn the answer can try out PINs: record each question.
func (r Rotation) Check(code PIN, last, disclosed []PIN) error {
	if has(disclosed, code) {
		return &Error{ReasonDisclosed, "the PIN was shown to somebody, so the next one must differ"}
	}
	n := cmp.Or(r.History, 10)
	if has(last[:max(0, min(n, len(last)))], code) {
		return &Error{ReasonHistory, "the PIN must differ from the last ones"}
	}
	return nil
}

// Keep returns nil when the PIN that is in use may be used once more: it satisfies the policy as it is today, it is no older than MaxAge,
// and none of the disclosed ones. Else it returns the error of Policy.Check, or an *Error with ReasonAge or ReasonDisclosed.
func (r Rotation) Keep(code PIN, p Policy, age time.Duration, disclosed []PIN) error {
	if err := p.Check(code); err != nil {
		return err
	}
	if limit := cmp.Or(r.MaxAge, 90*24*time.Hour); limit > 0 && age > limit {
		return &Error{ReasonAge, "the PIN is too old to be kept"}
	}
	if has(disclosed, code) {
		return &Error{ReasonDisclosed, "the PIN was shown to somebody, so it must not be kept"}
	}
	return nil
}

// has compares with all of them, so that the time tells nothing.
func has(pins []PIN, code PIN) bool {
	found := false
	for _, p := range pins {
		found = p.Equal(code) || found
	}
	return found
}
