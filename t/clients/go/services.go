package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func (t *test) service(cluster, name string) types.Service {
	return must(t.ecs.DescribeServices(t, &ecs.DescribeServicesInput{
		Cluster: aws.String(cluster), Services: []string{name},
		Include: []types.ServiceField{types.ServiceFieldTags},
	})).Services[0]
}

func (t *test) waitStable(cluster, name string) error {
	waiter := ecs.NewServicesStableWaiter(t.ecs,
		func(o *ecs.ServicesStableWaiterOptions) {
			o.MinDelay = 100 * time.Millisecond
			o.MaxDelay = 500 * time.Millisecond
		})

	return waiter.Wait(t, &ecs.DescribeServicesInput{
		Cluster: aws.String(cluster), Services: []string{name}}, patient)
}

func (t *test) waitInactive(cluster, name string) error {
	waiter := ecs.NewServicesInactiveWaiter(t.ecs,
		func(o *ecs.ServicesInactiveWaiterOptions) {
			o.MinDelay = 100 * time.Millisecond
			o.MaxDelay = 500 * time.Millisecond
		})

	return waiter.Wait(t, &ecs.DescribeServicesInput{
		Cluster: aws.String(cluster), Services: []string{name}}, patient)
}

// completed waits until the rollout is complete: a service is stable, as
// the waiter sees it, once its tasks run, but they have to be healthy, too.
func (t *test) completed(cluster, name string) types.Service {
	until := time.Now().Add(patient)
	web := t.service(cluster, name)

	for web.Deployments[0].RolloutState !=
		types.DeploymentRolloutStateCompleted && time.Now().Before(until) {
		time.Sleep(100 * time.Millisecond)
		web = t.service(cluster, name)
	}

	t.same(web.Deployments[0].RolloutState,
		types.DeploymentRolloutStateCompleted, "rolloutState")

	return web
}

func (t *test) remove(cluster, name string) {
	gone := must(t.ecs.DeleteService(t, &ecs.DeleteServiceInput{
		Cluster: aws.String(cluster), Service: aws.String(name),
		Force: aws.Bool(true)})).Service
	t.same(aws.ToString(gone.Status), "DRAINING", "DeleteService "+name)
	err := t.waitInactive(cluster, name)
	t.ok(err == nil, "waiter ServicesInactive", err)
}

func testServices(t *test) {
	first := t.register("web")
	made := must(t.ecs.CreateService(t, &ecs.CreateServiceInput{
		Cluster: aws.String("go"), ServiceName: aws.String("web"),
		TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(2),
		Tags: tags("s", "t"),
		DeploymentConfiguration: &types.DeploymentConfiguration{
			MaximumPercent:        aws.Int32(200),
			MinimumHealthyPercent: aws.Int32(50),
			DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{
				Enable: true, Rollback: true}}})).Service
	t.same(aws.ToString(made.Status), "ACTIVE", "CreateService")
	t.same(made.SchedulingStrategy, types.SchedulingStrategyReplica,
		"its strategy")
	t.same(made.DeploymentController.Type,
		types.DeploymentControllerTypeEcs, "its controller")

	err := t.waitStable("go", "web")
	t.ok(err == nil, "waiter ServicesStable", err)
	web := t.completed("go", "web")
	t.same(web.RunningCount, int32(2), "runningCount")
	t.same(aws.ToInt32(web.DeploymentConfiguration.MaximumPercent),
		int32(200), "maximumPercent")
	t.same(pairs(web.Tags), map[string]string{"s": "t"}, "tags")
	t.ok(recent(web.CreatedAt) && recent(web.Deployments[0].UpdatedAt) &&
		recent(web.Events[0].CreatedAt), "times", web.CreatedAt)

	second := t.register("web")
	must(t.ecs.UpdateService(t, &ecs.UpdateServiceInput{
		Cluster: aws.String("go"), Service: aws.String("web"),
		TaskDefinition: second.TaskDefinitionArn,
		DesiredCount:   aws.Int32(1)}))
	err = t.waitStable("go", "web")
	t.ok(err == nil, "stable after UpdateService", err)
	web = t.completed("go", "web")
	t.same(web.TaskDefinition, second.TaskDefinitionArn, "the new revision")
	t.same(len(web.Deployments), 1, "one deployment")

	history := must(t.ecs.ListServiceDeployments(t,
		&ecs.ListServiceDeploymentsInput{Cluster: aws.String("go"),
			Service: aws.String("web")})).ServiceDeployments
	t.same(len(history), 2, "ListServiceDeployments")
	t.same(history[0].Status, types.ServiceDeploymentStatusSuccessful,
		"the last one's status")
	t.ok(recent(history[0].FinishedAt), "finishedAt")
	revisions := must(t.ecs.DescribeServiceRevisions(t,
		&ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{
			aws.ToString(history[1].TargetServiceRevisionArn)},
		})).ServiceRevisions
	t.same(revisions[0].TaskDefinition, first.TaskDefinitionArn,
		"DescribeServiceRevisions")

	running := t.only(&ecs.ListTasksInput{Cluster: aws.String("go"),
		ServiceName: aws.String("web")})
	kept := must(t.ecs.UpdateTaskProtection(t,
		&ecs.UpdateTaskProtectionInput{Cluster: aws.String("go"),
			Tasks: running, ProtectionEnabled: true,
			ExpiresInMinutes: aws.Int32(10)})).ProtectedTasks
	t.ok(kept[0].ProtectionEnabled && recent(kept[0].ExpirationDate),
		"UpdateTaskProtection", kept)
	kept = must(t.ecs.UpdateTaskProtection(t,
		&ecs.UpdateTaskProtectionInput{Cluster: aws.String("go"),
			Tasks: running, ProtectionEnabled: false})).ProtectedTasks
	t.ok(!kept[0].ProtectionEnabled && kept[0].ExpirationDate == nil,
		"and no longer", kept)
	t.remove("go", "web")
}

