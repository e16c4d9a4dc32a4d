package notify

import (
	"context"
	"strconv"
	"time"

	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/store"
)

// NounJournal names the streams of journals: journal/<process>/<day>.
const NounJournal = "journal"

// EventAttempted is what became of some attempts.
const EventAttempted = "journal.attempted.v1"

// journal is the fold of a journal's stream: it decides nothing and knows only how much it holds.
type journal struct {
	Outcomes int64 `json:"outcomes"`
}

// attempted is the data of EventAttempted. The far side's words about the i-th outcome are the detached value named i.
type attempted struct {
	Outcomes []outcome `json:"outcomes"`
}

func journalFold() ledger.Fold[*journal] {
	return ledger.Fold[*journal]{
		Noun: NounJournal, Version: 1, Events: []string{EventAttempted},
		New:   func(string) *journal { return &journal{} },
		Clone: func(j *journal) *journal { c := *j; return &c },
		Evolve: func(j *journal, e ledger.Recorded) (*journal, error) {
			if e.Type != EventAttempted {
				return j, nil
			}
			var d attempted
			err := e.Into(&d)
			j.Outcomes += int64(len(d.Outcomes))
			return j, err
		},
	}
}

// outcomesOf reads the outcomes of a journal's commit.
func outcomesOf(c store.Commit) ([]outcome, error) {
	events, err := ledger.Events(c)
	if err != nil {
		return nil, err
	}
	var out []outcome
	for _, e := range events {
		if e.Type != EventAttempted {
			continue
		}
		var d attempted
		if err := e.Into(&d); err != nil {
			return nil, err
		}
		for i := range d.Outcomes {
			d.Outcomes[i].Detail, _ = e.Detached(strconv.Itoa(i))
			d.Outcomes[i].chained = e.ID()
		}
		out = append(out, d.Outcomes...)
	}
	return out, nil
}

// entry is an outcome on its way into the journal, with the job it is the outcome of.
type entry struct {
	job   *job
	since time.Time // when somebody began to wait for the delivery
	outcome
}

// journalist chains outcomes into this process's own journal, many in one commit, and then marks their deliveries. It is the
// stream's only writer.
type journalist struct {
	r       *Router
	entries chan entry
	quit    chan struct{}   // closed when no more entries come
	ctx     context.Context // ends when waiting for the store must end
	giveUp  context.CancelFunc
	gone    chan struct{}
}

const (
	journalBacklog  = 4096 // outcomes that may wait; beyond it attempts wait to report theirs
	journalPatience = 500 * time.Millisecond
)

func newJournalist(r *Router) *journalist {
	ctx, giveUp := context.WithCancel(context.Background())
	return &journalist{
		r: r, entries: make(chan entry, journalBacklog), quit: make(chan struct{}), ctx: ctx, giveUp: giveUp, gone: make(chan struct{}),
	}
}

func (w *journalist) start() {
	go func() {
		defer close(w.gone)
		w.r.opt.Guard.Keep(w.ctx, "the journal", w.run)
	}()
}

// add takes the outcome of a job. It waits while too many outcomes wait to be chained: what cannot be recorded must not be sent. An
// outcome that ctx does not wait for is lost, and its delivery is sent again.
func (w *journalist) add(ctx context.Context, j *job, o outcome) {
	e := entry{job: j, since: j.v.CreatedAt, outcome: o}
	if j.v.WaitingSince != nil {
		e.since = *j.v.WaitingSince
	}
	select {
	case w.entries <- e:
	case <-ctx.Done():
		w.r.sender.done(j, w.r.now().Add(againAfterUs))
	}
}

// owns reports whether the commit is of this process's journal.
func (w *journalist) owns(ref store.Ref) bool {
	s := ledger.Stream(ref.Stream)
	id, process := s.ID(), w.r.opt.Process
	return s.Noun() == NounJournal && len(id) > len(process) && id[:len(process)] == process && id[len(process)] == '/'
}

// stop chains what has been added, until ctx ends, and returns when the journalist is gone. Nothing may be added after it.
func (w *journalist) stop(ctx context.Context) error {
	close(w.quit)
	defer w.giveUp()
	select {
	case <-w.gone:
	case <-ctx.Done():
		w.giveUp()
		<-w.gone
	}
	if n := len(w.entries); n > 0 {
		return fault.New(fault.Unavailable, "outcomes_lost", "%d outcomes could not be recorded; those deliveries are sent again.", n)
	}
	return nil
}

