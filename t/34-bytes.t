#!/usr/bin/perl

# Any bytes on any port: random ones, mutated requests, mutated bodies in
# sound requests.  Each connection gets a documented answer or is closed; no
# worker dies.  Seeded: KECS_SEED=n repeats a run, KECS_CASES=n sets how many;
# a case that fails is printed as a Perl string.

use strict;
use warnings;

use Errno qw(EAGAIN EINTR ECONNRESET EPIPE);
use FindBin;
use IO::Select;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsStream;
use Test::More;
use Time::HiRes qw(time sleep);

my $SEED = $ENV{KECS_SEED} // ($ENV{KECS_LONG} ? time ^ $$ : 1);
my $CASES = $ENV{KECS_CASES} // ($ENV{KECS_LONG} ? 60_000 : 4_000);
my $PARALLEL = 32;

# As documented: docs/operations.md, and what HTTP itself asks for.
my %STATUS = map { $_ => 1 } 101, 200, 400, 403, 404, 405, 406, 408, 410,
                             411, 413, 414, 415, 416, 421, 426, 431, 501,
                             505;

my $t = Kecs->new(workers => 2, reconciler => [qw(--simulated-start 20ms
    --simulated-stop 20ms --throttle-first 300ms --log-level error)])->start;
srand $SEED;


# Requests that are fine.

my @CONTAINERS = ({ name => 'a', image => 'i', memory => 8,
    environment => [{ name => 'N', value => "v\x{e9}" }],
    portMappings => [{ containerPort => 80 }],
    healthCheck => { command => ['CMD', 'x'], interval => 10 } },
    { name => 'b', image => 'i', memory => 8, essential => \0,
      dependsOn => [{ containerName => 'a', condition => 'START' }] });
my $ARN = 'arn:aws:ecs:us-east-1:000000000000';
my @CALLS = (
    [CreateCluster => { clusterName => 'c1',
        tags => [{ key => 'k', value => 'v' }] }],
    [DescribeClusters => { clusters => ['c1', 'default'],
        include => ['TAGS', 'STATISTICS'] }],
    [ListClusters => { maxResults => 2 }],
    [RegisterTaskDefinition => { family => 'f',
        containerDefinitions => \@CONTAINERS,
        volumes => [{ name => 'v' }] }],
    [RegisterTaskDefinition => { family => 'g', cpu => '256',
        memory => '512', networkMode => 'awsvpc',
        requiresCompatibilities => ['FARGATE'],
        containerDefinitions => [$CONTAINERS[1]] }],
    [DescribeTaskDefinition => { taskDefinition => 'f:1',
        include => ['TAGS'] }],
    [ListTaskDefinitions => { familyPrefix => 'f', sort => 'DESC' }],
    [DeregisterTaskDefinition => { taskDefinition => 'g:1' }],
    [RunTask => { taskDefinition => 'f', count => 2, startedBy => 'x',
        clientToken => 't', overrides => { containerOverrides =>
            [{ name => 'a', command => ['x'] }] } }],
    [StopTask => { task => '0' x 32, reason => 'r' }],
    [DescribeTasks => { tasks => ['0' x 32, "$ARN:task/default/x"] }],
    [ListTasks => { desiredStatus => 'RUNNING', family => 'f' }],
    [CreateService => { serviceName => 's', taskDefinition => 'f',
        desiredCount => 1, deploymentConfiguration =>
            { maximumPercent => 200, minimumHealthyPercent => 50 } }],
    [UpdateService => { service => 's', desiredCount => 2 }],
    [DescribeServices => { services => ['s'], include => ['TAGS'] }],
    [DeleteService => { service => 's', force => \1 }],
    [TagResource => { resourceArn => "$ARN:cluster/c1",
        tags => [{ key => 'a', value => 'b' }] }],
    [UntagResource => { resourceArn => "$ARN:cluster/c1",
        tagKeys => ['a'] }],
    [ListTagsForResource => { resourceArn => "$ARN:cluster/c1" }],
    [DiscoverPollEndpoint => {}],
);
my @PATHS = qw(/livez /readyz /readyz?verbose /health /metrics /x%00y /%ff);

$t->api('CreateCluster', {});
$t->api(@$_) for @CALLS;

sub request {
    my ($op, $body) = @_;

    return "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
           . "Content-Type: application/x-amz-json-1.1\r\n"
           . "X-Amz-Target: $Kecs::TARGET.$op\r\nContent-Length: "
           . length($body) . "\r\nConnection: close\r\n\r\n$body";
}

sub get { return "GET $_[0] HTTP/1.1\r\nHost: localhost\r\n\r\n" }


# Harm.

