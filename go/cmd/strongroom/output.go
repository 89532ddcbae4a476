package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"strongroom.dev/go/strongroom"
)

// line is one JSON line: its type, then what belongs to it.
type line map[string]any

// emit prints a JSON line.
func (a *app) emit(kind string, l line) {
	l["type"] = kind
	text, err := json.Marshal(l)
	if err != nil { // a line is made of strings, numbers and lists of them
		panic(err)
	}
	fmt.Fprintf(a.out, "%s\n", text)
}

// say prints a line for people.
func (a *app) say(format string, args ...any) {
	if !a.quiet && !a.json {
		fmt.Fprintf(a.out, format+"\n", args...)
	}
}

// complain prints what went wrong; quiet runs show it too.
func (a *app) complain(format string, args ...any) {
	fmt.Fprintf(a.errOut, "strongroom: "+format+"\n", args...)
}

// put adds a path: its text, and its bytes where it is not UTF-8 and JSON cannot carry it.
func (l line) put(key, path string) {
	l[key] = strings.ToValidUTF8(path, "\uFFFD")
	if !utf8.ValidString(path) {
		l[key+"_base64"] = base64.StdEncoding.EncodeToString([]byte(path))
	}
}

// report shows how a run ended.
func (a *app) report(err error) {
	if err == nil {
		return
	}
	if a.json {
		a.emit("error", line{"error": errorName(err), "message": err.Error(), "exit_code": exitCode(err)})
	}
	a.complain("%v", err)
}

// created tells of a new repository, and where its key is.
func (a *app) created(p place, newKey bool) {
	if a.json {
		l := line{"repository": p.location.URL, "message": "created a repository"}
		if newKey {
			l.put("key_file", p.keyFile)
		}
		a.emit("status", l)
		return
	}
	a.say("created a repository in %s", p.location.URL)
	if newKey {
		// Also where the run is quiet: who loses this file loses the backups.
		fmt.Fprintf(a.errOut, "its key is in %s\nKeep a copy of that file in another place: without it nobody can restore anything.\n", p.keyFile)
	}
}

func statistics(s strongroom.Statistics) line {
	return line{
		"files": s.Files, "folders": s.Folders, "others": s.Others, "files_unchanged": s.Unchanged, "bytes": s.Bytes,
		"bytes_read": s.BytesRead, "bytes_new": s.BytesNew, "bytes_stored": s.BytesStored, "chunks": s.Chunks,
		"chunks_new": s.ChunksNew, "seconds": s.Duration.Seconds(),
	}
}

// issues shows what went wrong with single files, and answers how many of them are not as they should be. A file that
// changed while it was read was saved as it was read.
func (a *app) issues(issues []strongroom.FileIssue) (incomplete, damaged int) {
	for _, issue := range issues {
		if a.json {
			l := line{"kind": issue.Kind.String(), "message": issue.Message}
			l.put("path", issue.At)
			a.emit("issue", l)
		} else {
			a.complain("%s: %s", issue.At, issue.Message)
		}
		switch issue.Kind {
		case strongroom.IssueKindChanged:
		case strongroom.IssueKindDamaged:
			damaged++
		default:
			incomplete++
		}
	}
	return incomplete, damaged
}

// saved shows what a backup did.
func (a *app) saved(report strongroom.BackupReport) error {
	incomplete, damaged := a.issues(report.Issues)
	s := report.Snapshot.Statistics
	id := hex.EncodeToString(report.Snapshot.ID[:])
	if a.json {
		l := statistics(s)
		l["snapshot"], l["issues"], l["busy"] = id, len(report.Issues), report.Busy
		a.emit("summary", l)
	}
	took := s.Duration
	a.say("saved snapshot %s: %s, %s in %s%s", id[:8], plural(s.Files, "file"), size(s.Bytes), rounded(took), speed(s.Bytes, took))
	a.say("%s of it are new and take %s; %s unchanged", size(s.BytesNew), size(s.BytesStored), plural(s.Unchanged, "file"))
	if n := incomplete + damaged; n > 0 {
		return &outcome{exitIncomplete, fmt.Sprintf("snapshot %s is saved, but %s could not be read completely", id[:8], plural(uint64(n), "file"))}
	}
	return nil
}

// restored shows what a restore did.
func (a *app) restored(report strongroom.RestoreReport, target string) error {
	incomplete, damaged := a.issues(report.Issues)
	s := report.Statistics
	if a.json {
		l := statistics(s)
		l["issues"] = len(report.Issues)
		l.put("target", target)
		a.emit("summary", l)
	}
	took := s.Duration
	a.say("restored %s, %s into %s in %s%s", plural(s.Files, "file"), size(s.Bytes), target, rounded(took), speed(s.Bytes, took))
	switch {
	case damaged > 0:
		return &outcome{exitDamaged, fmt.Sprintf("%s could not be restored, because their data is damaged", plural(uint64(damaged), "file"))}
	case incomplete > 0:
		return &outcome{exitIncomplete, fmt.Sprintf("%s could not be restored completely", plural(uint64(incomplete), "file"))}
	}
	return nil
}

