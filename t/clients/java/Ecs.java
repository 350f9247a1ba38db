import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.waiters.WaiterOverrideConfiguration;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.ecs.EcsClient;
import software.amazon.awssdk.services.ecs.model.*;
import software.amazon.awssdk.services.ecs.waiters.EcsWaiter;
import software.amazon.awssdk.services.sts.StsClient;

/**
 * The ECS API through the AWS SDK for Java, version 2, in TAP.
 *
 * <p>Arguments: ENDPOINT and LOSSY, an endpoint that loses every other
 * answer: the SDK has to send the call again, and nothing may come of that.
 */
public final class Ecs {
    private static final String ACCOUNT = "345678901234";
    private static final Region REGION = Region.US_WEST_2;
    private static final String PREFIX =
        "arn:aws:ecs:" + REGION + ":" + ACCOUNT + ":";
    private static final String ROLE =
        "arn:aws:iam::" + ACCOUNT + ":role/r";
    private static final String CLUSTER = "java";

    private final Tap tap = new Tap();
    private final String endpoint;
    private final EcsClient ecs;
    private final EcsClient lossy;
    private final EcsWaiter waiter;

    private Ecs(String endpoint, String lossyEndpoint) {
        this.endpoint = endpoint;
        ecs = client(endpoint);
        lossy = client(lossyEndpoint);
        waiter = EcsWaiter.builder().client(ecs)
            .overrideConfiguration(WaiterOverrideConfiguration.builder()
                .maxAttempts(1200).waitTimeout(Duration.ofMinutes(2))
                .backoffStrategyV2(BackoffStrategy.fixedDelay(
                    Duration.ofMillis(100)))
                .build())
            .build();
    }

    private static StaticCredentialsProvider credentials() {
        return StaticCredentialsProvider.create(
            AwsBasicCredentials.create(ACCOUNT, "secret"));
    }

    private static EcsClient client(String url) {
        return EcsClient.builder().endpointOverride(URI.create(url))
            .region(REGION).credentialsProvider(credentials()).build();
    }

    /** The class of an exception and its text. */
    private <T extends EcsException> void refused(Class<T> type,
        String message, Runnable call) {
        String name = type.getSimpleName();

        try {
            call.run();
            tap.ok(false, name + " is thrown", "nothing is thrown");
        } catch (EcsException e) {
            tap.same(e.getClass(), type, name + " is thrown");
            tap.same(e.awsErrorDetails().errorMessage(), message,
                name + ": its text");
            tap.same(e.awsErrorDetails().errorCode(), name,
                name + ": its code");
            tap.same(e.statusCode(), 400, name + ": its status");
            tap.same(e.requestId().length(), 36, name + ": its request id");
        }
    }

