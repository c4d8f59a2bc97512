package postgres

import "github.com/latchkey-mdm/latchkey/lock"

// notices are the events of no action.
func (r *record) notices() []lock.Event { return r.Events[min(len(r.Actions), len(r.Events)):] }

// simple reports whether one row of one statement writes the whole change, so that it can be written together with others and is there wholly
// or not at all.
func (r *record) simple() bool { return len(r.Actions)+len(r.notices()) == 1 }

// touches names what a change shares with others: those that share anything are written one after the other, since one may leave what the
// next takes.
func (r *record) touches() []string {
	names := make([]string, 0, 4)
	for _, a := range r.Actions {
		names = append(names, "action "+string(a.ID), "device "+a.Device.Scope+"\x00"+a.Device.ID)
	}
	if r.Key != "" {
		names = append(names, "key "+r.Actions[0].Device.Scope+"\x00"+r.Key)
	}
	for _, e := range r.notices() {
		names = append(names, "notice "+string(e.Hash))
	}
	return names
}

// waves splits records so that those in one wave do not touch each other. What touches comes in the order of the records.
func waves(records []record) [][]*record {
	var split [][]*record
	last := map[string]int{} // by name: one above the wave that touched it last
	for i := range records {
		r := &records[i]
		names, wave := r.touches(), 0
		for _, name := range names {
			wave = max(wave, last[name])
		}
		for _, name := range names {
			last[name] = wave + 1
		}
		if wave == len(split) {
			split = append(split, nil)
		}
		split[wave] = append(split[wave], r)
	}
	return split
}
