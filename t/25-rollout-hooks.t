#!/usr/bin/perl

# AWS_LAMBDA hooks of rollouts, with simulated containers and a stand-in for
# Lambda: each is invoked as ECS does it, once and again, also after the
# reconciler was killed, and what it answers decides.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use KecsUpstream;
use Test::More;

my $FN = 'arn:aws:lambda:eu-west-1:000000000000:function';
my $ECS = 'arn:aws:ecs:us-east-1:000000000000';
my $BACK = 'Service deployment rolled back because';
my $json = Kecs->json;

my $aws = KecsUpstream->new([]);
my @flags = (@KecsApi::SHORT, '--rollout-minute', '600ms',
    '--upstream-backoff', '20ms', '--upstream-patience', '60ms');

api_start(workers => 1, env => $aws->env,
          reconciler => [$aws->flags, @flags]);
ok_api('CreateCluster', {});
ok_api('RegisterTaskDefinition', { family => 'f', containerDefinitions =>
    [{ name => 'app', image => 'i', memory => 8 }] });


# Helpers.

sub deployment {
    my ($strategy, @hooks) = @_;

    return (deploymentConfiguration => { strategy => $strategy,
        bakeTimeInMinutes => 0, lifecycleHooks => \@hooks,
        $strategy eq 'LINEAR' ? (linearConfiguration => { stepPercent => 50,
            stepBakeTimeInMinutes => 0 }) : () });
}

sub hook {
    my ($function, @stages) = @_;

    return { hookTargetArn => "$FN:$function", lifecycleStages => \@stages,
             roleArn => 'arn:aws:iam::000000000000:role/hooks' };
}

sub create {
    my ($name, $strategy, @hooks) = @_;

    ok_api('CreateService', { serviceName => $name, taskDefinition => 'f',
        desiredCount => 1, deployment($strategy, @hooks) });
    return;
}

sub update {
    my ($name, $strategy, @hooks) = @_;

    ok_api('UpdateService', { service => $name, forceNewDeployment => \1,
                              deployment($strategy, @hooks) });
    return;
}

sub functions { return $aws->tell(functions =>
    { map { ("$FN:$_" => $_[0]{$_}) } keys %{ $_[0] } }) }

# The events that a function was invoked with.
sub invoked {
    my ($function) = @_;

    return grep { $_->{function} eq "$FN:$function" } $aws->calls('Invoke');
}

sub payloads { return map { $json->decode($_->{body}) } invoked(@_) }

sub revision {
    my ($arn) = @_;
    return $arn =~ s/^.*\///r;
}

sub messages {
    my ($name) = @_;

    my (undef, $out) = $t->api('DescribeServices', { services => [$name] });
    return map { $_->{message} } @{ $out->{services}[0]{events} };
}

sub fails {
    my ($function, $why, $answer) = @_;

    functions($answer) if $answer;
    update('s', 'BLUE_GREEN', hook($function, 'POST_SCALE_UP'));
    my $sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
    is($sd->{statusReason}, "$BACK POST_SCALE_UP lifecycle hook(s) failed."
       . " $why", "$function: the reason");
    is($sd->{rollback}{reason}, $sd->{statusReason}, 'of the rollback, too');
    is($sd->{lifecycleHookDetails}[0]{status}, 'FAILED', 'it has failed');
    my ($n) = $sd->{targetServiceRevision}{arn} =~ m{/(\d+)$};
    ok(scalar(grep { $_ eq "(service s) (deployment ecs-svc/$n) deployment"
                     . " failed: $sd->{statusReason}" } messages('s')),
       'an event tells it');
    return $sd;
}


# Every stage, with its payload.

my @STAGES = qw(RECONCILE_SERVICE PRE_SCALE_UP POST_SCALE_UP
    TEST_TRAFFIC_SHIFT POST_TEST_TRAFFIC_SHIFT PRE_PRODUCTION_TRAFFIC_SHIFT
    PRODUCTION_TRAFFIC_SHIFT POST_PRODUCTION_TRAFFIC_SHIFT);

functions({ all => [{ hookStatus => 'SUCCEEDED' }] });
create('s', 'BLUE_GREEN');
my $blue = wait_rollout('s', 'SUCCESSFUL')->{targetServiceRevision}{arn};
is(scalar(my @none = $aws->calls), 0, 'nobody is asked without a hook');

