package stacks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHTTPAPI(t *testing.T) {
	a := plan(t)
	h := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Api")
	h.want(t, "HTTP", "ProtocolType")
	// One place, one origin.
	h.want(t, []string{"https://cityflow.obaidmalik.co.uk"}, "CorsConfiguration", "AllowOrigins")
	if h.get("CorsConfiguration", "AllowCredentials") != nil {
		t.Error("credentials are let in from another origin")
	}
	s := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Stage")
	s.want(t, "prod", "StageName")
	s.want(t, 50, "DefaultRouteSettings", "ThrottlingRateLimit")
	s.want(t, 100, "DefaultRouteSettings", "ThrottlingBurstLimit")
	s.want(t, 2, "RouteSettings", "POST /v1/submit", "ThrottlingRateLimit")
	i := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Integration")
	i.want(t, "AWS_PROXY", "IntegrationType")
	i.want(t, "2.0", "PayloadFormatVersion")
	// Calls go to the alias, so a roll-back is one pointer.
	i.want(t, map[string]any{"Ref": "FunctionLive"}, "IntegrationUri")
	a.one(t, "cityflow-api", "AWS::ApiGatewayV2::Route", "RouteKey=$default")
	if strings.Contains(s.json(), "querystring") || strings.Contains(s.json(), "sourceIp") {
		t.Errorf("the access log keeps what it should not: %s", s.json())
	}
}

func TestAPIDomain(t *testing.T) {
	a := plan(t)
	d := a.one(t, "cityflow-api", "AWS::ApiGatewayV2::DomainName")
	d.want(t, "api.cityflow.obaidmalik.co.uk", "DomainName")
	d.want(t, "REGIONAL", "DomainNameConfigurations", "0", "EndpointType")
	d.want(t, "dualstack", "DomainNameConfigurations", "0", "IpAddressType")
	c := a.one(t, "cityflow-api", "AWS::CertificateManager::Certificate")
	c.want(t, "api.cityflow.obaidmalik.co.uk", "DomainName")
	d.want(t, map[string]any{"Ref": c.ID}, "DomainNameConfigurations", "0", "CertificateArn")
	a.one(t, "cityflow-api", "AWS::ApiGatewayV2::ApiMapping").want(t, map[string]any{"Ref": "Stage"}, "Stage")
}

func TestAPIFunction(t *testing.T) {
	f := plan(t).one(t, "cityflow-api", "AWS::Lambda::Function", "FunctionName=cityflow-api")
	f.want(t, "provided.al2023", "Runtime")
	f.want(t, []string{"arm64"}, "Architectures")
	f.want(t, 512, "MemorySize")
	f.want(t, 10, "Timeout")
	f.want(t, map[string]string{
		"CITYFLOW_STORE": "s3://cityflow-artifacts?region=eu-west-2", "CITYFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/123456789012/cityflow-jobs",
		"CITYFLOW_LEASE": "120s", "CITYFLOW_LOG_LEVEL": "info", "CITYFLOW_FILES_BASE": "https://cityflow.obaidmalik.co.uk/files",
		"CITYFLOW_STAGE": "prod", "CITYFLOW_SECRET_PARAMETER": "/cityflow/prod/secret", "CITYFLOW_RECONCILER": "cityflow-reconciler:live",
		"CITYFLOW_MAX_AGENTS": "20000", "CITYFLOW_MAX_REPLICATIONS": "20", "CITYFLOW_RATE_SUBMIT": "10/m", "CITYFLOW_RATE_READ": "300/m",
		"CITYFLOW_TASK_SECONDS_PER_DAY": "36000", "CITYFLOW_PRIVATE": "false", "OPENAI_API_KEY_PARAMETER": "/cityflow/prod/openai-api-key",
	}, "Environment", "Variables")
}

// TestSecretsStayInParameters: no variable, output or parameter of a template
// holds a secret, only names of SecureString parameters made by the operator.
func TestSecretsStayInParameters(t *testing.T) {
	a := plan(t)
	for _, r := range a.all("", "AWS::SSM::Parameter") {
		name := fmt.Sprint(r.get("Name"))
		for _, secret := range []string{"secret", "key", "token"} {
			if strings.Contains(name, secret) {
				t.Errorf("%s/%s puts a secret into a template", r.Stack, name)
			}
		}
	}
	for _, f := range a.all("", "AWS::Lambda::Function") {
		vars, _ := f.get("Environment", "Variables").(map[string]any)
		for k := range vars {
			if k == "OPENAI_API_KEY" || k == "CITYFLOW_TOKEN_HASHES" || k == "CITYFLOW_SECRET" {
				t.Errorf("%s holds %s", f.ID, k)
			}
		}
	}
}

