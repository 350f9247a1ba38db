#!/usr/bin/perl
# The main job on a real cluster: ECS calls run real containers as pods;
# states, exit codes and reasons come from them; kills and restarts of every
# part end in the right state; two stores never touch each other's pods.

use strict;
use warnings;

use Test::More;
use KecsCluster;
use KecsUp;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new('--registry');
ok($cluster, 'the cluster is up');

my @at = ('--kubeconfig', $cluster->{kubeconfig}, '--namespace',
    $cluster->{namespace});

sub store {
    return KecsUp->new(runtime => 'kubernetes', prefix => $cluster->prefix,
        flags => [ @at ],
        sets => [ 'healthy-after=3s', @KecsUp::SETS[1 .. $#KecsUp::SETS] ],
        @_);
}

my $k = store()->start;
like($k->output, qr/runtime\s+kubernetes/, 'the banner names Kubernetes');

sub definition {
    my ($k, $family, $image, $command, @more) = @_;
    my $json = JSON::PP->new->canonical->encode([ {
        name => 'app', image => $image, memory => 64, essential => \1,
        ($command ? (command => $command) : ()), @more } ]);
    return $k->aws('register-task-definition', '--family', $family,
        '--container-definitions', $json)->{taskDefinition};
}

sub run_task {
    my ($k, @args) = @_;
    my $r = $k->aws(qw(run-task --cluster demo), @args);
    return map { $_->{taskArn} } @{ $r->{tasks} };
}

sub describe {
    my ($k, @arns) = @_;
    return @{ $k->aws(qw(describe-tasks --cluster demo --tasks), @arns)
        ->{tasks} };
}

sub pod_of { return 'ecs-' . ($_[0] =~ m{/([0-9a-f]{32})$})[0] }

sub wait_status {
    my ($k, $status, @arns) = @_;
    return KecsUp::wait_for("tasks to be $status", sub {
        my @t = describe($k, @arns);
        return !grep({ $_->{lastStatus} ne $status } @t) && \@t;
    }, 90);
}

sub service {
    my ($k) = @_;
    return $k->aws(qw(describe-services --cluster demo --services web))
        ->{services}[0];
}

sub wait_stable {
    my ($k) = @_;
    my $s = eval { stable($k) };
    return $s if $s;
    diag($@, JSON::PP->new->pretty->encode(service($k)), $k->output,
        ($cluster->kubectl(qw(get pods -o wide)))[1]);
    die "not stable\n";
}

sub stable {
    my ($k) = @_;
    return KecsUp::wait_for('the service to be stable', sub {
        my $s = service($k);
        return @{ $s->{deployments} } == 1
            && $s->{runningCount} == $s->{desiredCount}
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED' && $s;
    }, 120);
}

sub pods {
    my ($selector) = @_;
    return @{ $cluster->get('pods', ($selector ? ('-l', $selector) : ()))
        ->{items} };
}

# tasks

$k->aws(qw(create-cluster --cluster-name demo));
definition($k, 'hello', 'kecs.test/hello:1');

my ($task) = run_task($k, qw(--task-definition hello));
my ($running) = @{ wait_status($k, 'RUNNING', $task) };
my $pod = $cluster->get('pod', pod_of($task));
is($pod->{status}{phase}, 'Running', 'the task is a running pod');
is($running->{containers}[0]{lastStatus}, 'RUNNING', 'its container runs');
ok($running->{startedAt} && $running->{pullStoppedAt}, 'times are there');

SKIP: {
    skip 'the cluster is not ours', 1 unless $cluster->own;
    definition($k, 'pulled', '127.0.0.1:5000/team/app:1');
    my ($pulled) = run_task($k, qw(--task-definition pulled));
    my ($t) = @{ wait_status($k, 'RUNNING', $pulled) };
    like($t->{containers}[0]{imageDigest} || '', qr/^sha256:[0-9a-f]{64}$/,
        'an image that was pulled: its digest is shown');
    $k->aws(qw(stop-task --cluster demo --task), $pulled);
}

definition($k, 'exit', 'kecs.test/exit:1', [ '3', '0' ]);
my ($exit) = run_task($k, qw(--task-definition exit));
my ($ended) = @{ wait_status($k, 'STOPPED', $exit) };
is($ended->{containers}[0]{exitCode}, 3, 'the exit code is the real one');
is($ended->{stopCode}, 'EssentialContainerExited', 'stop code');
is($ended->{stoppedReason}, 'Essential container in task exited', 'reason');

definition($k, 'oom', 'kecs.test/oom:1', undef, memory => 32);
my ($oom) = run_task($k, qw(--task-definition oom));
($ended) = @{ wait_status($k, 'STOPPED', $oom) };
is($ended->{containers}[0]{exitCode}, 137, 'out of memory: 137');
like($ended->{containers}[0]{reason}, qr/^OutOfMemoryError/,
    'out of memory: the reason');

definition($k, 'nopull', 'kecs.test/no-such-image:1');
my ($nopull) = run_task($k, qw(--task-definition nopull));
($ended) = @{ wait_status($k, 'STOPPED', $nopull) };
is($ended->{stopCode}, 'TaskFailedToStart', 'an image that is not there');
like($ended->{stoppedReason}, qr/^CannotPullContainerError/, 'its reason');

definition($k, 'literal', 'kecs.test/busybox:1',
    [ 'sh', '-c', 'test "$WHO" = \'$(HOME)\' && exit 7' ],
    environment => [ { name => 'WHO', value => '$(HOME)' } ]);
my ($literal) = run_task($k, qw(--task-definition literal));
($ended) = @{ wait_status($k, 'STOPPED', $literal) };
is($ended->{containers}[0]{exitCode}, 7, '$(HOME) stays what it is');

$k->aws(qw(stop-task --cluster demo --reason enough --task), $task);
($ended) = @{ wait_status($k, 'STOPPED', $task) };
is($ended->{stoppedReason}, 'enough', 'stop-task: the reason');
KecsUp::wait_for('all pods to be gone', sub { !pods() });
pass('no pod is left of stopped tasks');

# a service

$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition hello --desired-count 3));
my $web = wait_stable($k);
is($web->{runningCount}, 3, 'the service runs');
is(scalar pods('ecs/service=web'), 3, 'as three pods');

