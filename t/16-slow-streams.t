#!/usr/bin/perl

# Streams to clients that take little in, positions that the log no longer
# has, HTTP/2, limits over all addresses.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi ();
use KecsStream;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More;
use Time::HiRes qw(time sleep);

my $t = Kecs->new(
    reconciler => [@KecsApi::SHORT, '--log-entries', '1000'],
    workers => 1,
    slow_port => Kecs::free_port(),
    h2_port => Kecs::free_port(),
    http_conf => "kecs_events_buffer 64k;\nkecs_events_clients 3;",
    server_conf => 'listen 127.0.0.1:%%SLOW_PORT%% sndbuf=8k;'
        . ' listen 127.0.0.1:%%H2_PORT%% http2;'
        . ' location /hasty/ { kecs on; send_timeout 1s; }',
);
$t->start;

# A client whose kernel takes little in for it.
sub slow {
    my ($how, $query, %o) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp');
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096;
    $socket->connect(Socket::pack_sockaddr_in($t->{slow_port},
        Socket::inet_aton('127.0.0.1'))) or die "connect: $!\n";

    return KecsStream->$how($t, $query, socket => $socket, %o);
}

my $families = 0;

# A change that makes an event of some 8 kB.
sub change {
    my $value = 'x' x 8000;
    my ($status, $json, $headers) = $t->api('RegisterTaskDefinition', {
        family => 'f' . ++$families, containerDefinitions => [{ name => 'a',
            image => 'i', memory => 8,
            environment => [{ name => 'N', value => $value }] }] });
    $status == 200 or die "RegisterTaskDefinition: $status\n";

    return $headers->{'x-kecs-sequence'};
}

sub metric {
    my ($name) = @_;

    my ($status, $text) = $t->get('/metrics');

    return $text =~ /^kecs_stream_$name (\d+)$/m ? $1 : -1;
}


# What it misses it is told, and it misses nothing in the end.

for my $how (qw(sse ws)) {
    my $told = metric('slow_total');
    my $slow = slow($how, 'kind=task-definition');
    my $from = $slow->want('start')->{seq};
    my $last;
    $last = change() for 1 .. 100;

    my @got;
    my $m;
    while ($m = $slow->next) {
        push @got, $m if $m->{name} eq 'event';
        last if $m->{name} =~ /^(?:resume|close)$/;
    }

    ok(@got < 100, "$how: a slow client does not get all");

    if ($how eq 'sse') {
        is($m->{data}{reason}, 'too slow', 'sse: told to resume');
        is($m->{data}{sequence}, $m->{seq}, 'sse: from there');
        is($m->{seq}, $got[-1]{seq}, 'sse: where it is') if @got;

    } else {
        is($m->{code}, 1013, 'ws: closed with a status of its own');
        like($m->{reason}, qr/^resume: too slow/, 'ws: and the reason');
        $slow->send(8, pack 'n', 1013);
    }

    ok(!$slow->next && !$slow->{late}, "$how: the end");
    is(metric('slow_total'), $told + 1, "$how: counted");

    my $at = @got ? $got[-1]{seq} : $from;
    my $rest = KecsStream->$how($t, "since=$at&kind=task-definition");
    push @got, $rest->until(sub { $_[0]{seq} >= $last });
    is(scalar @got, 100, "$how: all in the end");
    my %seen;
    is(scalar(grep { $seen{ $_->{data}{id} }++ } @got), 0, "$how: once");
}


# One that comes with an old position reads at its own pace, however slow.

my $from = 0;
my $pace = slow('sse', 'since=0&kind=task-definition');
change() for 1 .. 20;
my @all = $pace->until(sub {
    $_[0]{data}{detail}{family} eq "f$families" });
is(scalar @all, $families, 'all from the beginning');
undef $pace;


# One that takes nothing in is let go.

ok($t->wait_for(sub { metric('clients') == 0 }), 'nobody is there');
my $stuck = slow('sse', 'since=0', path => '/hasty/events');
ok($t->wait_for(sub { metric('clients') == 0 }, 30),
   'who takes nothing in for send_timeout is disconnected');
undef $stuck;


# The log is cut off behind a client that reads it.

my $left = slow('sse', 'since=0&kind=task-definition');
my $gone = metric('gone_total');
change() for 1 .. 600;
ok($t->wait_for(sub {
    (KecsStream->sse($t, 'since=1')->status // 0) == 410;
}), 'the log no longer reaches back');
my $m;
while ($m = $left->next) {
    last if $m->{name} eq 'gone';
}
is($m && $m->{name}, 'gone', 'and the client is told so');
like($m->{data}{reason}, qr/no longer reaches back/, 'with the reason');
ok(!$left->next && !$left->{late}, 'at the end of the stream');
cmp_ok(metric('gone_total'), '>', $gone, 'counted');
undef $left;


# Limits over all addresses.

ok($t->wait_for(sub { metric('clients') == 0 }), 'nobody is there');
my @three = map { KecsStream->sse($t, '') } 1 .. 3;
is(KecsStream->sse($t, '')->status, 503, 'one more than all may be');
cmp_ok(metric('refused_total'), '>', 0, 'counted');
undef @three;
ok($t->wait_for(sub { metric('clients') == 0 }), 'nobody is there');


# HTTP/2, and an API that answers meanwhile.

ok(`curl -V` =~ /HTTP2/, 'curl with HTTP/2');
open my $h2, '-|', qw(curl -sN --http2-prior-knowledge --max-time 30 -H),
    'Accept: text/event-stream',
    "http://127.0.0.1:$t->{h2_port}/events?kind=task-definition"
    or die "curl: $!\n";
my ($text, $changed) = ('', 0);
my $select = IO::Select->new($h2);
while ($select->can_read(20) && sysread $h2, $text, 65536, length $text) {
    last if $text =~ /"family":"f$families"/ && $changed;
    change() if $text =~ /event: start/ && !$changed++;
}
like($text, qr/^id: \d+\ndata: .*"family":"f$families"/m,
     'an event over HTTP/2');
$t->reload;
while ($select->can_read(20) && sysread $h2, $text, 65536, length $text) { }
like($text, qr/event: resume\n.*"this worker ends"/s,
     'told to resume over HTTP/2');
close $h2;
is($?, 0, 'and ended as it should');

$t->done;
