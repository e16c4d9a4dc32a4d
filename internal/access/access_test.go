package access_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"landfall/internal/access"
	"landfall/internal/fault"
	"landfall/internal/ledger"
	"landfall/internal/place"
	"landfall/internal/store"
	"landfall/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// office is one process: a desk over a store, with a clock that tests set.
type office struct {
	t      testing.TB
	desk   *access.Desk
	ledger *ledger.Ledger
	store  *sqlite.Store
	secret string // of the first account
	first  access.Scope

	mu  sync.Mutex
	now time.Time
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func kinds() []store.Kind { return slices.Concat(ledger.Kinds(), access.Kinds()) }

// bare gives an office in which nobody has an account.
func bare(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)}
	st, err := sqlite.Open(ctx, filepath.Join(t.TempDir(), "landfall.db"), kinds(), sqlite.Options{Now: o.clock})
	if err != nil {
		t.Fatal(err)
	}
	o.store = st
	o.ledger, o.desk = o.process(false)
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// process gives the ledger and the desk of one more process on the same store.
func (o *office) process(shared bool) (*ledger.Ledger, *access.Desk) {
	l := ledger.New(o.store, ledger.Options{Now: o.clock, Epoch: 1, Shared: shared})
	o.t.Cleanup(func() {
		if err := l.Close(ctx); err != nil {
			o.t.Error(err)
		}
	})
	return l, access.NewDesk(l, o.store, access.Options{Now: o.clock})
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := bare(t)
	o.secret = access.NewSecret()
	if created, err := o.desk.Bootstrap(ctx, o.secret); err != nil || !created {
		t.Fatalf("bootstrap: %t, %v", created, err)
	}
	o.first = must(o.desk.Authenticate(ctx, o.secret))(t)
	return o
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func refused(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("refused with %v, want %s/%s", err, kind, code)
	}
}

// enroll makes an account with a token and gives its scope and secret.
func (o *office) enroll(role access.Role, party place.Party) (access.Scope, string, access.Token) {
	o.t.Helper()
	a := must(o.desk.CreateAccount(ctx, o.first, access.Write{}, access.NewAccount{Name: "Duty desk", Role: role, Party: party}))(o.t)
	token, secret, err := o.desk.CreateToken(ctx, o.first, access.Write{}, access.NewToken{Account: a.ID, Label: "desk"})
	if err != nil {
		o.t.Fatal(err)
	}
	return must(o.desk.Authenticate(ctx, secret))(o.t), secret, token
}

