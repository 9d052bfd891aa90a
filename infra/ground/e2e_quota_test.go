package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The tests below are steps of TestInstall: what happens to a customer when
// its quota is used up, and when it is deleted.

// isStopped: its services end for a quota that is used up, and nothing else
// does; its usage is taken all the while.
func (i install) isStopped(t *testing.T) {
	i.k.run("patch", "tenant", "initech", "--type=merge", "-p",
		`{"spec":{"quotaAction":{"policy":"Suspend","at":95,"grace":"0s"}}}`)
	i.suspended(t, "True, QuotaUsedUp")
	i.told(t, "SuspensionAnnounced", 1)
	i.told(t, "SuspensionBegun", 1)
	i.eventually(t, "the services of initech are gone, its gateway is not", func() error {
		got := i.k.run("get", "pods", "-n", "tenant-initech", "-o", `jsonpath={.items[*].metadata.labels.tenantry\.dev/component}`)
		if !strings.Contains(got, "gateway") || strings.Contains(got, "core") {
			return fmt.Errorf("these run: %s", got)
		}
		return nil
	})
	gateway := i.run(t, "forward", "tenant-initech/tenantry-gateway:http")
	if code, body := send(t, gateway, i.token("initech"), "while-stopped"); code != http.StatusOK || !strings.Contains(body, `"accepted":1`) {
		t.Errorf("usage of a tenant that is stopped: %d %s", code, body)
	}
}

// isStartedAgain: what ended the cause starts the services.
func (i install) isStartedAgain(t *testing.T) {
	i.suspended(t, "False, NotSuspended")
	i.told(t, "SuspensionLifted", 1)
	i.eventually(t, "the service of initech answers", func() error {
		if code := get(t, "http://"+i.run(t, "forward", "tenant-initech/core:http")); code != http.StatusOK {
			return fmt.Errorf("its answer is %d", code)
		}
		return nil
	})
}

// suspended waits until initech's condition Suspended and its reason read so.
func (i install) suspended(t *testing.T, want string) {
	t.Helper()
	i.eventually(t, "initech's Suspended is "+want, func() error {
		const words = `{range .status.conditions[?(@.type=="Suspended")]}{.status}, {.reason}{end}`
		if got := i.k.run("get", "tenant", "initech", "-o", "jsonpath="+words); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// leavesItsUsage: what its gateway took while the control plane was away is in
// the ledger when the deleted tenant is gone; the next of its name has nothing
// of it.
func (i install) leavesItsUsage(t *testing.T) {
	const events, batch = 10_000, 1000
	before := i.queries(t, "initech")
	i.controlPlane(t, 0)
	gateway, token := i.run(t, "forward", "tenant-initech/tenantry-gateway:http"), i.token("initech")
	for first := 0; first < events; first += batch {
		sendBatch(t, gateway, token, first, batch)
	}
	i.k.run("delete", "tenant", "initech", "--wait=false")
	i.eventually(t, "initech waits for its usage", func() error {
		const words = `{range .status.conditions[?(@.type=="Reconciling")]}{.reason}{end}`
		if got := i.k.run("get", "tenant", "initech", "-o", "jsonpath="+words); got != "Draining" {
			return fmt.Errorf("Reconciling is %q", got)
		}
		return nil
	})
	i.controlPlane(t, 1)
	i.eventually(t, "initech is gone", func() error {
		if got := i.k.run("get", "tenant", "initech", "--ignore-not-found", "-o", "jsonpath={.status.conditions}"); got != "" {
			return fmt.Errorf("it says %s", got)
		}
		return nil
	})
	i.eventually(t, "the ledger has all of its usage", func() error {
		if got := i.queries(t, "initech"); got != before+events {
			return fmt.Errorf("%d queries, of %d", got, before+events)
		}
		return nil
	})
	i.isAnotherOfItsName(t, token)
}

// queries are those that the ledger has of an account.
func (i install) queries(t *testing.T, account string) (used int) {
	t.Helper()
	server := "http://" + i.run(t, "forward", "tenantry-system/tenantry-api-server:http")
	told := ask(t, http.MethodGet, server+"/billing/usage/"+account, i.people.manager(t, "billing:read"), nil)
	meters, _ := told["meters"].([]any)
	for _, meter := range meters {
		if of, _ := meter.(map[string]any); of["name"] == "query" {
			if _, err := fmt.Sscan(fmt.Sprint(of["used"]), &used); err != nil {
				t.Fatal(err)
			}
		}
	}
	return used
}

// token is one that the tenant's service reports its usage with.
func (i install) token(tenant string) string {
	return strings.TrimSpace(i.k.run("create", "token", "core", "-n", "tenant-"+tenant, "--audience", "tenantry-usage"))
}

// sendBatch posts events of one query each, numbered from first on, and wants
// each to be taken.
func sendBatch(t *testing.T, address, token string, first, count int) {
	t.Helper()
	events := make([]any, count)
	for n := range events {
		events[n] = map[string]any{
			"specversion": "1.0", "id": fmt.Sprintf("last-%d", first+n), "source": "core", "type": "dev.tenantry.usage.query",
			"data": map[string]any{"quantity": 1},
		}
	}
	body := string(compact(t, events))
	code, text := patiently(t, func() *http.Request {
		return request(t, "http://"+address+"/usage/events", "application/cloudevents-batch+json", token, body)
	})
	var answer struct{ Accepted, Duplicates int }
	// Of an answer that was lost, the second time says that they are known.
	if err := json.Unmarshal([]byte(text), &answer); err != nil || code != http.StatusOK || answer.Accepted+answer.Duplicates != count {
		t.Fatalf("events %d to %d: %d %.300s", first, first+count-1, code, text)
	}
}

// get is the code of an answer, 0 without one.
func get(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := fetch(req)
	return code
}
