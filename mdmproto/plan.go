package mdmproto

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// PlatformName is the name of this platform: what lock.Device.Platform says of an Apple device.
const PlatformName = "apple"

// Platform locks Macs through [NewHandler]. Its preflight reads the facts that [Result.Facts] gives, by Apple's names: OSVersion,
// ProductName, IsAppleSilicon, SupportsiOSAppInstalls, PINRequiredForDeviceLock and ManagementStatus.IsUserEnrollment; and one of the
// embedder's, Enrolled, which is false after a CheckOut. A nil Waker is allowed: then a Mac finds its command when it polls by itself.
func Platform(w lock.Waker) lock.Platform {
	return lock.Platform{Name: PlatformName, Codec: codec{}, Waker: w}
}

type codec struct{}

// Encode implements lock.Codec.
func (codec) Encode(o lock.Order) ([]byte, error) {
	return DeviceLock{PIN: o.PIN, Message: o.Action.Message, PhoneNumber: o.Action.PhoneNumber}.Encode(string(o.Action.ID))
}

// Plan implements lock.Codec.
func (codec) Plan(d lock.Device, r lock.Request) lock.Plan {
	if r.Kind != "" && r.Kind != lock.KindLock { // preflight of a lock may leave the kind empty
		return lock.Plan{NoPIN: true, Findings: []lock.Finding{{
			Code: "unsupported", Level: lock.LevelBlock,
			Text: "This platform locks Macs with a PIN, and only the PIN opens them: it has no " + string(r.Kind) + " command.",
		}}}
	}
	p := planner{mac: describe(d)}
	p.kind()
	p.chip()
	p.text(r)
	return lock.Plan{Findings: p.findings, Policy: pin.SixDigits(), Holds: true}
}

// mac is what preflight knows of a device. Absent facts are unknown, never false.
type mac struct {
	product        string
	version        version // zero: unknown
	silicon, intel bool    // neither: unknown
	userEnrolled   string
	pinRequired    string
	enrolled       string
}

func describe(d lock.Device) mac {
	m := mac{
		product:      d.Facts["ProductName"].Value,
		version:      parseVersion(d.Facts["OSVersion"].Value),
		userEnrolled: d.Facts["ManagementStatus.IsUserEnrollment"].Value,
		pinRequired:  d.Facts["PINRequiredForDeviceLock"].Value,
		enrolled:     d.Facts["Enrolled"].Value,
	}
	// IsAppleSilicon has no answer before macOS 12, so that a hint has to do on macOS 11. Before that every Mac is an Intel.
	m.silicon = d.Facts["IsAppleSilicon"].Value == "true" || d.Facts["SupportsiOSAppInstalls"].Value == "true"
	m.intel = !m.silicon && (d.Facts["IsAppleSilicon"].Value == "false" || m.version.known() && m.version.before(11, 0))
	return m
}

// planner collects the findings of one order.
type planner struct {
	mac
	findings []lock.Finding
}

func (p *planner) add(level lock.Level, code, field, text string) {
	p.findings = append(p.findings, lock.Finding{Code: code, Level: level, Field: field, Text: text})
}

// block adds a finding that blocks unless the order is forced.
func (p *planner) block(code, text string) {
	p.findings = append(p.findings, lock.Finding{Code: code, Level: lock.LevelBlock, Text: text, Forceable: true})
}

// kind looks at what the device is, and how it is enrolled.
func (p *planner) kind() {
	switch {
	case p.product == "":
		p.add(lock.LevelWarn, "product_unknown", "", "It is not known what product this is. A PIN locks Macs only.")
	case !isMac(p.product):
		p.add(lock.LevelBlock, "not_a_mac", "",
			"This is not a Mac. A PIN locks Macs only: an iPhone or iPad is opened by its own passcode.")
		return
	}
	switch p.userEnrolled {
	case "true":
		p.add(lock.LevelBlock, "user_enrollment", "", "This Mac is enrolled by its user (User Enrollment), and then macOS refuses to be locked.")
	case "":
		p.add(lock.LevelWarn, "enrollment_unknown", "", "The Mac has not said yet how it is enrolled. With User Enrollment macOS refuses to be locked.")
	}
	if p.enrolled == "false" {
		p.add(lock.LevelWarn, "not_enrolled", "",
			"The Mac said that it is no longer managed. The lock waits until it is enrolled again, and may never arrive.")
	}
	if p.pinRequired == "false" {
		p.add(lock.LevelWarn, "pin_not_required", "",
			"This Mac says that a lock needs no PIN. It may lock in another way than with the PIN that is kept here.")
	}
	if !p.silicon || !p.version.known() || !p.version.before(11, 5) { // else it is deactivated
		p.add(lock.LevelInfo, "restarts", "",
			"The Mac restarts at once and asks for the PIN. Unsaved work is lost, and nothing can be sent to it until somebody types the PIN.")
	}
}

