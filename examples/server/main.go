// Command server is Latchkey's reference server: one binary that enrols Macs, locks them, and keeps the PINs that open them again.
//
//	go run ./examples/server -demo
//
// starts it with a simulated fleet. Run it with -h for the flags and the commands. What is recorded
// is verified with audit, also beside a server that is running, or elsewhere.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(exit(run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr), os.Stderr))
}
