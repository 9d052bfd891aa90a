package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func TestTheBillOfMaterialsIsWhatCargoSays(t *testing.T) {
	lock := "[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\nsource = \"registry+https://x\"\nchecksum = \"" + strings.Repeat("ab", 32) +
		"\"\n\n[[package]]\nname = \"tenantry-crds\"\nversion = \"0.1.0\"\n"
	tree := "tenantry-crds v0.1.0 (/src/crds)|Apache-2.0\naxum v0.8.9|MIT/Apache-2.0\naxum v0.8.9|MIT/Apache-2.0\n\n"
	parts, err := readTree(tree, checksums(lock))
	if err != nil {
		t.Fatal(err)
	}
	s := source{version: "0.1.0", licence: "Apache-2.0", created: time.Unix(0, 0)}
	written, err := bom(s, "tenantry", parts)
	if err != nil {
		t.Fatal(err)
	}
	read := cdx.NewBOM()
	if err := cdx.NewBOMDecoder(bytes.NewReader(written), cdx.BOMFileFormatJSON).Decode(read); err != nil {
		t.Fatal(err)
	}
	if len(*read.Components) != 2 {
		t.Fatalf("%d parts: %s", len(*read.Components), written)
	}
	axum := (*read.Components)[0]
	if axum.PackageURL != "pkg:cargo/axum@0.8.9" || (*axum.Licenses)[0].Expression != "MIT OR Apache-2.0" || (*axum.Hashes)[0].Value != strings.Repeat("ab", 32) {
		t.Errorf("%s", written)
	}
	for _, bad := range []string{"axum 0.8.9|MIT", "serde v1.0.0|MIT"} {
		if _, err := readTree(bad, checksums(lock)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestAGoProgramTellsItsParts(t *testing.T) {
	body, err := os.ReadFile(program(t))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := modules(body)
	if err != nil || len(parts) != 1 || !strings.HasPrefix(parts[0].PackageURL, "pkg:golang/std@1.") {
		t.Errorf("%+v %v", parts, err)
	}
	if _, err := modules([]byte("no program")); err == nil {
		t.Error("a text told its modules")
	}
}

// checkout is a folder like the project's, with so much in it as the key asks for.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"Cargo.toml": "[workspace.package]\nversion = \"1.2.3\"\nlicense = \"Apache-2.0\"\nrepository = \"https://example.test/x\"\n\n[other]\nversion = \"9\"\n",
		"Cargo.lock": "", "rust-toolchain.toml": "", "LICENSE": "",
		"api-server/src/main.rs": "fn main() {}",
		"api-server/tests/it.rs": "test",
		"crds/src/lib.rs":        "", "operator/src/main.rs": "", "telemetry/src/lib.rs": "", "tenantry/src/main.rs": "",
		"infra/images/sample/go.mod": "", "infra/images/README.md": "words",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheKeyFollowsWhatImagesAreMadeOf(t *testing.T) {
	root := checkout(t)
	s, err := look(context.Background(), root, "r", 5)
	if err != nil {
		t.Fatal(err)
	}
	if s.version != "1.2.3" || s.licence != "Apache-2.0" || s.homepage != "https://example.test/x" {
		t.Fatalf("%+v", s)
	}
	key := func(s source, tools ...string) string {
		t.Helper()
		k, err := s.key(tools)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key(s, "rustc 1")
	if key(s, "rustc 2") == first {
		t.Error("another compiler, the same key")
	}
	other := s
	other.revision = "q"
	if key(other, "rustc 1") == first {
		t.Error("another revision, the same key")
	}
	change := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	change("api-server/tests/it.rs")
	change("infra/images/README.md")
	if key(s, "rustc 1") != first {
		t.Error("tests and words are no part of an image")
	}
	change("api-server/src/main.rs")
	if key(s, "rustc 1") == first {
		t.Error("another source, the same key")
	}
}

func TestWhatTheKeyDoesNotKnowIsNamed(t *testing.T) {
	root := checkout(t)
	s, err := look(context.Background(), root, "r", 0)
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(root, name) }
	if err := s.covered("/t/api-server: " + in("api-server/src/main.rs") + " " + in("api-server/src") + " /other/file.rs\n"); err != nil {
		t.Error(err)
	}
	// A folder is known by its files: none is known of one that holds tests alone.
	for _, name := range []string{"frontend/index.html", "frontend", "api-server/tests"} {
		err = s.covered("/t/api-server: " + in("api-server/src/main.rs") + " " + in(name) + "\n")
		if err == nil || !strings.Contains(err.Error(), name+" too") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACheckoutWithoutGitHasNoRevision(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", "/")
	s, err := look(context.Background(), checkout(t), "", 0)
	if err != nil || s.revision != "unknown" || s.created.Unix() != 0 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := look(context.Background(), t.TempDir(), "", 0); err == nil {
		t.Error("an empty folder was taken for a checkout")
	}
}

func TestTheLastCommitOfWhatImagesAreMadeOfIsTheRevision(t *testing.T) {
	root := checkout(t)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@example.test"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=@1700000000 +0000", "GIT_CONFIG_GLOBAL=/dev/null")
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, said)
		}
		return strings.TrimSpace(string(said))
	}
	revision := func() source {
		t.Helper()
		s, err := look(context.Background(), root, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	git("init", "--quiet")
	git("add", ".")
	git("commit", "--quiet", "--message", "one")
	first := git("rev-parse", "HEAD")
	if s := revision(); s.revision != first || s.created.Unix() != 1700000000 {
		t.Errorf("%s %v", s.revision, s.created)
	}
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte("words"), 0o600); err != nil {
		t.Fatal(err)
	}
	git("add", ".")
	git("commit", "--quiet", "--message", "two")
	if s := revision(); s.revision != first {
		t.Errorf("a commit that changes no input is %s", s.revision)
	}
	if err := os.WriteFile(filepath.Join(root, "crds/src/lib.rs"), []byte("// new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := revision(); s.revision != first+"-changed" {
		t.Errorf("changed sources are %s", s.revision)
	}
}