func testTaskSets(t *test) {
	cluster, name := aws.String("go"), aws.String("sets")
	must(t.ecs.CreateService(t, &ecs.CreateServiceInput{
		Cluster: cluster, ServiceName: name, DesiredCount: aws.Int32(2),
		DeploymentController: &types.DeploymentController{
			Type: types.DeploymentControllerTypeExternal}}))
	set := must(t.ecs.CreateTaskSet(t, &ecs.CreateTaskSetInput{
		Cluster: cluster, Service: name, TaskDefinition: aws.String("job"),
		ExternalId: aws.String("green"), Scale: &types.Scale{
			Unit: types.ScaleUnitPercent, Value: 50}})).TaskSet
	t.same(set.Scale.Value, 50.0, "CreateTaskSet")
	primary := must(t.ecs.UpdateServicePrimaryTaskSet(t,
		&ecs.UpdateServicePrimaryTaskSetInput{Cluster: cluster,
			Service: name, PrimaryTaskSet: set.TaskSetArn})).TaskSet
	t.same(aws.ToString(primary.Status), "PRIMARY",
		"UpdateServicePrimaryTaskSet")
	must(t.ecs.UpdateTaskSet(t, &ecs.UpdateTaskSetInput{Cluster: cluster,
		Service: name, TaskSet: set.Id, Scale: &types.Scale{
			Unit: types.ScaleUnitPercent, Value: 100}}))

	var found types.TaskSet

	for until := time.Now().Add(patient); time.Now().Before(until); {
		found = must(t.ecs.DescribeTaskSets(t, &ecs.DescribeTaskSetsInput{
			Cluster: cluster, Service: name})).TaskSets[0]

		if found.StabilityStatus == types.StabilityStatusSteadyState &&
			found.RunningCount == 2 {
			break
		}

		time.Sleep(100 * time.Millisecond)
	}

	t.same(found.RunningCount, int32(2), "DescribeTaskSets: runningCount")
	t.same(aws.ToString(found.ExternalId), "green", "its external id")
	t.ok(recent(found.StabilityStatusAt), "stabilityStatusAt")
	must(t.ecs.DeleteTaskSet(t, &ecs.DeleteTaskSetInput{Cluster: cluster,
		Service: name, TaskSet: set.Id, Force: aws.Bool(true)}))
	t.remove("go", "sets")
}

func testGoroutines(t *test) {
	var group sync.WaitGroup

	for i := range 16 {
		group.Add(1)

		go func() {
			defer group.Done()
			cluster := fmt.Sprint("go-", i)
			t.group(cluster, func(t *test) { serve(t, cluster) })
		}()
	}

	group.Wait()
}

func serve(t *test, cluster string) {
	must(t.ecs.CreateCluster(t, &ecs.CreateClusterInput{
		ClusterName: aws.String(cluster)}))
	must(t.ecs.CreateService(t, &ecs.CreateServiceInput{
		Cluster: aws.String(cluster), ServiceName: aws.String("s"),
		TaskDefinition: aws.String("job"), DesiredCount: aws.Int32(1)}))
	err := t.waitStable(cluster, "s")
	t.ok(err == nil && t.service(cluster, "s").RunningCount == 1,
		cluster+" is stable", err)
	t.remove(cluster, "s")
	gone := must(t.ecs.DeleteCluster(t, &ecs.DeleteClusterInput{
		Cluster: aws.String(cluster)})).Cluster
	t.same(aws.ToString(gone.Status), "INACTIVE", "DeleteCluster")
}