my @TOKENS = ('{', '}', '[', ']', ',', ':', '"', 'null', 'true', '-1', '0',
    '1e999', '99999999999999999999', '-0.5', '""', '{}', '[]', '\\u0000',
    '\\ud800', '\\', "\0", "\xff", "\xc0\x80", "\xed\xa0\x80", "\r\n",
    "\r\n\r\n", ' ', '%', '/', 'a' x 300, '[' x 200, '{"a":' x 100,
    "\r\nContent-Length: 5", "\r\nTransfer-Encoding: chunked",
    "\r\nExpect: 100-continue", "\r\nHost: evil.test", "\r\nRange: bytes=0-",
    "\r\nX-Amz-Target: x", ' HTTP/1.0', ' HTTP/9.9', '0' x 32);

sub bytes { return join '', map { chr int rand 256 } 1 .. shift }

sub mutate {
    my ($s) = @_;

    for (0 .. int rand 4) {
        my $at = int rand(1 + length $s);
        my $n = int rand(1 + (rand() < 0.8 ? 8 : length $s));
        my $what = int rand 6;

        if ($what == 0) {
            substr $s, $at, 1, chr int rand 256 if $at < length $s;
        } elsif ($what == 1) {
            substr $s, $at, $n, '' if $at < length $s;
        } elsif ($what == 2) {
            substr $s, $at, 0, $TOKENS[rand @TOKENS];
        } elsif ($what == 3) {
            substr $s, $at, 0, substr $s, int rand(1 + length $s), $n;
        } elsif ($what == 4) {
            $s = substr $s, 0, $at;
        } else {
            $s =~ s/("(?:[^"\\]|\\.)*"|\d+)/rand() < 0.1
                    ? $TOKENS[rand @TOKENS] : $1/ge;
        }
    }

    return $s;
}

# Sound JSON of another meaning: some nodes of the tree become others.

my @NODES = (undef, \0, \1, 0, -1, 1.5, 2147483648, 1e300, '', '0', ' ',
    'f', 'f:1', 's', 'default', 'ACTIVE', "\x{0}", "\x{ffff}", "\x{1f600}",
    'x' x 256, 'x' x 5000, '../..', '$(x)', "arn:aws:ecs:::", $ARN, [], {},
    [[]], [undef], { key => 'k' }, ['TAGS', 'TAGS']);

sub warp {
    my ($node, $odds) = @_;

    return $NODES[rand @NODES] if rand() < $odds;

    if (ref $node eq 'HASH') {
        my %copy = map { rand() < $odds / 2
                         ? () : ($_ => warp($node->{$_}, $odds)) }
                   sort keys %$node;
        $copy{ (qw(name cluster tags x nextToken maxResults))[rand 6] } =
            $NODES[rand @NODES] if rand() < $odds;
        return \%copy;
    }

    if (ref $node eq 'ARRAY') {
        my @copy = map { warp($_, $odds) } @$node;
        push @copy, $copy[rand @copy] if @copy && rand() < $odds;
        @copy = (@copy) x 40 if rand() < $odds / 10;
        return \@copy;
    }

    return $node;
}

# A stream over either transport, and frames of the client, sound or not.
sub stream {
    my $query = join '&', map { $_->[rand @$_] }
        [qw(since=0 since=1 since=-1 since=99999999 x)],
        ['kind=task,cluster', qw(kind=task kind=x cluster=c1 arn=%00)],
        [qw(account=* account= region=us-east-1 region=%ff)];
    my $head = "GET /events?$query HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        . (rand() < 0.3 ? "Accept: text/event-stream\r\n"
           : "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             . "Sec-WebSocket-Version: 13\r\n"
             . "Sec-WebSocket-Key: $KecsStream::KEY\r\n")
        . (rand() < 0.1 ? "Origin: http://127.0.0.1\r\n" : '') . "\r\n";
    my $frames = join '', map {
        rand() < 0.2 ? bytes(int rand 40)
        : KecsStream::frame((9, 9, 10, 10, 8, 1, 2, 0, 15)[rand 9],
                            bytes(int rand(rand() < 0.9 ? 126 : 400)),
                            mask => bytes(4));
    } 1 .. int rand 6;

    return rand() < 0.4 ? mutate($head) . $frames
           : $head . (rand() < 0.5 ? mutate($frames) : $frames);
}

# (port, bytes) of a case.
sub next_case {
    my $kind = rand;
    my $admin = rand() < 0.2;
    my $port = $admin ? $t->admin_port : $t->port;

    return ($port, bytes(int rand(rand() < 0.9 ? 200 : 20_000)))
        if $kind < 0.15;

    return ($t->port, stream()) if $kind < 0.25;

    my ($op, $in) = @{ $CALLS[rand @CALLS] };
    my $body = $t->json->encode($in);

    return ($t->port, request($op, $t->json->encode(warp($in, 0.1))))
        if $kind < 0.5;
    return ($t->port, request($op, mutate($body))) if $kind < 0.75;
    return ($port, mutate($admin ? get($PATHS[rand @PATHS])
                                 : request($op, $body)));
}


