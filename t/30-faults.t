#!/usr/bin/perl

# Faults: a full disk, a full map, a folder without rights, a read-only one,
# a dead reconciler, an API server out of reach, readers killed in mid-air.
# Each time: a clear error or a retry, readyz says so, nothing acknowledged
# is lost, and all is well again without a restart once the cause is gone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsUp;
use Test::More;
use Time::HiRes qw(time sleep);

# Mounts are made in a namespace of this test's own.
if ($> == 0 && !$ENV{KECS_MOUNTS}) {
    $ENV{KECS_MOUNTS} = 1;
    exec qw(unshare -m --propagation private), $^X, $0
        or $ENV{KECS_MOUNTS} = 0;
}

my $mounts = $ENV{KECS_MOUNTS} || $ENV{CI};
my @FAST = qw(--simulated-start 20ms --simulated-stop 20ms
              --healthy-after 100ms --throttle-first 200ms);


# Helpers.

sub system_of {
    my (%o) = @_;

    my $t = Kecs->new(workers => 2, reconciler => [@FAST], %o);
    (my $template = $t->{template}) =~ s/size=256m/size=$o{size}/ if $o{size};
    $t->write_conf($template) if $o{size};

    return $t;
}

# Creates a cluster, and keeps its name when that was acknowledged.
sub create {
    my ($t, $name) = @_;

    my ($status, $json) = $t->api('CreateCluster', { clusterName => $name });
    push @{ $t->{acknowledged} }, $name if $status == 200;

    return ($status, ref $json ? $json->{message} : $json);
}

sub nothing_lost {
    my ($t) = @_;

    my @names = @{ $t->{acknowledged} };
    my @missing;

    while (my @some = splice @names, 0, 100) {
        my ($status, $json) = $t->api('DescribeClusters',
                                      { clusters => \@some });
        push @missing, ref $json ? map { $_->{arn} } @{ $json->{failures} }
                                 : "$status $json";
    }

    is("@missing", '', 'nothing acknowledged is lost');
}

sub ready {
    my ($t, $name) = @_;

    ok($t->wait_for(sub { ($t->get('/readyz'))[0] == 200 }, 30), $name)
        or diag(($t->get('/readyz'))[1]);
}

sub not_ready {
    my ($t, $why, $name) = @_;

    my $text = '';
    ok($t->wait_for(sub {
        (my $status, $text) = $t->get('/readyz');
        $status == 503 && $text =~ $why;
    }, 30), $name) or diag($text);
}

sub ok_api {
    my ($t, $op, $in) = @_;

    my ($status, $json) = $t->api($op, $in);
    is($status, 200, $op) or diag(ref $json ? $t->json->encode($json) : $json);

    return $json;
}

sub define {
    my ($t) = @_;

    ok_api($t, 'RegisterTaskDefinition', { family => 'f',
        containerDefinitions => [{ name => 'a', image => 'i', memory => 8 }] });
}

sub run_task {
    my ($t) = @_;

    return ok_api($t, 'RunTask', { taskDefinition => 'f' })
           ->{tasks}[0]{taskArn};
}

sub task_is {
    my ($t, $arn, $wanted, $name) = @_;

    my $status;
    ok($t->wait_for(sub {
        my (undef, $json) = $t->api('DescribeTasks', { tasks => [$arn] });
        $status = $json->{tasks}[0]{lastStatus};
        $status eq $wanted;
    }, 30), $name) or diag($status);
}

sub end {
    my ($t) = @_;

    nothing_lost($t);
    $t->stop;
    my $kecs = ($ENV{KECS_SANITIZE} ? 'build/asan' : 'build') . '/kecs';
    my $said = `$Kecs::ROOT/$kecs check --data @{[ $t->data ]} 2>&1`;
    is($?, 0, 'the store is sound') or diag($said);
    $t->no_alerts;
    $t->no_sanitizer_errors;
}


# An API server out of reach; it starts while the other faults are tried.

my $beyond = KecsUp->new(
    build => $Kecs::ROOT . ($ENV{KECS_SANITIZE} ? '/build/asan' : '/build'),
    env => Kecs::sanitizer_env(), runtime => 'kubernetes', workers => 2);
my $closed = Kecs::free_port();
my $kubeconfig = "$beyond->{temp}/kubeconfig";
open my $f, '>', $kubeconfig or die "$kubeconfig: $!\n";
print $f <<"END";
apiVersion: v1
kind: Config
current-context: away
contexts:
- { name: away, context: { cluster: away, user: me } }
clusters:
- { name: away, cluster: { server: "https://127.0.0.1:$closed" } }
users:
- { name: me, user: { token: none } }
END
close $f;
$beyond->{flags} = ['--kubeconfig', $kubeconfig];
$beyond->launch;


# A disk that is full.

SKIP: {
    skip 'mounting a small disk needs root' unless $mounts;

    my $t = system_of();
    mkdir $t->data;
    is(system(qw(mount -t tmpfs -o size=24m,mode=0755 kecs), $t->data), 0,
       'a small disk');
    $t->start;
    ready($t, 'full disk: ready before');
    ok_api($t, 'CreateCluster', {});
    define($t);
    my $arn = run_task($t);
    task_is($t, $arn, 'RUNNING', 'full disk: a task runs');
    create($t, "before-$_") for 1 .. 20;

    my $ballast = $t->data . '/ballast';
    open my $b, '>', $ballast or die "$ballast: $!\n";
    1 while syswrite $b, "\0" x 4096;
    close $b;

    my @refused;
    for (1 .. 50) {
        my ($status, $message) = create($t, "during-$_");
        push @refused, "$status $message" if $status != 200;
    }

    my %texts = map { $_ => 1 } @refused;
    cmp_ok(scalar @refused, '>', 0, 'full disk: writes are refused');
    diag(join "\n", map { "* $_" } keys %texts);
    is(scalar(grep { !/^500 .*full/ } keys %texts), 0,
       'full disk: the reason is given') or diag(join "\n", keys %texts);
    is(($t->api('ListClusters', {}))[0], 200, 'full disk: reads go on');
    not_ready($t, qr/^\[-\]space failed: .*disk/m,
              'full disk: readyz says so');
    nothing_lost($t);

    unlink $ballast;
    ok($t->wait_for(sub { (create($t, 'after'))[0] == 200 }),
       'full disk: it recovers without a restart');
    ready($t, 'full disk: ready again');
    ok_api($t, 'StopTask', { task => $arn });
    task_is($t, $arn, 'STOPPED', 'full disk: the reconciler goes on');
    end($t);
}

# The end of the API server out of reach.

$beyond->await(40);
$beyond->stop;
done_testing();
