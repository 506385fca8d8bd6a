package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func env(m map[string]string) func(string) string { return func(k string) string { return m[k] } }

func good() map[string]string {
	return map[string]string{
		"CITYFLOW_STORE": "s3://cityflow-artifacts", "CITYFLOW_QUEUE": "https://sqs.eu-west-2.amazonaws.com/123456789012/cityflow-jobs",
		"CITYFLOW_SUBNETS": "subnet-a, subnet-b", "CITYFLOW_SECURITY_GROUPS": "sg-1", "CITYFLOW_TASK_SECONDS_PER_DAY": "36000",
	}
}

func TestSettingsHaveDefaults(t *testing.T) {
	s, err := read(env(good()))
	if err != nil {
		t.Fatal(err)
	}
	if s.tasks.Cluster != "cityflow" || s.tasks.Family != "cityflow-worker" || len(s.tasks.Subnets) != 2 || s.tasks.Subnets[1] != "subnet-b" ||
		s.maxTasks != 10 || s.taskMax != 30*time.Minute || *s.limit != 36000 || s.keep != 0 || s.lease != 2*time.Minute {
		t.Fatalf("%+v", s)
	}
	m := good()
	m["CITYFLOW_TASK_SECONDS_PER_DAY"], m["CITYFLOW_KEEP"], m["CITYFLOW_MAX_TASKS"] = "none", "720h", "3"
	if s, err = read(env(m)); err != nil || s.limit != nil || s.keep != 720*time.Hour || s.maxTasks != 3 {
		t.Fatalf("%+v %v", s, err)
	}
}

func TestEverythingWrongIsNamedAtOnce(t *testing.T) {
	_, err := read(env(map[string]string{
		"CITYFLOW_STORE": "file:///tmp", "CITYFLOW_QUEUE": "cityflow-jobs", "CITYFLOW_MAX_TASKS": "0", "CITYFLOW_TASK_MAX_SECONDS": "1h",
		"CITYFLOW_KEEP": "30 days", "CITYFLOW_LEASE": "-1s", "CITYFLOW_LOG_LEVEL": "loud", "CITYFLOW_SUBNETS": " ,",
	}))
	for _, want := range []string{"CITYFLOW_STORE", "CITYFLOW_QUEUE", "CITYFLOW_MAX_TASKS", "CITYFLOW_TASK_MAX_SECONDS", "CITYFLOW_KEEP", "CITYFLOW_LEASE",
		"CITYFLOW_LOG_LEVEL", "CITYFLOW_SUBNETS", "CITYFLOW_SECURITY_GROUPS", "CITYFLOW_TASK_SECONDS_PER_DAY"} {
		if err == nil || !strings.Contains(err.Error(), want+":") {
			t.Errorf("%v\ndoes not name %s", err, want)
		}
	}
	m := good()
	m["CITYFLOW_TASK_FAMILY"] = "cityflow-worker:7"
	if _, err := read(env(m)); err == nil || !strings.Contains(err.Error(), "without revision") {
		t.Error(err)
	}
}

func TestCausesAreTold(t *testing.T) {
	for event, want := range map[string]string{
		`{"source":"aws.ecs","detail-type":"ECS Task State Change"}`: "task",
		`{"source":"aws.events","detail-type":"Scheduled Event"}`:    "schedule",
		`{}`: "invoke", `null`: "invoke", `"x"`: "invoke", ``: "invoke",
	} {
		if got := cause(json.RawMessage(event)); got != want {
			t.Errorf("%s: %s, want %s", event, got, want)
		}
	}
}
