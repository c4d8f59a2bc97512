package amapi

import (
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/android/internal/google"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Operation is what became of a command, as Google tells. No passcode is in it, whatever Google repeats of the command.
type Operation struct {
	Name     string // enterprises/E/devices/D/operations/O
	Done     bool
	Failed   bool      // Done: it ended with an error, which is Code
	Code     int       // of google.rpc.Code: 1 is CANCELLED
	Type     string    // of the command
	Created  time.Time // by Google's clock; zero: unknown
	Duration time.Duration
	Status   string // of START_LOST_MODE and STOP_LOST_MODE, as RESET_PASSWORD_RECENTLY; empty: none
	Error    string // errorCode of the command, as INVALID_VALUE; empty: none
}

// Device is the resource name of the operation's device; empty when Name is none of an operation.
func (o Operation) Device() string {
	device, id, found := strings.Cut(o.Name, "/operations/")
	if !found || !isID(id) || !IsDeviceName(device) {
		return ""
	}
	return device
}

// IsDeviceName reports whether a text is the resource name of a device, as in enterprises/LC01/devices/3a5f, which is also what
// lock.Device.ID must be unless [Config] says otherwise.
func IsDeviceName(name string) bool {
	part := strings.Split(name, "/")
	return len(part) == 4 && part[0] == "enterprises" && isID(part[1]) && part[2] == "devices" && isID(part[3])
}

// isID keeps out whatever would be another path.
func isID(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// wire is an Operation as Google writes it.
type wire struct {
	Name  string `json:"name"`
	Done  bool   `json:"done"`
	Error *struct {
		Code int `json:"code"`
	} `json:"error"`
	Metadata struct {
		Type      string `json:"type"`
		Created   string `json:"createTime"`
		Duration  string `json:"duration"`
		ErrorCode string `json:"errorCode"`
		Start     struct {
			Status string `json:"status"`
		} `json:"startLostModeStatus"`
		Stop struct {
			Status string `json:"status"`
		} `json:"stopLostModeStatus"`
	} `json:"metadata"`
}

// ParseOperation reads an operation: an answer of the API, or what a COMMAND notification carries. The error has a position, and nothing of
// the text.
func ParseOperation(text []byte) (Operation, error) {
	var w wire
	if err := google.Decode(text, &w); err != nil {
		return Operation{}, err
	}
	return w.operation(), nil
}

func (w wire) operation() Operation {
	m := w.Metadata
	o := Operation{
		Name: w.Name, Done: w.Done, Failed: w.Error != nil, Type: word(m.Type), Status: word(m.Start.Status + m.Stop.Status),
		Error: word(m.ErrorCode),
	}
	if w.Error != nil {
		o.Code = w.Error.Code
	}
	if at, err := time.Parse(time.RFC3339Nano, m.Created); err == nil {
		o.Created = at.UTC()
	}
	if d, err := time.ParseDuration(m.Duration); err == nil && strings.HasSuffix(m.Duration, "s") && d > 0 {
		o.Duration = d
	}
	return o
}

// word keeps out whatever could be more than one of Google's words: it goes into facts and logs. UNSPECIFIED means that there is none.
func word(s string) string {
	switch {
	case s == "", strings.HasSuffix(s, "_UNSPECIFIED"):
		return ""
	case len(s) > 64 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "":
		return "UNREADABLE"
	}
	return s
}

// codes are the words of google.rpc.Code.
var codes = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}

func codeWord(n int) string {
	if n < 0 || n >= len(codes) {
		return "UNKNOWN"
	}
	return codes[n]
}

// undecided are the codes that do not say that the device did not do it.
func undecided(code string) bool {
	switch code {
	case "UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS":
		return true
	}
	return false
}

// Report says what an operation means for the action that it belongs to, which has its name as Ref; the zero Outcome: nothing yet. It reads
// the status of lost mode first, then the command's error, then that of the operation. The facts are code, Google's word or DONE, and
// proves: effect, or receipt where Google says that the device acknowledged the command, which is no proof that it did it: such a report is
// Unproven. An error that leaves open whether a new passcode was set is lock.Progress, so that the passcode stays one that may open the
// device.
func (o Operation) Report() lock.Report {
	outcome, facts := o.outcome()
	return lock.Report{Ref: o.Name, Outcome: outcome, Unproven: facts[factProves] == receipt, Facts: facts}
}

// The fact that says what an acknowledgement proves, and its values.
const (
	factProves = "proves"
	effect     = "effect"
	receipt    = "receipt"
)

func (o Operation) outcome() (lock.Outcome, map[string]string) {
	switch {
	case !o.Done:
		return "", nil
	case o.Status == "SUCCESS", o.Status == "ALREADY_IN_LOST_MODE", o.Status == "NOT_IN_LOST_MODE":
		return lock.Acknowledged, map[string]string{"code": o.Status, factProves: effect}
	case o.Status != "":
		return lock.Refused, map[string]string{"code": o.Status}
	case o.Error != "":
		return o.refused(o.Error)
	case o.Failed:
		return o.refused(codeWord(o.Code))
	}
	return lock.Acknowledged, map[string]string{"code": "DONE", factProves: receipt}
}

func (o Operation) refused(code string) (lock.Outcome, map[string]string) {
	if undecided(code) && (o.Type == string(TypeResetPassword) || code == "DEADLINE_EXCEEDED" || o.Type == "") {
		return lock.Progress, map[string]string{"code": code}
	}
	return lock.Refused, map[string]string{"code": code}
}
