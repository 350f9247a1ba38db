#!/usr/bin/perl

# 64 clients at once on the same names: every answer is one that some order
# of the calls allows, and the store is in order at the end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsApi;
use POSIX ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC time);

my $CLIENTS = 64;
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);
my $JSON = JSON::PP->new->canonical;
my $INCONSISTENT = 'Arguments on this idempotent request are inconsistent'
                   . ' with arguments used in previous request(s).';
my $NOT_IDEMPOTENT = 'Creation of service was not idempotent.';

api_start();


# Runs the code with 0 .. 63 in as many processes at the same moment; what
# each has returned.

sub race {
    my ($code) = @_;

    pipe my $start, my $go or die "pipe: $!\n";
    my @kids;

    for my $i (0 .. $CLIENTS - 1) {
        pipe my $from, my $to or die "pipe: $!\n";
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            close $go;
            close $from;
            srand $i;
            $t->api('ListClusters', {});
            sysread $start, my $nothing, 1;
            my $got = eval { $code->($i) } // { died => "$@" };
            print $to $JSON->encode($got);
            close $to;
            POSIX::_exit(0);
        }

        close $to;
        push @kids, [$pid, $from];
    }

    close $start;
    close $go;

    return map {
        my ($pid, $from) = @$_;
        local $/;
        my $text = <$from>;
        waitpid $pid, 0;
        $JSON->decode($text || '{"died":"without a word"}');
    } @kids;
}

# One call of each client: answers as [status, answer], sorted by outcome.

sub race_api {
    my ($op, $in) = @_;

    my @all = race(sub {
        my ($status, $out) = $t->api($op, $in->($_[0]));
        return [$status, $out];
    });
    my @good = map { $$_[1] } grep { ref $_ eq 'ARRAY' && $$_[0] == 200 } @all;
    my @bad = grep { ref $_ ne 'ARRAY' || $$_[0] != 200 } @all;

    return (\@good, \@bad);
}

# How many different ones there are.

sub kinds { scalar keys %{ { map { ($_ => 1) } @_ } } }

