#!/usr/bin/perl

# Tasks as a client sees them: RunTask and all it refuses, tokens, overrides,
# tags, StopTask, DescribeTasks, ListTasks and its filters.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsApi;
use Test::More;

api_start();

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my %NET = (networkConfiguration => { awsvpcConfiguration =>
                                     { subnets => ['subnet-1'] } });
my $NO_TASK = 'The referenced task was not found.';

golden('tasks');
$t->stop_reconciler;


# Definitions to run.

sub define {
    my ($family, %more) = @_;

    ok_api('RegisterTaskDefinition', { family => $family,
        containerDefinitions => [{ name => 'c', image => 'i', memory => 64,
                                   cpu => 10 }], %more },
        name => "family $family");

    return;
}

ok_api('CreateCluster', {});
define('bridge', tags => [{ key => 'from', value => 'definition' },
                          { key => 'both', value => 'definition' }]);
define('host', networkMode => 'host');
define('vpc', networkMode => 'awsvpc', cpu => '256', memory => '512');
define('windows', networkMode => 'awsvpc', cpu => '1024', memory => '2048',
       runtimePlatform => { operatingSystemFamily =>
                            'WINDOWS_SERVER_2022_CORE' });
define('arm', networkMode => 'awsvpc', cpu => '256', memory => '512',
       runtimePlatform => { cpuArchitecture => 'ARM64' },
       ephemeralStorage => { sizeInGiB => 30 });
define('pair', containerDefinitions => [
    { name => 'a', image => 'i', memory => 64, cpu => 10 },
    { name => 'b', image => 'j', memoryReservation => 32,
      essential => $no }]);
define('old');
ok_api('DeregisterTaskDefinition', { taskDefinition => 'old:1' });

sub run {
    my (%in) = @_;

    my $out = ok_api('RunTask', { taskDefinition => 'bridge', %in });
    is_deeply($out->{failures}, [], 'no failures');

    return wantarray ? @{ $out->{tasks} } : $out->{tasks}[0];
}

sub id { $_[0] =~ m{([^/]+)$} }


# A volume configured at launch.

define('disk', volumes => [{ name => 'data', configuredAtLaunch => $yes }],
       tags => [{ key => 'from', value => 'definition' }]);
my ($disk) = run(taskDefinition => 'disk', volumeConfigurations => [
    { name => 'data', managedEBSVolume => {
        roleArn => 'arn:aws:iam::000000000000:role/ebs', sizeInGiB => 8,
        terminationPolicy => { deleteOnTermination => $no } } }]);
my ($ebs) = @{ $disk->{attachments} };
delete $ebs->{id};
is_deeply($ebs, { type => 'AmazonElasticBlockStorage', status => 'CREATED',
    details => [
        { name => 'roleArn', value => 'arn:aws:iam::000000000000:role/ebs' },
        { name => 'volumeName', value => 'data' },
        { name => 'deleteOnTermination', value => 'false' } ] },
    'an attachment tells of a volume');
