package windowstest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ref is a command of the device's, for which the server owes a status.
type ref struct{ id, verb string }

// sent is what the checks need to know of the message that was answered.
type sent struct {
	id      int
	refs    []ref
	results []string // CmdIDs of its Results
	cred    bool
	final   bool
	owing   bool // statuses of the package are still to come
	abort   bool
}

// answer is what a message of the server says, once it has passed the checks.
type answer struct {
	id       int // the server's MsgID
	header   int // the status of the device's header
	nonce    []byte
	commands []element
	next     string // CmdID of Alert 1222
	abort    bool
	final    bool
	respURI  string
}

func (a *answer) refused() bool { return a.header == 401 || a.header == 407 }

// checker collects the first rule that a message breaks.
type checker struct {
	s    *session
	sent sent
	rule string
	seen map[string]bool // CmdIDs
}

func (c *checker) demand(ok bool, format string, args ...any) bool {
	if !ok && c.rule == "" {
		c.rule = fmt.Sprintf(format, args...)
	}
	return c.rule == ""
}

// read decodes the answer and checks all that a device can see of it.
func (s *session) read(m sent, body []byte) (*answer, error) {
	c := &checker{s: s, sent: m, seen: map[string]bool{}}
	a := &answer{}
	root, err := parse(body)
	if err != nil {
		return nil, &Violation{Message: m.id, Rule: err.Error()}
	}
	c.demand(root.name == "SyncML", "the root element must be SyncML")
	rule := ordered(root)
	c.demand(rule == "", "%s", rule)
	c.header(a, root)
	c.body(a, root)
	c.end(a)
	if c.rule != "" {
		return nil, &Violation{Message: m.id, Rule: c.rule}
	}
	return a, nil
}

func (c *checker) header(a *answer, root element) {
	h, ok := root.kid("SyncHdr")
	c.demand(ok, "there must be a SyncHdr")
	c.demand(h.find("VerDTD") == "1.2", "VerDTD must be 1.2")
	c.demand(h.find("VerProto") == "DM/1.2", "VerProto must be DM/1.2")
	c.demand(h.find("SessionID") == c.s.id, "SessionID must be that of the device's message")
	n, err := strconv.Atoi(h.find("MsgID"))
	c.demand(err == nil && n == c.s.last+1, "MsgID must be %d: the server counts its messages from 1", c.s.last+1)
	c.demand(h.find("Target", "LocURI") == c.s.d.cfg.ID, "Target/LocURI of SyncHdr must be the device's ID")
	c.demand(h.find("Source", "LocURI") != "", "Source/LocURI of SyncHdr must be the server")
	a.id, a.respURI = n, h.find("RespURI")
	u, err := url.Parse(a.respURI)
	c.demand(a.respURI == "" || err == nil && u.IsAbs() && u.Host != "", "RespURI must be an absolute URL")
}

func (c *checker) body(a *answer, root element) {
	b, ok := root.kid("SyncBody")
	c.demand(ok, "there must be a SyncBody")
	var statuses []element
	for i, e := range b.kids {
		if e.name == "Final" {
			a.final = true
			continue
		}
		c.ids(e)
		switch {
		case e.name == "Status":
			c.demand(i > 0 || e.find("CmdRef") == "0", "the status of SyncHdr must come first")
			statuses = append(statuses, e)
		case e.name == "Results":
			c.demand(false, "a server sends no Results")
		case e.name == "Alert" && e.find("Data") == "1222":
			a.next = e.find("CmdID")
		case e.name == "Alert" && e.find("Data") == "1223":
			a.abort = true
		default:
			c.command(e)
			a.commands = append(a.commands, e)
		}
	}
	c.statuses(a, statuses)
}

// ids checks the CmdIDs of a command and its children.
func (c *checker) ids(e element) {
	id := e.find("CmdID")
	c.demand(id != "" && id != "0", "CmdID of %s must be there, and not 0", e.name)
	c.demand(!c.seen[id], "CmdID of %s must be unique in the message", e.name)
	c.seen[id] = true
	for _, k := range e.kids {
		if container(e) && k.name != "CmdID" && k.name != "Meta" {
			c.ids(k)
		}
	}
}

func container(e element) bool { return e.name == "Atomic" || e.name == "Sequence" }

