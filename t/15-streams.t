#!/usr/bin/perl

# Streams of events: both transports, filters, resuming, limits.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi ();
use KecsStream;
use Test::More;
use Time::HiRes qw(time sleep);

my $t = Kecs->new(
    reconciler => [@KecsApi::SHORT],
    workers => 4,
    http_conf => "kecs_events_clients 40 address=30;\n"
        . 'kecs_events_origins https://ui.example.com'
        . ' http://other.example.com:8080;',
    server_conf => 'location /ecs/ { kecs on; }'
        . ' location /quiet/ { kecs on; kecs_events off; }'
        . ' location /beats/ { kecs on; kecs_events_heartbeat 200ms; }',
);
$t->start;

my $made = 0;

sub make_cluster {
    my (%o) = @_;

    my $name = $o{name} // 'made-' . ++$made;
    my ($status, $json, $headers) = $t->api('CreateCluster',
        { clusterName => $name }, %o);
    is($status, 200, "$name is made");

    return ($name, $headers->{'x-kecs-sequence'});
}

sub position {
    my (undef, undef, $headers) = $t->api('ListClusters', {});

    return $headers->{'x-kecs-sequence'};
}


# The first message, and an event.

for my $how (qw(sse ws)) {
    my $s = KecsStream->$how($t, '');
    is($s->status, $how eq 'ws' ? 101 : 200, "$how: status");

    if ($how eq 'sse') {
        like($s->head, qr{^Content-Type: text/event-stream\r?$}m, 'type');
        like($s->head, qr{^X-Accel-Buffering: no\r?$}m, 'not to be buffered');
        like($s->head, qr{^Cache-Control: no-store\r?$}m, 'nor stored');
        is($s->want('retry')->{retry}, 1000, 'when to come again');

    } else {
        like($s->head,
             qr/^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r?$/m,
             'the accepted key of RFC 6455');
    }

    my $start = $s->next;
    is($start->{name}, 'start', "$how: the first message");
    is($start->{seq}, position(), "$how: begins at the end of the log");
    is($start->{data}{sequence}, $start->{seq}, "$how: told twice");
    like($start->{data}{store}, qr/^[0-9a-f-]{36}$/, "$how: the store");
    ok($start->{data}{incarnation} > 0, "$how: its incarnation");

    my ($name, $seq) = make_cluster();
    my $m = $s->want('event');
    is($m->{data}{'detail-type'}, 'KECS Cluster Change', "$how: type");
    is($m->{data}{source}, 'aws.ecs', "$how: source");
    is($m->{data}{version}, '0', "$how: version");
    like($m->{data}{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
         "$how: time");
    is_deeply($m->{data}{resources},
        ["arn:aws:ecs:us-east-1:000000000000:cluster/$name"],
        "$how: resources");
    is($m->{data}{detail}{clusterName}, $name, "$how: detail");
    is($m->{data}{kecs}{sequence}, $m->{seq}, "$how: sequence");
    is($m->{data}{kecs}{change}, 'created', "$how: change");
    ok($m->{seq} > $start->{seq} && $m->{seq} <= $seq, "$how: position");
}


# How late they are is counted, once for each worker that has clients.

my ($lags) = ($t->get('/metrics'))[1] =~ /^kecs_stream_lag_seconds_count (\d+)$/m;
cmp_ok($lags, '>=', 2, 'lags of events');


# Heartbeats.

my $s = KecsStream->sse($t, 'kind=task', path => '/beats/events');
ok($s->want('beat'), 'a heartbeat');
make_cluster();
my $now = position();
ok($t->wait_for(sub { $s->want('beat')->{seq} >= $now }),
   'its position moves though nothing is told');

$s = KecsStream->ws($t, 'kind=task', path => '/beats/events');
my $pings = 0;
while (my $m = $s->next) {
    $s->send(10, '') if $m->{name} eq 'ping';
    last if $m->{name} eq 'ping' && ++$pings == 6;
}
is($pings, 6, 'who answers pings stays');
make_cluster();
$now = position();
my $m = $s->want('beat');
ok($m && $m->{seq} >= $now, 'a frame that only tells the position');

while ($m = $s->next) { }
ok(!$s->{late}, 'who answers none is disconnected');


# A service from its definition to its end, over both transports, and the
# log between two positions: the same, each change once.

my $from = position();
$t->api('RegisterTaskDefinition', { family => 'web',
    containerDefinitions => [{ name => 'a', image => 'x', memory => 64 }] });
my ($status, $made_service) = $t->api('CreateService', { cluster => 'made-1',
    serviceName => 'web', taskDefinition => 'web', desiredCount => 2 });
is($status, 200, 'a service');

my $sse = KecsStream->sse($t, "since=$from");
my @live = $sse->until(sub {
    $_[0]{data}{detail}{eventName}
        && $_[0]{data}{detail}{eventName} eq 'SERVICE_STEADY_STATE' });
my %types;
push @{ $types{ $_->{data}{'detail-type'} } }, $_->{data} for @live;

is(scalar @{ $types{'KECS Task Definition Change'} }, 1, 'the definition');
is($types{'KECS Task Definition Change'}[0]{detail}{family}, 'web',
   'as described');

my ($begun) = @{ $types{'ECS Deployment State Change'} };
is($begun->{detail}{eventName}, 'SERVICE_DEPLOYMENT_IN_PROGRESS',
   'the deployment begins');
is($begun->{detail}{eventType}, 'INFO', 'is told as information');
like($begun->{detail}{deploymentId}, qr{^ecs-svc/\d{19}$}, 'its id');
like($begun->{detail}{updatedAt}, qr/^\d{4}-.*Z$/, 'its time');
is_deeply($begun->{resources}, [$made_service->{service}{serviceArn}],
          'its service');
is((grep { ($_->{detail}{eventName} // '')
           eq 'SERVICE_DEPLOYMENT_COMPLETED' }
    @{ $types{'ECS Deployment State Change'} }) > 0, 1, 'and completes');

my %last = map { $_->{resources}[0] => $_->{detail}{lastStatus} }
           @{ $types{'ECS Task State Change'} };
is_deeply([sort values %last], ['RUNNING', 'RUNNING'], 'two tasks run');

for my $arn (keys %last) {
    my @versions = map { $_->{detail}{version} }
        grep { $_->{resources}[0] eq $arn }
        @{ $types{'ECS Task State Change'} };
    is_deeply(\@versions, [1 .. @versions], 'each version of a task once');
}

my ($steady) = @{ $types{'ECS Service Action'} };
is($steady->{detail}{eventType}, 'INFO', 'steady state is information');
is($steady->{detail}{clusterArn},
   'arn:aws:ecs:us-east-1:000000000000:cluster/made-1', 'its cluster');
ok($types{'KECS Service Message'}, 'other messages of the service');
ok(!exists $types{'KECS Service Change'}[0]{detail}{events},
   'a service without its events');

my $to = $live[-1]{seq};
my $ws = KecsStream->ws($t, "since=$from");
my @again = $ws->until(sub { $_[0]{seq} >= $to });
is_deeply([map { $_->{seq} } @again], [map { $_->{seq} } @live],
          'the same positions over the other transport');
is_deeply([map { $_->{data}{id} } @again], [map { $_->{data}{id} } @live],
          'the same ids');

# From each position the rest follows.
for my $i (0, 1, $#live - 1) {
    my $rest = KecsStream->sse($t, "since=$live[$i]{seq}");
    is_deeply([map { $_->{seq} } $rest->until(sub { $_[0]{seq} >= $to })],
              [map { $_->{seq} } @live[$i + 1 .. $#live]],
              "what follows the event $i");
}

# From a time on, and not further than a position.
for my $how (qw(sse ws)) {
    my $s = KecsStream->$how($t, "since=$from&until=$live[1]{seq}");
    is($s->next->{data}{until}, $live[1]{seq}, "$how: until where")
        if $how eq 'ws';
    my (@got, $m);
    while ($m = $s->next) {
        push @got, $m->{seq} if $m->{name} eq 'event';
        last if $m->{name} eq 'end' || $m->{name} eq 'close';
    }
    is_deeply(\@got, [map { $_->{seq} } @live[0, 1]], "$how: no further");
    is($how eq 'ws' ? $m->{code} : $m->{seq},
       $how eq 'ws' ? 1000 : $live[1]{seq}, "$how: the end is told");
}
for my $since (qw(oldest 1h)) {
    my $s = KecsStream->sse($t, "since=$since&until=now");
    my ($n, $last) = (0, 0);
    my $start = $s->want('start');
    while (my $m = $s->want('event', 'end')) {
        last if $m->{name} eq 'end';
        ok($m->{seq} > $last, "since=$since: in order") if $m->{seq} <= $last;
        ($n, $last) = ($n + 1, $m->{seq});
    }
    is($start->{data}{sequence}, 0, "since=$since: from the beginning");
    cmp_ok($n, '>=', scalar @live, "since=$since: all there is");
    $s->next;
    ok($s->{ended}, "since=$since: and ends");
}
$s = KecsStream->sse($t, 'since=0s&until=now');
is($s->want('start', 'event', 'end')->{seq}, position(), 'since 0 s: the end');
is($s->want('event', 'end')->{name}, 'end', 'nothing of it');

# The header counts, not the parameter.
$s = KecsStream->sse($t, 'since=0',
                     headers => { 'Last-Event-ID' => $live[-2]{seq} });
is($s->want('event')->{seq}, $to, 'Last-Event-ID');


# A cluster and a service that are gone: made again, the old ones are deleted
# at once, and what there was of them is told still.

my $before = (make_cluster(name => 'again'))[1];
($status) = $t->api('CreateService', { cluster => 'again',
    serviceName => 'web', taskDefinition => 'web', desiredCount => 1 });
is($status, 200, 'again: a service');
ok($t->wait_for(sub {
    my (undef, $json) = $t->api('ListTasks', { cluster => 'again' });
    @{ $json->{taskArns} // [] } == 1;
}), 'again: a task');
($status) = $t->api('DeleteService', { cluster => 'again',
    service => 'web', force => JSON::PP::true });
is($status, 200, 'again: the service is deleted');
ok($t->wait_for(sub {
    my ($status) = $t->api('DeleteCluster', { cluster => 'again' });
    $status == 200;
}), 'again: the cluster is deleted');
make_cluster(name => 'again');
my $gone = KecsStream->sse($t, "since=$before&until=now&cluster=again");
my %of;
while (my $m = $gone->want('event', 'end')) {
    last if $m->{name} eq 'end';
    push @{ $of{$m->{data}{kecs}{kind}}{$m->{data}{kecs}{change}} },
        $m->{data};
}
for (['service', 'created'], ['deployment', 'created'], ['task', 'created'],
     ['cluster', 'deleted'])
{
    my ($kind, $change) = @$_;
    my ($event) = @{ $of{$kind}{$change} // [] };
    like($event->{resources}[0],
         qr{^arn:aws:ecs:us-east-1:000000000000:[a-z]+/again(?:/|$)},
         "again: a $kind, $change") or diag(explain(\%of));
}


# Filters.

sub those {
    my ($query, $code, $name) = @_;

    my $end = (make_cluster(name => 'end-' . ++$made))[1];
    my $s = KecsStream->sse($t, "since=$from&$query",
                            path => '/beats/events');
    my @got;

    while (my $m = $s->want('event', 'beat')) {
        last if $m->{name} eq 'beat' && $m->{seq} >= $end;
        push @got, $m->{data} if $m->{name} eq 'event';
    }

    ok(@got > 0, "$name: some") unless $name =~ /^nothing/;
    is(scalar(grep { !$code->($_) } @got), 0, "$name: no others");

    return @got;
}

my ($task) = keys %last;
those('kind=task', sub { $_[0]{kecs}{kind} eq 'task' }, 'one kind');
those('kind=task,task-definition',
      sub { $_[0]{kecs}{kind} =~ /^task/ }, 'two kinds');
those('cluster=made-1', sub { $_[0]{kecs}{cluster} eq 'made-1' }, 'cluster');
those('cluster=arn:aws:ecs:us-east-1:000000000000:cluster/made-1',
      sub { $_[0]{kecs}{cluster} eq 'made-1' }, 'cluster by ARN');
(my $escaped = $task) =~ s{([:/])}{sprintf '%%%02X', ord $1}ge;
those("arn=$escaped", sub { $_[0]{resources}[0] eq $task }, 'a task');
those('cluster=no', sub { 0 }, 'nothing of another cluster');
those('account=111122223333', sub { 0 }, 'nothing of another account');

make_cluster(name => 'theirs', key => '111122223333', region => 'eu-west-1');
those('account=111122223333&region=eu-west-1',
      sub { $_[0]{account} eq '111122223333'
            && $_[0]{region} eq 'eu-west-1' }, 'another account');
those('account=*&region=eu-west-1',
      sub { $_[0]{region} eq 'eu-west-1' }, 'all accounts');

$s = KecsStream->sse($t, "since=$from", headers => {
    Authorization => Kecs::credential('111122223333', 'eu-west-1') });
is($s->want('event')->{data}{detail}{clusterName}, 'theirs',
   'the account of the credential scope');


# Refusals.

sub refused {
    my ($name, $want, $like, $how, $query, %o) = @_;

    my $s = KecsStream->$how($t, $query, %o);
    is($s->status, $want, "$name: status");
    $s->{chunked} = 0;
    $s->fill until $s->{eof} || $s->{raw} =~ /\}\z/;
    like($s->{raw}, $like, "$name: text");

    return $s;
}

my %origin = (Origin => 'https://evil.example.com');
refused('no transport', 406, qr/text\/event-stream/, 'plain', '',
        headers => { Accept => '*/*' });
refused('an unknown kind', 400, qr/task-definition/, 'sse', 'kind=pod');
refused('an empty kind', 400, qr/task-definition/, 'sse', 'kind=task,');
refused('no position', 400, qr/digits/, 'sse', 'since=-1');
refused('no time', 400, qr/how long ago/, 'sse', "since=$_")
    for qw(5x h -1s newest 99999999999999999999d);
refused('no end', 400, qr/now/, 'sse', "until=$_") for qw(soon -1 1h);
refused('a huge position', 400, qr/digits/, 'sse',
        'since=99999999999999999999');
refused('a position ahead', 410, qr/Read the state again/, 'sse',
        'since=999999');
refused('the same on a websocket', 410, qr/Read the state again/, 'ws',
        'since=999999');
refused('another origin', 403, qr/evil\.example\.com/, $_, '',
        headers => \%origin) for qw(sse ws);
refused('no origin at all', 403, qr/null/, 'ws', '',
        headers => { Origin => 'null' });
refused('a body', 400, qr/no body/, 'sse', '',
        headers => { 'Content-Length' => 2 }, then => 'xx');
refused('an old version', 426, qr/13/, 'plain', '', headers => {
    Upgrade => 'websocket', Connection => 'upgrade',
    'Sec-WebSocket-Version' => 8, 'Sec-WebSocket-Key' => $KecsStream::KEY });
refused('no key', 400, qr/Sec-WebSocket-Key/, 'plain', '', headers => {
    Upgrade => 'websocket', Connection => 'keep-alive, Upgrade',
    'Sec-WebSocket-Version' => 13 });
refused('a foreign host', 400, qr/not served here/, 'sse', '',
        host => 'rebound.example.com');
is(KecsStream->sse($t, '', path => '/quiet/events')->head
   =~ /event-stream/ ? 1 : 0, 0, 'a location without streams');

for my $own ("http://127.0.0.1:$t->{port}", 'https://ui.example.com',
             'http://other.example.com:8080')
{
    my $s = KecsStream->sse($t, '', headers => { Origin => $own });
    is($s->status, 200, "origin $own");
    is($s->head =~ /^Access-Control-Allow-Origin: \Q$own\E\r?$/m ? 1 : 0,
       $own =~ /example/ ? 1 : 0, "named in the answer or not");
}

# A refusal leaves the connection.
$s = KecsStream->sse($t, 'since=999999');
like($s->head, qr/keep-alive/, 'a refusal keeps the connection');

is(KecsStream->$_($t, '', path => '/ecs/events')->status,
   $_ eq 'ws' ? 101 : 200, "$_ behind a prefix") for qw(sse ws);


# What a websocket client may not send, and what it may.

my @nonsense = (
    [ 'text', KecsStream::frame(1, '{}'), 1008 ],
    [ 'binary', KecsStream::frame(2, 'x'), 1003 ],
    [ 'a continuation', KecsStream::frame(0, 'x'), 1002 ],
    [ 'an unknown opcode', KecsStream::frame(3, ''), 1002 ],
    [ 'an unknown control frame', KecsStream::frame(11, ''), 1002 ],
    [ 'a reserved bit', KecsStream::frame(9, '', first => 0xc9), 1002 ],
    [ 'a control frame in pieces', KecsStream::frame(9, '', first => 9),
      1002 ],
    [ 'a frame without a mask', "\x89\x00", 1002 ],
    [ 'a long ping', KecsStream::frame(9, 'x' x 126), 1002 ],
    [ 'a close of one byte', KecsStream::frame(8, 'x'), 1002 ],
    [ 'a close with a reserved status', KecsStream::frame(8,
        pack 'n', 1005), 1002 ],
    [ 'a close that is not UTF-8', KecsStream::frame(8,
        pack('n', 1000) . "\xff"), 1007 ],
    [ 'a close', KecsStream::frame(8, pack('n', 1001) . 'bye'), 1001 ],
    [ 'an empty close', KecsStream::frame(8, ''), 1000 ],
);

for my $case (@nonsense) {
    my ($name, $bytes, $code) = @$case;

    # With the request, and afterwards byte by byte.
    my $s = KecsStream->ws($t, '', then => $bytes);
    my $m = $s->want('close');
    is($m && $m->{code}, $code, "$name: close status");

    $s = KecsStream->ws($t, '');
    $s->want('start');
    for my $byte (split //, $bytes) {
        syswrite $s->socket, $byte;
    }
    $m = $s->want('close');
    is($m && $m->{code}, $code, "$name: in pieces");
    $s->send(8, pack 'n', $code);
    ok(!$s->next && !$s->{late}, "$name: then the end");
}

$s = KecsStream->ws($t, '');
$s->send(9, 'are you there');
is($s->want('pong')->{payload}, 'are you there', 'a ping is answered');
$s->send(10, 'unasked');
$s->send(9, '');
is($s->want('pong')->{payload}, '', 'an unasked pong is not');

# The end of a client that came together with its request is noticed.
for my $how (qw(sse ws)) {
    $t->freeze($_) for $t->worker_pids;
    my $socket = $t->connect;
    print $socket "GET /events HTTP/1.1\r\nHost: localhost\r\n"
        . ($how eq 'sse' ? "Accept: text/event-stream\r\n\r\n"
           : "Upgrade: websocket\r\nConnection: Upgrade\r\n"
             . "Sec-WebSocket-Version: 13\r\n"
             . "Sec-WebSocket-Key: $KecsStream::KEY\r\n\r\n") . 'junk';
    $socket->flush;
    shutdown $socket, 1;
    kill 'CONT', $t->worker_pids;
    my $begin = time;
    Kecs::read_all($socket, 14);
    cmp_ok(time - $begin, '<', 12, "$how: before a heartbeat fails");
}

# So that those that are closed are counted no more.
undef $s;


# Limits.

sub clients {
    my ($status, $text) = $t->get('/metrics');
    return $text =~ /^kecs_stream_clients (\d+)$/m ? $1 : -1;
}

undef $_ for $sse, $ws;
ok($t->wait_for(sub { clients() == 0 }), 'nobody is left');
my @many = map { KecsStream->sse($t, '') } 1 .. 30;
is(scalar(grep { $_->status == 200 } @many), 30, 'as many as one may have');
is(clients(), 30, 'are counted');
refused('one more', 429, qr/from this address/, 'sse', '');
pop @many;
ok($t->wait_for(sub { KecsStream->sse($t, '')->status == 200 }),
   'one may come when one goes');

# A killed worker's do not count for ever.
$t->allow(qr/exited on signal 9/);
my @old = $t->worker_pids;
$t->slay(@old);
ok($t->wait_for(sub { $t->worker_pids == 4 }), 'new workers');
undef @many;
ok($t->wait_for(sub { clients() == 0 }), 'they are not counted');


# Without loss or repetition: workers die, the configuration is loaded
# again, and each time the client goes on from where it was.

sub follow_through {
    my ($how, $what) = @_;

    my $from = position();
    my (@got, $last);
    my $s = KecsStream->$how($t, "since=$from&kind=cluster");

    for my $round (1 .. 6) {
        for (1 .. 5) {
            $last = (make_cluster())[1];
        }

        # Some of it is read only after the worker has gone.
        for (1 .. 3) {
            my $m = $s->want('event') or last;
            push @got, $m;
        }

        $what->();

        while (my $m = $s->next) {
            push @got, $m if $m->{name} eq 'event';
        }

        my $at = @got ? $got[-1]{seq} : $from;
        ok($t->wait_for(sub {
            $s = eval { KecsStream->$how($t, "since=$at&kind=cluster") };
            $s && $s->status && $s->status < 300;
        }), "$how: again, round $round");
    }

    push @got, $s->until(sub { $_[0]{seq} >= $last })
        if $got[-1]{seq} < $last;

    my $whole = KecsStream->sse($t, "since=$from&kind=cluster");
    my @want = $whole->until(sub { $_[0]{seq} >= $last });
    is(scalar @want, 30, 'the log has them all');
    is_deeply([map { $_->{data}{id} } @got], [map { $_->{data}{id} } @want],
              "$how: each once, in order");
}

for my $how (qw(sse ws)) {
    follow_through($how, sub {
        $t->slay($t->worker_pids);
        $t->wait_for(sub { $t->worker_pids == 4 });
    });
    follow_through($how, sub { $t->reload });
}

# What is told at the end of a worker.
my ($by_events, $by_frames) = (KecsStream->sse($t, ''),
                               KecsStream->ws($t, ''));
$t->reload;
is(($by_events->want('resume') // {})->{data}{reason}, 'this worker ends',
   'sse: told to resume');
$by_events->next;
ok($by_events->{ended}, 'sse: the answer ends as it should');
my $close = $by_frames->want('close');
is($close->{code}, 1012, 'ws: told to resume');
$by_frames->send(8, pack 'n', 1012);
ok(!$by_frames->next && !$by_frames->{late}, 'ws: and closed');
ok($t->wait_for(sub { $t->worker_pids(1) == 4 }), 'the old workers end');


# Directives.

for my $bad ('kecs_events_clients 0;', 'kecs_events_clients 16385;',
    'kecs_events_clients 5 address=6;', 'kecs_events_clients 5 6;',
    'kecs_events_clients x;', 'kecs_events_buffer 63k;',
    'kecs_events_buffer 2048m;', 'kecs_events_heartbeat 99ms;',
    'kecs_events_heartbeat 2h;', 'kecs_events maybe;',
    'kecs_events_origins example.com;',
    'kecs_events_origins https://example.com/;',
    'kecs_events_origins https://example.com:443;',
    'kecs_events_origins ftp://example.com;')
{
    my $c = Kecs->new(http_conf => $bad);
    my ($ok, $text) = $c->check_conf;
    ok(!$ok, "refused: $bad");
    like($text, qr/kecs_events/, 'and named');
}

$t->done;
