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
	app   *app
	what  string
	bar   *progressbar.ProgressBar
	shown time.Time
}

func (a *app) progress(what string) *progress {
	p := &progress{app: a, what: what, shown: time.Now()}
	if !a.json && !a.quiet && terminal(a.errOut) {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.errOut),
			progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true),
			progressbar.OptionUseIECUnits(true),
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
		text := fmt.Sprintf("%s %s", p.what, plural(now.Files, "file"))
		if now.FilesTotal != nil {
			text = fmt.Sprintf("%s %d of %s", p.what, now.Files, plural(*now.FilesTotal, "file"))
		}
		if now.Issues > 0 {
			text += ", " + plural(now.Issues, "error")
		}
		p.bar.Describe(text)
		_ = p.bar.Set64(int64(now.Bytes)) // a terminal that went away must not end a backup
	case p.app.json && time.Since(p.shown) >= refresh:
		p.shown = time.Now()
		l := line{"files": now.Files, "bytes": now.Bytes, "bytes_stored": now.BytesStored, "issues": now.Issues}
		if now.FilesTotal != nil {
			l["files_total"] = *now.FilesTotal
		}
		if now.BytesTotal != nil {
			l["bytes_total"] = *now.BytesTotal
		}
		l.put("current", now.Current)
		p.app.emit("progress", l)
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
