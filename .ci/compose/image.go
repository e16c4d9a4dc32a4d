package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// image is what the last stage of a Dockerfile says about the process.
type image struct {
	env         map[string]string
	entrypoint  []string
	command     []string
	healthcheck []string
}

// readImage reads the few instructions that matter here, in the forms that the Dockerfile uses: ENV NAME=value, and lists in JSON.
func readImage(text string) (image, error) {
	img := image{env: map[string]string{}}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		var err error
		switch word {
		case "FROM":
			img = image{env: map[string]string{}}
		case "ENV":
			name, value, ok := strings.Cut(rest, "=")
			if !ok || strings.ContainsAny(value, " \"$") {
				return img, fmt.Errorf("%q: one plain NAME=value to an ENV", line)
			}
			img.env[name] = value
		case "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &img.entrypoint)
		case "CMD":
			err = json.Unmarshal([]byte(rest), &img.command)
		case "HEALTHCHECK":
			_, list, ok := strings.Cut(rest, "CMD ")
			if !ok {
				return img, fmt.Errorf("%q: no CMD", line)
			}
			err = json.Unmarshal([]byte(list), &img.healthcheck)
		}
		if err != nil {
			return img, fmt.Errorf("%q: not a list: %w", line, err)
		}
	}
	if len(img.entrypoint) == 0 || len(img.command) == 0 || len(img.healthcheck) == 0 {
		return img, fmt.Errorf("the last stage lacks an ENTRYPOINT, a CMD or a HEALTHCHECK")
	}
	return img, nil
}
