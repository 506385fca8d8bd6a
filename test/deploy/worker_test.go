//go:build slow

package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/malikobaid/cityflow/internal/awstest"
)

// TestAnImageIsPushedAndBecomesTheOneThatTasksRun: a revision that differs in
// its image alone, again nothing, stopped half way, and back to the one before.
func TestAnImageIsPushedAndBecomesTheOneThatTasksRun(t *testing.T) {
	moto := cli(t)
	i := newImages(t, moto)
	rec := awstest.NewRecorder(t, moto.URL)
	env := environment(moto, rec.URL, "CITYFLOW_REGISTRY="+i.registry)
	begin, _, before := i.revision(t)

	one := i.layout(t, "v2.0.0")
	ref := strings.Fields(deploy(t, env, "push", one, "v2.0.0"))[0]
	if want := i.inECR(t, "v2.0.0"); ref != want {
		t.Fatalf("pushed %s, the registry has %s", ref, want)
	}
	deploy(t, env, "worker", ref)
	n, image, after := i.revision(t)
	if n != begin+1 || image != ref {
		t.Fatalf("revision %d runs %s", n, image)
	}
	for _, d := range []map[string]any{before, after} {
		for _, k := range []string{"taskDefinitionArn", "revision", "registeredAt"} {
			delete(d, k)
		}
		if fmt.Sprint(d["tags"]) != "[map[key:app value:cityflow]]" {
			t.Errorf("a revision has the tags %v", d["tags"])
		}
		d["containerDefinitions"].([]any)[0].(map[string]any)["image"] = ""
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the revision differs in more than its image:\n%v\n%v", before, after)
	}
	tagged := func() string {
		return aws(t, env, "ecr", "describe-images", "--repository-name", "cityflow-worker", "--image-ids", "imageTag=live", "--query", "imageDetails[0].imageDigest", "--output", "text")
	}
	if !strings.HasSuffix(ref, tagged()) {
		t.Errorf("live is %s", tagged())
	}

	rec.Reset()
	if again := strings.Fields(deploy(t, env, "push", one, "v2.0.0"))[0]; again != ref {
		t.Errorf("pushed again it is %s", again)
	}
	if out := deploy(t, env, "worker", ref); !strings.Contains(out, "is what tasks run already") {
		t.Errorf("the same again: %s", out)
	}
	for _, c := range rec.Calls() {
		if c.Action == "ecs:RegisterTaskDefinition" || c.Action == "ecr:PutImage" {
			t.Errorf("the second deploy calls %s", c)
		}
	}

	// A version is never moved; a tag is no version to run.
	two := i.layout(t, "v2.0.1")
	if out := fails(t, env, "push", two, "v2.0.0"); !strings.Contains(out, "already") {
		t.Errorf("another image under the same version: %s", out)
	}
	fails(t, env, "worker", i.registry+"/cityflow-worker:live")

	deploy(t, env, "push", two, "v2.0.1")
	second := i.inECR(t, "v2.0.1")
	for _, at := range []string{"ecs:RegisterTaskDefinition", "ecr:PutImage"} {
		run := newScript(t, env, "worker", second)
		rec.Hook(func(c awstest.Call) bool {
			if c.Action == at {
				_ = run.kill()
			}
			return c.Action != at
		})
		if err := run.Run(); err == nil {
			t.Errorf("not stopped at %s", at)
		}
		if _, image, _ := i.revision(t); image != ref && image != second {
			t.Errorf("stopped at %s tasks run %s", at, image)
		}
	}
	rec.Hook(nil)
	deploy(t, env, "worker", second)
	if _, image, _ := i.revision(t); image != second || !strings.HasSuffix(second, tagged()) {
		t.Errorf("tasks run %s, live is %s, want %s", image, tagged(), second)
	}
	deploy(t, env, "worker", ref)
	if _, image, _ := i.revision(t); image != ref || !strings.HasSuffix(ref, tagged()) {
		t.Errorf("rolled back, tasks run %s, live is %s", image, tagged())
	}
}

func TestSecretsAreMadeOnceAndTurnedOnDemand(t *testing.T) {
	moto := cli(t)
	env := environment(moto, "", "CITYFLOW_ENVIRONMENT=secrets")
	value := func() string {
		return aws(t, env, "ssm", "get-parameter", "--name", "/cityflow/secrets/secret", "--with-decryption", "--query", "Parameter.[Type,Value]", "--output", "text")
	}
	out := deploy(t, env, "secrets")
	first := value()
	kind, secret, _ := strings.Cut(first, "\t")
	if kind != "SecureString" || len(secret) < 60 || strings.Contains(out, secret) {
		t.Errorf("a %s of %d characters; said: %s", kind, len(secret), out)
	}
	if out := deploy(t, env, "secrets"); value() != first || !strings.Contains(out, "is there already") {
		t.Errorf("made again: %s", out)
	}
	deploy(t, env, "secrets", "secret", "--rotate")
	if value() == first {
		t.Error("not turned")
	}
	run := newScript(t, env, "secrets", "openai-api-key")
	run.Stdin = strings.NewReader("sk-one-two\n")
	if err := run.Run(); err != nil || strings.Contains(run.out.String()+run.errs.String(), "sk-one") {
		t.Errorf("%v %s", err, run.errs.String())
	}
	if got := aws(t, env, "ssm", "get-parameter", "--name", "/cityflow/secrets/openai-api-key", "--with-decryption", "--query", "Parameter.Value", "--output", "text"); got != "sk-one-two" {
		t.Errorf("stored %q", got)
	}
}

// TestStacksAreRefusedForTheWrongAccount: the one part of infra that needs no
// CloudFormation.
func TestStacksAreRefusedForTheWrongAccount(t *testing.T) {
	moto := cli(t)
	config := filepath.Join(t.TempDir(), "config.yaml")
	for text, want := range map[string]string{
		"account: \"210987654321\"\n": "these credentials are of account 123456789012",
		"account: none\n":             "account: \"none\", want the 12 digits",
	} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, script := range []string{"infra", "bootstrap"} {
			if out := fails(t, environment(moto, "", "CITYFLOW_CONFIG="+config), script, "deploy"); !strings.Contains(out, want) {
				t.Errorf("%s with %s: %s", script, text, out)
			}
		}
	}
}
