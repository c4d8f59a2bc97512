package windowstest

import (
	"fmt"
	"slices"
	"strings"
)

// children are the elements that one may have, in the order of the DTD; an asterisk marks those that may come several times.
// Windows refuses a document in another order.
var children = map[string][]string{
	"SyncML":   {"SyncHdr", "SyncBody"},
	"SyncHdr":  {"VerDTD", "VerProto", "SessionID", "MsgID", "Target", "Source", "RespURI", "NoResp", "Cred", "Meta"},
	"Target":   {"LocURI", "LocName"},
	"Source":   {"LocURI", "LocName"},
	"Cred":     {"Meta", "Data"},
	"Chal":     {"Meta"},
	"Meta":     {"FieldLevel", "Format", "Type", "Mark", "Size", "NextNonce", "MaxMsgSize", "MaxObjSize"},
	"Item":     {"Target", "Source", "Meta", "Data", "MoreData"},
	"Status":   {"CmdID", "MsgRef", "CmdRef", "Cmd", "TargetRef*", "SourceRef*", "Cred", "Chal", "Data", "Item*"},
	"Results":  {"CmdID", "MsgRef", "CmdRef", "Meta", "TargetRef", "SourceRef", "Item*"},
	"Alert":    {"CmdID", "Correlator", "Data", "Item*"},
	"Exec":     {"CmdID", "Meta", "Correlator", "Item"},
	"Get":      {"CmdID", "Meta", "Item*"},
	"Add":      {"CmdID", "Meta", "Item*"},
	"Replace":  {"CmdID", "Meta", "Item*"},
	"Delete":   {"CmdID", "Meta", "Item*"},
	"Copy":     {"CmdID", "Meta", "Item*"},
	"Atomic":   {"CmdID", "Meta"}, // and commands
	"Sequence": {"CmdID", "Meta"}, // and commands
	"SyncBody": {},                // commands, and Final
}

var commands = []string{"Alert", "Add", "Atomic", "Copy", "Delete", "Exec", "Get", "Replace", "Results", "Sequence", "Status"}

// ordered returns which rule of the document's form the element breaks; empty: none.
func ordered(e element) string {
	if rule := space(e); rule != "" {
		return rule
	}
	want, known := children[e.name]
	if !known && len(e.kids) > 0 {
		return e.name + " must not contain elements"
	}
	at, seen := 0, map[string]bool{}
	for _, k := range e.kids {
		i := position(e.name, want, k.name)
		switch {
		case i < 0:
			return fmt.Sprintf("%s must not contain %s", e.name, k.name)
		case i < at:
			return fmt.Sprintf("%s comes too late in %s", k.name, e.name)
		case i < len(want) && seen[k.name] && !strings.HasSuffix(want[i], "*"):
			return fmt.Sprintf("%s comes twice in %s", k.name, e.name)
		}
		at, seen[k.name] = i, true
		if rule := ordered(k); rule != "" {
			return rule
		}
	}
	return ""
}

// position is where a child belongs; commands follow what a container names.
func position(parent string, want []string, name string) int {
	i := slices.IndexFunc(want, func(w string) bool { return strings.TrimSuffix(w, "*") == name })
	if i >= 0 {
		return i
	}
	switch parent {
	case "Atomic", "Sequence":
		if slices.Contains(commands, name) && name != "Status" && name != "Results" {
			return len(want)
		}
	case "SyncBody":
		if slices.Contains(commands, name) {
			return 0
		}
		if name == "Final" {
			return 1
		}
	}
	return -1
}

func space(e element) string {
	want := nsSyncML
	if slices.Contains(children["Meta"], e.name) {
		want = nsMetInf
	}
	if e.space != want {
		return fmt.Sprintf("%s must be in the namespace %s", e.name, want)
	}
	return ""
}
