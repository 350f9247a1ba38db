#!/usr/bin/perl
# How containers and tasks end on a real cluster other than by themselves or
# by StopTask, and what comes after: restart policies, evictions, lost nodes,
# and which image the next task of a service runs.

use strict;
use warnings;

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

$k->final_checks;
$k->stop;
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});
is(scalar @{ $cluster->get('pods')->{items} }, 0, 'nothing is left');

done_testing();
