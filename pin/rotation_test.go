package pin_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// codes are the PINs of two digits from first to last, newest first.
func codes(t *testing.T, first, last int) []pin.PIN {
	t.Helper()
	var list []pin.PIN
	for i := first; i <= last; i++ {
		list = append(list, parse(t, fmt.Sprintf("%02d", i)))
	}
	return list
}

func TestRotationCheck(t *testing.T) {
	cases := map[string]struct {
		rotation        pin.Rotation
		last, disclosed []pin.PIN
		in              string
		reason          pin.Reason
	}{
		"never used":              {pin.Rotation{}, codes(t, 10, 30), nil, "31", ""},
		"used last":               {pin.Rotation{}, codes(t, 10, 30), nil, "10", pin.ReasonHistory},
		"the tenth, by default":   {pin.Rotation{}, codes(t, 10, 30), nil, "19", pin.ReasonHistory},
		"the eleventh":            {pin.Rotation{}, codes(t, 10, 30), nil, "20", ""},
		"within a history of two": {pin.Rotation{History: 2}, codes(t, 10, 30), nil, "11", pin.ReasonHistory},
		"before it":               {pin.Rotation{History: 2}, codes(t, 10, 30), nil, "12", ""},
		"no history":              {pin.Rotation{History: -1}, codes(t, 10, 30), nil, "10", ""},
		"fewer than the history":  {pin.Rotation{}, codes(t, 10, 12), nil, "12", pin.ReasonHistory},
		"the first one":           {pin.Rotation{}, nil, nil, "12", ""},
		"disclosed long ago":      {pin.Rotation{}, codes(t, 10, 30), codes(t, 30, 30), "30", pin.ReasonDisclosed},
		"disclosed, no history":   {pin.Rotation{History: -1}, nil, codes(t, 30, 30), "30", pin.ReasonDisclosed},
		"used last and disclosed": {pin.Rotation{}, codes(t, 10, 10), codes(t, 10, 10), "10", pin.ReasonDisclosed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			requireRotation(t, c.rotation.Check(parse(t, c.in), c.last, c.disclosed), c.reason)
		})
	}
}

func requireRotation(t *testing.T, err error, reason pin.Reason) {
	t.Helper()
	if reason == "" {
		require.NoError(t, err)
		return
	}
	requireReason(t, err, reason)
}

func TestRotationKeep(t *testing.T) {
	const day = 24 * time.Hour
	cases := map[string]struct {
		rotation pin.Rotation
		policy   pin.Policy
		age      time.Duration
		reason   pin.Reason
	}{
		"young":                       {pin.Rotation{}, pin.SixDigits(), day, ""},
		"90 days, by default":         {pin.Rotation{}, pin.SixDigits(), 90 * day, ""},
		"older":                       {pin.Rotation{}, pin.SixDigits(), 90*day + 1, pin.ReasonAge},
		"an age of its own":           {pin.Rotation{MaxAge: time.Hour}, pin.SixDigits(), time.Hour, ""},
		"older than that":             {pin.Rotation{MaxAge: time.Hour}, pin.SixDigits(), time.Hour + 1, pin.ReasonAge},
		"for ever":                    {pin.Rotation{MaxAge: -1}, pin.SixDigits(), 1e6 * time.Hour, ""},
		"the policy has changed":      {pin.Rotation{}, pin.Policy{Length: 8}, day, pin.ReasonLength},
		"the policy before the age":   {pin.Rotation{}, pin.Policy{Length: 8}, 91 * day, pin.ReasonLength},
		"a serial number is avoided":  {pin.Rotation{}, pin.Policy{Avoid: []string{"X" + digits}}, day, pin.ReasonValue},
		"a history does not hold one": {pin.Rotation{History: 3}, pin.SixDigits(), day, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			requireRotation(t, c.rotation.Keep(parse(t, digits), c.policy, c.age, codes(t, 10, 20)), c.reason)
		})
	}
	t.Run("disclosed", func(t *testing.T) {
		shown := append(codes(t, 10, 20), parse(t, digits))
		requireReason(t, pin.Rotation{}.Keep(parse(t, digits), pin.SixDigits(), day, shown), pin.ReasonDisclosed)
	})
	t.Run("no PIN", func(t *testing.T) {
		requireReason(t, pin.Rotation{}.Keep(pin.PIN{}, pin.Policy{}, 0, nil), pin.ReasonLength)
	})
}

func TestRotationGenerate(t *testing.T) {
	twenty := pin.Policy{Length: 2, Alphabet: "0123456789", Avoid: []string{"+2 (021) 22"}, FewCodes: true}
	t.Run("whatever is left", func(t *testing.T) {
		seen := make(map[string]bool)
		last, shown := codes(t, 10, 40), codes(t, 50, 99)
		for range 2_000 {
			p, err := pin.Rotation{}.Generate(twenty, last, shown)
			require.NoError(t, err)
			require.NoError(t, pin.Rotation{}.Check(p, last, shown))
			require.NoError(t, twenty.Check(p))
			seen[p.Expose()] = true
		}
		// Of 00 to 09 and 20 to 49, four are avoided: 20, 02, 21 and 22.
		assert.Len(t, seen, 36)
	})
	t.Run("nothing is left", func(t *testing.T) {
		_, err := pin.Rotation{}.Generate(twenty, nil, codes(t, 0, 99))
		requireReason(t, err, pin.ReasonHistory)
	})
	t.Run("a small policy is counted once", func(t *testing.T) {
		policy := twenty
		for i := range 50 {
			policy.Avoid = append(policy.Avoid, fmt.Sprintf("device %d", i))
		}
		once := testing.AllocsPerRun(1, func() { _, _ = policy.Generate() })
		redrawn := testing.AllocsPerRun(1, func() { _, _ = pin.Rotation{}.Generate(policy, nil, codes(t, 0, 99)) })
		assert.Greater(t, once, 100.)
		assert.Less(t, redrawn, 20*once)
	})
	t.Run("the policy is at fault", func(t *testing.T) {
		_, err := pin.Rotation{}.Generate(pin.Policy{}, nil, nil)
		requireReason(t, err, pin.ReasonPolicy)
	})
}
