#!/usr/bin/perl

# The admin paths: livez, readyz, health, metrics; a store that cannot be
# opened and then can; a writer that hangs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use Test::More;
use Time::HiRes qw(time);

my $t = Kecs->new(
    h2_port => Kecs::free_port(),
    http_conf => 'kecs_write_timeout 1s; add_header X-Worker $pid always;',
    server_conf => 'listen 127.0.0.1:%%H2_PORT%% http2;'
        . ' location /long/ { kecs on; kecs_write_timeout 60s; }',
);


# A store that is none: workers say so, answer, and try again.

mkdir $t->data;
$t->write_file('data/data.mdb', 'this is not a database' x 1000);
$t->start;

my ($status, $text) = $t->get('/livez');
is("$status $text", "200 ok\n", 'livez without a store');
($status, $text) = $t->get('/readyz');
is($status, 503, 'readyz without a store');
like($text, qr/^\[-\]store failed: \S.*$/m, 'the reason');
like($text, qr/not ready\n\z/, 'the verdict');

for my $op (qw(ListClusters CreateCluster)) {
    my ($status, $json) = $t->api($op, {});
    is($status, 500, "$op without a store");
    is($json->{__type}, 'ServerException', "$op: error");
    like($json->{message}, qr/^The store is not available: \S/, "$op: text");
}

my ($line) = $t->log_text =~ /^(.*\[crit\].*cannot open the store.*)$/m;
ok($line, 'a line in the log');

# Every worker tries again each second; none may repeat itself.
ok(!$t->wait_for(sub {
    my $lines = () = $t->log_text =~ /cannot open the store/g;
    $lines > $t->{workers};
}, 2.5), 'and not one per try');
$t->allow(qr/cannot open the store/);

unlink $t->data . '/data.mdb';
ok($t->wait_for(sub { (($t->api('CreateCluster', {}))[0] == 200) }),
   'it recovers without a restart');
ok($t->wait_for(sub {
    my $open = 0;
    $open += (($t->get('/readyz'))[1] =~ /\[\+\]store ok/) for 1 .. 8;
    $open == 8;
}), 'in every worker');


# The reconciler's sign of life.

sub status_file {
    my ($age, %o) = @_;

    my %s = (time => int((time - $age) * 1000), pid => $$,
             runtime => 'simulated', ready => 1, why => '', lag => 3,
             tasks => 7, %o);
    $t->write_status(join '', map { "$_ $s{$_}\n" } sort keys %s);
}

($status, $text) = $t->get('/readyz');
is($status, 503, 'not ready without a reconciler');
like($text, qr/^\[-\]reconciler failed: is not running$/m, 'it is missing');

status_file(0);
ok($t->wait_for(sub { ($t->get('/readyz'))[0] == 200 }), 'ready with it');
is(($t->get('/readyz'))[1], "ok\n", 'short when all is well');
($status, $text) = $t->get('/readyz?verbose');
is($status, 200, 'verbose');
like($text, qr/^\[\+\]store\ ok:.*^\[\+\]space\ ok:.*^\[\+\]writer\ ok:
     .*^\[\+\]reconciler\ ok:\ runs\ on\ simulated$/msx, 'all checks');

status_file(0, ready => 0, why => 'no such cluster');
($status, $text) = $t->get('/readyz');
is($status, 503, 'not ready when the reconciler is not');
like($text, qr/^\[-\]reconciler failed: no such cluster$/m, 'its reason');

status_file(30);
($status, $text) = $t->get('/readyz');
is($status, 503, 'not ready when it is silent');
like($text, qr/^\[-\]reconciler failed: gave no sign for [34]\d s$/m, 'stale');

for my $junk ('', "\0\xff\n\n", "time\n", 'x' x 10_000,
              "time 99999999999999999999\n")
{
    $t->write_file('data/reconciler.status', $junk);
    is(($t->get('/readyz'))[0], 503, 'junk is no sign of life');
    $t->write_status($junk) if length $junk < 2000;
    is(($t->get('/readyz'))[0], 503, 'nor is it when it is whole');
}

