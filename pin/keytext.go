package pin

import (
	"encoding/base64"
	"fmt"
	"strings"
)

const (
	maxKeyFile    = 64 << 10
	keyFileFormat = "latchkey-keyring 1"
	keyFileHelp   = `# Whoever has this file can open every sealed PIN; whoever loses it can open none. Back it up.
# The active key seals, and all keys open. A retired key is needed for as long as a box names it.
# The key is 32 random bytes in base64, the ID is new for every key: letters, digits, dot, underscore, hyphen.
`
)

// ParseKeyring reads the text of a keyring from an environment variable or a secret store: the format of a keyring file, of at
// most 64 KiB. Errors name the line, counting semicolons too, and hold no part of a key: *Error with ReasonKeyring or ReasonKey.
func ParseKeyring(text string) (*Keyring, error) {
	keyring, err := parseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("pin: parse keyring: %w", err)
	}
	return keyring, nil
}

// keyText is what has been read of a keyring's text.
type keyText struct {
	begun           bool
	active, retired []Key
}

func parseKeyring(text string) (*Keyring, error) {
	if len(text) > maxKeyFile {
		return nil, &Error{ReasonKeyring, "a keyring must not be larger than 64 KiB"}
	}
	var read keyText
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		for entry := range strings.SplitSeq(line, ";") {
			number++
			entry = strings.TrimSpace(entry)
			if strings.HasPrefix(entry, "#") {
				break // up to the line feed, whatever semicolons it has
			}
			if fault := read.add(entry); fault != "" {
				return nil, &Error{ReasonKeyring, fmt.Sprintf("line %d %s", number, fault)}
			}
		}
	}
	switch {
	case !read.begun:
		return nil, &Error{ReasonKeyring, `there is no keyring: it must begin with the line "` + keyFileFormat + `", and have a line "active ID KEY"`}
	case len(read.active) == 0:
		return nil, &Error{ReasonKeyring, `no active key: call the key that is to seal "active"`}
	}
	return NewKeyring(read.active[0], read.retired...)
}

// add takes one line, and returns what is wrong with it. That is never a quotation: a key may be anywhere in a line gone wrong.
func (r *keyText) add(line string) (fault string) {
	switch {
	case line == "":
		return ""
	case !r.begun && line != keyFileFormat:
		return `must be "` + keyFileFormat + `", before any key`
	case !r.begun:
		r.begun = true
		return ""
	}
	fields := strings.Fields(line)
	if len(fields) != 3 || fields[0] != "active" && fields[0] != "retired" {
		return `must be "active ID KEY" or "retired ID KEY"`
	}
	if !validKeyID(fields[1]) {
		return "has a malformed key ID"
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	if err != nil || len(secret) != keySize {
		return "has a key that is not 32 bytes in base64"
	}
	key := Key{ID: fields[1], Secret: hold(string(secret))}
	switch {
	case fields[0] == "retired":
		r.retired = append(r.retired, key)
	case len(r.active) > 0:
		return `is a second active key: call all but one "retired"`
	default:
		r.active = append(r.active, key)
	}
	return ""
}

// text is what parseKeyring reads.
func (k *Keyring) text() string {
	var b strings.Builder
	b.WriteString(keyFileFormat + "\n" + keyFileHelp)
	word := "active"
	for _, key := range k.keys {
		_, _ = fmt.Fprintf(&b, "%s %s %s\n", word, key.ID, base64.StdEncoding.EncodeToString([]byte(key.Secret.Expose())))
		word = "retired"
	}
	return b.String()
}