func (c *checker) command(e element) {
	if container(e) {
		n := 0
		for _, k := range e.kids {
			if k.name != "CmdID" && k.name != "Meta" {
				n++
				c.command(k)
			}
		}
		c.demand(n > 0, "%s must contain a command", e.name)
		return
	}
	if e.name == "Alert" {
		return
	}
	items := e.all("Item")
	c.demand(len(items) > 0, "%s must have an Item", e.name)
	for _, item := range items {
		rule := locURI(item.find("Target", "LocURI"))
		c.demand(rule == "", "the target of %s %s", e.name, rule)
	}
}

// locURI is what is wrong with the address of a node; empty: nothing.
func locURI(uri string) string {
	switch {
	case uri == "":
		return "must be there"
	case strings.ContainsAny(uri, " \t\r\n"):
		return "must not contain white space"
	case uri != "." && !strings.HasPrefix(uri, "./"):
		return "must begin with ./"
	}
	for _, part := range strings.Split(uri, "/")[1:] {
		if part == "" || part == "." || part == ".." || part == "*" {
			return "must have no empty segment, and none that is a dot or an asterisk"
		}
	}
	return ""
}

// statuses checks that there is one of the header and one of every command, in order.
func (c *checker) statuses(a *answer, list []element) {
	if !c.demand(len(list) > 0, "there must be a status of SyncHdr") {
		return
	}
	for _, st := range list {
		c.demand(st.find("MsgRef") == strconv.Itoa(c.sent.id), "MsgRef of a status must be the device's MsgID")
		_, err := strconv.Atoi(st.find("Data"))
		c.demand(err == nil && len(st.find("Data")) == 3, "a status must have a code of three digits")
	}
	c.demand(list[0].find("CmdRef") == "0" && list[0].find("Cmd") == "SyncHdr", "the status of SyncHdr must come first")
	a.header, _ = strconv.Atoi(list[0].find("Data"))
	if e, ok := list[0].kid("Chal"); ok {
		nonce, rule := chal(e)
		c.demand(rule == "", "%s", rule)
		a.nonce = nonce
	}
	rest := list[1:]
	for _, r := range c.sent.refs {
		n := c.count(rest, r)
		c.demand(n > 0, "there must be a status of %s %s, in the order of the device's commands", r.verb, r.id)
		for _, st := range rest[:n] {
			refused := st.find("Data") == "401" || st.find("Data") == "407"
			c.demand(refused == a.refused(), "%s %s must be answered 401 or 407 where the header is, and only there", r.verb, r.id)
		}
		rest = rest[n:]
	}
	for _, st := range rest {
		c.demand(c.results(st), "a status must be of a command of the device's message, and come once")
	}
}

// count is how many statuses at the front of the list are of that command: several only where each names its item.
func (c *checker) count(list []element, r ref) int {
	n := 0
	for _, st := range list {
		_, target := st.kid("TargetRef")
		_, source := st.kid("SourceRef")
		if st.find("CmdRef") != r.id || st.find("Cmd") != r.verb || n > 0 && !target && !source {
			break
		}
		n++
	}
	return n
}

// results says whether a status is that of Results which the server could not take.
func (c *checker) results(st element) bool {
	for _, id := range c.sent.results {
		if st.find("CmdRef") == id && st.find("Cmd") == "Results" && st.find("Data") != "200" {
			return true
		}
	}
	return false
}

// end checks what the server may say at this point of the session.
func (c *checker) end(a *answer) {
	if len(a.commands) > 0 {
		c.timing(a)
	}
	c.demand(!a.refused() || a.nonce != nil || a.abort, "status %d of SyncHdr must carry a Chal", a.header)
	c.demand(a.header != 212 || c.sent.cred || c.s.accepted, "status 212 answers a digest, and there was none")
	accepted := c.sent.cred && (a.header == 200 || a.header == 212)
	c.demand(!accepted || a.nonce != nil, "the status of a digest must carry a Chal with the next nonce")
	if a.next != "" {
		c.demand(!c.sent.final, "Alert 1222 answers a message without Final")
		c.demand(!a.final, "a message with Alert 1222 must not have Final")
		return
	}
	c.demand(a.final, "a message must have Final, unless it asks for the next one")
	c.demand(!c.sent.owing || a.abort || a.refused(), "a message without Final must be answered with Alert 1222 or 1223")
}

// timing checks whether commands may come now.
func (c *checker) timing(a *answer) {
	c.demand(!a.refused(), "no command may come with a challenge")
	c.demand(c.s.user == "" || c.s.accepted || c.sent.cred, "no command may come before the device's digest was asked for")
	c.demand(!a.abort && !c.sent.abort, "no command may come with an abort")
	c.demand(!c.sent.owing, "no command may come while the device still owes statuses")
	c.demand(a.final, "a message with commands must have Final")
}
