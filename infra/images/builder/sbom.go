package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom writes a bill of materials (CycloneDX, JSON) of an image's parts. It has no serial number:
// the same image has the same one.
func bom(s source, title string, parts []cdx.Component) ([]byte, error) {
	doc := cdx.NewBOM()
	doc.Metadata = &cdx.Metadata{
		Timestamp: s.created.UTC().Format(time.RFC3339),
		Component: &cdx.Component{
			Type: cdx.ComponentTypeContainer, BOMRef: title, Name: "tenantry.dev/" + title, Version: s.version,
			Licenses: licensed(s.licence),
		},
	}
	slices.SortFunc(parts, func(a, b cdx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	doc.Components = &parts
	var out bytes.Buffer
	printer := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true)
	if err := printer.EncodeVersion(doc, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("bill of materials of %s: %w", title, err)
	}
	return out.Bytes(), nil
}

// licensed reads what a package says; old ones write / for OR.
func licensed(text string) *cdx.Licenses {
	if text == "" {
		return nil
	}
	return &cdx.Licenses{{Expression: strings.ReplaceAll(text, "/", " OR ")}}
}

func library(purl, name, version, licence string) cdx.Component {
	return cdx.Component{
		Type: cdx.ComponentTypeLibrary, BOMRef: purl, PackageURL: purl, Name: name, Version: version, Licenses: licensed(licence),
	}
}

// crates are the packages that are compiled into the program: not those of tests, of other
// platforms, of features that are off, of build scripts or macros.
func crates(ctx context.Context, s source, t toolchain) ([]cdx.Component, error) {
	args := []string{"tree", "--locked", "--target", t.target, "--edges", "normal,no-proc-macro", "--prefix", "none",
		"--no-dedupe", "--format", "{p}|{l}", "--package", binary}
	tree, err := output(ctx, s.root, "cargo", args...)
	if err != nil {
		return nil, fmt.Errorf("cargo tree: %w", err)
	}
	lock, err := os.ReadFile(filepath.Join(s.root, "Cargo.lock"))
	if err != nil {
		return nil, err
	}
	return readTree(tree, checksums(string(lock)))
}

var (
	treeLine  = regexp.MustCompile(`^(\S+) v(\S+)[^|]*\|(.*)$`)
	lockEntry = regexp.MustCompile(`name = "([^"]+)"\nversion = "([^"]+)"(?:\nsource = "[^"]+"\nchecksum = "([0-9a-f]{64})")?`)
)

// checksums are those of Cargo.lock, by `name version`; packages of the workspace have none.
func checksums(lock string) map[string]string {
	sums := map[string]string{}
	for _, found := range lockEntry.FindAllStringSubmatch(lock, -1) {
		sums[found[1]+" "+found[2]] = found[3]
	}
	return sums
}

func readTree(tree string, sums map[string]string) ([]cdx.Component, error) {
	var parts []cdx.Component
	seen := map[string]bool{}
	for line := range strings.Lines(tree) {
		line = strings.TrimSpace(line)
		if line == "" || seen[line] {
			continue
		}
		seen[line] = true
		found := treeLine.FindStringSubmatch(line)
		if found == nil {
			return nil, fmt.Errorf("cargo tree wrote %q, which is not `name version|licence`", line)
		}
		name, version := found[1], found[2]
		sum, locked := sums[name+" "+version]
		if !locked {
			return nil, fmt.Errorf("%s %s is compiled in but not in Cargo.lock", name, version)
		}
		part := library(fmt.Sprintf("pkg:cargo/%s@%s", name, version), name, version, found[3])
		if sum != "" {
			part.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: sum}}
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// beneath are the parts that no lock file of the project names: Rust's library, with the C library
// inside, and the certificate authorities.
func beneath(t toolchain) ([]cdx.Component, error) {
	release := regexp.MustCompile(`release: (\S+)`).FindStringSubmatch(t.facts[0])
	if release == nil {
		return nil, fmt.Errorf("rustc -vV names no release:\n%s", t.facts[0])
	}
	std := library("pkg:generic/rust-std@"+release[1]+"?target="+t.target, "rust-std", release[1], "MIT OR Apache-2.0")
	std.Description = "Rust's standard library for " + t.target + ", with the C library that it carries"
	own, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, fmt.Errorf("this program was built without Go modules: build it by scripts/images")
	}
	for _, module := range own.Deps {
		if module.Path == rootsModule {
			authorities := library("pkg:golang/"+module.Path+"@"+module.Version, module.Path, module.Version, "BSD-3-Clause")
			authorities.Type, authorities.Description = cdx.ComponentTypeData, "Mozilla's certificate authorities"
			return []cdx.Component{std, authorities}, nil
		}
	}
	return nil, fmt.Errorf("this program does not know its version of %s: build it by scripts/images", rootsModule)
}

// modules are what a Go program says of itself: the modules compiled in, and Go.
func modules(program []byte) ([]cdx.Component, error) {
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return nil, fmt.Errorf("the program says nothing of its modules: %w", err)
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	parts := []cdx.Component{library("pkg:golang/std@"+version, "std", version, "BSD-3-Clause")}
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		parts = append(parts, library("pkg:golang/"+module.Path+"@"+module.Version, module.Path, module.Version, ""))
	}
	return parts, nil
}
