package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// withoutPrivileges becomes the agent without the capabilities that let root read what its mode forbids. They leave the
// bounding set of this thread, which is what exec goes by.
func withoutPrivileges() {
	runtime.LockOSThread()
	for _, capability := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0) // who may not drop them has none
	}
	_ = os.Setenv(beAgent, "1")
	fmt.Fprintln(os.Stderr, syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	os.Exit(99)
}

func TestNoRepository(t *testing.T) {
	a := newAgent(t)
	a.extra = []string{"STRONGROOM_PASSWORD=x"}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	a.fails(exitNoRepository, "there is no repository at "+nowhere+"; create one with init", "snapshots", "--repo", nowhere)
	a.fails(exitNoRepository, "create one with init", "backup", ".", "--repo", nowhere)
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "config"), bytes.Repeat([]byte("something else\n"), 10), 0o644))
	a.fails(exitNoRepository, other+" is not a repository: ", "snapshots", "--repo", other)
	a.fails(exitNoRepository, "", "check", "--repo", goSource(t))

	r := a.run("snapshots", "--repo", nowhere, "--json")
	failed := a.lines(r.out, "error")
	require.Len(t, failed, 1)
	assert.Equal(t, "not_found", failed[0]["error"])
	assert.EqualValues(t, exitNoRepository, failed[0]["exit_code"])
}

func TestNewerFormat(t *testing.T) {
	a := newAgent(t)
	a.ok("init")
	config := filepath.Join(a.home, ".local/share/strongroom/repository/config")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	// docs/format.md: the format's number follows this text, under the key 1.
	magic := []byte("strongroom repository")
	at := bytes.Index(text, magic) + len(magic) + 1
	require.EqualValues(t, []byte{1, 1}, text[at-1:at+1])
	text[at] = 23
	require.NoError(t, os.Remove(config))
	require.NoError(t, os.WriteFile(config, text, 0o600))
	a.fails(exitNewerFormat, "this repository has format 23 and this program reads up to 1; use a newer release", "snapshots")
}

func TestNothingOfThatName(t *testing.T) {
	a := newAgent(t)
	a.ok("init")
	a.fails(exitNotFound, "no snapshot matches latest", "restore", "latest", "--target", t.TempDir())
	a.ok("backup", t.TempDir())
	a.fails(exitNotFound, "no snapshot matches 0000000000", "ls", "0000000000")
	a.fails(exitNotFound, "the snapshot has no no/such; list its entries with ls", "ls", "latest", "no/such")
	a.fails(exitFailure, "/no/such/folder", "backup", "/no/such/folder")
}

// TestUnreadable saves what can be read, names what cannot, and says so in its exit code.
func TestUnreadable(t *testing.T) {
	a := newAgent(t)
	a.mode = "unprivileged"
	source, target := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "open"), []byte("open"), 0o644))
	secret, closed := filepath.Join(source, "secret"), filepath.Join(source, "closed")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0))
	require.NoError(t, os.Mkdir(closed, 0))
	t.Cleanup(func() { _ = os.Chmod(closed, 0o700) })

	r := a.fails(exitIncomplete, "2 files could not be read completely", "backup", source)
	assert.Contains(t, r.errOut, secret+": ")
	assert.Contains(t, r.errOut, closed+": ")
	assert.Contains(t, r.errOut, "ermission denied")
	r = a.run("backup", source, "--json")
	assert.Equal(t, exitIncomplete, r.code)
	assert.Len(t, a.lines(r.out, "issue"), 2)
	assert.Len(t, a.lines(r.out, "summary"), 1)
	assert.Len(t, a.lines(r.out, "error"), 1)

	a.ok("restore", "latest", "--target", target)
	text, err := os.ReadFile(filepath.Join(target, source, "open"))
	require.NoError(t, err)
	assert.Equal(t, "open", string(text))
	_, err = os.Stat(filepath.Join(target, secret))
	assert.ErrorIs(t, err, os.ErrNotExist)
	a.check()
}

// TestVanishing removes files while they are saved.
func TestVanishing(t *testing.T) {
	const files = 3000
	for attempt := range 10 {
		a := newAgent(t)
		source, target := t.TempDir(), t.TempDir()
		for i := range files {
			require.NoError(t, os.WriteFile(filepath.Join(source, fmt.Sprintf("%05d", i)), fmt.Appendf(nil, "file %d", i), 0o644))
		}
		a.ok("init")
		c := a.command("backup", source, "--json")
		var removing sync.WaitGroup
		removing.Go(func() {
			time.Sleep(time.Duration(20+5*attempt) * time.Millisecond)
			for i := files - 1; i >= files/2; i-- {
				_ = os.Remove(filepath.Join(source, fmt.Sprintf("%05d", i)))
			}
		})
		r := a.finish(c, nil)
		removing.Wait()
		issues := a.lines(r.out, "issue")
		if len(issues) == 0 {
			assert.Equal(t, exitOK, r.code, r.errOut)
		} else {
			assert.Equal(t, exitIncomplete, r.code, r.errOut)
		}
		for _, issue := range issues {
			assert.Contains(t, []any{"vanished", "changed"}, issue["kind"], "%v", issue)
		}
		a.ok("restore", "latest", "--target", target)
		for i := range files / 2 {
			text, err := os.ReadFile(filepath.Join(target, source, fmt.Sprintf("%05d", i)))
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("file %d", i), string(text))
		}
		if len(issues) > 0 {
			t.Logf("attempt %d: %d of %d files vanished during the backup", attempt+1, len(issues), files)
			return
		}
	}
	assert.Fail(t, "no file vanished at the right moment")
}

