package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// gitIn runs git in a folder, without the settings of whoever runs the tests.
func gitIn(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@example.test"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, said)
	}
}

func put(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// copied mirrors a checkout and returns when each of its files was last written there.
func copied(t *testing.T, root, to string) map[string]time.Time {
	t.Helper()
	s, err := mirrored(context.Background(), source{root: root, revision: "r"}, to)
	if err != nil || s.root != to || s.revision != "r" {
		t.Fatalf("%+v %v", s, err)
	}
	written := map[string]time.Time{}
	err = filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(to, path)
		written[name] = info.ModTime()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func TestCheckoutsShareWhatIsCompiledOfTheSameFiles(t *testing.T) {
	one, other, to := checkout(t), checkout(t), filepath.Join(t.TempDir(), "source")
	for _, root := range []string{one, other} {
		gitIn(t, root, "init", "--quiet")
	}
	if err := os.WriteFile(filepath.Join(one, ".gitignore"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(one, "secret"))
	// Where one has a folder, the other has a file.
	put(t, filepath.Join(one, "crds/src/more/lib.rs"))
	put(t, filepath.Join(other, "crds/src/more"))
	copied(t, one, to)
	if _, err := os.Stat(filepath.Join(to, "secret")); err == nil {
		t.Error("what git ignores was copied")
	}
	// As if all this had been long ago: what is written again shows.
	ago := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name := range copied(t, one, to) {
		if err := os.Chtimes(filepath.Join(to, name), ago, ago); err != nil {
			t.Fatal(err)
		}
	}
	changed := filepath.Join("crds", "src", "lib.rs")
	if err := os.WriteFile(filepath.Join(other, changed), []byte("// other"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Older than what was compiled, as in a checkout that was made before.
	if err := os.Chtimes(filepath.Join(other, changed), ago.Add(-time.Hour), ago.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	written := copied(t, other, to)
	if _, there := written[".gitignore"]; there {
		t.Error("a file of the first checkout is there still")
	}
	for name, at := range written {
		if again := !at.Equal(ago); again != (name == changed || name == "crds/src/more") {
			t.Errorf("%s: written again: %v", name, again)
		}
	}
	if text, err := os.ReadFile(filepath.Join(to, changed)); err != nil || string(text) != "// other" {
		t.Errorf("%q %v", text, err)
	}
}

func TestSourcesWithoutGitAreCompiledWhereTheyAre(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", "/")
	root, to := checkout(t), filepath.Join(t.TempDir(), "source")
	s, err := mirrored(context.Background(), source{root: root}, to)
	if err != nil || s.root != root {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("they were copied")
	}
}
