package omadm

// Code is a SyncML status code; 0 is a command that the device said nothing about.
type Code int

// The codes that Windows answers with.
const (
	CodeInProgress           Code = 101
	CodeOK                   Code = 200
	CodeAccepted             Code = 202 // it goes on after the session
	CodeAuthenticated        Code = 212
	CodeChunkAccepted        Code = 213
	CodeCancelled            Code = 214
	CodeNotExecuted          Code = 215
	CodeRolledBack           Code = 216 // within an Atomic that failed
	CodeNotModified          Code = 304
	CodeBadRequest           Code = 400
	CodeInvalidCredentials   Code = 401
	CodeForbidden            Code = 403
	CodeNotFound             Code = 404
	CodeNotAllowed           Code = 405 // RemoteLock: no PIN is set
	CodeNotSupported         Code = 406
	CodeMissingCredentials   Code = 407
	CodeTimeout              Code = 408
	CodeIncomplete           Code = 412
	CodeTooLarge             Code = 413
	CodeURITooLong           Code = 414
	CodeUnsupportedFormat    Code = 415
	CodeExists               Code = 418
	CodeDeviceFull           Code = 420
	CodeSizeMismatch         Code = 424
	CodePermissionDenied     Code = 425
	CodeCommandFailed        Code = 500
	CodeNotImplemented       Code = 501
	CodeProcessingError      Code = 506
	CodeAtomicFailed         Code = 507 // nothing of it was changed, unless a child says otherwise
	CodeStoreFailed          Code = 510
	CodeRollbackFailed       Code = 516 // what the device has now is not known
	CodeAtomicResultTooLarge Code = 517
)

// Class is what a status code means to whoever waits for the command.
type Class string

// The classes.
const (
	ClassOK            Class = "ok"
	ClassPending       Class = "pending"        // accepted, not done yet
	ClassUnsupported   Class = "unsupported"    // the node or the command is not there
	ClassNotApplicable Class = "not_applicable" // it is there, and cannot be used now
	ClassDenied        Class = "denied"
	ClassConflict      Class = "conflict" // it exists already
	ClassSkipped       Class = "skipped"
	ClassRolledBack    Class = "rolled_back"
	ClassUnknown       Class = "unknown" // nobody can say what the device has now
	ClassAuth          Class = "auth"
	ClassSize          Class = "size"
	ClassRetry         Class = "retry"
	ClassFailed        Class = "failed"
	ClassServerError   Class = "server_error" // the command was wrong
)

var classes = map[Code]Class{
	CodeAccepted:             ClassPending,
	CodeChunkAccepted:        ClassPending,
	CodeNotExecuted:          ClassSkipped,
	CodeRolledBack:           ClassRolledBack,
	CodeNotModified:          ClassOK,
	CodeBadRequest:           ClassServerError,
	CodeInvalidCredentials:   ClassAuth,
	CodeForbidden:            ClassDenied,
	CodeNotFound:             ClassUnsupported,
	CodeNotAllowed:           ClassNotApplicable,
	CodeNotSupported:         ClassUnsupported,
	CodeMissingCredentials:   ClassAuth,
	CodeTimeout:              ClassRetry,
	CodeIncomplete:           ClassServerError,
	CodeTooLarge:             ClassSize,
	CodeURITooLong:           ClassServerError,
	CodeUnsupportedFormat:    ClassServerError,
	CodeExists:               ClassConflict,
	CodeSizeMismatch:         ClassSize,
	CodePermissionDenied:     ClassDenied,
	CodeNotImplemented:       ClassUnsupported,
	CodeRollbackFailed:       ClassUnknown,
	CodeAtomicResultTooLarge: ClassSize,
	CodeCancelled:            ClassFailed,
}

// Class sorts a code. No code at all (0) is [ClassUnknown]; a code that nobody has defined goes by its hundred.
func (c Code) Class() Class {
	if class, ok := classes[c]; ok {
		return class
	}
	switch {
	case c <= 0:
		return ClassUnknown
	case c < 200:
		return ClassPending
	case c < 300:
		return ClassOK
	default:
		return ClassFailed
	}
}
