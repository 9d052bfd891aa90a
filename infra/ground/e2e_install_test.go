package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInstall installs Tenantry by its chart on a real node, with the images
// that scripts/images builds: GROUND_E2E=1 go test -run TestInstall -v .
// Only Grafana, which no registry here carries, is simulated.
func TestInstall(t *testing.T) {
	if os.Getenv("GROUND_E2E") == "" {
		t.Skip("set GROUND_E2E=1 to install Tenantry on a real node")
	}
	if gaps := realGaps(thisMachine()); len(gaps) > 0 {
		t.Fatal(refusal(gaps))
	}
	if _, err := exec.LookPath("kubectl-tenant"); err != nil {
		t.Fatalf("%v: cargo build --locked --workspace --bin kubectl-tenant, and put the folder that it is in on PATH", err)
	}
	r := newReal(t)
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	images, err := filepath.Glob(filepath.Join(script(t, "images", "build"), "*.tar"))
	if err != nil || len(images) < 2 {
		t.Fatalf("scripts/images built %v (%v)", images, err)
	}
	parts := strings.Fields(script(t, "parts"))
	r.run(t, append([]string{"import"}, append(images, parts...)...)...)
	i := install{real: r, people: newIssuer(t), work: t.TempDir()}
	i.chart(t)
	i.haveAccounts(t)
	i.tenantsAreReady(t)
	i.onlyGrafanaIsSimulated(t, "tenant-bigco")
	i.usageArrives(t)
	i.metricsAreRead(t)
	i.becomesCustomer(t)
	i.speaksThroughKubectl(t)
	i.leavesItsUsage(t)
	i.changesTier(t)
	i.isInstalledAgain(t)
	i.outlivesTheRuntime(t)
	i.comesBackFromBackups(t)
	i.livesWithoutOperator(t)
	r.stopsWhole(t)
}

// script runs one of the project's scripts and returns what it prints.
func script(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join("..", "..", "scripts", name), args...)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("scripts/%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, words.String())
	}
	return strings.TrimSpace(string(out))
}

type install struct {
	*real
	people issuer
	// work is a folder for what is typed into a shell.
	work string
}

func (i install) helm(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv("KUBECONFIG", i.st.Config)
	return script(t, "helm", args...)
}

func (i install) chart(t *testing.T) {
	charts := filepath.Join("..", "..", "charts", "tenantry")
	i.helm(t, "install", "tenantry", charts, "--namespace", "tenantry-system", "--create-namespace",
		"-f", filepath.Join(charts, "values-dev.yaml"), "-f", "testdata/install-values.yaml", "-f", i.people.values, "--wait", "--timeout", "10m")
	i.helm(t, "test", "tenantry", "--namespace", "tenantry-system", "--timeout", "6m")
	i.takesTenants(t)
}

// takesTenants: their periods turn on another day.
func (i install) takesTenants(t *testing.T) {
	t.Helper()
	file := filepath.Join(i.work, "tenants.yaml")
	text := strings.ReplaceAll(string(read(t, "testdata/tenants.yaml")), "ANCHOR", fmt.Sprint(anchor()))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	i.k.run("apply", "-f", file)
}

// haveAccounts: the API server opens an account for each tenant by itself, and
// lets its gateway speak for it.
func (i install) haveAccounts(t *testing.T) {
	for _, tenant := range []string{"acme", "bigco"} {
		i.eventually(t, tenant+" has an account", func() error {
			if i.accountOf(tenant) == "" {
				return errors.New("none yet")
			}
			return nil
		})
	}
}

func (i install) accountOf(tenant string) string {
	return i.k.run("get", "tenant", tenant, "-o", "jsonpath={.status.accountId}")
}

// eventually waits until nothing is wrong any more.
func (i install) eventually(t *testing.T, what string, wrong func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = wrong(); err == nil {
			return
		}
	}
	t.Fatalf("not within five minutes: %s: %v\n%s", what, err, i.k.run("get", "tenants,pods", "-A", "-o", "wide"))
}

