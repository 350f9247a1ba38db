#!/usr/bin/perl

# `kecs events`: from a store, from a server, through all that interrupts it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi ();
use KecsUp;
use POSIX ();
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my $JSON = JSON::PP->new->utf8;

my $t = Kecs->new(
    reconciler => [@KecsApi::SHORT],
    workers => 2,
    http_conf => 'kecs_events_clients 3;',
    server_conf => 'location /quiet/ { kecs on; kecs_events off; }'
        . ' location /ecs/ { kecs on; }',
);
$t->start;


# Helpers.

sub kecs {
    my (@args) = @_;

    local %ENV = (%ENV, %{ Kecs::sanitizer_env() });

    return Kecs::capture("$BUILD/kecs", 'events', @args);
}

my @STORE = ('--data', $t->data);
my @SERVER = ('--port', $t->{port});

# The events of an output, as data.
sub events_of {
    my ($what, $text) = @_;

    my @events = map { eval { $JSON->decode($_) } // diag($_) }
        split /\n/, $text;
    is(scalar(grep { !ref } @events), 0, "$what: each line is JSON");

    return @events;
}

sub sequences { return [map { $_->{kecs}{sequence} } @_] }

# A follower in the background: { pid, file, errors }.
my $followers = 0;
sub follow {
    my (@args) = @_;

    my $file = "$t->{dir}/follower." . ++$followers;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', $file;
        open STDERR, '>', "$file.err";
        %ENV = (%ENV, %{ Kecs::sanitizer_env() });
        exec "$BUILD/kecs", 'events', '--follow', @args
            or POSIX::_exit(127);
    }

    return { pid => $pid, file => $file };
}

sub content {
    my ($file) = @_;

    open my $f, '<', $file or return '';
    local $/;

    return <$f> // '';
}

sub until_it_says {
    my ($f, $like, $what) = @_;

    ok($t->wait_for(sub { content($f->{file}) =~ $like }), $what)
        or diag(content($f->{file}), content("$f->{file}.err"));
    return;
}

sub ends {
    my ($f, $signal, $what) = @_;

    kill $signal, $f->{pid} if $signal;
    is($t->reap($f->{pid}, 30), 0, $what)
        or diag(content("$f->{file}.err"));
    return;
}

my $made = 0;
sub make_cluster {
    my (%o) = @_;

    my $name = 'made-' . ++$made;
    my ($status, undef, $headers) = $t->api('CreateCluster',
        { clusterName => $name }, %o);
    is($status, 200, "$name is made");

    return ($name, $headers->{'x-kecs-sequence'});
}


# What a service makes, from the store and from the server alike.

make_cluster();
$t->api('RegisterTaskDefinition', { family => 'web',
    containerDefinitions => [{ name => 'a', image => 'x', memory => 64 }] });
my ($status) = $t->api('CreateService', { cluster => 'made-1',
    serviceName => 'web', taskDefinition => 'web', desiredCount => 2 });
is($status, 200, 'a service');
make_cluster(key => '111122223333', region => 'eu-west-1');
ok($t->wait_for(sub {
    my (undef, $json) = $t->api('DescribeServices',
        { cluster => 'made-1', services => ['web'] });
    grep { $_->{message} =~ /steady state/ }
        @{ $json->{services}[0]{events} };
}), 'it is steady');
ok($t->wait_for(sub {
    my ($rc, $text) = kecs(@STORE, '--json', '--since', '1m');
    $rc == 0 && $text =~ /SERVICE_DEPLOYMENT_COMPLETED/;
}), 'and completed');

my ($rc, $text) = kecs(@STORE, '--json');
is($rc, 0, 'the log of a store');
my @stored = events_of('store', $text);
ok((grep { $_->{'detail-type'} eq 'ECS Service Action' } @stored), 'is there');
ok((grep { $_->{account} eq '111122223333' } @stored), 'of all accounts');

my $until = $stored[-1]{kecs}{sequence};
($rc, $text) = kecs(@SERVER, '--json');
is($rc, 0, 'the log of a server');
my @served = grep { $_->{kecs}{sequence} <= $until }
    events_of('server', $text);
