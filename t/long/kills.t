#!/usr/bin/perl

# kill -9 of any process at any moment while clients create, run and stop:
# after each kill the system gets ready by itself (or is started again when
# `kecs up` was killed), nothing acknowledged is missing, no task goes back,
# nothing was done twice, the store is sound; at the end all tasks converge.
#
# KECS_ROUNDS=n rounds (100), KECS_SEED=n repeats the choice of victims.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Kecs;
use KecsUp;
use Test::More;
use Time::HiRes qw(time sleep);

my $ROUNDS = $ENV{KECS_ROUNDS} // 100;
my $SEED = $ENV{KECS_SEED} // (time ^ $$);
my $WRITERS = 3;
my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my %RANK = (PROVISIONING => 1, PENDING => 2, ACTIVATING => 3, RUNNING => 4,
            DEACTIVATING => 5, STOPPING => 6, DEPROVISIONING => 7,
            STOPPED => 8);

my $k = KecsUp->new(build => $BUILD, env => Kecs::sanitizer_env(),
    sets => [@KecsUp::SETS, qw(simulated-start=50ms simulated-stop=50ms
                               start-again=2s stop-again=2s)]);

srand $SEED;
diag("seed $SEED, $ROUNDS rounds");


sub call {
    my ($op, $in) = @_;

    my ($status, $json) = $k->api($op, $in);
    is($status, 200, $op) or diag(ref $json ? $json->{message} : $json);

    return $json;
}

