//go:build unix

package collectors_test

import (
	"os"
	"runtime"
	"syscall"
)

// peak is the most memory that a process had in use, in MB.
func peak(p *os.ProcessState) float64 {
	most := float64(p.SysUsage().(*syscall.Rusage).Maxrss) // in KiB, on macOS in bytes
	if runtime.GOOS == "darwin" {
		most /= 1024
	}
	return most * 1024 / 1e6
}
