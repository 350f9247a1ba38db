#!/usr/bin/perl

# What users of ECS rely on and imitations of it commonly get wrong: one
# check each, over HTTP, with simulated containers and a reload in the
# middle.  The suites of the resources go into the depth.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsApi;
use Test::More;

api_start(reconciler => [@KecsApi::SHORT]);

my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

sub container {
    my (%more) = @_;

    return { name => 'app', image => 'nginx:1', memory => 64, %more };
}

sub define {
    my ($family, @containers) = @_;

    return ok_api('RegisterTaskDefinition', { family => $family,
        containerDefinitions => \@containers })->{taskDefinition};
}

sub labels {
    my (%l) = @_;

    return (dockerLabels => { map { ("kecs.simulated.$_" => "$l{$_}") }
                              keys %l });
}

sub run {
    my ($family, %more) = @_;

    return ok_api('RunTask', { taskDefinition => $family, %more })
           ->{tasks}[0]{taskArn};
}

sub task {
    return ok_api('DescribeTasks', { tasks => [$_[0]], include => ['TAGS'] })
           ->{tasks}[0];
}

sub ended {
    my ($arn, $name) = @_;

    return wait_api('DescribeTasks', { tasks => [$arn] }, $name, sub {
        $_[0]{tasks}[0]{lastStatus} eq 'STOPPED' })->{tasks}[0];
}

sub service {
    return ok_api('DescribeServices', { services => [$_[0]] })
           ->{services}[0];
}

sub stable {
    my ($name) = @_;

    return wait_api('DescribeServices', { services => [$name] },
                    "$name is stable", sub {
        my $s = $_[0]{services}[0];
        @{ $s->{deployments} } == 1
            && $s->{runningCount} == $s->{desiredCount}
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED';
    })->{services}[0];
}


# Clusters.

ok_api('CreateCluster', {});
is(ok_api('DescribeClusters', { clusters => [] })->{clusters}[0]
       {clusterName}, 'default', 'an empty list of clusters is the default');
my $out = ok_api('CreateCluster', { clusterName => 'Under_Score',
    capacityProviders => ['FARGATE', 'FARGATE_SPOT'],
    defaultCapacityProviderStrategy => [
        { capacityProvider => 'FARGATE', weight => 1 }],
    settings => [{ name => 'containerInsights', value => 'enhanced' }],
    serviceConnectDefaults => { namespace => 'arn:aws:servicediscovery:'
        . 'us-east-1:000000000000:namespace/ns-1' } })->{cluster};
is_deeply([sort @{ $out->{capacityProviders} }],
          ['FARGATE', 'FARGATE_SPOT'], 'capacity providers are kept');
is($out->{settings}[0]{value}, 'enhanced', 'enhanced insights');
ok($out->{serviceConnectDefaults}{namespace}, 'Service Connect defaults');
is(ok_api('CreateCluster', { clusterName => 'Under_Score' })->{cluster}
       {clusterArn}, $out->{clusterArn}, 'created twice: the same one');
ok_api('DeleteCluster', { cluster => 'Under_Score' });
is(ok_api('DescribeClusters', { clusters => ['Under_Score'] })->{clusters}[0]
       {status}, 'INACTIVE', 'a deleted cluster is INACTIVE, not missing');

for my $as ({ region => 'us-gov-west-1' }, { key => '444455556666' }) {
    is_deeply(ok_api('ListClusters', {}, %$as)->{clusterArns}, [],
              'regions and accounts have names of their own: '
              . join ' ', %$as);
}


# Task definitions.

$out = define('web', container(
    command => ['serve', '$(HOME)'], entryPoint => ['/bin/app'],
    environment => [{ name => 'B', value => '2' }, { name => 'A',
                                                    value => '1' }],
    healthCheck => { command => ['CMD-SHELL', 'true'] }, ulimits => [
        { name => 'nofile', softLimit => 1, hardLimit => 2 }]));
is_deeply($out->{containerDefinitions}[0]{command}, ['serve', '$(HOME)'],
          'commands come back as they were');
is($out->{containerDefinitions}[0]{environment}[0]{name}, 'B',
   'so does the order of an environment');
is_deeply($out->{containerDefinitions}[0]{healthCheck},
          { command => ['CMD-SHELL', 'true'], interval => 30, retries => 3,
            timeout => 5 }, 'a health check without a start period has none');
