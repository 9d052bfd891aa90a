package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// many is a flag that may be given again.
type many []string

func (m *many) String() string         { return strings.Join(*m, ",") }
func (m *many) Set(value string) error { *m = append(*m, value); return nil }

type packOptions struct {
	name, binary, out, entrypoint, user string
	files, labels, expose               many
	ca                                  bool
	created                             int64
}

func cmdPack(_ context.Context, args []string, out io.Writer) error {
	o := packOptions{}
	fs := flag.NewFlagSet("pack", flag.ContinueOnError)
	fs.StringVar(&o.name, "name", "", "REPOSITORY:TAG")
	fs.StringVar(&o.binary, "binary", "", "a static program")
	fs.StringVar(&o.out, "out", "", "the tar to write")
	fs.StringVar(&o.entrypoint, "entrypoint", "", "where the program is in the image; /ITS-NAME without it")
	fs.StringVar(&o.user, "user", fmt.Sprintf("%d:%d", nonroot, nonroot), "as whom it runs")
	fs.Var(&o.files, "file", "SOURCE=/PATH")
	fs.Var(&o.labels, "label", "KEY=VALUE")
	fs.Var(&o.expose, "expose", "PORT")
	fs.BoolVar(&o.ca, "ca", false, "put the certificate authorities in")
	fs.Int64Var(&o.created, "created", 0, "seconds since 1970")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	packed, err := o.spec()
	if err != nil {
		return err
	}
	if err := packed.write(o.out); err != nil {
		return err
	}
	fmt.Fprintln(out, o.out)
	return nil
}

var numericUser = regexp.MustCompile(`^[0-9]{1,10}(:[0-9]{1,10})?$`)

// spec checks what was asked for; every complaint names the flag.
func (o packOptions) spec() (spec, error) {
	for flag, value := range map[string]string{"name": o.name, "binary": o.binary, "out": o.out} {
		if value == "" {
			return spec{}, fmt.Errorf("%w: pack needs --%s", errUsage, flag)
		}
	}
	if !numericUser.MatchString(o.user) {
		return spec{}, fmt.Errorf("--user %q: write numbers, UID or UID:GID; the image has no /etc/passwd to look names up in", o.user)
	}
	if o.created < 0 {
		return spec{}, fmt.Errorf("--created %d: write seconds since 1970", o.created)
	}
	program, err := os.ReadFile(o.binary)
	if err != nil {
		return spec{}, fmt.Errorf("--binary: %w", err)
	}
	if o.entrypoint == "" {
		o.entrypoint = "/" + filepath.Base(o.binary)
	}
	entries := []entry{file(o.entrypoint, 0o755, program), folder("/tmp", 0o1777, 0)}
	more, err := o.more()
	if err != nil {
		return spec{}, err
	}
	labels, err := o.named()
	if err != nil {
		return spec{}, err
	}
	packed := spec{
		ref: o.name, entrypoint: []string{o.entrypoint}, user: o.user, expose: o.expose, labels: labels,
		created: time.Unix(o.created, 0), layers: [][]entry{append(entries, more...)},
	}
	_, err = packed.tag()
	return packed, err
}

// more are the files beside the program.
func (o packOptions) more() ([]entry, error) {
	var entries []entry
	for _, given := range o.files {
		from, to, ok := strings.Cut(given, "=")
		if !ok {
			return nil, fmt.Errorf("--file %q: write SOURCE=/PATH", given)
		}
		body, err := os.ReadFile(from)
		if err != nil {
			return nil, fmt.Errorf("--file: %w", err)
		}
		entries = append(entries, file(to, 0o644, body))
	}
	if o.ca {
		entries = append(entries, file(caFile, 0o644, roots()))
	}
	for _, port := range o.expose {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("--expose %q: write a number from 1 to 65535", port)
		}
	}
	return entries, nil
}

func (o packOptions) named() (map[string]string, error) {
	labels := map[string]string{}
	for _, given := range o.labels {
		key, value, ok := strings.Cut(given, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--label %q: write KEY=VALUE", given)
		}
		labels[key] = value
	}
	return labels, nil
}
