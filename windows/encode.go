package windows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Encode implements lock.Codec. What does not fit into a message of the device is an *omadm.SizeError, before anything leaves.
func (codec) Encode(o lock.Order) ([]byte, error) {
	p, err := partOf(o)
	if err != nil {
		return nil, standstill(o, err)
	}
	if err := hasRoom(o, p.Commands); err != nil {
		return nil, err
	}
	body, err := json.Marshal(p)
	switch {
	case err != nil:
		return nil, fmt.Errorf("windows: encode %s: %w", p.Step, err)
	case len(body) > maxPart:
		return nil, &omadm.SizeError{Need: len(body), Limit: maxPart}
	}
	return body, nil
}

// partOf makes the part of an order that is to leave next.
func partOf(o lock.Order) (Part, error) {
	switch a := o.Action; {
	case a.Kind == lock.KindLock && a.Talks:
		return lockOutPart(o)
	case a.Kind == lock.KindLock:
		return Part{Step: stepLock, Commands: []syncml.Command{syncml.Exec(uriLock)}}, nil
	case a.Kind == lock.KindResetPasscode:
		return resetPart(a), nil
	case a.Kind == lock.KindUnlock:
		return unlockPart(o)
	}
	return Part{}, &lock.InputError{Field: "kind", Rule: "must be lock, reset-passcode or unlock"}
}

// resetPart is the whole command once. After that, only the question for the PIN: another Exec would make another one.
func resetPart(a lock.Action) Part {
	step := stepReset
	if a.Options[optionRecover] == "true" {
		step = stepRecover
	}
	switch {
	case a.Facts[factStep] == doneReset:
		step = stepAskDone
	case a.Deliveries-a.Deferrals > 0, slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == lock.SecretPIN }):
		step = stepAsk
	}
	return Part{Step: step, Commands: resetCommands(step)}
}

func resetCommands(step string) []syncml.Command {
	ask := syncml.Get(uriNewPIN)
	switch step {
	case stepReset:
		return []syncml.Command{syncml.Sequence(syncml.Exec(uriReset), ask)}
	case stepRecover:
		return []syncml.Command{syncml.Sequence(syncml.Exec(uriRecover), ask)}
	}
	return []syncml.Command{ask}
}

// lockOutPart reads what is to be changed, until that is durable; only then it changes it, and after that it restarts the device. What was
// read by an earlier delivery, and not changed as far as anybody knows, is read again.
func lockOutPart(o lock.Order) (Part, error) {
	values, known := before(o.Action.Facts)
	step := o.Action.Facts[factStep]
	deny := denyCommands(o.Action.Message, o.Action.PhoneNumber)
	switch {
	case !o.Resumed && !known:
		return Part{Step: stepRead, Commands: readCommands()}, nil
	case !o.Resumed && step != doneDenied:
		return compared(stepReread, deny), nil
	case o.Resumed && step == doneDenied:
		return Part{Step: stepReboot, Commands: []syncml.Command{syncml.Exec(uriReboot)}}, nil
	case !known:
		return Part{}, &lock.InputError{Field: "facts", Rule: "must have the values of the policies before they are changed"}
	}
	// What could not be restored in one message must not be changed.
	if err := fits(restoreCommands(policies(), values), FromDevice(o.Device).MaxMsgSize); err != nil {
		return Part{}, err
	}
	name := stepDenyAgain // an earlier delivery may have got through, and only its answer lost
	if step == doneRead {
		name = stepDeny
	}
	return Part{Step: name, Commands: deny}, nil
}

// compared asks for the policies, to tell what a lock-out writes from what anybody else wrote.
func compared(step string, deny []syncml.Command) Part {
	p := Part{Step: step, Commands: readCommands(), Want: map[string]string{}}
	for _, c := range deny[0].Children {
		item := c.Items[0]
		p.Want[item.Target.URI] = value{set: true, text: item.Data}.digest()
	}
	return p
}

func readCommands() []syncml.Command {
	var commands []syncml.Command
	for _, p := range policies() {
		commands = append(commands, syncml.Get(p.uri))
	}
	return commands
}

func denyCommands(message, phone string) []syncml.Command {
	return []syncml.Command{syncml.Atomic(
		syncml.Replace(uriTitle, formatText, "This device is locked"),
		syncml.Replace(uriText, formatText, screenText(message, phone)),
		syncml.Replace(uriDeny, formatText, everybody),
	)}
}

// screenText is what is shown before anybody signs in. Windows shows it only if it is not empty.
func screenText(message, phone string) string {
	var lines []string
	for _, text := range []string{message, phone} {
		if text != "" {
			lines = append(lines, text)
		}
	}
	if len(lines) == 0 {
		lines = []string{"Nobody can sign in. Ask whoever manages this device."}
	}
	return strings.NewReplacer("\r\n", separator, "\n", separator, "\r", separator).Replace(strings.Join(lines, "\n"))
}

