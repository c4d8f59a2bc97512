package agent

import "github.com/latchkey-mdm/latchkey/lock"

// Code is what became of a command, in one word: the fact "code" of an action.
type Code string

// The codes of a result, with the state that an agent gives each.
const (
	CodeOK           Code = "OK"             // succeeded
	CodeNoSecureLock Code = "NO_SECURE_LOCK" // succeeded: no passcode is set, so a lock switched the screen off at most
	CodeAccepted     Code = "ACCEPTED"       // received: not executed yet
	CodeUnknown      Code = "UNKNOWN"        // failed: the agent was interrupted, and does not know whether it was executed

	CodeExpired            Code = "EXPIRED"             // rejected: from here on, nothing was executed
	CodeStale              Code = "STALE"               // rejected: a number that is not above the last
	CodeWrongDevice        Code = "WRONG_DEVICE"        // rejected
	CodeBadSignature       Code = "BAD_SIGNATURE"       // rejected
	CodeDecryptFailed      Code = "DECRYPT_FAILED"      // rejected
	CodeUnsupportedVersion Code = "UNSUPPORTED_VERSION" // rejected
	CodeUnknownCommand     Code = "UNKNOWN_COMMAND"     // rejected

	CodePreconditionFailed   Code = "PRECONDITION_FAILED" // failed; observed says what was found
	CodeNotOwner             Code = "NOT_OWNER"
	CodeAPILevel             Code = "API_LEVEL"
	CodeManagementMode       Code = "MANAGEMENT_MODE"
	CodeEscrowDisabled       Code = "ESCROW_DISABLED"
	CodeTokenNotSet          Code = "TOKEN_NOT_SET"
	CodeTokenNotActive       Code = "TOKEN_NOT_ACTIVE"
	CodeTokenAlreadyActive   Code = "TOKEN_ALREADY_ACTIVE"
	CodeTokenMismatch        Code = "TOKEN_MISMATCH"
	CodeInvalidValue         Code = "INVALID_VALUE" // validation says why, in AOSP's names
	CodePasswordOwnedByOther Code = "PASSWORD_OWNED_BY_OTHER_ADMIN"
	CodeWeaverExhausted      Code = "WEAVER_EXHAUSTED"
	CodeIllegalState         Code = "ILLEGAL_STATE"
	CodeIllegalArgument      Code = "ILLEGAL_ARGUMENT"
	CodeUnsupported          Code = "UNSUPPORTED"
)

// The states of a result.
const (
	stateSucceeded = "succeeded"
	stateFailed    = "failed"
	stateRejected  = "rejected"
	stateReceived  = "received"
)

// outcome is what a result means for the ledger. Two rules hold whatever a device says. Success is recorded only for a code that is one: a
// contradiction is no success, and no failure either, so that the passcode stays among those that may be on the device. And nothing
// is recorded as refused when the command may have been executed, or comes again.
func outcome(state string, code Code) (o lock.Outcome, known bool) {
	switch state {
	case stateSucceeded:
		if code == CodeOK || code == CodeNoSecureLock {
			return lock.Acknowledged, true
		}
		return lock.Progress, true
	case stateReceived:
		return lock.Progress, true
	case stateFailed, stateRejected:
	default:
		return "", false
	}
	switch code {
	case CodeStale: // was not executed, and gets a new number when it comes again
		return lock.NotNow, true
	case CodeUnknown, // may have been executed
		CodeBadSignature,                           // the agent does not even know that the ID is ours
		CodeOK, CodeNoSecureLock, CodeAccepted, "": // contradicts the state
		return lock.Progress, true
	default:
		return lock.Refused, true
	}
}
