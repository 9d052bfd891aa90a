package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// kwokStages are the stage files that kwok's own module ships; copied at
// build time, so that starting needs no Go.
var kwokStages = []string{"node/fast", "node/heartbeat-with-lease", "pod/fast", "pod/chaos"}

// ensureBundle returns the folder of a bundle's tools, building them first
// where needed.
func ensureBundle(ctx context.Context, b bundle, root string, progress io.Writer) (string, error) {
	key := b.key()
	dir := filepath.Join(root, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	release, err := buildLock(filepath.Join(root, ".lock-"+key), progress)
	if err != nil {
		return "", err
	}
	defer release()
	// Whoever held the lock has perhaps built everything meanwhile.
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, buildAll(ctx, b, root, key, progress)
}

// pinnedVersion reads a module's version from a go.mod's require lines.
func pinnedVersion(mod, module string) (string, error) {
	re := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(module) + `\s+v(\S+)`)
	m := re.FindStringSubmatch(mod)
	if m == nil {
		return "", fmt.Errorf("go.mod does not pin %s: add it with `go get %s@VERSION` in infra/ground", module, module)
	}
	return m[1], nil
}

func buildLock(path string, progress io.Writer) (func(), error) {
	release, err := lock(path, 0)
	if errors.Is(err, errLocked) {
		fmt.Fprintln(progress, "another run is building the tools; waiting for it")
		release, err = lock(path, time.Hour)
	}
	return release, err
}

// buildAll fills a temporary folder and renames it, so that a folder with the
// final name is always complete.
func buildAll(ctx context.Context, b bundle, root, key string, progress io.Writer) error {
	gobin, err := exec.LookPath("go")
	if err != nil {
		return errors.New("the tools are not built yet and there is no `go` in PATH: install Go 1.26 or newer and run `ground build`")
	}
	sweep(root, key)
	tmp := filepath.Join(root, fmt.Sprintf(".tmp-%s-%d", key, os.Getpid()))
	src := filepath.Join(tmp, "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := b.writeSource(src); err != nil {
		return err
	}
	fmt.Fprintf(progress, "building %s: about %s on two cores, seconds with a warm Go cache\n", b.what, b.cold)
	begin := time.Now()
	for _, t := range b.tools {
		if err := provide(ctx, gobin, b, t, tmp, progress); err != nil {
			return err
		}
	}
	if b.stages {
		if err := copyStages(ctx, gobin, src, tmp); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(src); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(root, key)); err != nil {
		return err
	}
	fmt.Fprintf(progress, "  %-24s %-9s %6.1f s\n", "all", "", time.Since(begin).Seconds())
	return nil
}

// sweep removes what killed builds left; the lock says that none is running.
func sweep(root, key string) {
	old, _ := filepath.Glob(filepath.Join(root, ".tmp-"+key+"-*"))
	for _, dir := range old {
		_ = os.RemoveAll(dir)
	}
}

// provide copies a tool from KUBEBUILDER_ASSETS if it has exactly the pinned
// version, and builds it otherwise.
func provide(ctx context.Context, gobin string, b bundle, t tool, tmp string, progress io.Writer) error {
	begin := time.Now()
	version, err := b.version(t)
	if err != nil {
		return err
	}
	how := "built"
	out := filepath.Join(tmp, t.name)
	if from := asset(ctx, t, version); from != "" {
		how = "copied"
		if err := copyFile(from, out, 0o755); err != nil {
			return err
		}
	} else if err := goBuild(ctx, gobin, b, t, version, filepath.Join(tmp, "src"), out); err != nil {
		return err
	}
	fmt.Fprintf(progress, "  %-24s %-9s %6.1f s  %s\n", t.name, version, time.Since(begin).Seconds(), how)
	return nil
}

func goBuild(ctx context.Context, gobin string, b bundle, t tool, version, src, out string) error {
	args := append([]string{"build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", ldflags(t, version), "-o", out}, b.flags...)
	cmd := exec.CommandContext(ctx, gobin, append(args, t.pkg)...)
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// An interrupt lets go end its compilers; a kill would orphan them.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	output, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted while building %s", t.name)
	}
	if err != nil {
		return fmt.Errorf("build %s %s: %w\n%s\ncheck that the module proxy answers (`go env GOPROXY`) and that go.mod is unchanged", t.name, version, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// ldflags stamps the version: without it Kubernetes calls itself v0.0.0.
func ldflags(t tool, version string) string {
	flags := "-s -w"
	if t.stamp != "" {
		flags += fmt.Sprintf(" -X %s=%s", t.stamp, version)
	}
	if t.module != "k8s.io/kubernetes" {
		return flags
	}
	parts := strings.SplitN(version, ".", 3)
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s",
			pkg, version, pkg, parts[0], pkg, parts[1])
	}
	return flags
}

// asset is the path of a tool in KUBEBUILDER_ASSETS, or "" if there is none
// of exactly this version.
func asset(ctx context.Context, t tool, version string) string {
	folder := os.Getenv("KUBEBUILDER_ASSETS")
	if folder == "" || t.versionArgs == nil {
		return ""
	}
	path := filepath.Join(folder, t.name)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, t.versionArgs...).Output()
	if err != nil || !mentions(string(output), version) {
		return ""
	}
	return path
}

// mentions looks for a whole version: 1.37.2 is not in "v1.37.21".
func mentions(text, version string) bool {
	return regexp.MustCompile(`(^|[^0-9.])v?` + regexp.QuoteMeta(version) + `($|[^0-9.\-+])`).MatchString(text)
}

// copyStages takes kwok's stage files from its module.
func copyStages(ctx context.Context, gobin, src, tmp string) error {
	cmd := exec.CommandContext(ctx, gobin, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "GOWORK=off")
	output, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("find the folder of kwok's module: %w", err)
	}
	module := strings.TrimSpace(string(output))
	for _, stage := range kwokStages {
		files, _ := filepath.Glob(filepath.Join(module, "kustomize", "stage", stage, "*.yaml"))
		copied := 0
		for _, file := range files {
			if filepath.Base(file) == "kustomization.yaml" {
				continue
			}
			name := strings.ReplaceAll(stage, "/", "-") + "-" + filepath.Base(file)
			if err := copyFile(file, filepath.Join(tmp, "stages", name), 0o644); err != nil {
				return err
			}
			copied++
		}
		if copied == 0 {
			return fmt.Errorf("kwok's module has no stage files in kustomize/stage/%s: this version moved them; change kwokStages in build.go", stage)
		}
	}
	return nil
}

func copyFile(from, to string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
