package stacks

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rolesOfPrograms is which role each recorded program acts with. What is listed
// in testdata/calls.json is written by the tests of the module above
// (test/deploy, -update) from what the programs really do.
var rolesOfPrograms = map[string]string{
	"lambda-api": "cityflow-api", "lambda-reconciler": "cityflow-reconciler", "worker": "cityflow-worker-task",
	"scripts/deploy/web": "cityflow-web-deploy", "scripts/deploy/function": "cityflow-api-deploy", "scripts/deploy/worker": "cityflow-worker-deploy",
}

// unrecorded are permissions that no recorded call used, by role, action and
// the end of the resource, with the reason why they are needed all the same.
var unrecorded = map[string]string{
	"logs:CreateLogStream": "Lambda and ECS use the role themselves to deliver logs",
	"logs:PutLogEvents":    "Lambda and ECS use the role themselves to deliver logs",
	"iam:PassRole":         "part of RunTask and RegisterTaskDefinition, which are recorded",
	"ecs:TagResource":      "part of RunTask and RegisterTaskDefinition when there are tags, which are recorded",
	"ecs:StopTask":         "a task that outlived its end by minutes: TestNoJobWaitsForeverAndStartsStayBounded",

	"cityflow-api-deploy ssm:GetParameter parameter/cityflow/prod/api-base": "api-deploy.yml asks it for the address of the check",
	// Whether the qualifier belongs to the resource that is checked, AWS does
	// not say for this action.
	"cityflow-api-deploy lambda:GetFunctionConfiguration cityflow-api":        "the same calls without their qualifier",
	"cityflow-api-deploy lambda:GetFunctionConfiguration cityflow-reconciler": "the same calls without their qualifier",

	// The registry asks for these while an image is pushed over its own
	// protocol: docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
	"ecr:BatchCheckLayerAvailability": "part of a push",
	"ecr:CompleteLayerUpload":         "part of a push",
	"ecr:GetDownloadUrlForLayer":      "part of a push: what is there already is looked at",
	"ecr:InitiateLayerUpload":         "part of a push",
	"ecr:UploadLayerPart":             "part of a push",
}

type awsCall struct{ action, resource string }

func recordedCalls(t *testing.T) map[string][]awsCall {
	t.Helper()
	var list map[string][]string
	readJSON(t, filepath.Join("testdata", "calls.json"), &list)
	out := map[string][]awsCall{}
	for who, lines := range list {
		for _, l := range lines {
			action, resource, ok := strings.Cut(l, " ")
			if !ok {
				t.Fatalf("%s: %q", who, l)
			}
			out[who] = append(out[who], awsCall{action, resource})
		}
	}
	return out
}

// covers says whether a resource of a policy means one that was called. A star
// of a policy goes over slashes; path.Match's does not, so they are taken out.
func covers(policy any, resource string) bool {
	p, ok := policy.(string)
	if !ok {
		return false
	}
	flat := func(s string) string { return strings.NewReplacer("/", "|", "<", "(", ">", ")", "$", "_").Replace(s) }
	fits, err := path.Match(flat(p), flat(resource))
	return err == nil && fits
}

// TestRecordedCallsAreAllowed: what the programs were seen doing, their roles
// allow, on those very resources.
func TestRecordedCallsAreAllowed(t *testing.T) {
	a, n := plan(t), 0
	for who, calls := range recordedCalls(t) {
		if who == "operator" {
			continue // acts with his own rights: docs/deploy.md
		}
		name := rolesOfPrograms[who]
		if name == "" {
			t.Errorf("no role is known for %s", who)
			continue
		}
		role := a.one(t, "", "AWS::IAM::Role", "RoleName="+name)
		for _, c := range calls {
			if c.action == "sts:GetCallerIdentity" {
				continue // needs no permission, and no policy can forbid it
			}
			n++
			if strings.HasSuffix(c.resource, "parameter/cityflow/prod/openai-api-key") || strings.HasSuffix(c.resource, "parameter/cityflow/prod/token-hashes") {
				continue // allowed where the config asks for them: TestSecretsStayInParameters
			}
			if !slices.ContainsFunc(role.permissions(), func(s policyStatement) bool {
				return s.effect == "Allow" && slices.Contains(s.actions, c.action) &&
					slices.ContainsFunc(s.resources, func(r any) bool { return covers(r, c.resource) })
			}) {
				t.Errorf("%s calls %s on %s, which the role %s does not allow", who, c.action, c.resource, name)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d calls were compared", n)
	}
}

// TestNothingIsAllowedThatNobodyDoes: every action of every statement of these
// roles, on every resource of it, was recorded, or has its reason above.
func TestNothingIsAllowedThatNobodyDoes(t *testing.T) {
	a, used, excused := plan(t), 0, map[string]bool{}
	recorded := recordedCalls(t)
	for who, name := range rolesOfPrograms {
		for _, s := range a.one(t, "", "AWS::IAM::Role", "RoleName="+name).permissions() {
			for _, action := range s.actions {
				for _, r := range s.resources {
					if slices.ContainsFunc(recorded[who], func(c awsCall) bool { return c.action == action && covers(r, c.resource) }) {
						used++
						continue
					}
					key := action
					if unrecorded[key] == "" {
						res := fmt.Sprint(r)
						key = name + " " + action + " " + res[strings.LastIndexByte(res, ':')+1:]
					}
					if unrecorded[key] == "" {
						t.Errorf("%s is allowed, and no recorded call uses it", key)
					}
					excused[key] = true
				}
			}
		}
	}
	for key := range unrecorded {
		if !excused[key] {
			t.Errorf("the reason for %s is no longer needed", key)
		}
	}
	if used < 40 {
		t.Errorf("only %d permissions were compared", used)
	}
}
