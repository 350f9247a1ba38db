#!/usr/bin/perl

# Alarms of rollouts, with simulated containers and a stand-in for
# CloudWatch: asked for together and only while a rollout wants it; what is
# raised during a rollout, and during its bake time, ends it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use KecsUpstream;
use Test::More;
use Time::HiRes qw(time);

my $WHY = 'Service deployment rolled back because of one or more active'
    . ' alarms.';
my $DESCRIBE = 'GraniteServiceVersion20100801.DescribeAlarms';
my $json = Kecs->json;
my %alarms = map { ($_ => { StateValue => 'OK', Period => 60,
    EvaluationPeriods => 1, StateTransitionedTimestamp => 1000 }) }
    qw(a b c old);
$alarms{composite} = { StateValue => 'OK' };
$alarms{old}{StateValue} = 'ALARM';

my $aws = KecsUpstream->new([], alarms => \%alarms);
my @flags = (@KecsApi::SHORT, '--rollout-minute', '1s', '--alarms-every',
    '100ms', '--upstream-backoff', '20ms', '--upstream-patience', '60ms');

api_start(workers => 1, env => $aws->env,
          reconciler => [$aws->flags, @flags]);
ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'f', containerDefinitions =>
    [{ name => 'app', image => 'i', memory => 8 }] });


# Helpers.

sub with {
    my ($names, %more) = @_;

    my $rollback = delete $more{rollback} // \1;
    return (deploymentConfiguration => { bakeTimeInMinutes => 0,
        strategy => 'ROLLING', %more, alarms => { alarmNames => $names,
        enable => \1, rollback => $rollback } });
}

sub update {
    my ($name, @more) = @_;

    ok_api('UpdateService', { service => $name, forceNewDeployment => \1,
                              @more });
    return;
}

sub turn {
    my ($name, $state) = @_;

    $alarms{$name}{StateValue} = $state;
    $alarms{$name}{StateTransitionedTimestamp} = time;
    $aws->tell(alarms => \%alarms);
    return;
}

sub asked { return scalar(my @calls = $aws->calls($DESCRIBE)) }

sub wait_asked {
    my $n = asked() + 2;
    ok($t->wait_for(sub { asked() >= $n }, 20), 'it is asked');
    return;
}

sub service {
    my ($name) = @_;

    my (undef, $out) = $t->api('DescribeServices', { services => [$name] });
    return $out->{services}[0];
}

sub messages { return map { $_->{message} } @{ service($_[0])->{events} } }

sub number { return ($_[0]{targetServiceRevision}{arn} =~ m{/(\d+)$})[0] }

sub quiet {
    my $n = asked();
    my $until = time + 0.5;
    ok($t->wait_for(sub { time > $until }, 5), 'some time passes');
    cmp_ok(asked(), '<=', $n + 1, 'and nobody is asked any more');
    return;
}


# Nobody is asked without alarms, nor without a rollout.

ok_api('CreateService', { serviceName => 's', taskDefinition => 'f',
                          desiredCount => 2 });
wait_rollout('s', 'SUCCESSFUL');
is(asked(), 0, 'nobody is asked without alarms');

update('s', with(['a', 'b', 'composite', 'none'], bakeTimeInMinutes => 2));
my $sd = wait_rollout('s', 'SUCCESSFUL');
cmp_ok($sd->{finishedAt} - $sd->{startedAt}, '>=', 2, 'after its bake time');
is($sd->{alarms}{status}, 'MONITORING_COMPLETE', 'they have been looked at');
is_deeply($sd->{alarms}{alarmNames}, ['a', 'b', 'composite', 'none'],
    'these');
is($sd->{alarms}{triggeredAlarmNames}, undef, 'none was triggered');
is_deeply($json->decode(($aws->calls($DESCRIBE))[0]{body}),
    { AlarmNames => ['a', 'b', 'composite', 'none'], MaxRecords => 100,
      AlarmTypes => ['MetricAlarm', 'CompositeAlarm'] }, 'what is asked');
is_deeply(($aws->calls($DESCRIBE))[0]{scope}[3], 'monitoring', 'is signed');
quiet();


# An alarm in the bake time of a rolling update.

my $first = (grep { $_->{status} eq 'PRIMARY' }
             @{ service('s')->{deployments} })[0];
update('s', with(['a', 'b'], bakeTimeInMinutes => 1000));
ok($t->wait_for(sub {
    my $sd = rollout('s');
    $sd->{targetServiceRevision}{runningTaskCount} == 2
        && $sd->{sourceServiceRevisions}[0]{runningTaskCount} == 0
        && @{ service('s')->{deployments} } == 1
}, 30), 'all of it runs, and nothing else');
wait_asked();
$sd = rollout('s');
is($sd->{status}, 'IN_PROGRESS', 'it is not done');
is($sd->{alarms}{status}, 'MONITORING', 'while its alarms are looked at');
is((service('s')->{deployments}[0])->{rolloutState}, 'IN_PROGRESS',
   'it goes on');
turn('b', 'ALARM');
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, $WHY, 'why');
is($sd->{rollback}{reason}, $WHY, 'of the rollback');
is($sd->{alarms}{status}, 'TRIGGERED', 'an alarm was triggered');
is_deeply($sd->{alarms}{triggeredAlarmNames}, ['b'], 'this one');
my ($failed) = grep { /deployment failed/ } messages('s');
is($failed, '(service s) (deployment ecs-svc/' . number($sd)
   . ') deployment failed: alarm detected.', 'an event tells it');