sub all_refused {
    my ($name, $bad, $type, $message, $count) = @_;

    my @other = grep { $$_[0] != 400 || $$_[1]{__type} ne $type
                       || ($$_[1]{message} // '') ne $message } @$bad;
    is(scalar @$bad, $count, "$name: $count are refused");
    is_deeply(\@other, [], "$name: with $type");
}

sub define {
    my ($family) = @_;

    return { family => $family, containerDefinitions =>
             [{ name => 'c', image => 'i', memory => 16 }] };
}


# One name, one winner.

my ($good, $bad) = race_api('CreateCluster', sub {
    { clusterName => 'one', tags => [{ key => 'by', value => "$_[0]" }] } });
is(scalar @$good, 1, 'CreateCluster: one wins');
all_refused('CreateCluster', $bad, 'InvalidParameterException',
            $INCONSISTENT, $CLIENTS - 1);
is_deeply(ok_api('DescribeClusters', { clusters => ['one'],
          include => ['TAGS'] })->{clusters}[0]{tags},
          $good->[0]{cluster}{tags}, 'CreateCluster: and it is what there is');

($good, $bad) = race_api('CreateCluster', sub { { clusterName => 'same' } });
is(scalar @$good, $CLIENTS, 'CreateCluster: the same request wins each time');
is(kinds(map { $_->{clusterCount} } @$good), 1, 'CreateCluster: one cluster');
ok_api('CreateCluster', {});

($good, $bad) = race_api('RegisterTaskDefinition', sub { define('f') });
is_deeply([ sort { $a <=> $b } map { $_->{taskDefinition}{revision} }
            @$good ], [1 .. $CLIENTS],
          'RegisterTaskDefinition: each revision once');
is(ok_api('DescribeTaskDefinition', { taskDefinition => 'f' })
   ->{taskDefinition}{revision}, $CLIENTS, 'the last is the latest');

my $service = sub { my ($name, $count, %more) = @_;
    { serviceName => $name, taskDefinition => 'f:1', desiredCount => $count,
      %more } };

($good, $bad) = race_api('CreateService', sub { $service->('s', $_[0]) });
is(scalar @$good, 1, 'CreateService: one wins');
all_refused('CreateService', $bad, 'InvalidParameterException',
            $NOT_IDEMPOTENT, $CLIENTS - 1);
is(ok_api('DescribeServices', { services => ['s'] })
   ->{services}[0]{desiredCount}, $good->[0]{service}{desiredCount},
   'CreateService: its count is there');

($good, $bad) = race_api('CreateService',
    sub { $service->('token', 1, clientToken => 'T') });
is(scalar @$good, $CLIENTS, 'CreateService: a token wins each time');
is(kinds(map { $_->{service}{deployments}[0]{id} } @$good), 1,
   'CreateService: one service');


# Tokens of RunTask.

($good, $bad) = race_api('RunTask', sub { { taskDefinition => 'f', count => 2,
    clientToken => 'same', startedBy => 'same' } });
is(scalar @$good, $CLIENTS, 'RunTask: a token wins each time');
is(kinds(map { $_->{taskArn} } map { @{ $_->{tasks} } } @$good), 2,
   'RunTask: the same two tasks');
is(scalar @{ ok_api('ListTasks', { startedBy => 'same' })->{taskArns} }, 2,
   'RunTask: and no others');

($good, $bad) = race_api('RunTask', sub { { taskDefinition => 'f',
    clientToken => 'differ', startedBy => 'differ', group => "g$_[0]" } });
is(scalar @$good, 1, 'RunTask: different requests, one wins');
my $winner = $good->[0]{tasks}[0];
is_deeply([ grep { $$_[0] != 400 || $$_[1]{__type} ne 'ConflictException'
            || $$_[1]{resourceIds}[0] ne $winner->{taskArn} } @$bad ], [],
          'RunTask: the others are told of its task');
is_deeply(ok_api('ListTasks', { startedBy => 'differ' })->{taskArns},
          [$winner->{taskArn}], 'RunTask: which is the only one');


# Changes of the same thing.

($good, $bad) = race_api('UpdateService',
    sub { { service => 's', desiredCount => 100 + $_[0] } });
is_deeply([ sort map { $_->{service}{desiredCount} } @$good ],
          [ map { 100 + $_ } 0 .. $CLIENTS - 1 ],
          'UpdateService: each is answered with what it said');
my $count = ok_api('DescribeServices', { services => ['s'] })
                ->{services}[0]{desiredCount};
ok($count >= 100 && $count < 100 + $CLIENTS, 'UpdateService: one of them');

($good, $bad) = race_api('UpdateService',
    sub { { service => 's', forceNewDeployment => $yes } });
is(kinds(map { $_->{service}{deployments}[0]{id} } @$good), $CLIENTS,
   'forceNewDeployment: as many deployments as calls');
my @deployments = @{ ok_api('DescribeServices', { services => ['s'] })
                         ->{services}[0]{deployments} };
is(scalar @deployments, $CLIENTS + 1, 'forceNewDeployment: all are there');
is(scalar(grep { $_->{status} eq 'PRIMARY' } @deployments), 1,
   'forceNewDeployment: one is PRIMARY');
my %shown = map { (scalar @{ $_->{service}{deployments} } => 1) } @$good;
is_deeply([ sort { $a <=> $b } keys %shown ], [2 .. $CLIENTS + 1],
          'forceNewDeployment: one after the other');

my $arn = account_arn('cluster/default');
($good, $bad) = race_api('TagResource', sub { { resourceArn => $arn,
    tags => [{ key => 'k' . $_[0] % 50, value => 'v' }] } });
is(scalar @$good, $CLIENTS, 'TagResource');
is_deeply([ sort map { $_->{key} } @{ ok_api('ListTagsForResource',
            { resourceArn => $arn })->{tags} } ],
          [ sort map { "k$_" } 0 .. 49 ], 'TagResource: no tag is lost');
($good, $bad) = race_api('UntagResource', sub { { resourceArn => $arn,
    tagKeys => ['k' . $_[0] % 50] } });
is_deeply(ok_api('ListTagsForResource', { resourceArn => $arn })->{tags}, [],
          'UntagResource: and none is left');
($good, $bad) = race_api('TagResource', sub { my $i = $_[0];
    { resourceArn => $arn, tags => [ map { +{ key => "k$i-$_",
      value => '' } } 1, 2 ] } });
is(scalar @$good, 25, 'TagResource: up to 50 tags');
all_refused('TagResource', $bad, 'LimitExceededException',
            'The maximum number of tags for a resource is 50.',
            $CLIENTS - 25);

($good, $bad) = race_api('StopTask', sub { { task => $winner->{taskArn},
    reason => "by $_[0]" } });
is(scalar @$good, $CLIENTS, 'StopTask');
is(kinds(map { "$_->{task}{version} $_->{task}{stoppedReason}" } @$good), 1,
   'StopTask: stopped once, for one reason');

($good, $bad) = race_api('DeregisterTaskDefinition',
    sub { { taskDefinition => 'f:2' } });
is(scalar(grep { $_->{taskDefinition}{previousStatus} eq 'ACTIVE' } @$good),
   1, 'DeregisterTaskDefinition: one finds it ACTIVE');
is(kinds(map { $_->{taskDefinition}{deregisteredAt} // () } @$good), 1,
   'DeregisterTaskDefinition: it was at one time');

($good, $bad) = race_api('DeleteService',
    sub { { service => 's', force => $yes } });
is(scalar(grep { $_->{service}{status} eq 'DRAINING' } @$good), $CLIENTS,
   'DeleteService: as often as one likes');


# To create in a cluster, and to delete it: one excludes the other.

my %ended;

for my $round (1 .. 4) {
    my $name = "between$round";
    ok_api('CreateCluster', { clusterName => $name });

    my @all = race(sub {
        my ($i) = @_;
        my @call = $i % 2 ? ('DeleteCluster', { cluster => $name })
                 : ('CreateService', $service->('s', 0, cluster => $name));
        my ($status, $out) = $t->api(@call);
        return "$call[0] " . ($status == 200 ? 'OK' : $out->{__type});
    });
    my %n;
    $n{$_}++ for @all;
    my $half = $CLIENTS / 2;
    my $created = { 'CreateService OK' => 1,
        'CreateService InvalidParameterException' => $half - 1,
        'DeleteCluster ClusterContainsServicesException' => $half };
    my $deleted = { 'DeleteCluster OK' => $half,
        'CreateService ClusterNotFoundException' => $half };
    my $want = $n{'DeleteCluster OK'} ? $deleted : $created;
    $ended{$n{'DeleteCluster OK'} ? 'deleted' : 'created'}++;
    is_deeply(\%n, $want, 'create or delete: not both');
}

note join ', ', map { "$_: $ended{$_}" } sort keys %ended;


# A value that is written and read: no read is older than a write that had
# been answered before.

my %old = map { $_ => 1 } $t->worker_pids;
$t->reload;
ok($t->wait_for(sub { !grep { $old{$_} } $t->worker_pids(1) }),
   'the old workers are gone');
my $last = time + 1.5;
$arn = account_arn('cluster/same');
my $initial = { resourceArn => $arn, tags => [{ key => 'v', value => '-' }] };
ok_api('TagResource', $initial);

my @histories = race(sub {
    my ($i) = @_;
    my @did;

    for (my $n = 0; time < $last || $n < 40; $n++) {
        my $write = $i % 4 == 0;
        my $began = clock_gettime(CLOCK_MONOTONIC);
        my ($status, $out) = $write
            ? $t->api('TagResource', { resourceArn => $arn,
                      tags => [{ key => 'v', value => "$i-$n" }] })
            : $t->api('ListTagsForResource', { resourceArn => $arn });
        my $ended = clock_gettime(CLOCK_MONOTONIC);
        return { died => "$status $out" } if $status != 200;
        push @did, [$write ? 'w' : 'r', $began, $ended,
                    $write ? "$i-$n" : $out->{tags}[0]{value}];
    }

    return \@did;
});

is_deeply([ map { ref $_ eq 'ARRAY' ? () : $_->{died} } @histories ], [],
          'all are answered');
my @calls = map { ref $_ eq 'ARRAY' ? @$_ : () } @histories;
my %write = ('-' => [0, 0], map { ($$_[3] => [$$_[1], $$_[2]]) }
             grep { $$_[0] eq 'w' } @calls);
my @by_end = sort { $$a[1] <=> $$b[1] } values %write;
my @latest;             # of the first n to end, when the last one began

for my $w (@by_end) {
    my $before = @latest ? $latest[-1] : 0;
    push @latest, $$w[0] > $before ? $$w[0] : $before;
}

# The begin of the latest write that had ended before a moment.

sub newest_before {
    my ($moment) = @_;

    my ($low, $high) = (0, scalar @by_end);

    while ($low < $high) {
        my $middle = int(($low + $high) / 2);
        if ($by_end[$middle][1] < $moment) { $low = $middle + 1 }
        else { $high = $middle }
    }

    return $low ? $latest[$low - 1] : 0;
}

my ($stale, $early, $unknown) = (0, 0, 0);

for my $read (grep { $$_[0] eq 'r' } @calls) {
    my $w = $write{ $$read[3] };
    $unknown++, next unless $w;
    $early++ if $$w[0] > $$read[2];
    $stale++ if $$w[1] < newest_before($$read[1]);
}

is("$unknown/$early/$stale", '0/0/0', 'no read of what nobody wrote, of what'
   . ' is not yet written, or of what is no longer there');
cmp_ok(scalar @calls, '>', 500, 'of many') or diag(scalar @calls);


# The life of one name: made with a tag of its own each time, deleted, looked
# at.  A creation wins only when there was none or it has been deleted, so
# every answer says in which state the name must have been.

$last = time + 1.5;
ok_api('CreateCluster', { clusterName => 'life',
                          tags => [{ key => 'by', value => '-' }] });

my @life = race(sub {
    my ($i) = @_;
    my @did;

    for (my $n = 0; time < $last; $n++) {
        my $by = "$i-$n";
        my ($op, $in) = $i % 4 == 0
            ? ('CreateCluster', { clusterName => 'life',
               tags => [{ key => 'by', value => $by }] })
            : $i % 4 == 1 ? ('DeleteCluster', { cluster => 'life' })
            : $i % 4 == 2 ? ('ListClusters', { maxResults => 100 })
            : ('DescribeClusters', { clusters => ['life'],
                                     include => ['TAGS'] });
        my $began = clock_gettime(CLOCK_MONOTONIC);
        my ($status, $out) = $t->api($op, $in);
        my $ended = clock_gettime(CLOCK_MONOTONIC);
        push @did, [$began, $ended, lived($op, $status, $out, $by)];
    }

    return \@did;
});

# What the answer says: made BY, gone, there BY, there, absent.

sub lived {
    my ($op, $status, $out, $by) = @_;

    if ($op eq 'CreateCluster') {
        return ('made', $by) if $status == 200;
        return 'there' if ref $out && $out->{message} eq $INCONSISTENT;
    }

    return 'gone' if $op eq 'DeleteCluster' && $status == 200
                     && $out->{cluster}{status} eq 'INACTIVE';

    if ($op eq 'ListClusters' && $status == 200) {
        return (grep { m{/life$} } @{ $out->{clusterArns} })
               ? 'there' : 'absent';
    }

    if ($op eq 'DescribeClusters' && $status == 200) {
        my $cluster = $out->{clusters}[0];
        return 'absent' if $cluster->{status} eq 'INACTIVE';
        return ('there', $cluster->{tags}[0]{value});
    }

    return "odd: $op $status " . (ref $out ? $JSON->encode($out) : $out);
}

my @lived = map { ref $_ eq 'ARRAY' ? @$_ : [0, 0, "odd: $_->{died}"] } @life;
my @made = ([0, 0, 'made', '-'], grep { $$_[2] eq 'made' } @lived);
my @gone = grep { $$_[2] eq 'gone' } @lived;

# When at the latest what a call has made was over: the first end of those
# that undo it and began after it.

sub over {
    my ($call, @undo) = @_;

    my $at = 9**9**9;

    for my $u (@undo) {
        $at = $$u[1] if $$u[0] > $$call[1] && $$u[1] < $at;
    }

    return $at;
}

my @present = map { [@$_, over($_, @gone, @made)] } @made;
my @away = map { [@$_[0, 1, 2], undef, over($_, @made)] } @gone;
my @wrong = map { $$_[2] } grep { $$_[2] =~ /^odd/ } @lived;

for my $call (grep { $$_[2] =~ /^(?:there|absent)$/ } @lived) {
    my ($began, $ended, $what, $by) = @$call;
    my @reasons = grep { $$_[0] <= $ended && $$_[4] >= $began }
                  $what eq 'absent' ? @away
                  : grep { !defined $by || $$_[3] eq $by } @present;
    push @wrong, "$what " . ($by // '') unless @reasons;
}

for my $call (@made[1 .. $#made]) {
    push @wrong, "made $$call[3] while there was one"
        unless grep { $$_[0] <= $$call[1] && $$_[4] >= $$call[0] } @away;
}

is_deeply(\@wrong, [], 'the life of a name: no answer that cannot be');
my %lives;
$lives{$$_[2]}++ for @lived;
note join ', ', map { "$_ $lives{$_}" } sort keys %lives;
cmp_ok($lives{$_} // 0, '>', 5, "$_ is answered often")
    for qw(made gone there absent);


# Everything at once, with the reconciler, and a reload in the middle.

my %NONE = map { ($_ => 1) } qw(ClusterNotFoundException);
my %allowed = (
    CreateCluster => { ACTIVE => 1, InvalidParameterException => 1 },
    DeleteCluster => { INACTIVE => 1, ClusterContainsServicesException => 1,
                       ClusterContainsTasksException => 1, %NONE },
    CreateService => { ACTIVE => 1, InvalidParameterException => 1, %NONE },
    UpdateService => { ACTIVE => 1, ServiceNotFoundException => 1,
                       ServiceNotActiveException => 1, %NONE },
    DeleteService => { DRAINING => 1, INACTIVE => 1,
                       ServiceNotFoundException => 1, %NONE },
    RunTask => { RUNNING => 1, %NONE },
    StopTask => { STOPPED => 1, InvalidParameterException => 1, %NONE },
    RegisterTaskDefinition => { ACTIVE => 1 },
    DeregisterTaskDefinition => { INACTIVE => 1, ClientException => 1 },
    DescribeServices => { ok => 1, %NONE }, ListTasks => { ok => 1, %NONE },
    ListServices => { ok => 1, %NONE }, DescribeClusters => { ok => 1 },
    ListTaskDefinitions => { ok => 1 },
);
my @ops = sort keys %allowed;

sub input {
    my ($op) = @_;

    my $c = 'c' . int rand 3;
    my $s = 's' . int rand 4;
    my $f = 'mix' . int rand 3;

    return { clusterName => $c } if $op eq 'CreateCluster';
    return { cluster => $c } if $op =~ /DeleteCluster|ListServices|ListTasks/;
    return { clusters => ['c0', 'c1', 'c2'] } if $op eq 'DescribeClusters';
    return define($f) if $op eq 'RegisterTaskDefinition';
    return { taskDefinition => "$f:" . (1 + int rand 5) }
        if $op eq 'DeregisterTaskDefinition';
    return { familyPrefix => $f } if $op eq 'ListTaskDefinitions';
    return { cluster => $c, services => ['s0', 's1', 's2', 's3'] }
        if $op eq 'DescribeServices';
    return { cluster => $c, task => $_[1] || '0' x 32 }
        if $op eq 'StopTask';
    return { cluster => $c, taskDefinition => 'f:3', count => 2 }
        if $op eq 'RunTask';
    return $service->($s, int rand 3, cluster => $c, taskDefinition => 'f:3')
        if $op eq 'CreateService';
    return { cluster => $c, service => $s, force => $yes }
        if $op eq 'DeleteService';

    return { cluster => $c, service => $s, desiredCount => int rand 4,
             forceNewDeployment => rand() < 0.3 ? $yes : $no };
}

# What an answer says in one word; undef: nonsense.

sub word {
    my ($op, $out) = @_;

    return $out->{__type} if $out->{__type};

    if ($op =~ /^List/) {
        my ($list) = grep { ref $_ } values %$out;
        return @$list == kinds(@$list) ? 'ok' : 'twice the same';
    }

    return ($out->{cluster} // $out->{service} // $out->{taskDefinition}
            // $out->{task})->{$op eq 'StopTask' ? 'desiredStatus' : 'status'}
        if $op =~ /Cluster$|Service$|StopTask|Definition$/;
    return $out->{tasks}[0]{desiredStatus} if $op eq 'RunTask';

    return $op eq 'DescribeClusters' && @{ $out->{clusters} }
           + @{ $out->{failures} } != 3 ? 'not three' : 'ok'
        if $op eq 'DescribeClusters';

    for my $s (@{ $out->{services} }) {
        my @primary = grep { $_->{status} eq 'PRIMARY' }
                      @{ $s->{deployments} };
        return "$s->{status} with " . @primary . ' PRIMARY' if @primary != 1;
    }

    return 'ok';
}

$t->{reconciler} = ['--simulated-start', '20ms', '--simulated-stop', '10ms',
                    '--healthy-after', '50ms'];
$t->start_reconciler;

my @odd = race(sub {
    my ($i) = @_;
    my ($task, %n, @odd);

    for my $call (1 .. 60) {
        kill 'HUP', $t->pid if $i == 0 && $call == 30;
        my $op = $ops[rand @ops];
        my ($status, $out) = $t->api($op, input($op, $task));

        # a keep-alive connection that an old worker has closed

        if ($status == 599 && $out =~ /closed|reset|pipe|Unexpected end/i) {
            delete $t->{http};
            next;
        }

        my $word = ref $out ? word($op, $out) : "$status $out";
        $task = $out->{tasks}[0]{taskArn} if $op eq 'RunTask'
                                             && $status == 200;
        push @odd, "$op: $word" unless $allowed{$op}{$word // 'undef'};
        $n{$word // 'undef'}++;
    }

    return { odd => \@odd, n => \%n };
});
$t->wait_for(sub { $t->worker_pids == 4 });
delete $t->{http};

is_deeply([ map { $_->{died} // @{ $_->{odd} } } @odd ], [],
          'every answer is one of the possible ones');
my %n;

for my $one (@odd) {
    $n{$_} += $one->{n}{$_} for keys %{ $one->{n} // {} };
}

note join ', ', map { "$_ $n{$_}" } sort keys %n;
cmp_ok($n{$_} // 0, '>', 10, "many a $_")
    for qw(ACTIVE DRAINING RUNNING ok InvalidParameterException);


# At the end numbers agree with what there is.

for my $c (qw(c0 c1 c2)) {
    $t->api('CreateCluster', { clusterName => $c });
    my $cluster;

    ok($t->wait_for(sub {
        my %all;
        (undef, my $got) = $t->api('DescribeClusters', { clusters => [$c] });
        $cluster = $got->{clusters}[0];

        for my $op (qw(ListServices ListTasks)) {
            my $token;

            do {
                (undef, my $page) = $t->api($op, { cluster => $c,
                    maxResults => 100, $token ? (nextToken => $token) : () });
                $all{$op} += @{ $page->{serviceArns} // $page->{taskArns} };
                $token = $page->{nextToken};
            } while ($token);
        }

        $all{ListServices} == $cluster->{activeServicesCount}
            && $all{ListTasks} == $cluster->{runningTasksCount}
            && $cluster->{pendingTasksCount} == 0;
    }), "$c: its counters agree with its lists")
        or diag($JSON->encode($cluster));
}

my $tool = $ENV{KECS_TOOL} || join '/', $Kecs::ROOT, $ENV{KECS_SANITIZE}
           ? 'build/asan' : 'build', 'kecs';
my $report = `'$tool' check --data '@{[ $t->data ]}' 2>&1`;
is($?, 0, 'kecs check, while all runs') or diag($report);
$t->stop;
$report = `'$tool' check --data '@{[ $t->data ]}' 2>&1`;
is($?, 0, 'kecs check, when all is over') or diag($report);
like($report, qr/^0 defects$/m, 'no defects');

$t->done;
