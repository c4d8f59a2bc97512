//go:build !race

package main

// memoryFactor is how much more memory a server takes than it does in earnest.
const memoryFactor = 1