func (w *journalist) run() {
	for {
		batch := w.collect()
		if len(batch) == 0 {
			return
		}
		err := w.r.opt.Guard.Do("recording outcomes", func() error { w.record(w.ctx, batch); return nil })
		if err != nil {
			w.r.log.Error("outcomes of attempts could not be recorded; those deliveries are sent again", "outcomes", len(batch), "error", err)
			for _, e := range batch {
				w.r.sender.done(e.job, w.r.now().Add(againAfterUs))
			}
		}
		if w.ctx.Err() != nil {
			return
		}
	}
}

// collect waits for a first outcome and then for others to go with it; none when the journalist is to stop and nothing is left.
func (w *journalist) collect() []entry {
	limits := w.r.opt.Limits
	var batch []entry
	select {
	case e := <-w.entries:
		batch = append(batch, e)
	case <-w.quit:
		return w.drain(nil)
	}
	timer := time.NewTimer(limits.JournalEvery)
	defer timer.Stop()
	for len(batch) < limits.JournalMax {
		select {
		case e := <-w.entries:
			batch = append(batch, e)
		case <-timer.C:
			return batch
		case <-w.quit:
			return w.drain(batch)
		}
	}
	return batch
}

func (w *journalist) drain(batch []entry) []entry {
	for len(batch) < w.r.opt.Limits.JournalMax {
		select {
		case e := <-w.entries:
			batch = append(batch, e)
		default:
			return batch
		}
	}
	return batch
}

// record chains a batch and marks its deliveries. Chaining is tried until it works or the journalist gives up; what it then
// loses is sent again. Marking is tried once: the commit is pending until it is done, and the sweep does it.
func (w *journalist) record(ctx context.Context, batch []entry) {
	ref, ok := w.chain(ctx, batch)
	if !ok {
		return
	}
	w.r.opt.Hooks.Journaled(len(batch))
	w.r.at(PointChained)
	if err := w.r.mark(ctx, batch, ref); err != nil && ctx.Err() == nil {
		w.r.log.Warn("deliveries could not be marked; the sweep does it", "outcomes", len(batch), "error", err)
	}
	for _, e := range batch {
		var next time.Time
		if e.Next != nil {
			next = *e.Next
		}
		w.r.sender.done(e.job, next)
		if e.Status.terminal() {
			w.r.opt.Hooks.Finished(e.Channel, e.Status, e.At.Sub(e.since))
		}
		if e.Status == Dead {
			w.r.opt.Hooks.Dead(e.Channel)
		}
	}
}

func (w *journalist) chain(ctx context.Context, batch []entry) (store.Ref, bool) {
	data := attempted{Outcomes: make([]outcome, len(batch))}
	detach := map[string]string{}
	for i, e := range batch {
		data.Outcomes[i] = e.outcome
		if e.Detail != "" {
			detach[strconv.Itoa(i)] = e.Detail
		}
	}
	id := w.r.opt.Process + "/" + w.r.now().UTC().Format(time.DateOnly)
	cmd := ledger.Command[*journal]{
		Actor: ledger.System, Expect: ledger.MayExist, Key: ledger.NewID(), Fresh: true,
		Decide: func(*journal, ledger.Moment) (ledger.Decision, error) {
			return ledger.Decision{Detach: detach, Events: []ledger.Event{{Type: EventAttempted, Data: data}}}, nil
		},
	}
	for tries := 1; ; tries++ {
		out, err := w.r.d.journals.Execute(ctx, id, cmd)
		if err == nil {
			if tries > 1 {
				w.r.log.Info("outcomes of attempts are recorded again", "outcomes", len(batch), "tries", tries)
			}
			return store.Ref{Stream: string(out.Stream), Seq: out.Seq}, true
		}
		if tries == 1 && ctx.Err() == nil {
			w.r.log.Error("outcomes of attempts cannot be recorded; sending waits until they can", "outcomes", len(batch), "error", err)
		}
		timer := time.NewTimer(journalPatience)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return store.Ref{}, false
		}
		cmd.Fresh = false // the batch may be recorded after all
	}
}
