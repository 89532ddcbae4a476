package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// compare checks that the source came back below target: every entry with its mode, its time and its bytes. The time of
// the source itself is left out, because rustic does not restore that of a folder it was told to back up.
func compare(source, target string) error {
	restored, err := locate(target, filepath.Base(source))
	if err != nil {
		return err
	}
	want, got := 0, 0
	err = filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		want++
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		return compareEntry(path, filepath.Join(restored, name), name != ".")
	})
	if err != nil {
		return err
	}
	err = filepath.WalkDir(restored, func(_ string, _ fs.DirEntry, err error) error {
		got++
		return err
	})
	if err == nil && got != want {
		err = fmt.Errorf("restored %d entries of %d", got, want)
	}
	return err
}

// locate finds the restored source: some tools put it right below the target, others below its whole path.
func locate(target, name string) (string, error) {
	for folder := target; ; {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			return filepath.Join(folder, name), nil
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return "", err
		}
		if len(entries) != 1 || !entries[0].IsDir() {
			return "", fmt.Errorf("%s: %s was not restored", target, name)
		}
		folder = filepath.Join(folder, entries[0].Name())
	}
}

func compareEntry(want, got string, timed bool) error {
	a, err := os.Lstat(want)
	if err != nil {
		return err
	}
	b, err := os.Lstat(got)
	if err != nil {
		return err
	}
	if a.Mode() != b.Mode() {
		return fmt.Errorf("%s: restored with mode %v, not %v", got, b.Mode(), a.Mode())
	}
	if timed && !a.ModTime().Equal(b.ModTime()) && a.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s: restored with time %v, not %v", got, b.ModTime(), a.ModTime())
	}
	if !a.Mode().IsRegular() {
		return nil
	}
	if a.Size() != b.Size() {
		return fmt.Errorf("%s: restored with %d bytes, not %d", got, b.Size(), a.Size())
	}
	x, err := os.Open(want)
	if err != nil {
		return err
	}
	defer x.Close()
	y, err := os.Open(got)
	if err != nil {
		return err
	}
	defer y.Close()
	bufX, bufY := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, errX := io.ReadFull(x, bufX)
		m, errY := io.ReadFull(y, bufY)
		if n != m || !bytes.Equal(bufX[:n], bufY[:m]) {
			return fmt.Errorf("%s: restored with other content", got)
		}
		if errX == io.EOF || errX == io.ErrUnexpectedEOF {
			return nil
		}
		if errX != nil {
			return errX
		}
		if errY != nil {
			return errY
		}
	}
}

func forEachFile(root string, do func(path string) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return do(path)
	})
}

func folderSize(root string) (total int64, err error) {
	err = filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
