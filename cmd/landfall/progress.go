package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// tellEvery is how often a command that nobody watches says how far it is.
const tellEvery = time.Minute

// progress shows how far a long command is: a bar on a terminal, elsewhere a line each minute. The command calls step; end comes before
// anything else is written.
func (s *session) progress(what string) (step func(done, total int64), end func()) {
	if !terminal(s.err) {
		return lines(s.err, what, time.Now), func() {}
	}
	bars := mpb.New(mpb.WithOutput(s.err), mpb.WithWidth(64))
	bar := bars.AddBar(0, mpb.PrependDecorators(decor.Name(what+" ")), mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return func(done, total int64) {
			bar.SetTotal(total, false)
			bar.SetCurrent(done)
		}, func() {
			bar.Abort(true)
			bars.Wait()
		}
}

// lines tells of progress in lines, by this clock.
func lines(w io.Writer, what string, now func() time.Time) func(done, total int64) {
	last := now()
	return func(done, total int64) {
		if at := now(); at.Sub(last) >= tellEvery {
			last = at
			_, _ = fmt.Fprintf(w, "landfall %s: %d of %d\n", what, done, total)
		}
	}
}
