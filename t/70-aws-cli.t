#!/usr/bin/perl
# The transcript of the README with the real aws CLI, on the simulated
# runtime: waiters, statuses, a rolling update, kill -9 of everything.

use strict;
use warnings;

use KecsClient;
use KecsUp;
use Test::More;

$ENV{KECS_AWS} ||= client('python') . '/bin/aws';

my $k = KecsUp->new->start;
like($k->output, qr/runtime\s+simulated/, 'the banner names the runtime');

is($k->aws('create-cluster', '--cluster-name', 'demo')->{cluster}{status},
    'ACTIVE', 'create-cluster');
is($k->aws('register-task-definition', '--cli-input-json',
    'file://examples/hello.json')->{taskDefinition}{revision}, 1,
    'register-task-definition');

my $run = $k->aws(qw(run-task --cluster demo --task-definition hello
    --count 2));
my @tasks = map { $_->{taskArn} } @{ $run->{tasks} };
is(scalar @tasks, 2, 'run-task: two tasks');
is_deeply($run->{failures}, [], 'run-task: no failures');

my ($status, $text) = $k->try_aws(qw(wait tasks-running --cluster demo
    --tasks), @tasks);
is($status, 0, 'wait tasks-running') or diag($text);

my $created = $k->aws(qw(create-service --cluster demo --service-name web
    --task-definition hello --desired-count 3));
is($created->{service}{status}, 'ACTIVE', 'create-service');
($status, $text) = $k->try_aws(qw(wait services-stable --cluster demo
    --services web));
is($status, 0, 'wait services-stable') or diag($text);

my $web = $k->aws(qw(describe-services --cluster demo --services web))
    ->{services}[0];
is($web->{runningCount}, 3, 'three tasks run');
is(scalar @{ $web->{deployments} }, 1, 'one deployment');
is($web->{deployments}[0]{rolloutState}, 'COMPLETED', 'rollout COMPLETED');
like($web->{events}[0]{message}, qr/^\(service web\) has reached a steady/,
    'the newest event: steady state');

# a new revision rolls out, and a reload of nginx in the middle of it

$k->aws('register-task-definition', '--cli-input-json',
    'file://examples/hello.json');
my $updated = $k->aws(qw(update-service --cluster demo --service web
    --task-definition hello:2))->{service};
is(scalar @{ $updated->{deployments} }, 2, 'update-service: two deployments');
ok($k->reload, 'a reload: new workers serve');
($status, $text) = $k->try_aws(qw(wait services-stable --cluster demo
    --services web));
is($status, 0, 'the update becomes stable') or diag($text);
$web = $k->aws(qw(describe-services --cluster demo --services web))
    ->{services}[0];
like($web->{taskDefinition}, qr/hello:2$/, 'the service has revision 2');
my $of_web = $k->aws(qw(list-tasks --cluster demo --service-name web));
my $described = $k->aws(qw(describe-tasks --cluster demo --tasks),
    @{ $of_web->{taskArns} });
is_deeply([ map { $_->{taskDefinitionArn} =~ /(\d+)$/ }
    @{ $described->{tasks} } ], [ 2, 2, 2 ], 'every task has revision 2');

# everything is killed; what was acknowledged is there again

my ($before) = map { $_->{version} } @{ $described->{tasks} };
$k->kill_all;
$k->start;
my $after = $k->aws(qw(describe-services --cluster demo --services web))
    ->{services}[0];
is($after->{desiredCount}, 3, 'after kill -9: the service is there');
is($after->{runningCount}, 3, 'after kill -9: its tasks go on');
($status, $text) = $k->try_aws(qw(wait services-stable --cluster demo
    --services web));
is($status, 0, 'after kill -9: stable') or diag($text);

# stop, delete

my $stopped = $k->aws(qw(stop-task --cluster demo --reason bye --task),
    $tasks[0])->{task};
is($stopped->{desiredStatus}, 'STOPPED', 'stop-task');
($status, $text) = $k->try_aws(qw(wait tasks-stopped --cluster demo
    --tasks), $tasks[0]);
is($status, 0, 'wait tasks-stopped') or diag($text);
my $end = $k->aws(qw(describe-tasks --cluster demo --tasks), $tasks[0])
    ->{tasks}[0];
is($end->{stoppedReason}, 'bye', 'the reason is kept');
is($end->{stopCode}, 'UserInitiated', 'the stop code');

($status, $text) = $k->try_aws(qw(delete-cluster --cluster demo));
like($text, qr/\(ClusterContainsServicesException\)/, 'its class');
like($text, qr/The Cluster cannot be deleted while Services are active\./,
    'a cluster with services is kept');

is($k->aws(qw(delete-service --cluster demo --service web --force))
    ->{service}{status}, 'DRAINING', 'delete-service');
($status, $text) = $k->try_aws(qw(wait services-inactive --cluster demo
    --services web));
is($status, 0, 'wait services-inactive') or diag($text);

$k->aws(qw(stop-task --cluster demo --task), $tasks[1]);
$k->try_aws(qw(wait tasks-stopped --cluster demo --tasks), $tasks[1]);
is($k->aws(qw(delete-cluster --cluster demo))->{cluster}{status}, 'INACTIVE',
    'delete-cluster');

is($k->stop, 0, 'SIGTERM: exit status 0');
like($k->output, qr/tasks go on running/, 'and says that tasks go on');

$k->final_checks;

done_testing();
