package windowstest

import (
	"slices"
	"strconv"
	"strings"
)

// executor executes the commands of one message of the server.
type executor struct {
	d      *Device
	ref    int  // the server's MsgID
	within bool // an Atomic is under way
	cut    bool // the device restarts in the middle of a Sequence
}

// execute does what the server asks and returns what the device has to say of it. Commands that no Sequence or Atomic holds together may
// be executed in any order: the last comes first here. What is said of them keeps the server's order.
func (s *session) execute(a *answer) []unit {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	x := &executor{d: s.d, ref: a.id}
	said := make([][]unit, len(a.commands))
	for i := len(a.commands) - 1; i >= 0 && !x.cut; i-- {
		said[i] = x.run(a.commands[i])
	}
	if s.d.cfg.MessagePIN {
		s.d.newPIN = ""
	}
	s.restarts = x.cut
	return slices.Concat(said...)
}

func (x *executor) run(cmd element) []unit {
	switch cmd.name {
	case "Sequence":
		return x.sequence(cmd)
	case "Atomic":
		return x.atomic(cmd)
	}
	return x.single(cmd)
}

func inside(cmd element) []element {
	var out []element
	for _, k := range cmd.kids {
		if k.name != "CmdID" && k.name != "Meta" {
			out = append(out, k)
		}
	}
	return out
}

// sequence executes its commands in order; one that fails stops none of the others.
func (x *executor) sequence(cmd element) []unit {
	out := []unit{x.say(cmd, 200)}
	for i, k := range inside(cmd) {
		out = append(out, x.run(k)...)
		if i > 0 {
			continue
		}
		if _, ok := x.d.take(func(f Fault) bool { return f.kind == restartInSequence }); ok {
			x.cut = true
			return nil
		}
	}
	return out
}

// result is what became of one item of a command.
type result struct {
	uri  string
	code int
	data element // the item of the Results, for a Get that succeeded
}

// single executes one command with its items. Where their codes differ, each has a status of its own.
func (x *executor) single(cmd element) []unit {
	if cmd.name == "Alert" {
		return []unit{x.say(cmd, 406)}
	}
	var results []result
	for _, item := range cmd.all("Item") {
		uri := item.find("Target", "LocURI")
		code, data := x.item(cmd, item)
		results = append(results, result{uri, code, data})
	}
	u := x.statuses(cmd, results)
	found := x.results(cmd, results)
	if len(found.kids) > 0 {
		u = append(u, found)
	}
	return []unit{u}
}

func (x *executor) statuses(cmd element, results []result) unit {
	one := !slices.ContainsFunc(results, func(r result) bool { return r.code != results[0].code })
	if one {
		return x.say(cmd, results[0].code)
	}
	var u unit
	for _, r := range results {
		st := x.say(cmd, r.code)[0]
		at := len(st.kids) - 1 // TargetRef comes before Data
		st.kids = slices.Insert(st.kids, at, txt("TargetRef", r.uri))
		u = append(u, st)
	}
	return u
}

func (x *executor) results(cmd element, results []result) element {
	out := el("Results")
	for _, r := range results {
		if r.code == 200 && r.data.name != "" {
			out = out.with(r.data)
		}
	}
	if len(out.kids) > 0 {
		out.kids = append([]element{txt("MsgRef", strconv.Itoa(x.ref)), txt("CmdRef", cmd.find("CmdID"))}, out.kids...)
	}
	return out
}

// say is the status of a command.
func (x *executor) say(cmd element, code int) unit {
	st := status(x.ref, cmd.find("CmdID"), cmd.name, code)
	if code == 404 && x.d.cfg.SyncVersion3 {
		st.kids[len(st.kids)-1].orig = "0x86000002"
	}
	return unit{st}
}

// item executes a command for one of its items.
func (x *executor) item(cmd, item element) (int, element) {
	uri := canonical(item.find("Target", "LocURI"))
	if code := x.refuses(item.find("Target", "LocURI")); code != 0 {
		return code, element{}
	}
	if code := x.d.cfg.barred(uri); code != 0 {
		return code, element{}
	}
	if _, chunk := item.kid("MoreData"); chunk {
		return 406, element{}
	}
	switch cmd.name {
	case "Get":
		return x.get(uri, item)
	case "Exec":
		return x.exec(uri, item), element{}
	case "Replace", "Add":
		return x.write(cmd, item, uri), element{}
	case "Delete":
		return x.remove(uri), element{}
	}
	return 406, element{}
}

// refuses is the code of a Refuse for this node; 0: there is none.
func (x *executor) refuses(uri string) int {
	f, _ := x.d.take(func(f Fault) bool { return f.kind == refuse && canonical(f.uri) == canonical(uri) })
	return f.code
}

func (x *executor) get(uri string, item element) (int, element) {
	n := x.d.tree.leaf(uri)
	if n == nil {
		names, ok := x.d.tree.interior(uri)
		if !ok {
			return 404, element{}
		}
		return 200, found(item, names, "node", false)
	}
	if n.access&canGet == 0 {
		return 405, element{}
	}
	value, format := n.value, n.format
	if n.read != nil {
		value, format = n.read(x.d)
	}
	return 200, found(item, value, format, n.typed && format != "null")
}

// found is the item of a Results. It names the node as the server did.
func found(item element, value, format string, typed bool) element {
	out := el("Item", el("Source", txt("LocURI", item.find("Target", "LocURI"))))
	if format != "" {
		meta := el("Meta", met("Format", format))
		if typed {
			meta = meta.with(met("Type", "text/plain"))
		}
		out = out.with(meta)
	}
	return out.with(txt("Data", value))
}

func (x *executor) exec(uri string, item element) int {
	n := x.d.tree.leaf(uri)
	switch {
	case n == nil:
		return x.missing(uri)
	case n.access&canExec == 0:
		return 405
	}
	return n.exec(x.d, item.find("Data"))
}

// missing is the status of something that no leaf can do: an interior node does not let it, and another is not there.
func (x *executor) missing(uri string) int {
	if _, ok := x.d.tree.interior(uri); ok {
		return 405
	}
	return 404
}

// write is Replace and Add.
func (x *executor) write(cmd, item element, uri string) int {
	n := x.d.tree.leaf(uri)
	format := item.find("Meta", "Format")
	if format == "" {
		format = cmd.find("Meta", "Format")
	}
	switch {
	case n == nil && !x.d.cfg.dynamic(uri):
		return x.missing(uri)
	case n == nil:
		if format == "" {
			format = "chr"
		}
		x.d.tree.add(node{uri: uri, value: item.find("Data"), format: format, typed: true, access: setting})
		return 200
	case cmd.name == "Add" && n.access&canAdd != 0:
		return 418
	case n.access&canReplace == 0 || cmd.name == "Add" || n.atomic && !x.within:
		return 405
	case n.format == "int" && !integer(item.find("Data")) || format != "" && n.format != "" && n.format != format:
		return 415
	}
	n.value = item.find("Data")
	return 200
}

func integer(s string) bool {
	_, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return err == nil
}

func (x *executor) remove(uri string) int {
	n := x.d.tree.leaf(uri)
	switch {
	case n == nil:
		return x.missing(uri)
	case n.access&canDelete == 0 || n.atomic && !x.within:
		return 405
	}
	if n.standard {
		n.value = newTree(x.d.cfg).value(uri)
	} else {
		x.d.tree.remove(uri)
	}
	return 200
}
