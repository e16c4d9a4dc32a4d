package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func TestVariablesAreReplacedAsDockerComposeDoes(t *testing.T) {
	values := map[string]string{"SITE": "landfall.example.org", "EMPTY": ""}
	for _, c := range []struct {
		text, want, fails string
	}{
		{"plain", "plain", ""},
		{"https://${SITE}/x", "https://landfall.example.org/x", ""},
		{"${SITE:-localhost} ${OTHER:-there}", "landfall.example.org there", ""},
		{"${OTHER:-}${EMPTY:-e}", "e", ""},
		{"${SITE:?say it}", "landfall.example.org", ""},
		{"${OTHER:?say it}", "", "OTHER is not set: say it"},
		{"${OTHER}", "", "OTHER is not set and has no default"},
		{"cost $$5 $${NOT}", "cost $5 ${NOT}", ""},
		{"$SITE", "", "neither"},
		{"${SITE:+x}", "", "neither"},
	} {
		got, err := expand(c.text, values)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q: %v, want an error with %q", c.text, err, c.fails)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%q: %q %v, want %q", c.text, got, err, c.want)
		}
	}
}

func TestAComposeFileIsReadWithItsAnchorsAndMerges(t *testing.T) {
	p, err := parse([]byte(`
x-all: &all
  image: landfall:${TAG:-1}
  stop_grace_period: 30s
  secrets: [key]
  depends_on: {bus: {condition: service_healthy}}
x-env: &env {A: "1", B: two}
services:
  bus:
    image: nats:2-alpine
    command: [sh, -c, "exec nats --pass $$PASS"]
    healthcheck: {test: [CMD, wget, "http://127.0.0.1:8222/healthz"]}
  api:
    <<: *all
    environment: {<<: *env, B: 2}
secrets:
  key: {file: ./secrets/key}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	api := p.Services["api"]
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "2"}, api.Environment); diff != "" {
		t.Error(diff)
	}
	if !api.runs("landfall") || api.runs("land") || api.StopGracePeriod.Seconds() != 30 {
		t.Errorf("image %q, grace %v", api.Image, api.StopGracePeriod)
	}
	if got := p.Services["bus"].Command[2]; got != "exec nats --pass $PASS" {
		t.Errorf("command %q", got)
	}
	rounds, err := p.order(func(*service) bool { return true })
	if diff := cmp.Diff([][]string{{"bus"}, {"api"}}, rounds); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no services":         "name: x",
		"an empty service":    "services: {a: }",
		"a command as text":   "services: {a: {command: run it}}",
		"variables as a list": "services: {a: {environment: [A=1]}}",
		"an unknown need":     "services: {a: {depends_on: {b: {condition: service_healthy}}}}",
		"an unknown secret":   "services: {a: {secrets: [s]}}",
		"an unset variable":   "services: {a: {image: \"${NOBODY}\"}}",
		"no YAML":             "a: [",
	} {
		if _, err := parse([]byte(text), nil); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	p, err := parse([]byte("services: {a: {depends_on: {b: {condition: x}}}, b: {depends_on: {a: {condition: x}}}}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.order(func(*service) bool { return true }); err == nil {
		t.Error("a circle was accepted")
	}
}

func TestTheLastStageOfADockerfileSaysWhatRuns(t *testing.T) {
	img, err := readImage(`FROM golang AS build
ENV CACHE=/cache
RUN go build \
    -o out .
FROM scratch
# ENV NOT=this
LABEL a="b" \
      c="d"
ENV DATA=/data
ENV LISTEN=0.0.0.0:8080
HEALTHCHECK --interval=5s CMD ["/landfall", "healthcheck"]
ENTRYPOINT ["/landfall"]
CMD ["serve"]
`)
	if err != nil {
		t.Fatal(err)
	}
	want := image{
		env: map[string]string{"DATA": "/data", "LISTEN": "0.0.0.0:8080"}, entrypoint: []string{"/landfall"}, command: []string{"serve"},
		healthcheck: []string{"/landfall", "healthcheck"},
	}
	if diff := cmp.Diff(want, img, cmp.AllowUnexported(image{})); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"FROM scratch", "ENTRYPOINT /landfall serve", "ENV A b", "HEALTHCHECK NONE"} {
		if _, err := readImage(bad + "\n"); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestNamesAddressesAndPathsBecomeThoseOfThisMachine(t *testing.T) {
	p := newPlace([]string{"nats-1", "nats-2", "api-1"})
	if len(slices.Compact(slices.Sorted(maps.Values(p.addresses)))) != 3 {
		t.Fatalf("addresses are shared: %v", p.addresses)
	}
	v := &view{place: p, self: "api-1"}
	v.put("/data", "HERE/data")
	v.put("/run/secrets/key", "HERE/key")
	v.put("/data/deep", "DEEP")
	api, nats := p.addresses["api-1"], p.addresses["nats-2"]
	for text, want := range map[string]string{
		"nats://u:p@nats-2:4222":          "nats://u:p@" + nats + ":4222",
		"0.0.0.0:8080":                    api + ":8080",
		"http://127.0.0.1:8080/readyz":    "http://" + api + ":8080/readyz",
		"api-1":                           "api-1", // a name, no address
		"172.31.250.0/24":                 "172.31.250.0/24",
		"$(cat /run/secrets/key);":        "$(cat HERE/key);",
		"/run/secrets/keyfile":            "/run/secrets/keyfile",
		`store_dir: "/data"`:              `store_dir: "HERE/data"`,
		"/data/backups":                   "HERE/data/backups",
		"/data/deep/er":                   "DEEP/er",
		"/var/data":                       "/var/data",
		"mongodb://mongodb-1:27017/?a=/x": "mongodb://mongodb-1:27017/?a=/x",
	} {
		if got := v.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestAVariableThatIsNoFlagIsFound(t *testing.T) {
	help := "--data=DIR  Folder ($LANDFALL_DATA).\n--secret-key=HEX  Key\n  ($LANDFALL_SECRET_KEY)."
	wrong, files := unknown(map[string]string{
		"LANDFALL_DATA": "a", "LANDFALL_SECRET_KEY_FILE": "b", "LANDFALL_DATUM": "deploy/c", "LANDFALL_DATA_FOLDER_FILE": "d",
	}, help)
	if diff := cmp.Diff([]string{"d: LANDFALL_DATA_FOLDER_FILE is no flag of landfall serve", "deploy/c: LANDFALL_DATUM is no flag of landfall serve"}, wrong); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"LANDFALL_SECRET_KEY_FILE"}, files); diff != "" {
		t.Error(diff)
	}
}

func TestCountsSeeWhatIsLostAndWhatIsDoubled(t *testing.T) {
	accepted := map[string]struct{}{"f1": {}, "f2": {}, "f3": {}}
	for _, c := range []struct {
		name                     string
		came                     []arrival
		delivered, doubled, lost int
	}{
		{"nothing came", nil, 0, 0, 3},
		{"all came once", []arrival{{"d1", "e1", reported, "f1"}, {"d2", "e2", reported, "f2"}, {"d3", "e3", reported, "f3"}}, 3, 0, 0},
		{"the same delivery again", []arrival{{"d1", "e1", reported, "f1"}, {"d1", "e1", reported, "f1"}}, 1, 0, 2},
		{"one event under two ids", []arrival{{"d1", "e1", reported, "f1"}, {"d9", "e1", reported, "f1"}}, 1, 1, 2},
		{"two events of one change", []arrival{{"d1", "e1", reported, "f1"}, {"d2", "e2", reported, "f1"}}, 2, 1, 2},
		{"a change nobody was told is accepted", []arrival{{"d1", "e1", reported, "other"}}, 0, 0, 3},
	} {
		if delivered, doubled, lost := compare(accepted, c.came); delivered != c.delivered || doubled != c.doubled || lost != c.lost {
			t.Errorf("%s: delivered %d, doubled %d, lost %d", c.name, delivered, doubled, lost)
		}
	}
}

func TestTheFilesOfTheRepositoryAreUnderstood(t *testing.T) {
	deploy := filepath.Join("..", "..", "deploy")
	text, err := os.ReadFile(filepath.Join(deploy, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(text, map[string]string{"SITE_NAME": "landfall.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]int{}
	for _, s := range p.Services {
		if s.runs("landfall") {
			roles[s.Environment["LANDFALL_ROLES"]]++
		}
	}
	if diff := cmp.Diff(map[string]int{"api": 2, "notify": 2, "watch": 2}, roles); diff != "" {
		t.Error(diff)
	}
	if text, err = os.ReadFile(filepath.Join(deploy, "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	if _, err := readImage(string(text)); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(filepath.Join(deploy, "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests", err)
	}
	for _, file := range files {
		manifests(t, file)
	}
}

// manifests fails unless every document of the file is an object of some kind.
func manifests(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for dec := yaml.NewDecoder(f); ; {
		var m struct {
			APIVersion string `yaml:"apiVersion"`
			Kind       string
		}
		if err := dec.Decode(&m); err != nil {
			if err.Error() != "EOF" {
				t.Errorf("%s: %v", file, err)
			}
			return
		}
		if m.APIVersion == "" || m.Kind == "" {
			t.Errorf("%s: a document without apiVersion or kind", file)
		}
	}
}
