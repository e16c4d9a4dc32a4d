package main

import (
	"bufio"
	"fmt"
	"io"
	"testing"
)

func TestWhoeverWritesDoesNotWaitForAReaderThatDoesNotRead(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	o := newOutput(writer)
	const lines = 2*outputLines + 1
	for n := range lines {
		if _, err := fmt.Fprintf(o, "line %d\n", n); err != nil {
			t.Fatal(err)
		}
	}
	lost := o.Lost()
	if lost < outputLines-1 || lost >= lines {
		t.Errorf("%d of %d lines were dropped", lost, lines)
	}
	got := make(chan []string)
	go func() {
		var all []string
		for s := bufio.NewScanner(reader); s.Scan(); {
			all = append(all, s.Text())
		}
		got <- all
	}()
	o.close()
	_ = writer.Close()
	all := <-got
	var came, told int64
	for _, line := range all {
		var n int64
		if _, err := fmt.Sscanf(line, "landfall: %d lines were dropped,", &n); err == nil {
			told += n
			continue
		}
		came++
	}
	if told != lost {
		t.Errorf("%d lines are said to be dropped, %d were", told, lost)
	}
	if came != lines-lost {
		t.Errorf("%d lines came, %d of %d were dropped", came, lost, lines)
	}
}
