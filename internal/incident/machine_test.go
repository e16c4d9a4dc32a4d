package incident_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/incident"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/protocol"
)

// machine throws commands, sensible and not, at one incident and checks after each what must always hold.
type machine struct {
	*world
	id      string
	commits int64           // accepted changes
	told    bool            // released, or never a draft
	named   []place.Party   // receivers
	ended   map[string]bool // step keys when it ended; nil while it goes on
}

var states = []place.Party{"ATG", "LCA", "VCT", "MSR"}

// accept counts what a command did and fails on an answer that is no fault of the request.
func (m *machine) accept(version int64, events []ledger.Recorded, err error) bool {
	m.t.Helper()
	if err != nil {
		switch kind := fault.KindOf(err); kind {
		case fault.Invalid, fault.State, fault.Forbidden, fault.NotFound, fault.Precondition, fault.PreconditionRequired, fault.Conflict:
			return false
		default:
			m.t.Fatalf("%s: %v", kind, err)
		}
	}
	if len(events) > 0 {
		m.commits++
	}
	if version != m.commits {
		m.t.Fatalf("version %d after %d accepted changes", version, m.commits)
	}
	return len(events) > 0
}

func (m *machine) scope(t *rapid.T) access.Scope {
	party := rapid.SampledFrom(append([]place.Party{"DMA", "DMA", "DMA", "DMA", "BRB"}, states...)).Draw(t, "party")
	return rapid.SampledFrom([]access.Scope{everyone, everyone, coordinator(party), official(party), liaison(party), auditor(party), cdema}).Draw(t, "scope")
}

func (m *machine) key(t *rapid.T) string {
	page, err := m.desk.Steps(ctx, everyone, m.id, incident.StepFilter{}, incident.PageRequest{})
	if err != nil || len(page.Items) == 0 {
		return "HUR-05"
	}
	return page.Items[rapid.IntRange(0, len(page.Items)-1).Draw(t, "step")].Key
}

func (m *machine) movement(t *rapid.T) string {
	all, err := m.desk.Movements(ctx, everyone, m.id)
	if err != nil || len(all) == 0 {
		return "none"
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(t, "movement")].ID
}

func (m *machine) some(t *rapid.T) []place.Party {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(states), 0, 3, rapid.ID[place.Party]).Draw(t, "receivers")
}

func (m *machine) hours(t *rapid.T, from, to int) time.Duration {
	return time.Duration(rapid.IntRange(from*60, to*60).Draw(t, "minutes")) * time.Minute
}

// scenario gives the incident's own time.
func (m *machine) scenario() time.Time {
	i := must(m.desk.Get(ctx, everyone, m.id))(m.t)
	return i.Clock.Scenario(m.clock())
}

