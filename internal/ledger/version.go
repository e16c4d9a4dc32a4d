package ledger

import (
	"context"
	"fmt"
)

// Version gives the seq of the last commit of a stream of any noun; 0 when it is empty.
func (l *Ledger) Version(ctx context.Context, stream Stream) (int64, error) {
	n, ok := l.nouns[stream.Noun()].(interface {
		version(context.Context, Stream) (int64, error)
	})
	if !ok {
		return 0, fmt.Errorf("%w: %s", ErrNewer, stream)
	}
	return n.version(ctx, stream)
}

func (s *Streams[S]) version(ctx context.Context, stream Stream) (int64, error) {
	f, err := s.tail(ctx, stream)
	if err != nil {
		return 0, err
	}
	return f.Seq, nil
}
