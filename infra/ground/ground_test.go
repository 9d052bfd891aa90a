package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets tests run this program's own commands, and the program start
// itself: with a command it is `ground`, with go test's flags it is the tests.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestPinsAreReadFromGoMod(t *testing.T) {
	for _, b := range bundlesOf("real") {
		for _, tool := range b.tools {
			if v, err := b.version(tool); err != nil || tool.module != "" && !strings.Contains(v, ".") {
				t.Errorf("%s: %q %v", tool.name, v, err)
			}
		}
	}
	_, err := pinnedVersion("module x\n", "example.test/m")
	if err == nil || !strings.Contains(err.Error(), "go get example.test/m@VERSION") {
		t.Errorf("got %v", err)
	}
}

func TestVersionsMustMatchWhole(t *testing.T) {
	for text, want := range map[string]bool{
		"Kubernetes v1.37.2\n": true, "etcd Version: 1.37.2": true, "v1.37.2": true,
		"Kubernetes v1.37.21": false, "v1.37.2-rc.1": false, "v11.37.2": false, "2.1.37.2": false, "v1.37.2+k3s1": false, "": false,
	} {
		if got := mentions(text, "1.37.2"); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestAssetsAreTakenOnlyInThePinnedVersion(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", folder)
	etcd := controlPlane.tools[0]
	if got := asset(context.Background(), etcd, "3.7.3"); got != "" {
		t.Errorf("nothing is there, got %q", got)
	}
	path := filepath.Join(folder, "etcd")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho etcd Version: 3.7.3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := asset(context.Background(), etcd, "3.7.3"); got != path {
		t.Errorf("got %q", got)
	}
	if got := asset(context.Background(), etcd, "3.7.4"); got != "" {
		t.Errorf("wrong version, got %q", got)
	}
}

func TestPrometheusGoesByItsRelease(t *testing.T) {
	for module, want := range map[string]string{"0.316.0": "3.16.0", "0.305.2": "3.5.2", "0.300.0": "3.0.0", "4.0.1": "4.0.1"} {
		if got := prometheusRelease(module); got != want {
			t.Errorf("%s: %s", module, got)
		}
	}
	b := parts["prometheus"]
	version, err := b.version(b.tools[0])
	if flags := ldflags(b.tools[0], version); err != nil || !strings.HasPrefix(version, "3.") || !strings.Contains(flags, "version.Version=3.") {
		t.Errorf("%s %v %s", version, err, flags)
	}
}

func TestKubernetesIsStamped(t *testing.T) {
	flags := ldflags(controlPlane.tools[1], "1.37.2")
	for _, want := range []string{"version.gitVersion=v1.37.2", "version.gitMajor=1", "version.gitMinor=37 "} {
		if !strings.Contains(flags+" ", want) {
			t.Errorf("no %q in %q", want, flags)
		}
	}
	if got := ldflags(controlPlane.tools[0], "3.7.3"); got != "-s -w" {
		t.Errorf("etcd: %q", got)
	}
}

func TestPodRangesAreApart(t *testing.T) {
	services := netip.MustParsePrefix(serviceCIDR)
	for _, nodes := range []int{1, 3, 32, 33, 100, maxNodes} {
		var before netip.Prefix
		for i := range nodes {
			p := netip.MustParsePrefix(podCIDR(i, nodes))
			if p != p.Masked() || p.Overlaps(services) || before.IsValid() && p.Overlaps(before) || p.Addr().As4()[0] != 10 {
				t.Fatalf("node %d of %d: %s after %s", i, nodes, p, before)
			}
			if p.Contains(netip.MustParseAddr(nodeIP(i))) {
				t.Fatalf("node %d of %d: its address is in %s", i, nodes, p)
			}
			before = p
		}
	}
}

func TestOnlyTheLastNodesHaveGPUs(t *testing.T) {
	for i, want := range []bool{false, false, true} {
		status := simulatedNode(i, startOptions{nodes: 3, gpuNodes: 1})["status"].(map[string]any)
		if _, got := status["allocatable"].(map[string]string)["nvidia.com/gpu"]; got != want {
			t.Errorf("node %d: %t", i, got)
		}
	}
}

func TestStagesAreFilledIn(t *testing.T) {
	text, err := renderStages()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"@KIND@", "@MARKER@", "@include", "\t"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is left in the stages", bad)
		}
	}
	if got := strings.Count(text, "kind: Stage\n"); got != strings.Count(text, "metadata: {name: ground-") || got < 10 {
		t.Errorf("%d stages", got)
	}
	// An unindented line would end the YAML block that holds the template.
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "{{") || strings.HasPrefix(line, "- type:") {
			t.Fatalf("a template line lost its indentation: %q", line)
		}
	}
}

