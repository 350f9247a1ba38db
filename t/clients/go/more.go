package main

import (
	"fmt"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	role      = "arn:aws:iam::" + account + ":role/r"
	profile   = "arn:aws:iam::" + account + ":instance-profile/p"
	autoscale = "arn:aws:autoscaling:" + region + ":" + account +
		":autoScalingGroup:5c1b1d7e-7c4b-4d6e-9b4e-0f2a3c4d5e6f" +
		":autoScalingGroupName/asg"
)

func testCapacityProviders(t *test) {
	made := must(t.ecs.CreateCapacityProvider(t,
		&ecs.CreateCapacityProviderInput{Name: aws.String("asg"),
			AutoScalingGroupProvider: &types.AutoScalingGroupProvider{
				AutoScalingGroupArn: aws.String(autoscale),
				ManagedScaling: &types.ManagedScaling{
					Status:         types.ManagedScalingStatusEnabled,
					TargetCapacity: aws.Int32(80)}}})).CapacityProvider
	t.same(made.Status, types.CapacityProviderStatusActive,
		"CreateCapacityProvider")
	found := must(t.ecs.DescribeCapacityProviders(t,
		&ecs.DescribeCapacityProvidersInput{
			CapacityProviders: []string{"asg", "FARGATE"}}))
	t.same(len(found.CapacityProviders), 2, "DescribeCapacityProviders")

	strategy := []types.CapacityProviderStrategyItem{{
		CapacityProvider: aws.String("FARGATE"), Base: 1, Weight: 2}}
	put := must(t.ecs.PutClusterCapacityProviders(t,
		&ecs.PutClusterCapacityProvidersInput{Cluster: aws.String("go"),
			CapacityProviders:               []string{"asg", "FARGATE"},
			DefaultCapacityProviderStrategy: strategy})).Cluster
	t.same(put.DefaultCapacityProviderStrategy, strategy,
		"PutClusterCapacityProviders")
	kept := must(t.ecs.DeleteCapacityProvider(t,
		&ecs.DeleteCapacityProviderInput{
			CapacityProvider: aws.String("asg")})).CapacityProvider
	t.same(kept.UpdateStatus,
		types.CapacityProviderUpdateStatusDeleteFailed,
		"DeleteCapacityProvider of one in use")
	must(t.ecs.PutClusterCapacityProviders(t,
		&ecs.PutClusterCapacityProvidersInput{Cluster: aws.String("go"),
			CapacityProviders: []string{},
			DefaultCapacityProviderStrategy: []types.
				CapacityProviderStrategyItem{}}))
	gone := must(t.ecs.DeleteCapacityProvider(t,
		&ecs.DeleteCapacityProviderInput{
			CapacityProvider: aws.String("asg")})).CapacityProvider
	t.same(aws.ToString(gone.Name), "asg", "DeleteCapacityProvider")
}

func testContainerInstances(t *test) {
	cluster := aws.String("go")
	resources := []types.Resource{
		{Name: aws.String("CPU"), Type: aws.String("INTEGER"),
			IntegerValue: 2048},
		{Name: aws.String("MEMORY"), Type: aws.String("INTEGER"),
			IntegerValue: 4096},
		{Name: aws.String("PORTS"), Type: aws.String("STRINGSET"),
			StringSetValue: []string{"22"}},
		{Name: aws.String("PORTS_UDP"), Type: aws.String("STRINGSET"),
			StringSetValue: []string{}},
	}
	document := `{"instanceId":"i-0123456789abcdef0","region":"` + region +
		`","accountId":"` + account + `"}`
	made := must(t.ecs.RegisterContainerInstance(t,
		&ecs.RegisterContainerInstanceInput{Cluster: cluster,
			InstanceIdentityDocument: aws.String(document),
			TotalResources:           resources,
		})).ContainerInstance
	t.same(aws.ToString(made.Status), "ACTIVE", "RegisterContainerInstance")
	t.ok(recent(made.RegisteredAt), "registeredAt", made.RegisteredAt)

	listed := must(t.ecs.ListContainerInstances(t,
		&ecs.ListContainerInstancesInput{Cluster: cluster}))
	arn := aws.ToString(made.ContainerInstanceArn)
	t.same(listed.ContainerInstanceArns, []string{arn},
		"ListContainerInstances")
	must(t.ecs.PutAttributes(t, &ecs.PutAttributesInput{Cluster: cluster,
		Attributes: []types.Attribute{{Name: aws.String("disk"),
			Value: aws.String("ssd"), TargetId: aws.String(arn)}}}))
	has := must(t.ecs.ListAttributes(t, &ecs.ListAttributesInput{
		Cluster: cluster, AttributeName: aws.String("disk"),
		TargetType: types.TargetTypeContainerInstance})).Attributes
	t.same(aws.ToString(has[0].Value), "ssd",
		"PutAttributes, ListAttributes")
	drained := must(t.ecs.UpdateContainerInstancesState(t,
		&ecs.UpdateContainerInstancesStateInput{Cluster: cluster,
			ContainerInstances: []string{arn},
			Status:             types.ContainerInstanceStatusDraining}))
	t.same(aws.ToString(drained.ContainerInstances[0].Status), "DRAINING",
		"UpdateContainerInstancesState")
	must(t.ecs.DeregisterContainerInstance(t,
		&ecs.DeregisterContainerInstanceInput{Cluster: cluster,
			ContainerInstance: aws.String(arn), Force: aws.Bool(true)}))
	listed = must(t.ecs.ListContainerInstances(t,
		&ecs.ListContainerInstancesInput{Cluster: cluster}))
	t.same(len(listed.ContainerInstanceArns), 0,
		"DeregisterContainerInstance")
}

