package console_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"landfall/internal/harness"
)

func TestAnIncidentSaysThatItIsNearlyFull(t *testing.T) {
	t.Parallel()
	w := harness.New(t)
	dma := w.Account("DMA", "coordinator")
	i := w.Maria(dma, []string{"ATG"}, nil)
	landfall := w.Clock.Now().Add(48 * time.Hour).Truncate(time.Second)
	i.Activate(landfall)
	words := map[string][2]string{
		"en": {"nearly full", "Values of a key time, landfall: 160 of 200"}, "fr": {"presque plein", "160 sur 200"},
	}
	move := func(n int) {
		body := harness.Object{"at": landfall.Add(time.Duration(n) * time.Minute), "kind": "forecast"}
		i.Do(http.MethodPut, i.Path+"/anchors/LANDFALL", body, harness.IfMatch("*"), harness.Key(fmt.Sprint("move-", n))).Want(http.StatusOK)
	}
	for n := range 159 {
		move(n + 1)
	}
	if limits := dma.Get(i.Path).Want(http.StatusOK).Body["near_limits"]; limits != nil {
		t.Errorf("too early: %v", limits)
	}
	move(160)
	limits, _ := dma.Get(i.Path).Want(http.StatusOK).Body["near_limits"].([]any)
	if len(limits) != 1 || fmt.Sprint(limits[0]) != "map[bound:anchor_values holds:160 most:200 subject:LANDFALL]" {
		t.Errorf("near limits: %v", limits)
	}
	liaison := w.Account("ATG", "liaison")
	if limits := liaison.Get(i.Path).Want(http.StatusOK).Body["near_limits"]; limits != nil {
		t.Errorf("who reads the headline alone is shown %v", limits)
	}
	for language, said := range words {
		dma.Visit(language).Get("/incidents/"+i.ID).Want(http.StatusOK).Says(said[0], said[1])
		liaison.Visit(language).Get("/incidents/" + i.ID).Want(http.StatusOK).Silent(said[0])
	}
	i.Post(i.Path+"/stand-down", harness.Object{"reason": "It turned away."}).Want(http.StatusOK)
	if limits := dma.Get(i.Path).Want(http.StatusOK).Body["near_limits"]; limits != nil {
		t.Errorf("once it has ended: %v", limits)
	}
	dma.Visit("en").Get("/incidents/" + i.ID).Want(http.StatusOK).Silent(words["en"][0])
}
