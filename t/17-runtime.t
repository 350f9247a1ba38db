#!/usr/bin/perl

# What the reconciler answers over its socket, and the location of nginx that
# passes requests on to it: who may ask, and what comes back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use Kecs;
use Test::More;

$SIG{PIPE} = 'IGNORE';

my $pass = "include $Kecs::ROOT/conf/runtime.conf;"
    . ' proxy_pass http://unix:%%DATA%%/runtime.sock:/;';
my $t = Kecs->new(reconciler => [], workers => 2, server_conf =>
    "kecs_hosts ui.example.com; location /ui/runtime/ { $pass }"
    . " location /any/ { $pass satisfy any; allow all; }"
    . ' location /if/ { if ($arg_x) { set $y 1; } ' . $pass . ' }');


# nginx -t

my $base = $t->{template};

sub refuses {
    my ($name, $message, %o) = @_;
    local $t->{server_conf} = $o{server};
    local $t->{http_conf} = $o{http} // '';
    my ($ok, $out) = $t->check_conf($o{conf} // $base);
    ok(!$ok, "$name is refused");
    like($out, $message, "$name: message");
    return;
}

my $alone = qr/"kecs_runtime on" needs "kecs_store PATH;".* a location without/;
(my $no_store = $base) =~ s/kecs_store [^;]*;//;
$no_store =~ s/kecs on;|kecs_admin on;//g;
refuses('no store', $alone, conf => $no_store,
        server => 'location /x/ { kecs_runtime on; }');
refuses('the API in it', $alone,
        server => 'location /x/ { kecs_runtime on; kecs on; }');
refuses('another value', qr/invalid value "maybe"/,
        server => 'location /x/ { kecs_runtime maybe; }');
refuses('a foreign address', qr/"kecs_runtime on" in \S+ would serve anybody/,
        server => '', http => 'server { listen 192.0.2.1:8088;'
            . ' location / { kecs_runtime on; } }');


# A task

$t->write_conf($base);
unlink $t->dir . '/error.log';
$t->start;

sub task {
    my (%o) = @_;
    $t->api('CreateCluster', { clusterName => 'demo' }, %o);
    $t->api('RegisterTaskDefinition', { family => 'app',
        containerDefinitions => [ { name => 'app', image => 'app',
            memory => 64 } ] }, %o);
    my (undef, $r) = $t->api('RunTask', { cluster => 'demo',
                                          taskDefinition => 'app' }, %o);
    return ($r->{tasks}[0]{taskArn} // '') =~ m{/([0-9a-f]{32})$};
}

my ($id) = task();

sub raw {
    my ($socket, $text) = @_;
    print $socket $text;
    return Kecs::read_all($socket, 30);
}

# [status, JSON or text]
sub answer {
    my ($text) = @_;
    my ($head, $body) = split /\r\n\r\n/, $text // '', 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.1 (\d+)};
    return ($status // 0,
            eval { JSON::PP->new->utf8->decode($body) } // $body);
}

sub unix_socket {
    my $s = IO::Socket::UNIX->new(Peer => $t->data . '/runtime.sock')
        or die "runtime.sock: $!\n";
    return $s;
}

sub direct {
    my ($path, $headers, $method) = @_;
    return answer(raw(unix_socket(), ($method // 'GET') . " $path HTTP/1.0\r\n"
                                     . ($headers // '') . "\r\n"));
}

sub ask {
    my ($path, %headers) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                  PeerPort => $t->port) or die "port: $!\n";
    my %all = (Host => 'localhost', Connection => 'close', %headers);
    return answer(raw($s, "GET $path HTTP/1.1\r\n"
        . join('', map { "$_: $all{$_}\r\n" } sort keys %all) . "\r\n"));
}

my $here = 'account=000000000000&region=us-east-1';
my $path = "/v1/tasks/$id";

$t->wait_for(sub { -S $t->data . '/runtime.sock' });
is((stat $t->data . '/runtime.sock')[2] & 0777, 0600,
   'the socket is for its owner alone');

my ($status, $json) = direct("$path?$here");
is($status, 200, 'a task');
is($json->{taskId}, $id, 'by its id');
is($json->{runtime}, 'simulated', 'has a runtime');
ok(!exists $json->{pod}, 'and nothing behind it, when it is simulated');

($status, $json) = direct($path);
is($status, 400, 'account and region are to be named');
like($json->{message}, qr/Name account and region/, 'which is said');
is((direct($path, "KECS-Account: 000000000000 \r\nkecs-region:us-east-1\r\n"))
       [0], 200, 'in the query, or in headers');
for my $other ('account=000000000001&region=us-east-1',
               'account=000000000000&region=us-east-2') {
    ($status, $json) = direct("$path?$other");
    is($status, 404, "not that of others: $other");
}
is((direct("/v1/tasks/$_?$here"))[0], 404, "no task: $_")
    for '0' x 32, 'x', '', "$id/", uc($id) . '0', '%00';
is((direct("$path?$here", '', 'POST'))[0], 405, 'nothing but GET');


# Whoever holds the socket wrongly

is(raw(unix_socket(), $_), '', 'no request: ' . substr($_, 0, 20) =~ s/\s+/ /gr)
    for "nonsense\r\n\r\n", "GET\r\n\r\n", "GET x HTTP/1.0\r\n\r\n",
        "GET /x\r\n\r\n", 'GET /' . 'x' x 9000, "\0" x 200 . "\r\n\r\n";

my @idle = map { unix_socket() } 1 .. 64;
print { $idle[0] } 'GET /';
is((direct("$path?$here"))[0], 200, 'others are served when those that ask'
                                    . ' nothing have been sent away');
is((grep { Kecs::read_all($_, 30) ne '' } @idle), 0, 'without a word');
is(($t->api('ListClusters', {}))[0], 200, 'and the API answers');


# Through nginx

for my $place ('/ui/runtime', '/any', '/if') {
    ($status, $json) = ask("$place$path?x=1");
    is($status, 200, "$place: the account and region of the server");
    is($json->{taskId}, $id, 'the task');
}

sub credential {
    my ($account, $region) = @_;
    return (Authorization => "AWS4-HMAC-SHA256 Credential=$account/20261121/"
        . "$region/ecs/aws4_request, SignedHeaders=host, Signature=0");
}

is((ask("/ui/runtime$path", credential('111122223333', 'us-east-1')))[0], 404,
   'another account by the credential scope');
is((ask("/ui/runtime$path?$here", credential('111122223333', 'us-east-1')))
       [0], 200, 'the query names it more plainly');
is((ask("/ui/runtime$path", 'Kecs-Account' => '111122223333'))[0], 200,
   'a header of the client says nothing');

my ($theirs) = task(key => '111122223333', region => 'eu-west-1');
is((ask("/ui/runtime/v1/tasks/$theirs",
        credential('111122223333', 'eu-west-1')))[0], 200, 'a task of theirs');
is((ask("/ui/runtime/v1/tasks/$theirs"))[0], 404, 'is not there for others');

for my $place ('/ui/runtime', '/any') {
    ($status, $json) = ask("$place$path", Host => 'evil.example');
    is($status, 400, "$place: another Host");
    is($json->{__type}, 'AccessDeniedException', 'is denied');
    ($status, $json) = ask("$place$path", Origin => 'https://evil.example');
    is($status, 403, 'a page of another site');
    like($json->{message}, qr/"https:\/\/evil\.example" may not/, 'is told');
    is((ask("$place$path", Origin => 'null'))[0], 403, 'or of none');
}
is((ask("/ui/runtime$path", Host => 'ui.example.com',
        Origin => 'http://ui.example.com'))[0], 200, 'its own page');


# Without a reconciler

$t->stop_reconciler;
($status, $json) = ask("/ui/runtime$path");
is($status, 503, 'no reconciler');
like($json->{message}, qr/^The reconciler does not answer/, 'is said');
is(($t->api('ListClusters', {}))[0], 200, 'the API answers');

$t->start_reconciler;
$t->wait_for(sub { (ask("/ui/runtime$path"))[0] == 200 });
$t->stop_reconciler('KILL');
is((ask("/ui/runtime$path"))[0], 503, 'killed: likewise');
$t->start_reconciler;
ok($t->wait_for(sub { (ask("/ui/runtime$path"))[0] == 200 }),
   'the next one takes its place');

$t->done;
