package bulk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// The ways of choosing the PINs of a batch.
const (
	ModeRotate   = "rotate"   // each device gets a new PIN of its own
	ModeKeep     = "keep"     // each device keeps its PIN
	ModeSupplied = "supplied" // all get one PIN
)

// Ask is what was asked for, as it is kept: without the PIN and without the selection, which became rows.
type Ask struct {
	Reason      string    `json:"reason,omitempty"`
	Ticket      string    `json:"ticket,omitempty"`
	Message     string    `json:"message,omitempty"`
	PhoneNumber string    `json:"phone_number,omitempty"`
	Mode        string    `json:"mode"`
	Reuse       string    `json:"reuse,omitempty"`
	Force       bool      `json:"force,omitempty"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	Selected    string    `json:"selected"` // hash of the selection: a repeated order is told from another one by it
}

// ask is the order as it is kept. People write of PINs that did not work: a number that may be one is not kept.
func (o Order) ask() (Ask, error) {
	selection, err := json.Marshal(o.Selection)
	if err != nil {
		return Ask{}, fmt.Errorf("encode the selection: %w", err)
	}
	sum := sha256.Sum256(selection)
	k := Ask{
		Reason: maskPINs(o.Reason), Ticket: o.Ticket, Message: o.Message, PhoneNumber: o.PhoneNumber, Mode: ModeRotate, Reuse: maskPINs(o.Reuse),
		Force: o.Force, NotAfter: o.NotAfter.UTC(), Selected: hex.EncodeToString(sum[:]),
	}
	switch {
	case o.Keep:
		k.Mode = ModeKeep
	case !o.PIN.IsZero():
		k.Mode = ModeSupplied
	}
	return k, nil
}

// order is the order again, without its PIN and selection.
func (k Ask) order() Order {
	return Order{
		Reason: k.Reason, Ticket: k.Ticket, Message: k.Message, PhoneNumber: k.PhoneNumber, Keep: k.Mode == ModeKeep, Reuse: k.Reuse,
		Force: k.Force, NotAfter: k.NotAfter,
	}
}

// number is digits with what people put between them.
var number = regexp.MustCompile(`\p{Nd}(?:[ .\-]?\p{Nd})*`)

// maskPINs takes out of a text each number of six digits or more: a PIN, or a passcode.
func maskPINs(text string) string {
	return number.ReplaceAllStringFunc(text, func(s string) string {
		if digits := len([]rune(strings.Map(onlyDigits, s))); digits >= 6 {
			return "[digits]"
		}
		return s
	})
}

func onlyDigits(r rune) rune {
	if unicode.IsDigit(r) {
		return r
	}
	return -1
}
