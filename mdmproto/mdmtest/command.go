package mdmtest

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Statuses of a result.
const (
	statusAcknowledged = "Acknowledged"
	statusError        = "Error"
	statusFormatError  = "CommandFormatError"
	statusNotNow       = "NotNow"
	statusIdle         = "Idle"
)

// Command is one delivery of a command to the Mac.
type Command struct {
	CommandUUID string
	RequestType string
	PIN         string `json:"-"` // of DeviceLock, as it came
	Message     string
	PhoneNumber string
	User        bool // it came over the user channel

	// Status is what the Mac answered, or means to answer: Acknowledged, Error, CommandFormatError, NotNow. Empty: the command
	// had no effect, because a script lost it, or because the Mac was about to restart.
	Status string
	At     time.Time
}

// String names the command and its status, and leaves out the PIN.
func (c Command) String() string {
	return fmt.Sprintf("%s %s %q", c.RequestType, c.CommandUUID, c.Status)
}

// order is a command that has been read.
type order struct {
	Command
	body    map[string]any // the dictionary Command
	entry   int            // in the log
	invalid bool           // a key has the wrong type
}

// answer is a result on its way to the server.
type answer struct {
	op         string // RequestType, for errors
	body       []byte // signed and sent in the same bytes each time
	deviceLock bool
	notNow     bool
}

// Commands returns every command that a server sent, in the order of arrival, also those that a script lost.
func (m *Mac) Commands() []Command { return m.logged(func(Command) bool { return true }) }

// Deliveries returns every delivery of one command.
func (m *Mac) Deliveries(commandUUID string) []Command {
	return m.logged(func(c Command) bool { return c.CommandUUID == commandUUID })
}

// Locks returns the DeviceLock commands that the Mac obeyed, in order; the last one's PIN opens a Mac that is Locked.
func (m *Mac) Locks() []Command {
	return m.logged(func(c Command) bool { return c.RequestType == deviceLock && c.Status == statusAcknowledged })
}

func (m *Mac) logged(want func(Command) bool) []Command {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Command
	for _, c := range m.log {
		if want(c) {
			out = append(out, c)
		}
	}
	return out
}

// receive reads a command and writes it into the log.
func (m *Mac) receive(reply []byte, user bool) (order, error) {
	dict, err := decode(reply)
	if err != nil {
		return order{}, fmt.Errorf("mdmtest: command: %w", err)
	}
	o := order{body: at[map[string]any](dict, "Command")}
	o.CommandUUID = at[string](dict, "CommandUUID")
	if o.CommandUUID == "" || o.body == nil {
		return order{}, errors.New("mdmtest: command: CommandUUID or Command is missing")
	}
	ok := make([]bool, 5)
	o.RequestType, ok[0] = optional[string](o.body, "RequestType")
	o.PIN, ok[1] = optional[string](o.body, "PIN")
	o.Message, ok[2] = optional[string](o.body, "Message")
	o.PhoneNumber, ok[3] = optional[string](o.body, "PhoneNumber")
	_, ok[4] = optional[[]any](o.body, "Queries")
	for _, valid := range ok {
		o.invalid = o.invalid || !valid
	}
	o.invalid = o.invalid || o.RequestType == ""
	o.User, o.At = user, m.cfg.Clock()

	m.mu.Lock()
	defer m.mu.Unlock()
	o.entry = len(m.log)
	m.log = append(m.log, o.Command)
	return o, nil
}

// execute decides what the Mac answers. It changes nothing but the script: a lock takes hold when the answer is out.
func (m *Mac) execute(o order) (status string, keys map[string]any) {
	switch {
	case o.invalid:
		return statusFormatError, nil
	case o.RequestType == "DeviceInformation":
		return statusAcknowledged, map[string]any{"QueryResponses": m.queryResponses(at[[]any](o.body, "Queries"))}
	case o.RequestType == "SecurityInfo":
		return statusAcknowledged, map[string]any{"SecurityInfo": m.securityInfo()}
	case o.RequestType == deviceLock && !o.User:
		return m.answerLock(o)
	}
	return statusError, map[string]any{
		"RequestType": o.RequestType, // as macOS does in this error
		"ErrorChain": chain(ErrorItem{
			Code: 12021, Domain: "MCMDMErrorDomain", Description: fmt.Sprintf("Unknown command: %s <MDMClientError:91>", o.RequestType),
		}),
	}
}

// result builds the message that answers an order.
func (m *Mac) result(o order, c channel, status string, keys map[string]any) (answer, error) {
	dict := map[string]any{"CommandUUID": o.CommandUUID, "Status": status, "UDID": m.cfg.UDID}
	maps.Copy(dict, m.userKeys(c))
	maps.Copy(dict, keys)
	body, err := encode(dict)
	return answer{
		op: o.RequestType, body: body,
		deviceLock: o.RequestType == deviceLock && !o.User, notNow: status == statusNotNow,
	}, err
}

func (m *Mac) note(o order, status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log[o.entry].Status = status
}
