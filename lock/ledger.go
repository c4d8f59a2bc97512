package lock

// ledgerOf finds what the ledger has of a device: by its ID, and by its serial number what it was called in an earlier enrolment.
func ledgerOf(d Device) []Filter { return unasked{}.filters(d.Scope, []Device{d.snapshot()}) }

// wholeLedger reads all that the ledger has of a device: under its ID, under any ID with its serial number, and under those in turn, until
// no new name comes up. An action may be there twice. A read that sees less than all leads less far.
//
// There is no limit, because each could leave out a PIN: machines that share a placeholder as their serial number are one device here. So
// whoever decides that something is over must not do so by this alone.
func wholeLedger(d Device, read func(Filter) ([]Action, error)) (known []Action, err error) {
	asked := unasked{}
	for names := []Device{d.snapshot()}; len(names) > 0; {
		filters := asked.filters(d.Scope, names)
		names = nil
		for _, f := range filters {
			found, err := read(f)
			if err != nil {
				return nil, err
			}
			for _, a := range found {
				names = append(names, a.Device)
			}
			known = append(known, found...)
		}
	}
	return known, nil
}

// unasked remembers which names were asked for.
type unasked map[struct{ id, serial string }]bool

// filters find what has one of the devices' names, as far as they were not asked for.
func (u unasked) filters(scope string, devices []Device) (filters []Filter) {
	fresh := func(id, serial string) bool {
		name := struct{ id, serial string }{id, serial}
		asked := u[name] || id+serial == ""
		u[name] = true
		return !asked
	}
	var ids []string
	for _, d := range devices {
		if fresh(d.ID, "") {
			ids = append(ids, d.ID)
		}
		if fresh("", d.Serial) {
			filters = append(filters, Filter{Scope: scope, Serial: d.Serial})
		}
	}
	if len(ids) > 0 {
		filters = append(filters, Filter{Scope: scope, Devices: ids})
	}
	return filters
}
