//go:build race

package collectors_test

// mostMemory is what a collecting process may have in use, in MB: the race detector
// takes several times of it for itself.
const mostMemory = 3000
