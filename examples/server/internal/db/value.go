package db

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Micros is how a time is kept: microseconds since 1970, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the time that Micros gave, in UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// IsText reports whether a text can be in the database. PostgreSQL takes UTF-8 without NUL alone: what is none is not there, and to ask
// for it would be an error.
func IsText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
