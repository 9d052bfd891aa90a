package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The test below is a step of TestInstall: a tenant goes from tier to tier and
// back, and its files are what they were.

// movesTier takes a tenant from dev to prod and back while its gateway holds
// an event that the ledger has not: its spool stays in the same file of the
// same volume, and what only prod has is detached with what was written there.
func (i install) movesTier(t *testing.T, tenant string) {
	t.Helper()
	began := time.Now()
	spool := i.volumeOf(t, tenant, "tenantry-billing")
	file, err := os.Stat(filepath.Join(spool, "spool.db"))
	if err != nil {
		t.Fatal(err)
	}
	// Beside what the gateway writes: bytes that nothing here could make anew.
	mark, written := filepath.Join(spool, "mark"), make([]byte, 1<<20)
	if _, err := rand.Read(written); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(mark, written, 0o644); err != nil {
		t.Fatal(err)
	}
	i.runsTier(t, tenant, "prod")
	i.holds(t, tenant, 1, 0)
	i.asked(t, "tenant-"+tenant+"/tenantry-metrics:9090", "min(up)", "1")
	metrics := i.volumeOf(t, tenant, "tenantry-metrics-data")
	i.runsTier(t, tenant, "dev")
	i.holds(t, tenant, 1, 0)
	if got := i.k.run("get", "tenant", tenant, "-o", "jsonpath={.status.retained}"); !strings.Contains(got, "PersistentVolumeClaim tenantry-metrics-data") {
		t.Errorf("retained: %s", got)
	}
	if samples, _ := filepath.Glob(filepath.Join(metrics, "wal", "0*")); len(samples) == 0 || i.volumeOf(t, tenant, "tenantry-metrics-data") != metrics {
		t.Errorf("samples in %s: %v", metrics, samples)
	}
	if now, err := os.Stat(filepath.Join(spool, "spool.db")); err != nil || !os.SameFile(file, now) || i.volumeOf(t, tenant, "tenantry-billing") != spool {
		t.Errorf("the spool is in another file (%v)", err)
	}
	if !bytes.Equal(read(t, mark), written) {
		t.Error("the claim has other bytes than before")
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	t.Logf("from dev to prod and back in %.1f s", time.Since(began).Seconds())
}

// volumeOf is the folder on the machine that a claim of a tenant is bound to.
func (i install) volumeOf(t *testing.T, tenant, claim string) string {
	t.Helper()
	volume := strings.TrimSpace(i.k.run("get", "pvc", claim, "-n", "tenant-"+tenant, "-o", "jsonpath={.spec.volumeName}"))
	if volume == "" {
		t.Fatalf("the claim %s of %s is bound to nothing", claim, tenant)
	}
	return filepath.Join(i.st.Real.Volumes, volume)
}

// runsTier gives a tenant another profile and waits until all of that runs.
func (i install) runsTier(t *testing.T, tenant, profile string) {
	t.Helper()
	i.k.run("patch", "tenant", tenant, "--type=merge", "-p", `{"spec":{"profileRef":{"name":"`+profile+`"}}}`)
	wanted := regexp.MustCompile(`^` + profile + `@\d+ True False$`)
	i.eventually(t, tenant+" runs "+profile, func() error {
		const words = `{.status.profileRevision.current} {.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Reconciling")].status}`
		got := i.k.run("get", "tenant", tenant, "-o", "jsonpath="+words)
		if !wanted.MatchString(got) {
			return fmt.Errorf("it reads %q: %s", got, i.k.run("get", "tenant", tenant, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`))
		}
		return nil
	})
	if profile == "dev" {
		i.eventually(t, "what only prod has is gone", func() error {
			if got := i.k.run("get", "pods", "-n", "tenant-"+tenant, "-l", "tenantry.dev/component in (metrics,collector,grafana)", "-o", "name"); got != "" {
				return errors.New(got)
			}
			return nil
		})
	}
}