func (m *machine) commands() map[string]func(*rapid.T) {
	report := func(do func(access.Scope, string) (incident.Done[incident.Step], error)) func(*rapid.T) {
		return func(t *rapid.T) {
			done, err := do(m.scope(t), m.key(t))
			m.accept(done.Version, done.Events, err)
		}
	}
	return map[string]func(*rapid.T){
		"time passes": func(t *rapid.T) { m.pass(m.hours(t, 0, 30)) },
		"release": func(t *rapid.T) {
			done, err := m.desk.Release(ctx, m.scope(t), m.once(), m.id)
			m.told = m.accept(done.Version, done.Events, err) || m.told
		},
		"name": func(t *rapid.T) {
			receivers := m.some(t)
			i := must(m.desk.Get(ctx, everyone, m.id))(t)
			done, err := m.desk.SetReceivers(ctx, m.scope(t), access.Write{IfMatch: m.desk.ETag(i.Seq)}, m.id, receivers)
			if m.accept(done.Version, done.Events, err) {
				m.named = receivers
			}
		},
		"monitor": func(t *rapid.T) {
			done, err := m.desk.Monitor(ctx, m.scope(t), m.once(), m.id, landfall(m.scenario().Add(m.hours(t, -48, 96))))
			m.accept(done.Version, done.Events, err)
		},
		"activate": func(t *rapid.T) {
			done, err := m.desk.Activate(ctx, m.scope(t), m.once(), m.id, landfall(m.scenario().Add(m.hours(t, -48, 96))))
			m.accept(done.Version, done.Events, err)
		},
		"move": func(t *rapid.T) {
			write := access.Write{IfNone: true}
			if a, err := m.desk.Anchor(ctx, everyone, m.id, "LANDFALL"); err == nil {
				write = access.Write{IfMatch: m.desk.ETag(a.Seq)}
			}
			done, err := m.desk.MoveAnchor(ctx, m.scope(t), write, m.id, "LANDFALL", forecast(m.scenario().Add(m.hours(t, -48, 96))))
			m.accept(done.Version, done.Events, err)
		},
		"start": report(func(s access.Scope, key string) (incident.Done[incident.Step], error) {
			return m.desk.StartStep(ctx, s, m.once(), m.id, key, incident.StepReport{})
		}),
		"complete": report(func(s access.Scope, key string) (incident.Done[incident.Step], error) {
			return m.desk.CompleteStep(ctx, s, m.once(), m.id, key, incident.StepReport{Waiver: "seen"})
		}),
		"waive": report(func(s access.Scope, key string) (incident.Done[incident.Step], error) {
			return m.desk.MarkNotApplicable(ctx, s, m.once(), m.id, key, incident.StepReport{Reason: "none"})
		}),
		"reopen": report(func(s access.Scope, key string) (incident.Done[incident.Step], error) {
			return m.desk.ReopenStep(ctx, s, m.once(), m.id, key, incident.StepReport{Reason: "again"})
		}),
		"note": report(func(s access.Scope, key string) (incident.Done[incident.Step], error) {
			return m.desk.NoteStep(ctx, s, m.once(), m.id, key, incident.StepReport{Note: "still at it"})
		}),
		"announce": func(t *rapid.T) {
			leaves := m.scenario().Add(m.hours(t, -2, 24))
			done, err := m.desk.AnnounceMovement(ctx, m.scope(t), m.once(), m.id, incident.AnnounceMovement{
				Mode: incident.BySea, To: incident.Spot{Party: rapid.SampledFrom(states).Draw(t, "to")},
				DepartsAt: leaves, ETA: leaves.Add(m.hours(t, -1, 12)), People: incident.People{Total: rapid.IntRange(-1, 500).Draw(t, "people")},
			})
			m.accept(done.Version, done.Events, err)
		},
		"depart": func(t *rapid.T) {
			done, err := m.desk.DepartMovement(ctx, m.scope(t), m.once(), m.id, m.movement(t), incident.DepartMovement{})
			m.accept(done.Version, done.Events, err)
		},
		"arrive": func(t *rapid.T) {
			done, err := m.desk.ArriveMovement(ctx, m.scope(t), m.once(), m.id, m.movement(t), incident.ArriveMovement{
				ArrivedAt: m.scenario().Add(-m.hours(t, 0, 3)), People: incident.People{Total: rapid.IntRange(0, 500).Draw(t, "people")},
			})
			m.accept(done.Version, done.Events, err)
		},
		"cancel": func(t *rapid.T) {
			done, err := m.desk.CancelMovement(ctx, m.scope(t), m.once(), m.id, m.movement(t), incident.CancelMovement{Reason: "sea"})
			m.accept(done.Version, done.Events, err)
		},
		"correct": func(t *rapid.T) {
			eta := m.scenario().Add(m.hours(t, 0, 20))
			done, err := m.desk.CorrectMovement(ctx, m.scope(t), m.once(), m.id, m.movement(t), incident.CorrectMovement{Reason: "wind", ETA: &eta})
			m.accept(done.Version, done.Events, err)
		},
		"figure": func(t *rapid.T) {
			done, err := m.desk.ReportFigure(ctx, m.scope(t), m.once(), m.id, figure(func(f *incident.Figure) {
				f.AsOf, f.Final, f.Place.Party = m.scenario().Add(-m.hours(t, 0, 72)), true, rapid.SampledFrom(states).Draw(t, "place")
			}))
			m.accept(done.Version, done.Events, err)
		},
		"answer": func(t *rapid.T) {
			done, err := m.desk.GiveAnswer(ctx, m.scope(t), m.once(), m.id, incident.Answer{Kind: incident.Accept, Party: rapid.SampledFrom(states).Draw(t, "who")})
			m.accept(done.Version, done.Events, err)
		},
		"waive everything and close": func(t *rapid.T) {
			if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
				t.Skip("not yet")
			}
			for key, s := range m.steps(m.id) {
				if s.Open() {
					done, err := m.desk.MarkNotApplicable(ctx, everyone, m.once(), m.id, key, incident.StepReport{Reason: "over"})
					m.accept(done.Version, done.Events, err)
				}
			}
			done, err := m.desk.Close(ctx, everyone, m.once(), m.id, "")
			if m.accept(done.Version, done.Events, err) {
				m.over()
			}
		},
		"stand down": func(t *rapid.T) {
			if rapid.IntRange(0, 5).Draw(t, "seldom") > 0 {
				t.Skip("not yet")
			}
			done, err := m.desk.StandDown(ctx, everyone, m.once(), m.id, "north")
			if m.accept(done.Version, done.Events, err) {
				m.over()
			}
		},
		"sweep": func(t *rapid.T) {
			n, err := m.desk.Sweep(ctx, m.id, m.clock())
			if err != nil {
				t.Fatalf("sweep: %v", err)
			}
			if n > 0 {
				m.commits++
			}
		},
		"sweep at the wake": func(t *rapid.T) {
			wake := m.wake(m.id)
			if wake.IsZero() {
				t.Skip("nothing is due any more")
			}
			if wake.After(m.clock()) {
				m.setClock(wake)
			}
			n, err := m.desk.Sweep(ctx, m.id, wake)
			if err != nil || n == 0 {
				t.Fatalf("the wake %s gave %d events: %v", wake, n, err)
			}
			m.commits++
		},
		"": func(t *rapid.T) { m.check(t) },
	}
}

