package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tests below are steps of TestInstall: a tenant's namespace and the
// ledger are lost together with their volumes, and come back from backups as
// the documents and `kubectl tenant restore` say.

const (
	// A tenant whose stack has backups, and what is its own.
	lostTenant, lostNamespace = "bigco", "tenant-bigco"
	system                    = "tenantry-system"
	// What every restore says that found nothing wrong.
	wholeAgain = "everything agrees"
	// How many events the ledger has when it is backed up, beside that of the
	// visitor, and how many wait in the spool when that is.
	stored, waiting, visitors = 3, 5, 1
)

// kept is what backups are to bring back.
type kept struct {
	// What the ledger has of each event.
	events []string
	// How many queries the tenant is billed for, one for each event.
	queries int
	// The stack's objects.
	objects string
}

// comesBackFromBackups: all that a tenant has here is destroyed, and the
// ledger with it.
func (i install) comesBackFromBackups(t *testing.T) {
	began := time.Now()
	token, address := i.token(lostTenant), i.run(t, "forward", lostNamespace+"/tenantry-gateway:http")
	i.isRefusedOne(t, address, token)
	ledger := i.ledgerIsBackedUp(t)
	i.spoolIsBackedUp(t, address, token)
	before := i.keptNow(t)
	i.losesBoth(t)
	i.ledgerReturns(t, ledger)
	i.tenantReturns(t, before)
	t.Logf("lost and restored in %.1f s", time.Since(began).Seconds())
}

// isRefusedOne: the ledger has three events of the tenant, and has refused one.
func (i install) isRefusedOne(t *testing.T, address, token string) {
	sendBatch(t, address, token, 0, stored)
	i.holds(t, lostTenant, 0, 0)
	// The same id with another quantity.
	again := `{"specversion":"1.0","id":"last-0","source":"core","type":"dev.tenantry.usage.query","data":{"quantity":2}}`
	if code, body := post(t, address, token, again); code != http.StatusOK {
		t.Fatalf("what the ledger will refuse: %d %s", code, body)
	}
	i.holds(t, lostTenant, 0, 1)
}

// spoolIsBackedUp with events that wait for the ledger in it, which has no
// backup with them: its last one is older.
func (i install) spoolIsBackedUp(t *testing.T, address, token string) {
	i.controlPlane(t, 0)
	sendBatch(t, address, token, 10, waiting)
	job := i.backupJob(t, lostTenant)
	// The copy is made once sending it has failed.
	i.eventually(t, "the gateway has copied its spool", func() error {
		if log := i.k.run("logs", "-n", lostNamespace, "deployment/tenantry-gateway"); !strings.Contains(log, "a backup was not taken; it is sent again") {
			return errors.New("its log does not say so")
		}
		return nil
	})
	i.controlPlane(t, 1)
	i.k.run("wait", "-n", lostNamespace, "--for=condition=Complete", job, "--timeout=300s")
	if log := i.k.run("logs", "-n", lostNamespace, job); !strings.Contains(log, fmt.Sprintf(" %d events held", waiting)) {
		t.Fatalf("the backup job says %s", log)
	}
	i.holds(t, lostTenant, 0, 1)
}

// backupJob asks for a backup of a tenant, and names the Job that makes it.
func (i install) backupJob(t *testing.T, tenant string) string {
	t.Helper()
	said := i.shell(t, "kubectl tenant backup "+tenant+" --no-wait")
	found := regexp.MustCompile(`job tenant-` + tenant + `/(\S+)`).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("kubectl tenant backup: %s", said)
	}
	return "job/" + found[1]
}

// ledgerIsBackedUp has the API server back its ledger up now: it goes by what
// stands there, and that is taken away. It answers what is in it: every row
// with its chain, and each account's head.
func (i install) ledgerIsBackedUp(t *testing.T) string {
	for _, archive := range i.archives(t, "_ledger") {
		if err := os.Rename(archive, filepath.Join(t.TempDir(), filepath.Base(archive))); err != nil {
			t.Fatal(err)
		}
	}
	i.controlPlane(t, 0)
	i.controlPlane(t, 1)
	i.eventually(t, "the ledger is backed up", func() error {
		if said := i.apiServer(t, "backups", "list", "--ledger"); strings.Count(said, "the ledger ") != 1 {
			return fmt.Errorf("these stand there: %q", said)
		}
		return nil
	})
	if said := i.apiServer(t, "backups", "check"); strings.Count(said, ", 0 ") != 2 {
		t.Errorf("backups check: %s", said)
	}
	archive := i.archives(t, "_ledger")[0]
	damage(t, archive)
	said, err := i.command("kubectl exec -n " + system + " svc/tenantry-api-server -- /api-server backups get --ledger --to /tmp/ledger.tar").CombinedOutput()
	if err == nil || !strings.Contains(string(said), filepath.Base(archive)+": it is not what was received") {
		t.Errorf("of a damaged archive: %v %s", err, said)
	}
	damage(t, archive)
	return i.apiServer(t, "export", "--records", "rows,heads")
}

