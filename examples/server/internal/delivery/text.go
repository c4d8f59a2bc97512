package delivery

import (
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

// letter is what a mail says. Its texts are ASCII, and it never names the device: whoever uses the
// device chose its name.
type letter struct{ subject, body string }

// codeOf is what people call what opens a device.
func codeOf(d lock.Device) string {
	if d.Platform == windows.PlatformName {
		return "PIN"
	}
	return "passcode"
}

// linkLetter is the mail with a link. It cannot have the passcode, because nothing that it is made of has: and no digit, unless the URL does.
func linkLetter(to Recipient, what, url string, life time.Duration, signIn bool) letter {
	opening := "Your administrator has set a new " + what + " on a device of yours. It is needed to unlock the device."
	if to == ToAdmin {
		opening = "The device has confirmed the new " + what + " that you ordered."
	}
	how := "Open this link and press the button there to read the " + what + ":"
	if signIn || to == ToAdmin {
		how = "Open this link, sign in, and press the button there to read the " + what + ":"
	}
	end := "If you did not expect this mail, do not open the link, and tell your administrator."
	if to == ToAdmin {
		end = "If you did not order it, do not open the link, and look into the audit log."
	}
	return letter{"A new " + what + " is waiting for you", "Hello,\n\n" + opening + "\n\n" + how + "\n\n" + url + "\n\n" +
		"The link works once, for " + inWords(life) + ". Have the device at hand before you open it. If you were sent\n" +
		"more than one such mail for the same " + what + ", only the newest link works.\n\n" + end + "\n\n" +
		"This mail was sent by a machine: nobody reads the answers.\n"}
}

// inWords says how long a time is, in whole hours or days from two hours on, and without a digit up to ninety-nine of them.
func inWords(d time.Duration) string {
	n, unit := int(d/time.Minute), "minute"
	if d >= 2*time.Hour {
		n, unit = int(d/time.Hour), "hour"
	}
	if d >= 3*24*time.Hour {
		n, unit = int(d/(24*time.Hour)), "day"
	}
	text := number(n) + " " + unit
	if n != 1 {
		text += "s"
	}
	return text
}

var (
	small = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
		"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tens = [...]string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
)

func number(n int) string {
	switch {
	case n >= 120:
		return fmt.Sprint(n)
	case n >= 100:
		return "a hundred and " + number(n-100)
	case n < len(small):
		return small[n]
	case n%10 == 0:
		return tens[n/10]
	}
	return tens[n/10] + "-" + small[n%10]
}
