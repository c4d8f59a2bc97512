package androidtest_test

import (
	"crypto/rand"
	"fmt"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

// A token over an existing passcode is pending until somebody types that passcode. From then on it resets, also before the first unlock.
func Example() {
	d, err := androidtest.New(androidtest.Config{APILevel: 34, Mode: androidtest.DeviceOwner, Passcode: "482915"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token := make([]byte, 32)
	_, _ = rand.Read(token)
	fmt.Println(d.SetResetPasswordToken(token))
	fmt.Println(d.ResetPasswordWithToken("73915280", token, 0))
	fmt.Println(d.Type("482915"), d.State().Token)

	d.Reboot()
	fmt.Println(d.ResetPasswordWithToken("73915280", token, androidtest.RequireEntry))
	fmt.Println(d.Type("482915"), d.Type("73915280"))
	// Output:
	// true <nil>
	// false <nil>
	// true active
	// true <nil>
	// false true
}