// archives are the files of backups on the control plane's volume.
func (i install) archives(t *testing.T, of string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(i.st.Real.Volumes, "*", "tenants", of, "*.tar"))
	if err != nil || len(found) == 0 {
		t.Fatalf("archives of %s: %v %v", of, found, err)
	}
	return found
}

// apiServer is what the program in its pod prints; what it tells beside that
// would come in between.
func (i install) apiServer(t *testing.T, args ...string) string {
	t.Helper()
	cmd := i.command("kubectl exec -n " + system + " svc/tenantry-api-server -- /api-server " + strings.Join(args, " "))
	var told strings.Builder
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("api-server %v: %v\n%s%s", args, err, out, told.String())
	}
	return string(out)
}

func (i install) keptNow(t *testing.T) kept {
	t.Helper()
	if said := i.apiServer(t, "verify"); !strings.Contains(said, wholeAgain) {
		t.Fatalf("the ledger: %s", said)
	}
	events := i.events(t)
	if len(events) < visitors+stored+waiting {
		t.Fatalf("events: %v", events)
	}
	return kept{events: events, queries: visitors + stored + waiting, objects: i.stack()}
}

// events are what the ledger has, without when it was stored and what that
// makes of the chain.
func (i install) events(t *testing.T) (all []string) {
	t.Helper()
	for line := range strings.Lines(i.apiServer(t, "export", "--records", "rows")) {
		var row struct{ Record, Account, Kind, ID, Source, Meter, Quantity, Time string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if row.Record == "row" {
			all = append(all, fmt.Sprint(row))
		}
	}
	slices.Sort(all)
	return all
}

// life is the instant from which on the tokens of a stack's senders may be.
var life = regexp.MustCompile(`("name":"TENANTRY_SENDERS_SINCE","value":")[^"]*`)

// stack is what the lost tenant's objects are. Their Secrets are drawn anew,
// and their life is another one.
func (i install) stack() string {
	const made = `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.labels} {.spec.template.spec} {.spec.jobTemplate.spec} {.spec.ingress}{"\n"}{end}`
	const said = `jsonpath={range .items[*]}{.metadata.name} {.data}{"\n"}{end}`
	all := i.k.run("get", "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,cronjobs,pvc,resourcequotas", "-n", lostNamespace, "-o", made) +
		i.k.run("get", "configmaps", "-n", lostNamespace, "-o", said)
	return life.ReplaceAllString(all, "${1}…")
}

// losesBoth: namespace and volumes of the tenant, and the ledger's volume, are
// gone with all they held.
func (i install) losesBoth(t *testing.T) {
	const claims = `jsonpath={range .items[*]}{.spec.volumeName}{"\n"}{end}`
	volumes := strings.Fields(i.k.run("get", "pvc", "-n", lostNamespace, "-o", claims))
	volumes = append(volumes, i.k.run("get", "pvc", "-n", system, "tenantry-ledger", "-o", "jsonpath={.spec.volumeName}"))
	if len(volumes) < 3 {
		t.Fatalf("volumes: %v", volumes)
	}
	i.controlPlane(t, 0)
	i.k.run("delete", "pvc", "-n", system, "tenantry-ledger", "--timeout=300s")
	i.k.run("delete", "namespace", lostNamespace, "--timeout=300s")
	i.eventually(t, "the volumes are gone", func() error {
		for _, volume := range volumes {
			if folder := filepath.Join(i.st.Real.Volumes, volume); exists(folder) {
				return fmt.Errorf("%s is there", folder)
			}
		}
		return nil
	})
}

// ledgerReturns: by the commands and the pod of docs/operations.md. It knows
// nothing of what came after its backup.
func (i install) ledgerReturns(t *testing.T, before string) {
	manifest := filepath.Join(t.TempDir(), "restore-ledger.yaml")
	if err := os.WriteFile(manifest, []byte(documented(t, "yaml", "yaml: node")), 0o600); err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, command := range commands(documented(t, "console", "restore-ledger")) {
		said += i.shell(t, strings.Replace(command, "restore-ledger.yaml", manifest, 1))
	}
	if !strings.Contains(said, wholeAgain) {
		t.Errorf("the restore says %s", said)
	}
	i.k.run("rollout", "status", "-n", system, "deployment/tenantry-api-server", "--timeout=300s")
	if said := i.apiServer(t, "verify"); !strings.Contains(said, wholeAgain) {
		t.Errorf("the restored ledger: %s", said)
	}
	if now := i.apiServer(t, "export", "--records", "rows,heads"); now != before {
		t.Errorf("the ledger was\n%s\nand is\n%s", before, now)
	}
	if said := i.apiServer(t, "backups", "check"); !strings.Contains(said, ".tar: nothing is recorded of it") {
		t.Errorf("backups check: %s", said)
	}
}

// tenantReturns: its objects are made anew, and its spool comes back by what
// `kubectl tenant restore` prints.
func (i install) tenantReturns(t *testing.T, before kept) {
	i.tenantsAreReady(t)
	i.holds(t, lostTenant, 0, 0)
	archive := filepath.Join(i.work, lostTenant+".tar")
	for _, step := range i.restoring(t) {
		if strings.Contains(step, " attach ") {
			i.refusesDamage(t, archive, step)
		}
		said := i.shell(t, step)
		if strings.Contains(step, " logs ") && !strings.Contains(said, fmt.Sprintf("%d events held, 1 refused: %s", waiting, wholeAgain)) {
			t.Errorf("the restore says %s", said)
		}
	}
	// What was refused is back; what waited is in the ledger, for the first time or again.
	i.holds(t, lostTenant, 0, 1)
	i.eventually(t, "the ledger has all that it had", func() error {
		if now := i.events(t); !slices.Equal(now, before.events) {
			return fmt.Errorf("%v, before %v", now, before.events)
		}
		return nil
	})
	// The figures follow with the next summary.
	i.eventually(t, "the tenant is billed for what it was", func() error {
		if now := i.queries(t, i.accountOf(lostTenant)); now != before.queries {
			return fmt.Errorf("%d queries, before %d", now, before.queries)
		}
		return nil
	})
	if said := i.apiServer(t, "verify"); !strings.Contains(said, wholeAgain) {
		t.Errorf("the ledger: %s", said)
	}
	if now := i.stack(); now != before.objects {
		t.Errorf("the stack was\n%s\nand is\n%s", before.objects, now)
	}
}

// restoring are the commands that `kubectl tenant restore` prints.
func (i install) restoring(t *testing.T) (steps []string) {
	t.Helper()
	for line := range strings.Lines(i.shell(t, "kubectl tenant restore "+lostTenant)) {
		if step, ok := strings.CutPrefix(line, "  "); ok {
			steps = append(steps, strings.TrimSpace(step))
		}
	}
	if len(steps) < 8 || !slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, " attach ") }) {
		t.Fatalf("kubectl tenant restore: %v", steps)
	}
	return steps
}

