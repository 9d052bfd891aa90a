package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binary is the package and the binary of the one image, and links are the names that choose what it is.
const binary = "tenantry"

var links = []string{"api-server", "tenantry-operator"}

// profile is the Cargo profile that the images are built with.
const profile = "image"

// toolchain is what the Rust programs are compiled with.
type toolchain struct {
	libc   string // musl or gnu
	target string // Rust's name of the platform
	facts  []string
}

// tools finds what there is. Without a wish it takes musl where that can be had, and says so where not:
// glibc also works inside an empty root, but is bigger and not meant for it.
func tools(ctx context.Context, root, wish string, progress io.Writer) (toolchain, error) {
	version, err := output(ctx, root, "rustc", "-vV")
	if err != nil {
		return toolchain{}, fmt.Errorf("rustc: %w; install Rust from https://rustup.rs", err)
	}
	_, host, _ := strings.Cut(version, "host: ")
	host, _, _ = strings.Cut(host, "\n")
	arch, _, ok := strings.Cut(host, "-")
	if !ok {
		return toolchain{}, fmt.Errorf("rustc -vV names no host:\n%s", version)
	}
	gover, err := output(ctx, root, "go", "version")
	if err != nil {
		return toolchain{}, fmt.Errorf("go: %w; install Go 1.26 or newer", err)
	}
	t := toolchain{libc: "musl", target: arch + "-unknown-linux-musl", facts: []string{version, gover}}
	missing := ""
	if wish != "gnu" {
		missing = t.missing(ctx, root)
	}
	switch {
	case wish == "musl" && missing != "":
		return toolchain{}, fmt.Errorf("--libc musl: %s", missing)
	case wish == "gnu" || missing != "":
		t.libc, t.target = "gnu", arch+"-unknown-linux-gnu"
	}
	if missing != "" {
		fmt.Fprintf(progress, "images: %s. Building with glibc linked statically instead, as --libc gnu does\n", missing)
	}
	compiler, err := output(ctx, root, t.cc(), "--version")
	if err != nil {
		return toolchain{}, fmt.Errorf("%s: %w; install a C compiler (Debian: apt-get install build-essential)", t.cc(), err)
	}
	strip, err := output(ctx, root, "strip", "--version")
	if err != nil {
		return toolchain{}, fmt.Errorf("strip: %w; install GNU binutils (Debian: apt-get install binutils)", err)
	}
	for _, fact := range []string{compiler, strip} {
		t.facts = append(t.facts, strings.SplitN(fact, "\n", 2)[0])
	}
	t.facts = append(t.facts, t.target)
	return t, nil
}

// missing says what there is not for musl, with the remedy; it asks rustup for the target first.
func (t toolchain) missing(ctx context.Context, root string) string {
	if _, err := exec.LookPath(t.cc()); err != nil {
		return "there is no musl-gcc for SQLite and ring (Debian: apt-get install musl-tools)"
	}
	sysroot, err := output(ctx, root, "rustc", "--print", "sysroot")
	if err == nil {
		if _, err = os.Stat(filepath.Join(sysroot, "lib/rustlib", t.target, "lib")); err == nil {
			return ""
		}
	}
	if _, err := output(ctx, root, "rustup", "target", "add", t.target); err != nil {
		return fmt.Sprintf("Rust's target %s is not installed and rustup could not (rustup target add %s)", t.target, t.target)
	}
	return ""
}

func (t toolchain) cc() string {
	if t.libc == "musl" {
		return "musl-gcc"
	}
	return "cc"
}

// output runs a short command in the checkout, where rust-toolchain.toml chooses the compiler.
func output(ctx context.Context, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	return strings.TrimSpace(string(text)), err
}

// environment makes compilers forget where they worked: paths of the machine would be in the programs.
func (t toolchain) environment(s source, targetDir string) ([]string, error) {
	cargoHome := os.Getenv("CARGO_HOME")
	if cargoHome == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("no home folder (%w): set CARGO_HOME", err)
		}
		cargoHome = filepath.Join(home, ".cargo")
	}
	var rust, c []string
	for _, from := range [][2]string{{s.root, "/src"}, {cargoHome, "/cargo"}, {targetDir, "/target"}} {
		rust = append(rust, "--remap-path-prefix="+from[0]+"="+from[1])
		c = append(c, "-ffile-prefix-map="+from[0]+"="+from[1])
	}
	if t.libc == "gnu" {
		rust = append(rust, "-Ctarget-feature=+crt-static")
	}
	name := strings.ReplaceAll(t.target, "-", "_")
	return append(os.Environ(),
		"CARGO_TARGET_DIR="+targetDir,
		"CARGO_ENCODED_RUSTFLAGS="+strings.Join(rust, "\x1f"),
		"CC_"+name+"="+t.cc(),
		"CFLAGS_"+name+"="+strings.Join(c, " "),
		// C programs may ask for the date; it must not depend on which commit this is.
		"SOURCE_DATE_EPOCH=0",
	), nil
}

// compileRust builds the program and returns its bytes.
func compileRust(ctx context.Context, s source, t toolchain, targetDir string, progress io.Writer) ([]byte, error) {
	env, err := t.environment(s, targetDir)
	if err != nil {
		return nil, err
	}
	if err := quietly(ctx, s.root, env, progress, "cargo", "build", "--locked", "--profile", profile, "--target", t.target, "--package", binary); err != nil {
		return nil, err
	}
	path := filepath.Join(targetDir, t.target, profile, binary)
	deps, err := os.ReadFile(path + ".d")
	if err != nil {
		return nil, err
	}
	if err := s.covered(string(deps)); err != nil {
		return nil, err
	}
	return stripped(ctx, path)
}

// stripped is a program without its symbols. Cargo leaves them in where a profile sets anything for the
// program's own package, whatever the profile says of them.
func stripped(ctx context.Context, path string) ([]byte, error) {
	out := path + ".stripped"
	if said, err := exec.CommandContext(ctx, "strip", "--strip-all", "-o", out, path).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("strip %s: %w: %s", path, err, bytes.TrimSpace(said))
	}
	return os.ReadFile(out)
}

// compileGo builds the program in a folder of infra/images.
func compileGo(ctx context.Context, s source, name, scratch string) ([]byte, error) {
	out := filepath.Join(scratch, name)
	env := append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly", "GOOS=linux")
	dir := filepath.Join(s.root, "infra/images", name)
	err := quietly(ctx, dir, env, io.Discard, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", out, ".")
	if err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// quietly runs a compiler and shows what it said only when it failed.
func quietly(ctx context.Context, dir string, env []string, progress io.Writer, program string, args ...string) error {
	fmt.Fprintf(progress, "images: %s %s\n", program, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, env
	// An interrupt lets it end its compilers; a kill would orphan them.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, bytes.TrimSpace(said))
	}
	return nil
}
