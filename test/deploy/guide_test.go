//go:build slow

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// block is a fence of the guide.
type block struct {
	kind string // run, edit
	text string
}

// readGuide gives the commands of docs/deploy.md and the table of those that
// are not run.
func readGuide(t *testing.T) (blocks []block, table []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs", "deploy.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
		kind, ok := strings.CutPrefix(m[1], "sh ")
		if !ok || kind != "run" && kind != "edit" {
			t.Errorf("a fence is %q, want sh run or sh edit", m[1])
		}
		blocks = append(blocks, block{kind, m[2]})
	}
	_, end, ok := strings.Cut(string(b), "\n## What is not rehearsed\n")
	if !ok {
		t.Fatal("the guide does not say what is not rehearsed")
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$").FindAllStringSubmatch(end, -1) {
		if len(m[2]) < 15 {
			t.Errorf("%s: %q is no reason", m[1], m[2])
		}
		for _, test := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains([]string{"TestBootstrapNamesItsPolicies", "TestOneCommandShipsEverything"}, test[1]) {
				t.Errorf("%s names the test %s", m[1], test[1])
			}
		}
		table = append(table, m[1])
	}
	return blocks, table
}

// TestTheGuideIsWalked: every command of docs/deploy.md is run, as it stands
// there, in this order, or is one of those of which the guide says why not.
func TestTheGuideIsWalked(t *testing.T) {
	blocks, table := readGuide(t)
	used := map[string]bool{}
	ran := 0
	for _, b := range blocks {
		if b.kind == "run" {
			ran++
			continue
		}
		for line := range strings.Lines(b.text) {
			// One line may hold several: after `do` and `&&` another begins.
			for _, c := range regexp.MustCompile(`&& | do |^for [^;]*; do `).Split(strings.TrimSpace(line), -1) {
				c = strings.TrimSpace(c)
				if c == "" || c == "cd infra" || strings.HasPrefix(c, "for ") || strings.HasPrefix(c, "echo ") {
					continue
				}
				i := slices.IndexFunc(table, func(p string) bool { return c == p || strings.HasPrefix(c, p+" ") })
				if i < 0 {
					t.Errorf("%q is neither run nor in the table", c)
					continue
				}
				used[table[i]] = true
				if args, ok := strings.CutPrefix(c, "make "); ok {
					out, err := exec.CommandContext(t.Context(), "make", append([]string{"-n", "-C", root}, strings.Fields(args)...)...).CombinedOutput() // #nosec G204
					if err != nil || !strings.Contains(string(out), "scripts/deploy/all --check") ||
						strings.Contains(args, "DRY") != strings.Contains(string(out), "all --dry-run") || strings.Contains(args, "STACKS=no") != strings.Contains(string(out), "--code-only") {
						t.Errorf("%s would run (%v)\n%s", c, err, out)
					}
				}
				if file, _, _ := strings.Cut(c, " "); strings.HasPrefix(file, "scripts/") && !isFile(filepath.Join(root, file)) {
					t.Errorf("there is no %s", file)
				}
			}
		}
	}
	for _, p := range table {
		if !used[p] {
			t.Errorf("the table gives a reason for %q, which the guide does not use", p)
		}
	}
	if ran < 9 {
		t.Errorf("only %d blocks are run", ran)
	}

	w := newEverything(t, "guide")
	for _, region := range []string{"eu-west-2", "us-east-1"} {
		aws(t, environment(w.moto, ""), "ssm", "put-parameter", "--region", region, "--name", "/cdk-bootstrap/cityflow/version", "--type", "String", "--value", "30", "--overwrite")
	}
	aws(t, environment(w.moto, ""), "s3api", "create-bucket", "--bucket", "cityflow-guide-logs", "--create-bucket-configuration", "LocationConstraint=eu-west-2")
	dir := w.checkout(t, "v1", program(t, "lambda-api"))
	for _, part := range []string{"scripts", "infra", "docs"} {
		link(t, filepath.Join(root, part), dir, part)
	}
	// What `make deploy` of step 4 does after the stacks.
	deploy(t, slices.Concat(w.env, []string{"CITYFLOW_PACKAGES=" + dir}), "all", "--code-only")

	// All in one shell, as a person would, who copies block after block. The
	// site has no name of its own here.
	script := "set -euo pipefail\n"
	for i, b := range blocks {
		if b.kind != "run" {
			continue
		}
		script += "echo \"=== block " + string(rune('A'+i)) + "\"\n" + b.text
		if strings.Contains(b.text, "eval ") {
			script += "site_url=$REHEARSED_SITE api_url=$REHEARSED_API\n"
		}
	}
	_, image, _ := w.images.revision(t)
	c := exec.CommandContext(t.Context(), "bash", "-c", script) // #nosec G204 -- the guide
	c.Dir = dir
	c.Env = slices.Concat(w.env, []string{"REHEARSED_SITE=" + w.url, "REHEARSED_API=" + w.site.api, "VERSION=1", "IMAGE=" + image,
		"AWS_ENDPOINT_URL=" + w.reconcile.url, "OPENAI_API_KEY=sk-test", "TOKEN=a-long-token", "CITYFLOW_PACKAGES=" + dir})
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"Account": "` + account + `"`, "site_url=https://", "Ready: account " + account, "ok     5", "/cityflow/guide/openai-api-key is set", "/cityflow/guide/token-hashes is set",
		`"FunctionVersion": "1"`, "is what tasks run already", "Route 53", "remove_bucket: cityflow-guide-logs"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the walk does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "sk-test") || strings.Contains(string(out), "a-long-token") {
		t.Error("a secret was shown")
	}
	if left := aws(t, environment(w.moto, ""), "ssm", "get-parameters-by-path", "--path", "/cityflow/guide", "--query", "Parameters[?Type=='SecureString'].Name", "--output", "text"); left != "" {
		t.Errorf("taken down, there are still %s", left)
	}
}

// TestBootstrapNamesItsPolicies: the policies are made in both regions, for the
// zone and the buckets of the config, and CDK's bootstrap is told to use them.
// CloudFormation itself is played by a note of what it is asked.
func TestBootstrapNamesItsPolicies(t *testing.T) {
	moto := cli(t)
	dir := t.TempDir()
	config, asked := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "asked")
	if err := os.WriteFile(config, []byte("names: {web_bucket: acme-web, artifacts_bucket: acme-artifacts, logs_bucket: acme-logs}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quick, err := quick()
	if err != nil {
		t.Fatal(err)
	}
	note := `#!/bin/sh
[ "$1" = cloudformation ] || exec '` + filepath.Join(quick, "aws") + `' "$@"
echo "$*" >>'` + asked + `'
[ "$2" != describe-stacks ] || echo "policies-of-$4"
`
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(note), 0o700); err != nil { // #nosec G306 -- it is run
		t.Fatal(err)
	}
	out := deploy(t, environment(moto, "", "CITYFLOW_CONFIG="+config, "CITYFLOW_CDK=echo cdk", "PATH="+dir+string(os.PathListSeparator)+searchPath()), "bootstrap")
	b, err := os.ReadFile(asked) // #nosec G304 -- of this test
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile(filepath.Join(root, "infra", "bootstrap", "execution-policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"  ZoneId:\n    Type: String", "  BucketPrefix:\n    Type: String", "  Policies:\n    Description: For cdk bootstrap"} {
		if !strings.Contains(string(template), name) {
			t.Errorf("the template has no %q", name)
		}
	}
	for _, region := range []string{"eu-west-2", "us-east-1"} {
		if want := "cloudformation deploy --region " + region + " --stack-name cityflow-execution --template-file bootstrap/execution-policy.yaml --capabilities CAPABILITY_NAMED_IAM " +
			"--no-fail-on-empty-changeset --parameter-overrides ZoneId=Z0EXAMPLE0CITYFLOW00 BucketPrefix=acme\n"; !strings.Contains(string(b), want) {
			t.Errorf("CloudFormation is asked\n%s, want\n%s", b, want)
		}
		if want := "cdk bootstrap aws://" + account + "/" + region + " --qualifier cityflow --toolkit-stack-name cityflow-bootstrap --cloudformation-execution-policies policies-of-" + region + "\n"; !strings.Contains(out, want) {
			t.Errorf("CDK is told\n%s, want\n%s", out, want)
		}
	}
}