ok(scalar(grep { $_ eq "(service s) rolling back to deployment $first->{id}."
                 } messages('s')), 'and where it goes back to');
quiet();


# One that is in ALARM when a rollout begins: the rollout may mend it.

update('s', with(['a', 'b']));
$sd = wait_rollout('s', 'SUCCESSFUL');
is($sd->{alarms}{status}, 'DISABLED', 'alarms are not monitored then');
ok(scalar(grep { $_ eq '(service s) (deployment ecs-svc/' . number($sd)
                 . ') does not monitor its alarms, because some were in ALARM'
                 . ' when it began: ["b"].' } messages('s')), 'and told');
turn('b', 'OK');


# Without rollback it has failed, and stays so.

update('s', with(['a', 'b'], rollback => \0, bakeTimeInMinutes => 1000));
ok($t->wait_for(sub { rollout('s')->{targetServiceRevision}
                      {runningTaskCount} == 2 }, 20), 'it runs');
wait_asked();
turn('a', 'ALARM');
$sd = wait_rollout('s', 'STOPPED');
is($sd->{statusReason}, 'ECS deployment failed: alarm detected.', 'why');
is_deeply($sd->{alarms}{triggeredAlarmNames}, ['a'], 'which');
my ($primary) = grep { $_->{status} eq 'PRIMARY' }
    @{ service('s')->{deployments} };
is($primary->{rolloutState}, 'FAILED', 'the deployment has failed');
is($primary->{rolloutStateReason}, 'ECS deployment failed: alarm detected.',
   'which says why');
turn('a', 'OK');


# One shift of traffic, and what it does: back to blue.

update('s', with(['c'], strategy => 'BLUE_GREEN'));
$sd = wait_rollout('s', 'SUCCESSFUL');
is($sd->{alarms}{status}, 'MONITORING_COMPLETE', 'without one it goes on');
update('s', with(['c'], strategy => 'CANARY', canaryConfiguration =>
    { canaryPercent => 10, canaryBakeTimeInMinutes => 1000 }));
ok($t->wait_for(sub { (rollout('s')->{targetServiceRevision}
    {requestedProductionTrafficWeight} // 0) == 10 }, 20), 'a canary');
wait_asked();
turn('c', 'ALARM');
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, $WHY, 'goes back');
is_deeply($sd->{alarms}{triggeredAlarmNames}, ['c'], 'because of it');
turn('c', 'OK');


# Many services: together, a hundred names in a call.

my %many = map { ("m$_" => { %{ $alarms{a} } }) } 1 .. 130;
$aws->tell(alarms => { %alarms, %many });
$t->stop_reconciler;
for my $i (0 .. 12) {
    ok_api('CreateService', { serviceName => "m$i", taskDefinition => 'f',
        desiredCount => 0, with([map { 'm' . (10 * $i + $_) } 1 .. 10]) });
}
my $before = asked();
$t->start_reconciler;
wait_rollout("m$_", 'SUCCESSFUL') for 0 .. 12;
my @sizes = map { scalar @{ $json->decode($_->{body})->{AlarmNames} } }
    ($aws->calls($DESCRIBE))[$before .. asked() - 1];
ok(scalar(grep { $_ == 100 } @sizes), 'a hundred names in a call');
is(scalar(grep { $_ > 100 } @sizes), 0, 'and never more');
$aws->tell(alarms => \%alarms);


# Who cannot be asked ends nothing; it is told once, and asked again.

$aws->tell(fail => { $DESCRIBE => [ 400, 'ThrottlingException', 1000000 ] });
update('s', with(['a'], bakeTimeInMinutes => 3));
$sd = wait_rollout('s', 'SUCCESSFUL');
my $n = number($sd);
is_deeply([grep { /ecs-svc\/$n.*alarms/ } messages('s')], ["(service s)"
    . " (deployment ecs-svc/$n) goes on without its alarms, which cannot be"
    . ' asked: ThrottlingException: as told.'], 'an event tells it once');
update('s', with(['a'], strategy => 'BLUE_GREEN', bakeTimeInMinutes => 1000));
ok($t->wait_for(sub { (rollout('s')->{lifecycleStage} // '')
                      eq 'BAKE_TIME' }, 20), 'it goes on');
turn('a', 'ALARM');
$aws->tell(fail => {});
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, $WHY, 'until they can be asked again');
turn('a', 'OK');


# A reconciler that dies on the way.

update('s', with(['a'], bakeTimeInMinutes => 1000));
ok($t->wait_for(sub { rollout('s')->{targetServiceRevision}
                      {runningTaskCount} == 2 }, 20), 'a rollout');
wait_asked();
$t->stop_reconciler('KILL');
turn('a', 'ALARM');
$t->start_reconciler;
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, $WHY, 'nothing is forgotten');
turn('a', 'OK');


# Nobody to ask.

$t->stop_reconciler;
$t->{reconciler} = [ '--upstream', 'ssm=' . $aws->url, @flags ];
$t->start_reconciler;
update('s', with(['a'], bakeTimeInMinutes => 1000));
$sd = wait_rollout('s', 'SUCCESSFUL');
$n = number($sd);
is($sd->{alarms}{status}, 'DISABLED', 'alarms are not used');
is_deeply([grep { /ecs-svc\/$n.*alarms/ } messages('s')], ["(service s)"
    . " (deployment ecs-svc/$n) goes on without its alarms, which cannot be"
    . ' asked: no CloudWatch is configured.'], 'and told');

is(scalar(grep { $_->{refused} && $_->{refused} ne 'ThrottlingException' }
          $aws->calls), 0, 'no call was refused for its form');

$t->done;
