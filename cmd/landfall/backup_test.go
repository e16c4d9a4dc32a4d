package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

func TestAQuestionEndsWithAnInterrupt(t *testing.T) {
	t.Parallel()
	in, person := io.Pipe()
	t.Cleanup(func() { _ = person.Close() })
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	s := &session{ctx: ctx, in: in, out: &bytes.Buffer{}}
	if answer, err := s.ask("Release it? "); err == nil {
		t.Errorf("nobody answered, and it heard %q", answer)
	}
}

func TestAQuestionHearsTheAnswer(t *testing.T) {
	t.Parallel()
	s := &session{ctx: t.Context(), in: strings.NewReader("yes\n"), out: &bytes.Buffer{}}
	if answer, err := s.ask("Release it? "); err != nil || answer != "yes" {
		t.Errorf("heard %q, %v", answer, err)
	}
}
