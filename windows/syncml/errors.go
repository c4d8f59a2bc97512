package syncml

import "fmt"

// Error says what is wrong with a message, and never shows any of its content.
type Error struct {
	Element string // the name of the element, as SyncML names it
	Rule    string // what it broke
	Offset  int64  // bytes into the body, from [Decode]; 0 from the others
}

// Error gives the element, the rule and the place.
func (e *Error) Error() string {
	if e.Offset > 0 {
		return fmt.Sprintf("syncml: %s %s (near byte %d)", e.Element, e.Rule, e.Offset)
	}
	return fmt.Sprintf("syncml: %s %s", e.Element, e.Rule)
}
