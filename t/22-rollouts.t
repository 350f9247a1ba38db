#!/usr/bin/perl

# How services are rolled out, over the API, with simulated containers: the
# circuit breaker, going back, and what is said of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsApi;
use Test::More;

api_start(workers => 2, reconciler => [@KecsApi::SHORT,
    '--throttle-first', '50ms', '--throttle-max', '100ms',
]);


# Helpers.

sub define {
    my ($family, $labels, %container) = @_;

    my $out = ok_api('RegisterTaskDefinition', { family => $family,
        containerDefinitions => [{ name => 'app', image => 'i', memory => 8,
            dockerLabels => { map { ("kecs.simulated.$_" => $labels->{$_}) }
                              keys %$labels },
            %container }] });

    return "$family:$out->{taskDefinition}{revision}";
}

sub service {
    my ($name) = @_;

    my (undef, $out) = $t->api('DescribeServices', { services => [$name] });

    return $out->{services}[0] // {};
}

# The newest service deployment of a service, whole.
sub rollout {
    my ($name) = @_;

    my (undef, $list) = $t->api('ListServiceDeployments',
                                { service => $name });
    my (undef, $out) = $t->api('DescribeServiceDeployments', {
        serviceDeploymentArns =>
            [$list->{serviceDeployments}[0]{serviceDeploymentArn}] });

    return $out->{serviceDeployments}[0] // {};
}

