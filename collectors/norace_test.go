//go:build !race

package collectors_test

// mostMemory is what a collecting process may have in use, in MB.
const mostMemory = 300
