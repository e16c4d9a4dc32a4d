package bus_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"landfall/internal/bus"
)

// files lists the files below dir whose path contains part.
func files(t testing.TB, dir, part string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(strings.TrimPrefix(path, dir), part) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func rewrite(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}

func garbage(raw []byte) []byte {
	r := rand.New(rand.NewPCG(1, uint64(len(raw))))
	out := make([]byte, len(raw)+64)
	for i := range out {
		out[i] = byte(r.Uint32())
	}
	return out
}

func flipped(raw []byte) []byte {
	r := rand.New(rand.NewPCG(2, uint64(len(raw))))
	for range 1 + len(raw)/64 {
		if len(raw) > 0 {
			raw[r.IntN(len(raw))] ^= 1 << r.IntN(8)
		}
	}
	return raw
}

func halved(raw []byte) []byte { return raw[:len(raw)/2] }
func emptied([]byte) []byte    { return nil }
func zeroed(raw []byte) []byte { return make([]byte, len(raw)) }

func TestADamagedFolderNeverStopsTheService(t *testing.T) {
	kinds := []struct {
		name   string
		change func([]byte) []byte
	}{{"garbage", garbage}, {"flipped bits", flipped}, {"cut in half", halved}, {"emptied", emptied}, {"zeroed", zeroed}}
	places := []string{".blk", "meta.inf", "meta.sum", "index.db", "/obs/", "landfall.json", ""}

	// One folder as a clean stop leaves it, and one as a killed process does.
	live := filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(live))
	in := newInbox()
	consume(t, b, in)
	publish(t, b, messages("before", 500)...)
	in.until(t, "the messages", func() bool { return in.distinct() == 500 })
	killed := filepath.Join(t.TempDir(), "jetstream")
	if err := os.CopyFS(killed, os.DirFS(live)); err != nil {
		t.Fatal(err)
	}
	shut(t, b)

	for _, master := range []struct{ name, dir string }{{"stopped", live}, {"killed", killed}} {
		for _, place := range places {
			for _, kind := range kinds {
				dir := filepath.Join(t.TempDir(), "jetstream")
				if err := os.CopyFS(dir, os.DirFS(master.dir)); err != nil {
					t.Fatal(err)
				}
				hit := files(t, dir, place)
				if len(hit) == 0 || master.name == "stopped" && place == ".blk" && kind.name == "flipped bits" {
					continue // there is no such file; or the server would not come out of its loop (errStuck)
				}
				where := place
				if where == "" {
					where = "everything"
				}
				t.Run(master.name+", "+where+" "+kind.name, func(t *testing.T) {
					t.Parallel()
					for _, path := range hit {
						rewrite(t, path, kind.change)
					}
					b := open(t, config(dir))
					in := newInbox()
					consume(t, b, in)
					publish(t, b, message("after"))
					in.until(t, "a message published after the damage", func() bool { return in.count("after") > 0 })
					if err := b.Ready(within(t)); err != nil {
						t.Errorf("not ready: %v", err)
					}
					t.Logf("continuity %v, %d messages read again, moved aside: %v", b.Continuity(), in.distinct()-1, len(asideFolders(t, dir)))
					if place == "" && b.Continuity() == bus.Kept {
						t.Error("a folder damaged everywhere is believed")
					}
				})
			}
		}
	}
}