my ($victim) = pods('ecs/service=web');
$cluster->kubectl('delete', 'pod', $victim->{metadata}{name},
    '--wait=false');
KecsUp::wait_for('the deleted pod to be replaced', sub {
    my @p = grep { !$_->{metadata}{deletionTimestamp} }
        pods('ecs/service=web');
    return @p == 3
        && !grep { $_->{metadata}{name} eq $victim->{metadata}{name} } @p;
});
wait_stable($k);
pass('a pod deleted behind our back is replaced');

sub roll {
    my ($what, $meanwhile) = @_;
    my $id = $k->aws(qw(update-service --cluster demo --service web
        --force-new-deployment))->{service}{deployments}[0]{id};
    KecsUp::wait_for('a new task', sub {
        my ($d) = grep { $_->{id} eq $id } @{ service($k)->{deployments} };
        return $d->{runningCount} + $d->{pendingCount} > 0;
    });
    $meanwhile->();
    my $s = wait_stable($k);
    my @p = grep { !$_->{metadata}{deletionTimestamp} }
        pods('ecs/service=web');
    is(scalar @p, 3, "$what in mid-rollout: three pods in the end");
    my @arns = @{ $k->aws(qw(list-tasks --cluster demo --service-name web))
        ->{taskArns} };
    is_deeply([ sort map { pod_of($_) } @arns ],
        [ sort map { $_->{metadata}{name} } @p ],
        "$what in mid-rollout: tasks and pods agree");
    return;
}

sub child {
    my ($name) = @_;
    for my $pid ($k->pids) {
        open my $f, '<', "/proc/$pid/cmdline" or next;
        local $/;
        my $line = <$f> || '';
        return $pid if $line =~ $name;
    }
    die "no child $name";
}

roll('the reconciler killed', sub { kill 'KILL', child(qr/kecs-reconciler/) });
roll('nginx reloaded', sub { ok($k->reload, 'a reload: new workers serve') });
roll('nginx killed', sub {
    my $pid = child(qr/nginx: master/);
    kill 'KILL', grep { $_ != $k->{pid} } $pid;
    KecsUp::wait_for('the API to answer again', sub {
        return !($k->try_aws('list-clusters'))[0];
    });
});
roll('everything killed', sub {
    $k->kill_all;
    my $from = time;
    $k->start;
    KecsUp::wait_for('the runtime to be ready', sub {
        my $is = $k->said;
        return ($is->{time} // 0) > $from * 1000 + 1000 && $is->{ready};
    });
    cmp_ok(time - $from, '<', 15, 'a lease of the dead is not waited for');
});
SKIP: {
    skip 'the cluster is not ours', 2 unless $cluster->own;
    roll('the API server killed', sub {
        $cluster->verb('kill-apiserver');
        $cluster->verb('start-apiserver');
    });
}

# two stores on one cluster

my $other = store()->start;
$other->aws(qw(create-cluster --cluster-name demo));
definition($other, 'hello', 'kecs.test/hello:1');
my ($foreign) = run_task($other, qw(--task-definition hello));
wait_status($other, 'RUNNING', $foreign);
$k->aws(qw(update-service --cluster demo --service web --desired-count 0));
wait_stable($k);
is($cluster->get('pod', pod_of($foreign))->{status}{phase}, 'Running',
    'another store on the cluster: its pods are not touched');

# an old backup restored under running pods

my $file = "$k->{temp}/old.backup";
my ($status, $text) = $k->kecs('backup', $file);
is($status, 0, 'backup') or diag($text);
my ($young) = run_task($k, qw(--task-definition hello));
wait_status($k, 'RUNNING', $young);
$k->stop;
($status, $text) = $k->kecs('restore', $file, '--replace');
is($status, 0, 'restore') or diag($text);
$k->start;
KecsUp::wait_for('the pod to be adopted or reported', sub {
    my @t = @{ $k->aws(qw(list-tasks --cluster demo))->{taskArns} };
    return grep { $_ eq $young } @t;
});
my ($adopted) = describe($k, $young);
is($adopted->{lastStatus}, 'RUNNING', 'the younger task is adopted');
is($cluster->get('pod', pod_of($young))->{status}{phase}, 'Running',
    'and its pod was not stopped');

# down removes what is ours and nothing else

$k->stop;
($status, $text) = $k->kecs('down', '--runtime', 'kubernetes', @at);
is($status, 0, 'kecs down') or diag($text);
my @left = pods();
is_deeply([ map { $_->{metadata}{name} } @left ], [ pod_of($foreign) ],
    'only the pod of the other store is left');

$k->final_checks;
$other->stop;
$other->kecs('down', '--runtime', 'kubernetes', @at);
is(scalar pods(), 0, 'nothing is left');
is(scalar @{ $cluster->get('leases', '-l', 'kecs/store')->{items} }, 0,
    'nor any lease');

done_testing();