// refusesDamage sends a damaged archive to the pod that waits for one, and
// has another wait.
func (i install) refusesDamage(t *testing.T, archive, attach string) {
	t.Helper()
	damage(t, archive)
	// Its exit code is kubectl's, which does not know how the pod ends.
	_, _ = i.command(attach).CombinedOutput()
	i.k.run("wait", "-n", lostNamespace, "--for=jsonpath={.status.phase}=Failed", "pod/restore", "--timeout=300s")
	if said := i.k.run("logs", "-n", lostNamespace, "restore"); !strings.Contains(said, "SHA-256") || strings.Contains(said, wholeAgain) {
		t.Errorf("of a damaged archive: %s", said)
	}
	damage(t, archive)
	i.k.run("delete", "-n", lostNamespace, "pod/restore")
	for _, step := range i.restoring(t) {
		if strings.Contains(step, " apply -f -") || strings.Contains(step, "pod/restore --timeout") {
			i.shell(t, step)
		}
	}
}

// damage turns bits of a file's middle over; a second time it mends them.
func damage(t *testing.T, file string) {
	t.Helper()
	data := read(t, file)
	if len(data) < 1000 {
		t.Fatalf("%s has %d bytes", file, len(data))
	}
	data[len(data)/2] ^= 0xff
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shell runs a line as a reader would.
func (i install) shell(t *testing.T, line string) string {
	t.Helper()
	out, err := i.command(line).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// command is a line in a shell that finds kubectl and its plugin, in a folder
// of the test's own.
func (i install) command(line string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", line)
	cmd.Dir = i.work
	cmd.Env = append(os.Environ(), "KUBECONFIG="+i.st.Config, "PATH="+i.st.Tools+":"+os.Getenv("PATH"))
	return cmd
}

// documented is the block of docs/operations.md in a language with these words
// in it, or in the mark before it.
func documented(t *testing.T, language, words string) string {
	t.Helper()
	page := string(read(t, filepath.Join("..", "..", "docs", "operations.md")))
	parts := strings.Split(page, "```"+language+"\n")
	for n, block := range parts[1:] {
		text, _, _ := strings.Cut(block, "\n```")
		mark := parts[n][strings.LastIndex(strings.TrimSpace(parts[n]), "\n")+1:]
		if strings.Contains(text, words) || strings.Contains(mark, "<!-- "+words+" -->") {
			return text + "\n"
		}
	}
	t.Fatalf("docs/operations.md has no block %s with %q", language, words)
	return ""
}

// commands are the lines of a block that are typed.
func commands(block string) (lines []string) {
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	return lines
}
