package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The test below is a step of TestInstall: what goes on while no operator is
// there.

// livesWithoutOperator: pods come back without it, and it takes up its work
// where it left it.
func (i install) livesWithoutOperator(t *testing.T) {
	const operator = "deployment/tenantry-operator"
	i.k.run("scale", "-n", "tenantry-system", operator, "--replicas=0")
	i.k.run("wait", "-n", "tenantry-system", "--for=delete", "pod", "-l", "app.kubernetes.io/name=tenantry-operator", "--timeout=300s")
	// Every kind of pod, admission included: all of them are made again.
	for _, tenant := range []string{"acme", "bigco"} {
		i.k.run("delete", "pods", "-n", "tenant-"+tenant, "--all")
		for _, deployment := range strings.Fields(i.k.run("get", "deployments", "-n", "tenant-"+tenant, "-o", "name")) {
			i.k.run("rollout", "status", "-n", "tenant-"+tenant, deployment, "--timeout=300s")
		}
	}
	i.refusesByItself(t)
	i.takesUsage(t, "without-operator")
	i.metricsAreRead(t)
	i.onlyGrafanaIsSimulated(t, "tenant-bigco")
	i.tokensAreRenewed(t)
	i.isBackedUp(t, lostTenant)
	i.k.run("patch", "tenant", "acme", "--type=merge", "-p", `{"spec":{"suspend":true}}`)
	i.k.run("scale", "-n", "tenantry-system", operator, "--replicas=1")
	i.eventually(t, "the operator suspends what it was told while it was away", func() error {
		if got := i.k.run("get", "deployment", "core", "-n", "tenant-acme", "-o", "jsonpath={.spec.replicas}"); got != "0" {
			return fmt.Errorf("%s replicas", got)
		}
		return nil
	})
}

// tokensAreRenewed: a kubelet that starts has no token any more and asks for
// those of all pods again, long before they end. What a service finds in its
// file then, its gateway takes.
func (i install) tokensAreRenewed(t *testing.T) {
	t.Helper()
	const service, gateway = "core", "tenantry-gateway"
	before := map[string]string{service: i.tokenInPod(t, service), gateway: i.tokenInPod(t, gateway)}
	i.run(t, "restart", "kubelet")
	for name, former := range before {
		i.eventually(t, "the token of bigco's "+name+" is another", func() error {
			if now := i.tokenInPod(t, name); now == former {
				return fmt.Errorf("it is the one that it had")
			}
			return nil
		})
	}
	address := i.run(t, "forward", lostNamespace+"/tenantry-gateway:http")
	if code, body := send(t, address, i.tokenInPod(t, service), "renewed"); code != http.StatusOK {
		t.Errorf("with the renewed token: %d %s", code, body)
	}
	i.reports(t, "http://"+i.run(t, "forward", lostNamespace+"/core:http"), 1)
	// The gateway forwards both with its own, and the refused one is of before.
	i.holds(t, lostTenant, 0, 1)
}

// tokenInPod is what stands in the token file of a Deployment's pod of the
// tenant bigco.
func (i install) tokenInPod(t *testing.T, deployment string) string {
	t.Helper()
	const uids = `jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}`
	first, _ := i.st.find(firstProcess)
	for line := range strings.Lines(i.k.run("get", "pods", "-n", lostNamespace, "--field-selector=status.phase=Running", "--sort-by=.metadata.name", "-o", uids)) {
		name, uid, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(name, deployment+"-") {
			continue
		}
		inside := filepath.Join("/proc", fmt.Sprint(first.PID), "root")
		files, _ := filepath.Glob(filepath.Join(inside, "var/lib/kubelet/pods", uid, "volumes/kubernetes.io~projected/*/token"))
		if len(files) != 1 {
			t.Fatalf("token files of %s: %v", name, files)
		}
		token, err := os.ReadFile(files[0])
		if err != nil || len(token) == 0 {
			t.Fatalf("the token of %s: %d bytes, %v", name, len(token), err)
		}
		return string(token)
	}
	t.Fatalf("no pod of %s runs", deployment)
	return ""
}

// isBackedUp: a backup that is asked for now arrives.
func (i install) isBackedUp(t *testing.T, tenant string) {
	t.Helper()
	namespace, job := "tenant-"+tenant, i.backupJob(t, tenant)
	i.k.run("wait", "-n", namespace, "--for=condition=Complete", job, "--timeout=300s")
	if log := i.k.run("logs", "-n", namespace, job); !strings.Contains(log, " 0 events held") {
		t.Errorf("the backup job says %s", log)
	}
}
