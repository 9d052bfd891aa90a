package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// The pins travel inside the program, so that it works from any folder.
//
//go:embed go.mod
var goMod string

//go:embed go.sum
var goSum string

// CoreDNS has pins of its own, because its dependencies clash with those of
// Kubernetes. `go -C infra/ground get -modfile=parts/coredns.mod …` moves them.
//
//go:embed parts/coredns.mod
var corednsMod string

//go:embed parts/coredns.sum
var corednsSum string

//go:embed parts/prometheus.mod
var prometheusMod string

//go:embed parts/prometheus.sum
var prometheusSum string

//go:embed pause/main.go
var pauseSource string

// tool is one pinned program. Its version is that of its module in go.mod.
type tool struct {
	name, pkg, module string
	versionArgs       []string // how the program prints its version
	stamp             string   // a variable that the linker sets to the version
	// shown is the version that the program goes by, where its module's differs.
	shown func(string) string
}

const kubernetes = "k8s.io/kubernetes"

// bundle is a set of tools that one go.mod pins and one run builds.
type bundle struct {
	name     string // part of its folder's name; the control plane has none
	what     string
	cold     string // how long the first build takes
	mod, sum string
	source   map[string]string // files of our own beside go.mod
	flags    []string          // of go build
	tools    []tool
	stages   bool // kwok's stage files belong to it
}

// layout changes whenever build settings do, so that old caches are not used.
const layout = "1"

