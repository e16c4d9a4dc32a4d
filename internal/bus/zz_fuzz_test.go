package bus_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
	"fmt"
	"landfall/internal/bus"
)

func TestZZFuzz(t *testing.T) {
	if os.Getenv("ZZ") == "" { t.Skip() }
	live := filepath.Join(t.TempDir(), "jetstream")
	b := open(t, config(live))
	in := newInbox()
	consume(t, b, "router", in)
	publish(t, b, messages("before", 500)...)
	in.until(t, "the messages", func() bool { return in.distinct() == 500 })
	b.Purge(t.Context(), "landfall.exercise")
	killed := filepath.Join(t.TempDir(), "jetstream")
	os.CopyFS(killed, os.DirFS(live))
	shut(t, b)
	seed := uint64(time.Now().UnixNano())
	cont := map[string]int{}
	for n := range 400 {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		master := killed
		clean := n % 2 == 1
		if clean { master = live }
		dir := filepath.Join(t.TempDir(), fmt.Sprint("js", n))
		os.CopyFS(dir, os.DirFS(master))
		all := files(t, dir, "")
		desc := ""
		for range 1 + r.IntN(3) {
			path := all[r.IntN(len(all))]
			if clean && filepath.Ext(path) == ".blk" { continue }
			raw, _ := os.ReadFile(path)
			if len(raw) == 0 { continue }
			desc += " " + filepath.Base(path)
			switch r.IntN(4) {
			case 0: for range 1 + r.IntN(20) { raw[r.IntN(len(raw))] ^= 1 << r.IntN(8) }; desc += " flip"
			case 1: raw = raw[:r.IntN(len(raw))]; desc += " cut"
			case 2: i := r.IntN(len(raw)); j := i + r.IntN(len(raw)-i); for k := i; k < j; k++ { raw[k] = 0 }; desc += " zero range"
			case 3: for range r.IntN(300) { raw = append(raw, byte(r.Uint32())) }; desc += " tail"
			}
			os.WriteFile(path, raw, 0o600)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		b, err := bus.Open(ctx, config(dir))
		if err != nil { t.Errorf("%d %v %s: %v", n, clean, desc, err); cancel(); continue }
		cont[b.Continuity().String()]++
		in := newInbox()
		s, err := b.Consume(t.Context(), "router", in.handle)
		if err != nil { t.Errorf("%d %v %s: consume %v", n, clean, desc, err); b.Close(ctx); cancel(); continue }
		if err := b.Publish(ctx, []bus.Message{message("after")}); err != nil { t.Errorf("%d %v %s: publish %v", n, clean, desc, err) }
		wait:
		for in.count("after") == 0 {
			select { case <-in.news: case <-ctx.Done(): t.Errorf("%d %v %s: not delivered (%v)", n, clean, desc, b.Continuity()); break wait }
		}
		s.Stop()
		if err := b.Close(t.Context()); err != nil { t.Errorf("%d %v %s: close %v", n, clean, desc, err) }
		cancel()
		if d := time.Since(start); d > time.Second { t.Logf("%d slow %v %s", n, d, desc) }
	}
	t.Log(cont)
}
