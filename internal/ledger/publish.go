package ledger

import (
	"cmp"

	"landfall/internal/store"
)

// publish makes proposals that were accepted on a fold visible to readers and promises their
// projections. What it gives is to be called after the answers: it derives the projections and
// hands them on, and the announcements. What panics is left to the sweep, since its commit is still
// pending.
func (w *worker[S]) publish(before *folded[S], accepted []proposal[S]) (follow func()) {
	if len(accepted) == 0 {
		return func() {}
	}
	s, l := w.s, w.s.l
	last := accepted[len(accepted)-1].after
	s.keep(w.stream, last, l.opt.Now()) // what just landed was the tail a moment ago
	l.rivals.landed(w.stream, last.Seq)
	promise := l.projects.promise()
	return func() {
		l.at(PointAnswered)
		for _, p := range accepted {
			if s.fold.Quiet || p.p.cmd.Told {
				continue
			}
			err := l.opt.Guard.Do("what is announced of "+string(w.stream), func() error { w.announce(p); return nil })
			if err != nil {
				l.log.Error("a change was not announced; the sweep takes it", "stream", w.stream, "seq", p.commit.Seq, "error", err)
			}
		}
		l.at(PointAnnounced)
		ops, err := w.follow(before, accepted)
		commits := make([]store.Commit, len(accepted))
		for i, p := range accepted {
			commits[i] = p.commit
		}
		l.projects.add(projection{promise: promise, stream: w.stream, commits: commits, ops: ops, failed: err})
	}
}

// announce hands on an accepted commit with what it announces.
func (w *worker[S]) announce(p proposal[S]) {
	w.s.l.opt.Publish(Appended{
		Stream: w.stream, Seq: p.commit.Seq, CommitID: p.commit.ID, RecordedAt: p.commit.RecordedAt,
		Announcements: w.announced(p), Commit: p.commit,
	})
}

// told returns what an accepted commit announces to a caller that tells of it itself; what panics
// is left to the sweep.
func (w *worker[S]) told(p proposal[S]) (announcements []Announcement) {
	if !p.p.cmd.Told {
		return nil
	}
	err := w.s.l.opt.Guard.Do("what is announced of "+string(w.stream), func() error { announcements = w.announced(p); return nil })
	if err != nil {
		w.s.l.log.Error("a change was not announced; the sweep takes it", "stream", w.stream, "seq", p.commit.Seq, "error", err)
	}
	return announcements
}

func (w *worker[S]) announced(p proposal[S]) []Announcement {
	announcements := w.s.announcements(p.after, p.events)
	if trace := cmp.Or(p.p.cmd.Trace, w.s.l.opt.Trace(p.p.ctx)); trace != "" {
		for i := range announcements {
			announcements[i].Trace = trace
		}
	}
	return announcements
}

// follow returns the documents that follow from accepted commits and were not so before. A wake
// that stays where it was is not written again.
func (w *worker[S]) follow(before *folded[S], accepted []proposal[S]) (ops []store.Op, err error) {
	s, l := w.s, w.s.l
	last := accepted[len(accepted)-1].after
	var events []Recorded
	for _, p := range accepted {
		events = append(events, p.events...)
	}
	err = l.opt.Guard.Do(projectionsOf(w.stream), func() error {
		ops = s.projection(last, events)
		if s.fold.NextWake != nil && before.Seq > 0 && s.nextWake(before).Equal(s.nextWake(last)) {
			ops = ops[:len(ops)-1]
		}
		if !snapshotDue(before.Seq, last.Seq) {
			return nil
		}
		op, err := s.snapshot(last)
		if err != nil {
			l.log.Error("a snapshot could not be made; the stream stays readable without", "stream", w.stream, "error", err)
			return nil
		}
		ops = append([]store.Op{op}, ops...)
		return nil
	})
	return ops, err
}
