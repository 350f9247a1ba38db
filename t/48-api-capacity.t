#!/usr/bin/perl

# Where tasks run: capacity providers, container instances, what their
# agents tell, attributes; and account settings.

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
my $INVALID = 'InvalidParameterException';
my $GROUP = 'arn:aws:autoscaling:us-east-1:000000000000:'
            . 'autoScalingGroup:1:autoScalingGroupName/';
my $NONE = '0123456789abcdef0123456789abcdef';

ok_api('CreateCluster', {});


# Capacity providers.

sub group { return { autoScalingGroupProvider => {
                     autoScalingGroupArn => $GROUP . shift, @_ } } }

my %MANAGED = (managedInstancesProvider => {
    infrastructureRoleArn => 'arn:r', instanceLaunchTemplate => {
        ec2InstanceProfileArn => 'arn:p',
        networkConfiguration => { subnets => ['subnet-1'] } } });

is_like(ok_api('CreateCapacityProvider', { name => 'mine', %{ group('a') },
               tags => [{ key => 'a', value => '1' }] }),
    { capacityProvider => { autoScalingGroupProvider => {
        autoScalingGroupArn => "${GROUP}a", managedDraining => 'ENABLED',
        managedScaling => { instanceWarmupPeriod => 300,
            maximumScalingStepSize => 10000, minimumScalingStepSize => 1,
            status => 'DISABLED', targetCapacity => 100 },
        managedTerminationProtection => 'DISABLED' },
      capacityProviderArn => account_arn('capacity-provider/mine'),
      name => 'mine', status => 'ACTIVE', type => 'EC2_AUTOSCALING',
      tags => [{ key => 'a', value => '1' }],
      updateStatus => 'CREATE_COMPLETE' } }, 'a capacity provider');
my $out = ok_api('CreateCapacityProvider', { name => 'managed',
                 cluster => 'default', %MANAGED })->{capacityProvider};
is($out->{type}, 'MANAGED_INSTANCES', 'one of managed instances');
is_deeply(ok_api('DescribeClusters', {})->{clusters}[0]{capacityProviders},
          ['managed'], 'its cluster has it');