// unlockPart restores the values that the lock-out kept before it changed them. Where none are kept, nothing was changed. Of a lock-out that is
// not known to have changed anything, it looks first which policies it did change: what anybody wrote since stays.
func unlockPart(o lock.Order) (Part, error) {
	if !o.Ended.Talks {
		return Part{}, &lock.InputError{Field: "of", Rule: "must name a sign-in lock-out: a locked screen opens with the PIN of its owner"}
	}
	values, known := before(o.Ended.Facts)
	ours := policies()
	if o.Ended.Facts[factStep] != doneDenied {
		ours = slices.DeleteFunc(ours, func(p policy) bool { return o.Action.Facts[factOurs+p.name] == no })
	}
	switch {
	case !known && o.Ended.Facts[factStep] != "":
		return Part{}, &lock.InputError{Field: "of", Rule: "must have the values to restore, and they cannot be read: restore the policies by hand"}
	case known && !o.Resumed && o.Ended.Facts[factStep] != doneDenied:
		return compared(stepLook, denyCommands(o.Ended.Message, o.Ended.PhoneNumber)), nil
	case !known, len(ours) == 0:
		return Part{Step: stepVerify, Commands: []syncml.Command{syncml.Get(uriDeny)}}, nil
	case !o.Resumed, o.Action.Facts[factStep] == doneLooked:
		restore := Part{Step: stepRestore, Commands: restoreCommands(ours, values), Want: map[string]string{}}
		for _, p := range ours {
			restore.Want[p.uri] = values[p.name].digest()
		}
		return restore, nil
	}
	verify := Part{Step: stepVerify, Want: map[string]string{}}
	for _, p := range ours {
		if o.Action.Facts[factVerified+p.name] != yes {
			verify.add(p, values[p.name])
		}
	}
	if len(verify.Want) == 0 { // verified in pieces: what they add up to is to be said in one
		p := ours[0]
		verify.add(p, values[p.name])
	}
	return verify, nil
}

// add asks for a policy, to compare it.
func (p *Part) add(asked policy, v value) {
	p.Commands = append(p.Commands, syncml.Get(asked.uri))
	p.Want[asked.uri] = v.digest()
}

func restoreCommands(ours []policy, values map[string]value) []syncml.Command {
	var commands []syncml.Command
	for _, p := range ours {
		if v := values[p.name]; v.set {
			commands = append(commands, syncml.Replace(p.uri, formatText, v.text))
		} else {
			commands = append(commands, syncml.Delete(p.uri))
		}
	}
	return []syncml.Command{syncml.Sequence(commands...)}
}

// factRoom is what the handler tells the codec: how many bytes are left in the message that is being made.
const factRoom = "room"

// hasRoom refuses commands that do not fit into the message that is being made. Only what would fit into no other stands still.
func hasRoom(o lock.Order, commands []syncml.Command) error {
	n, err := omadm.Size(commands)
	if err != nil {
		return fmt.Errorf("windows: %w", err)
	}
	room, unknown := strconv.Atoi(o.Device.Facts[factRoom].Value)
	if unknown == nil && n <= room {
		return nil
	}
	if err := fits(commands, FromDevice(o.Device).MaxMsgSize); err != nil || unknown != nil {
		return standstill(o, err)
	}
	return &omadm.SizeError{Need: n, Limit: room}
}

// fits refuses commands that do not fit into a message of that many bytes; 0 is any. What cannot be sent at all is an error, too.
func fits(commands []syncml.Command, limit int) error {
	n, err := need(commands)
	if err == nil && limit > 0 && n > limit {
		return &omadm.SizeError{Need: n, Limit: limit}
	}
	return err
}

// need is about how many bytes a message with these commands has: the answer to the first message of a session, which gives a new nonce.
func need(commands []syncml.Command) (int, error) {
	status := func(ref string, cmd string) syncml.Command {
		return syncml.Command{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: ref, Cmd: cmd, Data: "200"}
	}
	header := status("0", "SyncHdr")
	header.Chal = &syncml.Chal{Meta: syncml.Meta{Format: "b64", Type: "syncml:auth-md5", NextNonce: "AAECAwQFBgcICQoLDA0ODw=="}}
	m := syncml.Message{
		Header: syncml.Header{
			SessionID: "FFFF", MsgID: "1",
			Target: syncml.Location{URI: strings.Repeat("0", 64)}, Source: syncml.Location{URI: "https://" + strings.Repeat("0", 56)},
		},
		Commands: append([]syncml.Command{header, status("2", "Alert"), status("3", "Alert"), status("4", "Replace")}, commands...),
		Final:    true,
	}
	body, err := m.Encode()
	if err != nil {
		return 0, fmt.Errorf("windows: %w", err)
	}
	return len(body), nil
}
