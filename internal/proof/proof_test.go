package proof_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"landfall/internal/proof"
)

var began = time.Date(2026, 9, 16, 12, 0, 0, 0, time.UTC)

// service is who signs in these tests.
type service struct {
	t        testing.TB
	dir      string
	log      *proof.Log
	secret   byte
	tree     proof.Tree
	last     proof.Signed
	seen     []proof.Signed // signed elsewhere, and not in the log yet
	rotation proof.Signed
	next     *proof.Head // members of the next head beside those that sign fills in
}

func newService(t testing.TB) *service {
	t.Helper()
	s := &service{t: t, dir: t.TempDir(), secret: 1}
	s.open()
	return s
}

func (s *service) open() {
	s.t.Helper()
	var err error
	if s.log, err = proof.OpenLog(s.dir); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) keys() proof.Keys {
	s.t.Helper()
	key, err := proof.KeyFrom(bytes.Repeat([]byte{s.secret}, 32))
	if err != nil {
		s.t.Fatal(err)
	}
	return proof.KeysOf(proof.PublicOf(key))
}

func leaf(stream string, seq int64) proof.Leaf {
	return proof.Leaf{Stream: stream, Seq: seq, Hash: sha256.Sum256(fmt.Append(nil, stream, seq))}
}

// head signs the next head over the tree.
func (s *service) head() proof.Signed {
	s.t.Helper()
	key, err := proof.KeyFrom(bytes.Repeat([]byte{s.secret}, 32))
	if err != nil {
		s.t.Fatal(err)
	}
	h := proof.Head{Why: proof.WhyHour}
	if s.next != nil {
		h, s.next = *s.next, nil
	}
	h.Number, h.Streams, h.Root = s.last.Head.Number+1, int64(s.tree.Len()), s.tree.Root()
	if h.At = began.Add(time.Duration(h.Number) * time.Hour); h.Number > 1 {
		h.Prev = s.last.Hash()
	}
	if s.last, err = proof.Sign(h, key); err != nil {
		s.t.Fatal(err)
	}
	return s.last
}

// sign signs a head over the tree with these leaves changed, and appends it to the log.
func (s *service) sign(forget []string, set ...proof.Leaf) {
	s.t.Helper()
	s.tree.Set(set, forget)
	if err := s.log.Append(s.head(), &s.tree, s.seen, forget); err != nil {
		s.t.Fatal(err)
	}
	s.seen = nil
}

