package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program starts a shell command the way the ground starts its tools.
func program(t *testing.T, script string) *child {
	t.Helper()
	d := dir(t.TempDir())
	if err := os.MkdirAll(d.path("logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := launch(d, "sh", "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); <-c.exited })
	return c
}

func TestParseStatSurvivesNastyNames(t *testing.T) {
	status, ticks, err := parseStat("42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21")
	if err != nil || status != 'S' || ticks != 987654 {
		t.Fatalf("got %c %d %v", status, ticks, err)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1"} {
		if _, _, err := parseStat(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestAliveKnowsAReusedPid(t *testing.T) {
	c := program(t, "exec sleep 60")
	if !c.alive() {
		t.Fatal("a running process counts as ended")
	}
	other := c.process
	other.Ticks++
	if other.alive() {
		t.Error("another start time must mean another process")
	}
	other = c.process
	other.Boot = "before the restart"
	if other.alive() {
		t.Error("another boot must mean another process")
	}
	if err := endAll([]process{other, {PID: 0}}, time.Second); err != nil || !c.alive() {
		t.Errorf("a stranger was ended (%v)", err)
	}
}

func TestEndAllInsists(t *testing.T) {
	deaf := program(t, `trap "" TERM; echo deaf; while :; do sleep 0.05; done`)
	polite := program(t, "exec sleep 60")
	for lastRelevantLine(deaf.log) != "deaf" { // its trap is set
		time.Sleep(5 * time.Millisecond)
	}
	if err := endAll([]process{deaf.process, polite.process}, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if deaf.alive() || polite.alive() {
		t.Error("still alive")
	}
}

func TestUntilBlamesTheProcessThatEnded(t *testing.T) {
	c := program(t, `echo "E0102 03:04:05 disk is full"; echo bye; exit 7`)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := until(ctx, []*child{c}, c, "pigs fly", func() error { return os.ErrNotExist })
	for _, want := range []string{"sh ended (exit status 7)", "pigs fly", "disk is full", c.log} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
}

func TestUntilSaysWhatIsMissingInTheEnd(t *testing.T) {
	c := program(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
	defer cancel()
	err := until(ctx, []*child{c}, c, "pigs fly", func() error { return os.ErrNotExist })
	if err == nil || !strings.Contains(err.Error(), "pigs fly") || !strings.Contains(err.Error(), "--timeout") {
		t.Errorf("got %v", err)
	}
	cancelled, cancel2 := context.WithCancel(context.Background())
	cancel2()
	err = until(cancelled, []*child{c}, c, "pigs fly", func() error { return os.ErrNotExist })
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v", err)
	}
}

func TestLastRelevantLine(t *testing.T) {
	for name, c := range map[string]struct{ log, want string }{
		"klog error":     {"I0101 a\nE0101 10:00:00 broken\nI0101 later\n", "E0101 10:00:00 broken"},
		"panic":          {"fine\npanic: nil map\ngoroutine 1\n", "panic: nil map"},
		"flag":           {"Error: unknown flag: --x\n", "Error: unknown flag: --x"},
		"json":           {"{\"level\":\"fatal\",\"msg\":\"x\"}\n{\"level\":\"info\"}\n", `{"level":"fatal","msg":"x"}`},
		"nothing wrong":  {"I0101 a\nI0101 b\n\n", "I0101 b"},
		"harmless noise": {"I0101 a\nE0101 options.go:205] The manifest file is empty, ignoring.\nI0101 b\n", "I0101 b"},
		"empty":          {"", ""},
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(c.log), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := lastRelevantLine(path); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := lastRelevantLine("/no/such/file"); got != "" {
		t.Errorf("missing file: got %q", got)
	}
}

func TestReservedPortsNeverCollide(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		port, release, err := reservePort()
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		if seen[port] {
			t.Fatalf("port %d was given out twice", port)
		}
		seen[port] = true
	}
}

func TestCommandLineMistakesNameTheFix(t *testing.T) {
	for line, want := range map[string]string{
		"":                              "name a command",
		"dance":                         `no command "dance"`,
		"stop":                          "--dir is missing",
		"stop --dir /no/such/place":     "ground start",
		"start --mode moon":             "use --mode fleet or --mode real",
		"start --nodes 0":               "--nodes must be 1 to",
		"start --mode real --nodes 17":  "--nodes must be 0 to 16",
		"start --mode real --volumes 0": "--volumes must be 1 to",
		"check --mode moon":             "use --mode fleet or --mode real",
		"build --mode moon":             "use --mode fleet or --mode real",
		"import":                        "import needs image files",
		"import x.tar":                  "--dir is missing",
		"forward":                       "NAMESPACE/SERVICE:PORT",
		"forward --port 70000 a/b:1":    "--port must be 0 to 65535",
		"exec":                          "exec needs a command",
		"restart etcd":                  "restart takes one of kubelet",
		"init":                          "start --mode real",
		"try":                           "check --mode real",
		"start --gpu-nodes 9":           "--gpu-nodes must be 0 to",
		"start extra":                   `unexpected argument "extra"`,
		"build --fast":                  "fast",
	} {
		err := run(context.Background(), strings.Fields(line), &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", line, err, want)
		}
	}
}
