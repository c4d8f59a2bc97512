package windows

import "net/http"

// NewSessions is the Sessions of a handler that is given none.
var NewSessions = newSessions

// Turns is how many devices have a message at the handler.
func Turns(h http.Handler) int { return len(h.(*handler).turns.held) }
