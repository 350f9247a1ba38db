#!/usr/bin/perl
# How containers and tasks end on a real cluster other than by themselves or
# by StopTask, and what comes after: restart policies, evictions, lost nodes,
# and which image the next task of a service runs.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

# Kubernetes 1.34 has restart rules behind a gate; pods stay for 5 minutes on
# a node that is lost, if nothing else is said.
my $cluster = KecsCluster->new('--registry', map { ('--flag', $_) }
    (map { "$_=--feature-gates=ContainerRestartRules=true" }
        qw(kube-apiserver kubelet)),
    (map { "kube-apiserver=--default-$_-toleration-seconds=1" }
        qw(not-ready unreachable)));
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $t = KecsTasks->new($cluster, sets => ['kube-restart-rules=1']);
my $k = $t->k;

sub sh { return (entryPoint => [ 'sh', '-c' ], command => [ $_[0] ]) }

sub policy {
    return (restartPolicy => { enabled => \1, restartAttemptPeriod => 60,
        @_ });
}

# Restart policies: these take a minute, the other cases run meanwhile.

my @shared = (mountPoints => [ { sourceVolume => 's',
    containerPath => '/s' } ]);
my @volume = ('--volumes', '[{"name":"s"}]');

$t->definition('again', [ { name => 'app', @shared, policy(),
    sh('test -f /s/ran && exec sleep 600; touch /s/ran; sleep 62; exit 3') },
    { name => 'other', sh('exec sleep 600') } ], @volume);
$t->definition('ignored', [ { name => 'app', sh('sleep 62; exit 7'),
    policy(ignoredExitCodes => [7]) } ]);
my $again = $t->run('again');
my $ignored = $t->run('ignored');
my $first = KecsTasks::container($t->wait_status('RUNNING', $again), 'app');

$t->definition('early', [ { name => 'app', sh('sleep 1; exit 3'), policy() },
    { name => 'other', sh('exec sleep 600'), essential => \0,
      stopTimeout => 2 } ]);
my $task = $t->wait_status('STOPPED', $t->run('early'));
is($task->{stopCode}, 'EssentialContainerExited', 'ended before its period');
is(KecsTasks::container($task, 'app')->{exitCode}, 3, 'with its exit code');

# Taken away: without a word, by its node, for a pod that matters more

sub object {
    my ($object, @how) = @_;
    my $file = "$k->{temp}/object.json";
    open my $f, '>', $file or die "$file: $!\n";
    print $f JSON::PP::encode_json($object);
    close $f;
    my ($status, $text) = $cluster->kubectl(@how ? @how : 'apply',
        '-f', $file);
    is($status, 0, "$object->{kind} is made") or diag($text);
}

sub evicted {
    my ($task, $reason, $what) = @_;
    is($task->{stopCode}, 'TerminationNotice', $what);
    like($task->{stoppedReason}, qr/^Task was evicted from its host $reason/,
        'and why');
}

$t->definition('sleeps', [ { name => 'app', sh('exec sleep 600'),
    stopTimeout => 2 } ]);
my ($forced, $drained) = map { $t->run('sleeps') } 1 .. 2;
$t->wait_status('RUNNING', $_) for $forced, $drained;
$cluster->kubectl('delete', 'pod', KecsTasks::pod_name($forced),
    qw(--grace-period=0 --force --wait=false));
$task = $t->wait_status('STOPPED', $forced);
is($task->{stopCode}, 'ServiceSchedulerInitiated', 'deleted by force');
is($task->{stoppedReason}, 'Task stopped externally', 'by somebody');

my $name = KecsTasks::pod_name($drained);
object({ apiVersion => 'policy/v1', kind => 'Eviction',
         metadata => { name => $name } }, 'create', '--raw',
    "/api/v1/namespaces/$cluster->{namespace}/pods/$name/eviction");
evicted($t->wait_status('STOPPED', $drained), qr/\(EvictionByEvictionAPI\)/,
    'drained from its node');

object({ apiVersion => 'v1', kind => 'LimitRange',
         metadata => { name => 'small' }, spec => { limits => [ {
             type => 'Container', default => { 'ephemeral-storage' => '8Mi' },
             defaultRequest => { 'ephemeral-storage' => '1Mi' } } ] } });
$t->definition('writes', [ { name => 'app', stopTimeout => 2,
    sh('dd if=/dev/zero of=/file bs=1M count=32; exec sleep 600') } ]);
evicted($t->wait_status('STOPPED', $t->run('writes')),
    qr/\((?:TerminationByKubelet|Evicted)\).*ephemeral/,
    'it took more room than it had');
$cluster->kubectl(qw(delete limitrange small));

# A pod that matters more wants the task's port of the host
object({ apiVersion => 'scheduling.k8s.io/v1', kind => 'PriorityClass',
         metadata => { name => 'matters' }, value => 1000 });
$t->definition('ported', [ { name => 'app', sh('exec sleep 600'),
    stopTimeout => 2, portMappings => [ { containerPort => 8080,
        hostPort => 18080 } ] } ], qw(--network-mode bridge));
