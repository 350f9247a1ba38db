#!/usr/bin/perl

# What the upstream decides of rollouts on a real cluster: an alarm ends one,
# a function of a lifecycle hook lets one go on and ends another.  Judged by
# the waiter of the aws CLI, by kubectl, and by who answers requests.

use strict;
use warnings;

use Test::More;
use JSON::PP ();
use Kecs;
use KecsCluster;
use KecsTasks;
use KecsUp;
use KecsUpstream;
use Time::HiRes qw(time);

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $json = JSON::PP->new->canonical;
my $FN = 'arn:aws:lambda:us-east-1:000000000000:function:check';
my $ASKED = 'GraniteServiceVersion20100801.DescribeAlarms';
my %alarms = map { ($_ => { StateValue => 'OK', Period => 60,
    EvaluationPeriods => 1, StateTransitionedTimestamp => 1000 }) }
    qw(errors latency);
my $aws = KecsUpstream->new($cluster->prefix, alarms => \%alarms);
my $t = KecsTasks->new($cluster, env => $aws->env, flags => [ $aws->flags ],
    sets => [ 'rollout-minute=2s', 'alarms-every=300ms' ]);
my $k = $t->k;


# Helpers.

sub definition {
    my ($family, @more) = @_;
    $t->definition($family, [ { image => 'kecs.test/hello:1',
        stopTimeout => 2, portMappings => [ { containerPort => 8080 } ],
        @more } ]);
    return;
}

sub update {
    my ($definition, %deployment) = @_;
    $k->aws(qw(update-service --cluster demo --service web
        --force-new-deployment --task-definition), $definition,
        '--deployment-configuration', $json->encode(\%deployment));
    return;
}

sub hook {
    return (strategy => 'BLUE_GREEN', bakeTimeInMinutes => 0,
        lifecycleHooks => [ { hookTargetArn => $FN, lifecycleStages =>
            [ 'POST_SCALE_UP' ], roleArn =>
            'arn:aws:iam::000000000000:role/hooks' } ]);
}

sub answer { return $aws->tell(functions => { $FN => [ { @_ } ] }) }

# The newest service deployment.
sub rollout {
    my $newest = $k->aws(qw(list-service-deployments --cluster demo
        --service web))->{serviceDeployments}[0]{serviceDeploymentArn};
    return $k->aws(qw(describe-service-deployments
        --service-deployment-arns), $newest)->{serviceDeployments}[0];
}

sub tell_all {
    diag($json->encode(rollout()), $k->output,
        ($cluster->kubectl(qw(get pods -o wide)))[1]);
    return;
}

sub wait_for {
    my ($what, $code) = @_;
    my $got = eval { KecsUp::wait_for($what, $code, 120) };
    ok($got, $what) or tell_all();
    return $got;
}

# What becomes of the newest rollout; the waiter of the CLI agrees.
sub settled {
    my ($status) = @_;
    my $sd = wait_for("the rollout is $status", sub {
        my $sd = rollout();
        $sd->{status} eq $status && $sd });
    my ($rc, $text) = $k->try_aws(qw(wait services-stable --cluster demo
        --services web));
    is($rc, 0, 'wait services-stable ends') or diag($text);
    return $sd || {};
}

# The pods there are, also those that end.
sub pods {
    return sort map { $_->{metadata}{name} }
        @{ $cluster->get('pods', '-l', 'ecs/service=web')->{items} };
}

# The pods that answer at the cluster address of the service.
sub answers {
    my ($o) = @{ $cluster->get('service', '-l', 'ecs/service=web')->{items} };
    my ($status, $text) = KecsCluster::run(@{ $cluster->prefix }, 'curl',
        '-sS', '--max-time', '5',
        "http://$o->{spec}{clusterIP}:8080/[1-24]");
    my %names = map { ($_ => 1) } $text =~ /hello from (\S+)/g;
    return $status ? '' : join ' ', sort keys %names;
}

# These and no others are there, and answer.
sub only {
    my ($what, @names) = @_;
    wait_for("$what: no other pod is there", sub { "@{[ pods() ]}"
        eq "@names" });
    wait_for("$what: they answer", sub { answers() eq "@names" });
    return;
}

# The pods that are not among these, when both of them run.
sub beside {
    my (@names) = @_;
    my %old = map { ($_ => 1) } @names;
    my $new = wait_for('new pods run beside the old ones', sub {
        my @new = grep { !$old{ $_->{metadata}{name} }
            && $_->{status}{phase} eq 'Running' }
            @{ $cluster->get('pods', '-l', 'ecs/service=web')->{items} };
        @new == 2 && \@new;
    });
    return sort map { $_->{metadata}{name} } @{ $new || [] };
}


# A service, as it was before all this.

definition('web');
definition('slow', healthCheck => { command => [ 'CMD-SHELL', 'exit 1' ],
    interval => 5, startPeriod => 300 });
$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition web --desired-count 2));
wait_for('the service is rolled out',
    sub { rollout()->{status} eq 'SUCCESSFUL' });
my @blue = pods();
is(scalar @blue, 2, 'two pods');
only('the first ones', @blue);


# An alarm during a rolling update.

update('slow', strategy => 'ROLLING', alarms => { enable => \1,
    rollback => \1, alarmNames => [ 'errors', 'latency' ] });
beside(@blue);
my $asked = 1 + (() = $aws->calls($ASKED));
wait_for('the alarms are asked for', sub {
    (() = $aws->calls($ASKED)) > $asked });
is(rollout()->{alarms}{status}, 'MONITORING', 'they are looked at');
$alarms{latency}{StateValue} = 'ALARM';
$alarms{latency}{StateTransitionedTimestamp} = time;
$aws->tell(alarms => \%alarms);
my $sd = settled('ROLLBACK_SUCCESSFUL');
is($sd->{alarms}{status}, 'TRIGGERED', 'by an alarm');
is_deeply($sd->{alarms}{triggeredAlarmNames}, [ 'latency' ], 'this one');
only('the pods of before', @blue);


# A function that takes its time, and then agrees.

answer(hookStatus => 'IN_PROGRESS', callBackDelay => 1);
update('web', hook());
my @green = beside(@blue);
wait_for('the function is invoked', sub { () = $aws->calls('Invoke') });
is(answers(), "@blue", 'blue answers while green is looked at');
answer(hookStatus => 'SUCCEEDED');
is(settled('SUCCESSFUL')->{lifecycleStage}, 'CLEAN_UP',
    'it went through the stages');
only('green', @green);


# And one that does not.

answer(hookStatus => 'IN_PROGRESS', callBackDelay => 1);
update('web', hook());
beside(@green);
answer(hookStatus => 'FAILED');
$sd = settled('ROLLBACK_SUCCESSFUL');
is($sd->{lifecycleHookDetails}[0]{status}, 'FAILED', 'the hook ended it');
is($sd->{rollback}{reason}, 'Service deployment rolled back because'
    . ' POST_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target'
    . " $FN returned FAILED status.", 'which is the reason');
only('the green of before', @green);

$k->final_checks;

done_testing();
