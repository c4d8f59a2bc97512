package lock

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/pin"
)

// seal makes the next secret of an action. The binding ties its box to the action, so that it opens nowhere else.
func (s *Service) seal(ctx context.Context, a Action, name string, secret pin.PIN) (Secret, error) {
	n := len(a.Secrets) + 1
	box, err := s.cfg.Sealer.Seal(ctx, secret, binding(a, n))
	if err != nil {
		return Secret{}, fmt.Errorf("seal the %s of action %s: %w", name, a.ID, err)
	}
	sum := sha256.Sum256(box)
	return Secret{N: n, Name: name, KeyID: box.KeyID(), SHA256: sum[:], Box: box}, nil
}

// open returns the newest secret of that name, and its number. The action comes from Store.Get.
func (s *Service) open(ctx context.Context, a Action, name string) (pin.PIN, int, error) {
	for i := len(a.Secrets) - 1; i >= 0; i-- {
		secret := a.Secrets[i]
		if secret.Name != name {
			continue
		}
		opened, err := s.openBox(ctx, a, secret)
		if err != nil {
			return pin.PIN{}, 0, err
		}
		return opened, secret.N, nil
	}
	return pin.PIN{}, 0, fmt.Errorf("%w: action %s has no %s", ErrNotFound, a.ID, name)
}

// openPINs opens every PIN of the action, the newest first: of one that Returns there may be several. When some do not open any more, the
// error says so of the newest of these, and the others are returned all the same.
func (s *Service) openPINs(ctx context.Context, a Action) (codes []pin.PIN, err error) {
	for _, secret := range slices.Backward(a.Secrets) {
		if secret.Name != SecretPIN {
			continue
		}
		code, failed := s.openBox(ctx, a, secret)
		switch {
		case failed == nil:
			codes = append(codes, code)
		case !lost(failed):
			return codes, failed
		default:
			err = cmp.Or(err, failed)
		}
	}
	return codes, err
}

// openBox opens one secret of an action.
func (s *Service) openBox(ctx context.Context, a Action, secret Secret) (pin.PIN, error) {
	if secret.Purged() {
		return pin.PIN{}, fmt.Errorf("%w: %s %d of action %s", ErrPurged, secret.Name, secret.N, a.ID)
	}
	opened, err := s.cfg.Sealer.Open(ctx, secret.Box, binding(a, secret.N))
	if err != nil {
		return pin.PIN{}, sealedError(a, secret, err)
	}
	return opened, nil
}

func sealedError(a Action, secret Secret, err error) error {
	return fmt.Errorf("%w: %s %d of action %s, sealed by key %q: %w", ErrSealed, secret.Name, secret.N, a.ID, secret.KeyID, err)
}

func binding(a Action, n int) pin.Binding {
	return pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: n}
}

// hasSecret reports whether the action keeps a secret of that name.
func (a Action) hasSecret(name string) bool {
	for _, secret := range a.Secrets {
		if secret.Name == name {
			return true
		}
	}
	return false
}

// Purged reports whether a purge took the secret: what is left says that it was there.
func (s Secret) Purged() bool { return s.KeyID == "" && len(s.SHA256) == 0 }

// purged reports whether the action had secrets and has none any more.
func (a Action) purged() bool {
	return len(a.Secrets) > 0 && !slices.ContainsFunc(a.Secrets, func(s Secret) bool { return !s.Purged() })
}

// contains reports whether a text gives the secret away: a PIN of digits also where something stands between them, as in 739 184.
func contains(text string, secret pin.PIN) bool {
	if secret.IsZero() {
		return false
	}
	code := secret.Expose()
	return strings.Contains(text, code) || strings.Trim(code, digits) == "" && strings.Contains(joined(text), code)
}

const digits = "0123456789"

// joined is the text without what may stand between digits, all that is neither a letter nor a digit, and with the digits of every script
// as those of ASCII.
func joined(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return plain(r)
		case unicode.IsLetter(r):
			return r
		}
		return -1
	}, text)
}

// plain is the ASCII digit for one of any script. Unicode has them in tens, from zero to nine.
func plain(digit rune) rune {
	zero := digit
	for unicode.IsDigit(zero - 1) {
		zero--
	}
	return '0' + (digit-zero)%10
}

const withheld = "[withheld]"

// withhold keeps what the action's command carries, PIN and token, out of what a device says, which is kept in clear: a value that repeats
// it is replaced, a name that does is left out. When it cannot be opened any more to compare, no fact is kept; when that may be possible
// later, the error lets the device say it again. It looks before anything is cut, so that no part of the PIN stays behind at the end of a
// value.
func (s *Service) withhold(ctx context.Context, a Action, facts map[string]string, made ...pin.PIN) (map[string]string, error) {
	if len(facts) == 0 {
		return nil, nil
	}
	leaks, err := s.leaks(ctx, a, made...)
	if leaks == nil {
		return nil, err
	}
	kept := make(map[string]string, len(facts))
	for name, value := range facts {
		switch {
		case leaks(name):
		case leaks(value):
			kept[name] = withheld
		default:
			kept[name] = value
		}
	}
	return clipFacts(kept), nil
}

