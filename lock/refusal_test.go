package lock_test

import (
	"context"
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// byName is what a provider says of an operation of mac-1.
func byName(ref string, outcome lock.Outcome) lock.Report {
	return lock.Report{Scope: "acme", Device: "mac-1", Ref: ref, Outcome: outcome, Facts: map[string]string{"code": "INVALID_VALUE"}}
}

// TestRefusedBesideAnother: what was refused is one delivery; an earlier one whose answer got lost may be on the device.
func TestRefusedBesideAnother(t *testing.T) {
	refusal := locktest.SendError{Untaken: true, Refused: map[string]string{"code": "INVALID_VALUE"}}
	busy := locktest.SendError{Untaken: true}
	for name, c := range map[string]struct {
		script []error
		by     string // the operation that is refused later; empty: Send said so
		want   lock.State
	}{
		"by the provider, after a lost answer":           {[]error{locktest.ErrLost, refusal}, "", lock.StateUnconfirmed},
		"by the provider, after one that it put off":     {[]error{busy, refusal}, "", lock.StateRefused},
		"by its name, after a lost answer":               {[]error{locktest.ErrLost, nil}, "operations/2", lock.StateUnconfirmed},
		"by its name, after one that was not taken":      {[]error{busy, nil}, "operations/1", lock.StateRefused},
		"by the name of the only one":                    {[]error{nil}, "operations/1", lock.StateRefused},
		"by the provider, after a lost one and a NotNow": {[]error{locktest.ErrLost, busy, refusal}, "", lock.StateUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				s.Script("mac-1", c.script...)
				a := reset(t, f)
				synctest.Wait()
				after(5 * time.Minute)
				require.Len(t, s.Sent(), len(c.script))
				for range 2 { // the second time it says nothing new
					if c.by != "" {
						require.NoError(t, f.Service.Report(t.Context(), byName(c.by, lock.Refused)))
					}
				}
				got := f.Get(a.ID)
				assert.Equal(t, c.want, got.State)
				assert.Equal(t, c.want == lock.StateUnconfirmed, got.MayBeOnDevice())
				assert.Equal(t, "INVALID_VALUE", got.Facts["code"])
				after(3 * day)
				_, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{Scope: "acme", Before: time.Now().Add(-day), Reason: "rule 7", Apply: true})
				require.NoError(t, err)
				assert.Equal(t, c.want == lock.StateRefused, f.Get(a.ID).Secrets[0].Purged())
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

// TestRefusedOnceItEnded: the facts are kept, and the state stays what it was.
func TestRefusedOnceItEnded(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		s.Script("mac-1", locktest.ErrLost, nil)
		a := reset(t, f)
		after(time.Minute)
		cancel(t, f, a.ID)
		for range 2 {
			require.NoError(t, f.Service.Report(t.Context(), byName("operations/2", lock.Refused)))
		}
		got := f.Get(a.ID)
		assert.Equal(t, lock.StateCancelled, got.State)
		assert.Equal(t, "INVALID_VALUE", got.Facts["code"])
		assert.Equal(t, lock.EventProgress, typesOf(eventsOf(t, f, a.ID))[got.Version-1])
		assert.Equal(t, lock.EventCancelled, typesOf(eventsOf(t, f, a.ID))[got.Version-2], "once")
		require.ErrorIs(t, f.Service.Report(t.Context(), byName("operations/1", lock.Acknowledged)), lock.ErrNotOurs)
	})
}

// TestClearBesideAnEarlierDelivery: the second was done, and the first may come after the passcode was removed.
func TestClearBesideAnEarlierDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		first error
		want  lock.State
	}{
		"whose answer got lost": {locktest.ErrLost, lock.StateConfirmed},
		"that was not taken":    {locktest.SendError{Untaken: true}, lock.StateReleased},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				s.Script("mac-1", c.first, nil)
				a := reset(t, f)
				after(time.Minute)
				for range 2 { // a notification may be repeated
					require.NoError(t, f.Service.Report(t.Context(), byName(f.Get(a.ID).Ref, lock.Acknowledged)))
				}
				cleared := clearPasscode(t, f)
				synctest.Wait()
				require.NoError(t, f.Service.Report(t.Context(), byName(f.Get(cleared.ID).Ref, lock.Acknowledged)))
				assert.Equal(t, c.want, f.Get(a.ID).State)
			})
		})
	}
}

// speaking is a provider whose answers depend on what it is given.
type speaking func(o lock.Order) (string, error)

func (s speaking) Send(_ context.Context, o lock.Order, _ []byte) (string, error) { return s(o) }

// TestProvidersSayNoSecrets: what is kept in clear repeats neither PIN nor token, whoever says it.
func TestProvidersSayNoSecrets(t *testing.T) {
	for name, say := range map[string]func(code string) (string, error){
		"as a reason": func(code string) (string, error) {
			return "", locktest.SendError{Refused: map[string]string{"detail": "bad: " + code, code: "x", "code": "E1"}}
		},
		"as a name": func(code string) (string, error) { return "operations/" + code, nil },
	} {
		t.Run(name, func(t *testing.T) {
			var code string
			f := newFixture(t, through(speaking(func(o lock.Order) (string, error) {
				code = o.PIN.Expose()
				return say(code)
			})))
			a := f.Lock(mac())
			f.Service.NewTicker().Tick(t.Context())
			require.Len(t, code, 6)
			assert.NotContains(t, ledgerText(t, f), code)
			assert.Empty(t, f.Get(a.ID).Ref)

			report := lock.Report{Scope: "acme", Device: "mac-1", Action: a.ID, Ref: "operations/" + code, Outcome: lock.Acknowledged}
			require.NoError(t, f.Service.Report(t.Context(), report))
			assert.NotContains(t, ledgerText(t, f), code)
			assert.Empty(t, f.Get(a.ID).Ref)
		})
	}
}

// TestTokensThatDevicesSayAreWithheld: its own, and the one that the command used, in any of its forms.
func TestTokensThatDevicesSayAreWithheld(t *testing.T) {
	f := newFixture(t)
	token, d, secret := provisioned(t, f)
	for !strings.ContainsAny(base64.StdEncoding.EncodeToString(secret), "+/") { // its two forms are the same
		token, d, secret = provisioned(t, f)
	}
	used, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: d})
	require.NoError(t, err)
	take(t, f, d)
	for _, a := range []lock.Action{token, used} {
		said := map[string]string{
			"raw": string(secret), "base64": base64.StdEncoding.EncodeToString(secret), "url": "t=" + base64.RawURLEncoding.EncodeToString(secret),
			"harmless": "kept",
		}
		require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, said)))
	}
	want := map[string]string{"raw": "[withheld]", "base64": "[withheld]", "url": "[withheld]", "harmless": "kept"}
	assert.Equal(t, want, f.Get(used.ID).Facts)

	again, err := f.Service.ProvisionToken(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	made := f.Deliver(mac()).Secret
	require.NoError(t, f.Service.Report(t.Context(), answerOf(again, lock.Refused, map[string]string{"detail": string(made)})))
	assert.Equal(t, "[withheld]", f.Get(again.ID).Facts["detail"])
}