my $ported = $t->run('ported');
$t->wait_status('RUNNING', $ported);
object({ apiVersion => 'v1', kind => 'Pod', metadata => { name => 'wins' },
         spec => { priorityClassName => 'matters',
             nodeSelector => { 'kubernetes.io/hostname' =>
                 $t->pod($ported)->{spec}{nodeName} },
             terminationGracePeriodSeconds => 0, containers => [ {
                 name => 'app', image => 'kecs.test/busybox:1',
                 command => [ qw(sleep 600) ],
                 ports => [ { containerPort => 8080,
                     hostPort => 18080 } ] } ] } });
evicted($t->wait_status('STOPPED', $ported), qr/\(PreemptionByScheduler\)/,
    'preempted by a pod of a higher priority');
KecsUp::wait_for('that pod to run', sub {
    return $cluster->get(qw(pod wins))->{status}{phase} eq 'Running' });
$cluster->kubectl(qw(delete pod wins));

# A service keeps to the digests of its first task

sub revision {
    my ($service) = @_;
    my $s = $k->aws(qw(describe-services --cluster demo --services), $service)
        ->{services}[0];
    my ($id) = $s->{deployments}[0]{id} =~ m{/(\d+)$};
    (my $arn = $s->{serviceArn}) =~ s{:service/}{:service-revision/};
    return $k->aws(qw(describe-service-revisions --service-revision-arns),
        "$arn/$id")->{serviceRevisions}[0];
}

sub running {
    my ($service, $count) = @_;
    return KecsUp::wait_for("$count tasks of $service to run", sub {
        my @arns = @{ $k->aws(qw(list-tasks --cluster demo --service-name),
            $service)->{taskArns} };
        return @arns == $count && !(grep { $_->{lastStatus} ne 'RUNNING' }
            map { $t->task($_) } @arns) && \@arns }, 90);
}

my $image = '127.0.0.1:5000/team/app';
$t->definition('app', [ { name => 'app', image => "$image:1",
    sh('exec sleep 600'), stopTimeout => 2 } ]);
$k->aws(qw(create-service --cluster demo --service-name app --desired-count 1
    --task-definition app));
my ($arn) = @{ running('app', 1) };
is($t->pod($arn)->{spec}{containers}[0]{image}, "$image:1", 'by its tag');
my ($digest) = map { $_->{imageDigest} } @{ revision('app')->{containerImages} };
like($digest, qr/^sha256:/, 'its digest is that of the revision');
$k->aws(qw(update-service --cluster demo --service app --desired-count 2));
my ($next) = grep { $_ ne $arn } @{ running('app', 2) };
is($t->pod($next)->{spec}{containers}[0]{image}, "$image\@$digest",
    'and of the next task');
is($t->task($next)->{containers}[0]{image}, "$image:1", 'as shown, its tag');
$k->aws(qw(delete-service --cluster demo --service app --force));

# The end of the restart policies

$task = $t->wait_for('the container to be started again', $again, sub {
    my $c = KecsTasks::container($_, 'app');
    $c->{lastStatus} eq 'RUNNING' && $c->{runtimeId} ne $first->{runtimeId} });
is($task->{lastStatus}, 'RUNNING', 'the task goes on');
ok(!exists KecsTasks::container($task, 'app')->{exitCode}, 'no exit code');
is($t->stop($again)->{stopCode}, 'UserInitiated', 'it can be stopped');
$task = $t->wait_status('STOPPED', $ignored);
is($task->{stopCode}, 'EssentialContainerExited', 'an ignored exit code');
is(KecsTasks::container($task, 'app')->{exitCode}, 7, 'as it was');

# A node is lost: the service goes on elsewhere, the task ends with the node's
# return

$k->aws(qw(create-service --cluster demo --service-name lost --desired-count 1
    --task-definition sleeps));
($arn) = @{ running('lost', 1) };
my $node = $t->pod($arn)->{spec}{nodeName};
my ($number) = $node =~ /(\d+)$/;
ok($cluster->verb('stop-node', $number), 'a node stops');
$task = $t->wait_for('the task to be lost', $arn, sub {
    $_->{desiredStatus} eq 'STOPPED' });
is($task->{stopCode}, 'TerminationNotice', 'its task is lost');
like($task->{stoppedReason}, qr/^Host EC2 \(instance .*\) terminated\.$/,
    'with its host');
($next) = @{ running('lost', 1) };
isnt($t->pod($next)->{spec}{nodeName}, $node, 'another runs elsewhere');
ok($cluster->verb('start-node', $number), 'the node is back');
is($t->wait_status('STOPPED', $arn)->{stopCode}, 'TerminationNotice',
    'and the task over');
$k->aws(qw(delete-service --cluster demo --service lost --force));

$k->final_checks;
$k->stop;
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});
is(scalar @{ $cluster->get('pods')->{items} }, 0, 'nothing is left');

done_testing();
