package delivery

import "github.com/latchkey-mdm/latchkey/pin"

// clearLetter is the mail with the passcode itself, after its disclosure was recorded.
func clearLetter(to Recipient, what string, code pin.PIN) letter {
	opening := "Your administrator has set a new " + what + " on a device of yours. It is needed to unlock the device:"
	if to == ToAdmin {
		opening = "The device has confirmed the new " + what + " that you ordered:"
	}
	return letter{"Your new " + what, "Hello,\n\n" + opening + "\n\n    " + code.Expose() + "\n\n" +
		"Type it slowly: after wrong tries the device makes you wait. Then delete this mail.\n\n" +
		"If you did not expect it, tell your administrator.\n\n" +
		"This mail was sent by a machine: nobody reads the answers.\n"}
}