func (t *test) setting(name types.SettingName) string {
	found := must(t.ecs.ListAccountSettings(t,
		&ecs.ListAccountSettingsInput{Name: name,
			EffectiveSettings: true})).Settings

	return aws.ToString(found[0].Value)
}

func testAccountSettings(t *test) {
	name := types.SettingNameContainerInsights
	before := t.setting(name)
	put := must(t.ecs.PutAccountSetting(t, &ecs.PutAccountSettingInput{
		Name: name, Value: aws.String("enhanced")})).Setting
	t.same(put.Type, types.SettingTypeUser, "PutAccountSetting")
	t.same(t.setting(name), "enhanced", "ListAccountSettings")
	must(t.ecs.DeleteAccountSetting(t, &ecs.DeleteAccountSettingInput{
		Name: name}))
	t.same(t.setting(name), before, "DeleteAccountSetting")
}

func testDaemons(t *test) {
	cluster := must(t.ecs.CreateCluster(t, &ecs.CreateClusterInput{
		ClusterName: aws.String("daemons")})).Cluster
	provider := must(t.ecs.CreateCapacityProvider(t,
		&ecs.CreateCapacityProviderInput{
			Name: aws.String("managed"), Cluster: cluster.ClusterName,
			ManagedInstancesProvider: &types.
				CreateManagedInstancesProviderConfiguration{
				InfrastructureRoleArn: aws.String(role),
				InstanceLaunchTemplate: &types.InstanceLaunchTemplate{
					Ec2InstanceProfileArn: aws.String(profile),
					NetworkConfiguration: &types.
						ManagedInstancesNetworkConfiguration{
						Subnets: []string{"subnet-1"}}}},
		})).CapacityProvider
	definition := must(t.ecs.RegisterDaemonTaskDefinition(t,
		&ecs.RegisterDaemonTaskDefinitionInput{Family: aws.String("agent"),
			ContainerDefinitions: []types.DaemonContainerDefinition{{
				Name: aws.String("agent"), Image: aws.String("agent:1"),
				Memory: aws.Int32(64)}}})).DaemonTaskDefinitionArn
	active := ecs.NewDaemonTaskDefinitionActiveWaiter(t.ecs)
	err := active.Wait(t, &ecs.DescribeDaemonTaskDefinitionInput{
		DaemonTaskDefinition: definition}, patient)
	t.ok(err == nil, "waiter DaemonTaskDefinitionActive", err)

	made := must(t.ecs.CreateDaemon(t, &ecs.CreateDaemonInput{
		DaemonName: aws.String("agent"), ClusterArn: cluster.ClusterArn,
		DaemonTaskDefinitionArn: definition,
		CapacityProviderArns: []string{
			aws.ToString(provider.CapacityProviderArn)}}))
	t.same(aws.ToString(made.DaemonArn), prefix+"daemon/daemons/agent",
		"CreateDaemon")
	t.ok(recent(made.CreatedAt), "createdAt", made.CreatedAt)
	waiter := ecs.NewDaemonActiveWaiter(t.ecs)
	err = waiter.Wait(t, &ecs.DescribeDaemonInput{
		DaemonArn: made.DaemonArn}, patient)
	t.ok(err == nil, "waiter DaemonActive", err)
	listed := must(t.ecs.ListDaemons(t, &ecs.ListDaemonsInput{
		ClusterArn: cluster.ClusterArn})).DaemonSummariesList
	t.same(listed[0].DaemonArn, made.DaemonArn, "ListDaemons")
	gone := must(t.ecs.DeleteDaemon(t, &ecs.DeleteDaemonInput{
		DaemonArn: made.DaemonArn}))
	t.same(gone.DaemonArn, made.DaemonArn, "DeleteDaemon")

	_, err = t.ecs.DescribeDaemon(t, &ecs.DescribeDaemonInput{
		DaemonArn: aws.String(prefix + "daemon/daemons/none")})
	refused[*types.DaemonNotFoundException](t, "DescribeDaemon",
		"Daemon not found.", err)
}

