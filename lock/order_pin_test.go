package lock_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func TestSuppliedPIN(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, "739184"))
	assert.True(t, a.Supplied)
	assert.Equal(t, "739184", f.PIN(a.ID))
	assert.Equal(t, "739184", f.Deliver(mac()).PIN)
}

func TestSuppliedPINObeysThePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		rule pin.Reason
	}{
		"too short": {"73918", pin.ReasonLength},
		"trivial":   {"123456", pin.ReasonSequence},
		"letters":   {"73918a", pin.ReasonAlphabet},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			_, err := order(t, f, supplied(t, c.code))
			require.Equal(t, "pin", inputField(err))
			require.ErrorIs(t, err, c.rule)
			assert.NotContains(t, err.Error(), c.code)
			requireEmpty(t, f)
		})
	}
}

func TestSuppliedPINWhereTheOrderCarriesNone(t *testing.T) {
	f := newFixture(t)
	f.Codec.Answer = &lock.Plan{NoPIN: true}
	_, err := order(t, f, supplied(t, "739184"))
	require.Equal(t, "pin", inputField(err))
	requireEmpty(t, f)

	a := f.Lock(mac())
	assert.Empty(t, a.Secrets)
	assert.Empty(t, f.Deliver(mac()).PIN)
	_, err = order(t, f, supplied(t, "739184"))
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy, "a PIN of the caller's own cannot join a lock without one")
}

// TestSuppliedPINAndALiveLock is I5: who may join what. Only a PIN that the same actor chose is compared; a right guess of a drawn one
// tells nothing.
func TestSuppliedPINAndALiveLock(t *testing.T) {
	const chosen = "739184"
	for name, c := range map[string]struct {
		live  string // the live lock's PIN; empty: drawn
		asks  func(live string) string
		joins bool
	}{
		"none joins a drawn one":     {"", func(string) string { return "" }, true},
		"none joins a chosen one":    {chosen, func(string) string { return "" }, true},
		"the same joins":             {chosen, func(string) string { return chosen }, true},
		"another does not":           {chosen, func(string) string { return "739183" }, false},
		"a right guess does not":     {"", func(live string) string { return live }, false},
		"a wrong guess does not":     {"", func(string) string { return chosen }, false},
		"a trivial one does not":     {chosen, func(string) string { return "111111" }, false},
		"an overlong one, as a part": {chosen, func(string) string { return chosen + "0" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.Lock(mac(), func(r *lock.Request) {
				if c.live != "" {
					r.PIN = parsed(t, c.live)
				}
			})
			code := f.PIN(first.ID)
			before := f.Get(first.ID).Version
			a, err := order(t, f, func(r *lock.Request) {
				if ask := c.asks(code); ask != "" {
					r.PIN = parsed(t, ask)
				}
			})
			if c.joins {
				require.NoError(t, err)
				assert.Equal(t, first.ID, a.ID)
				return
			}
			var busy *lock.BusyError
			require.ErrorAs(t, err, &busy)
			assert.Equal(t, first.ID, busy.Live.ID)
			assert.Nil(t, busy.Live.Secrets[0].Box)
			assert.Equal(t, before, f.Get(first.ID).Version, "an order that cannot join leaves no trace that differs by its PIN")
		})
	}
}

// TestOthersMayNotGuessAChosenPIN: only who chose a PIN may name it again.
func TestOthersMayNotGuessAChosenPIN(t *testing.T) {
	const chosen = "739184"
	f := newFixture(t)
	first := f.Lock(mac(), supplied(t, chosen))
	_, err := f.Service.Lock(t.Context(), lock.Actor{ID: "mallory"}, lock.Request{Device: mac(), PIN: parsed(t, chosen)})
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, first.ID, busy.Live.ID)
}

// TestTextsMustNotContainThePIN: what is shown on the locked screen or kept in clear.
func TestTextsMustNotContainThePIN(t *testing.T) {
	const code = "739184"
	for field, set := range textFields() {
		t.Run(field, func(t *testing.T) {
			f := newFixture(t)
			for _, written := range []string{code, "739 184", "73-91-84", "7 3 9 1 8 4", "73.91, 84"} {
				_, err := order(t, f, supplied(t, code), func(r *lock.Request) { set(r, "PIN: "+written+"!") })
				require.Equal(t, field, inputField(err), written)
				assert.NotContains(t, err.Error(), code)
				requireEmpty(t, f)
			}
			f.Lock(mac(), supplied(t, code), func(r *lock.Request) { set(r, "PIN: 7391 4") })
		})
	}
}

// TestJoiningTextsMustNotContainThePIN: a join records reason and key in clear.
func TestJoiningTextsMustNotContainThePIN(t *testing.T) {
	const code = "739184"
	for _, field := range []string{"reason", "key"} {
		t.Run(field, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac(), supplied(t, code))
			_, err := order(t, f, supplied(t, code), func(r *lock.Request) { textFields()[field](r, "it is "+code) })
			for _, e := range eventsOf(t, f, a.ID) {
				assert.NotContains(t, string(e.Body), code, "%v", err)
			}
		})
	}
}

func textFields() map[string]func(*lock.Request, string) {
	return map[string]func(*lock.Request, string){
		"message":      func(r *lock.Request, s string) { r.Message = s },
		"phone_number": func(r *lock.Request, s string) { r.PhoneNumber = s },
		"reason":       func(r *lock.Request, s string) { r.Reason = s },
		"ticket":       func(r *lock.Request, s string) { r.Ticket = s },
		"key":          func(r *lock.Request, s string) { r.Key = s },
		"batch":        func(r *lock.Request, s string) { r.Batch = s },
	}
}

// TestDrawnPINKeepsOutOfTheTexts has a policy of 16 PINs, of which the message names twelve.
func TestDrawnPINKeepsOutOfTheTexts(t *testing.T) {
	policy := pin.Policy{Length: 4, Alphabet: "07", FewCodes: true}
	var all []string
	for i := range 16 {
		all = append(all, strings.NewReplacer("1", "7").Replace(fmt.Sprintf("%04b", i)))
	}
	t.Run("four are left", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{Policy: policy}
		for i := range 20 {
			a := f.Lock(locktest.Device(fmt.Sprint("mac-", i)), func(r *lock.Request) { r.Message = strings.Join(all[:12], " or ") })
			require.Contains(t, all[12:], f.PIN(a.ID))
		}
	})
	t.Run("none is left", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{Policy: policy}
		_, err := order(t, f, func(r *lock.Request) { r.Message = strings.Join(all, " ") })
		require.Equal(t, "message", inputField(err))
		requireEmpty(t, f)
	})
}
