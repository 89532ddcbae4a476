package lsp

import (
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strongroom.dev/codegen/compile"
)

// workspace is what the editor has open, and the IDL files on the disk around it.
type workspace struct {
	folders   []string
	documents map[string]*document // by path
	units     map[string]*unit     // parsed before, by path; current as long as its text is
	listed    []string             // the IDL files of the folders
	fresh     bool                 // listed is what is there
}

// document is a file that is open in the editor, whose text counts more than the one on the disk.
type document struct {
	path, uri string // the address as the editor writes it
	version   int
	text      *text
}

func (d *document) setText(s string) { d.text = newText(s) }

func newWorkspace() *workspace {
	return &workspace{documents: map[string]*document{}, units: map[string]*unit{}}
}

func (w *workspace) addFolder(path string) {
	if !slices.Contains(w.folders, path) {
		w.folders = append(w.folders, path)
	}
	w.fresh = false
}

func (w *workspace) removeFolder(path string) {
	w.folders = slices.DeleteFunc(w.folders, func(f string) bool { return f == path })
	w.fresh = false
}

func (w *workspace) open(uri string, version int, s string) {
	path := pathOf(uri)
	w.documents[path] = &document{path, uri, version, newText(s)}
	w.fresh = false
}

func (w *workspace) close(uri string) {
	delete(w.documents, pathOf(uri))
	w.fresh = false
}

// forget says that files came, went or changed.
func (w *workspace) forget() { w.fresh = false }

// read gives the text of a file, as the editor has it or as it is on the disk.
func (w *workspace) read(path string) (string, error) {
	if d := w.documents[path]; d != nil {
		return d.text.text, nil
	}
	if !filepath.IsAbs(path) {
		return "", fs.ErrNotExist // beside a document that was never saved
	}
	return compile.ReadFile(path)
}

// stamp tells whether a file on the disk is still the one that was read.
type stamp struct {
	changed time.Time
	size    int64
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// maxEntries bounds the search for IDL files where somebody opens the root of a disk as a workspace.
const maxEntries = 200_000

// paths lists the IDL files that are known: the open ones and those in the workspace's folders or beside an open one.
func (w *workspace) paths() []string {
	if !w.fresh {
		w.listed = w.list()
		w.fresh = true
	}
	all := slices.AppendSeq(slices.Clone(w.listed), maps.Keys(w.documents))
	slices.Sort(all)
	return slices.Compact(all)
}

func (w *workspace) list() []string {
	var found []string
	seen := 0
	for _, folder := range w.folders {
		filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if seen++; seen > maxEntries {
				return fs.SkipAll
			}
			switch {
			case err != nil: // a folder that cannot be read has nothing to say
				return nil
			case entry.IsDir() && path != folder && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
				return fs.SkipDir
			case entry.Type().IsRegular() && filepath.Ext(path) == ".idl":
				found = append(found, path)
			}
			return nil
		})
	}
	for _, d := range w.documents {
		if filepath.IsAbs(d.path) {
			beside, _ := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(d.path)), "*.idl"))
			found = append(found, beside...)
		}
	}
	return found
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}

// uriOf is the address of a file.
func (w *workspace) uriOf(path string) string {
	if d := w.documents[path]; d != nil {
		return d.uri
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/…
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}

// pathOf is the path of an address. What is no file keeps its address as a name.
func pathOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return uri
	}
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // /C:/…
		path = path[1:]
	}
	return filepath.Clean(filepath.FromSlash(path))
}
