package main

import (
	"fmt"
	"strconv"
	"strings"
)

// size is a flag's number of bytes: a number with an optional K, M or G (powers of 1024).
type size int64

func (s *size) Set(text string) error {
	digits, shift := text, 0
	for i, unit := range []string{"K", "M", "G"} {
		if d, ok := strings.CutSuffix(strings.ToUpper(text), unit); ok {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return fmt.Errorf("%q is not a size; write it like 512M or 2G", text)
	}
	*s = size(n << shift)
	return nil
}

func (s size) String() string {
	switch {
	case s >= 1<<30 && s%(1<<30) == 0:
		return fmt.Sprintf("%dG", int64(s>>30))
	case s >= 1<<20 && s%(1<<20) == 0:
		return fmt.Sprintf("%dM", int64(s>>20))
	}
	return strconv.FormatInt(int64(s), 10)
}