// consequence is what Apple says of a lock on Apple silicon before macOS 11.5 (schema of DeviceLock).
const consequence = "Apple silicon before macOS 11.5 is not locked by this command but deactivated: it starts to recoveryOS, and needs a network " +
	"and a local administrator with a Secure Token to be activated again. The PIN does not open it."

// chip looks for the Macs that a lock would deactivate.
func (p *planner) chip() {
	v := p.version
	switch {
	case p.product != "" && !isMac(p.product):
	case v.known() && v.before(10, 8):
		p.add(lock.LevelBlock, "macos_before_10_8", "", "A lock with a PIN needs macOS 10.8 or later; this Mac has "+v.String()+".")
	case p.silicon && !v.known():
		p.block("os_version_unknown", "The macOS version is not known. "+consequence)
	case p.silicon && v.before(11, 5):
		p.block("apple_silicon_before_11_5", "This Mac has macOS "+v.String()+". "+consequence)
	case p.silicon, p.intel && v.known():
	case p.intel:
		p.add(lock.LevelWarn, "os_version_unknown", "", "The macOS version is not known.")
	case !v.known():
		p.block("chip_unknown", "Neither the chip nor the macOS version is known. "+consequence)
	case v.before(11, 5): // 11.0 or later, else it were an Intel
		p.block("chip_unknown", "It is not known whether this Mac, on macOS "+v.String()+", has Apple silicon. "+consequence)
	default:
		p.add(lock.LevelWarn, "chip_unknown", "", "It is not known whether this Mac has Apple silicon or an Intel processor.")
	}
}

// text looks at what the locked screen is to show.
func (p *planner) text(r lock.Request) {
	if (DeviceLock{Message: r.Message}).CheckText() != nil {
		p.add(lock.LevelBlock, "message_invalid", "message",
			fmt.Sprintf("The message must have at most %d characters, and no line breaks or other control characters.", maxNote))
	}
	if (DeviceLock{PhoneNumber: r.PhoneNumber}).CheckText() != nil {
		p.add(lock.LevelBlock, "phone_number_invalid", "phone_number",
			fmt.Sprintf("The phone number must have at most %d characters: digits, spaces and + - ( ) . , alone.", maxPhone))
	}
	v := p.version
	if r.Message != "" {
		switch {
		case !v.known():
			p.add(lock.LevelWarn, "message_unknown", "message", "It is not known whether this Mac shows a message: that needs macOS 10.14 or later.")
		case v.before(10, 14):
			p.add(lock.LevelBlock, "message_needs_10_14", "message",
				"This Mac cannot show a message: that needs macOS 10.14 or later, and it has "+v.String()+".")
		}
	}
	if r.PhoneNumber != "" {
		const needs = "that needs Apple silicon with macOS 11.5 or later"
		switch {
		case p.intel, v.known() && v.before(11, 5):
			p.add(lock.LevelBlock, "phone_number_needs_apple_silicon_11_5", "phone_number", "This Mac cannot show a phone number: "+needs+".")
		case !p.silicon, !v.known():
			p.add(lock.LevelWarn, "phone_number_unknown", "phone_number", "It is not known whether this Mac shows a phone number: "+needs+".")
		}
	}
}

// isMac tells a Mac by its product name, as in Mac14,2, MacBookPro18,3, iMac21,1 or VirtualMac2,1.
func isMac(product string) bool {
	return strings.HasPrefix(product, "Mac") || strings.HasPrefix(product, "iMac") || strings.HasPrefix(product, "VirtualMac")
}

// version is major and minor of a macOS version; the zero version is unknown.
type version struct{ major, minor int }

func parseVersion(s string) version {
	major, rest, _ := strings.Cut(s, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err := strconv.ParseUint(major, 10, 16)
	if err != nil {
		return version{}
	}
	y, err := strconv.ParseUint(minor, 10, 16)
	if err != nil && rest != "" {
		return version{}
	}
	return version{int(x), int(y)}
}

func (v version) known() bool { return v.major > 0 }

func (v version) before(major, minor int) bool {
	return v.major < major || v.major == major && v.minor < minor
}

// String is as in 11.4.
func (v version) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }
