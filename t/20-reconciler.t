#!/usr/bin/perl

# The reconciler with simulated containers, over the API: the life of a task
# in every way it can end, services, and what the reconciler says of itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi qw(api_start ok_api $t);
use Test::More;

api_start(workers => 2, reconciler => [
    '--simulated-start', '150ms', '--simulated-stop', '50ms',
    '--healthy-after', '200ms', '--throttle-first', '300ms',
    '--throttle-max', '600ms', '--log-level', 'info',
]);


# Helpers.

my $revision = 0;

sub define {
    my ($family, @containers) = @_;

    my @list = map { { name => "c$_", image => "image-$_", memory => 64,
                       %{ $containers[$_] } } } 0 .. $#containers;
    my $out = ok_api('RegisterTaskDefinition',
        { family => $family, containerDefinitions => \@list });

    return "$family:$out->{taskDefinition}{revision}";
}

sub labels {
    my (%labels) = @_;

    return (dockerLabels => { map { ("kecs.simulated.$_" => "$labels{$_}") }
                              keys %labels });
}

sub run {
    my ($definition, %more) = @_;

    my $out = ok_api('RunTask', { taskDefinition => $definition, %more });

    return $out->{tasks}[0]{taskArn};
}

sub task {
    my ($arn) = @_;

    my (undef, $out) = $t->api('DescribeTasks', { tasks => [$arn] });

    return $out->{tasks}[0] // {};
}

sub wait_task {
    my ($arn, $status) = @_;

    my $got = $t->wait_for(sub {
        my $task = task($arn);
        ($task->{lastStatus} // '') eq $status && $task;
    });
    ok($got, "the task becomes $status")
        or diag($t->json->encode(task($arn)));

    return $got || {};
}

sub service {
    my ($name) = @_;

    my (undef, $out) = $t->api('DescribeServices', { services => [$name] });

    return $out->{services}[0] // {};
}

sub steady {
    my ($name, $count) = @_;

    my $got = $t->wait_for(sub {
        my $s = service($name);
        @{ $s->{deployments} } == 1 && $s->{runningCount} == $count
            && $s->{pendingCount} == 0
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED'
            && $s->{events}[0]{message} =~ /steady state/ && $s;
    }, 30);
    ok($got, "$name reaches a steady state of $count")
        or diag($t->json->encode(service($name)));

    return $got || {};
}

sub times_in_order {
    my ($task, @names) = @_;

    my @times = map { $task->{$_} // 0 } @names;
    my $fine = $times[0] > 0;
    $fine &&= $times[$_ - 1] <= $times[$_] for 1 .. $#times;
    ok($fine, "in order: @names") or diag("@times");
}


ok_api('CreateCluster', {});


# A task runs until it is stopped.

my $plain = define('plain', {}, { essential => \0 });
my $arn = run($plain);
my $task = wait_task($arn, 'RUNNING');

is($task->{connectivity}, 'CONNECTED', 'connected');
is($task->{healthStatus}, 'UNKNOWN', 'no health check: UNKNOWN');
ok(!grep({ $_->{lastStatus} ne 'RUNNING' } @{ $task->{containers} }),
   'all containers run');
like($task->{containers}[0]{imageDigest}, qr/^sha256:[0-9a-f]{64}$/,
     'image digest');
ok($task->{containers}[0]{runtimeId}, 'runtime id');
times_in_order($task, qw(createdAt pullStartedAt pullStoppedAt startedAt));

my $stopped = ok_api('StopTask', { task => $arn, reason => 'enough' });
is($stopped->{task}{desiredStatus}, 'STOPPED', 'the stop is wanted');
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'UserInitiated', 'stop code');
is($task->{stoppedReason}, 'enough', 'the reason of the caller');
is($task->{containers}[0]{exitCode}, 143, 'ended by SIGTERM');
cmp_ok($task->{version}, '>', 3, 'the version has grown');
times_in_order($task, qw(startedAt stoppingAt executionStoppedAt stoppedAt));


# awsvpc: the network interface comes and goes.

my ($status, $out) = $t->api('RegisterTaskDefinition', {
    family => 'vpc', networkMode => 'awsvpc', cpu => '256', memory => '512',
    requiresCompatibilities => ['FARGATE'],
    containerDefinitions => [{ name => 'a', image => 'i' }],
});
$arn = run('vpc', launchType => 'FARGATE', networkConfiguration => {
    awsvpcConfiguration => { subnets => ['subnet-1'] } });
$task = wait_task($arn, 'RUNNING');

my $eni = $task->{attachments}[0];
my %details = map { ($_->{name} => $_->{value}) } @{ $eni->{details} };
is($eni->{status}, 'ATTACHED', 'the interface is attached');
is($details{subnetId}, 'subnet-1', 'to its subnet');
like($details{networkInterfaceId}, qr/^eni-[0-9a-f]{17}$/, 'its id');
my $ni = $task->{containers}[0]{networkInterfaces}[0];
is($ni->{attachmentId}, $eni->{id}, 'the container shows it');
is($ni->{privateIpv4Address}, $details{privateIPv4Address}, 'its address');

ok_api('StopTask', { task => $arn });
$task = wait_task($arn, 'STOPPED');
is($task->{attachments}[0]{status}, 'DELETED', 'the interface is deleted');


# A volume configured at launch is attached before containers run.

ok_api('RegisterTaskDefinition', { family => 'disk',
    volumes => [{ name => 'data', configuredAtLaunch => JSON::PP::true }],
    containerDefinitions => [{ name => 'a', image => 'i', memory => 64 }] });
$arn = run('disk', volumeConfigurations => [{ name => 'data',
    managedEBSVolume => { roleArn => 'arn:r', sizeInGiB => 8 } }]);
$task = wait_task($arn, 'RUNNING');
is($task->{attachments}[0]{status}, 'ATTACHED', 'the volume is attached');
like($task->{attachments}[0]{details}[-1]{value}, qr/^vol-[0-9a-f]{17}$/,
     'its id');
ok_api('StopTask', { task => $arn });
is(wait_task($arn, 'STOPPED')->{attachments}[0]{status}, 'DELETED',
   'and goes with the task');


# Ends of its own.

$arn = run(define('exits', { labels('exit-after' => 80, 'exit-code' => 3) },
                  {}));
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'EssentialContainerExited', 'essential exit');
is($task->{stoppedReason}, 'Essential container in task exited', 'reason');
is($task->{containers}[0]{exitCode}, 3, 'its exit code');
is($task->{containers}[1]{exitCode}, 143, 'the other one is stopped');