func testExpress(t *test) {
	made := must(t.ecs.CreateExpressGatewayService(t,
		&ecs.CreateExpressGatewayServiceInput{
			Cluster: aws.String("go"), ServiceName: aws.String("express"),
			InfrastructureRoleArn: aws.String(role),
			ExecutionRoleArn:      aws.String(role),
			PrimaryContainer: &types.ExpressGatewayContainer{
				Image:         aws.String("nginx:1"),
				ContainerPort: aws.Int32(8080)}})).Service
	t.same(aws.ToString(made.ServiceArn), prefix+"service/go/express",
		"CreateExpressGatewayService")
	err := t.waitStable("go", "express")
	t.ok(err == nil, "its service is stable", err)
	found := must(t.ecs.DescribeExpressGatewayService(t,
		&ecs.DescribeExpressGatewayServiceInput{
			ServiceArn: made.ServiceArn})).Service
	t.same(found.Status.StatusCode,
		types.ExpressGatewayServiceStatusCodeActive,
		"DescribeExpressGatewayService")
	t.same(aws.ToInt32(found.ActiveConfigurations[0].PrimaryContainer.
		ContainerPort), int32(8080), "its port")
	t.ok(recent(found.CreatedAt), "createdAt", found.CreatedAt)
	must(t.ecs.DeleteExpressGatewayService(t,
		&ecs.DeleteExpressGatewayServiceInput{ServiceArn: made.ServiceArn}))
	err = t.waitInactive("go", "express")
	t.ok(err == nil, "DeleteExpressGatewayService", err)
}

func testGateways(t *test) {
	shared := func(port int32) types.GatewayConfiguration {
		return &types.GatewayConfigurationMemberHostSharedAlb{
			Value: types.HostSharedAlbConfiguration{Port: aws.Int32(port)}}
	}
	made := must(t.ecs.CreateGateway(t, &ecs.CreateGatewayInput{
		Name: aws.String("edge"), InfrastructureRoleArn: aws.String(role),
		DeletionProtection: aws.Bool(false), Configuration: shared(443)}))
	t.same(aws.ToString(made.GatewayArn), prefix+"gateway/edge",
		"CreateGateway")
	must(t.ecs.AssociateGatewayWithCluster(t,
		&ecs.AssociateGatewayWithClusterInput{
			Gateway: aws.String("edge"), Cluster: aws.String("go")}))
	found := must(t.ecs.DescribeGateway(t, &ecs.DescribeGatewayInput{
		Gateway: made.GatewayArn})).Gateway
	t.ok(recent(found.CreatedAt), "DescribeGateway", found.CreatedAt)
	member, fits := found.Configuration.(*types.
		DescribeGatewayConfigurationMemberHostSharedAlb)
	t.ok(fits && aws.ToInt32(member.Value.Port) == 443,
		"its configuration, a union", found.Configuration)
	must(t.ecs.DisassociateGatewayFromCluster(t,
		&ecs.DisassociateGatewayFromClusterInput{
			Gateway: aws.String("edge"), Cluster: aws.String("go")}))
	must(t.ecs.DeleteGateway(t, &ecs.DeleteGatewayInput{
		Gateway: aws.String("edge")}))
	_, err := t.ecs.UpdateGateway(t, &ecs.UpdateGatewayInput{
		Gateway: aws.String("none"), Configuration: nil})
	refused[*types.GatewayNotFoundException](t, "UpdateGateway",
		"Gateway not found.", err)
}

// paged is what a paginator yields, each page of at most three.
func paged[P any](t *test, name string, more func() bool,
	next func() (P, error), of func(P) []string) []string {
	var all []string
	pages := 0

	for more() {
		page := of(must(next()))
		t.ok(len(page) <= 3, name+": a page", page)
		all = append(all, page...)
		pages++
	}

	t.ok(pages > 2, name+": several pages", pages)
	sort.Strings(all)

	return all
}

