package windows

// NewSessions is the Sessions of a handler that is given none.
var NewSessions = newSessions
