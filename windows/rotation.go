package windows

import (
	"math"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// Rotation is a secret that a device renews by itself, and gives to Entra ID or Active Directory alone: it never passes through here. Start
// orders it, and after that was answered with 200 or 202, Ask and Read follow it, as often as it takes, in the same session or later ones.
type Rotation string

// The rotations.
const (
	// RotateLAPS renews the password of the local administrator (LAPS CSP, ResetPassword). The device must be joined to Entra ID or a domain,
	// and have the LAPS policy BackupDirectory.
	RotateLAPS Rotation = "laps"
	// RotateBitLocker renews the recovery passwords of the drives (BitLocker CSP, RotateRecoveryPasswords; build 18363). The device must be
	// joined to Entra ID, and keep its recovery passwords there or in a domain.
	RotateBitLocker Rotation = "bitlocker"
)

// Start orders the rotation. The request, such as a UUID, names it; keep it before it is sent. LAPS has no use for it.
func (r Rotation) Start(request string) []syncml.Command {
	if r == RotateLAPS {
		return []syncml.Command{syncml.Exec(uriLAPSReset)}
	}
	c := syncml.Exec(uriBitLockerRotate)
	c.Items[0].Meta = &syncml.Meta{Format: formatText, Type: "text/plain"}
	c.Items[0].Data, c.Items[0].HasData = request, true
	return []syncml.Command{c}
}

// Ask asks how the rotation stands, in one command.
func (r Rotation) Ask() []syncml.Command {
	if r == RotateLAPS {
		return []syncml.Command{syncml.Get(uriLAPSStatus)}
	}
	return []syncml.Command{syncml.Get(uriBitLockerStatus, uriBitLockerRequest)}
}

// Read gives the outcome that the answer to Ask tells: lock.Acknowledged when it is done, lock.Progress while it goes on, lock.Refused when it
// failed, with the number that the device gave as the code (of LAPS an HRESULT, as in 0x80070005), and empty when the answer tells nothing of
// this request. LAPS says that it is done before it was ever asked: do not believe it before your own Start was answered.
func (r Rotation) Read(a omadm.Answer, request string) (outcome lock.Outcome, code string) {
	uri, read := uriBitLockerStatus, bitLockerStatus
	if r == RotateLAPS {
		uri, read = uriLAPSStatus, lapsStatus
	} else if of := asked(a, uriBitLockerRequest); of == "" || !strings.EqualFold(of, request) {
		return "", ""
	}
	status, err := strconv.ParseInt(asked(a, uri), 10, 64)
	if err != nil {
		return "", ""
	}
	return read(status)
}

// asked is the value of a node in the answer to Ask, of whichever item it is.
func asked(a omadm.Answer, uri string) string {
	for _, r := range a.Replies {
		for _, item := range r.Items {
			if sameNode(nodeOf(r, item), uri) && !absentValue(item) && len(item.Data) <= 256 {
				return strings.TrimSpace(item.Data)
			}
		}
	}
	return ""
}

// lapsStatus reads ResetPasswordStatus, an HRESULT. Pending is E_PENDING; its documentation has a digit less, and devices may write either
// with a sign or without.
func lapsStatus(status int64) (lock.Outcome, string) {
	const pending, printed, signed = 0x8000000A, 0x8000000, 0x80000000
	if status < math.MinInt32 || status > math.MaxUint32 {
		return "", ""
	}
	switch uint32(status) {
	case 0:
		return lock.Acknowledged, ""
	case pending, printed, signed:
		return lock.Progress, ""
	}
	return lock.Refused, "0x" + strings.ToUpper(strconv.FormatUint(uint64(uint32(status)), 16))
}

// bitLockerStatus reads RotateRecoveryPasswordsStatus.
func bitLockerStatus(status int64) (lock.Outcome, string) {
	switch status {
	case 0:
		return lock.Acknowledged, ""
	case 1, 2: // pending, not started
		return lock.Progress, ""
	}
	return lock.Refused, strconv.FormatInt(status, 10)
}
