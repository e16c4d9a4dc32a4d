package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"landfall/internal/guard"
)

const (
	outputLines    = 1024        // lines that wait for their reader
	outputPatience = time.Second // how long the end of the process waits for the reader
)

// output hands lines to a reader that may be slow, or may have stopped reading: who writes never waits. Lines beyond outputLines are
// dropped and counted, and the next line that is written says how many. It may be used concurrently.
type output struct {
	to    io.Writer
	lines chan []byte
	quit  chan struct{}
	done  chan struct{}
	lost  atomic.Int64
}

func newOutput(to io.Writer) *output {
	o := &output{to: to, lines: make(chan []byte, outputLines), quit: make(chan struct{}), done: make(chan struct{})}
	panics := guard.New(nil, time.Now)
	go func() { panics.Run("the output", o.run) }()
	return o
}

// Write queues a line, or drops it. It never fails.
func (o *output) Write(line []byte) (int, error) {
	select {
	case o.lines <- append([]byte(nil), line...):
	default:
		o.lost.Add(1)
	}
	return len(line), nil
}

// Lost gives how many lines were dropped.
func (o *output) Lost() int64 { return o.lost.Load() }

func (o *output) run() {
	defer close(o.done)
	told := int64(0)
	write := func(line []byte) {
		if lost := o.Lost(); lost > told {
			_, _ = fmt.Fprintf(o.to, "landfall: %d lines were dropped, because nobody read them\n", lost-told)
			told = lost
		}
		_, _ = o.to.Write(line) // a reader that is gone costs lines and nothing else
	}
	for {
		select {
		case line := <-o.lines:
			write(line)
			continue
		default:
		}
		select {
		case line := <-o.lines:
			write(line)
		case <-o.quit:
			return
		}
	}
}

// close writes what waits, as far as the reader takes it. What is written afterwards is dropped.
func (o *output) close() {
	close(o.quit)
	select {
	case <-o.done:
	case <-time.After(outputPatience):
	}
}
