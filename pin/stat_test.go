package pin_test

import (
	"crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

var pins = flag.Int("pins", 200_000, "how many PINs the statistical tests draw")

// alarm is the p-value below which a statistic fails. There are 13 of them, so that a good sampler fails one of 7 billion runs.
const alarm = 1e-11

// statistic sorts codes of six digits into cells.
type statistic struct {
	name  string
	cells int
	cell  func(code [6]int) int
}

func statistics() []statistic {
	var all []statistic
	for i := range 6 {
		all = append(all, statistic{fmt.Sprint("digit ", i+1), 10, func(c [6]int) int { return c[i] }})
	}
	for i := range 5 {
		all = append(all, statistic{fmt.Sprint("pair ", i+1), 100, func(c [6]int) int { return 10*c[i] + c[i+1] }})
	}
	return append(all, statistic{"equal neighbours", 6, func(c [6]int) int {
		equal := 0
		for i := range 5 {
			if c[i] == c[i+1] {
				equal++
			}
		}
		return equal
	}})
}

func split(code int) (digits [6]int) {
	for i := range digits {
		digits[5-i] = code % 10
		code /= 10
	}
	return digits
}

// tally counts codes for all statistics, and the runs: how often the codes change from the lower half to the upper one and back.
type tally struct {
	counts       [][]int
	n, high      int
	changes      int
	previousHigh bool
}

func newTally(all []statistic) *tally {
	counts := make([][]int, len(all))
	for i, s := range all {
		counts[i] = make([]int, s.cells)
	}
	return &tally{counts: counts}
}

func (y *tally) add(all []statistic, code int) {
	digits := split(code)
	for i, s := range all {
		y.counts[i][s.cell(digits)]++
	}
	high := code >= 500_000
	if y.n > 0 && high != y.previousHigh {
		y.changes++
	}
	if high {
		y.high++
	}
	y.n, y.previousHigh = y.n+1, high
}

// values compares with the exact distribution of the codes that are accepted, and returns the p-value of each statistic.
func (y *tally) values(all []statistic, exact *tally) map[string]float64 {
	values := make(map[string]float64)
	for i, s := range all {
		values[s.name] = chiSquared(y.counts[i], exact.counts[i])
	}
	// Wald and Wolfowitz: of n-1 neighbours, each is a change with probability 2pq; neighbouring changes depend on each other a little.
	p := float64(exact.high) / float64(exact.n)
	pq, n := p*(1-p), float64(y.n-1)
	deviation := math.Sqrt(2 * n * pq * (1 - 2*pq + (1 - 4*pq)))
	values["runs"] = math.Erfc(math.Abs(float64(y.changes)-2*n*pq) / deviation / math.Sqrt2)
	return values
}

// chiSquared returns the p-value of what was seen, where the weights are proportional to what is expected.
func chiSquared(seen, weights []int) float64 {
	n, whole := 0, 0
	for i := range seen {
		n, whole = n+seen[i], whole+weights[i]
	}
	sum, freedom := 0.0, -1
	for i, weight := range weights {
		if weight == 0 {
			if seen[i] > 0 {
				return 0 // what cannot be was seen
			}
			continue
		}
		expected := float64(n) * float64(weight) / float64(whole)
		sum += (float64(seen[i]) - expected) * (float64(seen[i]) - expected) / expected
		freedom++
	}
	return upperGamma(float64(freedom)/2, sum/2)
}

// upperGamma is the regularized incomplete gamma function Q(a, x): the probability that a chi-squared variable with 2a degrees of
// freedom exceeds 2x. By its series for small x, by its continued fraction (Lentz) for others.
func upperGamma(a, x float64) float64 {
	lgamma, _ := math.Lgamma(a)
	scale := math.Exp(a*math.Log(x) - x - lgamma)
	if x < a+1 {
		sum, term := 1/a, 1/a
		for n := a + 1; term > sum*1e-16; n++ {
			term *= x / n
			sum += term
		}
		return 1 - scale*sum
	}
	b := x + 1 - a
	c, d := math.Inf(1), 1/b
	fraction := d
	for i, change := 1., 0.; math.Abs(change-1) > 1e-15; i++ {
		k := i * (a - i)
		b += 2
		d, c = 1/(k*d+b), b+k/c
		change = c * d
		fraction *= change
	}
	return scale * fraction
}

// The critical values are those of printed tables; with two degrees of freedom the probability is exp(-x/2).
func TestUpperGamma(t *testing.T) {
	cases := []struct {
		freedom, x, want float64
	}{
		{1, 3.841459, 0.05}, {1, 10.82757, 0.001}, {5, 11.070498, 0.05}, {9, 16.918978, 0.05}, {9, 21.665994, 0.01}, {9, 4.168159, 0.90},
		{99, 123.225221, 0.05}, {99, 134.641617, 0.01}, {99, 77.046332, 0.95},
		{2, 0.1, math.Exp(-0.05)}, {2, 5, math.Exp(-2.5)}, {2, 60, math.Exp(-30)}, {4, 80, 41 * math.Exp(-40)},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%v degrees, %v", c.freedom, c.x), func(t *testing.T) {
			require.InEpsilon(t, c.want, upperGamma(c.freedom/2, c.x/2), 1e-5)
		})
	}
}

// acceptedCodes says which codes SixDigits accepts, and counts them for each statistic.
func acceptedCodes(t *testing.T, all []statistic) (good []bool, exact *tally) {
	t.Helper()
	good, exact = make([]bool, 1_000_000), newTally(all)
	for code := range good {
		if pin.SixDigits().Check(parse(t, fmt.Sprintf("%06d", code))) == nil {
			good[code] = true
			exact.add(all, code)
		}
	}
	return good, exact
}

// Generate must be told apart from no perfect sampler, and the same statistics must tell the sampler apart that takes 20 bits
// modulo a million.
func TestStatistics(t *testing.T) {
	all := statistics()
	good, exact := acceptedCodes(t, all)
	drawn := func(sample func() int) map[string]float64 {
		seen := newTally(all)
		for range *pins {
			seen.add(all, sample())
		}
		return seen.values(all, exact)
	}
	t.Run("Generate", func(t *testing.T) {
		for name, p := range drawn(func() int { return generated(t) }) {
			assert.Greater(t, p, alarm, name)
		}
	})
	t.Run("2^20 modulo 10^6", func(t *testing.T) {
		values := drawn(func() int { return biased(good) })
		for _, name := range []string{"digit 1", "digit 2", "pair 1", "pair 2"} {
			assert.Less(t, values[name], alarm, name)
		}
	})
	t.Run("one after the other", func(t *testing.T) {
		next := 0
		values := drawn(func() int {
			for code := next; ; code = (code + 7) % len(good) {
				if good[code] {
					next = (code + 7) % len(good)
					return code
				}
			}
		})
		assert.Less(t, values["runs"], alarm)
	})
	t.Run("what Check refuses", func(t *testing.T) {
		values := drawn(func() int { return 111_111 })
		assert.Zero(t, values["equal neighbours"])
	})
}

func generated(t *testing.T) int {
	t.Helper()
	p, err := pin.SixDigits().Generate()
	if err != nil {
		require.NoError(t, err)
	}
	code, err := strconv.Atoi(p.Expose())
	if err != nil {
		require.FailNow(t, "a PIN is no number")
	}
	return code
}

// biased favours the codes below 48,576, which two numbers of 20 bits lead to.
func biased(good []bool) int {
	for {
		var random [4]byte
		_, _ = rand.Read(random[:])
		if code := int(binary.BigEndian.Uint32(random[:])>>12) % 1_000_000; good[code] {
			return code
		}
	}
}
