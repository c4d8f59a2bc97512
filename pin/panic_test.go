package pin_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

const envPanic = "PIN_TEST_PANIC"

// panics are the ways for a value to end a process. They run in a process of their own.
func panics[T any](v T) map[string]func() {
	return map[string]func(){
		"value":         func() { panic(v) },
		"pointer":       func() { panic(&v) },
		"struct":        func() { panic(unexported[T]{v}) },
		"slice":         func() { panic([]any{v, exported[T]{v}}) },
		"error":         func() { panic(failure[T]{v}) },
		"wrapped error": func() { panic(fmt.Errorf("wrapped: %w, %v", failure[T]{v}, unexported[T]{v})) },
		"text":          func() { panic(fmt.Sprintf("%+v", unexported[T]{v})) },
		"deferred": func() {
			defer func() { panic(fmt.Sprint("again: ", recover())) }()
			panic(failure[T]{v})
		},
		"arguments": func() { crash(v, &v, exported[T]{v}, []T{v}, nil) },
		"type assertion": func() {
			var holder any = v
			panic(fmt.Sprint(holder, holder.(error)))
		},
	}
}

// crash has arguments for the trace to show.
//
//go:noinline
func crash[T any](v T, p *T, e exported[T], s []T, m map[string]T) {
	m[fmt.Sprint(v, p, e, s)] = v // a nil map
}

// TestPanicChild is the process that ends; without the variable it does nothing.
func TestPanicChild(t *testing.T) {
	how := os.Getenv(envPanic)
	if how == "" {
		return
	}
	if plain, ok := panics(digits)[how]; ok {
		goAndWait(plain)
	}
	goAndWait(panics(parse(t, digits))[how[len("PIN: "):]])
}

// goAndWait keeps the test's own recovery out.
func goAndWait(f func()) {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	<-done
}

// die runs TestPanicChild, and returns all that the runtime wrote.
func die(t *testing.T, how string) string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), program, "-test.run=^TestPanicChild$")
	child.Env = append(os.Environ(), envPanic+"="+how, "GOTRACEBACK=system")
	out, err := child.CombinedOutput()
	require.ErrorAs(t, err, new(*exec.ExitError), "it must not survive")
	return string(out)
}

func TestPanicsHideThePIN(t *testing.T) {
	for how := range panics(pin.PIN{}) {
		t.Run(how, func(t *testing.T) {
			out := die(t, "PIN: "+how)
			assert.Contains(t, out, "goroutine ", "there is a trace")
			assertHidden(t, out, how)
		})
	}
}

// TestPanicsAreSearched shows that the digits of a plain string are found where a panic prints its value.
func TestPanicsAreSearched(t *testing.T) {
	for _, how := range []string{"value", "error", "wrapped error", "text", "deferred"} {
		assert.NotEmpty(t, leaks(die(t, how)), how)
	}
}
