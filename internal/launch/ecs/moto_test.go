package ecs

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/malikobaid/cityflow/internal/awstest"
	"github.com/malikobaid/cityflow/internal/launch"
)

// ids asks the server for what its default network consists of, without a
// client library for this one call.
func ids(t *testing.T, url, action, element string) (out []string) {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodPost, url, strings.NewReader("Version=2016-11-15&Action="+action))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=testing/20260101/"+awstest.Region+"/ec2/aws4_request, SignedHeaders=host, Signature=none")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for d := xml.NewDecoder(res.Body); ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == element {
			var id string
			if err := d.DecodeElement(&id, &e); err != nil {
				t.Fatal(err)
			}
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s names no %s", action, element)
	}
	return out
}

// Another implementation of the same API takes what we send, and is understood.
func TestTheShapeOfTheAPI(t *testing.T) {
	moto := awstest.Moto(t)
	api := ecs.NewFromConfig(moto.Config())
	ctx := within(t)
	o := options
	o.Subnets = ids(t, moto.URL, "DescribeSubnets", "subnetId")
	o.SecurityGroups = ids(t, moto.URL, "DescribeSecurityGroups", "groupId")[:1]
	o.Cluster, o.Family = "shape", "shape-worker"
	if _, err := api.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &o.Cluster}); err != nil {
		t.Fatal(err)
	}
	register := func() {
		if _, err := api.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{Family: &o.Family, NetworkMode: types.NetworkModeAwsvpc,
			RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, Cpu: aws.String("1024"), Memory: aws.String("2048"),
			ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("worker"), Image: aws.String("worker:1"), Essential: aws.Bool(true), Memory: aws.Int32(2048)}}}); err != nil {
			t.Fatal(err)
		}
	}
	register()
	// Its tasks grow older each time they are described; not here.
	res, err := http.Post(moto.URL+"/moto-api/state-manager/set-transition", "application/json",
		strings.NewReader(`{"model_name":"ecs::task","transition":{"progression":"manual","times":1000}}`))
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode/100 != 2 {
		t.Fatal(res.Status)
	}
	l, err := New(api, o)
	if err != nil {
		t.Fatal(err)
	}
	started, failures, err := l.Start(ctx, 2, launch.OnDemand, "first")
	if err != nil || len(started) != 2 || len(failures) != 0 {
		t.Fatal(started, failures, err)
	}
	register()
	if _, _, err := l.Start(ctx, 1, launch.OnDemand, "second"); err != nil {
		t.Fatal(err)
	}
	tasks, err := l.Tasks(ctx)
	if err != nil || len(tasks) != 3 {
		t.Fatal(tasks, err)
	}
	second := ""
	for _, k := range tasks {
		if k.Token != "first" && k.Token != "second" || k.State == launch.Stopped || k.ID == "" || strings.Contains(k.ID, "/") {
			t.Errorf("%+v", k)
		}
		if k.Token == "second" {
			second = k.ID
		}
	}
	got, err := api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &o.Cluster, Tasks: []string{second}, Include: []types.TaskField{types.TaskFieldTags}})
	if err != nil || len(got.Tasks) != 1 || !strings.HasSuffix(aws.ToString(got.Tasks[0].TaskDefinitionArn), ":2") || len(got.Tasks[0].Tags) != 2 {
		t.Fatalf("%+v %v, want the newest revision and our tags", got, err)
	}
	if err := l.Stop(ctx, second, "the test is over"); err != nil {
		t.Fatal(err)
	}
	tasks, err = l.Tasks(ctx)
	for _, k := range tasks {
		if (k.State == launch.Stopped) != (k.ID == second) || k.ID == second && k.Reason != "the test is over" {
			t.Errorf("%+v", k)
		}
	}
	if err != nil || len(tasks) != 3 {
		t.Fatal(tasks, err)
	}
}
