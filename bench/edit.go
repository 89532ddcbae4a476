package main

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// Of a large file 32 places of 4 KiB are edited, of many files every 50th in its first bytes.
const (
	editedPlaces = 32
	editedBytes  = 4 << 10
	editedEvery  = 50
)

// edit is a part of a file that was overwritten, and what undoes it.
type edit struct {
	path     string
	at       int64
	before   []byte
	modified time.Time
}

// edits overwrites a little of an input.
func edits(in input) ([]edit, error) {
	r := rand.NewChaCha8([32]byte{3})
	if in.Files == 1 {
		length := min(editedBytes, in.Bytes/editedPlaces)
		var done []edit
		for i := range int64(editedPlaces) {
			e, err := overwrite(in.path, i*(in.Bytes/editedPlaces), length, r)
			if err != nil {
				return done, err
			}
			done = append(done, e)
		}
		return done, nil
	}
	var done []edit
	number := 0
	err := filepath.WalkDir(in.path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() == 0 {
			return err
		}
		if number++; number%editedEvery != 0 {
			return nil
		}
		e, err := overwrite(path, 0, min(64, info.Size()), r)
		if err == nil {
			done = append(done, e)
		}
		return err
	})
	return done, err
}

func overwrite(path string, at, length int64, r *rand.ChaCha8) (edit, error) {
	info, err := os.Stat(path)
	if err != nil {
		return edit{}, err
	}
	// The tree's files may be read-only.
	if err := os.Chmod(path, info.Mode()|0o200); err != nil {
		return edit{}, err
	}
	defer os.Chmod(path, info.Mode())
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return edit{}, err
	}
	defer f.Close()
	e := edit{path: path, at: at, before: make([]byte, length), modified: info.ModTime()}
	if _, err := f.ReadAt(e.before, at); err != nil {
		return edit{}, err
	}
	after := make([]byte, length)
	r.Read(after)
	_, err = f.WriteAt(after, at)
	return e, err
}

// undo brings back what was there before.
func (e edit) undo() error {
	info, err := os.Stat(e.path)
	if err != nil {
		return err
	}
	if err := os.Chmod(e.path, info.Mode()|0o200); err != nil {
		return err
	}
	f, err := os.OpenFile(e.path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(e.before, e.at)
		if closing := f.Close(); err == nil {
			err = closing
		}
	}
	if mode := os.Chmod(e.path, info.Mode()); err == nil {
		err = mode
	}
	if err != nil {
		return err
	}
	return os.Chtimes(e.path, e.modified, e.modified)
}

// undoAll undoes the last one first, because several may be of one file.
func undoAll(all []edit) error {
	var failed error
	for i := len(all) - 1; i >= 0; i-- {
		if err := all[i].undo(); err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}
