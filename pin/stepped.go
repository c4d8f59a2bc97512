package pin

const (
	stepRules  = RuleRepeat | RuleSequence | RuleStep
	maxStepped = 10 // characters of an alphabet; where it has more, stepShare is good enough
)

// stepOdds is how probable strings are that stepRules accept: by their last two characters, and how many have one constant step there.
type stepOdds [maxStepped][maxStepped][longRun]float64

// stepped returns the share of strings of longRun or more characters that the policy's stepRules refuse. It is exact, where stepShare
// counts a string with two runs twice, which is more than all for long ones of few characters.
func (p Policy) stepped() float64 {
	k := len(p.Alphabet)
	var odds stepOdds
	for i := range k {
		for j := range k {
			odds[i][j][p.run(1, i, i, j)] = 1 / float64(k*k)
		}
	}
	for range p.Length - 2 {
		odds = p.append(&odds)
	}
	sum := 0.0
	for i := range k {
		for j := range k {
			for _, share := range odds[i][j] {
				sum += share
			}
		}
	}
	return 1 - sum
}

// append adds one more character, drawn from the alphabet, and drops what is refused.
func (p Policy) append(odds *stepOdds) (longer stepOdds) {
	k := len(p.Alphabet)
	for i := range k * k * k {
		a, b, c := i/k/k, i/k%k, i%k
		way, _ := step(rune(p.Alphabet[b]), rune(p.Alphabet[c]))
		for run := 1; run < longRun; run++ {
			next := p.run(run, a, b, c)
			if next >= longRun && p.Rules&stepRule(way) != 0 {
				continue
			}
			longer[b][c][min(next, longRun-1)] += odds[a][b][run] / float64(k)
		}
	}
	return longer
}

// run is onward for characters of the alphabet, by their places.
func (p Policy) run(run, a, b, c int) int {
	last, _ := step(rune(p.Alphabet[a]), rune(p.Alphabet[b]))
	next, ok := step(rune(p.Alphabet[b]), rune(p.Alphabet[c]))
	return onward(run, last, next, ok)
}
