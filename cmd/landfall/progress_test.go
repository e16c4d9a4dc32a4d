package main

import (
	"bytes"
	"testing"
	"time"
)

func TestWhereNobodyWatchesProgressIsALineEachMinute(t *testing.T) {
	now := time.Date(2026, 9, 16, 13, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	step := lines(&out, "rebuild", func() time.Time { return now })
	for n := range int64(10) {
		step(n, 10)
		now = now.Add(25 * time.Second)
	}
	if want := "landfall rebuild: 3 of 10\nlandfall rebuild: 6 of 10\nlandfall rebuild: 9 of 10\n"; out.String() != want {
		t.Errorf("it says\n%s", &out)
	}
}
