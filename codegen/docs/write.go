package docs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// ErrForeign says that a folder is not replaced by a site.
var ErrForeign = errors.New("it has files that are no reference of idlc's")

// Write puts a site into a folder, which it replaces as a whole: what fails leaves the folder as it was. A folder with
// anything else in it than an older reference is not touched. The folder above it must be there.
func Write(dir string, site map[string][]byte) error {
	dir = filepath.Clean(dir)
	if err := replaceable(dir); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	fresh, old := filepath.Join(temporary, "new"), filepath.Join(temporary, "old")
	for _, path := range slices.Sorted(maps.Keys(site)) {
		target := filepath.Join(fresh, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, site[path], 0o644); err != nil {
			return err
		}
	}
	before := os.Rename(dir, old)
	if before != nil && !errors.Is(before, fs.ErrNotExist) {
		return before
	}
	err = os.Rename(fresh, dir)
	if err != nil && before == nil {
		err = errors.Join(err, os.Rename(old, dir))
	}
	return err
}

// replaceable refuses a folder whose loss somebody would regret.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	for _, name := range []string{indexPage, "search.js", "site.css", "site.js"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return ErrForeign
		}
	}
	return nil
}