$out = ok_api('RegisterTaskDefinition', { family => 'sizes',
    requiresCompatibilities => ['FARGATE'], networkMode => 'awsvpc',
    cpu => '.5 vCPU', memory => '1 GB', enableFaultInjection => $yes,
    ephemeralStorage => { sizeInGiB => 30 },
    tags => [{ key => 'a', value => 'b' }],
    containerDefinitions => [{ name => 'app', image => 'i' }] });
is("$out->{taskDefinition}{cpu} $out->{taskDefinition}{memory}", '512 1024',
   'sizes in words');
is($out->{taskDefinition}{ephemeralStorage}{sizeInGiB}, 30,
   'ephemeral storage is kept');
ok($out->{taskDefinition}{enableFaultInjection}, 'so is fault injection');
is_deeply(ok_api('DescribeTaskDefinition', { taskDefinition => 'sizes',
              include => ['TAGS'] })->{tags},
          [{ key => 'a', value => 'b' }], 'tags of a definition');
refused('DescribeTaskDefinition', { taskDefinition => 'web:latest' },
        'InvalidParameterException', qr/Invalid revision number/);
define('web', container()) for 1 .. 9;
is_deeply([map { /:(\d+)$/ } @{ ok_api('ListTaskDefinitions', {
              familyPrefix => 'web', sort => 'DESC', maxResults => 3 })
              ->{taskDefinitionArns} }], [10, 9, 8],
          'revisions are sorted as numbers, the newest first');
ok_api('DeregisterTaskDefinition', { taskDefinition => 'web:9' });
is(ok_api('DescribeTaskDefinition', { taskDefinition => 'web:9' })
       ->{taskDefinition}{status}, 'INACTIVE', 'deregistered at once');


# Tasks.

my $eni = run('sizes', launchType => 'FARGATE', networkConfiguration => {
    awsvpcConfiguration => { subnets => ['subnet-12345678'] } });
ok($eni, 'awsvpc without security groups');
is(task($eni)->{launchType}, 'FARGATE', 'the launch type that was asked for');
my $arn = run('web:1', enableECSManagedTags => $yes,
              tags => [{ key => 'k', value => 'v' }], startedBy => 'me',
              referenceId => 'r', overrides => { containerOverrides => [
                  { name => 'app', environment => [{ name => 'C',
                                                     value => '3' }] }] });
$out = task($arn);
is($out->{group}, 'family:web', 'the group of a task without one');
is($out->{startedBy}, 'me', 'who started it');
is($out->{overrides}{containerOverrides}[0]{environment}[0]{name}, 'C',
   'its overrides');
is_deeply([sort map { $_->{key} } @{ $out->{tags} }],
          ['aws:ecs:clusterName', 'k'], 'managed tags beside its own');
like($out->{containers}[0]{containerArn},
     qr{^arn:aws:ecs:us-east-1:000000000000:container/default/[0-9a-f]{32}/},
     'the whole ARN of a container');
is($out->{containers}[0]{memory}, '64', 'sizes of containers are strings');
is($out->{healthStatus}, 'UNKNOWN', 'no health in the start period');
ok($out->{version} >= 1, 'versions count from 1');
my $token = { taskDefinition => 'web:2', clientToken => 'once', count => 2 };
is_deeply([map { $_->{taskArn} } @{ ok_api('RunTask', $token)->{tasks} }],
          [map { $_->{taskArn} } @{ ok_api('RunTask', $token)->{tasks} }],
          'a client token runs tasks once');
refused('RunTask', { taskDefinition => 'web', count => 11 },
        'InvalidParameterException', 'count must be between 1 and 10.');
refused('RunTask', { taskDefinition => 'web', cluster => 'none' },
        'ClusterNotFoundException', 'Cluster not found.');

define('job', container(labels('exit-after' => 50, 'exit-code' => 0)));
$out = ended(run('job'), 'a job ends');
is($out->{containers}[0]{exitCode}, 0, 'exit code 0 is there');
is($out->{stopCode}, 'EssentialContainerExited', 'its stop code');
is($out->{stoppedReason}, 'Essential container in task exited', 'reason');
define('nopull', container(labels('pull-error' => 'no such image')));
$out = ended(run('nopull'), 'an image that is not there');
is($out->{stopCode}, 'TaskFailedToStart', 'its stop code');
like($out->{stoppedReason}, qr/^CannotPullContainerError: /, 'its reason');
ok(!exists $out->{containers}[0]{exitCode}, 'no code of what never ran');
define('pair', container(), container(name => 'side', essential => $no,
    labels('exit-after' => 30, 'exit-code' => 4)));
