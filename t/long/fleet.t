#!/usr/bin/perl

# A fleet: a real API server with fake nodes (t/cluster up --fake), hundreds
# of tasks at once.  Every task becomes RUNNING in one pod of its own, on the
# node that it was put on; the reconciler that is killed meanwhile and after
# it starts nothing twice and loses nothing; services scale; what is stopped
# leaves no pod.
#
# KECS_FLEET_NODES (20), KECS_FLEET_TASKS (500).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Kecs ();
use KecsCluster;
use KecsTasks;
use KecsUp;
use Test::More;

if (my $why = KecsCluster::missing('kwok')) {
    plan skip_all => $why;
}

my $NODES = $ENV{KECS_FLEET_NODES} // 20;
my $TASKS = $ENV{KECS_FLEET_TASKS} // 500;
my $SERVICES = 10;
my $WITHIN = 60 + $TASKS;           # seconds, for a machine that is busy

my $cluster = KecsCluster->new('--fake', $NODES);
my $t = KecsTasks->new($cluster);
my $k = $t->k;

# By what the reconciler says: the aws CLI takes half a second of CPU.
sub wait_running {
    my ($n) = @_;
    KecsUp::wait_for("$n tasks to run", sub {
        my $said = $k->said;
        return ($said->{tasks} // -1) == $n && $said->{ready}
            && $said->{'tasks.RUNNING'} == $n;
    }, $WITHIN);
    return pass("$n tasks run");
}

sub kill_reconciler {
    my $pid = $k->said->{pid};
    kill 'KILL', $pid;
    KecsUp::wait_for('another reconciler', sub {
        my $said = $k->said;
        return ($said->{pid} // 0) != $pid && $said->{ready};
    });
    return;
}

sub tasks {
    my $arns = $k->aws(qw(list-tasks --cluster demo))->{taskArns};
    my @tasks;
    while (my @some = splice @$arns, 0, 100) {
        push @tasks, @{ $k->aws(qw(describe-tasks --cluster demo --tasks),
            @some)->{tasks} };
    }
    return @tasks;
}

sub compare {
    my ($what) = @_;
    my %pods = map { $_->{metadata}{name} => $_ }
        @{ $cluster->get('pods')->{items} };
    my @tasks = tasks();
    my @wrong = grep {
        my $pod = delete $pods{ KecsTasks::pod_name($_->{taskArn}) };
        !$pod || ($pod->{spec}{nodeName} // '') !~ /^fake-/;
    } @tasks;
    is_deeply([ [ map { $_->{taskArn} } @wrong ], [ keys %pods ] ], [ [], [] ],
        "$what: one pod for each of " . @tasks . ' tasks');
    return scalar @tasks;
}

# The API is in the cluster's network namespace, and the aws CLI takes half
# a second for a call.
sub stop_all {
    my (@arns) = @_;
    my $script = <<'END';
        use HTTP::Tiny;
        my ($port, $http) = (shift, HTTP::Tiny->new);
        for (@ARGV) {
            my $r = $http->post("http://127.0.0.1:$port/", {
                content => qq({"cluster":"demo","task":"$_"}),
                headers => { 'content-type' => 'application/x-amz-json-1.1',
                    'x-amz-target' =>
                        'AmazonEC2ContainerServiceV20141113.StopTask' } });
            die "$_: $r->{status} $r->{content}\n" if !$r->{success};
        }
END
    my ($status, $text) = Kecs::capture(@{ $cluster->prefix }, $^X, '-e',
        $script, $k->{port}, @arns);
    is($status, 0, 'all are told to stop') or diag($text);
    return;
}

$t->definition('web', [ { memory => 16 } ]);

# Many at once, and the reconciler is killed in the middle of it.
$t->run('web', '--count', 10) for 1 .. $TASKS / 20;
kill_reconciler();
$t->run('web', '--count', 10) for 1 .. $TASKS / 20;
wait_running($TASKS);
is(compare('after the kill'), $TASKS, 'none was lost');

# Afresh, with all pods there.
kill_reconciler();
wait_running($TASKS);
is($k->said->{actions}, 0, 'a reconciler that comes to running pods leaves them');

# Services.
$k->aws(qw(create-service --cluster demo --task-definition web
    --desired-count 0 --service-name), "s$_") for 1 .. $SERVICES;
$k->aws(qw(update-service --cluster demo --desired-count 10 --service),
    "s$_") for 1 .. $SERVICES;
wait_running($TASKS + 10 * $SERVICES);
compare('with services');
$k->aws(qw(update-service --cluster demo --desired-count 0 --service),
    "s$_") for 1 .. $SERVICES;

# All end.
stop_all(map { $_->{taskArn} } tasks());
wait_running(0);
KecsUp::wait_for('no pod to be left', sub {
    return !@{ $cluster->get('pods')->{items} };
}, $WITHIN);
pass('no pod is left');

$k->final_checks;
$k->stop;

done_testing;