update('s', 'BLUE_GREEN', hook('all', @STAGES));
my $sd = wait_rollout('s', 'SUCCESSFUL');
my $green = $sd->{targetServiceRevision}{arn};
my %shift = (
    TEST_TRAFFIC_SHIFT => [{ $green => 100, $blue => 0 }, {}],
    PRE_PRODUCTION_TRAFFIC_SHIFT => [{}, { $green => 0, $blue => 100 }],
    PRODUCTION_TRAFFIC_SHIFT => [{}, { $green => 100, $blue => 0 }],
);
my @got = payloads('all');
my %ids = map { (delete $_->{executionId} => 1) } @got;
is_deeply(\@got, [map { {
    lifecycleStage => $_,
    resourceArn => $sd->{serviceDeploymentArn},
    executionDetails => {
        serviceArn => "$ECS:service/default/s",
        targetServiceRevisionArn => $green,
        testTrafficWeights => $shift{$_}[0] // {},
        productionTrafficWeights => $shift{$_}[1] // {},
    },
} } @STAGES[1 .. $#STAGES]], 'each stage is told, as ECS tells it');
is(scalar keys %ids, @STAGES - 1, 'each by an id of its own');
is_deeply([map { $_->{scope}[2] . ' ' . $_->{scope}[3] } invoked('all')],
    [('eu-west-1 lambda') x (@STAGES - 1)], 'signed for Lambda, there');


# It takes its time, and keeps what it knows; so does the reconciler.

functions({ slow => [
    { hookStatus => 'IN_PROGRESS', callBackDelay => 1,
      hookDetails => { n => 1, deep => { a => [1, 'x'] } } },
    { hookStatus => 'IN_PROGRESS', hookDetails => { n => 2 } },
    { hookStatus => 'IN_PROGRESS', callBackDelay => 40 },
    { hookStatus => 'SUCCEEDED' },
] });
update('s', 'BLUE_GREEN', { %{ hook('slow', 'PRE_SCALE_UP') },
                            hookDetails => { bucket => 'b', n => 0 } });
ok($t->wait_for(sub { invoked('slow') >= 3 }, 20), 'it is invoked again');
$sd = rollout('s');
is($sd->{lifecycleHookDetails}[0]{status}, 'IN_PROGRESS', 'it goes on');
is($sd->{lifecycleHookDetails}[0]{targetType}, 'AWS_LAMBDA', 'a function');
is($sd->{lifecycleHookDetails}[0]{targetArn}, "$FN:slow", 'this one');
is($sd->{lifecycleHookDetails}[0]{timeoutAction}, 'ROLLBACK', 'in time');
ok($sd->{lifecycleHookDetails}[0]{expiresAt} > $sd->{createdAt}, 'it ends');
is($sd->{lifecycleStage}, 'PRE_SCALE_UP', 'the rollout waits for it');
$t->stop_reconciler('KILL');
$t->start_reconciler;
wait_rollout('s', 'SUCCESSFUL');
@got = payloads('slow');
cmp_ok(scalar @got, '>=', 4, 'what was under way was not lost');
is(scalar keys %{ { map { ($_->{executionId} => 1) } @got } }, 1,
   'it is one execution');
is_deeply([map { $_->{hookDetails} } @got[0, 1]],
    [{ bucket => 'b', n => 0 },
     { bucket => 'b', n => 1, deep => { a => [1, 'x'] } }],
    'what it keeps is laid over what it was given');
is_deeply($got[-1]{hookDetails},
    { bucket => 'b', n => 2, deep => { a => [1, 'x'] } }, 'and stays');


# What does not end well.

fails('no', "Lifecycle hook target $FN:no returned FAILED status.",
    { no => [{ hookStatus => 'FAILED', reason => 'x' }] });
fails('null', "ECS was unable to parse the response from $FN:null due to"
    . ' HookStatus must not be null', { null => ['null'] });
fails('error', "ECS was unable to parse the response from $FN:error due to"
    . ' HookStatus must not be null',
    { error => [{ errorMessage => 'e', errorType => 'E' }] });
fails('text', "ECS was unable to parse the response from $FN:text due to"
    . ' HookStatus must not be null', { text => ['no JSON {'] });
fails('gone', "ECS was unable to invoke hook target $FN:gone due to Function"
    . " not found: $FN:gone");
fails('denied', "ECS was unable to invoke hook target $FN:denied due to not"
    . ' authorized', { denied => [[403, 'not authorized']] });


# What passes is tried again, and told once.

functions({ busy => [([503, 'not now']) x 12,
                     { hookStatus => 'SUCCEEDED' }] });
update('s', 'BLUE_GREEN', hook('busy', 'PRE_SCALE_UP'));
$sd = wait_rollout('s', 'SUCCESSFUL');
my @told = grep { /unable to invoke/ } messages('s');
my ($n) = $sd->{targetServiceRevision}{arn} =~ m{/(\d+)$};
is_deeply([grep { /ecs-svc\/$n/ } @told], ["(service s) (deployment"
    . " ecs-svc/$n) was unable to invoke hook target $FN:busy due to"
    . ' not now. It will be tried again.'], 'an event tells it once');


# Its time is up.

functions({ never => [{ hookStatus => 'IN_PROGRESS' }] });
update('s', 'BLUE_GREEN', { %{ hook('never', 'PRE_SCALE_UP') },
    timeoutConfiguration => { timeoutInMinutes => 2,
                              action => 'CONTINUE' } });
wait_rollout('s', 'SUCCESSFUL');
pass('a timeout that continues');
update('s', 'BLUE_GREEN', { %{ hook('never', 'PRE_SCALE_UP') },
    timeoutConfiguration => { timeoutInMinutes => 2 } });
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{lifecycleHookDetails}[0]{status}, 'TIMED_OUT', 'one that does not');


# A function beside a pause: both have to be done.

functions({ all => [{ hookStatus => 'SUCCEEDED' }] });
update('s', 'BLUE_GREEN', hook('all', 'POST_SCALE_UP'),
    { targetType => 'PAUSE', lifecycleStages => ['POST_SCALE_UP'] });
$sd = wait_rollout_that('s', 'a function is done, a pause is not', sub {
    join(' ', map { $_->{status} } @{ $_[0]{lifecycleHookDetails} })
        eq 'SUCCEEDED AWAITING_ACTION' });
ok_api('ContinueServiceDeployment', {
    serviceDeploymentArn => $sd->{serviceDeploymentArn},
    hookId => $sd->{lifecycleHookDetails}[1]{hookId} });
wait_rollout('s', 'SUCCESSFUL');


# Each step of a shift.

functions({ step => [{ hookStatus => 'SUCCEEDED' }] });
update('s', 'LINEAR', hook('step', 'PRE_PRODUCTION_TRAFFIC_SHIFT',
                           'PRODUCTION_TRAFFIC_SHIFT'));
$sd = wait_rollout('s', 'SUCCESSFUL');
is_deeply([map { $_->{executionDetails}{productionTrafficWeights}
                 {$sd->{targetServiceRevision}{arn}} } payloads('step')],
    [0, 50, 50, 100], 'the weights of green before and at each step');


# Nobody is there any more.

functions({ slow2 => [{ hookStatus => 'IN_PROGRESS', callBackDelay => 5 }] });
update('s', 'BLUE_GREEN', hook('slow2', 'PRE_SCALE_UP'));
ok($t->wait_for(sub { invoked('slow2') }, 20), 'it goes on');
$t->stop_reconciler;
$t->{reconciler} = [ '--upstream', 'ssm=' . $aws->url, @flags ];
$t->start_reconciler;
$sd = wait_rollout('s', 'ROLLBACK_SUCCESSFUL');
is($sd->{statusReason}, "$BACK PRE_SCALE_UP lifecycle hook(s) failed."
   . " Lifecycle hook target $FN:slow2 cannot be invoked: no AWS Lambda is"
   . ' configured.', 'and then nobody can invoke it');

is(scalar(grep { $_->{refused} && $_->{refused} ne 'ServiceException'
                 && $_->{refused} ne 'ResourceNotFoundException' }
          $aws->calls), 0, 'no call was refused for its form');

$t->done;
