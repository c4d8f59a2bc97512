package windows

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Probe asks a device what it is and what it has: its build, its serial number (from build 17763 on) and its name (DevDetail CSP), its maker and
// model (DevInfo CSP), its edition (WindowsLicensing CSP), the children of RemoteLock, and the roots of the LAPS and BitLocker CSPs. Nothing is
// changed. ReadProbe reads the answer.
func Probe() []syncml.Command {
	var commands []syncml.Command
	for _, uri := range []string{
		uriSwV, uriEdition, uriRemoteLock, uriDeny, uriLAPS, uriBitLocker, uriSerial, uriName, uriMaker, uriModel,
	} {
		commands = append(commands, syncml.Get(uri))
	}
	return commands
}

// ReadProbe gives the facts of the device, by FactName, that are in the answer to Probe; of what it leaves open there are none. It may be
// called with every answer, as messages bring more of it.
func ReadProbe(a omadm.Answer) map[string]string {
	facts := map[string]string{}
	set := func(name FactName, value string) { facts[string(name)] = value }
	if build := text(a, uriSwV); plain(build) {
		set(FactBuild, build)
	}
	if edition, err := strconv.ParseUint(text(a, uriEdition), 10, 31); err == nil {
		set(FactEdition, strconv.FormatUint(edition, 10))
		if class := classOf(int(edition)); class != "" {
			set(FactClass, string(class))
		}
	}
	for name, value := range map[FactName]string{
		FactSerial: serial(text(a, uriSerial)), FactComputerName: text(a, uriName), FactModel: model(text(a, uriMaker), text(a, uriModel)),
	} {
		if value != "" && utf8.ValidString(value) {
			set(name, value)
		}
	}
	for uri, name := range map[string]FactName{uriLAPS: FactLAPS, uriBitLocker: FactBitLocker} {
		if there := present(a, uri); there != "" {
			set(name, there)
		}
	}
	switch r := reply(a, syncml.VerbGet, uriDeny); {
	case r.Code.Class() == omadm.ClassOK, r.Code == omadm.CodeNotFound: // it can be read, or is not set: only changing it would tell more
		set(FactSignInPolicy, unknown)
	case len(learnPolicy(uriDeny, r.Code)) > 0:
		set(FactSignInPolicy, no)
	}
	readRemoteLock(a, set)
	return facts
}

// readRemoteLock goes by the names of the children: a device may have a part of them.
func readRemoteLock(a omadm.Answer, set func(FactName, string)) {
	if present(a, uriRemoteLock) == no {
		set(FactRemoteLock, no)
		return
	}
	listed := strings.Split(text(a, uriRemoteLock), "/")
	has := func(nodes ...string) string {
		for _, node := range nodes {
			if !slices.Contains(listed, node) {
				return no
			}
		}
		return yes
	}
	if !slices.ContainsFunc([]string{nodeLock, nodeReset, nodeRecover, nodeNewPIN}, func(node string) bool { return has(node) == yes }) {
		return // what it lists is not understood
	}
	set(FactRemoteLock, has(nodeLock))
	set(FactReset, has(nodeReset, nodeNewPIN))
	set(FactRecover, has(nodeRecover, nodeNewPIN))
}

// present reads the status of a Get on a root: empty when it leaves open whether it is there.
func present(a omadm.Answer, uri string) string {
	switch reply(a, syncml.VerbGet, uri).Code.Class() {
	case omadm.ClassOK:
		return yes
	case omadm.ClassUnsupported:
		return no
	}
	return ""
}

// text is the value of a node in this message, at most 256 bytes of it.
func text(a omadm.Answer, uri string) string {
	g, _ := readOne(a, uri)
	return strings.TrimSpace(g.value.text[:min(len(g.value.text), 256)])
}

// serial is a serial number, printable ASCII without blanks, and nothing of what makers leave in its place: a text without digits, their usual
// words, one digit again and again, or counting. By a serial number that many devices had, each would have the others' history.
func serial(s string) string {
	if len(s) < 4 || len(s) > 64 || !strings.ContainsAny(s, "0123456789") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	parts := strings.FieldsFunc(strings.ToUpper(s), func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
	whole := strings.Join(parts, "")
	for _, word := range []string{
		"SERIAL", "NUMBER", "NONE", "DEFAULT", "FILLED", "OEM", "APPLICABLE", "AVAILABLE", "SPECIFIED", "UNKNOWN", "INVALID", "EMPTY", "XXX",
	} {
		if strings.Contains(whole, word) {
			return ""
		}
	}
	if placeholder(whole) || !slices.ContainsFunc(parts, func(part string) bool { return len(part) < 4 || !placeholder(part) }) {
		return ""
	}
	return s
}

// placeholder reports whether letters and digits are one again and again, or counting.
func placeholder(s string) bool {
	if strings.Trim(s, s[:1]) == "" {
		return true
	}
	for _, counting := range []string{"0123456789", "0123456789ABCDEF", "1234567890ABCDEF"} {
		if strings.Contains(strings.Repeat(counting, len(s)/len(counting)+2), s) {
			return true
		}
	}
	return false
}

// model is the model of a device with its maker, who is often in it already.
func model(maker, model string) string {
	if model == "" || strings.HasPrefix(model, maker) {
		return model
	}
	return maker + " " + model
}

// plain reports whether a build is what one looks like.
func plain(build string) bool {
	return build != "" && len(build) <= 64 && strings.Trim(build, "0123456789.") == ""
}