func testPaginators(t *test) {
	var names, clusters, services, definitions []string

	for i := range 8 {
		name := fmt.Sprint("page", i)
		names = append(names, name)
		clusters = append(clusters, prefix+"cluster/"+name)
		services = append(services, prefix+"service/page0/"+name)
		definitions = append(definitions, aws.ToString(
			t.register(name).TaskDefinitionArn))
		must(t.ecs.CreateCluster(t, &ecs.CreateClusterInput{
			ClusterName: aws.String(name)}))
		must(t.ecs.CreateService(t, &ecs.CreateServiceInput{
			Cluster: aws.String("page0"), ServiceName: aws.String(name),
			TaskDefinition: aws.String(name), DesiredCount: aws.Int32(0)}))
	}

	tasks := t.run(&ecs.RunTaskInput{Cluster: aws.String("page1"),
		TaskDefinition: aws.String("job"), Count: aws.Int32(8)})
	sort.Strings(tasks)
	three := aws.Int32(3)

	c := ecs.NewListClustersPaginator(t.ecs,
		&ecs.ListClustersInput{MaxResults: three})
	got := paged(t, "ListClusters", c.HasMorePages,
		func() (*ecs.ListClustersOutput, error) { return c.NextPage(t) },
		func(p *ecs.ListClustersOutput) []string { return p.ClusterArns })
	t.same(got[len(got)-8:], clusters, "ListClusters")

	s := ecs.NewListServicesPaginator(t.ecs, &ecs.ListServicesInput{
		Cluster: aws.String("page0"), MaxResults: three})
	t.same(paged(t, "ListServices", s.HasMorePages,
		func() (*ecs.ListServicesOutput, error) { return s.NextPage(t) },
		func(p *ecs.ListServicesOutput) []string { return p.ServiceArns }),
		services, "ListServices")

	l := ecs.NewListTasksPaginator(t.ecs, &ecs.ListTasksInput{
		Cluster: aws.String("page1"), MaxResults: three})
	t.same(paged(t, "ListTasks", l.HasMorePages,
		func() (*ecs.ListTasksOutput, error) { return l.NextPage(t) },
		func(p *ecs.ListTasksOutput) []string { return p.TaskArns }),
		tasks, "ListTasks")

	f := ecs.NewListTaskDefinitionFamiliesPaginator(t.ecs,
		&ecs.ListTaskDefinitionFamiliesInput{MaxResults: three,
			FamilyPrefix: aws.String("page")})
	type families = ecs.ListTaskDefinitionFamiliesOutput
	t.same(paged(t, "ListTaskDefinitionFamilies", f.HasMorePages,
		func() (*families, error) { return f.NextPage(t) },
		func(p *families) []string { return p.Families }),
		names, "ListTaskDefinitionFamilies")

	d := ecs.NewListTaskDefinitionsPaginator(t.ecs,
		&ecs.ListTaskDefinitionsInput{MaxResults: three})
	got = paged(t, "ListTaskDefinitions", d.HasMorePages,
		func() (*ecs.ListTaskDefinitionsOutput, error) {
			return d.NextPage(t)
		}, func(p *ecs.ListTaskDefinitionsOutput) []string {
			return p.TaskDefinitionArns
		})
	t.ok(len(got) >= 8, "ListTaskDefinitions", got)
	found := 0

	for _, arn := range definitions {
		i := sort.SearchStrings(got, arn)

		if i < len(got) && got[i] == arn {
			found++
		}
	}

	t.same(found, 8, "ListTaskDefinitions: all")
}

func testErrors(t *test) {
	none, name := aws.String("none"), aws.String("go")

	_, err := t.ecs.DeleteCluster(t, &ecs.DeleteClusterInput{Cluster: none})
	refused[*types.ClusterNotFoundException](t, "DeleteCluster",
		"Cluster not found.", err)
	_, err = t.ecs.UpdateService(t, &ecs.UpdateServiceInput{
		Cluster: name, Service: none})
	refused[*types.ServiceNotFoundException](t, "UpdateService",
		"Service not found.", err)
	_, err = t.ecs.UpdateService(t, &ecs.UpdateServiceInput{
		Cluster: name, Service: aws.String("web")})
	refused[*types.ServiceNotActiveException](t, "UpdateService",
		"Service was not ACTIVE.", err)
	_, err = t.ecs.DescribeTasks(t, &ecs.DescribeTasksInput{
		Cluster: name, Tasks: []string{}})
	refused[*types.InvalidParameterException](t, "DescribeTasks",
		"Tasks cannot be empty.", err)
	_, err = t.ecs.DescribeTaskDefinition(t,
		&ecs.DescribeTaskDefinitionInput{TaskDefinition: none})
	refused[*types.ClientException](t, "DescribeTaskDefinition",
		"Unable to describe task definition.", err)
	_, err = t.ecs.DeleteCluster(t, &ecs.DeleteClusterInput{
		Cluster: aws.String("page0")})
	refused[*types.ClusterContainsServicesException](t, "DeleteCluster",
		"The Cluster cannot be deleted while Services are active.", err)

	begun := time.Now()
	waiter := ecs.NewServicesStableWaiter(t.ecs)
	err = waiter.Wait(t, &ecs.DescribeServicesInput{Cluster: name,
		Services: []string{"none"}}, patient)
	t.ok(err != nil && time.Since(begun) < patient/2,
		"waiter ServicesStable of none fails at once", err)
}
