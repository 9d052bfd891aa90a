package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The tests below are steps of TestInstall: what a workload, a tenant's own
// user and a sender of telemetry cannot do.

// tokenOpensNothingElse: the token by which a service may send usage opens
// nothing else at the API server.
func (i install) tokenOpensNothingElse(t *testing.T, token string) {
	t.Helper()
	server := "http://" + i.run(t, "forward", "tenantry-system/tenantry-api-server:http")
	for _, route := range []string{
		"GET /billing/usage", "GET /billing/usage/" + i.accountOf("acme"), "POST /billing/corrections",
		"POST /gateway/heartbeat", "POST /erasures", "GET /onboarding",
	} {
		method, path, _ := strings.Cut(route, " ")
		req, err := http.NewRequest(method, server+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token))
		if code, body := fetch(req); code != http.StatusUnauthorized && code != http.StatusForbidden {
			t.Errorf("%s with a workload's token: %d %s", route, code, body)
		}
	}
}

// pagesAreServed: what people open in a browser comes by the same way.
func (i install) pagesAreServed(t *testing.T) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+i.run(t, "forward", "tenantry-system/tenantry-api-server:http")+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := fetch(req); code != http.StatusOK || !strings.Contains(strings.ToLower(body), "<!doctype html>") {
		t.Errorf("the page: %d %.200s", code, body)
	}
}

// tellsWhoseItIs: the collector says whose metrics they are, whatever the
// sender claims.
func (i install) tellsWhoseItIs(t *testing.T) {
	t.Helper()
	address := "http://" + i.run(t, "forward", "tenant-bigco/tenantry-collector:otlp-http") + "/v1/metrics"
	i.eventually(t, "the collector takes metrics", func() error {
		body := fmt.Sprintf(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"tenant.id","value":{"stringValue":"acme"}}]},
			"scopeMetrics":[{"metrics":[{"name":"claimed","gauge":{"dataPoints":[{"timeUnixNano":"%d","asDouble":1}]}}]}]}]}`, time.Now().UnixNano())
		req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		if code, body := fetch(req); code != http.StatusOK {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	prometheus := "tenant-bigco/tenantry-metrics:9090"
	i.asked(t, prometheus, url.QueryEscape(`count(claimed{tenant_id="bigco"})`), "1")
	i.asked(t, prometheus, url.QueryEscape(`absent(claimed{tenant_id!="bigco"})`), "1")
	// And what the service's own pods send by themselves.
	i.asked(t, prometheus, url.QueryEscape(`group(http_server_request_duration_seconds_count{tenant_id="bigco"})`), "1")
	i.asked(t, prometheus, url.QueryEscape(`absent(http_server_request_duration_seconds_count{tenant_id!="bigco"})`), "1")
}

// refusesByItself: with the operator gone, a tenant's own administrator cannot
// open its guard rails, and a Tenant that cannot be is not taken.
func (i install) refusesByItself(t *testing.T) {
	t.Helper()
	i.k.run("create", "rolebinding", "ada", "-n", "tenant-acme", "--clusterrole=admin", "--user=ada")
	policy := strings.Fields(i.k.run("get", "networkpolicies", "-n", "tenant-acme", "-o", "name"))[0]
	i.refused(t, "this guards a tenant", "", "delete", policy, "-n", "tenant-acme", "--as=ada")
	i.k.run("delete", "rolebinding", "ada", "-n", "tenant-acme")
	i.refused(t, "displayName", `{"apiVersion":"tenantry.dev/v1alpha1","kind":"Tenant","metadata":{"name":"nameless"},"spec":{"profileRef":{"name":"dev"}}}`, "create", "-f", "-")
}

// refused says whether kubectl is told no, in these words.
func (i install) refused(t *testing.T, words, input string, args ...string) {
	t.Helper()
	cmd := exec.Command(i.k.bin, append([]string{"--kubeconfig", i.k.config}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), words) {
		t.Errorf("kubectl %s: %v, not refused with %q:\n%s", strings.Join(args, " "), err, words, out)
	}
}
