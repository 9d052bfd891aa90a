package main

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tests below are steps of TestInstall: what happens to Tenantry and to
// the node while tenants are there, and what their pods feel of it.

// workloads are the pods of the tenants with their containers and how often
// each was started again; without those of backup jobs, which come and go.
func (i install) workloads() string {
	const line = `{range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.uid}` +
		`{range .status.containerStatuses[*]} {.containerID} {.restartCount}{end}{"\n"}{end}`
	var pods strings.Builder
	for _, tenant := range []string{"acme", "bigco"} {
		pods.WriteString(i.k.run("get", "pods", "-n", "tenant-"+tenant, "-l", "!job-name", "--sort-by=.metadata.name", "-o", "jsonpath="+line))
	}
	return pods.String()
}

// untouched does something and wants the tenants Ready before and after, with
// the very same containers.
func (i install) untouched(t *testing.T, what string, deed func()) {
	t.Helper()
	i.tenantsAreReady(t)
	before := i.workloads()
	if strings.Count(before, "\n") < 8 {
		t.Fatalf("pods of two tenants are more than these:\n%s", before)
	}
	deed()
	i.tenantsAreReady(t)
	if after := i.workloads(); after != before {
		t.Errorf("%s: the tenants' pods before\n%safter\n%s", what, before, after)
	}
}

// release says whether the release stands as wanted: revision, and how many
// operators are there.
func (i install) release(t *testing.T, revision, operators string) {
	t.Helper()
	if got := i.helm(t, "list", "--namespace", "tenantry-system", "--output", "json"); !strings.Contains(got, `"revision":"`+revision+`"`) || !strings.Contains(got, `"status":"deployed"`) {
		t.Errorf("the release: %s", got)
	}
	i.k.shows(operators+" "+operators, "{.status.readyReplicas} {.status.replicas}", "deployment/tenantry-operator", "-n", "tenantry-system")
}

// changesTier: Tenantry itself becomes the tier prod and goes back, and
// neither the tenants nor the ledger feel it.
func (i install) changesTier(t *testing.T) {
	charts, rounds := filepath.Join("..", "..", "charts", "tenantry"), i.rounds(t)
	before := i.events(t)
	i.untouched(t, "helm upgrade to values-prod", func() {
		i.helm(t, "upgrade", "tenantry", charts, "--namespace", "tenantry-system",
			"-f", filepath.Join(charts, "values-prod.yaml"), "-f", "testdata/install-values.yaml", "-f", i.people.values, "--set", rounds, "--wait", "--timeout", "10m")
		i.release(t, "2", "2")
		i.onlyGrafanaIsSimulated(t, "tenant-bigco", "tenantry-system")
		// Operators, API server, collector, both gateways and itself.
		i.asked(t, "tenantry-system/tenantry-prometheus:9090", "sum(up)", "7")
		// What operator and API server trace and log arrives at the collector, by its name.
		for _, what := range []string{"spans", "log_records"} {
			i.asked(t, "tenantry-system/tenantry-prometheus:9090", "count(otelcol_receiver_accepted_"+what+"_total%20%3E%200)", "1")
		}
	})
	i.keepsRounds(t)
	i.takesUsage(t, "after-upgrade")
	i.untouched(t, "helm rollback", func() {
		i.helm(t, "rollback", "tenantry", "1", "--namespace", "tenantry-system", "--wait", "--timeout", "10m")
		i.release(t, "3", "1")
	})
	i.takesUsage(t, "after-rollback")
	// All that it had, and the two of which the steps above say that they were taken.
	after := i.events(t)
	for _, row := range before {
		if _, there := slices.BinarySearch(after, row); !there {
			t.Errorf("the ledger has lost %s", row)
		}
	}
	if len(after) != len(before)+2 {
		t.Errorf("the ledger had %d rows, then two were sent, and it has %d", len(before), len(after))
	}
	if said := i.apiServer(t, "verify"); !strings.Contains(said, wholeAgain) {
		t.Errorf("the ledger: %s", said)
	}
}

// takesUsage: an event with a new token is taken, and the ledger answers for
// it, for the account that was opened in the beginning.
func (i install) takesUsage(t *testing.T, id string) {
	t.Helper()
	token := i.k.run("create", "token", "core", "-n", "tenant-acme", "--audience", "tenantry-usage")
	address := i.run(t, "forward", "tenant-acme/tenantry-gateway:http")
	i.eventually(t, "the gateway takes "+id, func() error {
		if code, body := send(t, address, token, id); code != http.StatusOK {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
	i.held(t, 0)
}

// isInstalledAgain: the release goes and comes back over what it leaves.
func (i install) isInstalledAgain(t *testing.T) {
	charts, before := filepath.Join("..", "..", "charts", "tenantry"), i.events(t)
	i.untouched(t, "helm uninstall and install", func() {
		i.helm(t, "uninstall", "tenantry", "--namespace", system, "--wait", "--timeout", "5m")
		i.helm(t, "install", "tenantry", charts, "--namespace", system, "-f", filepath.Join(charts, "values-dev.yaml"),
			"-f", "testdata/install-values.yaml", "-f", i.people.values, "--wait", "--timeout", "10m")
		i.release(t, "1", "1")
	})
	i.takesUsage(t, "after-uninstall")
	if after := i.events(t); len(after) != len(before)+1 {
		t.Errorf("the ledger had %d rows, then one was sent, and it has %d", len(before), len(after))
	}
}

// outlivesTheRuntime: kubelet and containerd end and come back beneath the
// tenants, and start pods as before; the operator's pod is deleted, and the
// next one takes its work up.
func (i install) outlivesTheRuntime(t *testing.T) {
	for _, part := range []string{"kubelet", "containerd"} {
		i.untouched(t, "restart of "+part, func() {
			i.run(t, "restart", part)
			i.startsPods(t, "after-"+part)
		})
	}
	i.untouched(t, "deleting the operator's pod", func() { i.replacesOperator(t) })
	i.takesUsage(t, "after-restarts")
}

// startsPods: what the node says of its pods is from before until it has
// started another.
func (i install) startsPods(t *testing.T, name string) {
	t.Helper()
	image := i.k.run("get", "deployment", "core", "-n", "tenant-bigco", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	i.k.run("run", name, "-n", "default", "--image="+image, "--image-pull-policy=Never")
	i.k.run("wait", "-n", "default", "--for=condition=Ready", "pod/"+name, "--timeout=300s")
	i.k.run("delete", "pod", name, "-n", "default", "--timeout=300s")
}

// replacesOperator: what is taken away meanwhile is made again by the next one.
func (i install) replacesOperator(t *testing.T) {
	t.Helper()
	const policy = "tenantry-dns"
	// Waits until it is gone: else that one could still make it.
	i.k.run("delete", "pods", "-n", system, "-l", "app.kubernetes.io/name=tenantry-operator", "--timeout=300s")
	i.k.run("delete", "networkpolicy", policy, "-n", "tenant-acme")
	i.k.run("rollout", "status", "-n", system, "deployment/tenantry-operator", "--timeout=300s")
	i.eventually(t, "the next operator makes the policy again", func() error {
		if i.k.run("get", "networkpolicy", policy, "-n", "tenant-acme", "--ignore-not-found", "-o", "name") == "" {
			return errors.New("it is not there")
		}
		return nil
	})
}
