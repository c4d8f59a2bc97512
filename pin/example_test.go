package pin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/latchkey-mdm/latchkey/pin"
)

func ExampleParse() {
	code, err := pin.Parse("739182")
	fmt.Println(code, err)
	fmt.Println(code.Expose())

	_, err = pin.Parse("739182 ")
	fmt.Println(errors.Is(err, pin.ReasonSpace), err)
	// Output:
	// [redacted] <nil>
	// 739182
	// true pin: a PIN must not begin or end with white space
}

func ExamplePolicy_Check() {
	code, err := pin.Parse("890123")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pin.SixDigits().Check(code))
	// Output: pin: the PIN must not be a run up or down, nor have one of five characters
}

func ExamplePolicy_Generate() {
	code, err := pin.SixDigits().Generate()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code, len(code.Expose()))
	// Output: [redacted] 6
}

func ExampleKeyring_Seal() {
	folder, err := os.MkdirTemp("", "latchkey")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	keyring, err := pin.CreateKeyring(filepath.Join(folder, "keyring"))
	if err != nil {
		log.Fatal(err)
	}
	code, err := pin.Parse("739182")
	if err != nil {
		log.Fatal(err)
	}

	ctx, binding := context.Background(), pin.Binding{Scope: "acme", Platform: "apple", Action: "4711"}
	box, err := keyring.Seal(ctx, code, binding)
	if err != nil {
		log.Fatal(err)
	}
	again, err := keyring.Open(ctx, box, binding)
	fmt.Println(again.Equal(code), err)

	binding.Scope = "somebody else"
	_, err = keyring.Open(ctx, box, binding)
	fmt.Println(err)
	// Output:
	// true <nil>
	// pin: the box does not open: wrong key, other binding, or damaged
}
