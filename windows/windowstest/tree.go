package windowstest

import (
	"net/url"
	"slices"
	"strings"
)

// access is what a server may do with a node.
type access int

const (
	canGet access = 1 << iota
	canReplace
	canAdd
	canDelete
	canExec

	readOnly = canGet
	setting  = canGet | canReplace | canAdd | canDelete
	action   = canGet | canExec
)

// node is one leaf of the management tree.
type node struct {
	uri      string
	value    string
	format   string // of its results; empty: none is named
	typed    bool   // its results name the type too
	access   access
	atomic   bool                                   // may be written within an Atomic only
	standard bool                                   // there from the start: to delete it restores its value
	read     func(d *Device) (value, format string) // nil: value and format above
	exec     func(d *Device, data string) int       // returns the status
}

// tree keeps the nodes in the order in which an interior node names them. Interior nodes follow from the leaves below them.
type tree struct{ nodes []node }

// add makes a node, or puts another in its place.
func (t *tree) add(nodes ...node) {
	for _, n := range nodes {
		if i := t.index(n.uri); i >= 0 {
			t.nodes[i] = n
		} else {
			t.nodes = append(t.nodes, n)
		}
	}
}

func (t *tree) index(uri string) int {
	return slices.IndexFunc(t.nodes, func(n node) bool { return n.uri == uri })
}

func (t *tree) leaf(uri string) *node {
	if i := t.index(uri); i >= 0 {
		return &t.nodes[i]
	}
	return nil
}

func (t *tree) value(uri string) string {
	if n := t.leaf(uri); n != nil {
		return n.value
	}
	return ""
}

func (t *tree) remove(uri string) {
	t.nodes = slices.DeleteFunc(t.nodes, func(n node) bool { return n.uri == uri })
}

// below are the leaves under an interior node.
func (t *tree) below(uri string) []node {
	var out []node
	for _, n := range t.nodes {
		if strings.HasPrefix(n.uri, uri+"/") {
			out = append(out, n)
		}
	}
	return out
}

// interior is what a Get of an interior node returns: the names of its children.
func (t *tree) interior(uri string) (string, bool) {
	var names []string
	for _, n := range t.below(uri) {
		name, _, _ := strings.Cut(n.uri[len(uri)+1:], "/")
		if name = url.PathEscape(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "/"), len(names) > 0
}

func (t *tree) written() map[string]string {
	out := map[string]string{}
	for _, n := range t.nodes {
		if n.access&canReplace != 0 {
			out[n.uri] = n.value
		}
	}
	return out
}

// canonical is the address under which the tree knows a node: without ./Device, the scope is the device's all the same.
func canonical(uri string) string {
	if rest, ok := strings.CutPrefix(uri, "./Vendor/"); ok {
		return "./Device/Vendor/" + rest
	}
	return uri
}
