// Package ecs starts workers as tasks of Amazon ECS on Fargate.
//
// The task definition is named by its family alone, so that each start takes
// the newest ACTIVE revision: whoever deploys the worker registers a revision
// and touches nothing else. RunTask answers HTTP 200 when there is no room; the
// tasks that were not started are then in its failures.
package ecs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/malikobaid/cityflow/internal/launch"
)

const (
	perRun      = 10  // tasks that one RunTask takes
	perDescribe = 100 // tasks that one DescribeTasks takes
	// startedBy marks our tasks; the token of the start follows it.
	startedBy = "cityflow/"
)

// Options say what is started, and where.
type Options struct {
	Cluster string
	// Family of the task definition, without revision.
	Family string
	// Subnets should lie in several zones: capacity is kept by zone.
	Subnets        []string
	SecurityGroups []string
	// Tags are put on each task.
	Tags map[string]string
}

// Validate names everything that is wrong.
func (o Options) Validate() error {
	var errs []error
	if o.Cluster == "" {
		errs = append(errs, errors.New("no cluster is named"))
	}
	if o.Family == "" || strings.ContainsAny(o.Family, ":/") {
		errs = append(errs, fmt.Errorf("task family %q, want a name without revision", o.Family))
	}
	if len(o.Subnets) == 0 || len(o.Subnets) > 16 {
		errs = append(errs, fmt.Errorf("%d subnets, want 1 to 16", len(o.Subnets)))
	}
	if len(o.SecurityGroups) == 0 || len(o.SecurityGroups) > 5 {
		errs = append(errs, fmt.Errorf("%d security groups, want 1 to 5", len(o.SecurityGroups)))
	}
	return errors.Join(errs...)
}

// Launcher is a launch.Launcher.
type Launcher struct {
	api *ecs.Client
	o   Options
}

// New starts tasks through a client.
func New(api *ecs.Client, o Options) (*Launcher, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Launcher{api, o}, nil
}

var _ launch.Launcher = (*Launcher)(nil)

// Tasks implements launch.Launcher.
func (l *Launcher) Tasks(ctx context.Context) ([]launch.Task, error) {
	var arns []string
	seen := map[string]bool{}
	// A task on its way to run has the desired status RUNNING, too.
	for _, desired := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(l.api, &ecs.ListTasksInput{Cluster: &l.o.Cluster, Family: &l.o.Family, DesiredStatus: desired})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("ecs: list tasks of %s: %w", l.o.Family, err)
			}
			for _, arn := range page.TaskArns {
				// One that stops between the two lists is in both.
				if !seen[arn] {
					seen[arn] = true
					arns = append(arns, arn)
				}
			}
		}
	}
	var out []launch.Task
	for len(arns) > 0 {
		n := min(perDescribe, len(arns))
		got, err := l.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &l.o.Cluster, Tasks: arns[:n]})
		if err != nil {
			return nil, fmt.Errorf("ecs: describe tasks: %w", err)
		}
		for _, f := range got.Failures {
			// MISSING: forgotten since it was listed. Anything else would make
			// the list incomplete without a sign.
			if r := aws.ToString(f.Reason); r != "MISSING" {
				return nil, fmt.Errorf("ecs: describe task %s: %s", aws.ToString(f.Arn), r)
			}
		}
		for _, t := range got.Tasks {
			out = append(out, task(t))
		}
		arns = arns[n:]
	}
	return out, nil
}

func task(t types.Task) launch.Task {
	arn := aws.ToString(t.TaskArn)
	out := launch.Task{
		ID: arn[strings.LastIndexByte(arn, '/')+1:], State: state(t), Capacity: launch.OnDemand,
		Created: aws.ToTime(t.CreatedAt), Billed: aws.ToTime(t.PullStartedAt), Ran: aws.ToTime(t.StartedAt), Ended: aws.ToTime(t.StoppedAt),
		Reason: aws.ToString(t.StoppedReason),
	}
	if aws.ToString(t.CapacityProviderName) == provider(launch.Spot) {
		out.Capacity = launch.Spot
	}
	if out.Billed.IsZero() {
		out.Billed = out.Ran // a platform that does not say when it fetched the image
	}
	out.Token, _ = strings.CutPrefix(aws.ToString(t.StartedBy), startedBy)
	out.NoCapacity = out.State == launch.Stopped && out.Ran.IsZero() && noRoom(out.Reason)
	return out
}