func (m *machine) over() { m.ended = keysOf(m.steps(m.id)) }

func keysOf(steps map[string]incident.Step) map[string]bool {
	keys := map[string]bool{}
	for k := range steps {
		keys[k] = true
	}
	return keys
}

// check is what holds after every command.
func (m *machine) check(t *rapid.T) {
	fold, _, err := m.desk.Fold(ctx, m.id)
	if err != nil {
		t.Fatalf("fold: %v", err)
	}
	again, err := m.desk.Refold(ctx, m.id)
	if err != nil || !bytes.Equal(fold, again) {
		t.Fatalf("the log folds to something else: %v\n%s", err, cmp.Diff(string(fold), string(again)))
	}
	i := must(m.desk.Get(ctx, everyone, m.id))(t)
	list := must(m.desk.List(ctx, everyone, incident.Filter{}, incident.PageRequest{}))(t)
	if diff := cmp.Diff(asJSON(t, i), asJSON(t, list.Items[0])); diff != "" {
		t.Fatalf("the projection is not the fold: %s", diff)
	}
	steps := m.steps(m.id)
	for key, s := range steps {
		if s.DueAt.IsZero() || !s.Open() {
			continue
		}
		if granted := protocol.Granted(s.Plan.At, s.ActionableAt, s.LifeSafety); s.DueAt.Before(granted) {
			t.Fatalf("%s is due %s and was granted time until %s", key, s.DueAt, granted)
		}
		if s.Blocked || s.Placeholder || s.Plan.WaitingFor != "" {
			t.Fatalf("%s cannot be worked on and is due %s", key, s.DueAt)
		}
	}
	if m.ended != nil {
		for key := range keysOf(steps) {
			if !m.ended[key] {
				t.Fatalf("an incident that is over has gained %s", key)
			}
		}
	}
	for _, a := range m.announced() {
		if a.Incident == "" {
			continue
		}
		allowed := []string{"DMA"}
		if m.told {
			allowed = append(allowed, "ORG-CDEMA", "ORG-OECS")
			for _, p := range m.named {
				allowed = append(allowed, string(p))
			}
		}
		for _, p := range a.Parties {
			if !slices.Contains(allowed, p) {
				t.Fatalf("%s is told to %s; named are %v", a.Type, p, m.named)
			}
		}
		for _, c := range a.Alerts {
			if !slices.Contains(allowed, c.Party) && c.Kind != "withdrawn" {
				t.Fatalf("%s alerts %s; named are %v", a.Type, c.Party, m.named)
			}
		}
	}
	for _, p := range append([]place.Party{"BRB"}, states...) {
		_, err := m.desk.Get(ctx, official(p), m.id)
		if sees := m.told && slices.Contains(m.named, p); (err == nil) != sees {
			t.Fatalf("%s sees it: %v; named are %v, told %t", p, err, m.named, m.told)
		}
	}
}

func asJSON(t helper, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(data)
}