is_deeply([map { $_->{id} } @served], [map { $_->{id} } @stored],
    'is the same');
($rc, $text) = kecs('--endpoint', "http://localhost:$t->{port}/ecs/",
    '--json');
is($rc, 0, 'by an address with a path');
is((events_of('endpoint', $text))[0]{id}, $stored[0]{id}, 'the same');

# Filters, of both.
my ($task) = map { $_->{resources}[0] }
    grep { $_->{kecs}{kind} eq 'task' } @stored;
for my $from (\@STORE, \@SERVER) {
    my @filters = (
        [ 'kind', 'task,cluster', sub { $_[0]{kecs}{kind}
            =~ /^(task|cluster)$/ } ],
        [ 'cluster', 'made-1', sub { ($_[0]{kecs}{cluster} // '')
            eq 'made-1' } ],
        [ 'cluster', 'arn:aws:ecs:us-east-1:000000000000:cluster/made-1',
            sub { ($_[0]{kecs}{cluster} // '') eq 'made-1' } ],
        [ 'account', '111122223333', sub { $_[0]{account}
            eq '111122223333' } ],
        [ 'region', 'eu-west-1', sub { $_[0]{region} eq 'eu-west-1' } ],
        [ 'arn', $task, sub { $_[0]{resources}[0] eq $task } ],
        [ 'since', $stored[2]{kecs}{sequence}, sub { $_[0]{kecs}{sequence}
            > $stored[2]{kecs}{sequence} } ],
    );
    for my $f (@filters) {
        ($rc, $text) = kecs(@$from, '--json', "--$f->[0]", $f->[1]);
        is_deeply(sequences(grep { $_->{kecs}{sequence} <= $until }
                events_of("$f->[0] $f->[1]", $text)),
            sequences(grep { $f->[2]->($_) } @stored),
            "$from->[0] --$f->[0] $f->[1]");
    }
    ($rc, $text) = kecs(@$from, '--json', '--since', '0s');
    is("$rc$text", '0', "$from->[0]: nothing yet since now");
}


# For a person.

{
    local $ENV{TZ} = 'XXX-05:30';
    ($rc, $text) = kecs(@STORE);
}
is($rc, 0, 'a table');
my ($head, @lines) = split /\n/, $text;
like($head, qr/^TIME +KIND +CLUSTER +NAME +WHAT$/, 'its head');
cmp_ok(scalar @lines, '>=', scalar @stored, 'a line each');
my ($y, $mon, $d, $h, $min, $s) = $stored[0]{time}
    =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)Z$/;
my $there = POSIX::strftime('%Y-%m-%d %H:%M:%S', $s, $min + 330, $h, $d,
    $mon - 1, $y - 1900);
is($lines[0], sprintf('%-19s  %-18s  %-16s  %-32s  %s', $there, 'cluster',
    'made-1', 'made-1', 'created: ACTIVE'), 'in the zone of the reader');
my ($id) = $task =~ m{([^/]+)$};
for my $like (qr/ task  .* $id  created: \w+ web:1 service:web$/,
    qr/ task  .* $id  RUNNING web:1 service:web$/,
    qr/ task-definition +- +web:1  +created: ACTIVE x$/,
    qr/ service  .* web  +ACTIVE desired 2, running 2, pending 0 web:1$/,
    qr/ deployment  .* web  +PRIMARY COMPLETED desired 2, running 2, failed 0 web:1$/,
    qr/ service-action  .* web  +\(service web\) has reached a steady state\.$/)
{
    ok((grep { $_ =~ $like } @lines), "a line like $like")
        or diag($text);
}


# Following: through workers that die, reloads, and a restart, each once.

my $begin = (make_cluster())[1];
my $f = follow(@SERVER, '--json', '--since', $begin);
my $live = follow(@SERVER, '--kind', 'cluster');
until_it_says($live, qr/^TIME/, 'a follower listens');

my $last;
sub some {
    $last = (make_cluster())[1] for 1 .. 3;
    until_it_says($f, qr/"sequence":$last,/, "up to $last");
    return;
}

some();
$t->allow(qr/exited on signal 9/);
for my $round (1 .. 3) {
    $t->slay($t->worker_pids);
    ok($t->wait_for(sub { $t->worker_pids == 2 }), 'new workers');
    some();
    $t->reload;
    some();
}

$t->stop;
until_it_says({ file => "$f->{file}.err" }, qr/is away; going on after $last/,
    'it is told that the server is away');
$t->start;
some();
my ($name) = make_cluster();
until_it_says($live, qr/ $name +created: ACTIVE/, 'the other one, too');

ends($f, 'INT', 'SIGINT is a good end');
ends($live, 'TERM', 'SIGTERM as well');
my @followed = events_of('follower', content($f->{file}));
($rc, $text) = kecs(@STORE, '--json', '--since', $begin);
my @want = grep { $_->{kecs}{sequence} <= $followed[-1]{kecs}{sequence} }
    events_of('store', $text);
is_deeply([map { $_->{id} } @followed], [map { $_->{id} } @want],
    'each once, in order');
my @away = content("$f->{file}.err") =~ /is away/g;
is(scalar @away, 1, 'the absence was told once');

# Who reads leaves.
($rc, $text) = Kecs::capture('bash', '-c', 'set -o pipefail; "$@" | head -1',
    'bash', "$BUILD/kecs", 'events', @STORE);
is($rc, 0, 'a pipe that is closed is a good end');
my $pipe = follow_into_head();
is($t->reap($pipe, 30), 0, 'also while nothing comes');

sub follow_into_head {
    pipe my $r, my $w or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>&', $w;
        close $_ for $r, $w;
        %ENV = (%ENV, %{ Kecs::sanitizer_env() });
        exec "$BUILD/kecs", 'events', '--follow', @SERVER
            or POSIX::_exit(127);
    }
    close $w;
    like(scalar(<$r>), qr/^TIME/, 'the head comes at once');
    close $r;
    return $pid;
}


# What fails, and how.

sub fails {
    my ($what, $want, $like, @args) = @_;

    my ($rc, $text) = kecs(@args);
    is($rc, $want, "$what: status");
    like($text, $like, "$what: text");
    return;
}

fails('an argument', 2, qr/usage/, 'now');
fails('no time', 2, qr/how long ago/, @STORE, '--since', 'soon');
fails('no kind', 2, qr/task-definition/, @STORE, '--kind', 'pod');
fails('a position ahead', 1, qr/no position 999999/, @$_, '--since', 999999)
    for \@STORE, \@SERVER;
fails('no store', 1, qr/there is no store/, '--data', "$t->{dir}/none");
fails('no server', 1, qr/kecs up does not run .*--endpoint/, @STORE,
    '--follow');
fails('nobody there', 1, qr/does not answer/, '--port', Kecs::free_port());
fails('no address', 1, qr/is not http/, '--endpoint', $_)
    for qw(https://localhost localhost http:// http://a:0 http://a:70000
           http://user@host), 'http://a b';
fails('no streams there', 1, qr/is no stream/, '--endpoint',
    "http://127.0.0.1:$t->{port}/quiet");
fails('another server', 1, qr/HTTP 404/, '--port', $t->admin_port);

my @many = map { follow(@SERVER) } 1 .. 3;
until_it_says($_, qr/^TIME/, 'one of many') for @many;
fails('too many', 1, qr/HTTP 503: Too many/, @SERVER);
ends($_, 'INT', 'one of many ends') for @many;


# With `kecs up` the server is known by the folder; a store that is restored
# meanwhile is another one.

my $k = KecsUp->new(build => $BUILD, env => Kecs::sanitizer_env());
$k->start;
$k->api('CreateCluster', { clusterName => 'one' });
is(($k->kecs('backup', "$k->{temp}/copy"))[0], 0, 'a backup');
my $g = follow('--data', $k->{data}, '--since', 'oldest');
until_it_says($g, qr/ one +created/, 'followed by the folder');
is($k->stop, 0, 'ended');
is(($k->kecs('restore', "$k->{temp}/copy", '--replace'))[0], 0, 'restored');
$k->start;
is($t->reap($g->{pid}, 60) >> 8, 1, 'the follower cannot go on');
like(content("$g->{file}.err"), qr/was restored/, 'and says why');
is($k->stop, 0, 'ended');

$t->done;
