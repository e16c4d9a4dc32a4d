package backup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"landfall/internal/backup"
	"landfall/internal/fault"
)

func TestOneCommandAtATimeMarksTheRecordsAndOnlyThatOneGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := maria
	marking := func(by string) backup.Marking {
		return backup.Marking{Now: func() time.Time { return now }, By: by, Shared: true}
	}
	begin := func(command backup.Command, of, by string) (*backup.Work, error) {
		return backup.Begin(t.Context(), w.st, command, of, marking(by))
	}
	first, err := begin(backup.CommandRebuild, "", "a")
	if err != nil || first.Resumed {
		t.Fatalf("the first: %+v, %v", first, err)
	}
	for _, c := range []struct {
		command backup.Command
		of      string
		want    string
	}{
		{backup.CommandRebuild, "", "command_running"},
		{backup.CommandRebuild, "something else", "rebuild_unfinished"},
		{backup.CommandRestore, "", "rebuild_unfinished"},
	} {
		if _, err := begin(c.command, c.of, "b"); fault.CodeOf(err) != c.want {
			t.Errorf("%s of %q beside it: %v", c.command, c.of, err)
		}
	}
	now = now.Add(31 * time.Second) // the first is not heard of any more
	second, err := begin(backup.CommandRebuild, "", "b")
	if err != nil || !second.Resumed {
		t.Fatalf("the second: %+v, %v", second, err)
	}
	if err := first.End(nil); fault.CodeOf(err) != "mark_lost" {
		t.Errorf("the first, when the second has taken over: %v", err)
	}
	if err := backup.Finished(t.Context(), w.st); fault.CodeOf(err) != "rebuild_unfinished" {
		t.Errorf("meanwhile: %v", err)
	}
	failed := errors.New("line lost")
	if err := second.End(failed); !errors.Is(err, failed) {
		t.Errorf("a failure: %v", err)
	}
	third, err := begin(backup.CommandRebuild, "", "b")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(third.End(nil), backup.Finished(t.Context(), w.st)); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestAMarkThatFindsSomebodyAtWorkIsTakenAwayAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy := fault.New(fault.Conflict, "service_running", "Somebody runs.")
	m := backup.Marking{Now: func() time.Time { return maria }, Alone: func(ctx context.Context) error {
		if err := backup.Finished(ctx, w.st); fault.CodeOf(err) != "rotate_key_unfinished" {
			t.Errorf("asked before the mark stands: %v", err)
		}
		return busy
	}}
	if _, err := backup.Begin(t.Context(), w.st, backup.CommandRotateKey, "", m); !errors.Is(err, busy) {
		t.Errorf("begin: %v", err)
	}
	if err := backup.Finished(t.Context(), w.st); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
