// Package oracle compares the requests of this project's clients with those of Google's own. It is a module of its own, so that nobody who
// uses the library has Google's client among their modules.
package oracle
