package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"landfall/internal/store"
	"landfall/internal/store/sqlite"
	"landfall/internal/store/storetest"
)

// victimEnv names the file that a child process writes to until it is killed.
const victimEnv = "LANDFALL_SQLITE_VICTIM"

const victimWriters = 6

// victim appends and marks until it is killed, and says on its standard output what the store has acknowledged: "commit STREAM SEQ"
// after an Append, "doc ID" after a Bulk. Every writer puts document n before it appends commit n, and the commit before mark n.
func victim(path string) int {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, path, storetest.Kinds(), sqlite.Options{CheckpointPages: 40})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for w := range victimWriters {
		wg.Go(func() {
			stream := fmt.Sprint("incident/", w)
			tail, err := s.ReadStream(ctx, stream, 0, 0)
			if err != nil {
				fail(err)
			}
			for seq := int64(len(tail)) + 1; ; seq++ {
				for _, step := range []struct{ kind, id string }{{"wake", "doc"}, {"", ""}, {"thing.v2", "mark"}} {
					if step.kind == "" {
						if _, err := s.Append(ctx, []store.Commit{storetest.BenchCommit(stream, seq)}); err != nil {
							fail(err)
						}
						say("commit %s %d", stream, seq)
						continue
					}
					id := fmt.Sprintf("%s-%d-%d", step.id, w, seq)
					op := store.Op{Do: store.OpPut, Kind: step.kind, Doc: store.Doc{ID: id, Version: 1, Body: []byte(`{}`)}}
					if step.kind == "thing.v2" {
						op.Doc.Index = map[string]any{"parties": []string{"DMA", "ATG"}}
					}
					if _, err := s.Bulk(ctx, []store.Op{op}); err != nil {
						fail(err)
					}
					say("%s %s", step.kind, id)
				}
			}
		})
	}
	wg.Wait()
	return 0
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "landfall.db")
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	commits, docs := make(map[store.Ref]bool), make(map[string]string)
	for round := range rounds {
		killAfter(t, path, 20+rand.IntN(400), func(line string) {
			switch f := strings.Fields(line); {
			case len(f) == 3 && f[0] == "commit":
				seq, err := strconv.ParseInt(f[2], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				commits[store.Ref{Stream: f[1], Seq: seq}] = true
			case len(f) == 2:
				docs[f[1]] = f[0]
			default:
				t.Fatalf("round %d: the child says %q", round, line)
			}
		})
		inspect(t, path, commits, docs)
	}
	t.Logf("%d commits and %d documents acknowledged over %d kills", len(commits), len(docs), rounds)
}

// killAfter runs a victim, kills it once it has acknowledged n writes, and passes on every whole line it said.
func killAfter(t *testing.T, path string, n int, line func(string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	for i := 0; ; i++ {
		if i == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		text, err := r.ReadString('\n')
		if err == io.EOF { // what the kill cut off does not count
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		line(strings.TrimSuffix(text, "\n"))
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

// inspect opens what the kill has left: first for reading, as verify would, then for writing.
func inspect(t *testing.T, path string, commits map[store.Ref]bool, docs map[string]string) {
	t.Helper()
	ro, err := sqlite.OpenReadOnly(t.Context(), path, storetest.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	s, err := sqlite.Open(t.Context(), path, storetest.Kinds(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if text, err := s.Check(t.Context()); err != nil || text != "ok" {
		t.Fatalf("integrity_check: %s, %v", text, err)
	}
	for _, s := range []*sqlite.Store{ro, s} {
		kept := make(map[store.Ref]bool)
		for w := range victimWriters {
			stream := fmt.Sprint("incident/", w)
			tail, err := s.ReadStream(t.Context(), stream, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range tail {
				if want := storetest.BenchCommit(stream, int64(i+1)); c.Seq != want.Seq || string(c.Body) != string(want.Body) {
					t.Fatalf("%s: commit %d is not what was appended", stream, i+1)
				}
				kept[store.Ref{Stream: stream, Seq: c.Seq}] = true
			}
		}
		for ref := range commits {
			if !kept[ref] {
				t.Errorf("%v was acknowledged and is gone", ref)
			}
		}
		have := make(map[string]bool)
		for _, kind := range []string{"wake", "thing.v2"} {
			for q := (store.Query{Kind: kind, Limit: 10_000}); ; {
				page, err := s.Find(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range page.Docs {
					have[d.ID] = true
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
		}
		for id, kind := range docs {
			if !have[id] {
				t.Errorf("%s %s was acknowledged and is gone", kind, id)
			}
		}
		for id := range have {
			name, rest, _ := strings.Cut(id, "-")
			w, n, _ := strings.Cut(rest, "-")
			seq, _ := strconv.ParseInt(n, 10, 64)
			if name == "mark" && (!kept[store.Ref{Stream: "incident/" + w, Seq: seq}] || !have["doc-"+rest]) {
				t.Errorf("%s outlived what was written before it", id)
			}
		}
		for ref := range kept {
			if !have[fmt.Sprintf("doc-%s-%d", strings.TrimPrefix(ref.Stream, "incident/"), ref.Seq)] {
				t.Errorf("%v outlived the document written before it", ref)
			}
		}
	}
}
