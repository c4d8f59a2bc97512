//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import "os"

// flock does nothing: see to it that no server runs while a database is restored.
func flock(*os.File, bool) (taken bool, err error) { return false, nil }
