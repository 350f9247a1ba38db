#!/usr/bin/perl

# What stands behind a service: task sets, service deployments and their
# revisions, how a deployment is stopped, namespaces.

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

ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'web', containerDefinitions =>
    [{ name => 'c', image => 'nginx:1', memory => 64 }] }) for 1, 2;
ok_api('RegisterTaskDefinition', { family => 'vpc', networkMode => 'awsvpc',
    cpu => '256', memory => '512', requiresCompatibilities => ['FARGATE'],
    containerDefinitions => [{ name => 'c', image => 'api:3' }] });


# Task sets.

ok_api('CreateService', { serviceName => 'e', desiredCount => 5,
       deploymentController => { type => 'EXTERNAL' } });
ok_api('CreateService', { serviceName => 'plain', desiredCount => 0,
       taskDefinition => 'web:1' });

my @E = (cluster => 'default', service => 'e');
my $SET = account_arn('task-set/default/e/');

sub make_set {
    my (%in) = @_;

    return ok_api('CreateTaskSet', { @E, taskDefinition => 'web:1', %in })
               ->{taskSet};
}

my $blue = make_set(clientToken => 'one', scale => { value => 33.5 },
                    externalId => 'blue',
                    tags => [{ key => 'team', value => 'a' }]);
is_like($blue, { id => 'ecs-svc/<deployment:blue>', taskSetArn =>
    "${SET}ecs-svc/<deployment:blue>", serviceArn =>
    account_arn('service/default/e'), clusterArn =>
    account_arn('cluster/default'), taskDefinition =>
    account_arn('task-definition/web:1'), externalId => 'blue',
    launchType => 'EC2', scale => { unit => 'PERCENT', value => 33.5 },
    computedDesiredCount => 2, runningCount => 0, pendingCount => 0,
    status => 'ACTIVE', stabilityStatus => 'STABILIZING',
    stabilityStatusAt => '<time>', createdAt => '<time>',
    updatedAt => '<time>', loadBalancers => [], serviceRegistries => [],
    tags => [{ key => 'team', value => 'a' }] }, 'a task set');
is(make_set(clientToken => 'one', scale => { value => 33.5 },
            externalId => 'blue', tags => [{ key => 'team', value => 'a' }])
   ->{id}, $blue->{id}, 'the same token, the same task set');

my $green = make_set(taskDefinition => 'vpc', launchType => 'FARGATE',
    networkConfiguration => { awsvpcConfiguration =>
                              { subnets => ['subnet-1'] } });
is($green->{platformVersion}, '1.4.0', 'of Fargate');
is($green->{computedDesiredCount}, 5, 'all of the count by default');

is(scalar @{ ok_api('DescribeServices', { services => ['e'] })
             ->{services}[0]{taskSets} }, 2, 'both are in the service');
is(scalar @{ ok_api('DescribeTaskSets', { @E })->{taskSets} }, 2,
   'all of them');

my $out = ok_api('DescribeTaskSets', { @E, include => ['TAGS'],
    taskSets => [$blue->{id}, $blue->{taskSetArn}, 'ecs-svc/1'] });
is(scalar @{ $out->{taskSets} }, 1, 'each once');
is_deeply($out->{taskSets}[0]{tags}, [{ key => 'team', value => 'a' }],
          'TAGS');
is_deeply($out->{failures}, [{ arn => "${SET}ecs-svc/1",
          reason => 'MISSING' }], 'and who is missing');
is_deeply(ok_api('ListTagsForResource', { resourceArn =>
          $blue->{taskSetArn} })->{tags}, [{ key => 'team', value => 'a' }],
          'tags of a task set');

is(ok_api('UpdateTaskSet', { @E, taskSet => $blue->{id}, scale =>
   { unit => 'PERCENT', value => 100 } })->{taskSet}{computedDesiredCount},
   5, 'scaled');
ok($t->reload, 'a reload');
is(ok_api('UpdateServicePrimaryTaskSet', { @E, primaryTaskSet =>
   $green->{id} })->{taskSet}{status}, 'PRIMARY', 'the PRIMARY one');
$out = ok_api('DescribeServices', { services => ['e'] })->{services}[0];
is($out->{taskDefinition}, account_arn('task-definition/vpc:1'),
   'the service runs what it runs');
is($out->{launchType}, 'FARGATE', 'where it runs it');