ok(!exists $disk->{volumeConfigurations}, 'nothing else does');
refused('RunTask', { taskDefinition => 'disk', volumeConfigurations => [
            { name => 'data', managedEBSVolume => $$_[0] } ] },
        'InvalidParameterException', $$_[1]) for
    [{ roleArn => 'r' }, 'ECS managed EBS volume configuration was invalid.'
     . ' Specify either sizeInGiB or snapshotId.'],
    [{ sizeInGiB => 8 }, qr/'volumeConfigurations\.1\.member\.managedEBSVolume
        \.roleArn'\ failed/x];


# Launch types and platforms.

my $task = run();
is($task->{lastStatus}, 'PENDING', 'a bridge task begins as PENDING');
is($task->{launchType}, 'EC2', 'EC2 is the default');
is($task->{cpu}, '10', 'cpu is the sum of the containers, as text');
is($task->{memory}, '64', 'and so is memory');
is_deeply($task->{attachments}, [], 'no interface of its own');
is_deeply($task->{containers}[0]{networkBindings}, [], 'no bindings yet');
is($task->{containers}[0]{cpu}, '10', 'cpu of a container is text');
is($task->{containers}[0]{memory}, '64', 'memory too');
ok(!exists $task->{$_}, "no $_") for qw(platformVersion platformFamily
    ephemeralStorage startedBy capacityProviderName connectivity
    healthStatus stopCode startedAt);
is($task->{group}, 'family:bridge', 'its group');

is(run(taskDefinition => 'host')->{lastStatus}, 'PENDING', 'host');
$task = run(taskDefinition => 'vpc', %NET);
is($task->{lastStatus}, 'PROVISIONING', 'awsvpc begins as PROVISIONING');
is($task->{launchType}, 'EC2', 'on EC2');
$task = run(taskDefinition => 'windows', launchType => 'FARGATE', %NET);
is($task->{platformVersion}, '1.0.0', 'Windows: platform 1.0.0');
is($task->{platformFamily}, 'WINDOWS_SERVER_2022_CORE', 'its family');
$task = run(taskDefinition => 'arm', launchType => 'FARGATE', %NET,
            platformVersion => 'LATEST');
is($task->{platformVersion}, '1.4.0', 'LATEST is 1.4.0');
is_deeply($task->{attributes}, [{ name => 'ecs.cpu-architecture',
                                  value => 'arm64' }], 'ARM64');
is($task->{ephemeralStorage}{sizeInGiB}, 30, 'ephemeral storage');
is(run(launchType => 'EXTERNAL')->{launchType}, 'EXTERNAL', 'EXTERNAL');

ok_api('CreateCluster', { clusterName => 'spot',
    capacityProviders => ['FARGATE', 'FARGATE_SPOT'],
    defaultCapacityProviderStrategy => [
        { capacityProvider => 'FARGATE', base => 1 },
        { capacityProvider => 'FARGATE_SPOT', weight => 1 }] });
my @tasks = run(cluster => 'spot', taskDefinition => 'vpc', count => 3, %NET);
is_deeply([ map { $_->{capacityProviderName} } @tasks ],
          ['FARGATE', 'FARGATE_SPOT', 'FARGATE_SPOT'],
          'the default strategy: base first, then by weight');
is($tasks[2]{launchType}, 'FARGATE', 'its launch type');
@tasks = run(cluster => 'spot', taskDefinition => 'vpc', count => 2, %NET,
             capacityProviderStrategy => [
                 { capacityProvider => 'FARGATE_SPOT', weight => 1 }]);
is_deeply([ map { $_->{capacityProviderName} } @tasks ],
          [('FARGATE_SPOT') x 2], 'a strategy of the request');
is(scalar(my @ten = run(count => 10)), 10, 'ten at once');
is(scalar keys %{ { map { ($_->{taskArn} => 1) } @ten } }, 10,
   'with ten ids');


# Refusals, with what each is checked before.

refused('RunTask', { taskDefinition => 'bridge', %{ $$_[0] } },
        $$_[2] // 'InvalidParameterException', $$_[1]) for
    [{ taskDefinition => 'none' }, 'TaskDefinition not found.',
     'ClientException'],
    [{ taskDefinition => 'bridge:9' }, 'TaskDefinition not found.',
     'ClientException'],
    [{ taskDefinition => 'old:1' }, 'TaskDefinition is inactive',
     'ClientException'],
    [{ taskDefinition => 'old' }, 'TaskDefinition not found.',
     'ClientException'],
    [{ taskDefinition => 'bridge:x' },
     'Invalid task definition: Invalid revision number.'],
    [{ taskDefinition => '' }, 'TaskDefinition can not be blank.'],
    [{ taskDefinition => account_arn('task-definition/bridge:1',
                                     account => '111122223333') },
     'TaskDefinition not found.', 'ClientException'],
    [{ cluster => 'none' }, 'Cluster not found.',
     'ClusterNotFoundException'],
    [{ cluster => 'none', taskDefinition => 'none', count => 0 },
     'Cluster not found.', 'ClusterNotFoundException'],
    [{ count => 0 }, 'count must be between 1 and 10.'],
    [{ count => 11 }, 'count must be between 1 and 10.'],
    [{ taskDefinition => 'none', count => 11 },
     'count must be between 1 and 10.'],
    [{ propagateTags => 'SERVICE' }, 'Invalid value for propagateTags'],
    [{ propagateTags => 'NONE' }, 'Invalid value for propagateTags'],
    [{ launchType => 'LAMBDA' }, 'launch type should be one of'
     . ' [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]'],
    [{ launchType => 'FARGATE' },
     'Task definition does not support launch_type FARGATE.'],
    [{ taskDefinition => 'vpc', launchType => 'EXTERNAL', %NET },
     'Task definition does not support launch_type EXTERNAL.'],
    [{ cluster => 'spot', launchType => 'EC2', capacityProviderStrategy =>
       [{ capacityProvider => 'FARGATE' }] },
     'Specifying both a launch type and capacity provider strategy is not'
     . ' supported. Remove one and try again.'],
    [{ capacityProviderStrategy => [{ capacityProvider => 'FARGATE' }] },
     'The specified capacity provider strategy cannot contain a capacity'
     . ' provider that is not associated with the cluster. Associate the'
     . ' capacity provider with the cluster and try again.'],
    [{ cluster => 'spot', taskDefinition => 'vpc', %NET,
       capacityProviderStrategy => [map { +{ capacityProvider => $_,
       weight => 0 } } qw(FARGATE FARGATE_SPOT)] },
     qr/^There are no capacity providers in the capacity provider strategy w/],
    [{ platformVersion => '1.4.0' }, 'The platform version must be null when'
     . ' specifying an EC2 launch type.'],
    [{ taskDefinition => 'vpc', launchType => 'FARGATE', %NET,
       platformVersion => '1.3.0' },
     'The specified platform version does not exist.',
     'PlatformUnknownException'],
    [{ taskDefinition => 'vpc' }, 'Network Configuration must be provided'
     . " when networkMode 'awsvpc' is specified."],
    [{ %NET }, 'Network Configuration is not valid for the given networkMode'
     . ' of this task definition.'],
    [{ taskDefinition => 'vpc', networkConfiguration =>
       { awsvpcConfiguration => { subnets => [] } } },
     'subnets can not be empty.'],
    [{ taskDefinition => 'vpc', networkConfiguration =>
       { awsvpcConfiguration => { subnets => [map { "s$_" } 1 .. 17] } } },
     'subnets can have at most 16 items.'],
    [{ taskDefinition => 'vpc', networkConfiguration =>
       { awsvpcConfiguration => { subnets => ['s'], securityGroups =>
                                  [map { "g$_" } 1 .. 6] } } },
     'securityGroups can have at most 5 items.'],
    [{ taskDefinition => 'vpc', networkConfiguration =>
       { awsvpcConfiguration => { subnets => ['s'],
                                  assignPublicIp => 'ENABLED' } } },
     'Assign public IP is not supported for this launch type.'],
    [{ taskDefinition => 'vpc', launchType => 'FARGATE', %NET,
       placementStrategy => [{ type => 'random' }] },
     'Placement strategies are not supported with FARGATE launch type.'],
    [{ taskDefinition => 'vpc', launchType => 'FARGATE', %NET,
       placementConstraints => [{ type => 'distinctInstance' }] },
     'Placement constraints are not supported with FARGATE launch type.'],
    [{ placementStrategy => [{ type => 'binpack', field => 'disk' }] },
     "binpack field 'disk' is invalid"],
    [{ placementStrategy => [{ type => 'pile' }] },
     qr/^placement strategy type should be one of \[random,spread,binpack\]/],
    [{ placementConstraints => [{ type => 'near' }] },
     qr/^placement constraint type should be one of \[distinctInstance,mem/],
    [{ overrides => { containerOverrides => [{ name => 'x' }] } },
     'Override for container named x is not a container in the'
     . ' TaskDefinition.'],
    [{ overrides => { cpu => 'x' } }, "Invalid 'cpu' setting for task."],
    [{ overrides => { containerOverrides => [{ name => 'c', command =>
       ['x' x 8192] }] } },
     'Container Overrides length must be at most 8192'],
    [{ startedBy => 'x' x 129 },
     'startedBy cannot be longer than 128 characters.'],
    [{ group => 'x' x 256 }, 'group cannot be longer than 255 characters.'],
    [{ referenceId => 'x' x 1025 },
     'referenceId cannot be longer than 1024 characters.'],
    [{ clientToken => 'x' x 65 }, 'idempotency token longer than 64.'],
    [{ tags => [{ key => 'aws:a', value => '' }] },
     'aws: prefixed tag key names are not allowed for external use.'],
    [{ tags => [{ key => 'a' }] }, 'Tag value can not be null.'],
    [{ volumeConfigurations => [{ name => 'v', managedEBSVolume =>
       { roleArn => 'arn:aws:iam::000000000000:role/r' } }] },
     "The volume name 'v' in your request does not have a matching volume in"
     . ' your Task Definition'];
refused('RunTask', {}, 'InvalidParameterException',
        qr/'taskDefinition' failed to satisfy constraint: Member must not be/);

# What Terraform and the GitHub action send, empty as it is.

$task = run(overrides => { executionRoleArn => '', taskRoleArn => '',
    containerOverrides => [{ cpu => 0, memory => 0, memoryReservation => 0 }]
    }, tags => [], volumeConfigurations => [], capacityProviderStrategy => [],
    placementConstraints => [], placementStrategy => [], group => '',
    startedBy => 'GitHub-Actions', networkConfiguration => undef,
    enableExecuteCommand => $no, platformVersion => '');
is_deeply($task->{overrides}, { containerOverrides => [{ name => 'c' }],
          inferenceAcceleratorOverrides => [] }, 'empty is as absent');
is($task->{startedBy}, 'GitHub-Actions', 'startedBy');


# Overrides.

$task = run(taskDefinition => 'pair', group => 'batch', overrides => {
    cpu => '1 vCPU', memory => '1 GB', taskRoleArn => 'r',
    containerOverrides => [{ name => 'b', command => ['x', ''], cpu => 5,
        environment => [{ name => 'E', value => '1' }], memory => 48,
        memoryReservation => 40 }] });
is_deeply($task->{overrides}, { cpu => '1024', memory => '1024',
    taskRoleArn => 'r', inferenceAcceleratorOverrides => [],
    containerOverrides => [{ name => 'a' }, { name => 'b',
        command => ['x', ''], cpu => 5, memory => 48,
        environment => [{ name => 'E', value => '1' }],
        memoryReservation => 40 }] },
    'one entry per container, in the order of the definition');
is("$task->{cpu}/$task->{memory}", '1024/1024', 'the sizes of the task');
is($task->{containers}[1]{cpu}, '5', 'of a container');
is($task->{containers}[1]{memoryReservation}, '40', 'its reservation');
is($task->{group}, 'batch', 'a group of its own');

$task = run(enableExecuteCommand => $yes);
ok($task->{enableExecuteCommand}, 'enableExecuteCommand');
is($task->{containers}[0]{managedAgents}[0]{name}, 'ExecuteCommandAgent',
   'the agent');


# Tags.

sub tags { join ' ', map { "$_->{key}=$_->{value}" } @{ $_[0]{tags} } }

is(tags(run()), '', 'none unless propagated');
is(tags(run(propagateTags => 'TASK_DEFINITION', enableECSManagedTags => $yes,
            tags => [{ key => 'both', value => 'request' },
                     { key => 'own', value => '' }])),
   'both=request own= from=definition aws:ecs:clusterName=default',
   'those of the request first');


# Tokens.

my $token = { taskDefinition => 'bridge', count => 2, clientToken => 'T' };
my $first = ok_api('RunTask', $token);
is_deeply(ok_api('RunTask', $token), $first, 'the same request, the same');
refused('RunTask', { %$token, group => 'g' }, 'ConflictException',
        qr/already in use with a different request\.$/,
        also => ['resourceIds']);
isnt(ok_api('RunTask', { %$token, clientToken => 'U' })->{tasks}[0]{taskArn},
     $first->{tasks}[0]{taskArn}, 'another token, other tasks');
ok_api('CreateCluster', {}, region => 'eu-west-1');
refused('RunTask', $token, 'ClientException', 'TaskDefinition not found.',
        region => 'eu-west-1', name => 'a token is of its region');
refused('RunTask', { taskDefinition => 'none', clientToken => 'V' },
        'ClientException', 'TaskDefinition not found.');
is(scalar @{ ok_api('RunTask', { taskDefinition => 'bridge',
                                 clientToken => 'V' })->{tasks} }, 1,
   'a refused request leaves its token free');
$t->reload;
is_deeply(ok_api('RunTask', $token), $first, 'after a reload, too');


# DescribeTasks.

my $arn = $first->{tasks}[0]{taskArn};
my ($id) = id($arn);
(my $dashed = $id) =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12})$/$1-$2-$3-$4-$5/;

for my $name ($arn, $id, $dashed, account_arn("task/$id"),
              account_arn("task/$dashed"))
{
    my $out = ok_api('DescribeTasks', { tasks => [$name] });
    is($out->{tasks}[0]{taskArn}, $arn, "named $name");
    is_deeply($out->{tasks}[0]{tags}, [], 'tags are [] unless included');
}

my $missing = '0' x 32;
my $out = ok_api('DescribeTasks', { tasks => [$missing, $arn, $id, $missing,
    account_arn("task/default/$missing")], include => ['TAGS', 'BOGUS'] });
is(scalar @{ $out->{tasks} }, 1, 'each task once');
is_deeply([ map { $_->{arn} } @{ $out->{failures} } ],
          [(account_arn("task/default/$missing")) x 3],
          'failures with full ARNs');

refused('DescribeTasks', $$_[0], 'InvalidParameterException', $$_[1]) for
    [{ tasks => [] }, 'Tasks cannot be empty.'],
    [{}, 'Tasks cannot be empty.'],
    [{ tasks => [map { $missing } 1 .. 101] },
     'Tasks cannot have more than 100 elements.'],
    [{ tasks => ['short'] }, 'taskId length should be one of [32,36]'],
    [{ tasks => [account_arn("task/default/$missing",
                             account => '111122223333')] },
     'AccountIDs mismatch'],
    [{ tasks => [account_arn("task/default/$missing",
                             region => 'eu-west-1')] }, 'Regions mismatch'],
    [{ tasks => [account_arn("task/spot/$missing")] },
     'Invalid identifier: Identifier is for cluster spot. Your cluster is'
     . ' default'],
    [{ tasks => ["a/b/$missing"] },
     'Invalid identifier: Unexpected number of separators'],
    [{ tasks => [account_arn("service/default/$missing")] },
     'Invalid identifier: Unexpected resource type'];
is(scalar @{ ok_api('DescribeTasks', { tasks => [map { $missing } 1 .. 100]
   })->{failures} }, 100, 'a hundred at once');


# StopTask.

refused('StopTask', $$_[0], 'InvalidParameterException', $$_[1]) for
    [{ task => $missing }, $NO_TASK],
    [{ task => account_arn("task/default/$missing") }, $NO_TASK],
    [{ task => 'z' x 32 }, $NO_TASK],
    [{ task => 'short' }, 'taskId length should be one of [32,36]'],
    [{ task => $arn, cluster => 'spot' }, 'Invalid identifier: Identifier is'
     . ' for cluster default. Your cluster is spot'],
    [{ task => $id, cluster => 'spot' }, $NO_TASK],
    [{ task => $id, reason => 'x' x 1025 },
     'reason cannot be longer than 1024 characters.'],
    [{}, qr/'task' failed to satisfy constraint: Member must not be null/];

my $stopped = ok_api('StopTask', { task => $id })->{task};
is($stopped->{stoppedReason}, 'Task stopped by user', 'the default reason');
is($stopped->{version}, 2, 'the version has grown');
is_like(ok_api('StopTask', { task => $arn, reason => 'again' })->{task},
        $stopped, 'a second stop changes nothing');


# ListTasks.

sub listed {
    my (%in) = @_;

    return sort map { id($_) } @{ ok_api('ListTasks', \%in)->{taskArns} };
}

my @mine = map { (id($_->{taskArn}))[0] } @ten;
ok((grep { $_ eq $mine[0] } listed()), 'RUNNING by default');
ok(!(grep { $_ eq $id } listed()), 'without those that are to stop');
is_deeply([listed(desiredStatus => 'STOPPED')], [$id], 'STOPPED');
is_deeply([listed(desiredStatus => 'PENDING')], [], 'PENDING is empty');
is_deeply([listed(family => 'host')],
          [listed(family => 'host', launchType => 'EC2')], 'by family');
is_deeply([listed(family => 'hos')], [], 'a whole family');
is_deeply([listed(family => 'host', launchType => 'FARGATE')], [],
          'by launch type');
is(scalar(my @l = listed(launchType => 'FARGATE')), 2, 'FARGATE');
is(scalar(@l = listed(startedBy => 'GitHub-Actions')), 1, 'by startedBy');
is_deeply([listed(startedBy => 'GitHub')], [], 'the whole of it');
is_deeply([listed(containerInstance => '0' x 32)], [],
          'no such instance');
is(scalar(@l = listed(cluster => 'spot')), 5, 'of a cluster');
refused('ListTasks', $$_[0], $$_[2] // 'InvalidParameterException', $$_[1])
    for
    [{ serviceName => 'none' }, 'Service not found.',
     'ServiceNotFoundException'],
    [{ startedBy => 'a', family => 'b' }, 'When startedBy is specified as the'
     . ' filter, it must be the only filter that is used.'],
    [{ desiredStatus => 'x' },
     'desired status should be one of [RUNNING,PENDING,STOPPED]'],
    [{ launchType => 'x' }, 'launch type should be one of'
     . ' [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]'],
    [{ serviceName => account_arn('service/spot/s') },
     'Invalid identifier: Identifier is for cluster spot. Your cluster is'
     . ' default'];


# With the reconciler: a stopped task goes on being described and listed.

$t->start_reconciler;
wait_api('DescribeTasks', { tasks => [$id] }, 'it stops',
         sub { $_[0]{tasks}[0]{lastStatus} eq 'STOPPED' });
is_deeply([listed(desiredStatus => 'STOPPED')], [$id], 'still listed');
is_deeply(ok_api('RunTask', $token)->{tasks}[0]{lastStatus}, 'STOPPED',
          'the token still stands for it');
is(ok_api('StopTask', { task => $id })->{task}{lastStatus}, 'STOPPED',
   'it can be stopped again');
refused('TagResource', { resourceArn => $arn,
                         tags => [{ key => 'a', value => 'b' }] },
        'InvalidParameterException', 'The specified task is stopped. Specify'
        . ' a running task and try again.');

my %versions;
wait_api('DescribeTasks', { tasks => [$mine[0]] }, 'another one runs', sub {
    push @{ $versions{seen} }, $_[0]{tasks}[0]{version};
    $_[0]{tasks}[0]{lastStatus} eq 'RUNNING' });
is_deeply($versions{seen}, [ sort { $a <=> $b } @{ $versions{seen} } ],
          'its version only grows');

$t->done;
