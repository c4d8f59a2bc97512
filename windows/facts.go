package windows

import (
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Class is what kind of Windows a device has. The empty class is unknown.
type Class string

// The classes.
const (
	ClassPhone    Class = "phone"    // Windows Phone 8.1, Windows 10 Mobile
	ClassHoloLens Class = "hololens" // Windows Holographic
	ClassDesktop  Class = "desktop"  // Windows 10 and 11 on a computer
)

// Answer is yes, no or not known.
type Answer int8

// The answers.
const (
	Unknown Answer = iota
	No
	Yes
)

// Facts are what is known of a device. The zero value of each field is unknown. What the device itself said of a command, when it was
// probed or carried one out, wins over its class, edition and build.
type Facts struct {
	Class        Class
	Edition      int    // as GetProductInfo numbers them: 48 is Pro, 4 Enterprise, 101 Home
	Build        string // ./DevDetail/SwV, such as 10.0.22631.4460
	UserEnrolled Answer // only a user is enrolled, and not the device: it refuses the policies of the device
	RemoteLock   Answer // it has RemoteLock/Lock
	Reset        Answer // it has RemoteLock/LockAndResetPIN
	Recover      Answer // it has RemoteLock/LockAndRecoverPIN
	SignInPolicy Answer // it has the policy UserRights/DenyLocalLogOn
	LAPS         Answer // it has the LAPS CSP
	BitLocker    Answer // it has the status nodes of the BitLocker CSP
	PINRecovery  Answer // EnablePinRecovery of the PassportForWork CSP is set
	MaxMsgSize   int    // bytes of the largest message that it takes
	SignedIn     string // user, others or none: who is signed in (alert LoginStatus)
}

// FactName is the name of a fact in lock.Device.Facts. The values are texts, decimal numbers, or "yes", "no" and "unknown".
type FactName string

// The names of facts.
const (
	FactClass        FactName = "class"
	FactEdition      FactName = "edition"
	FactBuild        FactName = "build"
	FactUserEnrolled FactName = "user_enrolled"
	FactRemoteLock   FactName = "remote_lock"
	FactReset        FactName = "remote_lock_reset"
	FactRecover      FactName = "remote_lock_recover"
	FactSignInPolicy FactName = "sign_in_policy"
	FactLAPS         FactName = "laps"
	FactBitLocker    FactName = "bitlocker"
	FactPINRecovery  FactName = "pin_recovery" // set by whoever sets the policy: a probe cannot know the tenant's ID
	FactMaxMsgSize   FactName = "max_msg_size"
	FactSignedIn     FactName = "signed_in"
	FactSerial       FactName = "serial" // of the SMBIOS; what makers leave there in its place is none
	FactModel        FactName = "model"  // with its maker
	FactComputerName FactName = "name"   // as its user sees it
)

// The values of an Answer.
const (
	yes     = "yes"
	no      = "no"
	unknown = "unknown" // any more, if it was
)

// FromDevice reads the facts of a device. What is absent, or cannot be read, is unknown.
func FromDevice(d lock.Device) Facts {
	text := func(n FactName) string { return d.Facts[string(n)].Value }
	number := func(n FactName) int {
		v, err := strconv.ParseInt(text(n), 10, 32)
		if err != nil || v < 0 {
			return 0
		}
		return int(v)
	}
	answer := func(n FactName) Answer {
		switch text(n) {
		case yes:
			return Yes
		case no:
			return No
		}
		return Unknown
	}
	f := Facts{
		Class: Class(text(FactClass)), Edition: number(FactEdition), Build: text(FactBuild), UserEnrolled: answer(FactUserEnrolled),
		RemoteLock: answer(FactRemoteLock), Reset: answer(FactReset), Recover: answer(FactRecover),
		SignInPolicy: answer(FactSignInPolicy), LAPS: answer(FactLAPS), BitLocker: answer(FactBitLocker),
		PINRecovery: answer(FactPINRecovery), MaxMsgSize: number(FactMaxMsgSize), SignedIn: text(FactSignedIn),
	}
	switch f.Class {
	case ClassPhone, ClassHoloLens, ClassDesktop:
	default:
		f.Class = ""
	}
	return f
}

// Builds from which something is there.
const (
	build1703       = 15063
	build1803       = 17134
	holographic20H2 = 19041
)

// since reports whether the device has that build of Windows 10, with that revision of it, or a later one.
func (f Facts) since(build, revision int) Answer {
	fields := strings.Split(f.Build, ".")
	have := make([]int, 4)
	if len(fields) < 3 || len(fields) > len(have) {
		return Unknown
	}
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 31)
		if err != nil {
			return Unknown
		}
		have[i] = int(n)
	}
	if slices.Compare(have, []int{10, 0, build, revision}) < 0 {
		return No
	}
	return Yes
}

// home reports whether the edition is one of Windows Home, which has no policies of user rights.
func (f Facts) home() bool { return f.Edition >= 98 && f.Edition <= 101 }

// desktopEditions are the editions of computers that are managed as clients.
var desktopEditions = []int{
	0x04, 0x1B, 0x30, 0x31, 0x48, 0x54, 0x62, 0x63, 0x64, 0x65, 0x79, 0x7A, 0x7D, 0x7E, 0x81, 0x82, 0x8A, 0x8B, 0xA1, 0xA2, 0xA4, 0xA5, 0xAB,
	0xAC, 0xAF, 0xBC, 0xBF, 0xCA, 0xCB, 0xCD, 0xCF, 0xD2,
}

// classOf is the class that an edition belongs to.
func classOf(edition int) Class {
	switch {
	case edition == 0x68 || edition == 0x85:
		return ClassPhone
	case edition == 0x87 || edition == 0x88:
		return ClassHoloLens
	case slices.Contains(desktopEditions, edition):
		return ClassDesktop
	}
	return ""
}