# What is wrong with an answer; nothing: ''.
sub wrong {
    my ($port, $sent, $got) = @_;

    return '' if $got eq '';

    # HTTP/0.9 has no head.

    my $plain = $port == $t->port ? qr/^\{"(?:__type|server)":/
                                  : qr/^(?:[{\[#]|ok|not ready|Not here|<html)/;
    return '' if $got !~ m{^HTTP/} && $sent =~ /^\s*[A-Z_-]+ [^\r\n]*\r?\n/
                 && $got =~ $plain;

    my ($status) = $got =~ m{^HTTP/1\.1 (\d{3}) [^\r\n]*\r\n}
        or return 'no answer of HTTP';
    return '' if $status == 100;
    return "status $status" unless $STATUS{$status}
        || ($port == $t->admin_port && $status == 503);
    return '' if $port == $t->admin_port || $sent =~ /^HEAD/;

    # The first answer; what follows it was sent along with the request.

    my ($head, $body) = split /\r\n\r\n/, $got, 2;
    return 'no body' unless defined $body;
    return '' unless $head =~ /^Content-Length: (\d+)\r?$/mi;
    return 'cut off' if length $body < $1;
    my $json = eval { $t->json->decode(substr $body, 0, $1) };
    return "not JSON: $@" unless ref $json eq 'HASH';
    return 'no __type' if $status != 200 && !$json->{__type};
    return 'no content type'
        unless $head =~ m{^Content-Type: application/x-amz-json-1\.1\r?$}mi;
    return '';
}

sub printable {
    my ($s) = @_;

    $s = substr($s, 0, 1500) . '...' if length $s > 1500;
    $s =~ s/([\\"\$\@])/\\$1/g;
    $s =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge;

    return qq("$s");
}


# Some connections at a time: send, close our half, read to the end.

my $select = IO::Select->new;
my (%open, @bad, %statuses);
my ($started, $left) = (0, $CASES);

sub finish {
    my ($s, $error) = @_;

    my $c = delete $open{fileno $s};
    $select->remove($s);
    close $s;

    $statuses{ $c->{got} =~ m{^HTTP/1.1 (\d+)} ? $1
               : $c->{got} eq '' ? 'closed' : 'HTTP/0.9' }++;
    my $wrong = $error // wrong($c->{port}, $c->{sent}, $c->{got});
    push @bad, "case $c->{n}, $wrong: " . printable($c->{sent})
               . "\n answer: " . printable($c->{got}) if $wrong;
}

sub open_one {
    my ($port, $sent) = next_case();

    my $s = $t->connect($port) or do {
        push @bad, "no connection: $!";
        return;
    };

    $s->blocking(0);
    $open{fileno $s} = { n => ++$started, port => $port, sent => $sent,
                         left => $sent, got => '', until => time + 20 };
    $select->add($s);
}

sub feed {
    my ($s) = @_;

    my $c = $open{fileno $s};
    return if $c->{fed};

    if (length $c->{left}) {
        my $n = syswrite $s, $c->{left};
        return if !defined $n && ($! == EAGAIN || $! == EINTR);
        substr $c->{left}, 0, $n // length $c->{left}, '';
        return if length $c->{left};
    }

    $c->{fed} = 1;
    shutdown $s, 1;
}

sub drain {
    my ($s) = @_;

    my $c = $open{fileno $s};
    my $n = sysread $s, $c->{got}, 65536, length $c->{got};

    return if !defined $n && ($! == EAGAIN || $! == EINTR);
    return finish($s) if !$n;
}

local $SIG{PIPE} = 'IGNORE';
my @workers = sort $t->worker_pids;

while ($left > 0 || %open) {
    while ($left > 0 && keys %open < $PARALLEL) {
        open_one();
        $left--;
    }

    feed($_) for $select->handles;
    drain($_) for $select->can_read(0.05);

    for my $s ($select->handles) {
        finish($s, 'no end') if $open{fileno $s}{until} < time;
    }
}

diag("seed $SEED, $CASES cases: ",
     join ', ', map { "$_: $statuses{$_}" } sort keys %statuses);
is(scalar @bad, 0, 'each got a documented answer or a clean close')
    or diag(join "\n", splice @bad, 0, 5);
cmp_ok($statuses{200} // 0, '>', $CASES / 100, 'some were fine');
cmp_ok($statuses{101} // 0, '>', $CASES / 100, 'some became websockets');
cmp_ok($statuses{400} // 0, '>', $CASES / 10, 'many were not');
is_deeply([ sort $t->worker_pids ], \@workers, 'no worker died');
is(($t->api('ListClusters', {}))[0], 200, 'the API goes on');
is(($t->get('/livez'))[0], 200, 'so does the admin port');
ok($t->wait_for(sub { ($t->get('/readyz'))[0] == 200 }), 'and all is ready')
    or diag(($t->get('/readyz'))[1]);

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my $said = `$BUILD/kecs check --data @{[ $t->data ]} 2>&1`;
is($?, 0, 'the store is sound') or diag($said);

$t->done;
