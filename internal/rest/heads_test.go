package rest

import (
	"encoding/base64"
	"testing"
	"time"

	"landfall/internal/proof"
)

func TestWhoeverIsSignedInReadsTheSignedHeadsAndCanCheckThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t).cast()
	key, err := proof.KeyFrom(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	var prev proof.Signed
	for n, h := range []proof.Head{
		{Why: proof.WhyStart},
		{Why: proof.WhyRestore, WentBack: &proof.WentBack{TakenAt: w.now().Add(-time.Hour), Number: 1}, Lost: &proof.Lost{
			Since: 1, Streams: 1, Commits: 2, First: []proof.Loss{{Stream: "incident/a", What: proof.Shorter, Had: 5, Has: 3}},
		}},
	} {
		h.Number, h.At = int64(n+1), w.now()
		if n > 0 {
			h.Prev = prev.Hash()
		}
		if prev, err = proof.Sign(h, key); err != nil {
			t.Fatal(err)
		}
		if err := w.server.opt.Heads.Record(t.Context(), prev, int64(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	list := w.get("stranger", "/api/v1/heads").want(200).items()
	if len(list) != 2 || list[0]["number"] != 2.0 || list[1]["number"] != 1.0 || list[0]["prev"] != list[1]["hash"] {
		t.Errorf("listed %v", list)
	}
	one := w.get("stranger", "/api/v1/heads/2").want(200)
	signature, err := base64.StdEncoding.DecodeString(one.text("signature"))
	if err != nil {
		t.Fatal(err)
	}
	read, err := proof.Parse([]byte(one.text("text")), signature)
	if err != nil || read.Verify(proof.KeysOf(proof.PublicOf(key))) != nil || read.Head.Lost.First[0].Has != 3 {
		t.Errorf("what was signed: %+v, %v", read, err)
	}
	w.get("stranger", "/api/v1/heads?limit=1").want(200)
	w.get("stranger", "/api/v1/heads/3").refused(404, "head_not_found")
	w.get("stranger", "/api/v1/heads/0").refused(404, "number_not_found")
	w.get("stranger", "/api/v1/heads?cursor=x").refused(400, "bad_cursor")
	w.get("nobody", "/api/v1/heads").refused(401, "unauthenticated")
}