    /** A time that was parsed and is one of this test run. */
    private static boolean recent(Instant time) {
        return time != null && Duration.between(time, Instant.now()).abs()
            .compareTo(Duration.ofMinutes(10)) < 0;
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private static Map<String, String> pairs(List<Tag> tags) {
        Map<String, String> found = new TreeMap<>();
        tags.forEach(t -> found.put(t.key(), t.value()));

        return found;
    }

    private static <T> T until(Supplier<T> call,
        java.util.function.Predicate<T> done) {
        Instant end = Instant.now().plus(Duration.ofMinutes(2));
        T got = call.get();

        while (!done.test(got) && Instant.now().isBefore(end)) {
            try {
                Thread.sleep(100);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }

            got = call.get();
        }

        return got;
    }

    private void identity() {
        try (StsClient sts = StsClient.builder()
            .endpointOverride(URI.create(endpoint)).region(REGION)
            .credentialsProvider(credentials()).build()) {
            tap.same(sts.getCallerIdentity().account(), ACCOUNT,
                "GetCallerIdentity");
        }
    }

    private void clusters() {
        Cluster made = ecs.createCluster(r -> r.clusterName(CLUSTER)
            .tags(tag("a", "b"))).cluster();
        String arn = made.clusterArn();
        tap.same(arn, PREFIX + "cluster/java", "CreateCluster");
        DescribeClustersResponse found = ecs.describeClusters(r -> r
            .clusters(CLUSTER, "none").include(ClusterField.TAGS));
        tap.same(found.clusters().get(0).status(), "ACTIVE",
            "DescribeClusters");
        tap.same(found.failures().get(0).reason(), "MISSING", "a failure");
        ecs.tagResource(r -> r.resourceArn(arn)
            .tags(tag("x", ""), tag("ü", "é")));
        ecs.untagResource(r -> r.resourceArn(arn).tagKeys("a"));
        tap.same(pairs(ecs.listTagsForResource(r -> r.resourceArn(arn))
            .tags()), new TreeMap<>(Map.of("x", "", "ü", "é")),
            "TagResource, UntagResource");
    }

    private TaskDefinition register(String family) {
        return ecs.registerTaskDefinition(r -> r.family(family)
            .containerDefinitions(c -> c.name("main").image("busybox")
                .memory(16).command("sleep", "60"))).taskDefinition();
    }

    private Task task(String arn) {
        return ecs.describeTasks(r -> r.cluster(CLUSTER).tasks(arn)
            .include(TaskField.TAGS)).tasks().get(0);
    }

    private void tasks() {
        TaskDefinition definition = register("job");
        tap.same(definition.revision(), 1, "RegisterTaskDefinition");
        tap.ok(recent(definition.registeredAt()), "registeredAt",
            definition.registeredAt());
        tap.same(ecs.describeTaskDefinition(r -> r.taskDefinition("job"))
            .taskDefinition(), definition, "DescribeTaskDefinition");

        List<String> arns = ecs.runTask(r -> r.cluster(CLUSTER)
            .taskDefinition("job").count(2).startedBy("me")
            .tags(tag("k", "v")).overrides(o -> o.containerOverrides(
                c -> c.name("main").command("sleep", "7").memory(32))))
            .tasks().stream().map(Task::taskArn).toList();
        tap.same(arns.size(), 2, "RunTask");
        waiter.waitUntilTasksRunning(r -> r.cluster(CLUSTER).tasks(arns));
        Task task = task(arns.get(0));
        ContainerOverride override =
            task.overrides().containerOverrides().get(0);
        tap.same(task.lastStatus(), "RUNNING", "waiter TasksRunning");
        tap.same(override.command(), List.of("sleep", "7"), "its command");
        tap.same(override.memory(), 32, "its memory");
        tap.same(task.startedBy(), "me", "startedBy");
        tap.same(pairs(task.tags()), Map.of("k", "v"), "its tags");
        tap.ok(recent(task.createdAt()) && recent(task.startedAt())
            && task.stoppedAt() == null, "its times", task);
        tap.same(task.stopCode(), null, "no stopCode");

        ecs.stopTask(r -> r.cluster(CLUSTER).task(arns.get(0))
            .reason("bye"));
        waiter.waitUntilTasksStopped(r -> r.cluster(CLUSTER)
            .tasks(arns.get(0)));
        task = task(arns.get(0));
        tap.same(task.stopCode(), TaskStopCode.USER_INITIATED,
            "waiter TasksStopped");
        tap.same(task.stoppedReason(), "bye", "stoppedReason");
        tap.ok(recent(task.stoppedAt()), "stoppedAt", task.stoppedAt());

        try {
            waiter.waitUntilTasksRunning(r -> r.cluster(CLUSTER)
                .tasks(arns));
            tap.ok(false, "waiter TasksRunning of a stopped one", "waits");
        } catch (SdkClientException e) {
            tap.ok(e.getMessage().contains("failure state"),
                "waiter TasksRunning of a stopped one", e);
        }
    }

    private Service service(String cluster, String name) {
        return ecs.describeServices(r -> r.cluster(cluster).services(name)
            .include(ServiceField.TAGS)).services().get(0);
    }

    private void waitStable(String cluster, String name) {
        waiter.waitUntilServicesStable(r -> r.cluster(cluster)
            .services(name));
    }

    private void remove(String cluster, String name) {
        tap.same(ecs.deleteService(r -> r.cluster(cluster).service(name)
            .force(true)).service().status(), "DRAINING",
            "DeleteService " + name);
        waiter.waitUntilServicesInactive(r -> r.cluster(cluster)
            .services(name));
        tap.same(service(cluster, name).status(), "INACTIVE",
            "waiter ServicesInactive");
    }

    private void services() {
        register("web");
        Service made = ecs.createService(r -> r.cluster(CLUSTER)
            .serviceName("web").taskDefinition("web").desiredCount(2)
            .tags(tag("s", "t"))).service();
        tap.same(made.schedulingStrategy(), SchedulingStrategy.REPLICA,
            "CreateService");
        waitStable(CLUSTER, "web");
        Service web = until(() -> service(CLUSTER, "web"), s ->
            s.deployments().get(0).rolloutState()
                == DeploymentRolloutState.COMPLETED);
        tap.same(web.runningCount(), 2, "waiter ServicesStable");
        tap.same(web.deployments().get(0).rolloutState(),
            DeploymentRolloutState.COMPLETED, "rolloutState");
        tap.same(pairs(web.tags()), Map.of("s", "t"), "its tags");
        tap.ok(recent(web.createdAt())
            && recent(web.events().get(0).createdAt()), "its times", web);

        String second = register("web").taskDefinitionArn();
        ecs.updateService(r -> r.cluster(CLUSTER).service("web")
            .taskDefinition(second).desiredCount(1));
        waitStable(CLUSTER, "web");
        web = service(CLUSTER, "web");
        tap.same(web.taskDefinition(), second, "UpdateService");
        tap.same(web.deployments().size(), 1, "one deployment");
        tap.same(ecs.listServiceDeployments(r -> r.cluster(CLUSTER)
            .service("web")).serviceDeployments().size(), 2,
            "ListServiceDeployments");
        remove(CLUSTER, "web");
    }

    private void taskSets() {
        ecs.createService(r -> r.cluster(CLUSTER).serviceName("sets")
            .desiredCount(2).deploymentController(c -> c.type(
                DeploymentControllerType.EXTERNAL)));
        TaskSet made = ecs.createTaskSet(r -> r.cluster(CLUSTER)
            .service("sets").taskDefinition("job").scale(s -> s
                .unit(ScaleUnit.PERCENT).value(50.0))).taskSet();
        tap.same(made.scale().value(), 50.0, "CreateTaskSet");
        tap.same(ecs.updateServicePrimaryTaskSet(r -> r.cluster(CLUSTER)
            .service("sets").primaryTaskSet(made.id())).taskSet().status(),
            "PRIMARY", "UpdateServicePrimaryTaskSet");
        ecs.updateTaskSet(r -> r.cluster(CLUSTER).service("sets")
            .taskSet(made.id()).scale(s -> s.unit(ScaleUnit.PERCENT)
                .value(100.0)));
        TaskSet found = until(() -> ecs.describeTaskSets(r -> r
            .cluster(CLUSTER).service("sets")).taskSets().get(0), s ->
            s.stabilityStatus() == StabilityStatus.STEADY_STATE
                && s.runningCount() == 2);
        tap.same(found.runningCount(), 2, "DescribeTaskSets");
        ecs.deleteTaskSet(r -> r.cluster(CLUSTER).service("sets")
            .taskSet(made.id()).force(true));
        remove(CLUSTER, "sets");
    }

    /** Calls whose first answer is lost. */
    private void retries() {
        RunTaskResponse ran = lossy.runTask(r -> r.cluster(CLUSTER)
            .taskDefinition("job").startedBy("lossy").count(3));
        tap.same(new TreeSet<>(ecs.listTasks(r -> r.cluster(CLUSTER)
            .startedBy("lossy")).taskArns()),
            ran.tasks().stream().map(Task::taskArn)
                .collect(Collectors.toCollection(TreeSet::new)),
            "RunTask, sent twice, has run its tasks once");
        tap.same(ran.tasks().size(), 3, "and all of them");
        tap.same(lossy.createCluster(r -> r.clusterName("lossy")).cluster()
            .status(), "ACTIVE", "CreateCluster, sent twice");
        tap.same(lossy.deleteCluster(r -> r.cluster("lossy")).cluster()
            .status(), "INACTIVE", "DeleteCluster, sent twice");
    }

    private void capacityProviders() {
        String group = "arn:aws:autoscaling:" + REGION + ":" + ACCOUNT
            + ":autoScalingGroup:5c1b1d7e-7c4b-4d6e-9b4e-0f2a3c4d5e6f"
            + ":autoScalingGroupName/asg";
        tap.same(ecs.createCapacityProvider(r -> r.name("asg")
            .autoScalingGroupProvider(p -> p.autoScalingGroupArn(group)))
            .capacityProvider().status(), CapacityProviderStatus.ACTIVE,
            "CreateCapacityProvider");
        tap.same(ecs.putClusterCapacityProviders(r -> r.cluster(CLUSTER)
            .capacityProviders("asg", "FARGATE")
            .defaultCapacityProviderStrategy(s -> s
                .capacityProvider("FARGATE").weight(2))).cluster()
            .capacityProviders(), List.of("asg", "FARGATE"),
            "PutClusterCapacityProviders");
        tap.same(ecs.deleteCapacityProvider(r -> r.capacityProvider("asg"))
            .capacityProvider().updateStatus(),
            CapacityProviderUpdateStatus.DELETE_FAILED,
            "DeleteCapacityProvider of one in use");
        ecs.putClusterCapacityProviders(r -> r.cluster(CLUSTER)
            .capacityProviders(List.of())
            .defaultCapacityProviderStrategy(List.of()));
        tap.same(ecs.describeClusters(r -> r.clusters(CLUSTER)).clusters()
            .get(0).capacityProviders(), List.of(), "an empty list is sent");
    }

    private static Resource number(String name, int value) {
        return Resource.builder().name(name).type("INTEGER")
            .integerValue(value).build();
    }

    private static Resource set(String name, String... values) {
        return Resource.builder().name(name).type("STRINGSET")
            .stringSetValue(values).build();
    }

    private void containerInstances() {
        String document = "{\"instanceId\":\"i-0123456789abcdef0\","
            + "\"region\":\"" + REGION + "\",\"accountId\":\"" + ACCOUNT
            + "\"}";
        ContainerInstance made = ecs.registerContainerInstance(r -> r
            .cluster(CLUSTER).instanceIdentityDocument(document)
            .totalResources(number("CPU", 2048), number("MEMORY", 4096),
                set("PORTS", "22"), set("PORTS_UDP"))).containerInstance();
        tap.ok(recent(made.registeredAt()), "RegisterContainerInstance",
            made);
        String arn = made.containerInstanceArn();
        tap.same(ecs.listContainerInstances(r -> r.cluster(CLUSTER))
            .containerInstanceArns(), List.of(arn),
            "ListContainerInstances");
        ecs.deregisterContainerInstance(r -> r.cluster(CLUSTER)
            .containerInstance(arn).force(true));
        tap.same(ecs.listContainerInstances(r -> r.cluster(CLUSTER))
            .containerInstanceArns(), List.of(),
            "DeregisterContainerInstance");
    }

    private String insights() {
        return ecs.listAccountSettings(r -> r.effectiveSettings(true)
            .name(SettingName.CONTAINER_INSIGHTS)).settings().get(0)
            .value();
    }

    private void accountSettings() {
        String before = insights();
        tap.same(ecs.putAccountSetting(r -> r.value("enhanced")
            .name(SettingName.CONTAINER_INSIGHTS)).setting().type(),
            SettingType.USER, "PutAccountSetting");
        tap.same(insights(), "enhanced", "ListAccountSettings");
        ecs.deleteAccountSetting(r -> r
            .name(SettingName.CONTAINER_INSIGHTS));
        tap.same(insights(), before, "DeleteAccountSetting");
    }

    private void daemons() {
        String cluster = ecs.createCluster(r -> r.clusterName("daemons"))
            .cluster().clusterArn();
        String profile = "arn:aws:iam::" + ACCOUNT + ":instance-profile/p";
        String provider = ecs.createCapacityProvider(r -> r.name("managed")
            .cluster("daemons").managedInstancesProvider(p -> p
                .infrastructureRoleArn(ROLE).instanceLaunchTemplate(t -> t
                    .ec2InstanceProfileArn(profile)
                    .networkConfiguration(n -> n.subnets("subnet-1")))))
            .capacityProvider().capacityProviderArn();
        String definition = ecs.registerDaemonTaskDefinition(r -> r
            .family("agent").containerDefinitions(c -> c.name("agent")
                .image("agent:1").memory(64))).daemonTaskDefinitionArn();
        CreateDaemonResponse made = ecs.createDaemon(r -> r
            .daemonName("agent").clusterArn(cluster)
            .daemonTaskDefinitionArn(definition)
            .capacityProviderArns(provider));
        tap.same(made.daemonArn(), PREFIX + "daemon/daemons/agent",
            "CreateDaemon");
        tap.ok(recent(made.createdAt()), "createdAt", made.createdAt());
        waiter.waitUntilDaemonActive(r -> r.daemonArn(made.daemonArn()));
        tap.same(ecs.listDaemons(r -> r.clusterArn(cluster))
            .daemonSummariesList().get(0).daemonArn(), made.daemonArn(),
            "ListDaemons");
        ecs.deleteDaemon(r -> r.daemonArn(made.daemonArn()));
        refused(DaemonNotFoundException.class, "Daemon not found.", () ->
            ecs.describeDaemon(r -> r.daemonArn(made.daemonArn() + "x")));
    }

    private void express() {
        String arn = ecs.createExpressGatewayService(r -> r.cluster(CLUSTER)
            .serviceName("express").infrastructureRoleArn(ROLE)
            .executionRoleArn(ROLE).primaryContainer(c -> c
                .image("nginx:1").containerPort(8080))).service()
            .serviceArn();
        tap.same(arn, PREFIX + "service/java/express",
            "CreateExpressGatewayService");
        waitStable(CLUSTER, "express");
        ECSExpressGatewayService found = ecs.describeExpressGatewayService(
            r -> r.serviceArn(arn)).service();
        tap.same(found.activeConfigurations().get(0).primaryContainer()
            .containerPort(), 8080, "DescribeExpressGatewayService");
        ecs.deleteExpressGatewayService(r -> r.serviceArn(arn));
        waiter.waitUntilServicesInactive(r -> r.cluster(CLUSTER)
            .services("express"));
    }

    private void paginators() {
        List<String> names = IntStream.range(0, 8).mapToObj(i -> "page" + i)
            .toList();

        for (String name : names) {
            register(name);
            ecs.createCluster(r -> r.clusterName(name));
            ecs.createService(r -> r.cluster("page0").serviceName(name)
                .taskDefinition(name).desiredCount(0));
        }

        tap.same(ecs.listClustersPaginator(r -> r.maxResults(3))
            .clusterArns().stream().map(a -> a.split("/")[1])
            .filter(names::contains).sorted().toList(), names,
            "ListClusters");
        tap.same(ecs.listServicesPaginator(r -> r.cluster("page0")
            .maxResults(3)).serviceArns().stream()
            .map(a -> a.split("/")[2]).sorted().toList(), names,
            "ListServices");
        tap.same(ecs.listTaskDefinitionFamiliesPaginator(r -> r
            .familyPrefix("page").maxResults(3)).families().stream()
            .sorted().toList(), names, "ListTaskDefinitionFamilies");
        tap.same(ecs.listTaskDefinitionsPaginator(r -> r.maxResults(3))
            .taskDefinitionArns().stream()
            .filter(a -> a.contains("/page")).count(), 8L,
            "ListTaskDefinitions");
        tap.same(ecs.listServicesPaginator(r -> r.cluster("page0")
            .maxResults(3)).stream().map(p -> p.serviceArns().size())
            .toList(), List.of(3, 3, 2), "pages as large as asked for");

        TreeSet<String> ran = ecs.runTask(r -> r.cluster("page1")
            .taskDefinition("job").count(8)).tasks().stream()
            .map(Task::taskArn).collect(Collectors.toCollection(
                TreeSet::new));
        tap.same(ecs.listTasksPaginator(r -> r.cluster("page1")
            .maxResults(3)).taskArns().stream().collect(
                Collectors.toCollection(TreeSet::new)), ran, "ListTasks");
    }

    private void errors() {
        refused(ClusterNotFoundException.class, "Cluster not found.",
            () -> ecs.deleteCluster(r -> r.cluster("none")));
        refused(ServiceNotFoundException.class, "Service not found.",
            () -> ecs.updateService(r -> r.cluster(CLUSTER)
                .service("none")));
        refused(ServiceNotActiveException.class, "Service was not ACTIVE.",
            () -> ecs.updateService(r -> r.cluster(CLUSTER)
                .service("web")));
        refused(InvalidParameterException.class, "Tasks cannot be empty.",
            () -> ecs.describeTasks(r -> r.cluster(CLUSTER)
                .tasks(List.of())));
        refused(ClientException.class,
            "Unable to describe task definition.",
            () -> ecs.describeTaskDefinition(r -> r
                .taskDefinition("none")));
        refused(ClusterContainsServicesException.class,
            "The Cluster cannot be deleted while Services are active.",
            () -> ecs.deleteCluster(r -> r.cluster("page0")));
    }

    private void serve(String cluster) {
        ecs.createCluster(r -> r.clusterName(cluster));
        ecs.createService(r -> r.cluster(cluster).serviceName("s")
            .taskDefinition("job").desiredCount(1));
        waitStable(cluster, "s");
        remove(cluster, "s");
        tap.same(ecs.deleteCluster(r -> r.cluster(cluster)).cluster()
            .status(), "INACTIVE", "DeleteCluster " + cluster);
    }

    private void threads() {
        ExecutorService pool = Executors.newFixedThreadPool(16);
        List<Future<?>> all = new ArrayList<>();

        for (int i = 0; i < 16; i++) {
            String name = "thread" + i;
            all.add(pool.submit(() -> group(name, () -> serve(name))));
        }

        for (Future<?> one : all) {
            try {
                one.get();
            } catch (Exception e) {
                tap.ok(false, "a thread ends", e);
            }
        }

        pool.shutdown();
    }

    private void group(String name, Runnable body) {
        try {
            body.run();
        } catch (RuntimeException e) {
            tap.ok(false, name + " ends", e);
        }
    }

    private int run() {
        group("identity", this::identity);
        group("clusters", this::clusters);
        group("tasks", this::tasks);
        group("services", this::services);
        group("task sets", this::taskSets);
        group("retries", this::retries);
        group("capacity providers", this::capacityProviders);
        group("container instances", this::containerInstances);
        group("account settings", this::accountSettings);
        group("daemons", this::daemons);
        group("express services", this::express);
        group("paginators", this::paginators);
        group("errors", this::errors);
        group("threads", this::threads);

        return tap.end();
    }

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            System.err.println("usage: Ecs ENDPOINT LOSSY");
            System.exit(2);
        }

        System.exit(new Ecs(arguments[0], arguments[1]).run());
    }
}