// withholdFindings is withhold for findings: the code says what it is about, so only the words are replaced.
func (s *Service) withholdFindings(ctx context.Context, a Action, findings []Finding, made ...pin.PIN) ([]Finding, error) {
	if len(findings) == 0 {
		return nil, nil
	}
	leaks, err := s.leaks(ctx, a, made...)
	if err != nil {
		return nil, err
	}
	var kept []Finding
	for _, f := range findings[:min(len(findings), maxFindings)] {
		if leaks == nil || leaks(f.Text) {
			f.Text = withheld
		}
		if leaks == nil || !leaks(f.Code) && !leaks(f.Field) {
			kept = append(kept, Finding{
				Code: clip(f.Code, 64), Level: Level(clip(string(f.Level), 64)), Text: clip(f.Text, 1024), Field: clip(f.Field, 64),
			})
		}
	}
	return kept, nil
}

// withholdRef is a transport's name for an action, as a report gives it, or nothing when that repeats what the command carries.
func (s *Service) withholdRef(ctx context.Context, a Action, ref string, made ...pin.PIN) (string, error) {
	if ref == "" {
		return "", nil
	}
	leaks, err := s.leaks(ctx, a, made...)
	if leaks == nil || leaks(ref) {
		return "", err
	}
	return ref, nil
}

// leaks is what tells whether a text repeats what the action's command carries, or the PIN that its device made just now; nil: there is
// nothing left to compare with, or not now.
func (s *Service) leaks(ctx context.Context, a Action, made ...pin.PIN) (func(text string) bool, error) {
	codes, err := s.openPINs(ctx, a)
	var token pin.PIN
	if err == nil {
		token, err = s.tokenOf(ctx, a)
	}
	switch {
	case errors.As(err, new(*goneError)): // a token that was purged opens nothing any more
	case lost(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return func(text string) bool {
		return betrays(text, token, codes...) || betrays(text, pin.PIN{}, made...)
	}, nil
}

// betrays reports whether a text gives away what a command carries: its token, as it is or in base64, or one of its PINs.
func betrays(text string, token pin.PIN, codes ...pin.PIN) bool {
	if contains(text, token) || slices.ContainsFunc(codes, func(code pin.PIN) bool { return contains(text, code) }) {
		return true
	}
	if token.IsZero() {
		return false
	}
	secret := []byte(token.Expose())
	return strings.Contains(text, base64.RawStdEncoding.EncodeToString(secret)) || strings.Contains(text, base64.RawURLEncoding.EncodeToString(secret))
}

// lost tells a box that does not open, or is gone, from a Sealer that cannot open any now.
func lost(err error) bool {
	var missing *pin.MissingKeyError
	return errors.Is(err, pin.ErrOpen) || errors.Is(err, ErrPurged) || errors.As(err, &missing)
}

// withholdText keeps the action's PINs out of an actor's words about it, as mask does. About an action without a PIN, as an unlock, people
// write of another's: see maskAll. An earlier PIN of the device is not opened, so it goes as any number of commonPIN digits or more in a row
// does, or one as long as the action's.
func (s *Service) withholdText(ctx context.Context, a Action, text string) string {
	if text == "" {
		return text
	}
	if !a.hasSecret(SecretPIN) {
		return s.maskAll(a.Device, text)
	}
	codes, err := s.openPINs(ctx, a)
	if err != nil {
		return withheld
	}
	return mask(text, codes...)
}

// mask keeps PINs out of words. Of those of digits every number of as many digits goes, and of commonPIN; of those with letters every word of
// their shape. If only the PIN itself went, whoever writes a thousand of them and reads them back would learn which it is.
func mask(text string, codes ...pin.PIN) string {
	sizes := []int{commonPIN}
	var shapes []shape
	for _, code := range codes {
		if n, numeric := sizeOf(code); numeric {
			sizes = append(sizes, n)
		} else {
			shapes = append(shapes, shapeOf(code.Expose()))
		}
	}
	text = maskShapes(text, shapes)
	slices.Sort(sizes)
	for _, n := range slices.Backward(sizes) { // the longest first: of a number that is longer in all, the rest would stay
		text = maskDigits(text, n)
	}
	return text
}

// sizeOf is how many characters a PIN has, and whether all are digits.
func sizeOf(code pin.PIN) (n int, numeric bool) {
	text := code.Expose()
	return utf8.RuneCountInString(text), strings.Trim(text, digits) == ""
}

// number is digits with up to three characters between them.
var number = regexp.MustCompile(`\p{Nd}+(?:[^\pL\pN]{1,3}\p{Nd}+)*`)

// run is digits in a row.
var run = regexp.MustCompile(`\p{Nd}+`)

// maskDigits replaces what may be, or hide, a PIN of n digits: n or more of them in a row, and several rows close together that have n in
// all, as in 739 184 and 73-91-84. Whatever stands beside them, no such group is passed over.
func maskDigits(text string, n int) string {
	if n == 0 {
		return text
	}
	return number.ReplaceAllStringFunc(text, func(s string) string {
		var out strings.Builder
		rows := run.FindAllStringIndex(s, -1)
		done := 0
		for i := 0; i < len(rows); i++ {
			last, size := i, 0
			for ; last < len(rows) && size < n; last++ {
				size += utf8.RuneCountInString(s[rows[last][0]:rows[last][1]])
			}
			if size == n || size > n && last == i+1 {
				out.WriteString(s[done:rows[i][0]] + "[digits]")
				done, i = rows[last-1][1], last-1
			}
		}
		return out.String() + s[done:]
	})
}