for my $case (
    ['CreateTaskSet', { service => 'plain', taskDefinition => 'web' },
     $INVALID, 'Task sets are only supported for services with the EXTERNAL'
     . ' deployment controller.'],
    ['CreateTaskSet', { service => 'none', taskDefinition => 'web' },
     'ServiceNotFoundException', 'Service not found.'],
    ['CreateTaskSet', { cluster => 'none', taskDefinition => 'web' },
     'ClusterNotFoundException', 'Cluster not found.'],
    ['CreateTaskSet', { taskDefinition => 'none' }, 'ClientException',
     'TaskDefinition not found.'],
    ['CreateTaskSet', { taskDefinition => 'web', scale => { value => 101 } },
     $INVALID, 'The scale value must be between 0 and 100.'],
    ['CreateTaskSet', { taskDefinition => 'web', scale =>
     { value => 1, unit => 'x' } }, $INVALID,
     'scale unit should be one of [PERCENT]'],
    ['CreateTaskSet', { taskDefinition => 'vpc' }, $INVALID, 'Network'
     . " Configuration must be provided when networkMode 'awsvpc' is"
     . ' specified.'],
    ['UpdateTaskSet', { taskSet => 'ecs-svc/1', scale => { value => 1 } },
     'TaskSetNotFoundException', 'The specified task set does not exist.'],
    ['DescribeTaskSets', { include => ['X'] }, $INVALID,
     'include should be one of [TAGS]'],
    ['DeleteService', {}, $INVALID, 'The service cannot be stopped while it'
     . ' is scaled above 0.'])
{
    my ($op, $in, @want) = @$case;
    refused($op, { @E, %$in }, @want);
}

refused('DeleteTaskSet', { @E, taskSet => $blue->{id} }, $INVALID,
        qr/scaled above 0/);
$out = ok_api('DeleteTaskSet', { @E, taskSet => $blue->{id},
                                 force => $yes })->{taskSet};
is($out->{status}, 'DRAINING', 'deleted');
is($out->{computedDesiredCount}, 0, 'nothing is wanted of it');


# Service deployments and revisions.

ok_api('CreateService', { serviceName => 's', desiredCount => 2,
                          taskDefinition => 'web:1' });

sub deployments {
    return ok_api('ListServiceDeployments', { service => 's', @_ })
               ->{serviceDeployments};
}

sub deployment {
    my ($arn) = @_;

    return ok_api('DescribeServiceDeployments', { serviceDeploymentArns =>
                  [$arn] })->{serviceDeployments}[0];
}

my $vars = {};
my $first = deployments()->[0];
is_like($first, { serviceDeploymentArn => '<any>', serviceArn =>
    account_arn('service/default/s'), clusterArn =>
    account_arn('cluster/default'), targetServiceRevisionArn =>
    account_arn('service-revision/default/s/<deployment:revision>'),
    createdAt => '<time>', status => 'PENDING' }, 'a service deployment',
    $vars);
like($first->{serviceDeploymentArn},
     qr{:service-deployment/default/s/[A-Za-z0-9_-]{21}$}, 'its ARN');

$out = deployment($first->{serviceDeploymentArn});
is($out->{targetServiceRevision}{arn}, $first->{targetServiceRevisionArn},
   'its target');
is($out->{targetServiceRevision}{requestedTaskCount}, 2, 'of two tasks');
is_deeply($out->{sourceServiceRevisions}, [], 'nothing came before');
is_like($out->{deploymentCircuitBreaker}, { status => 'DISABLED',
        failureCount => 0, threshold => 3 }, 'its circuit breaker');
refused('StopServiceDeployment', { serviceDeploymentArn =>
        $first->{serviceDeploymentArn} }, 'ConflictException', 'The service'
        . ' deployment cannot be rolled back because there is no source'
        . ' service revision.');

reconcile();
wait_api('DescribeServiceDeployments', { serviceDeploymentArns =>
    [$first->{serviceDeploymentArn}] }, 'it ends well', sub {
    $_[0]{serviceDeployments}[0]{status} eq 'SUCCESSFUL' });
refused('StopServiceDeployment', { serviceDeploymentArn =>
        $first->{serviceDeploymentArn} }, 'ConflictException', 'The service'
        . ' deployment cannot be stopped because its status is SUCCESSFUL.');
$t->stop_reconciler;

ok_api('UpdateService', { service => 's', taskDefinition => 'web:2' });
my $second = deployments()->[0];
isnt($second->{serviceDeploymentArn}, $first->{serviceDeploymentArn},
     'the newest is first');
is(scalar @{ deployments(status => ['PENDING']) }, 1, 'by status');
is(scalar @{ deployments(maxResults => 1) }, 1, 'a page');
is_deeply(deployments(createdAt => { before => 1 }), [], 'by time');

$out = ok_api('DescribeServiceRevisions', { serviceRevisionArns =>
    [$second->{targetServiceRevisionArn},
     account_arn('service-revision/default/s/1')] });
is_like($out->{serviceRevisions}, [{ serviceRevisionArn =>
    $second->{targetServiceRevisionArn}, serviceArn =>
    account_arn('service/default/s'), clusterArn =>
    account_arn('cluster/default'), taskDefinition =>
    account_arn('task-definition/web:2'), launchType => 'EC2',
    createdAt => '<time>', guardDutyEnabled => $no, containerImages =>
    [{ containerName => 'c', image => 'nginx:1' }], loadBalancers => [],
    serviceRegistries => [] }], 'a revision');