$arn = run(define('batch', { essential => \0, labels('exit-after' => 1) },
                  {}));
wait_task($arn, 'RUNNING');
$t->wait_for(sub {
    task($arn)->{containers}[0]{lastStatus} eq 'STOPPED' });
is(task($arn)->{lastStatus}, 'RUNNING', 'a non-essential exit is no end');
is(task($arn)->{containers}[0]{exitCode}, 0, 'its exit code shows');
ok_api('StopTask', { task => $arn });

$arn = run(define('oom', { labels('oom-after' => 30) }));
$task = wait_task($arn, 'STOPPED');
is($task->{containers}[0]{exitCode}, 137, 'out of memory: 137');
is($task->{containers}[0]{reason},
   'OutOfMemoryError: Container killed due to memory usage', 'and says so');

$arn = run(define('pull', { labels('pull-error' => 'no such image') }));
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'TaskFailedToStart', 'a pull fails');
is($task->{stoppedReason}, 'CannotPullContainerError: no such image',
   'with the reason');
ok(!exists $task->{startedAt}, 'it never started');
ok(!exists $task->{containers}[0]{exitCode}, 'no exit code');

$arn = run(define('start', { labels('start-error' => 'not executable') }));
$task = wait_task($arn, 'STOPPED');
is($task->{stoppedReason}, 'CannotStartContainerError: not executable',
   'a start fails');

$arn = run(define('refused', { labels(refuse => 'privileged: no') }));
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'TaskFailedToStart', 'a task is refused');
is($task->{stoppedReason}, 'privileged: no', 'with the reason');

$arn = run(define('lost', { labels('lost-after' => 50) }));
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'TerminationNotice', 'its host is lost');
like($task->{stoppedReason}, qr/^Host EC2 \(instance \S+\) terminated\.$/,
     'with the reason');

$arn = run(define('stuck', { labels('never-start' => 'true') }));
wait_task($arn, 'PENDING');
ok_api('StopTask', { task => $arn });
$task = wait_task($arn, 'STOPPED');
is($task->{stopCode}, 'UserInitiated', 'a pending task can be stopped');
ok(!exists $task->{containers}[0]{exitCode}, 'it has no exit code');


# Health checks.

my %check = (healthCheck => { command => ['CMD', 'true'], interval => 5,
                              retries => 1 });
$arn = run(define('healthy', { %check, labels('health-after' => 100) }));
ok($t->wait_for(sub { task($arn)->{healthStatus} eq 'HEALTHY' }),
   'a task becomes HEALTHY');
ok_api('StopTask', { task => $arn });

$arn = run(define('unhealthy', { %check, labels('health-after' => 1,
                                                'unhealthy-after' => 100) }));
ok($t->wait_for(sub { task($arn)->{healthStatus} eq 'UNHEALTHY' }),
   'a task becomes UNHEALTHY');
is(task($arn)->{lastStatus}, 'RUNNING', 'which does not end it');
ok_api('StopTask', { task => $arn });


# Services.

ok_api('CreateService', { serviceName => 's', taskDefinition => $plain,
                          desiredCount => 3 });
my $s = steady('s', 3);
my ($n) = $s->{deployments}[0]{id} =~ m{^ecs-svc/(\d+)$};
my @messages = map { $_->{message} } @{ $s->{events} };
is($messages[0], '(service s) has reached a steady state.', 'steady event');
is($messages[1], "(service s) (deployment ecs-svc/$n) deployment completed.",
   'completion event');