func TestOfManyProcessesOneCreatesTheFirstAccount(t *testing.T) {
	o := bare(t)
	var all sync.WaitGroup
	created, secrets := make([]bool, 8), make([]string, 8)
	for i := range created {
		_, desk := o.process(true)
		all.Go(func() {
			secrets[i] = access.NewSecret()
			var err error
			if created[i], err = desk.Bootstrap(ctx, secrets[i]); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	winners := 0
	_, desk := o.process(true)
	for i := range created {
		scope, err := desk.Authenticate(ctx, secrets[i])
		if created[i] {
			winners++
			if err != nil || !scope.All || scope.Role != access.RoleAdministrator || scope.Account != access.FirstAccount() {
				t.Errorf("the first token opens %+v, %v", scope, err)
			}
		} else {
			refused(t, err, fault.Unauthenticated, "unauthenticated")
		}
	}
	if winners != 1 {
		t.Errorf("%d processes created the first account", winners)
	}
}

func TestTheFirstAccountIsMadeOnceForEver(t *testing.T) {
	o := newOffice(t)
	if created, err := o.desk.Bootstrap(ctx, access.NewSecret()); created || err != nil {
		t.Errorf("created again: %t, %v", created, err)
	}
	if created, err := o.desk.Bootstrap(ctx, o.secret); created || err != nil {
		t.Errorf("created again with its own secret: %t, %v", created, err)
	}
	_, err := o.desk.Bootstrap(ctx, "password")
	refused(t, err, fault.Invalid, "bad_secret")
	if lives := must(o.desk.FirstTokenLives(ctx))(t); !lives {
		t.Error("the first token does not live")
	}
	tokens := must(o.desk.Tokens(ctx, o.first, "", 10, ""))(t)
	if err := o.desk.RevokeToken(ctx, o.first, access.Write{IfMatch: "*"}, tokens.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	if lives := must(o.desk.FirstTokenLives(ctx))(t); lives {
		t.Error("the first token lives on")
	}
}

func TestASecretOpensItsAccountAndNothingElseDoes(t *testing.T) {
	o := newOffice(t)
	scope, secret, token := o.enroll(access.RoleOfficial, "ATG")
	want := access.Scope{Account: token.Account, Role: access.RoleOfficial, Party: "ATG"}
	if diff := cmp.Diff(want, scope); diff != "" {
		t.Error(diff)
	}
	swapped := []byte(secret)
	swapped[len(swapped)-1] ^= 1
	for _, wrong := range []string{"", "lf_", secret[:len(secret)-1], secret + "0", strings.ToUpper(secret), string(swapped), access.NewSecret(), " " + secret, strings.Repeat("x", 1<<20)} {
		_, err := o.desk.Authenticate(ctx, wrong)
		refused(t, err, fault.Unauthenticated, "unauthenticated")
	}
}

func TestNothingKeptTellsASecret(t *testing.T) {
	o := newOffice(t)
	scope, secret, token := o.enroll(access.RoleOfficial, "ATG")
	must(o.desk.Authenticate(ctx, secret))(t)
	commits := must(o.store.ReadStream(ctx, "account/"+scope.Account, 0, 0))(t)
	var kept strings.Builder
	for _, c := range commits {
		kept.Write(c.Body)
		kept.Write(c.Detached)
	}
	for _, kind := range access.Kinds() {
		page := must(o.store.Find(ctx, store.Query{Kind: kind.Name, Limit: 1000}))(t)
		for _, d := range page.Docs {
			fmt.Fprintf(&kept, "%s %s", d.ID, d.Body)
		}
	}
	if !strings.Contains(kept.String(), token.ID) {
		t.Fatal("the test sees nothing")
	}
	if strings.Contains(kept.String(), secret) || strings.Contains(kept.String(), strings.TrimPrefix(secret, "lf_")) {
		t.Error("a secret is kept")
	}
}

func TestARevokedTokenOpensNothingFromThatMoment(t *testing.T) {
	o := newOffice(t)
	scope, secret, token := o.enroll(access.RoleOfficial, "ATG")
	_, other := o.process(true)
	must(other.Authenticate(ctx, secret))(t) // another process has it in its memory

	refused(t, o.desk.RevokeToken(ctx, scope, access.Write{}, token.ID), fault.PreconditionRequired, "if_match_required")
	refused(t, o.desk.RevokeToken(ctx, scope, access.Write{IfMatch: `"1-9"`}, token.ID), fault.Precondition, "stale_etag")
	if err := o.desk.RevokeToken(ctx, scope, access.Write{IfMatch: o.ledger.ETag(token.Changed)}, token.ID); err != nil {
		t.Fatal(err)
	}
	for _, desk := range []*access.Desk{o.desk, other} {
		_, err := desk.Authenticate(ctx, secret)
		refused(t, err, fault.Unauthenticated, "unauthenticated")
	}
	if err := o.desk.RevokeToken(ctx, scope, access.Write{IfMatch: "*"}, token.ID); err != nil {
		t.Errorf("revoked twice: %v", err)
	}
	if shown := must(o.desk.Token(ctx, scope, token.ID))(t); shown.RevokedAt.IsZero() {
		t.Error("it is not shown as revoked")
	}
}

// asked counts what a process asks of the store it shares.
type asked struct {
	store.Store
	looks, others atomic.Int64 // reads of what an account's stream has grown by, and everything else
}

func (a *asked) ReadStream(ctx context.Context, stream string, after int64, limit int) ([]store.Commit, error) {
	commits, err := a.Store.ReadStream(ctx, stream, after, limit)
	if after > 0 && len(commits) == 0 {
		a.looks.Add(1)
	} else {
		a.others.Add(1)
	}
	return commits, err
}

func (a *asked) Get(ctx context.Context, kind string, ids ...string) (map[string]store.Doc, error) {
	a.others.Add(1)
	return a.Store.Get(ctx, kind, ids...)
}

func (a *asked) Bulk(ctx context.Context, ops []store.Op) ([]bool, error) {
	a.others.Add(1)
	return a.Store.Bulk(ctx, ops)
}

func TestATokenIsHeldAgainstTheFoldAtHand(t *testing.T) {
	t.Parallel()
	// Where others may have revoked it there is a look for what is new, which folds nothing.
	for shared, want := range map[bool]int64{false: 0, true: 10} {
		t.Run(fmt.Sprintf("shared %t", shared), func(t *testing.T) {
			o := newOffice(t)
			_, secret, _ := o.enroll(access.RoleOfficial, "ATG")
			eye := &asked{Store: o.store}
			l := ledger.New(eye, ledger.Options{Now: o.clock, Epoch: 1, Shared: shared})
			defer l.Close(ctx)
			desk := access.NewDesk(l, eye, access.Options{Now: o.clock})
			must(desk.Authenticate(ctx, secret))(t)
			eye.looks.Store(0)
			eye.others.Store(0)
			for range 10 {
				must(desk.Authenticate(ctx, secret))(t)
			}
			if looks, others := eye.looks.Load(), eye.others.Load(); looks != want || others != 0 {
				t.Errorf("%d looks for what is new, want %d, and %d other reads and writes", looks, want, others)
			}
		})
	}
}

func TestATokenExpiresByTheClock(t *testing.T) {
	o := newOffice(t)
	scope, _, _ := o.enroll(access.RoleOfficial, "ATG")
	at := o.clock().Add(time.Hour)
	_, secret, err := o.desk.CreateToken(ctx, o.first, access.Write{}, access.NewToken{Account: scope.Account, Label: "visit", ExpiresAt: at})
	if err != nil {
		t.Fatal(err)
	}
	o.pass(time.Hour - time.Microsecond)
	must(o.desk.Authenticate(ctx, secret))(t)
	o.pass(time.Microsecond)
	_, err = o.desk.Authenticate(ctx, secret)
	refused(t, err, fault.Unauthenticated, "unauthenticated")
	for _, never := range []time.Time{at, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		_, _, err = o.desk.CreateToken(ctx, o.first, access.Write{}, access.NewToken{Account: scope.Account, Label: "late", ExpiresAt: never})
		refused(t, err, fault.Invalid, "invalid")
	}
}

func TestTheLastUseIsKeptToTheMinute(t *testing.T) {
	o := newOffice(t)
	scope, secret, token := o.enroll(access.RoleOfficial, "ATG")
	first := must(o.desk.Token(ctx, scope, token.ID))(t).LastUsedAt
	if !first.Equal(o.clock().Truncate(time.Minute)) {
		t.Errorf("last used %s", first)
	}
	o.pass(59 * time.Second)
	must(o.desk.Authenticate(ctx, secret))(t)
	if again := must(o.desk.Token(ctx, scope, token.ID))(t).LastUsedAt; !again.Equal(first) {
		t.Errorf("written again after 59 s: %s", again)
	}
	o.pass(time.Second)
	must(o.desk.Authenticate(ctx, secret))(t)
	if again := must(o.desk.Token(ctx, scope, token.ID))(t).LastUsedAt; !again.Equal(first.Add(time.Minute)) {
		t.Errorf("last used %s, want a minute after %s", again, first)
	}
}

func TestWhoMayCreateAccounts(t *testing.T) {
	o := newOffice(t)
	admin, _, _ := o.enroll(access.RoleAdministrator, "ATG")
	island, _, _ := o.enroll(access.RoleAdministrator, "ATG-BARBUDA")
	official, _, _ := o.enroll(access.RoleOfficial, "ATG")
	for _, c := range []struct {
		name  string
		scope access.Scope
		role  access.Role
		party place.Party
		kind  fault.Kind // Internal: allowed
	}{
		{"the first account, anywhere", o.first, access.RoleCoordinator, "DMA", fault.Internal},
		{"the first account, an administrator", o.first, access.RoleAdministrator, "ORG-CDEMA", fault.Internal},
		{"an administrator, at home", admin, access.RoleOfficial, "ATG", fault.Internal},
		{"an administrator, on an island of its state", admin, access.RoleOfficial, "ATG-BARBUDA", fault.Internal},
		{"an island's administrator, for the state", island, access.RoleOfficial, "ATG", fault.Forbidden},
		{"an administrator, elsewhere", admin, access.RoleOfficial, "DMA", fault.Forbidden},
		{"an administrator, another one", admin, access.RoleAdministrator, "ATG", fault.Forbidden},
		{"an official", official, access.RoleOfficial, "ATG", fault.Forbidden},
		{"nobody", access.Scope{}, access.RoleOfficial, "ATG", fault.Forbidden},
		{"a coordinator of an organisation", o.first, access.RoleCoordinator, "ORG-CDEMA", fault.Invalid},
		{"a regional officer of a state", o.first, access.RoleRegionalOfficer, "ATG", fault.Invalid},
		{"an unknown state", o.first, access.RoleOfficial, "ZZZ", fault.Invalid},
		{"no party", o.first, access.RoleAuditor, "", fault.Invalid},
		{"an unknown role", o.first, "king", "ATG", fault.Invalid},
	} {
		_, err := o.desk.CreateAccount(ctx, c.scope, access.Write{}, access.NewAccount{Name: "Desk", Role: c.role, Party: c.party})
		if fault.KindOf(err) != c.kind || (err == nil) != (c.kind == fault.Internal) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, name := range []string{"", "\u200b", "a\u202eb", "Call 767-448-1234"} {
		if _, err := o.desk.CreateAccount(ctx, o.first, access.Write{}, access.NewAccount{Name: name, Role: access.RoleOfficial, Party: "ATG"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an account named %q: %v", name, err)
		}
	}
}

func TestAnIDOfAnotherPartysAccountTellsNothing(t *testing.T) {
	o := newOffice(t)
	admin, _, _ := o.enroll(access.RoleAdministrator, "ATG")
	theirs, _, _ := o.enroll(access.RoleOfficial, "DMA")
	ours, _, _ := o.enroll(access.RoleOfficial, "ATG")
	ask := func(id string) error {
		_, err := o.desk.CreateAccount(ctx, admin, access.Write{}, access.NewAccount{ID: id, Name: "Desk", Role: access.RoleOfficial, Party: "ATG"})
		return err
	}
	if err := ask(theirs.Account); !fault.Is(err, fault.Invalid) {
		t.Errorf("of another party: %v", err)
	}
	refused(t, ask(ours.Account), fault.Conflict, "id_taken")
}

func TestAccountsAreSeenByThemselvesAndWhoAdministersThem(t *testing.T) {
	o := newOffice(t)
	admin, _, _ := o.enroll(access.RoleAdministrator, "ATG")
	official, _, token := o.enroll(access.RoleOfficial, "ATG")
	foreign, _, _ := o.enroll(access.RoleOfficial, "DMA")
	for _, c := range []struct {
		name  string
		scope access.Scope
		sees  bool
	}{{"first", o.first, true}, {"administrator", admin, true}, {"itself", official, true}, {"another", foreign, false}, {"nobody", access.Scope{}, false}} {
		_, err := o.desk.Account(ctx, c.scope, official.Account)
		_, tokenErr := o.desk.Token(ctx, c.scope, token.ID)
		_, listErr := o.desk.Tokens(ctx, c.scope, official.Account, 10, "")
		if (err == nil) != c.sees || (tokenErr == nil) != c.sees || (listErr == nil) != c.sees {
			t.Errorf("%s sees it: %v, %v, %v", c.name, err, tokenErr, listErr)
		}
		if !c.sees {
			refused(t, err, fault.NotFound, "account_not_found")
			refused(t, tokenErr, fault.NotFound, "token_not_found")
			refused(t, o.desk.RevokeToken(ctx, c.scope, access.Write{IfMatch: "*"}, token.ID), fault.NotFound, "token_not_found")
		}
	}
	_, _, err := o.desk.CreateToken(ctx, admin, access.Write{}, access.NewToken{Account: foreign.Account, Label: "x"})
	refused(t, err, fault.Invalid, "account_not_found")
	_, _, err = o.desk.CreateToken(ctx, admin, access.Write{}, access.NewToken{Account: admin.Account, Label: "x"})
	refused(t, err, fault.Forbidden, "not_your_account")
	list := must(o.desk.Accounts(ctx, admin, 10, ""))(t)
	if len(list.Items) != 2 { // itself and the official
		t.Errorf("the administrator lists %v", list.Items)
	}
	if list = must(o.desk.Accounts(ctx, o.first, 10, ""))(t); len(list.Items) != 4 {
		t.Errorf("the first account lists %d", len(list.Items))
	}
	_, err = o.desk.Accounts(ctx, official, 10, "")
	refused(t, err, fault.Forbidden, "administrators_only")
	_, err = o.desk.Accounts(ctx, o.first, 10, "hostile")
	refused(t, err, fault.Invalid, "bad_cursor")
}

func TestARepeatedCreateMakesOneTokenAndShowsItsSecretOnce(t *testing.T) {
	o := newOffice(t)
	scope, _, _ := o.enroll(access.RoleOfficial, "ATG")
	w := access.Write{Key: "k", Digest: []byte("one")}
	in := access.NewToken{Account: scope.Account, Label: "hub"}
	token, secret, err := o.desk.CreateToken(ctx, o.first, w, in)
	if err != nil || secret == "" {
		t.Fatal(secret, err)
	}
	again, nothing, err := o.desk.CreateToken(ctx, o.first, w, in)
	if err != nil || nothing != "" || again != token {
		t.Errorf("repeated: %+v %q %v", again, nothing, err)
	}
	w.Digest = []byte("other")
	_, _, err = o.desk.CreateToken(ctx, o.first, w, in)
	refused(t, err, fault.Conflict, "idempotency_key_reused")
}

func TestAnErasedNameIsGoneAndTheRecordStillProven(t *testing.T) {
	o := newOffice(t)
	scope, secret, token := o.enroll(access.RoleOfficial, "ATG")
	for _, e := range []ledger.Erased{{Seq: 1, Name: "name", Reason: "asked for"}, {Seq: 2, Name: "label", Reason: "asked for"}} {
		if err := o.desk.Erase(ctx, access.System, scope.Account, e); err != nil {
			t.Fatal(err)
		}
	}
	o.ledger.Settle(ctx, time.Minute)
	if a := must(o.desk.Me(ctx, scope))(t); a.Name != "" {
		t.Errorf("the name is still %q", a.Name)
	}
	if got := must(o.desk.Token(ctx, scope, token.ID))(t); got.Label != "" {
		t.Errorf("the label is still %q", got.Label)
	}
	if list := must(o.desk.Tokens(ctx, scope, "", 10, ""))(t); list.Items[0].Label != "" {
		t.Errorf("the label is still listed: %q", list.Items[0].Label)
	}
	must(o.desk.Authenticate(ctx, secret))(t)
	o.pass(time.Hour)
	report := must(o.ledger.Verify(ctx, kinds(), nil))(t)
	if len(report.Findings) > 0 {
		t.Errorf("verify finds %v", report.Findings)
	}
}

func TestSecretsAreWellFormedAndNeverTheSame(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := access.NewSecret()
		if len(s) != 46 || !strings.HasPrefix(s, "lf_") || seen[s] {
			t.Fatalf("secret %q", s)
		}
		seen[s] = true
	}
}

// TestAScopeActsForItsPartyAndItsIslands holds the rule of who acts for whom against its words.
func TestAScopeActsForItsPartyAndItsIslands(t *testing.T) {
	parties := rapid.SampledFrom([]place.Party{"", "ATG", "ATG-BARBUDA", "ATG-ANTIGUA", "DMA", "KNA-NEVIS", "ORG-CDEMA", "ORG-OECS"})
	rapid.Check(t, func(t *rapid.T) {
		s := access.Scope{Account: "a", Party: parties.Draw(t, "own"), All: rapid.Bool().Draw(t, "all")}
		p := parties.Draw(t, "other")
		want := s.All || s.Party != "" && (s.Party == p || strings.HasPrefix(string(p), string(s.Party)+"-") && len(s.Party) == 3)
		if got := s.ActsFor(p); got != want {
			t.Fatalf("%q acts for %q: %t", s.Party, p, got)
		}
	})
}
