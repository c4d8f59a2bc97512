package windows

import (
	"encoding/json"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
)

// noted reads the note of a part: hashes by URI, or nothing.
func noted(note string) map[string]string {
	var want map[string]string
	if json.Unmarshal([]byte(note), &want) != nil {
		return nil
	}
	return want
}

// lookSaid tells which policies show what a lock-out writes, of which nobody knows whether it got through: these are to be restored. So is one
// that cannot be read, and a list that denies everybody in whatever form: an unlock that left it would be none.
func lookSaid(note string, a omadm.Answer) Said {
	q := reading{a, noted(note)}
	if len(q.mine) == 0 {
		return Said{}
	}
	s := Said{Report: lock.Report{Facts: map[string]string{}}}
	all := true
	for _, p := range policies() {
		g, r := readOne(a, p.uri)
		failed := g.failed(a, r)
		if later := notRead(p, r); failed && later.Report.Outcome == lock.NotNow {
			return later
		}
		all = all && (g.done || failed)
		switch {
		case failed, p.uri == uriDeny && g.value.deniesEverybody():
			s.Report.Facts[factOurs+p.name] = yes
		case g.here:
			s.Report.Facts[factOurs+p.name] = q.shows(p.uri)
		}
	}
	if all {
		s.Report.Facts[factStep], s.More = doneLooked, true
	}
	if len(s.Report.Facts) > 0 {
		s.Report.Outcome = lock.Progress
	}
	return s
}