// placeholderDigest is of the code a function is made with. CloudFormation
// writes code whenever these bytes change, over whatever has been deployed
// since: they must stay as they are for as long as a stack of ours exists.
const placeholderDigest = "5d898a9ce5cd"

// TestStackDeployKeepsLiveCode: settings may change in any way, and still the
// template says the same about code, alias and image, and makes no version.
func TestStackDeployKeepsLiveCode(t *testing.T) {
	sum := sha256.Sum256(placeholder)
	if got := hex.EncodeToString(sum[:])[:12]; got != placeholderDigest {
		t.Errorf("the placeholder changed (%s): the next stack deploy would replace the live code by it", got)
	}
	before := plan(t)
	c := load(t)
	c.API.MemoryMB, c.API.TimeoutSeconds, c.API.OpenAI, c.API.RateSubmit = 1024, 20, false, "3/m"
	c.Jobs.CPU, c.Jobs.MemoryMB, c.Jobs.MaxTasks, c.Jobs.ReserveConcurrency = 2048, 8192, 3, false
	after := synth(t, c)

	for _, name := range []string{"cityflow-api", "cityflow-reconciler"} {
		old, now := before.one(t, "", "AWS::Lambda::Function", "FunctionName="+name), after.one(t, "", "AWS::Lambda::Function", "FunctionName="+name)
		if text(old.get("Code")) != text(now.get("Code")) || old.ID != now.ID {
			t.Errorf("%s: code %s became %s", name, text(old.get("Code")), text(now.get("Code")))
		}
		if name == "cityflow-api" && text(old.Properties) == text(now.Properties) {
			t.Error("the settings did not change: the comparison shows nothing")
		}
		a, b := before.one(t, old.Stack, "AWS::Lambda::Alias"), after.one(t, old.Stack, "AWS::Lambda::Alias")
		if text(a.Properties) != text(b.Properties) || a.ID != b.ID {
			t.Errorf("alias of %s: %s became %s", name, a.json(), b.json())
		}
		a.want(t, "$LATEST", "FunctionVersion")
	}
	if n := len(after.all("", "AWS::Lambda::Version")); n != 0 {
		t.Errorf("%d versions: a version made by a stack publishes whatever code is there", n)
	}
	old, now := before.one(t, "", "AWS::ECS::TaskDefinition"), after.one(t, "", "AWS::ECS::TaskDefinition")
	image := []string{"ContainerDefinitions", "0", "Image"}
	if text(old.get(image...)) != text(now.get(image...)) || text(old.get("Cpu")) == text(now.get("Cpu")) {
		t.Errorf("image %s became %s (cpu %s, %s)", text(old.get(image...)), text(now.get(image...)), text(old.get("Cpu")), text(now.get("Cpu")))
	}
	// The tag that worker-deploy moves: the same image under every revision.
	old.want(t, "123456789012.dkr.ecr.eu-west-2.amazonaws.com/cityflow-worker:live", image...)
}

// TestPlaceholderIsTheWholeAsset: what is uploaded is the placeholder alone.
func TestPlaceholderIsTheWholeAsset(t *testing.T) {
	a := plan(t)
	key := fmt.Sprint(a.one(t, "cityflow-api", "AWS::Lambda::Function").get("Code", "S3Key"))
	dir := filepath.Join(a.dir, "asset."+strings.TrimSuffix(key, ".zip"))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "bootstrap" {
		t.Fatalf("%s holds %v (%v)", dir, entries, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "bootstrap"))
	if err != nil || string(b) != string(placeholder) {
		t.Errorf("the asset is not the placeholder: %v", err)
	}
	if fi, err := entries[0].Info(); err != nil || fi.Mode().Perm() != 0o755 {
		t.Errorf("the placeholder cannot be run: %v %v", fi.Mode(), err)
	}
}
