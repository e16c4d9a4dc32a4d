package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// place is where the services of the file are on this machine.
type place struct {
	addresses map[string]string // service -> 127.x.y.z
	hosts     *regexp.Regexp    // "name:" of any of them
}

// newPlace gives every service a loopback address of its own, in a network that nobody uses as far as chance allows.
func newPlace(services []string) place {
	network := fmt.Sprintf("127.%d.%d.", 1+rand.N(254), rand.N(256)) //nolint:gosec // keeps two runs apart, keeps no secret
	p := place{addresses: map[string]string{}}
	var names []string
	for i, name := range slices.Sorted(slices.Values(services)) {
		p.addresses[name] = network + fmt.Sprint(i+1)
		names = append(names, regexp.QuoteMeta(name))
	}
	p.hosts = regexp.MustCompile(`\b(` + strings.Join(names, "|") + `):`)
	return p
}

// usable fails where these addresses cannot be used.
func (p place) usable() error {
	for name, address := range p.addresses {
		l, err := net.Listen("tcp", address+":0") //nolint:noctx // a loopback address binds or does not, at once
		if err != nil {
			return fmt.Errorf("no address for %s; this needs a machine on which all of 127.0.0.0/8 is its own, such as Linux: %w", name, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// named replaces "name:" by the address of the service of that name.
func (p place) named(text string) string {
	return p.hosts.ReplaceAllStringFunc(text, func(found string) string { return p.addresses[strings.TrimSuffix(found, ":")] + ":" })
}

// mount is a path inside a container and what stands for it here.
type mount struct{ inside, here string }

// view turns what one service's container would see into what its process sees here.
type view struct {
	place
	self   string // its name
	mounts []mount
}

// everywhere and itself are the addresses that mean another thing in a container: all of its own, and its own loopback.
var everywhere, itself = regexp.MustCompile(`\b0\.0\.0\.0:`), regexp.MustCompile(`\b127\.0\.0\.1:`)

// text replaces names of services, the container's own addresses, and paths of mounts.
func (v *view) text(s string) string {
	own := v.addresses[v.self] + ":"
	s = everywhere.ReplaceAllString(v.named(s), own)
	s = itself.ReplaceAllString(s, own)
	for _, m := range v.mounts {
		path := regexp.MustCompile(`(^|[^\w./-])` + regexp.QuoteMeta(m.inside) + `($|[^\w.-])`)
		s = path.ReplaceAllString(s, "${1}"+strings.ReplaceAll(filepath.ToSlash(m.here), "$", "$$")+"${2}")
	}
	return s
}

// texts is text for each of a list.
func (v *view) texts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = v.text(s)
	}
	return out
}

// put adds a mount; longer paths come first, so that the more exact one decides.
func (v *view) put(inside, here string) {
	v.mounts = append(v.mounts, mount{inside, here})
	slices.SortStableFunc(v.mounts, func(a, b mount) int { return len(b.inside) - len(a.inside) })
}
