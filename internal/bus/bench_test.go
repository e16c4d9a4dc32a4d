package bus_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"landfall/internal/bus"
)

// BenchmarkLatency is one message from Publish to the handler, one at a time.
func BenchmarkLatency(b *testing.B) {
	x := open(b, config(b.TempDir()))
	arrived := make(chan struct{}, 1)
	s, err := x.Consume(b.Context(), "router", func(context.Context, []bus.Delivery) { arrived <- struct{}{} })
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop()
	body := make([]byte, 1500)
	for i := 0; b.Loop(); i++ {
		m := message(fmt.Sprint(i))
		m.Body = body
		if err := x.Publish(b.Context(), []bus.Message{m}); err != nil {
			b.Fatal(err)
		}
		<-arrived
	}
}

// BenchmarkThroughput is messages of 1,500 bytes from Publish, in batches of 1 and 64, to the handler.
func BenchmarkThroughput(b *testing.B) {
	for _, batch := range []int{1, 64} {
		for _, publishers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("batch=%d/publishers=%d", batch, publishers), func(b *testing.B) {
				x := open(b, config(b.TempDir()))
				var got atomic.Int64
				all := make(chan struct{})
				s, err := x.Consume(b.Context(), "router", func(_ context.Context, batch []bus.Delivery) {
					if got.Add(int64(len(batch))) == int64(b.N) {
						close(all)
					}
				})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Stop()
				body := make([]byte, 1500)
				var taken atomic.Int64
				b.ResetTimer()
				var wg sync.WaitGroup
				for range publishers {
					wg.Go(func() {
						for {
							last := taken.Add(int64(batch))
							var msgs []bus.Message
							for i := last - int64(batch); i < min(last, int64(b.N)); i++ {
								m := message(fmt.Sprint(i))
								m.Body = body
								msgs = append(msgs, m)
							}
							if len(msgs) == 0 {
								return
							}
							if err := x.Publish(b.Context(), msgs); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				<-all
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}
