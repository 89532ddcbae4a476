package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/strongroom"
)

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 bytes", 1: "1 byte", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1 << 62: "4.0 EiB",
	} {
		assert.Equal(t, want, size(n))
	}
	for text, want := range map[string]uint64{"7": 7, "512M": 512 << 20, "1g": 1 << 30, "64MiB": 64 << 20, "2KB": 2 << 10} {
		got, err := parseSize(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "M", "-1", "1.5G", "1X", "1MM", "99999999T"} {
		_, err := parseSize(text)
		assert.Error(t, err, text)
	}
	assert.Equal(t, " (10.0 MiB/s)", speed(20<<20, 2*time.Second))
	assert.Empty(t, speed(1, 0))
}

func TestCompressions(t *testing.T) {
	for text, want := range map[string]strongroom.Compression{
		"": strongroom.CompressionAuto{}, "auto": strongroom.CompressionAuto{}, "off": strongroom.CompressionOff{},
		"lz4": strongroom.CompressionLz4{}, "zstd": strongroom.CompressionZstd{Level: 1}, "zstd:-7": strongroom.CompressionZstd{Level: -7},
	} {
		got, err := parseCompression(text)
		assert.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"zstd:", "zstd:20", "zstd:x", "lz4:1", "gzip"} {
		_, err := parseCompression(text)
		assert.ErrorAs(t, err, new(usageError), text)
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[uint32]string{
		0o644: "-rw-r--r--", 0o4755: "-rwsr-xr-x", 0o2640: "-rw-r-S---", 0o1777: "-rwxrwxrwt", 0o100644: "-rw-r--r--",
	} {
		assert.Equal(t, want, modeText("file", mode))
	}
	assert.Equal(t, "drwx------", modeText("folder", 0o700))
}

func TestExitCodes(t *testing.T) {
	for want, err := range map[int]error{
		exitOK: nil, exitFailure: errors.New("x"), exitUsage: usageError{errors.New("x")}, exitInterrupted: context.Canceled,
		exitNoRepository: &strongroom.RepositoryNotARepositoryError{}, exitExists: &strongroom.RepositoryAlreadyExistsError{},
		exitWrongKey: &strongroom.RepositoryWrongKeyError{}, exitNewerFormat: &strongroom.RepositoryNewerFormatError{},
		exitDamaged: &strongroom.RepositoryDamagedError{}, exitNoSpace: &strongroom.RepositoryNoSpaceError{},
		exitStore: &strongroom.RepositoryStoreNotSafeError{}, exitNotFound: &strongroom.RepositoryNoSuchPathError{},
		exitIncomplete: &outcome{exitIncomplete, "x"},
	} {
		assert.Equal(t, want, exitCode(err), "%T", err)
	}
	assert.Equal(t, exitInterrupted, exitCode(&rpc.Error{Code: rpc.Cancelled}))
	assert.Equal(t, exitFailure, exitCode(&rpc.PanicError{}))
}

func TestProgress(t *testing.T) {
	files, bytes := uint64(20), uint64(8<<20)
	now := strongroom.Progress{
		Files: 5, Bytes: 2 << 20, FilesTotal: &files, BytesTotal: &bytes, BytesRead: 2 << 20, BytesNew: 1 << 20,
		BytesPacked: 3 << 19, BytesStored: 1 << 20, Issues: 1, Current: "a",
	}
	assert.Equal(t, "saving 5 of 20 files, deduplicated 2.0x, compressed 1.5x, 1 error", describeProgress("saving", now))
	assert.Equal(t, line{
		"files": uint64(5), "files_total": files, "bytes": uint64(2 << 20), "bytes_total": bytes, "bytes_read": uint64(2 << 20),
		"bytes_new": uint64(1 << 20), "bytes_stored": uint64(1 << 20), "issues": uint64(1), "seconds": 4.0,
		"bytes_per_second": float64(1 << 19), "seconds_left": 12.0, "deduplication_ratio": 2.0, "compression_ratio": 1.5, "current": "a",
	}, progressLine(now, 4*time.Second))
	assert.Equal(t, "checking 0 files", describeProgress("checking", strongroom.Progress{}))
	assert.NotContains(t, progressLine(strongroom.Progress{}, time.Second), "seconds_left")
}