func state(t types.Task) launch.State {
	if aws.ToString(t.DesiredStatus) == string(types.DesiredStatusStopped) {
		return launch.Stopped // it was told to end, and takes no message any more
	}
	switch aws.ToString(t.LastStatus) {
	case "PROVISIONING", "PENDING", "ACTIVATING":
		return launch.Pending
	case "RUNNING":
		return launch.Running
	}
	return launch.Stopped
}

func provider(c launch.Capacity) string {
	if c == launch.Spot {
		return "FARGATE_SPOT"
	}
	return "FARGATE"
}

// noRoom knows the platform's words for a lack of capacity.
func noRoom(reason string) bool {
	r := strings.ToLower(reason)
	return strings.Contains(r, "capacity") || strings.HasPrefix(r, "resource:")
}

// Start implements launch.Launcher.
func (l *Launcher) Start(ctx context.Context, n int, c launch.Capacity, token string) (started []launch.Task, failures []launch.Failure, err error) {
	if len(token) == 0 || len(token) > launch.MaxToken {
		return nil, nil, fmt.Errorf("%w: token %q, want 1 to %d characters", launch.ErrRefused, token, launch.MaxToken)
	}
	for call := 0; n > 0; call++ {
		count := min(n, perRun)
		n -= count
		out, err := l.api.RunTask(ctx, l.input(count, c, token, call))
		if err != nil {
			fs, err := refusal(err, count)
			if failures = append(failures, fs...); err != nil {
				return started, failures, fmt.Errorf("ecs: start %d tasks of %s: %w", count, l.o.Family, err)
			}
			continue
		}
		for _, t := range out.Tasks {
			started = append(started, task(t))
		}
		for _, f := range out.Failures {
			failures = append(failures, launch.Failure{Reason: aws.ToString(f.Reason), Detail: aws.ToString(f.Detail), Capacity: noRoom(aws.ToString(f.Reason))})
		}
		// Nothing promises that each task is in one of the lists.
		for range count - len(out.Tasks) - len(out.Failures) {
			failures = append(failures, launch.Failure{Reason: "not started, and no reason given"})
		}
	}
	return started, failures, nil
}

func (l *Launcher) input(count int, c launch.Capacity, token string, call int) *ecs.RunTaskInput {
	tags := []types.Tag{{Key: aws.String("cityflow:part"), Value: aws.String("worker")}}
	for k, v := range l.o.Tags {
		tags = append(tags, types.Tag{Key: &k, Value: &v})
	}
	return &ecs.RunTaskInput{
		Cluster: &l.o.Cluster, TaskDefinition: &l.o.Family, Count: aws.Int32(int32(count)),
		CapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: aws.String(provider(c)), Weight: 1}},
		// The SDK repeats a call that failed on the way; with the same token
		// the platform then answers with the tasks of the first.
		ClientToken: aws.String(fmt.Sprintf("%s-%d", token, call)),
		StartedBy:   aws.String(startedBy + token),
		// A public address instead of a NAT gateway that costs more than
		// everything else; the security group lets nothing in.
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: l.o.Subnets, SecurityGroups: l.o.SecurityGroups, AssignPublicIp: types.AssignPublicIpEnabled,
		}},
		Tags: tags, PropagateTags: types.PropagateTagsTaskDefinition,
	}
}

// refusal sorts errors of RunTask: no room is a failure of each task, other
// refusals are for certain, and whatever is left may have started something.
func refusal(err error, count int) ([]launch.Failure, error) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil, err
	}
	if noRoom(api.ErrorMessage()) {
		fs := make([]launch.Failure, count)
		for i := range fs {
			fs[i] = launch.Failure{Reason: api.ErrorCode(), Detail: api.ErrorMessage(), Capacity: true}
		}
		return fs, nil
	}
	if api.ErrorFault() == smithy.FaultClient {
		return nil, fmt.Errorf("%w: %w", launch.ErrRefused, err)
	}
	return nil, err
}

// Stop implements launch.Launcher.
func (l *Launcher) Stop(ctx context.Context, id, reason string) error {
	if _, err := l.api.StopTask(ctx, &ecs.StopTaskInput{Cluster: &l.o.Cluster, Task: &id, Reason: aws.String(reason[:min(len(reason), 255)])}); err != nil {
		return fmt.Errorf("ecs: stop task %s: %w", id, err)
	}
	return nil
}
