package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The test below is a step of TestInstall: rounds run as pods, under a token
// of the installation's issuer.

// rounds are the values that turn them on, with a Secret for them as
// docs/operations.md says.
func (i install) rounds(t *testing.T) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(i.people.manager(t, "billing:read billing:export billing:audit")), 0o600); err != nil {
		t.Fatal(err)
	}
	i.k.run("create", "secret", "generic", "routines", "-n", system, "--from-file=token="+token)
	return "routines.enabled=true,routines.existingSecret=routines"
}

// keepsRounds: a round that is asked for now leaves its file on the claim,
// which Helm has waited for.
func (i install) keepsRounds(t *testing.T) {
	const claim = "{.status.phase} {.spec.volumeName}"
	phase, volume, _ := strings.Cut(i.k.run("get", "pvc", "tenantry-routines", "-n", system, "-o", "jsonpath="+claim), " ")
	if phase != "Bound" {
		t.Fatalf("the claim of the rounds is %s", phase)
	}
	i.k.run("create", "job", "crm-now", "-n", system, "--from=cronjob/tenantry-routine-crm")
	i.eventually(t, "the round ends well", func() error {
		if got := i.k.run("get", "job", "crm-now", "-n", system, "-o", "jsonpath={.status.succeeded}"); got != "1" {
			return errors.New("its Job has not succeeded")
		}
		return nil
	})
	files, _ := filepath.Glob(filepath.Join(i.st.Real.Volumes, volume, "crm-*.csv"))
	if len(files) != 1 {
		t.Fatalf("files of the round: %v", files)
	}
	table, told := string(read(t, files[0])), i.k.run("logs", "-n", system, "-l", "app.kubernetes.io/component=crm", "--tail=5")
	if !strings.Contains(told, fmt.Sprintf("%s: %d bytes", filepath.Base(files[0]), len(table))) {
		t.Errorf("the round's log: %s", told)
	}
	for _, tenant := range []string{"acme", "bigco"} {
		if !strings.Contains(table, i.accountOf(tenant)) {
			t.Errorf("%s is not in\n%s", tenant, table)
		}
	}
}
