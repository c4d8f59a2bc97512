package syncml

import "slices"

// check sees that a command has what its verb needs, and nothing that it has no place for.
func (e *encoder) check(c *Command, inner bool) {
	name, fields := string(c.Verb), c.fields()
	switch {
	case places[c.Verb] == nil:
		e.fail("SyncBody", "has a command that OMA DM does not know")
		return
	case inner && (c.Verb == VerbStatus || c.Verb == VerbResults):
		e.fail(name, "has no place in Atomic or Sequence")
	case len(c.ID) > maxShort:
		e.fail("CmdID", "has more than 64 bytes")
	case c.Verb == VerbExec && len(c.Items) != 1:
		e.fail(name, "needs exactly one Item")
	}
	for _, field := range fields {
		if !placed(c.Verb, field) {
			e.fail(name, "has no place for "+field)
		}
	}
	for _, field := range needs[c.Verb] {
		if !slices.Contains(fields, field) {
			e.fail(name, "needs "+field)
		}
	}
	e.targets(c)
}

// needs are the fields that a verb cannot do without.
var needs = map[Verb][]string{
	VerbAdd: {"Item"}, VerbCopy: {"Item"}, VerbDelete: {"Item"}, VerbGet: {"Item"}, VerbReplace: {"Item"},
	VerbResults: {"CmdRef", "Item"}, VerbStatus: {"MsgRef", "CmdRef", "Cmd", "Data"},
	VerbAtomic: {"commands"}, VerbSequence: {"commands"},
}

// fields are those that are set, beside the ID.
func (c *Command) fields() (set []string) {
	for _, f := range [...]struct {
		name string
		is   bool
	}{
		{"MsgRef", c.MsgRef != ""}, {"CmdRef", c.CmdRef != ""}, {"Cmd", c.Cmd != ""}, {"TargetRef", len(c.TargetRefs) > 0},
		{"SourceRef", len(c.SourceRefs) > 0}, {"Cred", c.Cred != nil}, {"Chal", c.Chal != nil}, {"Data", c.Data != "" || c.OriginalError != ""},
		{"Correlator", c.Correlator != ""}, {"Meta", c.Meta != nil}, {"Item", len(c.Items) > 0}, {"commands", len(c.Children) > 0},
	} {
		if f.is {
			set = append(set, f.name)
		}
	}
	return set
}

// targets checks the nodes that a command acts on. Those of an Alert are no nodes: a 1222 names the device and the server.
func (e *encoder) targets(c *Command) {
	if c.Verb == VerbAlert || c.Verb == VerbStatus || c.Verb == VerbResults {
		return
	}
	for _, it := range c.Items {
		if it.Target == nil {
			continue
		}
		if err := CheckLocURI(it.Target.URI); err != nil && e.err == nil {
			e.err = err
		}
	}
}
