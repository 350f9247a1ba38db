#!/usr/bin/perl

# Nodes of the runtime as container instances: none in a new cluster, those
# that tasks need join, and leave when they are idle; what they have is
# shared by all clusters; nodes that go away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use Test::More;

my @nodes = ('--instance-idle', '1500ms', '--place-again', '200ms',
             '--simulated-nodes');

api_start(reconciler => [@KecsApi::SHORT, @nodes, '3']);
ok_api('CreateCluster', {});
ok_api('CreateCluster', { clusterName => 'other' });

sub define {
    my ($family, %more) = @_;

    ok_api('RegisterTaskDefinition', { family => $family,
        containerDefinitions => [{ name => 'app', image => 'i',
                                   memory => 128, %more }] });

    return;
}

sub instances {
    my (%in) = @_;

    return @{ ok_api('ListContainerInstances', { %in })
              ->{containerInstanceArns} };
}

sub describe {
    my ($cluster, @arns) = @_;

    return @{ ok_api('DescribeContainerInstances', { cluster => $cluster,
        containerInstances => \@arns })->{containerInstances} };
}

sub resource {
    my ($instance, $list, $name) = @_;

    my ($r) = grep { $_->{name} eq $name } @{ $instance->{$list} };

    return $r->{integerValue};
}

sub attribute {
    my ($instance, $name) = @_;

    my ($a) = grep { $_->{name} eq $name } @{ $instance->{attributes} };

    return $a && $a->{value};
}

sub run_task {
    my ($family, %more) = @_;

    return ok_api('RunTask', { taskDefinition => $family, %more });
}

sub stop_all {
    my ($cluster) = @_;

    for my $task (@{ ok_api('ListTasks', { cluster => $cluster })
                     ->{taskArns} })
    {
        ok_api('StopTask', { cluster => $cluster, task => $task });
    }

    return;
}

define('half', cpu => 1024);
define('small', cpu => 128);
define('port', cpu => 1,
       portMappings => [{ containerPort => 80, hostPort => 8080 }]);
is_deeply([instances()], [], 'a new cluster has no instances');

# The nodes are known when a task is placed on one of them.

my $out;
ok($t->wait_for(sub {
    $out = run_task('small');
    return 1 if $out->{tasks}[0]{containerInstanceArn};
    stop_all('default');
    return;
}), 'a task is placed');

my ($task) = @{ $out->{tasks} };
my @joined = instances();
is_deeply(\@joined, [$task->{containerInstanceArn}], 'its node has joined');
my ($instance) = describe('default', @joined);
is($instance->{status}, 'ACTIVE', 'ACTIVE');
ok($instance->{agentConnected}, 'connected');
like($instance->{ec2InstanceId}, qr/^i-[0-9a-f]{17}$/, 'it has an EC2 id');
is(resource($instance, 'registeredResources', 'CPU'), 2048, 'CPU');
is(resource($instance, 'registeredResources', 'MEMORY'), 7680, 'memory');
is(resource($instance, 'remainingResources', 'CPU'), 2048 - 128,
   'CPU that remains');
is(resource($instance, 'remainingResources', 'MEMORY'), 7680 - 128,
   'memory that remains');
is(attribute($instance, 'ecs.instance-type'), 'm5.large', 'type');
is(attribute($instance, 'ecs.cpu-architecture'), 'x86_64', 'architecture');
is(attribute($instance, 'ecs.availability-zone'),
   $task->{availabilityZone}, 'the task is in the zone of its instance');
wait_api('DescribeTasks', { tasks => [$task->{taskArn}] }, 'it runs', sub {
    $_[0]{tasks}[0]{lastStatus} eq 'RUNNING' });
is(ok_api('DescribeClusters', {})->{clusters}[0]
   {registeredContainerInstancesCount}, 1, 'the cluster counts it');

# Placement.

$out = run_task('small', count => 3,
                placementConstraints => [{ type => 'distinctInstance' }],
                group => 'distinct');
