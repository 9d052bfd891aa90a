package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process names a running program for certain: a pid alone may be reused, so
// its start time and the boot it belongs to go with it.
type process struct {
	Name  string `json:"name"`
	PID   int    `json:"pid"`
	Ticks uint64 `json:"start_ticks"`
	Boot  string `json:"boot_id"`
}

// identify reads the identity of a running pid.
func identify(name string, pid int) (process, error) {
	_, ticks, err := procStat(pid)
	if err != nil {
		return process{}, err
	}
	return process{Name: name, PID: pid, Ticks: ticks, Boot: bootID()}, nil
}

// alive is true while exactly this process runs; a zombie counts as ended,
// for in containers nobody may ever reap it.
func (p process) alive() bool {
	if p.PID <= 0 || p.Boot != bootID() {
		return false
	}
	status, ticks, err := procStat(p.PID)
	return err == nil && ticks == p.Ticks && status != 'Z' && status != 'X'
}

func (p process) signal(s syscall.Signal) {
	if p.alive() {
		_ = syscall.Kill(p.PID, s) // ESRCH: it ended meanwhile, which is what we want
	}
}

// rssMiB is the resident memory in MiB, 0 when the process is gone.
func (p process) rssMiB() int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.PID))
	fields := strings.Fields(string(data))
	if len(fields) < 2 || !p.alive() {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize() / (1 << 20)
}

// procStat returns state and start time of a pid from /proc/PID/stat.
func procStat(pid int) (status byte, ticks uint64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	return parseStat(string(data))
}

// parseStat skips the command name, which may hold blanks and brackets.
func parseStat(stat string) (status byte, ticks uint64, err error) {
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, errors.New("unreadable process status")
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 20 {
		return 0, 0, errors.New("unreadable process status")
	}
	ticks, err = strconv.ParseUint(fields[19], 10, 64)
	return fields[0][0], ticks, err
}

func bootID() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(data))
}

// child is a process that this program started and still watches.
type child struct {
	process
	log    string
	exited chan struct{}
	cmd    *exec.Cmd
}

// launch starts a program in a session of its own, so that it outlives
// `ground start`, with its output in a new log file.
func launch(d dir, name, bin string, args ...string) (*child, error) {
	if err := os.Remove(d.log(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	cmd := exec.Command(bin, args...)
	// Collecting less often buys a sixth of the API server's CPU for 70 MiB;
	// the limit keeps thousands of tenants from taking the whole machine.
	cmd.Env = append(bareEnv(d), "GOGC=300", "GOMEMLIMIT=4GiB")
	return begin(d, name, cmd)
}

// bareEnv holds nobody's proxies, tokens or ~/.kube.
func bareEnv(d dir) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + string(d), "TENANTRY_CACHE=" + os.Getenv("TENANTRY_CACHE")}
}

// begin starts a prepared command in a session of its own; its output goes to
// the end of its log.
func begin(d dir, name string, cmd *exec.Cmd) (*child, error) {
	logPath := d.log(name)
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Dir = string(d)
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true
	if err := own.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{log: logPath, exited: make(chan struct{}), cmd: cmd}
	// Not reaped before Wait below, so its /proc entry is there for certain.
	c.process, err = identify(name, cmd.Process.Pid)
	go func() {
		_ = own.wait(cmd)
		close(c.exited)
	}()
	if err != nil {
		_ = cmd.Process.Kill()
	}
	return c, err
}

// failure describes a child that ended too early or never got ready.
func (c *child) failure(what string) error {
	line := lastRelevantLine(c.log)
	if line == "" {
		line = "(the log is empty)"
	}
	return fmt.Errorf("%s %s\n  last line  %s\n  log        %s", c.Name, what, line, c.log)
}

// until polls a condition, and gives up as soon as one of the processes ends
// or the context does. The condition's error says what is still missing.
func until(ctx context.Context, children []*child, blame *child, what string, ok func() error) error {
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for {
		// First the processes: a ground with a dead one is not ready, even if
		// the condition holds.
		for _, c := range children {
			select {
			case <-c.exited:
				return c.failure(fmt.Sprintf("ended (%s) while waiting until %s", c.cmd.ProcessState, what))
			default:
			}
		}
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return fmt.Errorf("interrupted while waiting until %s", what)
			}
			return blame.failure(fmt.Sprintf("is not there in time: waited until %s (%v); a slow machine may need a larger --timeout", what, err))
		}
	}
}

// relevant matches klog errors and fatals, structured errors, Go panics and
// messages of flag parsers.
var relevant = regexp.MustCompile(`^[EF]\d{4} |"level":"(error|fatal|panic)"|level=(error|ERROR|fatal)|^panic:|^(Error|error|fatal)|ERROR|unknown flag`)

// harmless lines look like errors and appear in every healthy run.
var harmless = regexp.MustCompile(`manifest file is empty|is not as new as written version|failed to apply stage.*not found`)

// lastRelevantLine finds the line of a log that most likely says what broke.
func lastRelevantLine(path string) string {
	const tail, longest = 256 << 10, 600
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if len(data) > tail {
		data = data[len(data)-tail:]
	}
	last := ""
	lines := strings.Split(string(data), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		line := strings.TrimSpace(lines[i])
		if len(line) > longest {
			line = line[:longest] + "…"
		}
		if relevant.MatchString(line) && !harmless.MatchString(line) {
			return line
		}
		if last == "" {
			last = line
		}
	}
	return last
}

// strays are processes of a ground that its state does not name: a start that
// is killed between beginning one and writing that down leaves it. They are
// known by their home, which this program gives to all that it begins.
func strays(d dir, st *state) (all []process) {
	known := map[int]bool{os.Getpid(): true}
	for _, p := range st.Processes {
		known[p.PID] = true
	}
	homes, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range homes {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		data, err := os.ReadFile(path)
		if err != nil || known[pid] || !strings.Contains("\x00"+string(data), "\x00HOME="+string(d)+"\x00") {
			continue
		}
		if p, err := identify(fmt.Sprintf("stray %d", pid), pid); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// killPatience is how long the kernel may take for what SIGKILL ends: its
// memory is given back page by page, on a machine that does much else besides.
const killPatience = time.Minute

// endAll asks every process to end, insists after the grace time, and
// returns only when all are gone.
func endAll(procs []process, grace time.Duration) error {
	for _, p := range procs {
		p.signal(syscall.SIGTERM)
	}
	if waitGone(procs, grace) {
		return nil
	}
	for _, p := range procs {
		p.signal(syscall.SIGKILL)
	}
	if waitGone(procs, killPatience) {
		return nil
	}
	var left []string
	for _, p := range procs {
		if p.alive() {
			left = append(left, fmt.Sprintf("%s (pid %d)", p.Name, p.PID))
		}
	}
	return fmt.Errorf("these processes ignore SIGKILL: %s; they hang in the kernel, look at `dmesg`", strings.Join(left, ", "))
}

func waitGone(procs []process, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		left := false
		for _, p := range procs {
			left = left || p.alive()
		}
		if !left {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(15 * time.Millisecond)
	}
}
