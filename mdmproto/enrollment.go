package mdmproto

import "cmp"

// sharedIPad is the UserID of every user of a Shared iPad; UserShortName tells them apart.
const sharedIPad = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"

// Enrollment is who sends a message: a device, or a user of it on a channel of its own. It is what the message claims;
// the certificate that [Verifier] returns is what proves it. Each text has at most 256 characters, none a control character.
//
// A Mac sends TokenUpdate once for itself and once for its user, with the same UDID and another push token: key push
// tokens by ID and User, and serve lock commands only where IsUser is false.
type Enrollment struct {
	UDID             string // of a device enrolment
	EnrollmentID     string // of a user enrolment, in place of the UDID
	UserID           string
	UserShortName    string
	UserLongName     string
	EnrollmentUserID string
}

// ID names the device: its UDID, also when there is an EnrollmentID too, else its EnrollmentID. It is never empty in
// what [ParseCheckin] and [ParseResult] return.
func (e Enrollment) ID() string { return cmp.Or(e.UDID, e.EnrollmentID) }

// User names the user whose channel this is, and is empty on the device's own: UserShortName on a Shared iPad, else
// UserID, else whatever says that there is a user.
func (e Enrollment) User() string {
	if e.UserID == sharedIPad {
		return e.UserShortName
	}
	return cmp.Or(e.UserID, e.EnrollmentUserID, e.UserShortName, e.UserLongName)
}

// IsUser reports whether this is a user's channel. Any user identifier makes it one.
func (e Enrollment) IsUser() bool { return e.User() != "" }

// enrollment reads the identifiers. All are core: one of the wrong type must not turn a user into the device.
func (d *dict) enrollment() Enrollment {
	e := Enrollment{
		UDID:             d.core("UDID"),
		EnrollmentID:     d.core("EnrollmentID"),
		UserID:           d.core("UserID"),
		UserShortName:    d.core("UserShortName"),
		UserLongName:     d.core("UserLongName"),
		EnrollmentUserID: d.core("EnrollmentUserID"),
	}
	if e.ID() == "" {
		d.fail("UDID", RuleMissing)
	}
	if e.UserID == sharedIPad && e.UserShortName == "" {
		d.fail("UserShortName", RuleMissing)
	}
	return e
}