is(scalar @{ $out->{tasks} }, 3, 'three tasks');
my %seen = map { $_->{containerInstanceArn} => 1 } @{ $out->{tasks} };
is(scalar keys %seen, 3, 'on three instances');
is_deeply([sort(instances())], [sort keys %seen], 'all nodes have joined');
my %ids = map { $_->{ec2InstanceId} => 1 } describe('default', keys %seen);
is(scalar keys %ids, 3, 'each with an EC2 id of its own');
my %zones = map { $_->{availabilityZone} => 1 } @{ $out->{tasks} };
is_deeply([sort keys %zones], [map { "us-east-1$_" } qw(a b c)],
          'one in each zone');

$out = run_task('small', group => 'distinct',
                placementConstraints => [{ type => 'distinctInstance' }]);
is_deeply([map { $_->{reason} } @{ $out->{failures} }],
          [('DistinctInstance placement constraint unsatisfied.') x 3],
          'there is no fourth');

$out = run_task('small', placementConstraints => [{ type => 'memberOf',
    expression => 'attribute:ecs.availability-zone == us-east-1b' }]);
is($out->{tasks}[0]{availabilityZone}, 'us-east-1b', 'memberOf a zone');
is(scalar(instances(filter => 'attribute:ecs.availability-zone =='
                    . ' us-east-1b')), 1, 'a filter finds it');

# Other clusters see what is taken, of ports too.

$out = run_task('port', cluster => 'other', count => 3);
is(scalar @{ $out->{tasks} }, 3, 'a port on each node');
$out = run_task('port');
is_deeply([map { $_->{reason} } @{ $out->{failures} }],
          [('RESOURCE:PORTS') x 3], 'it is taken in every cluster');
is(scalar(instances(cluster => 'other')), 3, 'they joined the other one');

$out = run_task('half', cluster => 'other', count => 6);
is(scalar @{ $out->{tasks} }, 3, 'one has room on each');
is_deeply([map { $_->{reason} } @{ $out->{failures} }],
          [('RESOURCE:CPU') x 3], 'and no more');
$out = run_task('half');
is_deeply([map { $_->{reason} } @{ $out->{failures} }],
          [('RESOURCE:CPU') x 3], 'in no cluster');

# Full: StartTask, and what is drained.

my ($first) = describe('default', instances());
my $arn = $first->{containerInstanceArn};
$out = ok_api('StartTask', { taskDefinition => 'half',
                             containerInstances => [$arn] });
is($out->{failures}[0]{reason}, 'RESOURCE:CPU', 'StartTask');
$out = ok_api('StartTask', { taskDefinition => 'small',
                             containerInstances => [$arn] });
is($out->{tasks}[0]{containerInstanceArn}, $arn, 'StartTask on a node');
ok_api('PutAttributes', { attributes => [
    { name => 'rack', value => 'r1', targetId => $arn }] });

# Draining: services move, other tasks stay.

stop_all('other');
stop_all('default');
ok($t->wait_for(sub {
    my $c = ok_api('DescribeClusters', { clusters => [qw(default other)] });
    !grep { $_->{runningTasksCount} + $_->{pendingTasksCount} }
        @{ $c->{clusters} };
}), 'all nodes are empty');
ok_api('CreateService', { serviceName => 'web', taskDefinition => 'small',
                          desiredCount => 6 });

sub tasks_on {
    my ($on, @filter) = @_;

    return @{ ok_api('ListTasks', { containerInstance => $on, @filter })
              ->{taskArns} };
}

wait_api('DescribeServices', { services => ['web'] }, 'a service runs',
         sub { $_[0]{services}[0]{runningCount} == 6
               && $_[0]{services}[0]{deployments}[0]{rolloutState}
                  eq 'COMPLETED' });
is(scalar tasks_on($arn), 2, 'spread over the nodes');
ok_api('StartTask', { taskDefinition => 'small',
                      containerInstances => [$arn] });
ok_api('UpdateContainerInstancesState', { status => 'DRAINING',
                                          containerInstances => [$arn] });