func TestRulesHoldWhateverIsAsked(t *testing.T) {
	t.Parallel()
	dir, runs := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		sub := filepath.Join(dir, strconv.Itoa(runs))
		if err := os.Mkdir(sub, 0o700); err != nil {
			rt.Fatalf("%v", err)
		}
		w, stop := openWorld(rt, sub, nil)
		defer stop()
		m := &machine{world: w}
		in := w.request()
		in.Receivers, in.Draft = m.some(rt), rapid.Bool().Draw(rt, "draft")
		if rapid.Bool().Draw(rt, "exercise") {
			in.Exercise, in.ExerciseSpeed = true, rapid.IntRange(1, 240).Draw(rt, "speed")
		}
		m.told, m.named = !in.Draft, in.Receivers
		opened := must(w.desk.Open(ctx, dma, w.once(), in))(rt)
		m.id, m.commits = opened.Value.ID, 1
		rt.Repeat(m.commands())

		commits, err := w.store.ReadStream(ctx, "incident/"+m.id, 0, 0)
		if err != nil || int64(len(commits)) != m.commits {
			rt.Fatalf("%d commits for %d accepted changes: %v", len(commits), m.commits, err)
		}
	})
}

func TestAStateReadFromItsSnapshotIsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, stop := openWorld(t, dir, nil)
	i := w.active()
	boat := w.boat(i.ID, "ATG")
	w.arrive(i.ID, boat.ID, atg, 119)
	w.move(i.ID, forecast(maria.Add(5*time.Hour)))
	must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure()))(t)
	must(w.desk.GiveAnswer(ctx, atg, w.once(), i.ID, incident.Answer{Kind: incident.Accept, Ceiling: ptr(300)}))(t)
	for range 64 { // past a snapshot
		must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Note: "at work"}))(t)
	}
	want, wake, err := w.desk.Fold(ctx, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	w, stop = openWorld(t, dir, nil)
	defer stop()
	if found, err := w.store.Get(ctx, ledger.KindSnapshot, "incident/"+i.ID); err != nil || len(found) != 1 {
		t.Fatalf("%d snapshots, %v", len(found), err)
	}
	got, again, err := w.desk.Fold(ctx, i.ID)
	if err != nil || !bytes.Equal(want, got) || !wake.Equal(again) {
		t.Errorf("%v: wakes at %s and %s: %s", err, wake, again, cmp.Diff(string(want), string(got)))
	}
	must(w.desk.CompleteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{}))(t)
}

// TestALogFoldsAlikeInEveryZone folds one log under other local zones.
func TestALogFoldsAlikeInEveryZone(t *testing.T) {
	w := newWorld(t, nil)
	i := w.active()
	boat := w.boat(i.ID, "ATG")
	w.arrive(i.ID, boat.ID, atg, 119)
	w.move(i.ID, forecast(maria.Add(5*time.Hour)))
	must(w.desk.ReportFigure(ctx, atg, w.once(), i.ID, figure()))(t)
	want := must(w.desk.Refold(ctx, i.ID))(t)
	local := time.Local
	defer func() { time.Local = local }()
	for _, name := range []string{"UTC", "America/St_Lucia", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		time.Local = zone
		if got := must(w.desk.Refold(ctx, i.ID))(t); !bytes.Equal(want, got) {
			t.Errorf("%s: %s", name, cmp.Diff(string(want), string(got)))
		}
	}
}

// TestAnyMomentIsWhatAReplayGives asks for the incident at random moments and compares with a replay that stops there.
func TestAnyMomentIsWhatAReplayGives(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	i := w.active()
	versions := map[time.Time]int64{monday: 2}
	for n := range 40 {
		w.pass(time.Duration(n%7) * time.Second)
		done := must(w.desk.NoteStep(ctx, dma, w.once(), i.ID, "HUR-05", incident.StepReport{Note: "at work"}))(t)
		versions[w.clock()] = done.Version
	}
	moments := slices.SortedFunc(maps.Keys(versions), time.Time.Compare)
	rapid.Check(t, func(rt *rapid.T) {
		at := monday.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Minute)).Draw(rt, "after")))
		want := int64(0)
		for _, m := range moments {
			if !m.After(at) {
				want = versions[m]
			}
		}
		if k := must(w.desk.GetAsKnownAt(ctx, dma, i.ID, at))(rt); k.Incident.Version != want {
			rt.Fatalf("at %s version %d, want %d", at, k.Incident.Version, want)
		}
	})
}
