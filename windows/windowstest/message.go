package windowstest

import (
	"slices"
	"strconv"
)

// unit is what must stay in one message: a command, or the statuses of one with its results. CmdIDs are given when it leaves.
type unit []element

// pack is what the device has to say in one package.
type pack struct {
	units   []unit
	opening bool
}

// parts are the messages that a package is sent in: one, unless a fault has it split.
func (s *session) parts(p pack) []pack {
	late := s.late(p)
	switch {
	case late && s.d.strikes(holdResults, 0):
		p.units = s.hold(p.units)
	case s.split && len(p.units) > 1:
		var out []pack
		for _, u := range p.units {
			out = append(out, pack{units: []unit{u}, opening: p.opening})
		}
		return out
	case late && s.d.strikes(lateResults, 0):
		said, results := divide(p.units)
		return []pack{{units: said}, {units: results}}
	}
	return []pack{p}
}

// late says whether a package has results that can come late.
func (s *session) late(p pack) bool {
	_, results := divide(p.units)
	return len(results) > 0 && !p.opening
}

// divide separates results from the rest.
func divide(units []unit) (said, results []unit) {
	for _, u := range units {
		var a, b unit
		for _, e := range u {
			if e.name == "Results" {
				b = append(b, e)
			} else {
				a = append(a, e)
			}
		}
		if len(a) > 0 {
			said = append(said, a)
		}
		if len(b) > 0 {
			results = append(results, b)
		}
	}
	return said, results
}

func (s *session) hold(units []unit) []unit {
	said, late := divide(units)
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.held = append(s.d.held, late...)
	return said
}

// compose writes the session's next message, and says what the server owes for it.
func (s *session) compose(p pack, final bool) ([]byte, sent) {
	s.msg++
	m := sent{id: s.msg, final: final}
	cred, ok := s.credentials(s.msg)
	m.cred = ok
	if s.d.strikes(abort, s.msg) {
		p.units = append(slices.Clone(p.units), unit{alert("1223")})
		m.abort, m.final = true, true
	}
	body := element{name: "SyncBody"}
	id := 1
	if s.last == 0 {
		id = 2 // as Windows does in its first message
	}
	for _, e := range s.said(p) {
		number := strconv.Itoa(id)
		id++
		e.kids = append([]element{txt("CmdID", number)}, e.kids...)
		body.kids = append(body.kids, e)
		switch e.name {
		case "Alert", "Replace":
			m.refs = append(m.refs, ref{number, e.name})
		case "Results":
			m.results = append(m.results, number)
		}
	}
	if m.final {
		body.kids = append(body.kids, el("Final"))
	}
	return render(el("SyncML", s.header(cred, ok), body), s.d.cfg.SyncVersion3), m
}

// said is everything that the message says: first what it owes for the server's last one.
func (s *session) said(p pack) []element {
	var out []element
	if s.last > 0 {
		out = append(out, status(s.last, "0", "SyncHdr", 200))
	}
	if s.next != "" {
		out = append(out, status(s.last, s.next, "Alert", 200))
	}
	for _, u := range p.units {
		out = append(out, u...)
	}
	return out
}

func (s *session) header(cred element, authenticates bool) element {
	source := el("Source", txt("LocURI", s.d.cfg.ID))
	if s.user != "" && !s.accepted {
		source = source.with(txt("LocName", s.user))
	}
	h := el("SyncHdr",
		txt("VerDTD", "1.2"), txt("VerProto", "DM/1.2"), txt("SessionID", s.id), txt("MsgID", strconv.Itoa(s.msg)),
		el("Target", txt("LocURI", s.target)), source,
	)
	if authenticates {
		h = h.with(cred)
	}
	if s.msg == 1 && s.d.cfg.MaxMsgSize > 0 {
		h = h.with(el("Meta", met("MaxMsgSize", strconv.Itoa(s.d.cfg.MaxMsgSize))))
	}
	return h
}

func status(msgRef int, cmdRef, verb string, code int) element {
	return el("Status",
		txt("MsgRef", strconv.Itoa(msgRef)), txt("CmdRef", cmdRef), txt("Cmd", verb), txt("Data", strconv.Itoa(code)),
	)
}

func alert(code string, items ...element) element {
	return el("Alert", txt("Data", code)).with(items...)
}

// opening is the package that begins a session.
func (s *session) opening() pack {
	d := s.d
	d.mu.Lock()
	defer d.mu.Unlock()
	login := "none"
	if d.signedIn != "" {
		login = "user"
	}
	units := []unit{
		{alert("1201")},
		{alert("1224", el("Item", el("Meta", met("Type", "com.microsoft/MDM/LoginStatus")), txt("Data", login)))},
	}
	if d.leaving {
		units = append(units, unit{alert("1226", el("Item",
			el("Meta", met("Format", "int"), met("Type", "com.microsoft:mdm.unenrollment.userrequest")), txt("Data", "1")))})
	}
	info := el("Replace")
	for _, n := range d.tree.below("./DevInfo") {
		info = info.with(el("Item", el("Source", txt("LocURI", n.uri)), txt("Data", n.value)))
	}
	units = append(units, unit{info})
	units = append(units, d.held...)
	d.held = nil
	return pack{units: units, opening: true}
}
