#!/usr/bin/perl
# Time constants as they are when nobody sets them (the other suites make
# them short): a task without a health check is healthy 40 s after it has
# started, and after three tasks that failed to start the next start waits
# ten seconds.

use strict;
use warnings;

use Test::More;
use KecsUp;

plan skip_all => 'the aws CLI is needed'
    unless $ENV{KECS_AWS} || $ENV{CI} || !system 'command -v aws >/dev/null';

my $k = KecsUp->new(sets => [])->start;

sub register {
    my ($family, %labels) = @_;
    $k->aws('register-task-definition', '--family', $family,
        '--container-definitions', JSON::PP->new->encode([ { name => 'app',
            image => 'app:1', memory => 64, dockerLabels => \%labels } ]));
    return;
}

sub service {
    my ($name) = @_;
    return $k->aws('describe-services', '--services', $name)->{services}[0];
}

$k->aws(qw(create-cluster --cluster-name default));
register('fine');
register('failing', 'kecs.simulated.pull-error' => 'no such image');
$k->aws('create-service', '--service-name', $_, '--task-definition', $_,
    '--desired-count', 1) for qw(failing fine);

sub stopped {
    my ($family) = @_;
    my $arns = $k->aws('list-tasks', '--family', $family, '--desired-status',
        'STOPPED')->{taskArns};
    return unless @$arns;
    return sort { $a->{createdAt} <=> $b->{createdAt} }
        @{ $k->aws('describe-tasks', '--tasks', @$arns)->{tasks} };
}

my $tasks = KecsUp::wait_for('four tasks to fail', sub {
    my @t = grep { $_->{lastStatus} eq 'STOPPED' } stopped('failing');
    return @t >= 4 && \@t;
}, 60);
my @gaps = map { $tasks->[$_]{createdAt} - $tasks->[$_ - 1]{stoppedAt} }
    1 .. 3;
cmp_ok($gaps[1], '<', 9, "the third start follows at once ($gaps[1] s)");
cmp_ok($gaps[2], '>=', 9.9, "the fourth waits ten seconds ($gaps[2] s)");
cmp_ok($gaps[2], '<', 20, 'and not much longer');
ok(scalar(grep { $_->{message} =~ /unable to consistently start tasks/ }
    @{ service('failing')->{events} }), 'which an event tells');

# the waiting goes on, whoever serves

ok($k->reload, 'a reload: new workers serve');

my $done = KecsUp::wait_for('the rollout to be completed', sub {
    my $s = service('fine');
    return $s->{deployments}[0]{rolloutState} eq 'COMPLETED' && $s;
}, 90);
my ($task) = @{ $k->aws(qw(list-tasks --family fine))->{taskArns} };
my ($t) = @{ $k->aws('describe-tasks', '--tasks', $task)->{tasks} };
my $healthy = $done->{deployments}[0]{updatedAt} - $t->{startedAt};
cmp_ok($healthy, '>=', 39.9, "completed $healthy s after the task started");
cmp_ok($healthy, '<', 60, 'and not much later');

$k->stop;
$k->final_checks;

done_testing();
