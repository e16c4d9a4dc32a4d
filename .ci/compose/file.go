package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// project is what this program understands of a compose file.
type project struct {
	Services map[string]*service
	Secrets  map[string]struct{ File string }
}

// service is one service. Commands and tests must be lists and variables a map: other forms are refused, not guessed.
type service struct {
	Image           string
	Command         []string
	Environment     map[string]string
	Secrets         []string
	Volumes         []string                              // source:target[:mode]
	Tmpfs           []string                              // target[:options]
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	StopGracePeriod time.Duration                         `yaml:"stop_grace_period"`
	Healthcheck     struct{ Test []string }
}

// parse reads a compose file; values gives what stands for ${NAME}.
func parse(text []byte, values map[string]string) (project, error) {
	var tree yaml.Node
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return project{}, err
	}
	if err := interpolate(&tree, values, map[*yaml.Node]bool{}); err != nil {
		return project{}, err
	}
	var p project
	if err := tree.Decode(&p); err != nil {
		return project{}, err
	}
	if len(p.Services) == 0 {
		return project{}, errors.New("the file has no services")
	}
	for name, s := range p.Services {
		if s == nil {
			return project{}, fmt.Errorf("service %s is empty", name)
		}
		for needed := range s.DependsOn {
			if p.Services[needed] == nil {
				return project{}, fmt.Errorf("service %s depends on %s, which is not there", name, needed)
			}
		}
		for _, secret := range s.Secrets {
			if p.Secrets[secret].File == "" {
				return project{}, fmt.Errorf("service %s wants the secret %s, of which no file is named", name, secret)
			}
		}
	}
	return p, nil
}

// interpolate replaces variables in every text of the tree, once in each.
func interpolate(n *yaml.Node, values map[string]string, seen map[*yaml.Node]bool) error {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	if n.Kind == yaml.ScalarNode {
		text, err := expand(n.Value, values)
		if err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		n.Value = text
	}
	for _, child := range n.Content {
		if err := interpolate(child, values, seen); err != nil {
			return err
		}
	}
	return interpolate(n.Alias, values, seen)
}

// variable is $$, ${NAME}, ${NAME:-default} or ${NAME:?message}; anything else with a dollar sign matches as that sign alone.
var variable = regexp.MustCompile(`\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|\$`)

// expand replaces the variables of one text as docker compose does.
func expand(text string, values map[string]string) (string, error) {
	var failed error
	out := variable.ReplaceAllStringFunc(text, func(found string) string {
		m := variable.FindStringSubmatch(found)
		switch value := values[m[1]]; {
		case found == "$$":
			return "$"
		case m[1] == "":
			failed = fmt.Errorf("%q has a dollar sign that is neither $$ nor a ${NAME} this program knows", text)
		case value != "":
			return value
		case m[2] == ":-":
			return m[3]
		case m[2] == ":?":
			failed = fmt.Errorf("%s is not set: %s", m[1], m[3])
		default:
			failed = fmt.Errorf("%s is not set and has no default", m[1])
		}
		return ""
	})
	return out, failed
}

// order gives the services that are started here so that each comes after what it depends on, in rounds that may start together.
func (p project) order(started func(*service) bool) ([][]string, error) {
	left := map[string]*service{}
	for name, s := range p.Services {
		if started(s) {
			left[name] = s
		}
	}
	var rounds [][]string
	for len(left) > 0 {
		var round []string
		for name, s := range left {
			waits := false
			for needed := range s.DependsOn {
				waits = waits || left[needed] != nil
			}
			if !waits {
				round = append(round, name)
			}
		}
		if len(round) == 0 {
			return nil, errors.New("services depend on each other in a circle")
		}
		for _, name := range round {
			delete(left, name)
		}
		slices.Sort(round)
		rounds = append(rounds, round)
	}
	return rounds, nil
}

// runs reports whether the service runs the image of that name, whatever its tag.
func (s *service) runs(image string) bool {
	return s.Image == image || strings.HasPrefix(s.Image, image+":")
}