refused('CreateCapacityProvider', $$_[0], $$_[2] // $INVALID, $$_[1]) for
    [{ name => 'mine', %{ group('b') } }, 'The specified capacity provider'
     . ' already exists. To change the configuration of an existing capacity'
     . ' provider, update the capacity provider.', 'ClientException'],
    [{ name => 'other', %{ group('a') } }, 'The specified Auto Scaling group'
     . ' ARN is already being used by another capacity provider. Specify a'
     . ' unique Auto Scaling group ARN and try again.', 'ClientException'],
    [{ name => 'fargate-x', %{ group('b') } },
     qr/^The capacity provider name is invalid\./],
    [{ name => 'x' }, 'Specify exactly one of autoScalingGroupProvider and'
     . ' managedInstancesProvider.'],
    [{ name => 'x', %MANAGED }, 'A cluster is required for a capacity'
     . ' provider of managed instances.'],
    [{ name => 'x', cluster => 'none', %MANAGED }, 'Cluster not found.',
     'ClusterNotFoundException'],
    [{ name => 'x', %{ group('b', managedDraining => 'x') } },
     'managedDraining should be one of [ENABLED,DISABLED]'];

$out = ok_api('UpdateCapacityProvider', { name => 'mine',
    autoScalingGroupProvider => { managedScaling =>
    { status => 'ENABLED', targetCapacity => 50 } } })->{capacityProvider};
is($out->{updateStatus}, 'UPDATE_IN_PROGRESS', 'updated');
is_like($out->{autoScalingGroupProvider}{managedScaling}, {
    instanceWarmupPeriod => 300, maximumScalingStepSize => 10000,
    minimumScalingStepSize => 1, status => 'ENABLED', targetCapacity => 50 },
    'what is not given stays');

$out = ok_api('DescribeCapacityProviders', { include => ['TAGS'],
    capacityProviders => ['mine', 'FARGATE', 'none',
                          account_arn('capacity-provider/mine')] });
is_deeply([ map { $_->{name} } @{ $out->{capacityProviders} } ],
          ['mine', 'FARGATE'], 'each once');
is($out->{capacityProviders}[0]{updateStatus}, 'UPDATE_COMPLETE',
   'and is complete');
is_deeply($out->{capacityProviders}[0]{tags}, [{ key => 'a', value => '1' }],
          'TAGS');
is_deeply($out->{failures}, [{ reason => 'MISSING', arn =>
          account_arn('capacity-provider/none') }], 'one is missing');
is_deeply([ map { $_->{name} } @{ ok_api('DescribeCapacityProviders',
          { cluster => 'default' })->{capacityProviders} } ], ['managed'],
          'of a cluster');

is_deeply(ok_api('PutClusterCapacityProviders', { cluster => 'default',
          capacityProviders => ['managed', 'mine'],
          defaultCapacityProviderStrategy =>
          [{ capacityProvider => 'mine' }] })->{cluster}
          {defaultCapacityProviderStrategy},
          [{ capacityProvider => 'mine', weight => 0, base => 0 }],
          'the default of a cluster');
$out = ok_api('DeleteCapacityProvider', { capacityProvider => 'mine' })
           ->{capacityProvider};
is($out->{updateStatus}, 'DELETE_FAILED', 'it is in use');
is($out->{updateStatusReason}, 'The capacity provider cannot be deleted'
   . ' because it is associated with cluster: default. Remove the capacity'
   . ' provider from the cluster and try again.', 'by whom');
ok_api('PutClusterCapacityProviders', { cluster => 'default',
       capacityProviders => ['managed'],
       defaultCapacityProviderStrategy => [] });
is(ok_api('DeleteCapacityProvider', { capacityProvider => 'mine' })
   ->{capacityProvider}{updateStatus}, 'DELETE_IN_PROGRESS', 'deleted');
is(ok_api('DescribeCapacityProviders', { capacityProviders => ['mine'] })
   ->{capacityProviders}[0]{status}, 'INACTIVE', 'and INACTIVE');
refused('UpdateCapacityProvider', { name => 'FARGATE' }, 'ClientException',
        "The specified capacity provider is reserved and can't be changed or"
        . ' deleted.');
refused('PutClusterCapacityProviders', { cluster => 'default',
        capacityProviders => ['none'],
        defaultCapacityProviderStrategy => [] }, $INVALID, 'The specified'
        . ' capacity provider none was not found. Specify a valid name or ARN'
        . ' and try again.');


# Container instances.

my $DOCUMENT = '{"instanceId":"i-0abc","availabilityZone":"us-east-1b",'
               . '"instanceType":"t3.medium","imageId":"ami-1"}';

sub instance {
    my (%in) = @_;

    return ok_api('RegisterContainerInstance', {
        instanceIdentityDocument => $DOCUMENT,
        versionInfo => { agentVersion => '1.80.0' },
        attributes => [{ name => 'ecs.os-type', value => 'linux' }, map {
            { name => "$_" } } 'ecs.capability.task-eni',
            'com.amazonaws.ecs.capability.docker-remote-api.1.18'],
        totalResources => [
            { name => 'CPU', type => 'INTEGER', integerValue => 2048 },
            { name => 'MEMORY', type => 'INTEGER', integerValue => 3768 },
            { name => 'PORTS', type => 'STRINGSET',
              stringSetValue => ['22'] }], %in })->{containerInstance};
}

my $one = instance(tags => [{ key => 'team', value => 'mine' }]);
my $arn = $one->{containerInstanceArn};
like($arn, qr{^arn:aws:ecs:us-east-1:000000000000:container-instance/
              default/[0-9a-f]{32}$}x, 'its ARN');
(my $id = $arn) =~ s{.*/}{};
is($one->{status}, 'ACTIVE', 'ACTIVE');
is($one->{ec2InstanceId}, 'i-0abc', 'of the document');
ok($one->{agentConnected}, 'its agent is connected');
is($one->{version}, 1, 'version 1');
is_like([ @$one{qw(runningTasksCount pendingTasksCount)} ], [0, 0],
        'no tasks');
is_deeply([ map { $_->{integerValue} } @{ $one->{remainingResources} }
            [0, 1] ], [2048, 3768], 'all of it is left');
is_deeply([ map { $_->{name} } @{ $one->{attributes} } ],
          [qw(com.amazonaws.ecs.capability.docker-remote-api.1.18
              ecs.ami-id ecs.availability-zone ecs.capability.task-eni
              ecs.instance-type ecs.os-type)],
          'attributes of the document too');
is(ok_api('DescribeClusters', {})->{clusters}[0]
   {registeredContainerInstancesCount}, 1, 'it is counted');
is(instance(containerInstanceArn => $arn)->{containerInstanceArn}, $arn,
   'it comes back');

$out = ok_api('DescribeContainerInstances', { containerInstances =>
    [$arn, $id, $NONE], include => ['TAGS', 'CONTAINER_INSTANCE_HEALTH'] });
is(scalar @{ $out->{containerInstances} }, 1, 'each once');
is_deeply($out->{containerInstances}[0]{tags}, [{ key => 'team',
          value => 'mine' }], 'TAGS');
is($out->{containerInstances}[0]{healthStatus}{overallStatus},
   'INSUFFICIENT_DATA', 'health');
is_deeply($out->{failures}, [{ reason => 'MISSING', arn =>
          account_arn("container-instance/default/$NONE") }], 'one is not');
is_deeply(ok_api('ListContainerInstances', { filter =>
          'attribute:ecs.os-type == linux' })->{containerInstanceArns},
          [$arn], 'by attribute');
is_deeply(ok_api('ListContainerInstances', { status => 'DRAINING' })
          ->{containerInstanceArns}, [], 'by status');

for my $status ('DRAINING', 'ACTIVE') {
    is(ok_api('UpdateContainerInstancesState', { status => $status,
       containerInstances => [$arn] })->{containerInstances}[0]{status},
       $status, "made $status");
}

refused($$_[0], $$_[1], $$_[3] // $INVALID, $$_[2]) for
    ['RegisterContainerInstance', { cluster => 'none' },
     'Cluster not found.', 'ClusterNotFoundException'],
    ['RegisterContainerInstance', { instanceIdentityDocument => 'what' },
     'Invalid instance identity document.', 'ClientException'],
    ['RegisterContainerInstance', { containerInstanceArn => $NONE },
     'The referenced container instance was not found.'],
    ['DescribeContainerInstances', {},
     'Container Instances cannot be empty.', 'ClientException'],
    ['DescribeContainerInstances', { containerInstances => ['abc'] },
     'instanceId length should be one of [32,36]'],
    ['UpdateContainerInstancesState', { status => 'INACTIVE',
     containerInstances => [$arn] }, 'Container instance status should be one'
     . ' of [ACTIVE, DRAINING]'],
    ['UpdateContainerAgent', { containerInstance => $arn },
     "There's no update available for this Amazon ECS container agent.",
     'NoUpdateAvailableException'],
    ['UpdateContainerAgent', { containerInstance => $NONE },
     'The referenced container instance was not found.'],
    ['DeregisterContainerInstance', { containerInstance => $NONE },
     'The referenced container instance was not found.'],
    ['DeleteCluster', { cluster => 'default' }, 'The Cluster cannot be'
     . ' deleted while Container Instances are active or draining.',
     'ClusterContainsContainerInstancesException'];
ok($t->reload, 'a reload');


# Tasks on them, as their agents tell of them.

$out = ok_api('DiscoverPollEndpoint', { containerInstance => $arn });
like($out->{$_}, qr{^http://127\.0\.0\.1:\d+/$}, "$_ is here")
    for qw(endpoint serviceConnectEndpoint telemetryEndpoint);

ok_api('RegisterTaskDefinition', { family => 'web', containerDefinitions =>
    [{ name => 'c', image => 'i', cpu => 512, memory => 64,
       portMappings => [{ containerPort => 80, hostPort => 80 }] }] });

sub start {
    return ok_api('StartTask', { taskDefinition => 'web',
                                 containerInstances => [$arn, @_] });
}

sub task {
    my ($task) = @_;

    return ok_api('DescribeTasks', { tasks => [$task] })->{tasks}[0];
}

$out = start($NONE);
my $task = $out->{tasks}[0]{taskArn};
is($out->{tasks}[0]{containerInstanceArn}, $arn, 'started there');
is($out->{tasks}[0]{launchType}, 'EC2', 'on EC2');
is_deeply($out->{failures}, [{ reason => 'MISSING', arn =>
          account_arn("container-instance/default/$NONE") }],
          'where there is no instance');
is(start()->{failures}[0]{reason}, 'RESOURCE:PORTS', 'its port is taken');
is(ok_api('DescribeContainerInstances', { containerInstances => [$arn] })
   ->{containerInstances}[0]{remainingResources}[0]{integerValue}, 1536,
   'less is left');
is_deeply(ok_api('ListTasks', { containerInstance => $id })->{taskArns},
          [$task], 'listed by instance');
refused('DeregisterContainerInstance', { containerInstance => $arn },
        $INVALID, qr/tasks/);

is_deeply(ok_api('SubmitTaskStateChange', { task => $task, status =>
          'RUNNING', containers => [{ containerName => 'c', status =>
          'RUNNING', runtimeId => 'r1' }] }), { acknowledgment => 'ACK' },
          'told');
is(task($task)->{lastStatus}, 'RUNNING', 'RUNNING');
is(task($task)->{containers}[0]{runtimeId}, 'r1', 'and its container');
ok_api('SubmitTaskStateChange', { task => $task, status => 'PENDING' });
is(task($task)->{lastStatus}, 'RUNNING', 'never backwards');
ok_api('SubmitContainerStateChange', { task => $task, containerName => 'c',
       status => 'STOPPED', exitCode => 3, reason => 'oops' });
is(task($task)->{containers}[0]{exitCode}, 3, 'a container ends');

refused($$_[0], $$_[1], $$_[3] // $INVALID, $$_[2]) for
    ['SubmitTaskStateChange', { task => $NONE, status => 'RUNNING' },
     'The referenced task was not found.'],
    ['SubmitTaskStateChange', { task => $task, status => 'ODD' },
     'ODD is no status of a task.'],
    ['SubmitContainerStateChange', { task => $task, containerName => 'x' },
     'The container x does not exist in the task.'],
    ['SubmitContainerStateChange', { task => $task, containerName => 'c',
     status => 'ODD' }, 'ODD is no status of a container.'],
    ['SubmitAttachmentStateChanges', { attachments =>
     [{ attachmentArn => 'x', status => 'ATTACHED' }] },
     'The referenced attachment was not found.'],
    ['SubmitTaskStateChange', { cluster => 'none' }, 'Cluster not found.',
     'ClusterNotFoundException'],
    ['DiscoverPollEndpoint', { containerInstance => $NONE },
     'The referenced container instance was not found.'];

ok_api('SubmitTaskStateChange', { task => $task, status => 'STOPPED' });
$out = task($task);
is_deeply([@$out{qw(lastStatus desiredStatus stopCode)}],
          ['STOPPED', 'STOPPED', 'EssentialContainerExited'], 'it ends');
is(ok_api('DescribeContainerInstances', { containerInstances => [$arn] })
   ->{containerInstances}[0]{remainingResources}[0]{integerValue}, 2048,
   'all of it is left again');

# An interface of its own is an attachment.

ok_api('RegisterTaskDefinition', { family => 'vpc', networkMode => 'awsvpc',
    containerDefinitions => [{ name => 'c', image => 'i', memory => 64 }] });
$out = ok_api('StartTask', { taskDefinition => 'vpc', containerInstances =>
    [$arn], networkConfiguration => { awsvpcConfiguration =>
    { subnets => ['subnet-1'] } } });

$task = $out->{tasks}[0]{taskArn};
is($out->{tasks}[0]{attachments}[0]{status}, 'PRECREATED', 'an attachment');
ok_api('SubmitAttachmentStateChanges', { attachments => [{ status =>
       'ATTACHED', attachmentArn => account_arn('attachment/'
       . $out->{tasks}[0]{attachments}[0]{id}) }] });
is(task($task)->{attachments}[0]{status}, 'ATTACHED', 'is attached');
ok_api('StopTask', { task => $task });
ok_api('SubmitTaskStateChange', { task => $task, status => 'STOPPED' });


# Attributes.

sub attributes {
    return ok_api('ListAttributes', { targetType => 'container-instance',
                                      @_ })->{attributes};
}

is_deeply(ok_api('PutAttributes', { attributes =>
          [{ name => 'stack', value => 'blue', targetId => $arn }] })
          ->{attributes},
          [{ name => 'stack', value => 'blue', targetId => $arn }], 'put');
is_deeply(attributes(attributeName => 'stack', attributeValue => 'blue'),
          [{ name => 'stack', value => 'blue', targetId => $arn }],
          'listed by name and value');
is_deeply(attributes(attributeName => 'stack', attributeValue => 'red'), [],
          'and not by another');
is(ok_api('DeleteAttributes', { attributes => [{ name => 'stack',
   targetId => $id }] })->{attributes}[0]{name}, 'stack', 'deleted');
is_deeply(attributes(attributeName => 'stack'), [], 'it is gone');

ok_api('PutAttributes', { attributes =>
       [ map { { name => "own$_", targetId => $arn } } 1 .. 10 ] });
refused($$_[0], $$_[1], $$_[3] // $INVALID, $$_[2]) for
    ['PutAttributes', { attributes => [] }, 'Attributes cannot be empty.'],
    ['PutAttributes', { attributes => [{ name => 'a' }] },
     'targetId can not be blank.'],
    ['PutAttributes', { attributes => [{ name => 'a', targetId => $NONE }] },
     "The specified target wasn't found.", 'TargetNotFoundException'],
    ['PutAttributes', { attributes => [{ name => 'ecs.os-type', targetId =>
     $arn }] }, 'The attribute ecs.os-type is reserved and cannot be'
     . ' changed.'],
    ['PutAttributes', { attributes => [{ name => 'more', targetId => $arn }]
     }, 'You can apply up to 10 custom attributes for each'
     . ' resource.', 'AttributeLimitExceededException'],
    ['ListAttributes', { targetType => 'task' },
     'targetType must be container-instance'],
    ['ListAttributes', { targetType => 'container-instance',
     attributeValue => 'a' },
     'attributeName must be specified with attributeValue.'],
    ['DeleteAttributes', { attributes => [] },
     'Attributes cannot be empty.'];

# The end of an instance.

$out = ok_api('DeregisterContainerInstance', { containerInstance => $arn })
           ->{containerInstance};
is($out->{status}, 'INACTIVE', 'INACTIVE');
ok(!$out->{agentConnected}, 'not connected');
ok(!grep({ $_ eq $arn } @{ ok_api('ListContainerInstances', {})
         ->{containerInstanceArns} }), 'not listed');
refused('DeregisterContainerInstance', { containerInstance => $arn },
        'ClientException', "Container instance $id is inactive.");


# Account settings.

my $ROOT = 'arn:aws:iam::000000000000:root';
my $ROLE = 'arn:aws:iam::000000000000:role/deploy';
my $NAME = 'containerInsights';

is_deeply(ok_api('PutAccountSettingDefault', { name => $NAME, value =>
          'enhanced' })->{setting}, { name => $NAME, value => 'enhanced',
          principalArn => $ROOT, type => 'user' }, 'for the account');
is_deeply(ok_api('PutAccountSetting', { name => $NAME, value => 'disabled',
          principalArn => $ROLE })->{setting}, { name => $NAME, value =>
          'disabled', principalArn => $ROLE, type => 'user' }, 'for a role');
is_deeply([ map { $_->{value} } @{ ok_api('ListAccountSettings', { name =>
          $NAME, principalArn => $ROLE })->{settings} } ], ['disabled'],
          'its own');
is(ok_api('DeleteAccountSetting', { name => $NAME, principalArn => $ROLE })
   ->{setting}{value}, 'disabled', 'deleted');
is_deeply([ map { $_->{value} } @{ ok_api('ListAccountSettings', { name =>
          $NAME, principalArn => $ROLE, effectiveSettings => $yes })
          ->{settings} } ], ['enhanced'], "the account's counts");
$out = ok_api('ListAccountSettings', { effectiveSettings => $yes });
is(scalar @{ $out->{settings} }, 10, 'a page of what counts');
is(scalar @{ ok_api('ListAccountSettings', { effectiveSettings => $yes,
   nextToken => $out->{nextToken} })->{settings} }, 1, 'and the rest');
is_deeply(ok_api('CreateCluster', { clusterName => 'new' })->{cluster}
          {settings}, [{ name => $NAME, value => 'enhanced' }],
          'the default of new clusters');

refused($$_[0], $$_[1], $INVALID, $$_[2]) for
    ['PutAccountSetting', { name => 'bogus', value => 'enabled' },
     qr/^bogus should be one of \[serviceLongArnFormat,/],
    ['PutAccountSetting', { name => 'awsvpcTrunking', value => 'on' },
     "Invalid setting 'value'"],
    ['PutAccountSetting', { name => 'guardDutyActivate', value => 'on' },
     'The account setting guardDutyActivate is read-only.'],
    ['PutAccountSetting', { name => $NAME, value => 'enabled',
     principalArn => 'arn:aws:iam::111111111111:root' },
     'AccountIDs mismatch'],
    ['ListAccountSettings', { value => 'on' },
     'A setting name must be specified to filter by a value.'];

$t->done;
