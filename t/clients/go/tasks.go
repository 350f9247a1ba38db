package main

import (
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func testClusters(t *test) {
	made := must(t.ecs.CreateCluster(t, &ecs.CreateClusterInput{
		ClusterName: aws.String("go"), Tags: tags("a", "b"),
		Settings: []types.ClusterSetting{{
			Name:  types.ClusterSettingNameContainerInsights,
			Value: aws.String("enabled")}},
	})).Cluster
	t.same(aws.ToString(made.ClusterArn), prefix+"cluster/go",
		"CreateCluster")

	found := must(t.ecs.DescribeClusters(t, &ecs.DescribeClustersInput{
		Clusters: []string{"go", "none"},
		Include: []types.ClusterField{types.ClusterFieldTags,
			types.ClusterFieldSettings}}))
	t.same(len(found.Clusters), 1, "DescribeClusters")
	t.same(aws.ToString(found.Clusters[0].Status), "ACTIVE", "its status")
	t.same(found.Clusters[0].Settings, made.Settings, "its settings")
	t.same(pairs(found.Clusters[0].Tags), map[string]string{"a": "b"},
		"its tags")
	t.same(aws.ToString(found.Failures[0].Reason), "MISSING", "a failure")

	arn := made.ClusterArn
	must(t.ecs.TagResource(t, &ecs.TagResourceInput{ResourceArn: arn,
		Tags: tags("x", "", "ü", "é")}))
	must(t.ecs.UntagResource(t, &ecs.UntagResourceInput{ResourceArn: arn,
		TagKeys: []string{"a"}}))
	left := must(t.ecs.ListTagsForResource(t,
		&ecs.ListTagsForResourceInput{ResourceArn: arn}))
	t.same(pairs(left.Tags), map[string]string{"x": "", "ü": "é"},
		"TagResource, UntagResource")
}

func (t *test) register(family string) *types.TaskDefinition {
	return must(t.ecs.RegisterTaskDefinition(t,
		&ecs.RegisterTaskDefinitionInput{
			Family: aws.String(family), Tags: tags("of", family),
			ContainerDefinitions: []types.ContainerDefinition{{
				Name: aws.String("main"), Image: aws.String("busybox"),
				Memory: aws.Int32(16), Command: []string{"sleep", "60"},
				Environment: []types.KeyValuePair{{
					Name: aws.String("N"), Value: aws.String("1")}},
			}},
		})).TaskDefinition
}

func (t *test) run(input *ecs.RunTaskInput) []string {
	var arns []string

	for _, task := range must(t.ecs.RunTask(t, input)).Tasks {
		arns = append(arns, aws.ToString(task.TaskArn))
	}

	return arns
}

func (t *test) tasks(cluster string, arns []string) []types.Task {
	return must(t.ecs.DescribeTasks(t, &ecs.DescribeTasksInput{
		Cluster: aws.String(cluster), Tasks: arns,
		Include: []types.TaskField{types.TaskFieldTags}})).Tasks
}

func (t *test) waitRunning(cluster string, arns []string) error {
	waiter := ecs.NewTasksRunningWaiter(t.ecs,
		func(o *ecs.TasksRunningWaiterOptions) {
			o.MinDelay = 100 * time.Millisecond
			o.MaxDelay = 500 * time.Millisecond
		})

	return waiter.Wait(t, &ecs.DescribeTasksInput{
		Cluster: aws.String(cluster), Tasks: arns}, patient)
}

func (t *test) waitStopped(cluster string, arns []string) error {
	waiter := ecs.NewTasksStoppedWaiter(t.ecs,
		func(o *ecs.TasksStoppedWaiterOptions) {
			o.MinDelay = 100 * time.Millisecond
			o.MaxDelay = 500 * time.Millisecond
		})

	return waiter.Wait(t, &ecs.DescribeTasksInput{
		Cluster: aws.String(cluster), Tasks: arns}, patient)
}

func testTasks(t *test) {
	definition := t.register("job")
	t.same(definition.Revision, int32(1), "RegisterTaskDefinition")
	t.ok(recent(definition.RegisteredAt), "registeredAt",
		definition.RegisteredAt)
	described := must(t.ecs.DescribeTaskDefinition(t,
		&ecs.DescribeTaskDefinitionInput{
			TaskDefinition: aws.String("job"),
			Include: []types.TaskDefinitionField{
				types.TaskDefinitionFieldTags}}))
	t.same(described.TaskDefinition, definition, "DescribeTaskDefinition")
	t.same(pairs(described.Tags), map[string]string{"of": "job"}, "its tags")

	command := []string{"sleep", "7"}
	arns := t.run(&ecs.RunTaskInput{
		Cluster: aws.String("go"), TaskDefinition: aws.String("job"),
		Count: aws.Int32(2), StartedBy: aws.String("me"),
		Group: aws.String("batch"), Tags: tags("k", "v"),
		Overrides: &types.TaskOverride{
			ContainerOverrides: []types.ContainerOverride{{
				Name: aws.String("main"), Command: command,
				Memory: aws.Int32(32)}}}})
	t.same(len(arns), 2, "RunTask")

	err := t.waitRunning("go", arns)
	t.ok(err == nil, "waiter TasksRunning", err)
	tasks := t.tasks("go", arns)
	task := tasks[0]
	override := task.Overrides.ContainerOverrides[0]
	t.same(len(tasks), 2, "DescribeTasks")
	t.same(aws.ToString(task.LastStatus), "RUNNING", "lastStatus")
	t.same(override.Command, command, "overridden command")
	t.same(aws.ToInt32(override.Memory), int32(32), "overridden memory")
	t.same(aws.ToString(task.StartedBy), "me", "startedBy")
	t.same(aws.ToString(task.Group), "batch", "group")
	t.same(pairs(task.Tags), map[string]string{"k": "v"}, "tags")
	t.same(task.StopCode, types.TaskStopCode(""), "no stopCode")
	t.ok(recent(task.CreatedAt) && recent(task.StartedAt) &&
		!task.StartedAt.Before(*task.CreatedAt), "times",
		task.CreatedAt, task.StartedAt)
	t.ok(task.StoppedAt == nil, "no stoppedAt")
	t.same(aws.ToString(task.Containers[0].LastStatus), "RUNNING",
		"its container")

	must(t.ecs.StopTask(t, &ecs.StopTaskInput{Cluster: aws.String("go"),
		Task: aws.String(arns[0]), Reason: aws.String("bye")}))
	err = t.waitStopped("go", arns[:1])
	t.ok(err == nil, "waiter TasksStopped", err)
	task = t.tasks("go", arns[:1])[0]
	t.same(task.StopCode, types.TaskStopCodeUserInitiated, "stopCode")
	t.same(aws.ToString(task.StoppedReason), "bye", "stoppedReason")
	t.ok(recent(task.StoppedAt) && !task.StoppedAt.Before(*task.StartedAt),
		"stoppedAt", task.StoppedAt)

	err = t.waitRunning("go", arns)
	t.ok(err != nil && err.Error() == "waiter state transitioned to Failure",
		"waiter TasksRunning fails for a stopped one", err)

	running := must(t.ecs.ListTasks(t, &ecs.ListTasksInput{
		Cluster: aws.String("go"), StartedBy: aws.String("me")})).TaskArns
	t.same(running, arns[1:], "ListTasks")
}

func (t *test) only(input *ecs.ListTasksInput) []string {
	arns := must(t.ecs.ListTasks(t, input)).TaskArns
	sort.Strings(arns)

	return arns
}

// testRetries makes calls whose first answer is lost.
func testRetries(t *test) {
	lossy := ecs.NewFromConfig(configuration(t.lossy))
	ran := must(lossy.RunTask(t, &ecs.RunTaskInput{
		Cluster: aws.String("go"), TaskDefinition: aws.String("job"),
		StartedBy: aws.String("lossy"), Count: aws.Int32(3)}))
	var arns []string

	for _, task := range ran.Tasks {
		arns = append(arns, aws.ToString(task.TaskArn))
	}

	sort.Strings(arns)
	t.same(len(arns), 3, "RunTask, sent twice")
	t.same(t.only(&ecs.ListTasksInput{Cluster: aws.String("go"),
		StartedBy: aws.String("lossy")}), arns, "has run three tasks")

	made := must(lossy.CreateCluster(t, &ecs.CreateClusterInput{
		ClusterName: aws.String("lossy")})).Cluster
	t.same(aws.ToString(made.Status), "ACTIVE", "CreateCluster, sent twice")
	gone := must(lossy.DeleteCluster(t, &ecs.DeleteClusterInput{
		Cluster: aws.String("lossy")})).Cluster
	t.same(aws.ToString(gone.Status), "INACTIVE",
		"DeleteCluster, sent twice")
}
