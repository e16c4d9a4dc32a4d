package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// stage holds the processes of the compose file on this machine.
type stage struct {
	opt     options
	dir     string // for everything the processes write, and for what is written for them
	out     io.Writer
	project project
	image   image // of landfall
	place   place
	rounds  [][]string // names of services, in order of starting

	started map[string]*process
}

// newStage reads the files and lays out what the processes will find. Nothing runs yet.
func newStage(ctx context.Context, opt options, dir string, out io.Writer) (*stage, error) {
	s := &stage{opt: opt, dir: dir, out: out, started: map[string]*process{}}
	deploy := filepath.Join(opt.root, "deploy")
	text, err := os.ReadFile(filepath.Join(deploy, "compose.yaml"))
	if err != nil {
		return nil, err
	}
	if s.project, err = parse(text, map[string]string{"SITE_NAME": "landfall.example.org"}); err != nil {
		return nil, fmt.Errorf("deploy/compose.yaml: %w", err)
	}
	if text, err = os.ReadFile(filepath.Join(deploy, "Dockerfile")); err != nil {
		return nil, err
	}
	if s.image, err = readImage(string(text)); err != nil {
		return nil, fmt.Errorf("deploy/Dockerfile: %w", err)
	}
	if s.rounds, err = s.project.order(func(v *service) bool { return v.runs("landfall") || v.runs("nats") }); err != nil {
		return nil, err
	}
	var absent []string
	for name := range s.project.Services {
		if !slices.Contains(slices.Concat(s.rounds...), name) {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	s.place = newPlace(slices.Concat(s.rounds...))
	if err := s.place.usable(); err != nil {
		return nil, err
	}
	if err := s.checkShape(ctx); err != nil {
		return nil, err
	}
	if err := s.makeSecrets(ctx); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(out, "from deploy/compose.yaml: %s\nnot started here: %s\nchanged: the secret mongodb_uri, LANDFALL_MONGODB_DATABASE=%s, LANDFALL_WEBHOOK_ALLOW_PRIVATE=true\n",
		strings.Join(slices.Concat(s.rounds...), " "), strings.Join(absent, " "), opt.database)
	return s, err
}

// checkShape makes sure that the file has what it promises: three NATS servers of the version that is linked, and two of each role.
func (s *stage) checkShape(ctx context.Context) error {
	version, err := exec.CommandContext(ctx, s.opt.natsServer, "--version").Output()
	if err != nil {
		return fmt.Errorf("nats-server --version: %w", err)
	}
	_, linked, _ := strings.Cut(strings.TrimSpace(string(version)), " v")
	count := map[string]int{}
	for _, name := range slices.Concat(s.rounds...) {
		v := s.project.Services[name]
		if v.runs("landfall") {
			count[v.Environment["LANDFALL_ROLES"]]++
			continue
		}
		count["nats"]++
		tag, _, _ := strings.Cut(strings.TrimPrefix(v.Image, "nats:"), "-")
		if linked != tag && !strings.HasPrefix(linked, tag+".") {
			return fmt.Errorf("%s runs NATS %s, and Landfall is linked and tested with %s", name, tag, linked)
		}
	}
	for what, want := range map[string]int{"nats": 3, "api": 2, "notify": 2, "watch": 2} {
		if count[what] != want {
			return fmt.Errorf("the file has %d services of the kind %s, and not %d", count[what], what, want)
		}
	}
	return nil
}

// makeSecrets runs deploy/make-secrets, puts the server that is there into mongodb_uri, and addresses for names into all.
func (s *stage) makeSecrets(ctx context.Context) error {
	dir := s.secret("")
	said, err := exec.CommandContext(ctx, "bash", filepath.Join(s.opt.root, "deploy", "make-secrets"), dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("deploy/make-secrets: %w\n%s", err, said)
	}
	for name, secret := range s.project.Secrets {
		if path.Base(secret.File) != name {
			return fmt.Errorf("the secret %s lies in %s, where make-secrets does not put it", name, secret.File)
		}
		text, err := os.ReadFile(s.secret(name))
		if err != nil {
			return fmt.Errorf("deploy/make-secrets does not make %s: %w", name, err)
		}
		content := s.place.named(string(text))
		if name == "mongodb_uri" {
			content = s.opt.mongoURI + "\n"
		}
		if err := os.Remove(s.secret(name)); err != nil {
			return err
		}
		if err := os.WriteFile(s.secret(name), []byte(content), 0o400); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) secret(name string) string { return filepath.Join(s.dir, "secrets", name) }

// prepare makes the process of one service, with folders for its volumes and its configuration files rewritten for this machine.
func (s *stage) prepare(name string) (*process, error) {
	def := s.project.Services[name]
	v := &view{place: s.place, self: name}
	for _, secret := range def.Secrets {
		v.put("/run/secrets/"+secret, s.secret(secret))
	}
	own := filepath.Join(s.dir, name)
	var files []mount // configuration files, to be rewritten when all mounts are known
	folders := slices.Clone(def.Tmpfs)
	for _, volume := range def.Volumes {
		source, target, _ := strings.Cut(volume, ":")
		target, _, _ = strings.Cut(target, ":")
		if strings.HasPrefix(source, ".") {
			here := filepath.Join(own, filepath.Base(source))
			files = append(files, mount{inside: filepath.Join(s.opt.root, "deploy", source), here: here})
			v.put(target, here)
		} else {
			folders = append(folders, target)
		}
	}
	for _, folder := range folders {
		target, _, _ := strings.Cut(folder, ":")
		here := filepath.Join(own, path.Base(target))
		if err := os.MkdirAll(here, 0o700); err != nil {
			return nil, err
		}
		v.put(target, here)
	}
	if err := os.MkdirAll(own, 0o700); err != nil {
		return nil, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f.inside)
		if err != nil {
			return nil, fmt.Errorf("%s mounts what is not there: %w", name, err)
		}
		if err := os.WriteFile(f.here, []byte(v.text(string(text))), 0o400); err != nil {
			return nil, err
		}
	}
	return s.process(name, def, v)
}

// process says how the process of a service is started and asked for its health.
func (s *stage) process(name string, def *service, v *view) (*process, error) {
	env := map[string]string{}
	args, health := def.Command, def.Healthcheck.Test
	if def.runs("landfall") {
		for k, value := range s.image.env {
			env[k] = value
		}
		if len(args) == 0 {
			args = s.image.command
		}
		args = append(slices.Clone(s.image.entrypoint), args...)
		health = append([]string{"CMD"}, s.image.healthcheck...)
	}
	for k, value := range def.Environment {
		env[k] = value
	}
	if def.runs("landfall") {
		env["LANDFALL_MONGODB_DATABASE"] = s.opt.database
		env["LANDFALL_WEBHOOK_ALLOW_PRIVATE"] = "true" // the receiver is on this machine
	}
	if len(args) == 0 || len(health) < 2 || health[0] != "CMD" || def.StopGracePeriod <= 0 {
		return nil, fmt.Errorf("%s: a command, a health check of the form [CMD, ...] and a stop_grace_period are needed", name)
	}
	p := &process{name: name, dir: filepath.Join(s.dir, name), health: s.program(v.texts(health[1:])), args: s.program(v.texts(args)), grace: def.StopGracePeriod}
	p.env = []string{"PATH=" + filepath.Dir(s.opt.natsServer) + ":/usr/local/bin:/usr/bin:/bin"}
	for k, value := range env {
		p.env = append(p.env, k+"="+v.text(value))
	}
	slices.Sort(p.env)
	p.url = "http://" + v.text(env["LANDFALL_LISTEN"])
	p.data = v.text(env["LANDFALL_DATA"])
	return p, nil
}

// program puts the binary that was given for the one of the image.
func (s *stage) program(args []string) []string {
	if args[0] == s.image.entrypoint[0] {
		args[0] = s.opt.landfall
	}
	return args
}

// startAll starts everything, each when what it depends on is healthy, and waits until all are.
func (s *stage) startAll(ctx context.Context) error {
	for _, round := range s.rounds {
		for _, name := range round {
			p, err := s.prepare(name)
			if err != nil {
				return err
			}
			s.started[name] = p
		}
		if err := s.each(round, func(p *process) error { return begin(ctx, p) }); err != nil {
			return err
		}
	}
	return nil
}

// stopAll stops everything in the reverse order, gracefully.
func (s *stage) stopAll(ctx context.Context) error {
	for _, round := range slices.Backward(s.rounds) {
		if err := s.each(round, func(p *process) error { return p.stop(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// each does something with several processes at the same time.
func (s *stage) each(names []string, do func(*process) error) error {
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { errs[i] = do(s.started[name]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// killAll ends whatever still runs.
func (s *stage) killAll() {
	for _, p := range s.started {
		p.kill()
	}
}

// printLogs shows the end of what every process said.
func (s *stage) printLogs(out io.Writer) {
	for _, name := range slices.Concat(s.rounds...) {
		if p := s.started[name]; p != nil {
			fmt.Fprintf(out, "---- %s\n%s", name, p.lastLines(40))
		}
	}
}
