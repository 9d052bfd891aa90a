package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The images as built, run from an empty read-only root as their user: `scripts/images test`.

// A name as a pod writes it, which only the third line of the search list completes, and one of /etc/hosts.
const (
	byDNS     = "issuer.demo"
	byHosts   = "hosts.example.test"
	resolver  = "nameserver 127.0.0.1\nsearch apps.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
	hostsFile = "127.0.0.1 localhost " + byHosts + "\n"
	health    = "http://127.0.0.1:8081"
	api       = "http://127.0.0.1:8080"
)

// networked gives a box what a runtime gives a container, and issuers' keys by https at both names.
func networked(t *testing.T) (*box, *issuer) {
	t.Helper()
	b := open(t, "tenantry")
	loopback(t)
	nameServer(t, byDNS+".svc.cluster.local")
	keys := newIssuer(t, byDNS, byHosts)
	b.write("/etc/hosts", hostsFile)
	b.write("/etc/resolv.conf", resolver)
	issuers := "issuers:\n"
	for _, name := range []string{byDNS, byHosts} {
		issuers += "  - {issuer: \"https://" + name + "\", kind: people, algorithms: [ES256], keys: {url: \"https://" + name + ":" + issuerPort + "/jwks\"}}\n"
	}
	b.write("/etc/tenantry/issuers.yaml", issuers)
	return b, keys
}

func serve(b *box) *running {
	return b.starts([]string{"/api-server", "serve", "--issuers", "/etc/tenantry/issuers.yaml"}, "TENANTRY_BILLING_STORAGE=/data/billing")
}

func TestBuiltAPIServerWorksInAnEmptyRoot(t *testing.T) {
	b, keys := networked(t)
	// As an operator adds a private authority: one more in the file that is there.
	b.write(caFile, keys.authority)
	b.seal()

	// Time zones are compiled in; Apia skipped a day, so nobody guesses it.
	b.does("/api-server", "accounts", "create", "acme", "--zone", "Pacific/Apia", "--storage", "/data/billing")
	b.fails("Mars/Olympus", "/api-server", "accounts", "create", "ares", "--zone", "Mars/Olympus", "--storage", "/data/billing")

	server := serve(b)
	server.answers(health + "/readyz")
	for _, name := range []string{byDNS, byHosts} {
		if keys.times(name) == 0 {
			t.Errorf("ready without the keys of %s", name)
		}
	}
	if status, text, err := get(api + "/billing/plans"); err != nil || status != http.StatusOK || !strings.Contains(text, "plans") {
		t.Errorf("GET /billing/plans: %d %v %s", status, err, text)
	}
	b.does("/api-server", "healthcheck")
	b.does("/tenantry-operator", "healthcheck", "--url", health+"/healthz")
	b.fails("404", "/tenantry-operator", "healthcheck", "--url", health+"/nothing")
	server.stop()

	b.fails("127.0.0.1:8081", "/api-server", "healthcheck")
	b.does("/api-server", "verify", "--storage", "/data/billing")
	if info, err := os.Stat(filepath.Join(b.root, "data/billing")); err != nil || !info.IsDir() {
		t.Errorf("the ledger is not on the volume: %v", err)
	}
}

func TestBuiltServerRefusesAnAuthorityThatIsNotShipped(t *testing.T) {
	b, keys := networked(t)
	b.seal()
	server := serve(b)
	server.until("the refusal of both issuers' certificates", func() bool {
		return strings.Count(server.log.text(), "UnknownIssuer") >= 2
	})
	if status, text, err := get(health + "/readyz"); err != nil || status != http.StatusServiceUnavailable || !strings.Contains(text, "no keys") {
		t.Errorf("/readyz: %d %v %s", status, err, text)
	}
	if keys.times(byDNS)+keys.times(byHosts) != 0 {
		t.Error("a server with a certificate of nobody was asked")
	}
	server.stop()
}

