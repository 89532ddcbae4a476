//go:build bazel

package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what all threads of the process have used. Where other programs run too it says more than the time on the clock.
func processorTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// counted adds how many threads the process has, of which Go and the library end none while a case runs, and its peak memory.
func counted(figures []figure, err error) ([]figure, error) {
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(content)) {
		name, text, _ := strings.Cut(line, ":")
		if fields := strings.Fields(text); len(fields) > 0 {
			values[name], _ = strconv.ParseFloat(fields[0], 64)
		}
	}
	return append(figures, figure{"os_threads", values["Threads"], "1"}, figure{"peak_rss_mib", values["VmHWM"] / 1024, "MiB"}), nil
}