# Half of one text, half of another.
status_file(0, tasks => 1);
my $half = substr $t->read_file('data/reconciler.status'), 0, 1000;
status_file(0, tasks => 2);
$half .= substr $t->read_file('data/reconciler.status'), 1000;
$t->write_file('data/reconciler.status', $half);
like(($t->get('/readyz'))[1], qr/^\[-\]reconciler failed: is not running$/m,
     'nor is half of it');

status_file(0);


# health and metrics.

($status, $text, my $headers) = $t->get('/health');
my $health = $t->json->decode($text);
is($status, 200, 'health');
is($headers->{'content-type'}, 'application/json', 'is JSON');
is($health->{status}, 'ok', 'status');
like($health->{store}{uuid}, qr/^[0-9a-f-]{36}$/, 'uuid');
is($health->{reconciler}{tasks}, 7, 'the reconciler');
is($health->{checks}{space}{ok}, JSON::PP::true(), 'checks');

is(($t->get('/nothing'))[0], 404, 'no other path');
is(($t->get('/any/prefix/livez'))[0], 200, 'below any prefix');
is($t->http->post('http://127.0.0.1:' . $t->admin_port . '/livez')->{status},
   405, 'only GET');

sub metrics {
    my ($status, $text, $headers) = $t->get('/metrics');
    is($status, 200, 'metrics');
    like($headers->{'content-type'}, qr{^text/plain; version=0\.0\.4},
         'their type');

    my %m;
    my @bad;

    for (split /\n/, $text) {
        next if /^# (?:HELP|TYPE) kecs_/;
        if (/^(kecs_[a-z_]+(?:\{(?:[a-z]+="[^"]*",?)+\})?) ([0-9.e+-]+)$/) {
            push @bad, "twice: $1" if exists $m{$1};
            $m{$1} = $2;
        } else {
            push @bad, $_;
        }
    }

    is_deeply(\@bad, [], 'well-formed');

    return \%m;
}

my $m = metrics();
is($m->{'kecs_build_info{version="0.1.0",nginx="' .
   ((`$t->{nginx} -v 2>&1` =~ m{nginx/(\S+)})[0]) . '"}'}, 1, 'build info');
is($m->{kecs_reconciler_lag}, 3, 'lag of the reconciler');
is($m->{kecs_store_map_bytes}, 256 * 1024 * 1024, 'map size');
cmp_ok($m->{kecs_store_map_used_bytes}, '>', 4096, 'map in use');
cmp_ok($m->{kecs_log_sequence}, '>=', 1, 'log position');

my $list = 'kecs_requests_total{action="ListClusters",code="200"}';
my $count = $m->{$list} // 0;
$t->api('ListClusters', {}) for 1 .. 20;
$t->{http} = undef;
$t->api('ListClusters', {}) for 1 .. 20;
$t->api('Nonsense', {});

# A worker counts a request after the client has its answer.
sub counted {
    my ($metrics) = ($t->get('/metrics'))[1];
    my ($lists) = $metrics =~ /^\Q$list\E (\d+)$/m;
    my ($others) = $metrics =~ /action="other",code="400"\} (\d+)$/m;

    return ($lists // 0) >= $count + 40 && $others;
}

ok($t->wait_for(\&counted), 'requests are counted');
$m = metrics();
is($m->{$list}, $count + 40, 'over all workers');
cmp_ok($m->{'kecs_requests_total{action="other",code="400"}'}, '>=', 1,
       'so are those that name no operation');

my $kind = 'kecs_request_duration_seconds';
is($m->{$kind . '_count{kind="read"}'},
   $m->{$kind . '_bucket{kind="read",le="+Inf"}'}, 'histogram');
cmp_ok($m->{$kind . '_count{kind="read"}'}, '>=', 40, 'its count');

ok($t->reload, 'reload');
$m = metrics();
is($m->{$list}, $count + 40, 'counters survive a reload');


# A writer that hangs: the request is answered in time, a client that leaves
# harms nobody, a worker that should leave stays for its answer.

sub request {
    my ($name, $path) = @_;

    my $body = qq({"clusterName":"$name"});
    $path //= '/';

    return "POST $path HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: "
           . "$Kecs::TARGET.CreateCluster\r\nContent-Length: "
           . length($body) . "\r\n\r\n$body";
}

# An idle connection to a worker other than the writer, both of this
# generation.
sub bystander {
    my $writer = $t->wait_for(sub {
        my $pid = $t->writer_pid;
        my @workers = $t->worker_pids(1);
        @workers == $t->{workers} && (grep { $_ == $pid } @workers)[0];
    });

    for (1 .. 200) {
        my $s = $t->connect or next;
        print $s request('bystander');
        $s->flush;
        sysread $s, my $got, 65536;
        my ($pid) = ($got // '') =~ /^X-Worker: (\d+)/m;
        return ($s, $writer, $pid) if $pid && $pid != $writer;
    }

    die "all connections go to one worker\n";
}

my ($s, $writer) = bystander();
$t->freeze($writer);
my $started = time;
print $s request('late');
$s->flush;
sysread $s, my $got, 65536;
cmp_ok(time - $started, '<', 20, 'a hanging writer: an answer in time');
like($got, qr/^HTTP\/1.1 500 .*"ServerException".*in time/s, 'an error');

print $s request('left-alone');
$s->flush;
ok($t->taken_in($s), 'another request');
close $s;
kill 'CONT', $writer;

my $named = sub {
    my (undef, $json) = $t->api('DescribeClusters', { clusters => [@_] });
    scalar grep { $_->{clusterName} } @{ $json->{clusters} };
};

ok($t->wait_for(sub { $named->('late', 'left-alone') == 2 }),
   'what was sent is still carried out');
is(($t->api('CreateCluster', { clusterName => 'after' }))[0], 200,
   'and writes go on');

($s, $writer, my $worker) = bystander();
$t->freeze($writer);
print $s request('in-flight', '/long/');
$s->flush;
ok($t->taken_in($s), 'a write in flight');
kill 'QUIT', $worker;
ok($t->wait_for(sub {
    !grep { $_ == $worker } $t->worker_pids and
    grep { $_ == $worker } $t->worker_pids(1);
}), 'a worker with a write in flight stays');
kill 'CONT', $writer;
$got = Kecs::read_all($s, 10);
like($got, qr/^HTTP\/1.1 200 .*"clusterName":"in-flight"/s,
     'and answers it');
ok($t->wait_for(sub { !grep { $_ == $worker } $t->worker_pids(1) }),
   'before it leaves');


# Requests that are taken away while their write is on its way: by the
# client (a reset stream of HTTP/2), by worker_shutdown_timeout.

($s, $writer, $worker) = bystander();
$t->freeze($writer);
my @curls = map {
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec qw(curl -s --http2-prior-knowledge --max-time 0.5 -H),
            "X-Amz-Target: $Kecs::TARGET.CreateCluster", '-d',
            qq({"clusterName":"reset-$_"}),
            "http://127.0.0.1:$t->{h2_port}/long/";
    }
    $pid;
} 1 .. 12;
waitpid $_, 0 for @curls;
kill 'CONT', $writer;
is(($t->api('CreateCluster', {}))[0], 200, 'after streams that were reset');

$t->{shutdown} = '2s';
$t->write_conf;
ok($t->reload, 'another worker_shutdown_timeout');
($s, $writer, $worker) = bystander();
$t->freeze($writer);
print $s request('cut-off', '/long/');
$s->flush;
ok($t->taken_in($s), 'a write that will not be answered');
kill 'QUIT', $worker;
ok($t->wait_for(sub { !grep { $_ == $worker } $t->worker_pids(1) }, 20),
   'worker_shutdown_timeout ends a worker that waits');
kill 'CONT', $writer;
is(($t->api('CreateCluster', {}))[0], 200, 'and the others go on');

$t->done;