is_deeply($out->{failures}, [{ arn =>
    account_arn('service-revision/default/s/1'), reason => 'MISSING' }],
    'and one that is missing');

# Stopped, it goes back to the revision before.

refused('StopServiceDeployment', { serviceDeploymentArn =>
        $second->{serviceDeploymentArn}, stopType => 'ABORT' }, $INVALID,
        'stop type should be one of [ROLLBACK]');
refused('ContinueServiceDeployment', { serviceDeploymentArn =>
        $second->{serviceDeploymentArn}, hookId => 'h' }, $INVALID,
        'The lifecycle hook h is not awaiting action.');
is(ok_api('StopServiceDeployment', { serviceDeploymentArn =>
   $second->{serviceDeploymentArn}, stopType => 'ROLLBACK' })
   ->{serviceDeploymentArn}, $second->{serviceDeploymentArn}, 'stopped');
is(deployment($second->{serviceDeploymentArn})->{status},
   'ROLLBACK_REQUESTED', 'it is asked for');
ok($t->reload, 'a reload');
reconcile();
wait_api('DescribeServiceDeployments', { serviceDeploymentArns =>
    [$second->{serviceDeploymentArn}] }, 'rolled back', sub {
    $_[0]{serviceDeployments}[0]{status} eq 'ROLLBACK_SUCCESSFUL' });
$out = deployment($second->{serviceDeploymentArn});
is($out->{rollback}{serviceRevisionArn},
   $first->{targetServiceRevisionArn}, 'to the revision before');
is(ok_api('DescribeServices', { services => ['s'] })
   ->{services}[0]{taskDefinition}, account_arn('task-definition/web:1'),
   'which the service runs again');
$t->stop_reconciler;

my $none = account_arn('service-deployment/default/s/none');
refused(@$_) for
    ['ListServiceDeployments', { service => 'none' },
     'ServiceNotFoundException', 'Service not found.'],
    ['ListServiceDeployments', { service => 's', cluster => 'none' },
     'ClusterNotFoundException', 'Cluster not found.'],
    ['ListServiceDeployments', { service => 's', status => ['X'] }, $INVALID,
     qr/^service deployment status should be one of \[PENDING,/],
    ['DescribeServiceDeployments', { serviceDeploymentArns => [] }, $INVALID,
     'Service Deployment ARNs cannot be empty.'],
    ['DescribeServiceDeployments', { serviceDeploymentArns => ['x'] },
     $INVALID, 'The ServiceDeployment ARN is invalid.'],
    ['DescribeServiceDeployments', { serviceDeploymentArns =>
     [map { "$_" } 1 .. 21] }, $INVALID,
     'Service Deployment ARN count cannot exceed 20'],
    ['DescribeServiceRevisions', { serviceRevisionArns => ['x'] }, $INVALID,
     'The Service ARN provided is invalid.'],
    ['DescribeServiceRevisions', { serviceRevisionArns =>
     [map { account_arn("service-revision/default/$_/1") } 's', 'plain'] },
     $INVALID, 'Cross service requests are not allowed. All requested service'
     . ' revisions must be for a single service'],
    ['StopServiceDeployment', { serviceDeploymentArn => $none },
     'ServiceDeploymentNotFoundException', 'Service deployment not found.'],
    ['ContinueServiceDeployment', { serviceDeploymentArn => $none,
     hookId => 'h' }, 'ServiceDeploymentNotFoundException',
     'Service deployment not found.'],
    ['ContinueServiceDeployment', { serviceDeploymentArn => $none,
     hookId => 'h', action => 'X' }, $INVALID,
     'action should be one of [ROLLBACK,CONTINUE]'];


# Namespaces.

sub in_namespace {
    my ($namespace) = @_;

    return ok_api('ListServicesByNamespace', { namespace => $namespace })
               ->{serviceArns};
}

refused('ListServicesByNamespace', { namespace => 'shop' },
        'NamespaceNotFoundException', 'Namespace not found.');
ok_api('CreateCluster', { clusterName => 'two', serviceConnectDefaults =>
                          { namespace => 'shop' } });
is_deeply(in_namespace('shop'), [], 'a cluster knows it');
ok_api('CreateService', { serviceName => 'cart', desiredCount => 0,
    taskDefinition => 'web:1', serviceConnectConfiguration =>
    { enabled => $yes, namespace => 'shop' } });
ok_api('CreateService', { cluster => 'two', serviceName => 'till',
    desiredCount => 0, taskDefinition => 'web:1',
    serviceConnectConfiguration => { enabled => $yes } });
is_deeply(in_namespace('shop'), [account_arn('service/default/cart'),
          account_arn('service/two/till')], 'services of both clusters');
ok_api('UpdateService', { service => 'cart', serviceConnectConfiguration =>
                          { enabled => $no } });
ok_api('DeleteService', { cluster => 'two', service => 'till' });
is_deeply(in_namespace('shop'), [], 'switched off, and deleted');

$t->done;
