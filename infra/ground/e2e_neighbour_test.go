package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tests below are steps of TestInstall: what belongs to one tenant is
// refused to another, beside it or after it under the same name.

// visitorIsRefused: the service of one tenant, run as a pod of its own that is
// told another tenant's gateway, with the token that the kubelet gives it. The
// policies of networks are not enforced on this node, so it does get there,
// and the gateway itself has to say no.
func (i install) visitorIsRefused(t *testing.T) {
	t.Helper()
	for _, to := range []struct {
		tenant, words string
		code          int
	}{{"bigco", "reported 1 of query", http.StatusOK}, {"acme", "the gateway answers 401", http.StatusBadGateway}} {
		i.visits(t, to.tenant, func(address string) {
			resp, err := client.Post("http://"+address+"/work?meter=query&quantity=1", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			words, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != to.code || !strings.Contains(string(words), to.words) {
				t.Errorf("a pod of bigco at %s's gateway: %d %s %v", to.tenant, resp.StatusCode, words, err)
			}
		})
	}
	i.holds(t, "acme", 0, 0)
}

// visits runs bigco's service as a pod that reports to a tenant's gateway.
func (i install) visits(t *testing.T, tenant string, deed func(address string)) {
	t.Helper()
	var spec map[string]any
	if err := json.Unmarshal([]byte(i.k.run("get", "deployment", "core", "-n", "tenant-bigco", "-o", "jsonpath={.spec.template.spec}")), &spec); err != nil {
		t.Fatal(err)
	}
	containers, _ := spec["containers"].([]any)
	told := false
	for _, container := range containers {
		env, _ := container.(map[string]any)["env"].([]any)
		for _, entry := range env {
			if of := entry.(map[string]any); of["name"] == "TENANTRY_USAGE_URL" {
				of["value"], told = "http://tenantry-gateway.tenant-"+tenant+".svc:8080/usage/events", true
			}
		}
	}
	if !told {
		t.Fatalf("bigco's service is told no gateway: %v", spec)
	}
	file := filepath.Join(i.work, "visitor.json")
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "visitor", "namespace": "tenant-bigco"}, "spec": spec}
	if err := os.WriteFile(file, compact(t, pod), 0o600); err != nil {
		t.Fatal(err)
	}
	i.k.run("create", "-f", file)
	i.k.run("wait", "-n", "tenant-bigco", "--for=condition=Ready", "pod/visitor", "--timeout=300s")
	port := i.k.run("get", "service", "core", "-n", "tenant-bigco", "-o", `jsonpath={.spec.ports[?(@.name=="http")].targetPort}`)
	if port == "http" {
		port = i.k.run("get", "pod", "visitor", "-n", "tenant-bigco", "-o", `jsonpath={.spec.containers[0].ports[?(@.name=="http")].containerPort}`)
	}
	ip := i.k.run("get", "pod", "visitor", "-n", "tenant-bigco", "-o", "jsonpath={.status.podIP}")
	deed(i.run(t, "forward", ip+":"+port))
	i.k.run("delete", "pod", "visitor", "-n", "tenant-bigco", "--wait=true", "--timeout=300s")
}

// isAnotherOfItsName: a customer who gets the name of one that left has an
// account of its own, and what a pod of the former one kept opens nothing.
func (i install) isAnotherOfItsName(t *testing.T, token string) {
	t.Helper()
	file := filepath.Join(i.work, "again.yaml")
	const tenant = `{"apiVersion":"tenantry.dev/v1alpha1","kind":"Tenant","metadata":{"name":"initech"},"spec":{"displayName":"Another Initech","profileRef":{"name":"dev"}}}`
	if err := os.WriteFile(file, []byte(tenant), 0o600); err != nil {
		t.Fatal(err)
	}
	i.k.run("create", "-f", file)
	// What the former one left is kept for it, until somebody has it removed.
	former := i.k.run("get", "namespace", "tenant-initech", "-o", `jsonpath={.metadata.annotations.tenantry\.dev/tenant-uid}`)
	i.k.run("annotate", "namespace", "tenant-initech", "tenantry.dev/purge="+former)
	i.eventually(t, "the new initech is Ready", func() error {
		if got := i.k.run("get", "tenant", "initech", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`); got != "True" {
			return fmt.Errorf("Ready is %q", got)
		}
		return nil
	})
	account := i.accountOf("initech")
	if account == "" || account == "initech" {
		t.Errorf("the new initech has the account %q", account)
	}
	gateway := i.run(t, "forward", "tenant-initech/tenantry-gateway:http")
	server := i.run(t, "forward", "tenantry-system/tenantry-api-server:http")
	for who, address := range map[string]string{"the new gateway": gateway, "the API server": server} {
		if code, body := send(t, address, token, "of-the-former"); code != http.StatusUnauthorized {
			t.Errorf("%s says to a former token: %d %s", who, code, body)
		}
	}
	if code, body := send(t, gateway, i.token("initech"), "of-the-new"); code != http.StatusOK {
		t.Errorf("the new gateway says to a token of its own: %d %s", code, body)
	}
	i.eventually(t, "the new account has its own event alone", func() error {
		if got := i.queries(t, account); got != 1 {
			return fmt.Errorf("%d queries", got)
		}
		return nil
	})
	i.k.run("delete", "tenant", "initech", "--timeout=300s")
}

// turnsAtItsInstant: the bill has the former plan up to the instant that the
// answer named, and the new one from it on.
func (i install) turnsAtItsInstant(t *testing.T, server, effective string) {
	t.Helper()
	told := ask(t, http.MethodGet, server+"/billing/usage/initech/explain", i.people.manager(t, "billing:read"), nil)
	plans, _ := told["plans"].([]any)
	var stretches []string
	for _, plan := range plans {
		of, _ := plan.(map[string]any)
		stretches = append(stretches, fmt.Sprintf("%v from %v to %v", of["plan"], of["from"], of["to"]))
	}
	if n := len(stretches); n != 2 || !strings.HasPrefix(stretches[0], "starter from ") || !strings.HasSuffix(stretches[0], " to "+effective) ||
		!strings.HasPrefix(stretches[1], "team from "+effective+" to ") {
		t.Errorf("changed at %s, the bill has %q", effective, stretches)
	}
}