// TestGrowing appends to a file while it is saved: the snapshot has the beginning of what it became.
func TestGrowing(t *testing.T) {
	a := newAgent(t)
	source, target := t.TempDir(), t.TempDir()
	path := filepath.Join(source, "log")
	file, err := os.Create(path)
	require.NoError(t, err)
	// Its words count up, so that every part of it is known.
	words := func(from, n int) []byte {
		block := make([]byte, 0, 8*n)
		for i := range n {
			block = binary.LittleEndian.AppendUint64(block, uint64(from+i))
		}
		return block
	}
	const step = 1 << 16
	written := 0
	for range 128 {
		_, err = file.Write(words(written, step))
		require.NoError(t, err)
		written += step
	}
	a.ok("init")
	stop := make(chan struct{})
	var growing sync.WaitGroup
	growing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := file.Write(words(written, step/16)); err != nil {
				return
			}
			written += step / 16
			time.Sleep(time.Millisecond)
		}
	})
	r := a.run("backup", source)
	close(stop)
	growing.Wait()
	require.NoError(t, file.Close())
	assert.Equal(t, exitOK, r.code, r.errOut)
	t.Log(r.errOut)

	a.ok("restore", "latest", "--target", target)
	got, err := os.ReadFile(filepath.Join(target, path))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(got), 128*step*8)
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(want, got), "what was saved is what was there")
	a.check()
}

// TestDamagedPack flips one byte in the middle of a pack.
func TestDamagedPack(t *testing.T) {
	a := newAgent(t)
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "large"), random(t, 8<<20), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(source, "small"), []byte("small"), 0o644))
	a.ok("backup", source)
	a.check()

	var pack string
	var length int64
	require.NoError(t, filepath.Walk(filepath.Join(a.home, ".local/share/strongroom/repository"), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > length {
			pack, length = path, info.Size()
		}
		return err
	}))
	require.NoError(t, os.Chmod(pack, 0o600))
	file, err := os.OpenFile(pack, os.O_RDWR, 0)
	require.NoError(t, err)
	b := make([]byte, 1)
	_, err = file.ReadAt(b, length/2)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{b[0] ^ 1}, length/2)
	require.NoError(t, err)
	require.NoError(t, file.Close())

	r := a.fails(exitDamaged, "is damaged: ", "check", "--read-data")
	assert.Contains(t, r.errOut, filepath.Base(pack), "it names the object")
	r = a.run("check", "--read-data", "--json")
	assert.Equal(t, exitDamaged, r.code)
	assert.NotEmpty(t, a.lines(r.out, "damage"))

	target := t.TempDir()
	r = a.fails(exitDamaged, "could not be restored, because", "restore", "latest", "--target", target)
	assert.Contains(t, r.errOut, "large: ")
	r = a.fails(exitDamaged, "damaged", "restore", "latest", "--stdout", "large")
	assert.Less(t, len(r.out), 8<<20)
}

// TestFullDisk runs out of space during a backup. It needs a file system of its own, in namespaces of its own.
func TestFullDisk(t *testing.T) {
	const inside = "STRONGROOM_TEST_NAMESPACE"
	if os.Getenv(inside) == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		c := exec.Command(self, "-test.run=^TestFullDisk$", "-test.v")
		c.Env = append(os.Environ(), inside+"=1")
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "--- PASS: TestFullDisk")
		return
	}

	disk := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"))
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(disk, 0)) })
	a := newAgent(t)
	a.extra = []string{"STRONGROOM_PASSWORD=x", "STRONGROOM_REPOSITORY=" + filepath.Join(disk, "repository")}
	a.ok("init")
	small, large, target := t.TempDir(), t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(small, "small"), random(t, 2<<20), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(large, "large"), random(t, 64<<20), 0o644))
	a.ok("backup", small)
	for range 2 {
		a.fails(exitNoSpace, "no space is left to write", "backup", large)
	}
	a.check()
	assert.Len(t, a.lines(a.ok("snapshots", "--json"), "snapshot"), 1)
	a.ok("restore", "latest", "--target", target)
	sameTree(t, small, filepath.Join(target, small))
}
