package main

import (
	"fmt"
	"text/tabwriter"
	"time"
)

type retryCmd struct {
	adminFlags
	Stream string `arg:"" optional:"" help:"What to take up again, as it is listed: incident/<id>. Without one, what is set aside is listed."`
}

// Run takes a stream up again, or lists what is set aside.
func (c *retryCmd) Run(s *session) error {
	api, err := c.caller()
	if err != nil {
		return err
	}
	if c.Stream != "" {
		if err := api.post(s.ctx, "/operation/retry", map[string]string{"stream": c.Stream}, nil); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.out, "%s is tried again within seconds.\n", c.Stream)
		return nil
	}
	var status struct {
		SetAside []struct {
			Stream  string    `json:"stream"`
			Work    string    `json:"work"`
			Since   time.Time `json:"since"`
			Again   time.Time `json:"again"`
			Version int64     `json:"version"`
			Tries   int       `json:"tries"`
			Reason  string    `json:"reason"`
			Process string    `json:"process"`
		} `json:"set_aside"`
	}
	if err := api.get(s.ctx, "/operation", &status); err != nil {
		return err
	}
	if len(status.SetAside) == 0 {
		_, _ = fmt.Fprintln(s.out, "Nothing is set aside.")
		return nil
	}
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STREAM\tWORK\tVERSION\tSINCE\tTRIES\tAGAIN\tPROCESS\tREASON")
	for _, a := range status.SetAside {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\n", a.Stream, a.Work, a.Version,
			a.Since.UTC().Format(time.RFC3339), a.Tries, a.Again.UTC().Format(time.RFC3339), a.Process, a.Reason)
	}
	return table.Flush()
}
