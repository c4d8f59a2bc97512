package androidtest

// Class is the name of a Java exception without its package.
type Class string

// The exceptions that DevicePolicyManager throws here.
const (
	SecurityException             Class = "SecurityException"
	IllegalStateException         Class = "IllegalStateException"
	IllegalArgumentException      Class = "IllegalArgumentException"
	NullPointerException          Class = "NullPointerException"
	UnsupportedOperationException Class = "UnsupportedOperationException"
	NoSuchMethodError             Class = "NoSuchMethodError" // the level of the device is older than the method
)

// Exception is what a method of DevicePolicyManager threw, with the platform's own message. Compare with errors.As.
type Exception struct {
	Class   Class
	Message string
}

// Error is the class and the message, as a stack trace shows them.
func (e *Exception) Error() string {
	if e.Message == "" {
		return string(e.Class)
	}
	return string(e.Class) + ": " + e.Message
}

func throw(class Class, message string) *Exception { return &Exception{Class: class, Message: message} }

// The platform's messages that more than one place throws.
const (
	msgNotActiveAdmin = "No active admin owned by uid"
	msgNotOwner       = "Admin does not own the profile or the device"
	msgEscrow         = "Escrow token is disabled on the current user"
	msgTooShort       = "password must not be null and at least of length 4"
	msgNoSlots        = "Run out of weaver slots."
	msgAdminDead      = "Device admin can no longer call resetPassword()"
	msgOwnerDead      = "resetPassword() is deprecated for DPC targeting O or later"
	msgNoProfileReset = "You can not reset the password for a managed profile. "
)
