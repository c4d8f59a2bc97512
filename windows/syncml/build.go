package syncml

// Get asks for the values of nodes: one command with an item for each URI, and so with one status for all.
func Get(uris ...string) Command {
	c := Command{Verb: VerbGet}
	for _, uri := range uris {
		c.Items = append(c.Items, Item{Target: &Location{URI: uri}})
	}
	return c
}

// Replace sets a node to a value of the given format, such as chr, int or bool.
func Replace(uri, format, data string) Command {
	return Command{Verb: VerbReplace, Items: []Item{{
		Target: &Location{URI: uri}, Meta: &Meta{Format: format, Type: "text/plain"}, Data: data, HasData: true,
	}}}
}

// Exec executes a node, without a value.
func Exec(uri string) Command {
	return Command{Verb: VerbExec, Items: []Item{{Target: &Location{URI: uri}}}}
}

// Delete removes a node.
func Delete(uri string) Command {
	return Command{Verb: VerbDelete, Items: []Item{{Target: &Location{URI: uri}}}}
}

// Sequence has commands executed in this order.
func Sequence(commands ...Command) Command { return Command{Verb: VerbSequence, Children: commands} }

// Atomic has commands executed all or not at all. Windows executes neither Get nor another Atomic in it.
func Atomic(commands ...Command) Command { return Command{Verb: VerbAtomic, Children: commands} }
