package amapitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// operation is one command.
type operation struct {
	name     string
	done     bool
	code     int            // of its error; 0: none
	metadata map[string]any // the command, as it was issued, and what became of it
	created  time.Time
	end      time.Time
}

// MarshalJSON writes it as Google does.
func (o *operation) MarshalJSON() ([]byte, error) {
	v := map[string]any{"name": o.name, "metadata": o.metadata}
	if o.done {
		v["done"] = true
	}
	if o.code != 0 {
		v["error"] = map[string]any{"code": o.code, "message": "The command did not complete."}
	}
	return json.Marshal(v)
}

const (
	codeCancelled = 1
	codeExpired   = 4
)

var (
	duration = regexp.MustCompile(`^([0-9]{1,12})(\.[0-9]{1,9})?s$`)
	allowed  = map[string][]string{ // types of command, and their own fields
		"LOCK": {}, "RESET_PASSWORD": {"newPassword", "resetPasswordFlags"}, "START_LOST_MODE": {"startLostModeParams"},
		"STOP_LOST_MODE": {"stopLostModeParams"},
	}
)

// issue checks a command and has it wait for its device.
func (s *Server) issue(name string, body []byte) Answer {
	d := s.devices[name]
	if d == nil {
		return problem(http.StatusNotFound, "NOT_FOUND")
	}
	var command map[string]any
	if json.Unmarshal(body, &command) != nil || !valid(command) {
		return problem(http.StatusBadRequest, "INVALID_ARGUMENT")
	}
	wait := 10 * time.Minute
	if text, ok := command["duration"].(string); ok {
		parsed, err := time.ParseDuration(text)
		if err != nil {
			return problem(http.StatusBadRequest, "INVALID_ARGUMENT")
		}
		wait = parsed
	}
	now := s.cfg.Now().UTC()
	o := &operation{name: s.nameFor(name, d, now), created: now, end: now.Add(wait), metadata: command}
	command["@type"] = "type.googleapis.com/google.android.devicemanagement.v1.Command"
	command["createTime"] = now.Format("2006-01-02T15:04:05.000Z")
	command["duration"] = s.durationText(wait)
	command["userName"] = strings.Split(name, "/devices/")[0] + "/users/1"
	d.operations = append(d.operations, o)
	return result(o)
}

// durationText is a duration as Google writes them: with as many groups of three digits behind the point as it takes.
func (s *Server) durationText(d time.Duration) string {
	text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	if s.cfg.WholeSeconds {
		text, _, _ = strings.Cut(text, ".")
	}
	for strings.Contains(text, ".") && strings.HasSuffix(text, "000") {
		text = strings.TrimSuffix(text, "000")
	}
	return strings.TrimSuffix(text, ".") + "s"
}

// nameFor makes a name of the time, as Google does.
func (s *Server) nameFor(device string, d *device, now time.Time) string {
	n := now.UnixMilli()
	for {
		name := fmt.Sprintf("%s/operations/%d", device, n)
		if !slices.ContainsFunc(d.operations, func(o *operation) bool { return o.name == name }) {
			return name
		}
		n++
	}
}

// valid checks fields, types and values.
func valid(command map[string]any) bool {
	kind, _ := command["type"].(string)
	fields, known := allowed[kind]
	if !known {
		return false
	}
	for name, v := range command {
		switch text, isText := v.(string); {
		case name == "type", name == "newPassword" && isText && slices.Contains(fields, name):
		case name == "duration" && isText && duration.MatchString(text):
		case name == "resetPasswordFlags" && slices.Contains(fields, name) && validFlags(v):
		case strings.HasSuffix(name, "Params") && slices.Contains(fields, name):
			if _, isObject := v.(map[string]any); !isObject {
				return false
			}
		default:
			return false
		}
	}
	return kind != "START_LOST_MODE" || validLostMode(command["startLostModeParams"])
}

func validFlags(v any) bool {
	flags, ok := v.([]any)
	for _, f := range flags {
		text, isText := f.(string)
		ok = ok && isText && slices.Contains([]string{"REQUIRE_ENTRY", "DO_NOT_ASK_CREDENTIALS_ON_BOOT", "LOCK_NOW"}, text)
	}
	return ok
}

// validLostMode asks for one text besides the organization.
func validLostMode(v any) bool {
	params, _ := v.(map[string]any)
	texts := 0
	for name, v := range params {
		text, isText := v.(string)
		message, isMessage := v.(map[string]any)
		if isMessage {
			text, isText = message["defaultMessage"].(string)
		}
		switch {
		case !isText || len([]rune(text)) > 4096 || isMessage == (name == "lostEmailAddress"):
			return false
		case name == "lostMessage", name == "lostPhoneNumber", name == "lostEmailAddress", name == "lostStreetAddress":
			texts++
		case name != "lostOrganization":
			return false
		}
	}
	return texts > 0
}

// find looks up an operation; nil: Google does not know it.
func (s *Server) find(name string) *operation {
	device, _, _ := strings.Cut(name, "/operations/")
	d := s.devices[device]
	if d == nil {
		return nil
	}
	for _, o := range d.operations {
		if o.name == name {
			s.expire(o)
			return o
		}
	}
	return nil
}

// expire ends an operation whose time is up.
func (s *Server) expire(o *operation) {
	if !o.done && !s.cfg.Now().Before(o.end) {
		o.code = codeExpired
		s.finish(o)
	}
}

func (s *Server) get(name string) Answer {
	o := s.find(name)
	if o == nil {
		return problem(http.StatusNotFound, "NOT_FOUND")
	}
	return result(o)
}

// list gives a page, the last operation first.
func (s *Server) list(device string, query url.Values) Answer {
	d := s.devices[device]
	if d == nil {
		return problem(http.StatusNotFound, "NOT_FOUND")
	}
	size, err := strconv.Atoi(query.Get("pageSize"))
	if err != nil || size < 1 || size > 100 {
		size = 100
	}
	from, err := strconv.Atoi(query.Get("pageToken"))
	if err != nil && query.Get("pageToken") != "" {
		return problem(http.StatusBadRequest, "INVALID_ARGUMENT")
	}
	all := slices.Clone(d.operations)
	slices.Reverse(all)
	for _, o := range all {
		s.expire(o)
	}
	all = all[min(max(from, 0), len(all)):]
	page := map[string]any{}
	if len(all) > size {
		all = all[:size]
		page["nextPageToken"] = strconv.Itoa(from + size)
	}
	page["operations"] = all
	return result(page)
}

func (s *Server) cancel(name string) Answer {
	o := s.find(name)
	if o == nil {
		return problem(http.StatusNotFound, "NOT_FOUND")
	}
	if !o.done {
		o.code = codeCancelled
		s.finish(o)
	}
	return result(map[string]any{})
}

// Forget drops an operation, as Google does after a while.
func (s *Server) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		d.operations = slices.DeleteFunc(d.operations, func(o *operation) bool { return o.name == name })
	}
}

// Operations returns the names of a device's operations, the first first.
func (s *Server) Operations(device string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	if d := s.devices[device]; d != nil {
		for _, o := range d.operations {
			s.expire(o)
			names = append(names, o.name)
		}
	}
	return names
}

// Fail ends an operation with an error of its command (errorCode), or, where that is empty, with one of google.rpc.Code.
func (s *Server) Fail(name, errorCode string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find(name)
	if o == nil || o.done {
		return
	}
	if o.code = code; errorCode != "" {
		o.metadata["errorCode"] = errorCode
	}
	s.finish(o)
}
