package windows

import (
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// flat is commands in document order, containers before their children.
func flat(commands []syncml.Command) []syncml.Command {
	var all []syncml.Command
	for _, c := range commands {
		all = append(append(all, c), flat(c.Children)...)
	}
	return all
}

// answered is a complete answer with one code for each command in document order; a code that is missing is 0.
func answered(commands []syncml.Command, codes ...omadm.Code) omadm.Answer {
	a := omadm.Answer{Complete: true}
	for i, c := range flat(commands) {
		r := omadm.Reply{Verb: c.Verb}
		if len(c.Items) > 0 {
			r.URI = c.Items[0].Target.URI
		}
		if i < len(codes) {
			r.Code = codes[i]
		}
		a.Replies = append(a.Replies, r)
	}
	return a
}

// result is a value that a Get brought.
func result(uri, format, data string) syncml.Item {
	return syncml.Item{Source: &syncml.Location{URI: uri}, Meta: &syncml.Meta{Format: format}, Data: data, HasData: true}
}

// bring adds a result to the reply of the Get for that node.
func bring(a omadm.Answer, uri, format, data string) omadm.Answer {
	a.Replies = slices.Clone(a.Replies)
	for i, r := range a.Replies {
		if r.Verb == syncml.VerbGet && r.URI == uri {
			a.Replies[i].Items = append(slices.Clone(r.Items), result(uri, format, data))
			a.Replies[i].Given = r.Given || data != ""
		}
	}
	return a
}

// earlier is the same answer in a later message, which brings the results no more.
func earlier(a omadm.Answer) omadm.Answer {
	a.Replies = slices.Clone(a.Replies)
	for i := range a.Replies {
		a.Replies[i].Items = nil
	}
	return a
}

func incomplete(a omadm.Answer) omadm.Answer {
	a.Complete = false
	return a
}

// exchanged is what a device's message of the protocol samples answers to that of the server.
func exchanged(t *testing.T, server, client string) omadm.Answer {
	t.Helper()
	load := func(name string) []syncml.Command {
		body, err := os.ReadFile("syncml/testdata/facts/" + name)
		require.NoError(t, err)
		m, err := syncml.Decode(body)
		require.NoError(t, err)
		return m.Commands
	}
	said := load(client)
	a := omadm.Answer{Complete: true}
	for _, c := range flat(load(server)) {
		if c.Verb == syncml.VerbStatus {
			continue
		}
		r := omadm.Reply{Verb: c.Verb}
		if len(c.Items) > 0 {
			r.URI = c.Items[0].Target.URI
		}
		for _, s := range said {
			switch {
			case s.CmdRef != c.ID:
			case s.Verb == syncml.VerbStatus:
				code, err := strconv.Atoi(s.Data)
				require.NoError(t, err)
				r.Code, r.Original = omadm.Code(code), s.OriginalError
			case s.Verb == syncml.VerbResults:
				r.Items, r.Given = s.Items, true
			}
		}
		a.Replies = append(a.Replies, r)
	}
	return a
}
