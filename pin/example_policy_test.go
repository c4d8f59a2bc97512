package pin_test

import (
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

func ExamplePolicy() {
	policy := pin.Policy{
		Length:    8,
		Alphabet:  "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", // none that are easily mistaken
		MinDigits: 2,
		Rules:     pin.RuleAll,
		Avoid:     []string{"C02XL0GTJGH5", "Anna's MacBook"},
	}
	code, err := policy.Generate()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Check(code))

	code, err = pin.Parse("2XL0GTJG")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Check(code))
	fmt.Println(errors.Is(policy.Check(code), pin.ReasonAlphabet))
	// Output:
	// <nil>
	// pin: the PIN must consist of the characters 23456789ABCDEFGHJKLMNPQRSTUVWXYZ
	// true
}

// What a dialog shows while somebody types.
func ExamplePolicy_Findings() {
	code, err := pin.Parse("311299")
	if err != nil {
		log.Fatal(err)
	}
	policy := pin.SixDigits()
	policy.Avoid = []string{"+44 20 3112 9900"}
	for _, finding := range policy.Findings(code) {
		fmt.Println(string(finding.Reason)+":", finding.Rule)
	}
	// Output:
	// date: the PIN must not be a date or a year
	// value: the PIN must not be part of what others may know, such as a serial or phone number
}

func ExamplePolicy_Entropy() {
	bits, exact := pin.SixDigits().Entropy()
	fmt.Printf("%.2f %v\n", bits, exact)

	bits, exact = pin.Policy{Length: 12, Alphabet: "0123456789", Rules: pin.RuleAll}.Entropy()
	fmt.Printf("%.2f %v\n", bits, exact)
	// Output:
	// 19.79 true
	// 39.85 false
}

func ExampleRotation() {
	var rotation pin.Rotation // the last 10 PINs, and 90 days
	inUse, err := pin.SixDigits().Generate()
	if err != nil {
		log.Fatal(err)
	}
	last := []pin.PIN{inUse}

	fmt.Println(rotation.Keep(inUse, pin.SixDigits(), 30*24*time.Hour, nil))
	fmt.Println(rotation.Keep(inUse, pin.SixDigits(), 30*24*time.Hour, last)) // it was shown

	next, err := rotation.Generate(pin.SixDigits(), last, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(next.Equal(inUse), rotation.Check(inUse, last, nil))
	// Output:
	// <nil>
	// pin: the PIN was shown to somebody, so it must not be kept
	// false pin: the PIN must differ from the last ones
}
