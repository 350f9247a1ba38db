#!/usr/bin/perl

# kecs up, and the other verbs beside it: what is refused, what goes on, what
# is restarted, and that nothing is left running.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsUp;
use Test::More;
use Time::HiRes qw(time sleep);

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my %PLACE = (build => $BUILD, env => Kecs::sanitizer_env(),
    sets => [@KecsUp::SETS, qw(simulated-start=20ms simulated-stop=20ms)]);


# Helpers.

sub until_true { return Kecs::wait_for(undef, @_) }

# (status, output) of `kecs ...`, which ends by itself.
sub kecs {
    my (@args) = @_;

    local %ENV = (%ENV, %{ $PLACE{env} });

    return Kecs::capture("$BUILD/kecs", @args);
}

sub refused {
    my ($what, $wanted, $message, @args) = @_;

    my $started = time;
    my ($status, $text) = kecs(@args);
    is($status, $wanted, "$what: refused");
    like($text, $message, "$what: told why");
    cmp_ok(time - $started, '<', 8, "$what: at once");
}

sub call {
    my ($k, $op, $in) = @_;

    my ($status, $json) = $k->api($op, $in);
    is($status, 200, $op) or diag($json->{message});

    return $json;
}

sub reconciler { return $_[0]->said->{pid} // '' }

sub master { return $_[0]->master_pid // '' }

sub ready {
    my ($k) = @_;

    return ($k->get('/readyz'))[0] == 200;
}

sub alive { return grep { KecsUp::state_of($_) ne 'Z' } @_ }

sub gone {
    my ($name, @pids) = @_;

    ok(until_true(sub { !alive(@pids) }, 20), "$name: nothing is left running")
        or diag(join ' ', alive(@pids));
}

sub reap {
    my ($k) = @_;

    my $pid = delete $k->{pid};
    my $status;
    until_true(sub {
        my $got = waitpid $pid, POSIX::WNOHANG();
        $status = $? if $got == $pid;
        $got == $pid;
    }, 40);

    return $status;
}


# Flags.

my $one = KecsUp->new(%PLACE);
my @port = ('--port', $one->{port}, '--admin-port', $one->{admin});
my @data = ('--data', $one->{data});
my @up = ('up', @port, @data, qw(--runtime simulated));

refused('no verb', 2, qr/^usage: kecs VERB/);
refused('another verb', 2, qr/unknown verb "fly"/, 'fly');
refused('another flag', 2, qr/unknown flag --fly/, 'up', '--fly');
refused('an argument', 2, qr/usage: kecs up/, @up, 'now');
refused('no argument', 2, qr/usage: kecs backup FILE/, 'backup', @data);
refused('no value', 2, qr/--port needs a value/, 'up', '--port');
refused("--port $_", 2, qr/--port/, 'up', @data, "--port=$_")
    for '', 'x', '-1', '0', '65536', '80x';
refused('one port for both', 2, qr/two different ports/, 'up', @data,
        '--port', $one->{port}, '--admin-port', $one->{port});
refused('no workers', 2, qr/--workers/, @up, qw(--workers 0));
refused('another runtime', 2, qr/no runtime "docker"/, 'up', @data,
        qw(--runtime docker));
refused('--set without a value', 2, qr/NAME=VALUE/, @up, qw(--set burst));
refused("a data folder with $_", 2, qr/data folder cannot have/, 'up', @port,
        '--data', "$one->{temp}/x${_}y") for '"', '$', "\n", '\\';
refused('an access log with quotes', 2, qr/access log cannot have/, @up,
        '--access-log', "$one->{temp}/x\"y");
ok(!-e $one->{data}, 'none of them made a folder');

refused('an account', 1, qr/invalid account "x"/, @up, qw(--account x));
refused('a region', 1, qr/invalid region/, @up, qw(--region -));
refused('a data folder in a file', 1, qr/cannot make the folder/, 'up', @port,
        '--data', "$one->{temp}/up.log/x") if open my $f, '>', $one->{log};
refused('a setting', 1, qr/no setting "speed"/, @up, qw(--set speed=1));
refused('a value of a setting', 1, qr/burst wants a number/, @up,
        qw(--set burst=many));
refused('a log level', 1, qr/log.level/, @up, qw(--log-level loud));
refused("$_ without a store", 1, qr/there is no store/, $_, '--data',
        "$one->{temp}/none") for qw(check down release);

unlink "$one->{data}/error.log";

my ($status, $text) = kecs('version');
is("$status $text", "0 kecs 0.1.0\n", 'kecs version');
($status, $text) = kecs('help');
is($status, 0, 'kecs help');
like($text, qr/^  $_\s/m, "help: $_")
    for qw(up env down release check backup restore version);


# Start; beside it the other verbs.

my $started = time;
$one->start;
diag(sprintf 'ready after %.0f ms', 1000 * (time - $started));
ok(ready($one), 'ready');
call($one, 'CreateCluster', { clusterName => 'first' });
call($one, 'CreateCluster', {});
call($one, 'RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => 'i', memory => 8 }] });
my $arn = call($one, 'RunTask', { taskDefinition => 'f' })
    ->{tasks}[0]{taskArn};

sub task_is {
    my ($k, $status, $name) = @_;

    my $task;
    ok(until_true(sub {
        (undef, my $json) = $k->api('DescribeTasks', { tasks => [$arn] });
        $task = $json->{tasks}[0];
        ($task->{lastStatus} // '') eq $status;
    }, 20), $name) or diag(Kecs->json->encode($task));
}

task_is($one, 'RUNNING', 'a task runs');
($status, $text) = kecs('env', @data);
like($text, qr{^export AWS_ENDPOINT_URL=http://127\.0\.0\.1:$one->{port}$}m,
     'env: the port that up was given');
like((kecs('env', '--port', 1234, @data))[1],
     qr{AWS_ENDPOINT_URL=http://127\.0\.0\.1:1234$}m, 'env: another port');
is(system('sh', '-n', '-c', $text), 0, 'env: the shell takes it');

($status, $text) = kecs('check', @data);
is($status, 0, 'check beside it');
like($text, qr/^store [0-9a-f-]{36}, format 1, .*^0 defects$/ms, 'its words');

my $backup = "$one->{temp}/backup";
($status, $text) = kecs('backup', $backup, @data);
is($status, 0, 'backup beside it') or diag($text);
refused('a backup over another', 1, qr/is there already/, 'backup', $backup,
        @data);
refused('a restore beside it', 1, qr/is in use; stop/, 'restore', $backup,
        @data, '--replace');
refused('down beside it', 1, qr/another kecs-reconciler \(process \d+\)/,
        'down', @data, qw(--runtime simulated));

refused('up on one folder', 1, qr/another "kecs up" is running on/, @up);
refused('up on a port in use', 1,
        qr/port $one->{port} of 127\.0\.0\.1 is in use/, 'up', @port,
        '--data', "$one->{temp}/two", qw(--runtime simulated));
refused('an admin port in use', 1,
        qr/port $one->{admin} of 127\.0\.0\.1 is in use/, 'up', '--port',
        Kecs::free_port(), '--admin-port', $one->{admin}, '--data',
        "$one->{temp}/two", qw(--runtime simulated));
ok(ready($one), 'it does not mind');


# Children that die.

my $pauses = 0;

for my $round (1 .. 3) {
    my $pid = reconciler($one);
    my $killed = time;
    kill 'KILL', $pid;
    ok(until_true(sub { reconciler($one) ne $pid }, 20),
       "the reconciler is killed, round $round: another starts");
    $pauses = time - $killed;
    ok(until_true(sub { ready($one) }, 20), 'and gets ready');
}

cmp_ok($pauses, '>', 0.35, 'the pause before it grows');

for my $round (1 .. 2) {
    my ($pid, @pids) = (master($one), $one->pids);
    kill 'KILL', $pid;
    ok(until_true(sub { my $now = master($one); $now && $now ne $pid
                        && ready($one) }, 20),
       "nginx is killed, round $round: another starts");
    my %now = map { $_ => 1 } $one->pids;
    gone('workers of the dead master',
         grep { !$now{$_} && $_ != $pid } @pids);
}

is(call($one, 'DescribeClusters', { clusters => ['first'] })
   ->{clusters}[0]{status}, 'ACTIVE', 'what was acknowledged is there');
like($one->output, qr/kecs-reconciler was killed by signal 9; starting it/,
     'it says so');
task_is($one, 'RUNNING', 'the task runs on');

my %old = map { $_ => 1 } $one->pids;
kill 'HUP', $one->{pid};
ok(until_true(sub { 4 == grep { !$old{$_} } $one->pids }, 20),
   'SIGHUP: nginx has new workers');
ok(until_true(sub { ready($one) }, 20), 'SIGHUP: ready');


# Ends.

for my $signal ('INT', 'TERM') {
    my @pids = $one->pids;
    cmp_ok(scalar @pids, '>=', 1 + 1 + 4 + 1, "SIG$signal: all were there");
    kill $signal, $one->{pid};
    is(reap($one), 0, "SIG$signal: exit status 0");
    gone("SIG$signal", @pids);
    $one->start;
    ok(ready($one), 'started again: ready');
    is(call($one, 'DescribeClusters', { clusters => ['first'] })
       ->{clusters}[0]{status}, 'ACTIVE', 'started again: its state is there');
}

# The supervisor is killed, alone or with the master of nginx; the next one
# waits until what they left has ended, and ends what does not.

for my $both (0, 1) {
    my $name = $both ? 'up and nginx are killed' : 'up is killed';
    my @pids = $one->pids;
    kill 'KILL', $one->{pid}, $both ? master($one) : ();
    reap($one);
    $one->start;
    gone($name, @pids);
    ok(ready($one), "$name: the next one is ready");
    task_is($one, 'RUNNING', "$name: the task runs");
}

# A child that hangs is given time, unless one asks twice.

my @pids = $one->pids;
Kecs->freeze($_) for grep { $_ != $one->{pid} } @pids;
kill 'INT', $one->{pid};
ok(until_true(sub { $one->output =~ /(?:stopping.*){3}/s }),
   'children hang: it waits');
kill 'INT', $one->{pid};
is(reap($one), 0, 'children hang: a second SIGINT ends it');
gone('children hang', @pids);


# Without it.

($status, $text) = kecs('release', @data, qw(--runtime simulated));
is($status, 0, 'release') or diag($text);
$one->start;
task_is($one, 'RUNNING', 'release: tasks run on');
is($one->stop, 0, 'stopped');
($status, $text) = kecs('down', @data, qw(--runtime simulated),
                        qw(--set simulated-stop=20ms));
is($status, 0, 'down') or diag($text);
$one->start;
task_is($one, 'STOPPED', 'down: the task has stopped');
call($one, 'CreateCluster', { clusterName => 'second' });
is($one->stop, 0, 'stopped');

refused('a restore over a store', 1, qr/is there already/, 'restore',
        $backup, @data);
($status, $text) = kecs('restore', $backup, @data, '--replace');
is($status, 0, 'restore --replace') or diag($text);
$one->start;
is_deeply([ map { m{/(.*)} } @{ call($one, 'ListClusters', {})
            ->{clusterArns} } ], ['default', 'first'],
          'restored: as it was at the backup');
is($one->stop, 0, 'stopped');
ok(!-e "$one->{data}/access.log", 'no access log unless asked for');
$one->final_checks;


# A folder that needs quotes.

my $two = KecsUp->new(%PLACE);
$two->{flags} = ['--access-log', "$two->{temp}/calls of all.log"];
$two->{data} = "$two->{temp}/a b;c {d} 'e' #f";
$two->start;
ok(ready($two), 'a folder with spaces and more');
call($two, 'CreateCluster', {});
my $calls;
ok(until_true(sub {
    open my $f, '<', "$two->{temp}/calls of all.log" or return;
    $calls = <$f>;
}), 'an access log');
is(Kecs->json->decode($calls)->{action}, 'CreateCluster', 'a line per call');
is($two->stop, 0, 'stopped');
$two->final_checks;

done_testing();
