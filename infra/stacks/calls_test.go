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
	"scripts/deploy/infra": "cityflow-infra-deploy",
}

// unrecorded are permissions that no recorded call used, by role, action and
// the end of the resource, with the reason why they are needed all the same.
var unrecorded = map[string]string{
	"logs:CreateLogStream": "Lambda and ECS use the role themselves to deliver logs",
	"logs:PutLogEvents":    "Lambda and ECS use the role themselves to deliver logs",

	// RunTask names a definition, and the roles are in there: that they are
	// these two, TestExecutionRoleMayWhatItsTaskNeeds shows.
	"cityflow-reconciler iam:PassRole role/cityflow-worker-execution": "part of RunTask, which is recorded",
	"cityflow-reconciler iam:PassRole role/cityflow-worker-task":      "part of RunTask, which is recorded",

	// CDK's own calls: TestInfraRolesMayWhatTheAssemblyAsks.
	"sts:AssumeRole": "the roles of the bootstrap that the assembly names",
	"cityflow-infra-deploy ssm:GetParameter parameter/cdk-bootstrap/cityflow/version": "the version of the bootstrap that the assembly asks for",
	// Whether the qualifier belongs to the resource that is checked, AWS does
	// not say for this action.
	"cityflow-api-deploy lambda:GetFunctionConfiguration cityflow-api":        "the same calls without their qualifier",
	"cityflow-api-deploy lambda:GetFunctionConfiguration cityflow-reconciler": "the same calls without their qualifier",
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
	// The recorded API has a language model and tokens.
	c := load(t)
	c.API.OpenAI, c.API.Tokens = true, true
	a, n := synth(t, c), 0
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

// TestSecretsAreReadWhereTheConfigAsks: a parameter that a config does not speak
// of, its API may not read.
func TestSecretsAreReadWhereTheConfigAsks(t *testing.T) {
	for _, x := range []struct{ openai, tokens bool }{{false, false}, {true, false}, {false, true}} {
		c := load(t)
		c.API.OpenAI, c.API.Tokens = x.openai, x.tokens
		want := []string{"secret"}
		if x.tokens {
			want = append(want, "token-hashes")
		}
		if x.openai {
			want = append(want, "openai-api-key")
		}
		var got []string
		for _, s := range synth(t, c).one(t, "", "AWS::IAM::Role", "RoleName=cityflow-api").permissions() {
			if !slices.Contains(s.actions, "ssm:GetParameter") {
				continue
			}
			for _, r := range s.resources {
				got = append(got, strings.TrimPrefix(fmt.Sprint(r), "arn:aws:ssm:eu-west-2:123456789012:parameter/cityflow/prod/"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("with %+v the API reads %v, want %v", x, got, want)
		}
	}
}

// TestExecutionRoleMayWhatItsTaskNeeds: what ECS does before and beside a task
// follows from its definition: fetch this image, read these parameters, write
// this log. Not a right more.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
func TestExecutionRoleMayWhatItsTaskNeeds(t *testing.T) {
	a := plan(t)
	role := a.one(t, "", "AWS::IAM::Role", "RoleName=cityflow-worker-execution")
	task := a.one(t, "", "AWS::ECS::TaskDefinition")
	task.want(t, map[string][]string{"Fn::GetAtt": {role.ID, "Arn"}}, "ExecutionRoleArn")
	task.want(t, map[string][]string{"Fn::GetAtt": {a.one(t, "", "AWS::IAM::Role", "RoleName=cityflow-worker-task").ID, "Arn"}}, "TaskRoleArn")
	box := func(path ...string) any { return task.get(append([]string{"ContainerDefinitions", "0"}, path...)...) }

	repository, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(box("Image")), "123456789012.dkr.ecr.eu-west-2.amazonaws.com/"), ":")
	want := []string{"ecr:GetAuthorizationToken *"}
	for _, action := range []string{"BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"} {
		want = append(want, "ecr:"+action+" arn:aws:ecr:eu-west-2:123456789012:repository/"+repository)
	}
	group := a.one(t, "cityflow-jobs", "AWS::Logs::LogGroup", "LogGroupName=/cityflow/prod/worker")
	if text(box("LogConfiguration", "Options", "awslogs-group")) != text(map[string]string{"Ref": group.ID}) {
		t.Errorf("tasks log to %s", text(box("LogConfiguration", "Options")))
	}
	for _, action := range []string{"CreateLogStream", "PutLogEvents"} {
		want = append(want, "logs:"+action+" arn:aws:logs:eu-west-2:123456789012:log-group:"+fmt.Sprint(group.get("LogGroupName"))+":*")
	}
	secrets, _ := box("Secrets").([]any)
	for _, s := range secrets {
		want = append(want, "ssm:GetParameters "+fmt.Sprint(dig(s, "ValueFrom")))
	}
	if len(secrets) != 3 {
		t.Errorf("%d settings come from parameters", len(secrets))
	}
	var got []string
	for _, s := range role.permissions() {
		for _, action := range s.actions {
			for _, r := range s.resources {
				got = append(got, action+" "+fmt.Sprint(r))
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the execution role may\n%s\nits task needs\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestInfraRolesMayWhatTheAssemblyAsks: the roles that CDK takes on, and the
// parameter that it reads, are in what was synthesized.
func TestInfraRolesMayWhatTheAssemblyAsks(t *testing.T) {
	a := plan(t)
	deploy, look := map[string]bool{}, map[string]bool{}
	artifacts, _ := a.manifest["artifacts"].(map[string]any)
	fill := func(s any, region string) string {
		return strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", "123456789012", "${AWS::Region}", region).Replace(fmt.Sprint(s))
	}
	stacks := 0
	for name, s := range artifacts {
		if dig(s, "type") != "aws:cloudformation:stack" {
			continue
		}
		stacks++
		region := fmt.Sprint(dig(s, "environment"))
		region = region[strings.LastIndexByte(region, '/')+1:]
		parameter := "arn:aws:ssm:" + region + ":123456789012:parameter" + fmt.Sprint(dig(s, "properties", "bootstrapStackVersionSsmParameter"))
		deploy[fill(dig(s, "properties", "assumeRoleArn"), region)], deploy[parameter] = true, true
		lookup := fill(dig(s, "properties", "lookupRole", "arn"), region)
		deploy[lookup], look[lookup], look[parameter] = true, true, true
		if other := fmt.Sprint(dig(s, "properties", "lookupRole", "bootstrapStackVersionSsmParameter")); !strings.HasSuffix(parameter, other) {
			t.Errorf("%s looks up %s", name, other)
		}
		var assets struct {
			Files map[string]struct{ Destinations map[string]map[string]any }
		}
		readJSON(t, filepath.Join(a.dir, name+".assets.json"), &assets)
		for _, f := range assets.Files {
			for _, d := range f.Destinations {
				deploy[fill(d["assumeRoleArn"], region)] = true
			}
		}
	}
	if stacks != 8 {
		t.Errorf("%d stacks were looked at", stacks)
	}
	for name, want := range map[string]map[string]bool{"cityflow-infra-deploy": deploy, "cityflow-infra-diff-deploy": look} {
		got := map[string]bool{}
		for _, s := range a.one(t, "", "AWS::IAM::Role", "RoleName="+name).permissions() {
			if slices.Contains(s.actions, "logs:PutRetentionPolicy") {
				continue // recorded
			}
			for _, r := range s.resources {
				got[fmt.Sprint(r)] = true
				if !want[fmt.Sprint(r)] {
					t.Errorf("%s may %v on %v, which the assembly does not ask for", name, s.actions, r)
				}
			}
		}
		for r := range want {
			if !got[r] {
				t.Errorf("%s may not reach %s, which the assembly asks for", name, r)
			}
		}
	}
}
