package fault_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"landfall/internal/fault"
)

func TestAFaultKeepsItsKindThroughWrapping(t *testing.T) {
	err := fmt.Errorf("while opening: %w", fault.Wrap(io.ErrUnexpectedEOF, fault.Full, "disk_full", "The disk is full."))
	if got := fault.KindOf(err); got != fault.Full {
		t.Errorf("KindOf = %v, want full", got)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is not reachable")
	}
	if fault.KindOf(io.EOF) != fault.Internal || fault.Is(io.EOF, fault.Internal) {
		t.Error("an unclassified error must read as internal without being a fault")
	}
}

func TestCheckCollectsEveryField(t *testing.T) {
	var c fault.Check
	if c.Err() != nil {
		t.Fatal("an empty check is an error")
	}
	c.That(true, "/a", "never")
	c.That(false, "/b", "must be %d", 3)
	c.Field("/c/0", "is unknown")
	e, ok := fault.As(c.Err())
	if !ok || e.Kind != fault.Invalid || len(e.Fields) != 2 || e.Fields[0] != (fault.Field{Pointer: "/b", Reason: "must be 3"}) {
		t.Fatalf("got %+v", e)
	}
	if !strings.Contains(e.Error(), "/c/0 is unknown") {
		t.Errorf("the log text lacks a field: %s", e)
	}
}