// What it takes is told, not judged: machines differ. docs say the figure and this command.
func TestBuiltServerStartToReady(t *testing.T) {
	b := open(t, "tenantry")
	loopback(t)
	b.write("/etc/tenantry/secret", strings.Repeat("x", 40))
	b.seal()
	start := func() time.Duration {
		began := time.Now()
		server := b.starts([]string{"/api-server", "serve", "--development-secret-file", "/etc/tenantry/secret"}, "TENANTRY_BILLING_STORAGE=/data/billing")
		server.answers(health + "/readyz")
		took := time.Since(began)
		server.stop()
		return took
	}
	first := start()
	var again []time.Duration
	for range 5 {
		again = append(again, start())
	}
	slices.Sort(again)
	t.Logf("start to ready: %.1f ms with a new ledger; with an existing one %.1f ms at best, %.1f ms in the middle, %.1f ms at worst of %d",
		ms(first), ms(again[0]), ms(again[2]), ms(again[4]), len(again))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func TestBuiltOperatorStartsInAnEmptyRoot(t *testing.T) {
	b := open(t, "tenantry")
	loopback(t)
	b.seal()
	if text := b.does("/tenantry-operator", "--help"); !strings.Contains(text, "TENANTRY_NAMESPACE") {
		t.Errorf("--help: %s", text)
	}
	if text := b.does("/tenantry-operator", "manifests"); !strings.Contains(text, "kind: ClusterRole") {
		t.Errorf("manifests: %s", text)
	}
	b.fails("127.0.0.1:8081", "/tenantry-operator", "healthcheck")
	// No cluster: it says so and ends.
	b.fails("tenantry-operator: ", "/tenantry-operator")
}

func TestBuiltSampleAnswersInAnEmptyRoot(t *testing.T) {
	b := open(t, "sample")
	loopback(t)
	b.seal()
	sample := b.starts([]string{"/sample"}, "GREETING=Good morning")
	if text := sample.answers(api + "/"); text != "Good morning\n" {
		t.Errorf("GET /: %q", text)
	}
	sample.answers(api + "/healthz")
	sample.stop()
}

func TestBuiltImagesAreSmallAndSayWhatTheyAre(t *testing.T) {
	folder := os.Getenv("IMAGES_DIR")
	if folder == "" {
		t.Skip("run by `scripts/images test`")
	}
	for _, name := range images {
		told, err := inspect(filepath.Join(folder, name+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %.1f MB compressed, %s", name, float64(told.CompressedBytes)/1e6, told.ID)
		if told.CompressedBytes > 20_000_000 {
			t.Errorf("%s has %d bytes compressed; 20 MB is the limit", name, told.CompressedBytes)
		}
		if told.User != "65532:65532" {
			t.Errorf("%s runs as %q", name, told.User)
		}
		for _, label := range []string{labelTitle, labelDescription, labelVersion, labelRevision, labelSource, labelLicenses, labelCreated, labelBOM} {
			if told.Labels[label] == "" {
				t.Errorf("%s has no label %s", name, label)
			}
		}
		beside, err := os.ReadFile(filepath.Join(folder, name+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		inside, err := os.ReadFile(filepath.Join(open(t, name).root, told.Labels[labelBOM]))
		if err != nil || !bytes.Equal(beside, inside) {
			t.Errorf("%s: the bill of materials in the image is not the one beside it: %v", name, err)
		}
	}
}

func TestBuiltBillOfMaterialsIsThatOfTheProgramsAlone(t *testing.T) {
	folder := os.Getenv("IMAGES_DIR")
	if folder == "" {
		t.Skip("run by `scripts/images test`")
	}
	text, err := os.ReadFile(filepath.Join(folder, "tenantry.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"cargo/kube-client@", "cargo/libsqlite3-sys@", "cargo/ring@", "cargo/tenantry-api-server@", "generic/rust-std@", "golang/" + rootsModule + "@"} {
		if !strings.Contains(string(text), "pkg:"+part) {
			t.Errorf("%s is missing", part)
		}
	}
	// Of tests, of macros, of other platforms.
	for _, part := range []string{"cargo/proptest@", "cargo/serde_derive@", "cargo/windows-sys@", "cargo/rustls-platform-verifier-android@"} {
		if strings.Contains(string(text), "pkg:"+part) {
			t.Errorf("%s is not in the programs", part)
		}
	}
}
