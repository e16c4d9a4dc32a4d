package rest

import (
	"testing"
	"time"

	"landfall/api"
)

// BenchmarkAdmission measures what the gate and the contract cost a request with a typical body: what every write pays before its desk is called.
func BenchmarkAdmission(b *testing.B) {
	c, err := loadContract(api.OpenAPI())
	if err != nil {
		b.Fatal(err)
	}
	o := c.operation("POST", "/api/v1/incidents/:incident_id/movements")
	body := []byte(pretty(o.body.Example))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		value, err := admit(body)
		if err == nil {
			err = o.check(value)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead measures a whole request that reads one incident from the fold.
func BenchmarkRead(b *testing.B) {
	w := newWorld(b).cast()
	path := "/api/v1/incidents/" + w.open().text("id")
	for b.Loop() {
		if a := w.serve(w.request("origin", "GET", path, "")); a.Code != 200 {
			b.Fatal(a.Code)
		}
	}
}

// BenchmarkNew measures what building the server adds to the start of the process: reading the contract and writing its page.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{Now: time.Now, Logger: quiet()}); err != nil {
			b.Fatal(err)
		}
	}
}
