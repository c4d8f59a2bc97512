package mdmproto

import "regexp"

// maxChain is the most errors that are kept of one result.
const maxChain = 16

// Status is what a device says about a command.
type Status string

// The statuses of Apple's protocol.
const (
	StatusIdle               Status = "Idle"               // no result: the device asks for a command
	StatusAcknowledged       Status = "Acknowledged"       // done
	StatusError              Status = "Error"              // failed: ErrorChain says why
	StatusCommandFormatError Status = "CommandFormatError" // the command was malformed
	StatusNotNow             Status = "NotNow"             // send it again later; the device does not keep it
)

// Known reports whether this is one of the protocol's statuses. An unknown one says nothing about the command.
func (s Status) Known() bool {
	switch s {
	case StatusIdle, StatusAcknowledged, StatusError, StatusCommandFormatError, StatusNotNow:
		return true
	}
	return false
}

// ErrorItem is one error of a chain, the first being the topmost. Codes and texts are for people: Apple may change them.
// Control characters in the texts are replaced, runs of six or more digits struck out (a device may quote a command), and
// each is cut to 256 characters.
type ErrorItem struct {
	Code                 int64
	Domain               string
	LocalizedDescription string
	USEnglishDescription string // optional
}

// Result is what a device sends to its server URL: a poll (Status Idle) or the result of a command.
type Result struct {
	Enrollment
	Status      Status
	CommandUUID string      // empty when Idle, and when the device named no command: then the result is nobody's
	ErrorChain  []ErrorItem // at most 16
	// MessageResult is what became of a DeviceLock's message (Success, NoPasscodeSet, ...). New values appear: show it,
	// do not decide by it. Cleaned as the texts of an ErrorItem are.
	MessageResult string
	// Facts are the answers to DeviceInformation and SecurityInfo that this package knows, by Apple's key, with a dot
	// where Apple nests (FirmwarePasswordStatus.PasswordExists): texts of at most 256 characters, true, false, or numbers
	// in decimal. A question that the device did not answer has no fact: absent is unknown, never false. No other key of
	// a message gets here, so no secret does.
	Facts   map[string]string
	Skipped []string // optional fields that were of the wrong type and are left out here
}

// ParseResult reads a poll or a result of at most 256 KiB. Verify its signature first. It fails with a *DecodeError when
// the message is no small XML property list, when Status or the device's identifier is missing, or when Status,
// CommandUUID or an identifier is not a text of at most 256 printable characters. Any other bad field is only named in
// Skipped, also a value that cannot be decoded at all, so that what the device did is never lost for how it put it.
//
// Specification: Apple, Device Management, "Implementing MDM command responses" and the schema's mdm/commands.
func ParseResult(body []byte) (Result, error) {
	d, err := decodeCore(body)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Status:      Status(d.required("Status")),
		CommandUUID: d.core("CommandUUID"),
		Enrollment:  d.enrollment(),
	}
	if d.err != nil {
		return Result{}, d.err
	}
	r.ErrorChain = d.errorChain()
	r.MessageResult = d.remark("MessageResult")
	r.Facts = d.facts()
	r.Skipped = d.skipped
	return r, nil
}

// errorChain reads what it can of an ErrorChain.
func (d *dict) errorChain() []ErrorItem {
	list := optional[[]any](d, "ErrorChain")
	var chain []ErrorItem
	for _, v := range list[:min(len(list), maxChain)] {
		values, ok := v.(map[string]any)
		if !ok {
			d.skipped = append(d.skipped, "ErrorChain")
			continue
		}
		item := dict{values: values}
		chain = append(chain, ErrorItem{
			Code:                 item.integer("ErrorCode"),
			Domain:               item.remark("ErrorDomain"),
			LocalizedDescription: item.remark("LocalizedDescription"),
			USEnglishDescription: item.remark("USEnglishDescription"),
		})
		for _, field := range item.skipped {
			d.skipped = append(d.skipped, "ErrorChain."+field)
		}
	}
	return chain
}

// integer is an optional integer: the decoder gives uint64, or int64 below zero.
func (d *dict) integer(field string) int64 {
	if u, ok := d.values[field].(uint64); ok {
		return int64(u)
	}
	return optional[int64](d, field)
}

// digitRun is what a PIN would look like in a device's own words.
var digitRun = regexp.MustCompile(`[0-9]{6,}`)

// remark is an optional free text in which a device may quote what it was sent.
func (d *dict) remark(field string) string {
	return clean(digitRun.ReplaceAllString(optional[string](d, field), "[digits]"))
}
