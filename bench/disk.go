package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the disk itself does with the bytes of the random file, each until they are durable.
const (
	buffered step = "buffered" // through the page cache, then fdatasync
	direct   step = "direct"   // past it, in large blocks
	copied   step = "cp"       // cp of the cached file, then a sync of the copy
)

// diskWriter is the argument that makes this program one that writes a file as a step says.
const diskWriter = "write-to-disk"

// diskBlock is what is written at a time.
const diskBlock = 8 << 20

// disk is the disk without a backup program.
func (c *config) disk() *contender {
	self, err := os.Executable()
	k := &contender{
		name: "disk", settings: "the bytes of the random file written and synced, without a backup program",
		setup: func(place) [][]string { return nil },
		command: func(p place, s step) []string {
			target := p.in(string(s))
			if s == copied {
				return []string{"sh", "-c", `cp "$1" "$2" && sync "$2"`, "sh", p.source, target}
			}
			return []string{self, diskWriter, string(s), p.source, target}
		},
	}
	if err != nil {
		k.absent = err.Error()
	}
	return k
}

// writeToDisk writes a file of the size of another one. The content is one block of it again and again, so that nothing
// but writing is measured.
func writeToDisk(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%s takes how, a source and a target", diskWriter)
	}
	how, source, target := step(args[0]), args[1], args[2]
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	block := alignedBlock(diskBlock)
	if _, err := io.ReadFull(in, block); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if how == direct {
		flags |= unix.O_DIRECT
	}
	out, err := os.OpenFile(target, flags, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	for left := info.Size(); left > 0; left -= int64(len(block)) {
		if left < int64(len(block)) && how == direct {
			// Whole sectors only: the rest of a file is at most one of them longer.
			block = block[:(left+4095)/4096*4096]
		} else if left < int64(len(block)) {
			block = block[:left]
		}
		if _, err := out.Write(block); err != nil {
			return err
		}
	}
	return unix.Fdatasync(int(out.Fd()))
}

// alignedBlock is memory that a device can be given, which wants whole sectors.
func alignedBlock(size int) []byte {
	const sector = 4096
	block := make([]byte, size+sector)
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(unsafe.SliceData(block))) % sector); rest > 0 {
		skip = sector - rest
	}
	return block[skip : skip+size : skip+size]
}

// isDisk reports whether a case is of the disk alone.
func isDisk(name string) bool { return strings.HasPrefix(name, "disk/") }