my $least = 6;
ok($t->wait_for(sub {
    my $s = ok_api('DescribeServices', { services => ['web'] })
            ->{services}[0];
    $least = $s->{runningCount} if $s->{runningCount} < $least;
    !tasks_on($arn, serviceName => 'web') && $s->{runningCount} == 6
        && $s->{pendingCount} == 0;
}), 'the tasks of the service move away');
is($least, 6, 'none was missing meanwhile');
is(scalar tasks_on($arn), 1, 'a task of no service stays');
ok_api('UpdateService', { service => 'web', desiredCount => 12 });
wait_api('DescribeServices', { services => ['web'] }, 'more tasks',
         sub { $_[0]{services}[0]{runningCount} == 12 });
is(scalar tasks_on($arn), 1, 'none of them goes there');
ok_api('UpdateContainerInstancesState', { status => 'ACTIVE',
                                          containerInstances => [$arn] });
ok_api('DeleteService', { service => 'web', force => \1 });

# A DAEMON runs on instances, and does not hold them.

ok_api('CreateService', { serviceName => 'agent', taskDefinition => 'small',
                          schedulingStrategy => 'DAEMON' });
wait_api('DescribeServices', { services => ['agent'] }, 'one on each',
         sub { my $s = $_[0]{services}[0];
               $s->{desiredCount} == 3 && $s->{runningCount} == 3 });

# Idle nodes leave, but not those that a client has changed.

stop_all('other');
stop_all('default');
wait_api('ListContainerInstances', { cluster => 'other' },
         'idle nodes leave', sub { !@{ $_[0]{containerInstanceArns} } });
wait_api('ListContainerInstances', {}, 'all but one that was changed',
         sub { @{ $_[0]{containerInstanceArns} } == 1 });
is_deeply([instances()], [$arn], 'it is that one');
wait_api('DescribeServices', { services => ['agent'] },
         'the DAEMON is where an instance is', sub {
    $_[0]{services}[0]{runningCount} == 1 });
ok_api('DeleteService', { service => 'agent', force => \1 });

# Deleting is not in the way.

wait_api('DescribeClusters', {}, 'no task is left', sub {
    my $c = $_[0]{clusters}[0];
    $c->{runningTasksCount} + $c->{pendingTasksCount} == 0 });
wait_api('DeleteCluster', { cluster => 'default' },
         'a cluster with nodes can be deleted',
         sub { $_[0]{cluster}{status} eq 'INACTIVE' });
is(ok_api('DescribeContainerInstances', { cluster => 'other',
    containerInstances => ['0' x 32] })->{failures}[0]{reason}, 'MISSING',
    'an unknown instance is missing');

# A node that a client deregisters stays away.

$out = run_task('small', cluster => 'other', count => 3,
                placementConstraints => [{ type => 'distinctInstance' }]);
is(scalar @{ $out->{tasks} }, 3, 'they come again');
my ($gone) = map { $_->{containerInstanceArn} } @{ $out->{tasks} };
ok_api('DeregisterContainerInstance', { cluster => 'other', force => \1,
                                        containerInstance => $gone });
$out = run_task('small', cluster => 'other', count => 3, group => 'g2',
                placementConstraints => [{ type => 'distinctInstance' }]);
is(scalar @{ $out->{tasks} }, 2, 'but not one that was deregistered');
ok(!(grep { $_->{containerInstanceArn} eq $gone } @{ $out->{tasks} }),
   'it takes no tasks');

# Nodes that go, and come back.

$t->stop_reconciler;
$t->{reconciler} = [@KecsApi::SHORT, @nodes, '1'];
$t->start_reconciler;
wait_api('ListContainerInstances', { cluster => 'other' },
         'nodes that are gone are instances no more',
         sub { @{ $_[0]{containerInstanceArns} } < 2 });

$t->stop_reconciler;
$t->{reconciler} = [@KecsApi::SHORT, @nodes, '0'];
$t->start_reconciler;
wait_api('ListContainerInstances', { cluster => 'other' }, 'none is left',
         sub { !@{ $_[0]{containerInstanceArns} } });
stop_all('other');
ok($t->wait_for(sub {
    my ($status, $ran) = $t->api('RunTask', { taskDefinition => 'small',
                                              cluster => 'other' });
    stop_all('other');
    $status == 200 && @{ $ran->{tasks} } == 1
        && !$ran->{tasks}[0]{containerInstanceArn};
}), 'without nodes the runtime finds the place');

$t->done;
