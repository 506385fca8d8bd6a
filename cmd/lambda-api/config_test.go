package main

import (
	"strings"
	"testing"
	"time"
)

func from(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func good() map[string]string {
	return map[string]string{
		"CITYFLOW_STORE": "s3://cityflow-artifacts", "CITYFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/123456789012/cityflow-jobs",
		"CITYFLOW_SECRET_PARAMETER": "/cityflow/prod/secret",
	}
}

func TestSettings(t *testing.T) {
	c, ps := configFrom(from(good()))
	if len(ps) > 0 || c.Lease != 120*time.Second || c.MemoryMB != 512 || c.Limits.MaxAgents != 200_000 || c.FilesBase != "" {
		t.Fatalf("%+v %v", c, ps)
	}
	env := good()
	for name, v := range map[string]string{
		"CITYFLOW_FILES_BASE": "https://cityflow.example/files/", "CITYFLOW_LEASE": "60s", "CITYFLOW_ORIGINS": "https://a.example, https://b.example:8443",
		"CITYFLOW_RECONCILER": "cityflow-reconciler:live", "CITYFLOW_STAGE": "/prod/", "CITYFLOW_MAX_AGENTS": "5000", "CITYFLOW_MAX_REPLICATIONS": "10",
		"CITYFLOW_TASK_SECONDS_PER_DAY": "7200", "CITYFLOW_LOG_LEVEL": "debug", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
	} {
		env[name] = v
	}
	c, ps = configFrom(from(env))
	if len(ps) > 0 || c.FilesBase != "https://cityflow.example/files" || c.Stage != "prod" || len(c.Origins) != 2 || c.Limits.MaxReplications != 10 || c.MemoryMB != 1024 || c.Cap == nil || *c.Cap != 7200 {
		t.Fatalf("%+v %v", c, ps)
	}
}

// Every wrong setting is named, all at once, and none is repeated that may hold
// a secret.
func TestEveryWrongSettingIsNamedAtOnce(t *testing.T) {
	_, ps := configFrom(from(map[string]string{
		"CITYFLOW_STORE": "s3://user:hunter2@bucket", "CITYFLOW_QUEUE": "nats://u:hunter2@host", "CITYFLOW_FILES_BASE": "/files", "CITYFLOW_LEASE": "soon",
		"CITYFLOW_ORIGINS": "https://a.example/,*", "CITYFLOW_RECONCILER": "a b", "CITYFLOW_STAGE": "v1", "CITYFLOW_MAX_AGENTS": "0",
		"CITYFLOW_MAX_REPLICATIONS": "many", "CITYFLOW_LOG_LEVEL": "loud", "CITYFLOW_RATE_SUBMIT": "often", "CITYFLOW_RATE_READ": "1/y",
		"CITYFLOW_TOKEN_HASHES": "hunter2", "CITYFLOW_PRIVATE": "perhaps", "CITYFLOW_TASK_SECONDS_PER_DAY": "much",
	}))
	text := ps.Error()
	for _, name := range []string{"STORE", "QUEUE", "SECRET_PARAMETER", "FILES_BASE", "LEASE", "ORIGINS", "RECONCILER", "STAGE", "MAX_AGENTS", "MAX_REPLICATIONS", "LOG_LEVEL", "RATE_SUBMIT", "RATE_READ", "TOKEN_HASHES", "PRIVATE", "TASK_SECONDS_PER_DAY"} {
		if !strings.Contains(text, "CITYFLOW_"+name+": ") {
			t.Errorf("CITYFLOW_%s is not named in\n%s", name, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Error(text)
	}
	if _, ps := configFrom(from(nil)); len(ps) != 3 {
		t.Errorf("without anything: %v", ps)
	}
}
