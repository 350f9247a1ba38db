#!/usr/bin/perl

# How services are rolled out, over the API, with simulated containers: the
# circuit breaker, going back, and what is said of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsApi;
use Test::More;
use Time::HiRes qw(time);

api_start(workers => 2, reconciler => [@KecsApi::SHORT,
    '--throttle-first', '50ms', '--throttle-max', '100ms', '--rollout-minute', '400ms',
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
   'the one that takes its place, too');
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


# A rollout succeeds early, when as many are healthy as is asked for.

ok_api('CreateService', { serviceName => 'e', taskDefinition => $good,
                          desiredCount => 2 });
wait_rollout('e', 'SUCCESSFUL');
ok_api('UpdateService', { service => 'e',
    taskDefinition => define('starts', { 'never-start' => 'true' }),
    deploymentConfiguration => { minimumHealthyPercent => 0,
        earlySuccessCriteria => { enable => \1, healthyPercent => 0,
            sourceServiceRevisionCleanup => 'DEFERRED' } } });
wait_rollout('e', 'SUCCESSFUL');
is(primary(service('e'))->{rolloutState}, 'COMPLETED', 'none was asked for');
is(primary(service('e'))->{runningCount}, 0, 'and none runs');


# Blue/green: green stands beside blue until the bake time is over.

sub strategy {
    my ($name, %more) = @_;

    return (deploymentConfiguration => { strategy => $name, %more });
}

sub wait_stage {
    my ($name, $stage) = @_;

    my $got = $t->wait_for(sub {
        my $sd = rollout($name);
        ($sd->{lifecycleStage} // '') eq $stage && $sd;
    }, 30);
    ok($got, "$name is at $stage")
        or diag($t->json->encode([rollout($name), service($name)]));

    return $got || {};
}

sub weights {
    my ($sd) = @_;

    return [map { [$_->{requestedProductionTrafficWeight} + 0,
                   $_->{requestedTestTrafficWeight} + 0] }
            $sd->{targetServiceRevision}, $sd->{sourceServiceRevisions}[0]];
}

# All stages that the log shows of the newest rollout, and its weights.
my $pause = { targetType => 'PAUSE',
              timeoutConfiguration => { timeoutInMinutes => 1000 } };

ok_api('CreateService', { serviceName => 'g', taskDefinition => $good,
    desiredCount => 2, strategy('BLUE_GREEN', bakeTimeInMinutes => 1) });
$sd = wait_rollout('g', 'SUCCESSFUL');
is($sd->{lifecycleStage}, 'CLEAN_UP', 'the first one passes all stages');
is($sd->{targetServiceRevision}{requestedProductionTrafficWeight} + 0, 100,
   'and gets all traffic');
my $blue = primary(stable('g'));
@kept = sort(tasks('g'));

ok_api('UpdateService', { service => 'g', forceNewDeployment => \1,
    strategy('BLUE_GREEN', bakeTimeInMinutes => 3, lifecycleHooks => [
        { %$pause, lifecycleStages => ['PRE_SCALE_UP', 'POST_SCALE_UP',
          'POST_TEST_TRAFFIC_SHIFT', 'POST_PRODUCTION_TRAFFIC_SHIFT'] }]) });

sub go_on {
    my ($sd, $action) = @_;

    my ($hook) = @{ $sd->{lifecycleHookDetails} };
    is($hook->{status}, 'AWAITING_ACTION', 'a hook waits');
    is($hook->{targetType}, 'PAUSE', 'a pause');
    is($hook->{timeoutAction}, 'ROLLBACK', 'which would roll back');
    cmp_ok($hook->{expiresAt}, '>', time, 'some time');

    return ok_api('ContinueServiceDeployment', {
        serviceDeploymentArn => $sd->{serviceDeploymentArn},
        hookId => $hook->{hookId}, defined $action ? (action => $action)
                                                   : () });
}

$sd = wait_stage('g', 'PRE_SCALE_UP');
is($sd->{targetServiceRevision}{requestedTaskCount}, 0, 'green is empty');
is_deeply([sort(tasks('g'))], \@kept, 'only blue has tasks');
refused('ContinueServiceDeployment', { serviceDeploymentArn =>
        $sd->{serviceDeploymentArn}, hookId => 'none' },
        'InvalidParameterException',
        'The lifecycle hook none is not awaiting action.');
go_on($sd);
$sd = wait_stage('g', 'POST_SCALE_UP');
is($sd->{targetServiceRevision}{runningTaskCount}, 2, 'green is up');
is($sd->{sourceServiceRevisions}[0]{runningTaskCount}, 2, 'so is blue');
is_deeply(weights($sd), [[0, 0], [100, 0]], 'blue has all traffic');
go_on($sd);
$sd = wait_stage('g', 'POST_TEST_TRAFFIC_SHIFT');
is_deeply(weights($sd), [[0, 100], [100, 0]], 'green has the test traffic');
my %green = map { $_ => 1 } tasks('g');
delete @green{@kept};
ok_api('StopTask', { task => $kept[0] });
wait_api('DescribeTasks', { tasks => [$kept[0]] }, 'a task of blue stops',
         sub { $_[0]{tasks}[0]{lastStatus} eq 'STOPPED' });
wait_api('DescribeServiceDeployments', { serviceDeploymentArns =>
    [$sd->{serviceDeploymentArn}] }, 'and is replaced', sub {
        my ($b) = @{ $_[0]{serviceDeployments}[0]{sourceServiceRevisions} };
        $b->{runningTaskCount} == 2 });
go_on($sd, 'CONTINUE');
$sd = wait_stage('g', 'POST_PRODUCTION_TRAFFIC_SHIFT');
is_deeply(weights($sd), [[100, 100], [0, 0]], 'green has all traffic');
is($sd->{sourceServiceRevisions}[0]{runningTaskCount}, 2, 'blue is kept');
my $baking = time;
go_on($sd);
$sd = wait_rollout('g', 'SUCCESSFUL');
cmp_ok($sd->{finishedAt} - $baking, '>=', 3 * 0.4, 'after the bake time');
$s = stable('g');
isnt(primary($s)->{id}, $blue->{id}, 'green has taken over');
is_deeply([sort(tasks('g'))], [sort keys %green], 'with its tasks');
is((messages($s))[0], '(service g) has reached a steady state.', 'steady');


# Going back: traffic returns to blue, and green is removed.

$blue = primary($s);
@kept = sort(tasks('g'));
ok_api('UpdateService', { service => 'g', forceNewDeployment => \1 });
for my $stage (qw(PRE_SCALE_UP POST_SCALE_UP POST_TEST_TRAFFIC_SHIFT)) {
    go_on(wait_stage('g', $stage));
}

my $pausing = wait_stage('g', 'POST_PRODUCTION_TRAFFIC_SHIFT');
go_on($pausing, 'ROLLBACK');
$sd = wait_rollout('g', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, 'Service deployment rolled back because'
   . ' POST_PRODUCTION_TRAFFIC_SHIFT lifecycle hook(s) failed. Lifecycle hook'
   . " $pausing->{lifecycleHookDetails}[0]{hookId} was answered with"
   . ' ROLLBACK.', 'why');
is_deeply(weights($sd), [[0, 0], [100, 0]], 'blue has all traffic again');
$s = stable('g');
is(primary($s)->{id}, $blue->{id}, 'blue is PRIMARY again');
is_deeply([sort(tasks('g'))], \@kept, 'and its tasks never stopped');

# By hand.
ok_api('UpdateService', { service => 'g', forceNewDeployment => \1 });
$sd = wait_stage('g', 'PRE_SCALE_UP');
ok_api('StopServiceDeployment', { serviceDeploymentArn =>
                                  $sd->{serviceDeploymentArn} });
wait_rollout('g', 'ROLLBACK_SUCCESSFUL');
is_deeply([sort(tasks('g'))], \@kept, 'before green had any task');

# By the circuit breaker.
ok_api('UpdateService', { service => 'g', taskDefinition => $bad,
    strategy('BLUE_GREEN', lifecycleHooks => [], deploymentCircuitBreaker =>
             { enable => \1, rollback => \1 }) });
$sd = wait_rollout('g', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, $why, 'by the circuit breaker');
is_deeply([sort(tasks('g'))], \@kept, 'blue was left alone');

# By a hook that nobody answers, or that cannot be called.
ok_api('UpdateService', { service => 'g', taskDefinition => $good,
    forceNewDeployment => \1, strategy('BLUE_GREEN', lifecycleHooks => [
        { targetType => 'PAUSE', lifecycleStages => ['POST_SCALE_UP'],
          timeoutConfiguration => { timeoutInMinutes => 1 } }]) });
$sd = wait_rollout('g', 'ROLLBACK_SUCCESSFUL');
like($sd->{statusReason}, qr/POST_SCALE_UP.*timed out\.$/, 'a timeout');
is($sd->{lifecycleHookDetails}[0]{status}, 'TIMED_OUT', 'and it shows');

my $lambda = 'arn:aws:lambda:us-east-1:000000000000:function:f';
ok_api('UpdateService', { service => 'g', forceNewDeployment => \1,
    strategy('BLUE_GREEN', lifecycleHooks => [
        { hookTargetArn => $lambda, roleArn => 'arn:aws:iam::1:role/r',
          lifecycleStages => ['PRE_SCALE_UP'] }]) });
$sd = wait_rollout('g', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, 'Service deployment rolled back because PRE_SCALE_UP'
   . " lifecycle hook(s) failed. Lifecycle hook target $lambda cannot be"
   . ' invoked: no AWS Lambda is configured.', 'a function');
is($sd->{lifecycleHookDetails}[0]{status}, 'FAILED', 'has failed');
ok(scalar(grep { /deployment failed: Service deployment rolled back because/ }
          messages(service('g'))), 'an event tells it, too');
is_deeply([sort(tasks('g'))], \@kept, 'blue was left alone');


# Canary and linear: production traffic in steps.

for my $case (['CANARY', canaryConfiguration => { canaryPercent => 12.5,
                  canaryBakeTimeInMinutes => 2 }, [12.5, 100]],
              ['LINEAR', linearConfiguration => { stepPercent => 40,
                  stepBakeTimeInMinutes => 2 }, [40, 80, 100]])
{
    my ($name, $member, $configuration, $steps) = @$case;

    ok_api('UpdateService', { service => 'g', forceNewDeployment => \1,
        strategy($name, $member => $configuration, bakeTimeInMinutes => 0,
            lifecycleHooks => [{ %$pause, lifecycleStages =>
                ['PRE_PRODUCTION_TRAFFIC_SHIFT'] }]) });
    my ($last, $arn) = (0);

    for my $step (@$steps) {
        $sd = wait_api('DescribeServiceDeployments', { serviceDeploymentArns =>
            [rollout('g')->{serviceDeploymentArn}] },
            "$name: a hook before each step", sub {
                my $d = $_[0]{serviceDeployments}[0];
                ($d->{lifecycleHookDetails}[0]{status} // '')
                    eq 'AWAITING_ACTION'
            })->{serviceDeployments}[0];
        is($sd->{lifecycleStage}, 'PRODUCTION_TRAFFIC_SHIFT', 'its stage');
        is(weights($sd)->[0][0], $last, 'the weight of before');
        go_on($sd);
        wait_api('DescribeServiceDeployments', { serviceDeploymentArns =>
            [$sd->{serviceDeploymentArn}] }, "$name: $step percent", sub {
                my $w = weights($_[0]{serviceDeployments}[0]);
                $w->[0][0] == $step && $w->[1][0] == 100 - $step });
        $last = $step;
    }

    wait_rollout('g', 'SUCCESSFUL');
    stable('g');
}


# What is left of a rollout that a newer one replaced goes first.

ok_api('UpdateService', { service => 'g', taskDefinition => $good,
    forceNewDeployment => \1, strategy('BLUE_GREEN', lifecycleHooks => [
        { %$pause, lifecycleStages => ['POST_SCALE_UP',
                                       'RECONCILE_SERVICE'] }]) });
$blue = wait_stage('g', 'POST_SCALE_UP');
ok_api('UpdateService', { service => 'g', forceNewDeployment => \1 });
$sd = wait_stage('g', 'RECONCILE_SERVICE');
is(scalar @{ $sd->{sourceServiceRevisions} }, 2, 'there are two of before');
go_on($sd);
go_on(wait_stage('g', 'POST_SCALE_UP'));
wait_rollout('g', 'SUCCESSFUL');
stable('g');


# A rollout that begins while the blue of the one before still ends leaves
# that one's green, which has all the traffic by now, as its own blue.

my $slow = define('slow', { 'stop-delay' => '3000' });
ok_api('CreateService', { serviceName => 'o', taskDefinition => $slow,
    desiredCount => 2, strategy('BLUE_GREEN') });
wait_rollout('o', 'SUCCESSFUL');
stable('o');
ok_api('UpdateService', { service => 'o', forceNewDeployment => \1 });
wait_stage('o', 'CLEAN_UP');
my $green = primary(service('o'))->{id};
ok_api('UpdateService', { service => 'o', forceNewDeployment => \1,
    strategy('BLUE_GREEN', lifecycleHooks => [
        { %$pause, lifecycleStages => ['POST_SCALE_UP'] }]) });
wait_stage('o', 'POST_SCALE_UP');
is(scalar @{ ok_api('ListTasks', { startedBy => $green })->{taskArns} }, 2,
   'a rollout during CLEAN_UP keeps what has the traffic');
ok_api('DeleteService', { service => 'o', force => \1 });


# A DAEMON: a task on each ACTIVE container instance.

sub instance {
    my ($n, $zone, @attributes) = @_;

    my $out = ok_api('RegisterContainerInstance', {
        attributes => [map { { name => $_ } } @attributes],
        instanceIdentityDocument => $t->json->encode({ region => 'us-east-1',
            instanceId => "i-$n", availabilityZone => $zone,
            instanceType => 'm5.large' }),
        totalResources => [
            { name => 'CPU', type => 'INTEGER', integerValue => 2048 },
            { name => 'MEMORY', type => 'INTEGER', integerValue => 4096 }],
    });

    return $out->{containerInstance}{containerInstanceArn};
}

sub placed {
    my ($name) = @_;

    my @arns = tasks($name) or return;
    my (undef, $out) = $t->api('DescribeTasks', { tasks => \@arns });

    return sort map { "$_->{containerInstanceArn} $_->{availabilityZone}" }
           grep { $_->{lastStatus} eq 'RUNNING' } @{ $out->{tasks} };
}

ok_api('CreateService', { serviceName => 'd', taskDefinition => $good,
                          schedulingStrategy => 'DAEMON' });
wait_rollout('d', 'SUCCESSFUL');
is(stable('d')->{desiredCount}, 0, 'without instances it wants nothing');

my @instances = (instance('one', 'us-east-1a'), instance('two',
                                                         'us-east-1b'));
my @zones = ("$instances[0] us-east-1a", "$instances[1] us-east-1b");

sub spread {
    my ($what, @want) = @_;

    @want = sort @want;
    ok($t->wait_for(sub { "@{[placed('d')]}" eq "@want" }, 30),
       "$what: one task on each instance")
        or diag($t->json->encode([[placed('d')], service('d')]));
    ok($t->wait_for(sub { service('d')->{desiredCount} == @want }, 30),
       'as many are wanted');
    stable('d');

    return;
}

spread('two instances', @zones);
my @before = sort(tasks('d'));
ok_api('UpdateService', { service => 'd', forceNewDeployment => \1 });
wait_rollout('d', 'SUCCESSFUL');
spread('a rollout', @zones);
my %before = map { $_ => 1 } @before;
ok(!(grep { $before{$_} } tasks('d')), 'by new tasks');

ok_api('UpdateContainerInstancesState', { status => 'DRAINING',
    containerInstances => [$instances[0]] });
spread('one drains', $zones[1]);
ok_api('UpdateContainerInstancesState', { status => 'ACTIVE',
    containerInstances => [$instances[0]] });
spread('and is back', @zones);
ok_api('DeregisterContainerInstance', { containerInstance => $instances[1],
                                        force => \1 });
spread('one goes', $zones[0]);

# Of its launch type.

my $outside = instance('three', 'us-east-1a', 'ecs.capability.external');
ok_api('RegisterTaskDefinition', { family => 'anywhere',
    requiresCompatibilities => ['EXTERNAL'],
    containerDefinitions => [{ name => 'app', image => 'i', memory => 8 }] });
ok_api('CreateService', { serviceName => 'x', taskDefinition => 'anywhere',
    schedulingStrategy => 'DAEMON', launchType => 'EXTERNAL' });
ok($t->wait_for(sub { "@{[placed('x')]}" eq "$outside us-east-1a" }, 30),
   'a DAEMON of EXTERNAL is on instances of that alone')
    or diag($t->json->encode([[placed('x')], service('x')]));
spread('and one of EC2 stays', $zones[0]);
refused('CreateService', { serviceName => 'y', taskDefinition => $good,
    schedulingStrategy => 'DAEMON', launchType => 'FARGATE' },
    $_->[0], $_->[1]) for ['InvalidParameterException',
    'Task definition does not support launch_type FARGATE.'];
ok_api('DeleteService', { service => 'x' });
ok_api('DeleteService', { service => 'd' });
ok($t->wait_for(sub { service('d')->{status} eq 'INACTIVE' }, 30),
   'it is deleted without being scaled to 0');



# Not where constraints are against it, or where there is no room.

push @instances, instance('three', 'us-east-1c');
my ($near, $far) = @instances[0, 2];
my @left = ("$near us-east-1a", "$far us-east-1c");

sub role {
    my ($instance, $value) = @_;

    return ok_api($value ? 'PutAttributes' : 'DeleteAttributes',
        { attributes => [{ name => 'role', targetId => $instance,
                           $value ? (value => $value) : () }] });
}

role($near, 'web');
ok_api('CreateService', { serviceName => 'd2', taskDefinition => $good,
    schedulingStrategy => 'DAEMON', placementConstraints => [
        { type => 'memberOf', expression => 'attribute:role == web' }] });

sub daemons {
    my ($name, $what, @want) = @_;

    @want = sort @want;
    return ok($t->wait_for(sub { "@{[placed($name)]}" eq "@want" }, 30),
              $what)
        || diag($t->json->encode([[placed($name)], service($name)]));
}

daemons('d2', 'an instance that satisfies the constraint', $left[0]);
is(stable('d2')->{desiredCount}, 1, 'the other one is not wanted');
role($far, 'web');
daemons('d2', 'one that does now', @left);
role($near);
daemons('d2', 'one that does no more loses its task', $left[1]);
is(stable('d2')->{desiredCount}, 1, 'nor does it count');
ok_api('DeleteService', { service => 'd2' });
ok($t->wait_for(sub { service('d2')->{status} eq 'INACTIVE' }, 30), 'over');

my $heavy = ok_api('RegisterTaskDefinition', { family => 'heavy',
    containerDefinitions => [{ name => 'app', image => 'i',
                               memory => 3000 }] });
$heavy = $heavy->{taskDefinition}{taskDefinitionArn};
my ($hog) = map { $_->{taskArn} } @{ ok_api('StartTask',
    { taskDefinition => $heavy, containerInstances => [$near] })->{tasks} };
ok_api('CreateService', { serviceName => 'd3', taskDefinition => $heavy,
                          schedulingStrategy => 'DAEMON' });
daemons('d3', 'an instance with room', $left[1]);
my ($id) = $near =~ m{([0-9a-f]{32})$};
ok($t->wait_for(sub { grep { /container-instance $id\) has insufficient memory/ }
                      messages(service('d3')) }, 30),
   'the one without is told of');
is(service('d3')->{desiredCount}, 2, 'it is wanted there all the same');
is(primary(service('d3'))->{desiredCount}, 2, 'by the deployment too');
ok_api('StopTask', { task => $hog });
daemons('d3', 'once there is room it starts', @left);
is(scalar(grep { /insufficient memory/ } messages(stable('d3'))), 1,
   'told once');
ok_api('UpdateService', { service => 'd3', forceNewDeployment => \1 });
wait_rollout('d3', 'SUCCESSFUL');
daemons('d3', 'a rollout where two do not fit beside each other', @left);
is(scalar(grep { /insufficient memory/ } messages(stable('d3'))), 1,
   'tells nothing of that');


# Digests of images: those of the first task are the deployment's.

sub images {
    my ($name) = @_;

    my $sd = rollout($name);
    my (undef, $out) = $t->api('DescribeServiceRevisions', {
        serviceRevisionArns => [$sd->{targetServiceRevision}{arn}] });

    return $out->{serviceRevisions}[0]{containerImages};
}

ok_api('RegisterTaskDefinition', { family => 'two', containerDefinitions => [
    { name => 'app', image => 'i', memory => 8 },
    { name => 'loose', image => 'j', memory => 8,
      versionConsistency => 'disabled' }] });
ok_api('CreateService', { serviceName => 'i', taskDefinition => 'two',
                          desiredCount => 0 });
wait_rollout('i', 'SUCCESSFUL');
is_deeply(images('i'), [{ containerName => 'app', image => 'i' },
                        { containerName => 'loose', image => 'j' }],
          'no task has shown digests');
ok_api('UpdateService', { service => 'i', desiredCount => 1 });
stable('i');
my $images = images('i');
like($images->[0]{imageDigest}, qr/^sha256:[0-9a-f]{64}$/, 'the first has');
is($images->[1]{imageDigest}, undef, 'where it was not asked to forget it');
(undef, $out) = $t->api('DescribeTasks', { tasks => [tasks('i')] });
is($out->{tasks}[0]{containers}[0]{imageDigest}, $images->[0]{imageDigest},
   'as the task shows it');

$t->done;
