#!/usr/bin/perl

# kill -9 of the reconciler, of nginx or of everything at random moments of
# rollouts on a real cluster: each rollout ends, tasks and pods agree, no pod
# is left over or there twice, the store is sound.
#
# KECS_ROUNDS=n kills (200), KECS_SEED=n repeats the choice of victims.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use KecsCluster;
use KecsTasks;
use KecsUp;
use Test::More;
use Time::HiRes qw(time);

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $ROUNDS = $ENV{KECS_ROUNDS} // 200;
my $SEED = $ENV{KECS_SEED} // (time ^ $$);
my $TASKS = 3;
my $LONGEST = 6;

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $t = KecsTasks->new($cluster, sets => ['healthy-after=1s']);
my $k = $t->k;

srand $SEED;
diag("seed $SEED, $ROUNDS rounds");


sub service {
    return $k->aws(qw(describe-services --cluster demo --services web))
        ->{services}[0];
}

sub child {
    my ($name) = @_;

    for my $pid ($k->pids) {
        open my $f, '<', "/proc/$pid/cmdline" or next;
        return $pid if (<$f> // '') =~ $name;
    }

    return;
}

sub answers { return !($k->try_aws('list-clusters'))[0] }

my @victims = (
    [ 'the reconciler', sub { kill 'KILL', child(qr/kecs-reconciler/) } ],
    [ 'nginx', sub { kill 'KILL', child(qr/nginx: master/) } ],
    [ 'everything', sub { $k->kill_all; $k->start } ],
);

# A moment within the rollout, by the clock: that is what is random here.
sub some_moment { select undef, undef, undef, rand $LONGEST }

sub stable {
    my ($what) = @_;

    return KecsUp::wait_for("$what: the rollout to end", sub {
        my $s = service();
        return @{ $s->{deployments} } == 1
            && $s->{runningCount} == $s->{desiredCount}
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED';
    }, 180);
}

sub pods {
    return grep { !$_->{metadata}{deletionTimestamp} }
        @{ $cluster->get('pods')->{items} };
}

sub agree {
    my ($what) = @_;

    my (@tasks, @pods);
    my $same = eval {
        KecsUp::wait_for("$what: tasks and pods to agree", sub {
            @tasks = sort map { KecsTasks::pod_name($_) }
                @{ $k->aws(qw(list-tasks --cluster demo))->{taskArns} };
            @pods = sort map { $_->{metadata}{name} } pods();
            return "@tasks" eq "@pods" && @pods == $TASKS;
        }, 60);
    };
    ok($same, "$what: tasks and pods agree")
        or diag("tasks @tasks\npods  @pods");
}


$t->definition('web', [ { name => 'app', image => 'kecs.test/hello:1' } ]);
$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition web --desired-count), $TASKS);
stable('first');

for my $round (1 .. $ROUNDS) {
    my ($name, $kill) = @{ $victims[rand @victims] };
    my $what = "round $round, $name";

    $k->aws(qw(update-service --cluster demo --service web
        --force-new-deployment));
    some_moment();
    $kill->();
    KecsUp::wait_for("$what: the API to answer", \&answers, 60);
    stable($what);
    agree($what);
}

$k->aws(qw(delete-service --cluster demo --service web --force));
KecsUp::wait_for('all pods to be gone', sub { !pods() }, 120);
pass('nothing is left');
$k->final_checks;
$k->stop;
my ($status, $text) = $k->kecs('check');
is($status, 0, 'the store is sound') or diag($text);
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});

done_testing();
