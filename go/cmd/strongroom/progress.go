package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"strongroom.dev/go/strongroom"
)

// refresh is how often progress is shown.
const refresh = 250 * time.Millisecond

// progress shows how far a run is: a bar on a terminal, JSON lines for programs, nothing elsewhere.
type progress struct {
	app     *app
	what    string
	bar     *progressbar.ProgressBar
	started time.Time
	shown   time.Time
}

func (a *app) progress(what string) *progress {
	p := &progress{app: a, what: what, started: time.Now(), shown: time.Now()}
	if !a.json && !a.quiet && terminal(a.errOut) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.errOut),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
			progressbar.OptionShowCount(),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

func (p *progress) update(now strongroom.Progress) {
	switch {
	case p.bar != nil:
		if total := now.BytesTotal; total != nil && *total > 0 {
			p.bar.ChangeMax64(max(int64(*total), int64(now.Bytes)))
		}
		p.bar.Describe(describeProgress(p.what, now))
		_ = p.bar.Set64(int64(now.Bytes)) // a terminal that went away must not end a backup
	case p.app.json && time.Since(p.shown) >= refresh:
		p.shown = time.Now()
		p.app.emit("progress", progressLine(now, time.Since(p.started)))
	}
}

// describeProgress is what stands before the bar, which itself tells of bytes, rate and time.
func describeProgress(what string, now strongroom.Progress) string {
	text := fmt.Sprintf("%s %s", what, plural(now.Files, "file"))
	if now.FilesTotal != nil {
		text = fmt.Sprintf("%s %d of %s", what, now.Files, plural(*now.FilesTotal, "file"))
	}
	if ratio, ok := deduplication(now); ok {
		text += fmt.Sprintf(", deduplicated %.1fx", ratio)
	}
	if ratio, ok := compressed(now); ok {
		text += fmt.Sprintf(", compressed %.1fx", ratio)
	}
	if now.Issues > 0 {
		text += ", " + plural(now.Issues, "error")
	}
	return text
}

func progressLine(now strongroom.Progress, elapsed time.Duration) line {
	l := line{
		"files": now.Files, "bytes": now.Bytes, "bytes_read": now.BytesRead, "bytes_new": now.BytesNew, "bytes_stored": now.BytesStored,
		"issues": now.Issues, "seconds": elapsed.Seconds(),
	}
	rate := float64(now.Bytes) / elapsed.Seconds()
	l["bytes_per_second"] = rate
	if now.FilesTotal != nil {
		l["files_total"] = *now.FilesTotal
	}
	if total := now.BytesTotal; total != nil {
		l["bytes_total"] = *total
		if now.Bytes > 0 && *total >= now.Bytes {
			l["seconds_left"] = float64(*total-now.Bytes) / rate
		}
	}
	if ratio, ok := deduplication(now); ok {
		l["deduplication_ratio"] = ratio
	}
	if ratio, ok := compressed(now); ok {
		l["compression_ratio"] = ratio
	}
	l.put("current", now.Current)
	return l
}

// deduplication is how much more was read than was new.
func deduplication(now strongroom.Progress) (float64, bool) {
	return float64(now.BytesRead) / float64(now.BytesNew), now.BytesNew > 0 && now.BytesRead > 0
}

// compressed is how much more was packed than it takes.
func compressed(now strongroom.Progress) (float64, bool) {
	return float64(now.BytesPacked) / float64(now.BytesStored), now.BytesStored > 0
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