// checked shows what a check found.
func (a *app) checked(report strongroom.CheckReport) error {
	for _, d := range report.Damage {
		if a.json {
			a.emit("damage", line{"object": d.Object, "message": d.Why})
		} else {
			a.complain("%s is damaged: %s", d.Object, d.Why)
		}
	}
	if a.json {
		a.emit("summary", line{
			"snapshots": report.Snapshots, "packs": report.Packs, "chunks": report.Chunks, "bytes_read": report.BytesRead,
			"damage": len(report.Damage),
		})
	}
	if n := len(report.Damage); n > 0 {
		return &outcome{exitDamaged, fmt.Sprintf("the repository has %s", plural(uint64(n), "damaged object"))}
	}
	a.say("no damage found: %s, %s, %s; %s read", plural(report.Snapshots, "snapshot"), plural(report.Packs, "pack"),
		plural(report.Chunks, "chunk"), size(report.BytesRead))
	return nil
}

// snapshotTable prints snapshots under a heading, or as JSON lines.
type snapshotTable struct {
	app   *app
	table *tabwriter.Writer
	rows  int
}

func (a *app) snapshotTable() *snapshotTable {
	return &snapshotTable{app: a, table: tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)}
}

func (t *snapshotTable) add(s strongroom.Snapshot) {
	id := hex.EncodeToString(s.ID[:])
	if t.app.json {
		l := statistics(s.Statistics)
		l["id"], l["time"], l["host"], l["user"], l["tags"] = id, s.Time.UTC().Format(time.RFC3339Nano), s.Host, s.User, append([]string{}, s.Tags...)
		paths := make([]string, len(s.Paths))
		for i, path := range s.Paths {
			paths[i] = strings.ToValidUTF8(path, "\uFFFD")
		}
		l["paths"] = paths
		if s.Parent != nil {
			l["parent"] = hex.EncodeToString(s.Parent[:])
		}
		t.app.emit("snapshot", l)
		return
	}
	if t.rows++; t.rows == 1 {
		fmt.Fprintln(t.table, "ID\tTIME\tHOST\tFILES\tSIZE\tTAGS\tPATHS")
	}
	fmt.Fprintf(t.table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", id[:8], s.Time.Local().Format(time.DateTime), s.Host,
		s.Statistics.Files, size(s.Statistics.Bytes), strings.Join(s.Tags, ","), strings.Join(s.Paths, " "))
}

func (t *snapshotTable) finish() error {
	if !t.app.json && t.rows == 0 {
		t.app.say("no snapshots yet; make one with strongroom backup DIR")
	}
	return t.table.Flush()
}

// entry prints one entry of a snapshot, like ls -l.
func (a *app) entry(e strongroom.Entry) {
	kind, target, number := describe(e.Kind)
	if a.json {
		l := line{
			"kind": kind, "mode": fmt.Sprintf("%04o", e.Mode&0o7777), "uid": e.UID, "gid": e.GID, "size": e.Size,
			"modified": e.Modified.UTC().Format(time.RFC3339Nano), "links": e.Links,
		}
		l.put("path", e.At)
		if kind == "symlink" {
			l.put("target", target)
		}
		if number != nil {
			l["device"] = *number
		}
		a.emit("entry", l)
		return
	}
	arrow := ""
	if target != "" {
		arrow = " -> " + target
	}
	fmt.Fprintf(a.out, "%s %5d %5d %12d %s %s%s\n", modeText(kind, e.Mode), e.UID, e.GID, e.Size,
		e.Modified.Local().Format(time.DateTime), e.At, arrow)
}

func describe(kind strongroom.EntryKind) (name, target string, device *uint64) {
	switch k := kind.(type) {
	case strongroom.EntryKindFolder:
		return "folder", "", nil
	case strongroom.EntryKindSymlink:
		return "symlink", k.Target, nil
	case strongroom.EntryKindFifo:
		return "fifo", "", nil
	case strongroom.EntryKindSocket:
		return "socket", "", nil
	case strongroom.EntryKindBlockDevice:
		return "block_device", "", &k.Number
	case strongroom.EntryKindCharDevice:
		return "char_device", "", &k.Number
	default:
		return "file", "", nil
	}
}

var kindLetters = map[string]string{
	"file": "-", "folder": "d", "symlink": "l", "fifo": "p", "socket": "s", "block_device": "b", "char_device": "c",
}

// modeText writes permissions as ls does.
func modeText(kind string, mode uint32) string {
	text := []byte(fs.FileMode(mode & 0o777).String()[1:])
	for _, special := range []struct {
		bit    uint32
		at     int
		letter byte
	}{{0o4000, 2, 's'}, {0o2000, 5, 's'}, {0o1000, 8, 't'}} {
		if mode&special.bit == 0 {
			continue
		}
		if text[special.at] == 'x' {
			text[special.at] = special.letter
		} else {
			text[special.at] = special.letter - 'a' + 'A'
		}
	}
	return kindLetters[kind] + string(text)
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(n, 10) + " " + what + "s"
}

// size writes bytes for people.
func size(n uint64) string {
	if n < 1<<10 {
		return plural(n, "byte")
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		if value /= 1 << 10; value < 1000 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func rounded(d time.Duration) time.Duration {
	if d > 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

func speed(bytes uint64, d time.Duration) string {
	if d < time.Millisecond || bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s/s)", size(uint64(float64(bytes)/d.Seconds())))
}
