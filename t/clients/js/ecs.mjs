// The ECS API through the AWS SDK for JavaScript, version 3, in TAP.
//
//     run ENDPOINT LOSSY
//
// LOSSY is an endpoint that loses every other answer: the SDK has to send
// the call again, and nothing may come of that.

import { isDeepStrictEqual, inspect } from "node:util";
import * as sdk from "@aws-sdk/client-ecs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const ACCOUNT = "210987654321";
const REGION = "ap-southeast-2";
const PREFIX = `arn:aws:ecs:${REGION}:${ACCOUNT}:`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/r`;
const PROFILE = `arn:aws:iam::${ACCOUNT}:instance-profile/p`;

const [endpoint, lossyEndpoint] = process.argv.slice(2);

if (lossyEndpoint === undefined) {
    console.error("usage: run ENDPOINT LOSSY");
    process.exit(2);
}

const configuration = (url) => ({
    endpoint: url, region: REGION,
    credentials: { accessKeyId: ACCOUNT, secretAccessKey: "secret" },
});
const client = new sdk.ECS(configuration(endpoint));
const waiter = { client, maxWaitTime: 120, minDelay: 0.1, maxDelay: 0.5 };

let count = 0;
let failed = 0;

function ok(good, name, why) {
    count++;
    failed += good ? 0 : 1;
    console.log(`${good ? "" : "not "}ok ${count} - ${name}`);

    if (!good && why !== undefined) {
        console.log(String(why).replace(/^/gm, "# "));
    }
}

function same(got, want, name) {
    ok(isDeepStrictEqual(got, want), name,
        `got  ${inspect(got)}\nwant ${inspect(want)}`);
}

// The class of an exception, which has to be one of the SDK's, and its text.
async function refused(call, type, message) {
    try {
        await call;
        ok(false, `${type.name} is thrown`);
    } catch (e) {
        ok(e instanceof type && e instanceof sdk.ECSServiceException,
            `${type.name} is thrown`, e);
        same([e.name, e.message, e.$fault], [type.name, message, "client"],
            `${type.name}: its text`);
        ok(/^[-0-9a-f]{36}$/.test(e.$metadata.requestId), "its request id");
    }
}

// A time that was parsed and is one of this test run.
function recent(time) {
    return time instanceof Date && Math.abs(Date.now() - time) < 600e3;
}

async function until(call, done) {
    const end = Date.now() + 120e3;
    let got = await call();

    while (!done(got) && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        got = await call();
    }

    return got;
}

function register(family) {
    return client.registerTaskDefinition({
        family, tags: [{ key: "of", value: family }],
        containerDefinitions: [{ name: "main", image: "busybox",
            memory: 16, command: ["sleep", "60"] }],
    });
}

async function testIdentity() {
    const sts = new STSClient(configuration(endpoint));
    const who = await sts.send(new GetCallerIdentityCommand({}));
    same(who.Account, ACCOUNT, "GetCallerIdentity");
}

async function testClusters() {
    const { cluster } = await client.createCluster({
        clusterName: "js", tags: [{ key: "a", value: "b" }] });
    same(cluster.clusterArn, `${PREFIX}cluster/js`, "CreateCluster");
    const found = await client.describeClusters({
        clusters: ["js", "none"], include: ["TAGS", "SETTINGS"] });
    same(found.clusters.map((c) => c.status), ["ACTIVE"],
        "DescribeClusters");
    same(found.failures, [{ arn: `${PREFIX}cluster/none`,
        reason: "MISSING" }], "a failure");
    const resourceArn = cluster.clusterArn;
    await client.tagResource({ resourceArn,
        tags: [{ key: "x", value: "" }, { key: "ü", value: "é" }] });
    await client.untagResource({ resourceArn, tagKeys: ["a"] });
    const { tags } = await client.listTagsForResource({ resourceArn });
    same(tags, [{ key: "x", value: "" }, { key: "ü", value: "é" }],
        "TagResource, UntagResource");
}

async function testTasks() {
    const { taskDefinition } = await register("job");
    same(taskDefinition.revision, 1, "RegisterTaskDefinition");
    ok(recent(taskDefinition.registeredAt), "registeredAt");
    const described = await client.describeTaskDefinition({
        taskDefinition: "job", include: ["TAGS"] });
    same(described.taskDefinition, taskDefinition, "DescribeTaskDefinition");
    same(described.tags, [{ key: "of", value: "job" }], "its tags");

    const cluster = "js";
    const ran = await client.runTask({
        cluster, taskDefinition: "job", count: 2, startedBy: "me",
        tags: [{ key: "k", value: "v" }], overrides: {
            containerOverrides: [{ name: "main", command: ["sleep", "7"],
                environment: [{ name: "N", value: "2" }] }] } });
    const tasks = ran.tasks.map((t) => t.taskArn);
    same([tasks.length, ran.failures], [2, []], "RunTask");
    const running = await sdk.waitUntilTasksRunning(waiter,
        { cluster, tasks });
    same(running.state, "SUCCESS", "waiter TasksRunning");
    let [task] = (await client.describeTasks({ cluster, tasks,
        include: ["TAGS"] })).tasks;
    same([task.lastStatus, task.startedBy, task.stopCode],
        ["RUNNING", "me", undefined], "DescribeTasks");
    const [override] = task.overrides.containerOverrides;
    same([override.command, override.environment],
        [["sleep", "7"], [{ name: "N", value: "2" }]], "its overrides");
    same(task.tags, [{ key: "k", value: "v" }], "its tags");
    ok(recent(task.createdAt) && recent(task.startedAt)
        && task.startedAt >= task.createdAt
        && task.stoppedAt === undefined, "its times");

    await client.stopTask({ cluster, task: tasks[0], reason: "bye" });
    const stopped = await sdk.waitUntilTasksStopped(waiter,
        { cluster, tasks: tasks.slice(0, 1) });
    same(stopped.state, "SUCCESS", "waiter TasksStopped");
    [task] = (await client.describeTasks({ cluster,
        tasks: tasks.slice(0, 1) })).tasks;
    same([task.stopCode, task.stoppedReason], ["UserInitiated", "bye"],
        "StopTask");
    ok(recent(task.stoppedAt), "stoppedAt");
    const name = await sdk.waitUntilTasksRunning(waiter, { cluster, tasks })
        .then(() => "none", (e) => JSON.parse(e.message).state);
    same(name, "FAILURE", "waiter TasksRunning fails for a stopped one");
}

async function remove(cluster, service) {
    const gone = await client.deleteService({ cluster, service,
        force: true });
    same(gone.service.status, "DRAINING", `DeleteService ${service}`);
    const inactive = await sdk.waitUntilServicesInactive(waiter,
        { cluster, services: [service] });
    same(inactive.state, "SUCCESS", "waiter ServicesInactive");
}

async function testServices() {
    const cluster = "js";
    const services = ["web"];
    await register("web");
    const { service } = await client.createService({
        cluster, serviceName: "web", taskDefinition: "web", desiredCount: 2,
        tags: [{ key: "s", value: "t" }], deploymentConfiguration: {
            maximumPercent: 200, minimumHealthyPercent: 50 } });
    same([service.status, service.schedulingStrategy], ["ACTIVE", "REPLICA"],
        "CreateService");
    const stable = await sdk.waitUntilServicesStable(waiter,
        { cluster, services });
    same(stable.state, "SUCCESS", "waiter ServicesStable");
    const describe = async () => (await client.describeServices({
        cluster, services, include: ["TAGS"] })).services[0];
    const complete = (s) => s.deployments[0].rolloutState === "COMPLETED";
    let web = await until(describe, complete);
    same([web.runningCount, web.tags, web.deployments[0].rolloutState],
        [2, [{ key: "s", value: "t" }], "COMPLETED"], "DescribeServices");
    ok(recent(web.createdAt) && recent(web.events[0].createdAt)
        && recent(web.deployments[0].updatedAt), "its times");

    const { taskDefinition } = await register("web");
    await client.updateService({ cluster, service: "web", desiredCount: 1,
        taskDefinition: taskDefinition.taskDefinitionArn });
    await sdk.waitUntilServicesStable(waiter, { cluster, services });
    web = await until(describe, complete);
    same([web.taskDefinition, web.deployments.length, web.desiredCount],
        [taskDefinition.taskDefinitionArn, 1, 1], "UpdateService");
    const history = (await client.listServiceDeployments({
        cluster, service: "web" })).serviceDeployments;
    same(history.map((d) => d.status), ["SUCCESSFUL", "SUCCESSFUL"],
        "ListServiceDeployments");
    await remove(cluster, "web");
}

async function testTaskSets() {
    const cluster = "js";
    const service = "sets";
    await client.createService({ cluster, serviceName: service,
        desiredCount: 2, deploymentController: { type: "EXTERNAL" } });
    const { taskSet } = await client.createTaskSet({ cluster, service,
        taskDefinition: "job", externalId: "green",
        scale: { unit: "PERCENT", value: 50 } });
    same(taskSet.scale, { unit: "PERCENT", value: 50 }, "CreateTaskSet");
    const primary = await client.updateServicePrimaryTaskSet({ cluster,
        service, primaryTaskSet: taskSet.taskSetArn });
    same(primary.taskSet.status, "PRIMARY", "UpdateServicePrimaryTaskSet");
    await client.updateTaskSet({ cluster, service, taskSet: taskSet.id,
        scale: { unit: "PERCENT", value: 100 } });
    const [found] = (await until(
        () => client.describeTaskSets({ cluster, service }),
        ({ taskSets: [set] }) => set.runningCount === 2
            && set.stabilityStatus === "STEADY_STATE")).taskSets;
    same([found.runningCount, found.externalId], [2, "green"],
        "DescribeTaskSets");
    ok(recent(found.stabilityStatusAt), "stabilityStatusAt");
    await client.deleteTaskSet({ cluster, service, taskSet: taskSet.id,
        force: true });
    await remove(cluster, service);
}

// Calls whose first answer is lost.
async function testRetries() {
    const lossy = new sdk.ECS(configuration(lossyEndpoint));
    const cluster = "js";
    const ran = await lossy.runTask({ cluster, taskDefinition: "job",
        startedBy: "lossy", count: 3 });
    same(ran.$metadata.attempts, 2, "RunTask is sent twice");
    const { taskArns } = await client.listTasks({ cluster,
        startedBy: "lossy" });
    same(taskArns.sort(), ran.tasks.map((t) => t.taskArn).sort(),
        "and has run three tasks");
    const made = await lossy.createCluster({ clusterName: "lossy" });
    same([made.cluster.status, made.$metadata.attempts], ["ACTIVE", 2],
        "CreateCluster, sent twice");
    const gone = await lossy.deleteCluster({ cluster: "lossy" });
    same([gone.cluster.status, gone.$metadata.attempts], ["INACTIVE", 2],
        "DeleteCluster, sent twice");
}

async function testCapacityProviders() {
    const cluster = "js";
    const name = "asg";
    const { capacityProvider } = await client.createCapacityProvider({
        name, autoScalingGroupProvider: {
            autoScalingGroupArn: `arn:aws:autoscaling:${REGION}:${ACCOUNT}:`
                + "autoScalingGroup:5c1b1d7e-7c4b-4d6e-9b4e-0f2a3c4d5e6f:"
                + "autoScalingGroupName/asg",
            managedScaling: { status: "ENABLED", targetCapacity: 80 } } });
    same(capacityProvider.status, "ACTIVE", "CreateCapacityProvider");
    const strategy = [{ capacityProvider: "FARGATE", base: 1, weight: 2 }];
    const put = await client.putClusterCapacityProviders({ cluster,
        capacityProviders: [name, "FARGATE"],
        defaultCapacityProviderStrategy: strategy });
    same(put.cluster.defaultCapacityProviderStrategy, strategy,
        "PutClusterCapacityProviders");
    const kept = await client.deleteCapacityProvider({
        capacityProvider: name });
    same(kept.capacityProvider.updateStatus, "DELETE_FAILED",
        "DeleteCapacityProvider of one in use");
    await client.putClusterCapacityProviders({ cluster,
        capacityProviders: [], defaultCapacityProviderStrategy: [] });
    await client.deleteCapacityProvider({ capacityProvider: name });
    const found = await until(
        () => client.describeCapacityProviders({
            capacityProviders: [name, "FARGATE"] }),
        ({ capacityProviders: list }) =>
            list.every((p) => p.status === "INACTIVE" || p.name !== name));
    ok(found.capacityProviders.some((p) => p.name === "FARGATE"),
        "DescribeCapacityProviders");
}

async function testContainerInstances() {
    const cluster = "js";
    const { containerInstance } = await client.registerContainerInstance({
        cluster, instanceIdentityDocument: JSON.stringify({
            instanceId: "i-0123456789abcdef0", region: REGION,
            accountId: ACCOUNT }),
        totalResources: [
            { name: "CPU", type: "INTEGER", integerValue: 2048 },
            { name: "MEMORY", type: "INTEGER", integerValue: 4096 },
            { name: "PORTS", type: "STRINGSET", stringSetValue: ["22"] },
            { name: "PORTS_UDP", type: "STRINGSET", stringSetValue: [] },
        ] });
    const arn = containerInstance.containerInstanceArn;
    ok(recent(containerInstance.registeredAt), "RegisterContainerInstance");
    same((await client.listContainerInstances({ cluster }))
        .containerInstanceArns, [arn], "ListContainerInstances");
    const found = await client.describeContainerInstances({ cluster,
        containerInstances: [arn] });
    same(found.containerInstances[0].status, "ACTIVE",
        "DescribeContainerInstances");
    await client.deregisterContainerInstance({ cluster,
        containerInstance: arn, force: true });
    same((await client.listContainerInstances({ cluster }))
        .containerInstanceArns, [], "DeregisterContainerInstance");
}

async function testAccountSettings() {
    const name = "containerInsights";
    const value = async () => (await client.listAccountSettings({
        name, effectiveSettings: true })).settings[0].value;
    const before = await value();
    await client.putAccountSettingDefault({ name, value: "enhanced" });
    same(await value(), "enhanced", "PutAccountSettingDefault");
    const put = await client.putAccountSetting({ name, value: "disabled" });
    same(put.setting.type, "user", "PutAccountSetting");
    same(await value(), "disabled", "ListAccountSettings");
    await client.deleteAccountSetting({ name });
    ok(["enhanced", before].includes(await value()),
        "DeleteAccountSetting");
}

async function testDaemons() {
    const { cluster } = await client.createCluster({
        clusterName: "daemons" });
    const clusterArn = cluster.clusterArn;
    const { capacityProvider } = await client.createCapacityProvider({
        name: "managed", cluster: "daemons", managedInstancesProvider: {
            infrastructureRoleArn: ROLE, instanceLaunchTemplate: {
                ec2InstanceProfileArn: PROFILE,
                networkConfiguration: { subnets: ["subnet-1"] } } } });
    const { daemonTaskDefinitionArn } = await client
        .registerDaemonTaskDefinition({ family: "agent",
            containerDefinitions: [
                { name: "agent", image: "agent:1", memory: 64 }] });
    const { daemonArn, createdAt } = await client.createDaemon({
        daemonName: "agent", clusterArn, daemonTaskDefinitionArn,
        capacityProviderArns: [capacityProvider.capacityProviderArn] });
    same(daemonArn, `${PREFIX}daemon/daemons/agent`, "CreateDaemon");
    ok(recent(createdAt), "createdAt");
    const active = await sdk.waitUntilDaemonActive(waiter, { daemonArn });
    same(active.state, "SUCCESS", "waiter DaemonActive");
    const { daemonSummariesList } = await client.listDaemons({ clusterArn });
    same(daemonSummariesList.map((d) => d.daemonArn), [daemonArn],
        "ListDaemons");
    await client.deleteDaemon({ daemonArn });
    await refused(client.describeDaemon({ daemonArn: `${daemonArn}-none` }),
        sdk.DaemonNotFoundException, "Daemon not found.");
}

async function testExpress() {
    const cluster = "js";
    const { service } = await client.createExpressGatewayService({
        cluster, serviceName: "express", infrastructureRoleArn: ROLE,
        executionRoleArn: ROLE,
        primaryContainer: { image: "nginx:1", containerPort: 8080 } });
    const { serviceArn } = service;
    same(serviceArn, `${PREFIX}service/js/express`,
        "CreateExpressGatewayService");
    const services = ["express"];
    const stable = await sdk.waitUntilServicesStable(waiter,
        { cluster, services });
    same(stable.state, "SUCCESS", "its service is stable");
    const found = (await client.describeExpressGatewayService({
        serviceArn })).service;
    same([found.status.statusCode,
        found.activeConfigurations[0].primaryContainer.containerPort],
    ["ACTIVE", 8080], "DescribeExpressGatewayService");
    await client.deleteExpressGatewayService({ serviceArn });
    const gone = await sdk.waitUntilServicesInactive(waiter,
        { cluster, services });
    same(gone.state, "SUCCESS", "DeleteExpressGatewayService");
}

async function testGateways() {
    const gateway = "edge";
    const configuration = { hostSharedAlb: { maxAlbCount: 3 } };
    const made = await client.createGateway({ name: gateway,
        infrastructureRoleArn: ROLE, deletionProtection: false,
        configuration });
    same(made.gatewayArn, `${PREFIX}gateway/edge`, "CreateGateway");
    const found = (await client.describeGateway({ gateway })).gateway;
    ok(recent(found.createdAt), "DescribeGateway");
    same(found.configuration.hostSharedAlb.maxAlbCount, 3,
        "its configuration, a union");
    same((await client.listGateways({})).gateways.map((g) => g.gatewayArn),
        [made.gatewayArn], "ListGateways");
    await client.deleteGateway({ gateway });
    await refused(client.describeGateway({ gateway }),
        sdk.GatewayNotFoundException, "Gateway not found.");
}

async function testPaginators() {
    const names = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => `page${i}`);

    for (const name of names) {
        await register(name);
        await client.createCluster({ clusterName: name });
        await client.createService({ cluster: "page0", serviceName: name,
            taskDefinition: name, desiredCount: 0 });
    }

    const ran = await client.runTask({ cluster: "page1",
        taskDefinition: "job", count: 8 });
    const pagination = { client, pageSize: 3 };

    async function all(operation, member, input) {
        const found = [];
        let pages = 0;

        for await (const page of sdk[`paginate${operation}`](pagination,
            input)) {
            ok(page[member].length <= 3, `${operation}: a page`);
            found.push(...page[member].map((arn) => arn.split("/").pop()));
            pages++;
        }

        ok(pages > 2, `${operation}: several pages`, pages);

        return found.sort();
    }

    same((await all("ListClusters", "clusterArns", {}))
        .filter((n) => n.startsWith("page")), names, "ListClusters");
    same(await all("ListServices", "serviceArns", { cluster: "page0" }),
        names, "ListServices");
    same(await all("ListTasks", "taskArns", { cluster: "page1" }),
        ran.tasks.map((t) => t.taskArn.split("/").pop()).sort(),
        "ListTasks");
    same(await all("ListTaskDefinitionFamilies", "families",
        { familyPrefix: "page" }), names, "ListTaskDefinitionFamilies");
    same((await all("ListTaskDefinitions", "taskDefinitionArns", {}))
        .filter((n) => n.startsWith("page")), names.map((n) => `${n}:1`),
    "ListTaskDefinitions");
}

async function testErrors() {
    const cluster = "js";
    await refused(client.deleteCluster({ cluster: "none" }),
        sdk.ClusterNotFoundException, "Cluster not found.");
    await refused(client.updateService({ cluster, service: "none" }),
        sdk.ServiceNotFoundException, "Service not found.");
    await refused(client.updateService({ cluster, service: "web" }),
        sdk.ServiceNotActiveException, "Service was not ACTIVE.");
    await refused(client.describeTasks({ cluster, tasks: [] }),
        sdk.InvalidParameterException, "Tasks cannot be empty.");
    await refused(client.describeTaskDefinition({ taskDefinition: "none" }),
        sdk.ClientException, "Unable to describe task definition.");
    await refused(client.deleteCluster({ cluster: "page0" }),
        sdk.ClusterContainsServicesException,
        "The Cluster cannot be deleted while Services are active.");
}

async function testParallel() {
    await Promise.all([...Array(16).keys()].map(async (i) => {
        const cluster = `parallel${i}`;
        await client.createCluster({ clusterName: cluster });
        await client.createService({ cluster, serviceName: "s",
            taskDefinition: "job", desiredCount: 1 });
        const stable = await sdk.waitUntilServicesStable(waiter,
            { cluster, services: ["s"] });
        same(stable.state, "SUCCESS", `${cluster} is stable`);
        await remove(cluster, "s");
        const gone = await client.deleteCluster({ cluster });
        same(gone.cluster.status, "INACTIVE", "DeleteCluster");
    }));
}

for (const test of [testIdentity, testClusters, testTasks, testServices,
    testTaskSets, testRetries, testCapacityProviders, testContainerInstances,
    testAccountSettings, testDaemons, testExpress, testGateways,
    testPaginators, testErrors, testParallel]) {
    try {
        await test();
    } catch (e) {
        ok(false, `${test.name} ends`, e.stack);
    }
}

console.log(`1..${count}`);
process.exitCode = failed ? 1 : 0;