like($messages[2], qr/^\(service\ s\)\ has\ started\ 3\ tasks:
                      (?:\ \(task\ [0-9a-f]{32}\)){3}\.$/x, 'start event');

(undef, $out) = $t->api('ListTasks', { serviceName => 's' });
is(scalar @{ $out->{taskArns} }, 3, 'its tasks are listed');
$task = task($out->{taskArns}[0]);
is($task->{group}, 'service:s', 'group');
is($task->{startedBy}, "ecs-svc/$n", 'started by the deployment');

my $victim = $out->{taskArns}[0];
ok_api('StopTask', { task => $victim });
wait_task($victim, 'STOPPED');
ok($t->wait_for(sub {
    my (undef, $l) = $t->api('ListTasks', { serviceName => 's' });
    @{ $l->{taskArns} } == 3 && !grep { $_ eq $victim } @{ $l->{taskArns} };
}), 'a stopped task is replaced');
steady('s', 3);

ok_api('UpdateService', { service => 's', desiredCount => 1 });
$s = steady('s', 1);
ok(scalar(grep { $_->{message} =~ /has stopped 2 running tasks: \(task/ }
          @{ $s->{events} }), 'the stops are told');
(undef, $out) = $t->api('ListTasks', { desiredStatus => 'STOPPED',
                                       serviceName => 's' });
my (undef, $all) = $t->api('DescribeTasks', { tasks => $out->{taskArns} });
my $scaled = qr{^Scaling activity initiated by \(deployment ecs-svc/\d+\)$};
is(scalar(grep { ($_->{stopCode} // '') eq 'ServiceSchedulerInitiated'
                 && $_->{stoppedReason} =~ $scaled } @{ $all->{tasks} }), 2,
   'by the scheduler, for scaling');

my $second = define('plain', {});
ok_api('UpdateService', { service => 's', taskDefinition => $second,
                          desiredCount => 2 });
$s = steady('s', 2);
like($s->{deployments}[0]{taskDefinition}, qr/\Q$second\E$/,
     'a new deployment has taken over');

my $bad = define('bad', { labels('pull-error' => 'gone') });
ok_api('UpdateService', { service => 's', taskDefinition => $bad });
ok($t->wait_for(sub {
    my ($d) = grep { $_->{status} eq 'PRIMARY' } @{ service('s')->{deployments} };
    $d->{failedTasks} >= 3;
}, 30), 'tasks that fail to start are counted');
my ($old) = grep { $_->{status} eq 'ACTIVE' } @{ service('s')->{deployments} };
is($old->{runningCount}, 2, 'the old ones go on running');
ok_api('UpdateService', { service => 's', taskDefinition => $second });
steady('s', 2);

ok_api('DeleteService', { service => 's', force => \1 });
ok($t->wait_for(sub { service('s')->{status} eq 'INACTIVE' }, 30),
   'a deleted service becomes INACTIVE');
is(service('s')->{runningCount}, 0, 'without tasks');


# What it says of itself.

my %said = %{ $t->said };
is($said{ready}, 1, 'status: ready');
is($said{runtime}, 'simulated', 'status: runtime');
is($said{pid}, $t->{reconciler_pid}, 'status: pid');
cmp_ok(abs($said{time} / 1000 - time), '<', 5, 'status: time');
ok(exists $said{$_}, "status: $_") for qw(choice why lag tasks services
                                          actions);

my $program = $ENV{KECS_RECONCILER}
              || join '/', $Kecs::ROOT, $ENV{KECS_SANITIZE} ? 'build/asan'
                                                            : 'build',
                           'kecs-reconciler';
my $second_one = `$program --data @{[ $t->data ]} --runtime simulated 2>&1`;
is($? >> 8, 1, 'a second reconciler is refused');
like($second_one, qr/another kecs-reconciler \(process $said{pid}\)/,
     'and told why');

like(`$program 2>&1`, qr/--data is required/, 'no store');
like(`$program --data x --set task-retention=59m 2>&1`,
     qr/task-retention is to be between 3600000/, 'a bound of a setting');
like(`$program --data x --set nothing=1 2>&1`, qr/no setting "nothing"/,
     'an unknown setting');
like(`$program --help`, qr/healthy-after\s+40000 ms/, 'help lists them');


# Ending it leaves tasks as they are; draining stops them.

$arn = run($plain);
wait_task($arn, 'RUNNING');
$t->stop_reconciler;
is(task($arn)->{lastStatus}, 'RUNNING', 'tasks outlive the reconciler');

my $drained = `$program --data @{[ $t->data ]} --runtime simulated --drain 2>&1`;
is($?, 0, 'draining ends by itself') or diag($drained);
is(task($arn)->{lastStatus}, 'STOPPED', 'when all tasks have stopped');

$t->done;