$arn = run('pair');
wait_api('DescribeTasks', { tasks => [$arn] }, 'a side container ends', sub {
    my ($c) = grep { $_->{name} eq 'side' } @{ $_[0]{tasks}[0]{containers} };
    $c->{lastStatus} eq 'STOPPED' && $c->{exitCode} == 4;
});
is(task($arn)->{lastStatus}, 'RUNNING', 'its task goes on');
ok_api('StopTask', { task => $arn, reason => 'because' });
$out = ended($arn, 'until it is stopped');
is("$out->{stopCode}: $out->{stoppedReason}", 'UserInitiated: because',
   'with the reason of who did');
is_deeply(ok_api('ListTasks', { family => 'pai' })->{taskArns}, [],
          'a family is a whole name');
is(scalar @{ ok_api('ListTasks', { desiredStatus => 'STOPPED' })
             ->{taskArns} }, 3, 'stopped tasks are listed when asked for');

ok($t->reload, 'reload');


# Services.

$out = ok_api('CreateService', { serviceName => 'web', desiredCount => 3,
    taskDefinition => 'web:1', clientToken => 'c', propagateTags => 'SERVICE',
    tags => [{ key => 'team', value => 'a' }] })->{service};
is($out->{status}, 'ACTIVE', 'a service is ACTIVE from the start');
like($out->{deployments}[0]{id}, qr{^ecs-svc/\d{19}$}, 'a deployment id');
is($out->{deployments}[0]{rolloutState}, 'IN_PROGRESS', 'its rollout');
is($out->{deployments}[0]{failedTasks}, 0, 'no task has failed');
is_deeply($out->{events}, [], 'no event yet');
refused('CreateService', { serviceName => 'web', taskDefinition => 'web' },
        'InvalidParameterException',
        'Creation of service was not idempotent.');
my $first = stable('web');
my $id = $first->{deployments}[0]{id};
like($first->{events}[0]{message}, qr/^\(service web\) has reached a steady/,
     'the steady state is told');
ok(!exists $first->{tags}, 'tags only when asked for');
my @tasks = @{ ok_api('ListTasks', { serviceName => 'web' })->{taskArns} };
is(scalar @tasks, 3, 'its tasks are listed');
$out = task($tasks[0]);
is("$out->{group} $out->{startedBy}", "service:web $id",
   'group and starter of its tasks');
is_deeply([grep { $_->{key} eq 'team' } @{ $out->{tags} }],
          [{ key => 'team', value => 'a' }], 'tags are propagated');
$out = ok_api('UpdateService', { service => 'web', forceNewDeployment => $yes
    })->{service};
isnt($out->{deployments}[0]{id}, $id, 'a forced deployment has a new id');
is(scalar @{ $out->{deployments} }, 2, 'beside the one before');
stable('web');
is(scalar(grep { task($_)->{desiredStatus} eq 'RUNNING' } @tasks), 0,
   'it replaced the tasks');
is(ok_api('UpdateService', { service => 'web', desiredCount => 0 })
       ->{service}{status}, 'ACTIVE', 'a service of none is ACTIVE');
refused('DeleteCluster', { cluster => 'default' },
        'ClusterContainsServicesException',
        'The Cluster cannot be deleted while Services are active.');
ok_api('DeleteService', { service => 'web' });
wait_api('DescribeServices', { services => ['web'] },
         'a deleted service is INACTIVE, not missing',
         sub { $_[0]{services}[0]{status} eq 'INACTIVE' });
is(ok_api('DescribeServices', { services => ['none'] })->{failures}[0]
       {reason}, 'MISSING', 'one that never was is missing');
refused('UpdateService', { service => 'web', desiredCount => 1 },
        'ServiceNotActiveException', 'Service was not ACTIVE.');
is(ok_api('CreateService', { serviceName => 'web', taskDefinition => 'web',
       desiredCount => 0 })->{service}{status}, 'ACTIVE',
   'its name may be used again');

# A task that ends is replaced, with an exit code to look at.

define('crash', container(labels('exit-after' => 30, 'exit-code' => 1)));
ok_api('CreateService', { serviceName => 'crash', taskDefinition => 'crash',
                          desiredCount => 1 });
wait_api('ListTasks', { serviceName => 'crash', desiredStatus => 'STOPPED' },
         'a task that crashes is STOPPED, and the next one starts',
         sub { @{ $_[0]{taskArns} } >= 2 });
$out = task(ok_api('ListTasks', { serviceName => 'crash',
    desiredStatus => 'STOPPED' })->{taskArns}[0]);
is($out->{containers}[0]{exitCode}, 1, 'with its exit code');
ok_api('DeleteService', { service => 'crash', force => $yes });
$t->done;