func TestCertificatesConvinceTheirReaders(t *testing.T) {
	d := dir(t.TempDir())
	if err := os.MkdirAll(d.path("pki"), 0o700); err != nil {
		t.Fatal(err)
	}
	plan := pkiPlan{
		outside: "https://127.0.0.1:1", inside: "https://10.243.0.1:2", kubelet: net.ParseIP(nodeIPv4),
		ips: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)},
	}
	if err := writePKI(d, plan); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(read(t, d.path("pki/ca.crt")))
	serving := certificate(t, d.path("pki/apiserver.crt"))
	for _, name := range []string{"127.0.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc"} {
		if _, err := serving.Verify(x509.VerifyOptions{Roots: pool, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	admin := certificate(t, d.path("pki/admin.crt"))
	client := x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := admin.Verify(client); err != nil || admin.Subject.CommonName != "admin" || admin.Subject.Organization[0] != "system:masters" {
		t.Errorf("admin: %v %v", admin.Subject, err)
	}
	if _, err := serving.Verify(client); err == nil {
		t.Error("the serving certificate works as a client's")
	}
	for _, u := range users {
		server := plan.inside
		if u.name == "admin" {
			server = plan.outside
		}
		info, err := os.Stat(d.path(u.config))
		text := read(t, d.path(u.config))
		if err != nil || info.Mode().Perm() != 0o600 || !bytes.Contains(text, []byte(u.name)) || !bytes.Contains(text, []byte(server)) {
			t.Errorf("kubeconfig of %s: %v %v", u.name, info, err)
		}
	}
	if _, err := certificate(t, d.path("pki/kubelet.crt")).Verify(x509.VerifyOptions{Roots: pool, DNSName: nodeIPv4}); err != nil {
		t.Errorf("kubelet: %v", err)
	}
}

func TestFleetsHaveNoNodesCredentials(t *testing.T) {
	d := dir(t.TempDir())
	if err := os.MkdirAll(d.path("pki"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writePKI(d, pkiPlan{outside: "https://127.0.0.1:1", inside: "https://127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	want(t, d, "kubeconfig pki/kwok.kubeconfig", "pki/kubelet.crt pki/kubelet.kubeconfig pki/kube-proxy.kubeconfig pki/coredns.kubeconfig")
}

func TestStopRemovesOnlyWhatAGroundMade(t *testing.T) {
	d := dir(t.TempDir())
	for _, name := range []string{"mine.txt", "logs/etcd.log", "etcd/db", "pki/ca.key", "kubeconfig", "audit.log", "state.json"} {
		_ = os.MkdirAll(filepath.Dir(d.path(name)), 0o700)
		if err := os.WriteFile(d.path(name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := stop(d, false, &out); err != nil {
		t.Fatal(err)
	}
	want(t, d, "mine.txt logs/etcd.log audit.log", "etcd pki kubeconfig state.json")
	if err := stop(d, true, &out); err != nil {
		t.Fatal(err)
	}
	want(t, d, "mine.txt", "logs audit.log .lock")
}

func TestOneFolderOneStarter(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	release, err := lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path, 0); !errors.Is(err, errLocked) {
		t.Errorf("got %v", err)
	}
	time.AfterFunc(80*time.Millisecond, release)
	if again, err := lock(path, time.Minute); err != nil {
		t.Error(err)
	} else {
		again()
	}
}

func TestLongFoldersGetAShortSocket(t *testing.T) {
	path, scratch, err := socketPath(dir("/tmp/short"))
	if err != nil || scratch != "" || path != "/tmp/short/etcd.sock" {
		t.Errorf("%q %q %v", path, scratch, err)
	}
	t.Setenv("TMPDIR", "/tmp")
	path, scratch, err = socketPath(dir("/" + strings.Repeat("x", 120)))
	defer os.RemoveAll(scratch)
	if err != nil || scratch == "" || len(path) > 100 {
		t.Errorf("%q %q %v", path, scratch, err)
	}
}

func TestShellQuote(t *testing.T) {
	if got := shellQuote("it's"); got != `'it'\''s'` {
		t.Error(got)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func certificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(read(t, path))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// want checks which files of a folder are there and which are not.
func want(t *testing.T, d dir, there, gone string) {
	t.Helper()
	for _, name := range strings.Fields(there) {
		if _, err := os.Stat(d.path(name)); err != nil {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range strings.Fields(gone) {
		if _, err := os.Stat(d.path(name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}