sub master {
    open my $f, '<', "$k->{data}/nginx.pid" or return;
    chomp(my $pid = <$f> // '');

    return $pid || undef;
}

sub worker {
    my @pids = grep { open my $f, '<', "/proc/$_/cmdline";
                      ($f && <$f> // '') =~ /worker process/ } $k->pids;

    return @pids ? $pids[rand @pids] : undef;
}

sub reconciler {
    return $k->said->{pid};
}


# A writer: what was acknowledged goes to its file, one line each: "cluster
# NAME", "run TOKEN ARN", "stop ARN"; what was tried, too: "try TOKEN".

sub writer {
    my ($n, $flag) = @_;

    open my $out, '>', "$k->{temp}/writer.$n" or die "writer: $!\n";
    $out->autoflush(1);
    my @running;

    for (my $i = 0; -e $flag; $i++) {
        my ($status, $json) = $k->api('CreateCluster',
                                      { clusterName => "w$n-$i" });
        print $out "cluster w$n-$i\n" if $status == 200;

        my $token = "t$n-$i";
        print $out "try $token\n";
        ($status, $json) = $k->api('RunTask', { taskDefinition => 'f',
            startedBy => $token, clientToken => $token });

        if ($status == 200) {
            my $arn = $json->{tasks}[0]{taskArn};
            print $out "run $token $arn\n";
            push @running, $arn;
        }

        if (@running > 5) {
            my $arn = shift @running;
            ($status) = $k->api('StopTask', { task => $arn });
            print $out "stop $arn\n" if $status == 200;
        }

        sleep 0.02;
    }
}

my %acknowledged = (cluster => [], run => [], stop => [], try => []);
my %read;

# Reads on where it stopped; the lines that are new, by what they are.
sub gather {
    my %new = map { $_ => [] } keys %acknowledged;

    for my $n (1 .. $WRITERS) {
        open my $f, '<', "$k->{temp}/writer.$n" or next;
        seek $f, $read{$n} // 0, 0;

        while (my $line = <$f>) {
            last if $line !~ s/\n\z//;
            $read{$n} = tell $f;
            my ($what, @more) = split / /, $line;
            push @{ $new{$what} }, \@more;
        }
    }

    push @{ $acknowledged{$_} }, @{ $new{$_} } for keys %new;

    return \%new;
}

# Describes many by pages, as often as it takes: (name => record).
sub describe {
    my ($op, $what, $key, @names) = @_;

    my %found;

    while (my @some = splice @names, 0, 100) {
        my $got = Kecs::wait_for(undef, sub {
            my ($status, $json) = $k->api($op, { $what => \@some });
            $status == 200 && $json->{$what};
        }, 30) or return {};
        $found{ $_->{$key} } = $_ for @$got;
    }

    return \%found;
}

my (%rank, @missing, @backwards);

sub compare {
    my ($lines) = @_;

    my @names = map { $_->[0] } @{ $lines->{cluster} };
    my $found = describe('DescribeClusters', 'clusters', 'clusterName',
                         @names);
    push @missing, grep { !$found->{$_} } @names;

    my @arns = map { $_->[1] } @{ $lines->{run} };
    $found = describe('DescribeTasks', 'tasks', 'taskArn', @arns);
    push @missing, grep { !$found->{$_} } @arns;

    for my $task (values %$found) {
        my ($arn, $rank) = ($task->{taskArn}, $RANK{ $task->{lastStatus} });
        push @backwards, "$arn $task->{lastStatus}"
            if $rank < ($rank{$arn} // 0);
        $rank{$arn} = $rank;
    }
}


# Rounds.

$k->start;
call('CreateCluster', {});
call('RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => 'i', memory => 8 }] });
call('CreateService', { serviceName => 's', taskDefinition => 'f',
                        desiredCount => 3 });

my $flag = "$k->{temp}/flag";
open my $f, '>', $flag or die "$flag: $!\n";
close $f;

my @writers = map {
    my $n = $_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        eval { writer($n, $flag); 1 } or warn $@;
        POSIX::_exit($@ ? 1 : 0);
    }
    $pid;
} 1 .. $WRITERS;

my %victims = (
    worker => \&worker,
    nginx => \&master,
    reconciler => \&reconciler,
    up => sub { $k->{pid} },
    'up and nginx' => sub { master() },
    all => sub { $k->{pid} },
);
my @kinds = sort keys %victims;
my %killed;

for my $round (1 .. $ROUNDS) {
    sleep rand 0.4;
    my $kind = $kinds[rand @kinds];
    my $pid = $victims{$kind}->() or next;
    $killed{$kind}++;

    if ($kind eq 'all') {
        $k->kill_all;
    } else {
        my $with_up = $kind =~ /^up/;
        kill 'KILL', $pid, $with_up ? $k->{pid} : ();
        waitpid delete $k->{pid}, 0 if $with_up;
    }

    $k->start if !$k->{pid};
    my $ready = Kecs::wait_for(undef, sub {
        ($k->get('/readyz'))[0] == 200 }, 60);
    compare(gather());
    my ($status, $text) = $k->kecs('check');

    if (!$ready || $status || @missing || @backwards) {
        fail("round $round, $kind killed");
        diag($ready ? () : ($k->get('/readyz'))[1], $status ? $text : (),
             "missing: @missing; backwards: @backwards");
        last;
    }
}

pass(join ', ', 'killed', map { "$_: $killed{$_}" } sort keys %killed);
unlink $flag;
is(scalar(grep { waitpid($_, 0); $? } @writers), 0, 'the writers are well');


# All of it, once more.

gather();
compare(\%acknowledged);
is("@missing", '', 'nothing acknowledged is missing');
is("@backwards", '', 'no task went back');
diag(join ', ', map { "$_: " . @{ $acknowledged{$_} } }
                sort keys %acknowledged);
cmp_ok(scalar @{ $acknowledged{run} }, '>', $ROUNDS / 4, 'much was done');

# A token is run once, whether or not its answer came.

my %known = map { $_->[1] => 1 } @{ $acknowledged{run} };
my (@unsettled, @twice);

for my $try (@{ $acknowledged{try} }) {
    my @arns = map {
        @{ ($k->api('ListTasks', { startedBy => $try->[0],
                                   desiredStatus => $_ }))[1]{taskArns} }
    } qw(RUNNING STOPPED);
    push @twice, $try->[0] if @arns > 1;
    $known{$_} = 1 for @arns;
}

is("@twice", '', 'nothing was run twice');

my %stopped = map { $_->[0] => 1 } @{ $acknowledged{stop} };
ok(Kecs::wait_for(undef, sub {
    my $tasks = describe('DescribeTasks', 'tasks', 'taskArn', keys %known);
    @unsettled = grep {
        $_->{desiredStatus} ne $_->{lastStatus}
            || ($stopped{ $_->{taskArn} } && $_->{lastStatus} ne 'STOPPED')
    } values %$tasks;
    %$tasks && !@unsettled;
}, 60), 'all tasks converge')
    or diag(join "\n", map { "$_->{taskArn} $_->{desiredStatus}"
                             . " $_->{lastStatus}" } @unsettled[0 .. 5]);

my $service;
ok(Kecs::wait_for(undef, sub {
    (undef, my $json) = $k->api('DescribeServices', { services => ['s'] });
    $service = $json->{services}[0];
    $service->{runningCount} == 3 && @{ $service->{deployments} } == 1;
}, 60), 'so does the service') or diag(Kecs->json->encode($service));

my ($line) = grep { /\[(?:alert|emerg|crit)\]/ && !/exited on signal 9/ }
             do { open my $f, '<', "$k->{data}/error.log"; <$f> };
is($line, undef, 'no alerts');
is($k->stop, 0, 'it ends in good order');
my ($status, $text) = $k->kecs('check');
is($status, 0, 'the store is sound') or diag($text);

done_testing();