func (i install) tenantsAreReady(t *testing.T) {
	t.Helper()
	for _, tenant := range []string{"acme", "bigco"} {
		i.eventually(t, tenant+" is Ready", func() error {
			if got := i.k.run("get", "tenant", tenant, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`); got != "True" {
				return fmt.Errorf("Ready is %q", got)
			}
			return nil
		})
	}
}

// onlyGrafanaIsSimulated, and each Grafana that should be there is.
func (i install) onlyGrafanaIsSimulated(t *testing.T, namespaces ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(i.k.run("get", "pods", "-A", "-o",
		`jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.spec.nodeName}{"\n"}{end}`)), "\n")
	var simulated []string
	for _, line := range lines {
		pod, node, _ := strings.Cut(line, " ")
		if node == realNode {
			continue
		}
		namespace, name, _ := strings.Cut(pod, "/")
		if !strings.HasPrefix(name, "tenantry-grafana-") {
			t.Errorf("%s runs on %q", pod, node)
		}
		simulated = append(simulated, namespace)
	}
	if !slices.Equal(slices.Sorted(slices.Values(simulated)), namespaces) || len(lines) < 10 {
		t.Errorf("of %d pods those of %q are simulated, not of %q:\n%s", len(lines), simulated, namespaces, strings.Join(lines, "\n"))
	}
}

// usageArrives: a service's projected token is taken by its gateway, and what
// it sends reaches the ledger once.
func (i install) usageArrives(t *testing.T) {
	token := i.token("acme")
	other := i.k.run("create", "token", "core", "-n", "tenant-acme")
	stranger := i.token("bigco")
	address := i.run(t, "forward", "tenant-acme/tenantry-gateway:http")
	for who, bearer := range map[string]string{"nobody": "", "a token for another reader": other, "another tenant": stranger} {
		if code, body := send(t, address, bearer, "refused"); code != http.StatusUnauthorized && code != http.StatusForbidden {
			t.Errorf("%s gets %d: %s", who, code, body)
		}
	}
	i.tokenOpensNothingElse(t, token)
	i.visitorIsRefused(t)
	// Taken while the control plane is away, kept through the pod's end and another tier.
	i.controlPlane(t, 0)
	if code, body := send(t, address, token, "kept"); code != http.StatusOK || !strings.Contains(body, `"accepted":1`) {
		t.Fatalf("with the control plane away: %d %s", code, body)
	}
	i.held(t, 1)
	i.k.run("delete", "pods", "-n", "tenant-acme", "-l", "tenantry.dev/component=gateway")
	i.held(t, 1)
	i.movesTier(t, "acme")
	i.controlPlane(t, 1)
	i.held(t, 0)
}

// controlPlane ends the API server, or starts it and waits for it.
func (i install) controlPlane(t *testing.T, replicas int) {
	t.Helper()
	const server = "deployment/tenantry-api-server"
	i.k.run("scale", "-n", "tenantry-system", server, fmt.Sprintf("--replicas=%d", replicas))
	if replicas == 0 {
		i.k.run("wait", "-n", "tenantry-system", "--for=delete", "pod", "-l", "app.kubernetes.io/name=tenantry-api-server", "--timeout=300s")
		return
	}
	i.k.run("rollout", "status", "-n", "tenantry-system", server, "--timeout=300s")
}

// send posts one event.
func send(t *testing.T, address, token, id string) (int, string) {
	t.Helper()
	return post(t, address, token, `{"specversion":"1.0","id":"`+id+`","source":"core","type":"dev.tenantry.usage.query","data":{"quantity":1}}`)
}

// post sends an event as it is.
func post(t *testing.T, address, token, event string) (int, string) {
	t.Helper()
	return patiently(t, func() *http.Request {
		return request(t, "http://"+address+"/usage/events", "application/cloudevents+json", token, event)
	})
}

// request is a POST with a token, or with none.
func request(t *testing.T, url, kind, token, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
	}
	return req
}

// patiently sends again where nobody answers: kube-proxy leads to a new
// Service a moment after its pods are ready.
func patiently(t *testing.T, sent func() *http.Request) (code int, body string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if code, body = fetch(sent()); code != 0 || time.Now().After(deadline) {
			return code, body
		}
	}
}

// client makes a connection for each request: one that was kept may lead to a
// pod that has been replaced, and a POST is not sent a second time by itself.
var client = &http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// fetch is 0 and the error where nobody answers.
func fetch(req *http.Request) (int, string) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

// gatewayStatus is what a gateway says of itself.
type gatewayStatus struct {
	Account string
	Held    struct{ Events *int }
	Refused struct{ Events *int }
}

// held waits until the gateway of a tenant holds as many events, and so many
// were refused: with 0 held the ledger has answered for all that it took.
func (i install) holds(t *testing.T, tenant string, held, refused int) {
	t.Helper()
	i.eventually(t, fmt.Sprintf("the gateway of %s holds %d events, %d were refused", tenant, held, refused), func() error {
		ip := i.k.run("get", "pods", "-n", "tenant-"+tenant, "-l", "tenantry.dev/component=gateway", "-o", "jsonpath={.items[*].status.podIP}")
		if strings.TrimSpace(ip) == "" || strings.Contains(ip, " ") {
			return fmt.Errorf("the addresses of its pod are %q", ip)
		}
		address, err := i.program("forward", "--dir", string(i.dir), ip+":8081").Output()
		if err != nil {
			return fmt.Errorf("forward to %q: %w", ip, err)
		}
		req, err := http.NewRequest(http.MethodGet, "http://"+strings.TrimSpace(string(address))+"/status", nil)
		if err != nil {
			return err
		}
		var status gatewayStatus
		code, body := fetch(req)
		if err := json.Unmarshal([]byte(body), &status); err != nil || code != http.StatusOK {
			return fmt.Errorf("%d %s", code, body)
		}
		if status.Account != i.accountOf(tenant) || status.Held.Events == nil || *status.Held.Events != held || status.Refused.Events == nil || *status.Refused.Events != refused {
			return fmt.Errorf("%s", body)
		}
		return nil
	})
}

// held is what acme's gateway holds, which nothing was refused to.
func (i install) held(t *testing.T, want int) {
	t.Helper()
	i.holds(t, "acme", want, 0)
}

// metricsAreRead: Prometheus of the prod tenant reads the collector.
func (i install) metricsAreRead(t *testing.T) {
	i.asked(t, "tenant-bigco/tenantry-metrics:9090", "min(up)", "1")
	i.tellsWhoseItIs(t)
}

// asked waits until a Prometheus gives this answer.
func (i install) asked(t *testing.T, service, query, want string) {
	t.Helper()
	address := i.run(t, "forward", service)
	i.eventually(t, service+" says "+want+" of "+query, func() error {
		req, err := http.NewRequest(http.MethodGet, "http://"+address+"/api/v1/query?query="+query, nil)
		if err != nil {
			return err
		}
		if code, body := fetch(req); code != http.StatusOK || !strings.Contains(body, `,"`+want+`"]`) {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
}