sub wait_rollout {
    my ($name, $status) = @_;

    my $got = $t->wait_for(sub {
        my $sd = rollout($name);
        ($sd->{status} // '') eq $status && $sd;
    }, 30);
    ok($got, "the service deployment of $name becomes $status")
        or diag($t->json->encode([rollout($name), service($name)]));

    return $got || {};
}

# As `aws ecs wait services-stable` sees it.
sub stable {
    my ($name) = @_;

    my $got = $t->wait_for(sub {
        my $s = service($name);
        @{ $s->{deployments} } == 1
            && $s->{runningCount} == $s->{desiredCount} && $s;
    }, 30);
    ok($got, "$name is stable") or diag($t->json->encode(service($name)));

    return $got || {};
}

sub messages { return map { $_->{message} } @{ $_[0]{events} } }

sub primary {
    my ($s) = @_;

    return (grep { $_->{status} eq 'PRIMARY' } @{ $s->{deployments} })[0];
}

sub breaker {
    my ($on, $rollback, %more) = @_;

    return { deploymentConfiguration => { deploymentCircuitBreaker => {
        enable => $on ? \1 : \0, rollback => $rollback ? \1 : \0, %more } } };
}

sub tasks {
    my ($name) = @_;

    my (undef, $out) = $t->api('ListTasks', { serviceName => $name });

    return @{ $out->{taskArns} };
}


ok_api('CreateCluster', {});

my $good = define('good', {});
my $bad = define('bad', { 'pull-error' => 'no such image' });


# The circuit breaker goes back to what was rolled out last.

ok_api('CreateService', { serviceName => 'b', taskDefinition => $good,
                          desiredCount => 2, %{ breaker(1, 1) } });
my $sd = wait_rollout('b', 'SUCCESSFUL');
is($sd->{deploymentCircuitBreaker}{status}, 'MONITORING_COMPLETE',
   'the breaker has looked at it');
is($sd->{deploymentCircuitBreaker}{threshold}, 3, 'three is the least');
my $first = primary(stable('b'));
my @kept = sort(tasks('b'));

my $out = ok_api('UpdateService', { service => 'b', taskDefinition => $bad });
my $second = primary($out->{service});
$sd = wait_rollout('b', 'ROLLBACK_SUCCESSFUL');
my $why = 'Service deployment rolled back because the circuit breaker'
          . ' threshold was exceeded.';
is($sd->{statusReason}, $why, 'the reason');
is($sd->{rollback}{reason}, $why, 'of the rollback too');
ok($sd->{rollback}{startedAt} && $sd->{finishedAt}, 'when it was');
is($sd->{deploymentCircuitBreaker}{status}, 'TRIGGERED',
   'the breaker was triggered');
cmp_ok($sd->{deploymentCircuitBreaker}{failureCount}, '>=', 3,
       'by three failed tasks, and what failed beside them');
my ($n) = $first->{id} =~ m{^ecs-svc/(\d+)$};
like($sd->{rollback}{serviceRevisionArn}, qr{service-revision/default/b/$n$},
     'back to the first revision');
is($sd->{sourceServiceRevisions}[0]{arn}, $sd->{rollback}{serviceRevisionArn},
   'which it had replaced');

my $s = stable('b');
is(primary($s)->{id}, $first->{id}, 'the first deployment is PRIMARY again');
is(primary($s)->{rolloutState}, 'COMPLETED', 'and rolled out');
like($s->{taskDefinition}, qr/\Q$good\E$/, 'with its definition');
is_deeply([sort(tasks('b'))], \@kept, 'and its tasks, which never stopped');

my @told = grep { !/started|stopped/ } messages($s);
is_deeply([@told[0 .. 3]], [
    '(service b) has reached a steady state.',
    "(service b) (deployment $first->{id}) deployment completed.",
    "(service b) rolling back to deployment $first->{id}.",
    "(service b) (deployment $second->{id}) deployment failed:"
        . ' tasks failed to start.',
], 'the events, the newest first');


# What a watcher sees while it goes back.

ok_api('UpdateService', { service => 'b', taskDefinition => $good,
    forceNewDeployment => \1, desiredCount => 1 });
wait_rollout('b', 'SUCCESSFUL');
my $lingers = define('lingers', { 'health' => 'unhealthy',
    'ignore-term' => 'true' }, stopTimeout => 2,
    healthCheck => { command => ['CMD', 'false'], interval => 5,
                     retries => 1 });
ok_api('UpdateService', { service => 'b', taskDefinition => $lingers,
    deploymentConfiguration => { minimumHealthyPercent => 0,
        maximumPercent => 200, deploymentCircuitBreaker => { enable => \1,
        rollback => \1, thresholdConfiguration => { type => 'COUNT',
                                                    value => 1 } } } });
my $third = primary(service('b'));
$s = wait_api('DescribeServices', { services => ['b'] },
    'failed health checks trigger it too', sub {
        my ($d) = grep { $_->{id} eq $third->{id} }
                       @{ $_[0]{services}[0]{deployments} };
        ($d->{rolloutState} // '') eq 'FAILED' && $d->{status} eq 'ACTIVE';
    })->{services}[0];
my ($failed) = grep { $_->{id} eq $third->{id} } @{ $s->{deployments} };
is($failed->{rolloutStateReason},
   'ECS deployment circuit breaker: tasks failed to start.',
   'the deployment that failed says why');
is(primary($s)->{rolloutStateReason}, 'ECS deployment circuit breaker:'
   . ' rolling back to deploymentId ' . primary($s)->{id} . '.',
   'the one that takes its place, too') if primary($s)->{rolloutState}
                                            eq 'IN_PROGRESS';
$sd = wait_rollout('b', 'ROLLBACK_SUCCESSFUL');
is($sd->{deploymentCircuitBreaker}{threshold}, 1, 'a threshold by COUNT');
stable('b');


# Tasks that end before they are healthy are failures of a rollout.

my $crashes = define('crashes', { 'exit-after' => '5' });
ok_api('UpdateService', { service => 'b', taskDefinition => $crashes });
wait_rollout('b', 'ROLLBACK_SUCCESSFUL');
stable('b');


# Without rollback it fails and starts nothing more.

ok_api('CreateService', { serviceName => 'f', taskDefinition => $good,
                          desiredCount => 1, %{ breaker(1, 0) } });
wait_rollout('f', 'SUCCESSFUL');
ok_api('UpdateService', { service => 'f', taskDefinition => $bad });
$sd = wait_rollout('f', 'STOPPED');
ok(!exists $sd->{rollback}, 'nothing is rolled back');
ok($sd->{stoppedAt}, 'it stopped');
is($sd->{deploymentCircuitBreaker}{status}, 'TRIGGERED', 'by the breaker');
$s = service('f');
is(primary($s)->{rolloutState}, 'FAILED', 'the PRIMARY has failed');
is(primary($s)->{failedTasks}, 3, 'with three tasks');
is($s->{runningCount}, 1, 'the task of before runs on');
ok(!(grep { /rolling back/ } messages($s)), 'nothing is said of going back');
ok_api('UpdateService', { service => 'f', taskDefinition => $good });
wait_rollout('f', 'SUCCESSFUL');
stable('f');


# There is nothing to go back to.

ok_api('CreateService', { serviceName => 'n', taskDefinition => $bad,
                          desiredCount => 1, %{ breaker(1, 1) } });
$sd = wait_rollout('n', 'ROLLBACK_FAILED');
is($sd->{statusReason},
   'No rollback candidate was found to run the rollback.', 'and it says so');
is(primary(service('n'))->{rolloutState}, 'FAILED', 'the rollout has failed');


# A healthy task resets the count, unless all failures count.

my $flaky = define('flaky', { 'pull-error' => 'gone' });
ok_api('CreateService', { serviceName => 'c', taskDefinition => $good,
    desiredCount => 1, %{ breaker(1, 1, resetOnHealthyTask => \0,
        thresholdConfiguration => { type => 'COUNT', value => 5 }) } });
wait_rollout('c', 'SUCCESSFUL');
ok_api('UpdateService', { service => 'c', taskDefinition => $flaky });
$sd = wait_rollout('c', 'ROLLBACK_SUCCESSFUL');
is($sd->{deploymentCircuitBreaker}{failureCount}, 5, 'five failures');


# Stopped by hand, it goes back to the same deployment.

$s = stable('c');
my $before = primary($s)->{id};
ok_api('UpdateService', { service => 'c',
    taskDefinition => define('never', { 'never-start' => 'true' }) });
$sd = wait_rollout('c', 'IN_PROGRESS');
ok_api('StopServiceDeployment', {
    serviceDeploymentArn => $sd->{serviceDeploymentArn} });
$sd = wait_rollout('c', 'ROLLBACK_SUCCESSFUL');
is($sd->{rollback}{reason}, 'A rollback was requested.', 'as asked for');
is($sd->{deploymentCircuitBreaker}{status}, 'MONITORING_COMPLETE',
   'not by the breaker');
is(primary(stable('c'))->{id}, $before, 'the deployment of before');

$t->done;
