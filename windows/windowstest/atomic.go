package windowstest

import "slices"

// atomic executes its commands, or none of them: after one that fails, those before it are undone (216), and those after it are not
// executed (215).
func (x *executor) atomic(cmd element) []unit {
	kids := inside(cmd)
	codes := make([]int, len(kids))
	before := slices.Clone(x.d.tree.nodes)
	added := map[string]bool{}
	failed := -1
	x.within = true
	defer func() { x.within = false }()
	for i, k := range kids {
		if failed >= 0 {
			codes[i] = 215
			continue
		}
		if codes[i] = x.part(k, added); codes[i] != 200 {
			failed = i
		}
	}
	code := 200
	if failed >= 0 {
		var undone int
		code, undone = x.rollBack(before)
		for i := range failed {
			codes[i] = undone
		}
	}
	out := []unit{x.say(cmd, code)}
	for i, k := range kids {
		out = append(out, x.say(k, codes[i]))
	}
	return out
}

// rollBack returns the status of the Atomic and that of the commands that had been executed.
func (x *executor) rollBack(before []node) (code, undone int) {
	if f, ok := x.d.take(func(f Fault) bool { return f.kind == failRollback }); ok {
		return f.code, 516
	}
	x.d.tree.nodes = before
	return 507, 216
}

// part executes one command of an Atomic. What Windows does not take there is answered 500, as is a Replace of what the same Atomic added.
func (x *executor) part(cmd element, added map[string]bool) int {
	if cmd.name != "Add" && cmd.name != "Replace" && cmd.name != "Delete" {
		return 500
	}
	for _, item := range cmd.all("Item") {
		uri := canonical(item.find("Target", "LocURI"))
		f, refused := x.d.take(func(f Fault) bool { return f.kind == refuseAtomic && canonical(f.uri) == uri })
		switch {
		case refused:
			return f.code
		case added[uri] && cmd.name == "Replace":
			return 500
		}
		if code, _ := x.item(cmd, item); code != 200 {
			return code
		}
		added[uri] = added[uri] || cmd.name == "Add"
	}
	return 200
}
