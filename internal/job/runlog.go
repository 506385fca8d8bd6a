package job

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// runLog is the text of run.log: what one attempt did, timed from its start.
// It names neither job nor host nor clock, like every artifact.
type runLog struct {
	*slog.Logger
	mu   sync.Mutex
	text []byte
	full bool
}

// maxRunLog bounds the log; what comes after is dropped, and says so.
const maxRunLog = 1 << 20

func newRunLog(start time.Time) *runLog {
	l := &runLog{}
	l.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.String("t", fmt.Sprintf("%.3fs", time.Since(start).Seconds()))
			}
			return a
		},
	}))
	return l
}

// Write implements io.Writer for the handler.
func (l *runLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.full:
	case len(l.text)+len(b) > maxRunLog:
		l.full = true
		l.text = append(l.text, "(the log was cut here)\n"...)
	default:
		l.text = append(l.text, b...)
	}
	return len(b), nil
}

func (l *runLog) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.text...)
}
