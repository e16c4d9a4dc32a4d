package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
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
	if !slices.ContainsFunc(all, func(line string) bool {
		return strings.HasPrefix(line, "landfall: "+fmt.Sprint(lost)+" lines were dropped")
	}) {
		t.Errorf("nothing says that %d lines were dropped", lost)
	}
	if int64(len(all)) != lines-lost+1 {
		t.Errorf("%d lines came, %d of %d were dropped", len(all), lost, lines)
	}
}
