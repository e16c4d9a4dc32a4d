package place_test

import (
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // what is compared with, on a machine without zone files

	"landfall/internal/place"
)

// zones gives the zone of every state and organisation under its IANA name.
func zones() map[string]*time.Location {
	all := map[string]*time.Location{}
	for _, s := range place.States() {
		all[s.Zone] = place.Zone(place.Party(s.Code))
	}
	for _, o := range place.Organisations() {
		all[o.Zone] = place.Zone(o.Code)
	}
	return all
}

func TestTheEmbeddedZonesReadTheClockAsTheDatabaseDoes(t *testing.T) {
	for name, ours := range zones() {
		theirs, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		if ours.String() != name {
			t.Errorf("%s is called %s", name, ours)
		}
		for at := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2060; at = at.Add(time.Hour) {
			said, offset := at.In(ours).Zone()
			want, wantOffset := at.In(theirs).Zone()
			if said != want || offset != wantOffset {
				t.Errorf("%s at %s is %s, %d s; the database says %s, %d s: see data/zones/README.md", name, at.Format(time.RFC3339), said, offset, want, wantOffset)
				break
			}
		}
	}
}

func TestEveryEmbeddedZoneIsSomebodys(t *testing.T) {
	used := zones()
	dir := os.DirFS("data/zones")
	var files []string
	err := fs.WalkDir(dir, ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && path != "README.md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if used[file] == nil {
			t.Errorf("data/zones/%s is nobody's zone", file)
		}
	}
	for name := range used {
		if !slices.Contains(files, name) {
			t.Errorf("%q has no file in data/zones", name)
		}
	}
}