// rotate lets the key sign a head that names the next one, which signs from then on.
func (s *service) rotate(secret byte) {
	s.t.Helper()
	old, err := proof.KeyFrom(bytes.Repeat([]byte{s.secret}, 32))
	if err != nil {
		s.t.Fatal(err)
	}
	next, err := proof.KeyFrom(bytes.Repeat([]byte{secret}, 32))
	if err != nil {
		s.t.Fatal(err)
	}
	h := s.head().Head
	if s.rotation, err = proof.Rotate(h, old, next); err == nil {
		err = s.log.Append(s.rotation, &s.tree, nil, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.last, s.secret = s.rotation, secret
}

// elsewhere signs a head that this log does not get.
func (s *service) elsewhere(set ...proof.Leaf) {
	s.t.Helper()
	s.tree.Set(set, nil)
	s.seen = append(s.seen, s.head())
}

func (s *service) read(keys proof.Keys) *proof.Trail {
	s.t.Helper()
	trail := proof.NewTrail(keys)
	if err := trail.ReadPath(s.dir); err != nil {
		s.t.Fatal(err)
	}
	return trail
}

// file gives the one file of heads there is.
func (s *service) file() string {
	s.t.Helper()
	files, err := proof.Files(s.dir)
	if err != nil || len(files) != 1 {
		s.t.Fatalf("files %v, %v", files, err)
	}
	return files[0]
}

func TestTheRootIsThatOfRFC6962(t *testing.T) {
	t.Parallel()
	hash := func(b ...byte) proof.Hash { return sha256.Sum256(b) }
	node := func(a, b proof.Hash) proof.Hash { return hash(slices.Concat([]byte{1}, a[:], b[:])...) }
	var leaves []proof.Leaf
	var hashes []proof.Hash
	var tree proof.Tree
	if tree.Root() != hash() {
		t.Errorf("the root of nothing is %s", tree.Root())
	}
	for i := range 5 {
		l := leaf(fmt.Sprint("incident/", i), int64(i+1))
		leaves = append(leaves, l)
		hashes = append(hashes, hash(slices.Concat([]byte{0}, []byte(l.Stream), []byte{0, 0, 0, 0, 0, 0, 0, 0, byte(i + 1)}, l.Hash[:])...))
	}
	slices.Reverse(leaves)
	tree.Set(leaves, nil)
	if want := node(node(node(hashes[0], hashes[1]), node(hashes[2], hashes[3])), hashes[4]); tree.Root() != want {
		t.Errorf("root of five: %s, want %s", tree.Root(), want)
	}
	tree.Set(nil, []string{"incident/0", "incident/4"})
	if want := node(node(hashes[1], hashes[2]), hashes[3]); tree.Root() != want {
		t.Errorf("root of three: %s, want %s", tree.Root(), want)
	}
	tree.Set([]proof.Leaf{leaf("incident/2", 9)}, nil)
	if l, ok := tree.Get("incident/2"); !ok || l.Seq != 9 || tree.Len() != 3 {
		t.Errorf("got %v %v of %d", l, ok, tree.Len())
	}
}

func TestALogIsReadAgainAndSaysWhatItsHeadsCover(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.sign(nil, leaf("alert/a", 1), leaf("incident/a", 3))
	s.sign(nil, leaf("incident/a", 5), leaf("incident/b", 1))
	s.elsewhere(leaf("incident/b", 2))
	s.elsewhere()
	s.open() // another process of the same folder, or the same one later
	s.sign(nil, leaf("incident/b", 4))

	trail := s.read(s.keys())
	if len(trail.Wrong()) > 0 {
		t.Errorf("wrong: %v", trail.Wrong())
	}
	if last, ok := trail.Last(); !ok || last.Head.Number != 5 || last.Hash() != s.last.Hash() {
		t.Errorf("last %+v", last.Head)
	}
	want := []proof.Claim{
		{Seq: 1, Hash: leaf("incident/b", 1).Hash, Head: 2, After: began.Add(time.Hour)},
		{Seq: 4, Hash: leaf("incident/b", 4).Hash, Head: 5, After: began.Add(2 * time.Hour)},
	}
	if diff := cmp.Diff(want, trail.Claims("incident/b")); diff != "" {
		t.Error(diff)
	}
	if covered, tree, ok := s.log.Covered(); !ok || covered.Head.Number != 5 || tree.Root() != s.last.Head.Root {
		t.Errorf("the log covers %+v, %d streams", covered.Head, tree.Len())
	}
}

func TestWhatWentBackIsNotHeldAgainstTheRecords(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.sign(nil, leaf("incident/a", 3), leaf("incident/b", 3), leaf("incident/c", 3))
	s.sign(nil, leaf("incident/a", 9), leaf("incident/b", 9))
	s.next = &proof.Head{Why: proof.WhyStart, Lost: &proof.Lost{Since: 2, Streams: 3, Commits: 15}}
	s.sign([]string{"incident/a", "incident/b", "incident/c"}, leaf("incident/a", 3), leaf("incident/c", 3))
	s.sign(nil, leaf("incident/a", 4))
	trail := s.read(s.keys())
	if len(trail.Wrong()) > 0 {
		t.Errorf("wrong: %v", trail.Wrong())
	}
	if diff := cmp.Diff([]string{"incident/a", "incident/c"}, trail.Streams()); diff != "" {
		t.Error(diff)
	}
	if claims := trail.Claims("incident/a"); len(claims) != 2 || claims[0].Seq != 3 || claims[0].Head != 3 {
		t.Errorf("claims %+v", claims)
	}
}

func TestAFileGrowsIntoAnotherOneThatIsSufficientByItself(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var leaves []proof.Leaf
	for i := range 4000 {
		leaves = append(leaves, leaf(fmt.Sprintf("incident/%06d", i), 1))
	}
	for n := range 20 {
		for i := range leaves {
			leaves[i].Seq = int64(n + 1)
		}
		s.sign(nil, leaves...)
	}
	files, err := proof.Files(s.dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	trail := proof.NewTrail(s.keys())
	if err := trail.ReadPath(files[1]); err != nil || len(trail.Wrong()) > 0 {
		t.Errorf("the second file alone: %v %v", err, trail.Wrong())
	}
	if len(trail.Streams()) != len(leaves) {
		t.Errorf("it covers %d streams", len(trail.Streams()))
	}
	whole := s.read(s.keys())
	if claims := whole.Claims("incident/000007"); len(whole.Wrong()) > 0 || len(claims) != 20 {
		t.Errorf("both: %v, %d claims", whole.Wrong(), len(claims))
	}
}

func TestATornRecordIsCutWithAWord(t *testing.T) {
	t.Parallel()
	whole := newService(t)
	whole.sign(nil, leaf("incident/a", 1))
	whole.sign(nil, leaf("incident/a", 2), leaf("incident/b", 1))
	text, err := os.ReadFile(whole.file())
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.Index(text, []byte("+ 2 "))
	cuts := []int{0, 1, 17, first - 1, first, first + 1, len(text) - 1}
	for cut := 29; cut < len(text); cut += 97 {
		cuts = append(cuts, cut)
	}
	for _, cut := range cuts {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "000000000001.heads"), text[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		log, err := proof.OpenLog(dir)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		last, ok := log.Last()
		if want := cut >= first; ok != want || want && last.Head.Number != 1 {
			t.Errorf("cut at %d: last head %+v, %v", cut, last.Head, ok)
		}
		if notes := log.Notes(); (len(notes) == 1) != (cut != first) {
			t.Errorf("cut at %d: notes %v", cut, notes)
		}
		if err := log.Append(whole.last, &whole.tree, nil, nil); err != nil {
			t.Fatal(err)
		}
		trail := proof.NewTrail(whole.keys())
		if err := trail.ReadPath(dir); err != nil {
			t.Fatal(err)
		}
		if covered, _ := trail.Covered(); covered.Head.Number != 2 || len(trail.Wrong()) > 0 {
			t.Errorf("cut at %d and gone on: %d, %v", cut, covered.Head.Number, trail.Wrong())
		}
	}
}

func TestARotatedKeyIsBelievedBecauseTheOldOneNamesIt(t *testing.T) {
	t.Parallel()
	s := newService(t)
	old := s.keys()
	s.sign(nil, leaf("incident/a", 1))
	next, err := proof.KeyFrom(bytes.Repeat([]byte{2}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s.rotate(2)
	s.sign(nil, leaf("incident/a", 2))
	if trail := s.read(old); len(trail.Wrong()) > 0 || len(trail.Claims("incident/a")) != 2 {
		t.Errorf("with the old key: %v, %v", trail.Wrong(), trail.Claims("incident/a"))
	}
	if trail := s.read(s.keys()); len(trail.Wrong()) != 1 || !strings.Contains(trail.Wrong()[0], "not one of those believed") {
		t.Errorf("with the new key alone: %v", trail.Wrong())
	}
	rotation := s.rotation
	taken := proof.Predecessors(proof.PublicOf(next), old, []proof.Signed{rotation})
	if len(taken) != 2 {
		t.Errorf("the new key takes on %v", taken)
	}
	forged := rotation
	forged.Head.Accepted = base64.StdEncoding.EncodeToString(make([]byte, 64))
	if taken := proof.Predecessors(proof.PublicOf(next), old, []proof.Signed{forged}); len(taken) != 1 {
		t.Errorf("the new key never accepted, and takes on %v", taken)
	}
	for range 2 {
		if err := s.log.AddKey(proof.PublicOf(next)); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := proof.KeysIn(s.file()); err != nil || len(keys) != 1 || keys[proof.Fingerprint(proof.PublicOf(next))] == nil {
		t.Errorf("file of keys: %v, %v", keys, err)
	}
}

func TestAnEditedFileOfHeadsIsFound(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.sign(nil, leaf("incident/a", 1), leaf("incident/b", 7))
	s.sign(nil, leaf("incident/a", 2))
	s.elsewhere(leaf("incident/a", 3))
	s.sign(nil, leaf("incident/a", 4))
	data, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	// 0 mark, 1 a, 2 b, 3 head 1, 4 a, 5 head 2, 6 seen 3, 7 a, 8 head 4
	other := newService(t)
	other.secret = 9
	other.sign(nil, leaf("incident/a", 1))
	forged, err := os.ReadFile(other.file())
	if err != nil {
		t.Fatal(err)
	}
	without := func(n ...int) string {
		var out strings.Builder
		for i, l := range lines {
			if !slices.Contains(n, i) {
				out.WriteString(l)
			}
		}
		return out.String()
	}
	for _, c := range []struct{ what, text, want string }{
		{"a leaf edited", strings.Replace(string(data), "+ 7 ", "+ 6 ", 1), "its leaves are not those that were signed"},
		{"a leaf removed", without(4), "its leaves are not those that were signed"},
		{"a head removed with its leaves", without(4, 5), "heads 2 to 2 are missing"},
		{"a seen head removed", without(6), "heads 3 to 3 are missing"},
		{"two heads swapped", lines[0] + lines[1] + lines[2] + lines[3] + lines[7] + lines[8] + lines[4] + lines[5], "heads 2 to 3 are missing"},
		{"a head twice", string(data) + lines[8], "it comes after head 4"},
		{"a reason edited", strings.Replace(string(data), `"why":"hour"`, `"why":"stop"`, 1), "the signature is not good"},
		{"another service's file", string(forged), "not one of those believed"},
		{"another service's head at its end", string(data) + strings.Join(strings.SplitAfter(string(forged), "\n")[1:], ""), "not one of those believed"},
		{"no file of heads", "hello\n", "it is no file of heads"},
		{"a line that is nothing", strings.Replace(string(data), "head ", "tail ", 1), "it is neither a leaf nor a head"},
		{"a line too long", lines[0] + strings.Repeat("x", 1<<20) + "\n", "it is too long"},
		{"cut off", string(data[:len(data)-9]), "the file ends in the middle of a record"},
	} {
		trail := proof.NewTrail(s.keys())
		if err := trail.Read(strings.NewReader(c.text), "copy"); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if !slices.ContainsFunc(trail.Wrong(), func(w string) bool { return strings.Contains(w, c.want) }) {
			t.Errorf("%s: %q, want %q", c.what, trail.Wrong(), c.want)
		}
	}
}

// FuzzTrail reads what is no file of heads: nothing may panic, and nothing that was not signed may
// count.
func FuzzTrail(f *testing.F) {
	s := newService(f)
	s.sign(nil, leaf("incident/a", 1), leaf("incident/b", 7))
	s.elsewhere(leaf("incident/a", 3))
	s.sign(nil, leaf("incident/a", 4))
	data, err := os.ReadFile(s.file())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("landfall heads 1\n"))
	f.Add([]byte("landfall heads 1\n+ 1 00 x\n- y\nhead = {}\n"))
	f.Add([]byte("landfall heads 1\nhead AAAA {\"number\":1,\"streams\":-1}\n"))
	f.Add(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
	f.Add(data[:len(data)/2])
	keys := s.keys()
	f.Fuzz(func(t *testing.T, text []byte) {
		trail := proof.NewTrail(keys)
		if err := trail.Read(bytes.NewReader(text), "fuzz"); err != nil {
			t.Fatal(err)
		}
		for _, stream := range trail.Streams() {
			for _, c := range trail.Claims(stream) {
				if c.Hash != leaf(stream, c.Seq).Hash {
					t.Errorf("%s: a claim that was never signed: %+v", stream, c)
				}
			}
		}
	})
}
