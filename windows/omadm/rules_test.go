package omadm

import (
	"fmt"
	"strconv"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// obeys lists what is wrong with an answer that is no repetition, by the rules that hold for every one.
func obeys(in *syncml.Message, e *Exchange, body []byte) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	out, err := syncml.Decode(body)
	if err != nil {
		return []string{"the answer cannot be decoded: " + err.Error()}
	}
	if out.Header.SessionID != in.Header.SessionID || out.Header.MsgID != in.Header.MsgID {
		fault("the answer is of session %q, message %q", out.Header.SessionID, out.Header.MsgID)
	}
	if out.Header.Target.URI != in.Header.Source.URI || out.Header.Source.URI != in.Header.Target.URI {
		fault("the answer is for somebody else")
	}
	ids, seen := map[string]bool{}, 0
	for c := range walk(out.Commands) {
		seen++
		if ids[c.ID] || c.ID != strconv.Itoa(seen) {
			fault("command %d has CmdID %q", seen, c.ID)
		}
		ids[c.ID] = true
	}
	faults = append(faults, statusFaults(in, out)...)
	return append(faults, endFaults(e, out, len(body))...)
}

// statusFaults: that of the header first, then one for every command of the device, in order.
func statusFaults(in, out *syncml.Message) (faults []string) {
	due := []syncml.Command{{ID: "0", Verb: "SyncHdr"}}
	for c := range walk(in.Commands) {
		if c.Verb != syncml.VerbStatus && c.Verb != syncml.VerbResults {
			due = append(due, *c)
		}
	}
	for i, c := range due {
		if i >= len(out.Commands) {
			return append(faults, "statuses are missing")
		}
		got := out.Commands[i]
		if got.Verb != syncml.VerbStatus || got.MsgRef != in.Header.MsgID || got.CmdRef != c.ID || got.Cmd != string(c.Verb) {
			faults = append(faults, fmt.Sprintf("command %d of the answer is %s of %s %s.%s, not the status of %s", i, got.Verb, got.Cmd, got.MsgRef, got.CmdRef, c.ID))
		}
	}
	for _, c := range out.Commands[len(due):] {
		if c.Verb == syncml.VerbStatus || c.Verb == syncml.VerbResults {
			faults = append(faults, "a status too many")
		}
	}
	return faults
}

// endFaults: Final but for 1222, commands for nobody who may not have them, and never more than the device takes.
func endFaults(e *Exchange, out *syncml.Message, size int) (faults []string) {
	commands, next, abort := 0, 0, 0
	for _, c := range out.Commands {
		switch {
		case c.Verb == syncml.VerbAlert && c.Data == "1222":
			next++
		case c.Verb == syncml.VerbAlert && c.Data == "1223":
			abort++
		case c.Verb != syncml.VerbStatus:
			commands++
		}
	}
	refused := out.Commands[0].Data != "200" && out.Commands[0].Data != "212"
	for fault, is := range map[string]bool{
		"Final and 1222 do not agree":           out.Final == (next > 0),
		"two endings":                           next+abort > 1,
		"commands in an answer that may not":    commands > 0 && (next+abort > 0 || !e.Trusted || e.Aborted),
		"commands for somebody without proof":   commands > 0 && refused,
		"trust and the header's code disagree":  e.Trusted == refused,
		"larger than the device takes":          commands > 0 && size > e.Limit,
		"it may be sent to after Close":         e.May,
		"an abort does not end the session":     abort > 0 && !e.Ended,
		"the session goes on without a command": next+commands == 0 && e.Trusted && !e.Ended,
	} {
		if is {
			faults = append(faults, fault)
		}
	}
	return faults
}
