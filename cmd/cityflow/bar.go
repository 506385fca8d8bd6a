package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/malikobaid/cityflow/internal/run"
)

// bar shows progress on a terminal and keeps the run log.
type bar struct {
	start    time.Time
	terminal bool
	stage    string
	log      []byte
	drawn    *progressbar.ProgressBar
}

func newBar(start time.Time) *bar {
	info, err := os.Stderr.Stat()
	return &bar{start: start, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

const barSteps = 1000

func (b *bar) show(p run.Progress) {
	if p.Stage != b.stage {
		b.stage = p.Stage
		b.log = fmt.Appendf(b.log, "t=%.3fs stage=%s msg=%q\n", time.Since(b.start).Seconds(), p.Stage, p.Message)
	}
	if !b.terminal {
		return
	}
	if b.drawn == nil {
		b.drawn = progressbar.NewOptions(barSteps,
			progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetWidth(24), progressbar.OptionThrottle(50*time.Millisecond),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true), progressbar.OptionShowDescriptionAtLineEnd(),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetTheme(progressbar.ThemeASCII))
	}
	b.drawn.Describe(p.Message)
	// Full it would be gone; end does that.
	_ = b.drawn.Set(min(int(p.Done*barSteps), barSteps-1))
}

// wrote shows files as they are written.
func (b *bar) wrote(name string, done, all int) {
	b.show(run.Progress{Stage: "write", Done: float64(done) / float64(all), Message: "Wrote " + name})
}

func (b *bar) end() {
	if b.drawn != nil {
		_ = b.drawn.Finish()
		_ = b.drawn.Clear()
		b.drawn = nil
	}
}
