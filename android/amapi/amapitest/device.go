package amapitest

import (
	"strings"
	"time"
)

// Mode is how a device is managed.
type Mode string

// The modes.
const (
	DeviceOwner         Mode = "fully_managed"
	CompanyProfileOwner Mode = "company_work_profile"
	ProfileOwner        Mode = "personal_work_profile" // a person's own device
)

// Device is one device of an enterprise.
type Device struct {
	Mode     Mode
	APILevel int
	Passcode string    // of the device, or of its work profile; empty: none
	Ignores  bool      // it acknowledges every command and does nothing
	Locks    int       // how often it was locked
	Lost     string    // what lost mode shows; empty: it is not in lost mode
	ResetAt  time.Time // of its passcode, by the administrator
	LeftAt   time.Time // when its user left lost mode
}

// device is one with its operations, the first first.
type device struct {
	Device
	operations []*operation
}

// Enroll adds a device, or changes one, by its resource name.
func (s *Server) Enroll(name string, d Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.devices[name]; known != nil {
		known.Device = d
		return
	}
	s.devices[name] = &device{Device: d}
}

// Device returns a device as it is; the zero Device: there is none.
func (s *Server) Device(name string) Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.devices[name]; d != nil {
		return d.Device
	}
	return Device{}
}

// Remove deletes a device: Google knows neither it nor its operations any more.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.devices, name)
}

// Sync has the device do what waits for it. It returns how many commands that were.
func (s *Server) Sync(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.devices[name]
	if d == nil {
		return 0
	}
	done := 0
	for _, o := range d.operations {
		s.expire(o)
		if o.done {
			continue
		}
		d.execute(o, s.cfg.Now())
		s.finish(o)
		done++
	}
	return done
}

// execute does a command, as far as this device does it. What it does not do is in the operation's metadata, or nowhere.
func (d *Device) execute(o *operation, now time.Time) {
	if d.Ignores {
		return
	}
	switch o.metadata["type"] {
	case "LOCK":
		d.Locks++
	case "RESET_PASSWORD":
		code, _ := o.metadata["newPassword"].(string)
		least := 4
		if d.APILevel == 34 && strings.Trim(code, "0123456789") == "" {
			least = 6
		}
		if code != "" && (len(code) < least || len(code) > 16) {
			o.metadata["errorCode"] = "INVALID_VALUE"
			return
		}
		d.Passcode, d.ResetAt = code, now
		if flags, _ := o.metadata["resetPasswordFlags"].([]any); strings.Contains(join(flags), "LOCK_NOW") {
			d.Locks++
		}
	case "START_LOST_MODE":
		d.startLostMode(o, now)
	case "STOP_LOST_MODE":
		status := "NOT_IN_LOST_MODE"
		if d.Lost != "" {
			status, d.Lost = "SUCCESS", ""
		}
		o.metadata["stopLostModeStatus"] = map[string]any{"status": status}
	}
}

func (d *Device) startLostMode(o *operation, now time.Time) {
	const pause = 12 * time.Hour
	status := "SUCCESS"
	switch {
	case d.Mode == ProfileOwner: // done, and nothing happens
		return
	case d.Mode == DeviceOwner && d.APILevel < 30, d.Mode == CompanyProfileOwner && d.APILevel < 33:
		o.metadata["errorCode"] = "API_LEVEL"
		return
	case !d.ResetAt.IsZero() && now.Sub(d.ResetAt) < pause:
		status = "RESET_PASSWORD_RECENTLY"
	case !d.LeftAt.IsZero() && now.Sub(d.LeftAt) < pause:
		status = "USER_EXIT_LOST_MODE_RECENTLY"
	case d.Lost != "":
		status = "ALREADY_IN_LOST_MODE"
	default:
		d.Lost = shown(o)
	}
	o.metadata["startLostModeStatus"] = map[string]any{"status": status}
}

// shown is what the screen of a lost device shows.
func shown(o *operation) string {
	params, _ := o.metadata["startLostModeParams"].(map[string]any)
	var texts []any
	for _, name := range []string{"lostMessage", "lostPhoneNumber", "lostEmailAddress", "lostStreetAddress", "lostOrganization"} {
		switch v := params[name].(type) {
		case string:
			texts = append(texts, v)
		case map[string]any:
			texts = append(texts, v["defaultMessage"])
		}
	}
	return join(texts)
}

func join(values []any) string {
	var texts []string
	for _, v := range values {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
		}
	}
	return strings.Join(texts, ", ")
}
