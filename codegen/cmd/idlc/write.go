package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"strongroom.dev/codegen/docs"
)

// replaceFiles writes files, all of them or none: each is written beside its target before the first one is replaced, and what was
// replaced comes back where a later one fails. A link stays one, a file keeps its mode, and folders are made where they are missing.
func replaceFiles(paths []string, texts [][]byte) (err error) {
	var undo []func()
	defer func() {
		if err == nil {
			return
		}
		for i := range undo {
			undo[len(undo)-1-i]()
		}
	}()
	files := make([]replacement, len(paths))
	for i, path := range paths {
		f := &files[i]
		if f.target, f.mode, err = target(path); err != nil {
			return unwritable(path, err)
		}
		made, err := makeFolders(filepath.Dir(f.target))
		undo = append(undo, func() {
			for _, folder := range made {
				os.Remove(folder)
			}
		})
		if err != nil {
			return unwritable(path, err)
		}
		if f.temporary, err = beside(f.target, texts[i], f.mode); err != nil {
			return unwritable(path, err)
		}
		undo = append(undo, func() { os.Remove(f.temporary) })
	}
	for i, path := range paths {
		f := files[i]
		before, err := os.ReadFile(f.target)
		if err == nil {
			undo = append(undo, func() { f.restore(before) })
		} else if errors.Is(err, fs.ErrNotExist) {
			undo = append(undo, func() { os.Remove(f.target) })
		} else {
			return unwritable(path, err)
		}
		if err := os.Rename(f.temporary, f.target); err != nil {
			undo = undo[:len(undo)-1] // the target is as it was
			return unwritable(path, err)
		}
	}
	return nil
}

// replacement is a file that waits beside the one whose place it takes.
type replacement struct {
	target, temporary string
	mode              fs.FileMode
}

func (r replacement) restore(before []byte) {
	if temporary, err := beside(r.target, before, r.mode); err == nil {
		os.Rename(temporary, r.target)
	}
}

// target finds the file that a path means, and its mode. What is there and is no file is refused: a rename would put a file in
// the place of a device or a pipe.
func target(path string) (string, fs.FileMode, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, 0o644, nil
	case err != nil:
		return "", 0, err
	case info.IsDir():
		return "", 0, syscall.EISDIR
	case !info.Mode().IsRegular():
		return "", 0, errNoFile
	}
	target, err := filepath.EvalSymlinks(path)
	return target, info.Mode().Perm(), err
}

var errNoFile = errors.New("it is a device or a pipe")

// makeFolders makes a folder and those above it, and answers which were missing, the deepest first.
func makeFolders(folder string) (made []string, err error) {
	for at := folder; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Lstat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, at)
	}
	return made, os.MkdirAll(folder, 0o755)
}

// beside writes a temporary file into the folder of a path.
func beside(path string, text []byte, mode fs.FileMode) (temporary string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(mode)
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// unwritable says of an output why it cannot be written, and what to do.
func unwritable(path string, err error) error {
	advice := "write elsewhere"
	switch {
	case errors.Is(err, docs.ErrForeign):
		advice = "give a new or an empty folder"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		advice = "write into a folder that is yours"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		advice = "a file and a folder need the same name: move one of them"
	case errors.Is(err, syscall.EISDIR):
		advice = "name a file in it"
	case errors.Is(err, errNoFile):
		advice = "name a file"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = "make room"
	}
	return fmt.Errorf("cannot write %s: %w; %s", path, reason(err), advice)
}

// reason leaves out the operation and its paths: those of temporary files say nothing.
func reason(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	default:
		return err
	}
}