var controlPlane = bundle{
	what: "the pinned control plane", cold: "eight minutes", mod: goMod, sum: goSum, stages: true,
	tools: []tool{
		{name: "etcd", pkg: "go.etcd.io/etcd/server/v3", module: "go.etcd.io/etcd/server/v3", versionArgs: []string{"--version"}},
		{name: "kube-apiserver", pkg: kubernetes + "/cmd/kube-apiserver", module: kubernetes, versionArgs: []string{"--version"}},
		{name: "kube-controller-manager", pkg: kubernetes + "/cmd/kube-controller-manager", module: kubernetes, versionArgs: []string{"--version"}},
		{name: "kube-scheduler", pkg: kubernetes + "/cmd/kube-scheduler", module: kubernetes, versionArgs: []string{"--version"}},
		{name: "kubectl", pkg: kubernetes + "/cmd/kubectl", module: kubernetes, versionArgs: []string{"version", "--client"}},
		{name: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok", module: "sigs.k8s.io/kwok", versionArgs: []string{"--version"}},
	},
}

// What a real node needs beyond Debian's packages. Fleets never build it.
var nodeParts = bundle{
	name: "node", what: "kubelet and kube-proxy", cold: "two minutes", mod: goMod, sum: goSum,
	source: map[string]string{"pause/main.go": pauseSource},
	tools: []tool{
		{name: "kubelet", pkg: kubernetes + "/cmd/kubelet", module: kubernetes, versionArgs: []string{"--version"}},
		{name: "kube-proxy", pkg: kubernetes + "/cmd/kube-proxy", module: kubernetes, versionArgs: []string{"--version"}},
		{name: "pause", pkg: "./pause"},
	},
}

var dnsServer = bundle{
	name: "coredns", what: "CoreDNS", cold: "three minutes", mod: corednsMod, sum: corednsSum,
	tools: []tool{{name: "coredns", pkg: "github.com/coredns/coredns", module: "github.com/coredns/coredns"}},
}

// parts are bundles that no mode starts: stacks run them as pods.
var parts = map[string]bundle{
	"prometheus": {
		name: "prometheus", what: "Prometheus and promtool", cold: "four minutes", mod: prometheusMod, sum: prometheusSum,
		// What nobody here uses: every service discovery but pods and files, cgo's resolver.
		flags: []string{"-tags=netgo,remove_all_sd,enable_file_sd,enable_kubernetes_sd"},
		tools: []tool{prometheusTool("prometheus"), prometheusTool("promtool")},
	},
}

func prometheusTool(name string) tool {
	const module = "github.com/prometheus/prometheus"
	return tool{name: name, pkg: module + "/cmd/" + name, module: module, stamp: "github.com/prometheus/common/version.Version", shown: prometheusRelease}
}

// prometheusRelease: the module's 0.316.0 is the release 3.16.0.
func prometheusRelease(module string) string {
	n := strings.Split(module, ".")
	if len(n) != 3 || len(n[1]) != 3 {
		return module
	}
	return n[1][:1] + "." + strings.TrimPrefix(n[1][1:2], "0") + n[1][2:] + "." + n[2]
}

// buildPart builds a part and prints the folder of its programs.
func buildPart(ctx context.Context, name string, out io.Writer) error {
	b, ok := parts[name]
	if !ok {
		return fmt.Errorf("%w: no part %q: use one of %s", errUsage, name, strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	dir, err := ensureBundle(ctx, b, filepath.Join(cache, "ground"), os.Stderr)
	if err == nil {
		fmt.Fprintln(out, dir)
	}
	return err
}

// bundlesOf lists what a mode needs.
func bundlesOf(mode string) []bundle {
	if mode == "real" {
		return []bundle{controlPlane, nodeParts, dnsServer}
	}
	return []bundle{controlPlane}
}

// toolset is where the built tools are.
type toolset struct {
	Dir      string            `json:"dir"` // the control plane's
	Paths    map[string]string `json:"paths"`
	Versions map[string]string `json:"versions"` // per tool, without the v
}

func (t toolset) bin(name string) string { return t.Paths[name] }

// folders are all folders that tools lie in.
func (t toolset) folders() []string {
	seen := map[string]string{}
	for _, path := range t.Paths {
		seen[filepath.Dir(path)] = ""
	}
	var all []string
	for folder := range maps.Keys(seen) {
		all = append(all, folder)
	}
	return all
}

// ensureTools returns the cached tools of a mode, building them first where needed.
func ensureTools(ctx context.Context, mode string, progress io.Writer) (toolset, error) {
	cache, err := cacheDir()
	if err != nil {
		return toolset{}, err
	}
	set := toolset{Paths: map[string]string{}, Versions: map[string]string{}}
	for i, b := range bundlesOf(mode) {
		dir, err := ensureBundle(ctx, b, filepath.Join(cache, "ground"), progress)
		if err != nil {
			return toolset{}, err
		}
		if i == 0 {
			set.Dir = dir
		}
		for _, t := range b.tools {
			set.Paths[t.name] = filepath.Join(dir, t.name)
			if set.Versions[t.name], err = b.version(t); err != nil {
				return toolset{}, err
			}
		}
	}
	return set, nil
}

// version is what go.mod pins; a program of our own has that of the layout.
func (b bundle) version(t tool) (string, error) {
	if t.module == "" {
		return layout, nil
	}
	v, err := pinnedVersion(b.mod, t.module)
	if err == nil && t.shown != nil {
		v = t.shown(v)
	}
	return v, err
}

// key names a folder by everything that decides what is in it. The Go
// version is that of this program: starting then needs no Go at all.
func (b bundle) key() string {
	parts := []string{layout, b.mod, b.sum, runtime.Version(), runtime.GOOS, runtime.GOARCH}
	for name, text := range b.source { // one at most, so that no order matters
		parts = append(parts, name, text)
	}
	parts = append(parts, b.flags...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	key := hex.EncodeToString(sum[:8])
	if b.name != "" {
		key = b.name + "-" + key
	}
	return key
}

// writeSource makes the folder that go build runs in.
func (b bundle) writeSource(src string) error {
	files := map[string]string{"go.mod": b.mod, "go.sum": b.sum}
	maps.Copy(files, b.source)
	for name, text := range files {
		path := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("write the source of %s: %w", b.what, err)
		}
	}
	return nil
}
