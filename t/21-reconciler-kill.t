#!/usr/bin/perl

# The reconciler is killed (SIGKILL) again and again while a service rolls
# out: it converges, no task is lost or started twice, nothing goes back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi qw(api_start ok_api $t);
use Test::More;
use Time::HiRes qw(sleep);

my $tasks = $ENV{KECS_LONG} ? 200 : 30;
my $kills = $ENV{KECS_LONG} ? 100 : 12;
my %order = do {
    my $i = 0;
    map { ($_ => $i++) } qw(PROVISIONING PENDING ACTIVATING RUNNING
                            DEACTIVATING STOPPING DEPROVISIONING STOPPED);
};

api_start(workers => 2, reconciler => [
    '--simulated-start', '120ms', '--simulated-stop', '60ms',
    '--healthy-after', '150ms',
]);


sub service {
    my (undef, $out) = $t->api('DescribeServices', { services => ['s'] });

    return $out->{services}[0];
}

sub tasks {
    my ($desired) = @_;

    my (@arns, $token, @all);

    do {
        my (undef, $out) = $t->api('ListTasks', {
            serviceName => 's', desiredStatus => $desired,
            $token ? (nextToken => $token) : () });
        push @arns, @{ $out->{taskArns} };
        $token = $out->{nextToken};
    } while ($token);

    while (my @some = splice @arns, 0, 100) {
        my (undef, $out) = $t->api('DescribeTasks', { tasks => \@some });
        push @all, @{ $out->{tasks} };
    }

    return @all;
}

my %seen;
my @backwards;

sub watch {
    for my $task (tasks('RUNNING'), tasks('STOPPED')) {
        my $now = $order{ $task->{lastStatus} };
        my $was = $seen{ $task->{taskArn} } // 0;
        push @backwards, $task->{taskArn} if $now < $was;
        $seen{ $task->{taskArn} } = $now;
    }
}

sub settled {
    my ($revision) = @_;

    return $t->wait_for(sub {
        my $s = service();
        @{ $s->{deployments} } == 1 && $s->{runningCount} == $tasks
            && $s->{deployments}[0]{taskDefinition} =~ /:$revision$/
            && $s->{deployments}[0]{rolloutState} eq 'COMPLETED';
    }, 60);
}


ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => "i:$_", memory => 8 }] }) for 1 .. 2;
ok_api('CreateService', { serviceName => 's', taskDefinition => 'f:1',
                          desiredCount => $tasks });

srand 1;

for my $round (1 .. $kills) {
    sleep 0.03 + rand 0.25;

    if ($round == int($kills / 3)) {
        ok_api('UpdateService', { service => 's', taskDefinition => 'f:2' });
    }

    $t->stop_reconciler('KILL');
    watch();
    my $live = grep { $_->{desiredStatus} eq 'RUNNING' } tasks('RUNNING');
    cmp_ok($live, '<=', 2 * $tasks, "kill $round: never more than 200 %");
    $t->start_reconciler;
}

ok(settled(2), 'it converges') or diag($t->json->encode(service()),
                                      $t->read_file('reconciler.log'));
watch();
is(scalar @backwards, 0, 'no task went back') or diag("@backwards");

my @running = tasks('RUNNING');
is(scalar @running, $tasks, 'as many tasks as wanted');
is(scalar(grep { $_->{taskDefinitionArn} !~ /:2$/ } @running), 0,
   'all of them new');

# Every task was told of once.

my %told;
my @events = @{ service()->{events} };

for my $e (@events) {
    next unless $e->{message} =~ /has started \d+ tasks/;
    $told{$_}++ for $e->{message} =~ /\(task ([0-9a-f]{32})\)/g;
}

is(scalar(grep { $_ > 1 } values %told), 0, 'no task is told of twice');

my %known = map { m{/([0-9a-f]{32})$} ? ($1 => 1) : () } keys %seen;
is(scalar(grep { !$known{$_} } keys %told), 0, 'no task told of is lost');


# Between two lives it can be asked to stop a task, and does.

$t->stop_reconciler('KILL');
my $victim = $running[0]{taskArn};
ok_api('StopTask', { task => $victim });
$t->start_reconciler;
ok($t->wait_for(sub {
    my (undef, $out) = $t->api('DescribeTasks', { tasks => [$victim] });
    $out->{tasks}[0]{lastStatus} eq 'STOPPED';
}), 'a stop that came in between is done');
ok(settled(2), 'and the task replaced');

my $check = "$Kecs::ROOT/build/kecs";

SKIP: {
    skip 'the kecs tool is not built', 1 unless -x $check;
    my $said = `$check check --data @{[ $t->data ]} 2>&1`;
    is($?, 0, 'the store is sound') or diag($said);
}

$t->done;
