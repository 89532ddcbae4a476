package environment

import (
	"bytes"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what figures depend on.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	Memory    int64  `json:"memory_bytes"`
}

// Describe says what machine this is.
func Describe() Machine {
	m := Machine{Cores: runtime.NumCPU(), Processor: runtime.GOARCH}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	if content, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range bytes.Lines(content) {
			if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Processor = strings.TrimSpace(value)
				break
			}
		}
	}
	return m
}
