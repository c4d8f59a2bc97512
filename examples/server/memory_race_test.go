//go:build race

package main

// memoryFactor is how much more memory a server takes than it does in earnest: the race detector keeps a history of it.
const memoryFactor = 4
