#!/usr/bin/perl

# The module itself: configuration that is refused, methods, targets,
# bodies of every kind, hosts, headers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use Test::More;

my $t = Kecs->new;


# nginx -t: every bad value has a message of its own.

my $base = $t->{template};

sub refuses {
    my ($name, $message, %o) = @_;

    my $conf = $o{conf} // $base;
    local $t->{http_conf} = $o{http} // '';
    local $t->{api_conf} = $o{api} // '';
    local $t->{server_conf} = $o{server} // '';

    my ($ok, $out) = $t->check_conf($conf);
    ok(!$ok, "$name is refused");
    like($out, $message, "$name: message");
}

my ($ok, $out) = $t->check_conf($base);
ok($ok, 'the configuration is fine') or diag($out);
ok(!-e $t->data, 'nginx -t leaves no trace of a store');

(my $no_store = $base) =~ s/kecs_store [^;]*;//;
refuses('kecs without a store', qr/"kecs on" needs "kecs_store PATH;"/,
        conf => $no_store);
refuses('a second store', qr/"kecs_store" directive is duplicate/,
        http => 'kecs_store /tmp/x;');
refuses('a store without a path', qr/invalid number of arguments in "kecs_st/,
        conf => $no_store, http => 'kecs_store;');
refuses('an empty path', qr/"kecs_store" directive has an empty path/,
        conf => $no_store, http => 'kecs_store "";');
refuses('an unknown parameter', qr/invalid parameter "sizes=1g"/,
        conf => $no_store, http => 'kecs_store x sizes=1g;');
refuses("size=$_", qr/invalid size ".*" of "kecs_store", it must be 16m/,
        conf => $no_store, http => "kecs_store x size=$_;")
    for '1x', '1m', '-1', '0', '';
refuses('kecs maybe', qr/invalid value "maybe" in "kecs" directive/,
        server => 'location /x { kecs maybe; }');
refuses('kecs in a server', qr/"kecs" directive is not allowed here/,
        server => 'kecs on;');
refuses('kecs twice', qr/"kecs" directive is duplicate/, api => 'kecs on;');
refuses('two handlers', qr/shares its location with another content handler/,
        api => 'proxy_pass http://127.0.0.1:1;');
refuses('API and admin', qr/"kecs on" and "kecs_admin on" in one location/,
        api => 'kecs_admin on;');
refuses("account $_", qr/invalid account ".*" of "kecs_account", it has 12/,
        http => "kecs_account $_;")
    for '12', '1234567890123', '12345678901x', '""';
refuses("region $_", qr/invalid region ".*" of "kecs_region"/,
        http => "kecs_region $_;")
    for 'US-EAST-1', '1us', '""', 'a' x 33, '"us east"';
refuses('account twice', qr/"kecs_account" directive is duplicate/,
        http => 'kecs_account 123456789012; kecs_account 123456789012;');
refuses("kecs_auth $_", qr/only "off" is possible/, api => "kecs_auth $_;")
    for 'on', 'sigv4';
refuses("host $_", qr/invalid host ".*" of "kecs_hosts"/,
        api => "kecs_hosts $_;")
    for 'a:80', 'http://a', '*', 'a.*', '[x]', '"a b"';
refuses("timeout $_", qr/invalid time ".*" of "kecs_write_timeout"/,
        api => "kecs_write_timeout $_;")
    for 'x', '1ms', '2h', '-1s';

for my $listen ('0.0.0.0', '[::]', '192.0.2.1', '*') {
    refuses("an open API on $listen",
            qr/"kecs on" in \S+nginx\.conf:\d+ would serve anybody/,
            server => "listen $listen:1;");
}

for my $good ('[::1]:1', 'unix:%%DIR%%/sock', '127.255.255.254:1') {
    local $t->{server_conf} = "listen $good;";
    my ($ok, $out) = $t->check_conf($base);
    ok($ok, "listen $good is loopback") or diag($out);
}

{
    local $t->{server_conf} = 'listen 0.0.0.0:1;';
    local $t->{api_conf} = 'kecs_auth off;';
    my ($ok, $out) = $t->check_conf($base);
    ok($ok, 'kecs_auth off opens any address') or diag($out);
}

ok(!-e $t->data, 'still no trace of a store');


# A real start.

unlink $t->dir . '/error.log';
$t->{http_conf} = 'log_format vars escape=json \'{"action":"$kecs_action",'
    . '"service":"$kecs_service","cluster":"$kecs_cluster",'
    . '"error":"$kecs_error","account":"$kecs_account",'
    . '"region":"$kecs_region","id":"$kecs_request_id",'
    . '"principal":"$kecs_principal"}\';';
$t->{server_conf} = 'location = /vars { kecs on; access_log %%DIR%%/vars.log'
    . ' vars; } location = /file { client_body_in_file_only clean; kecs on; }'
    . ' location = /no { deny all; kecs on; }'
    . ' location = /other { return 404; }'
    . ' location = /limit { kecs on; limit_except POST { deny all; } }';
$t->{api_conf} = 'kecs_hosts good.example *.wild.example;';
$t->write_conf($base);
$t->start;

my ($status, $json, $headers) = $t->api('ListClusters', {});
is($status, 200, 'ListClusters');
is_deeply($json, { clusterArns => [] }, 'an empty list');
is($headers->{'content-type'}, 'application/x-amz-json-1.1', 'type');
like($headers->{'x-amzn-requestid'},
     qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
     'request id');
like($headers->{'x-kecs-sequence'}, qr/^\d+$/, 'log position');
ok(defined $headers->{'content-length'}, 'length');

my (undef, undef, $again) = $t->api('ListClusters', {});
isnt($again->{'x-amzn-requestid'}, $headers->{'x-amzn-requestid'},
     'another id for another request');

($status, $json, $headers) = $t->api('CreateCluster',
                                     { clusterName => 'first' });
is($status, 200, 'CreateCluster');
is($json->{cluster}{clusterName}, 'first', 'its answer');
like($headers->{'x-kecs-sequence'}, qr/^[1-9]\d*$/, 'position of the commit');

($status, $json) = $t->api('ListClusters', {});
is_deeply($json->{clusterArns},
          ['arn:aws:ecs:us-east-1:000000000000:cluster/first'],
          'the write is read');

is_deeply([ ($t->api('ListClusters', ''))[0, 1] ], [200, $json],
          'an empty body is {}');
is(($t->api('ListClusters', " \r\n\t"))[0], 200, 'and so is white space');


# Accounts and regions.

($status, $json) = $t->api('ListClusters', {}, region => 'eu-west-1');
is_deeply($json, { clusterArns => [] }, 'another region has its own');
($status, $json) = $t->api('CreateCluster', { clusterName => 'x' },
                           region => 'eu-west-1', key => '123456789012');
is($json->{cluster}{clusterArn},
   'arn:aws:ecs:eu-west-1:123456789012:cluster/x',
   'region from the scope, account from the key');


# What is no operation.

sub error_is {
    my ($name, $got, $want_status, $type, $message) = @_;

    my ($status, $json) = @$got;
    is($status, $want_status, "$name: $want_status");
    is(ref $json ? $json->{__type} : $json, $type, "$name: $type");
    like(ref $json ? $json->{message} // '' : '', $message, "$name: text")
        if $message;
}

error_is('no operation', [$t->api('FooBar', {})], 400,
         'UnknownOperationException');
error_is('no target', [$t->api('x', {}, headers => { 'x-amz-target' => '' })],
         400, 'UnknownOperationException', qr/X-Amz-Target/);
error_is('another service', [$t->api('x', {}, headers =>
         { 'x-amz-target' => 'DynamoDB_20120810.ListTables' })], 400,
         'UnknownOperationException');
error_is('nothing of what is required', [$t->api('CreateGateway', {})], 400,
         'InvalidParameterException', qr/^3 validation errors detected: /);


# Methods and bytes.

sub http {
    my ($method, $path, $headers, $body) = @_;

    my $text = "$method $path HTTP/1.1\r\nHost: localhost\r\n"
               . "Connection: close\r\n$headers\r\n" . ($body // '');

    return Kecs::parse($t->raw($text));
}

($status, $json, my $head) = http('GET', '/', '');
is($status, 200, 'GET says what this is');
is($json->{service}, 'Amazon ECS', 'the service');
($status, $json, $head) = http('HEAD', '/', '');
is("$status$json", '200', 'HEAD has no body');
like($head, qr/Content-Length: [1-9]/, 'but its length');
($status, $json, $head) = http('OPTIONS', '/', '');
is($status, 200, 'OPTIONS');
like($head, qr/^Allow: GET, HEAD, OPTIONS, POST\r?$/m, 'Allow');

for my $method (qw(PUT DELETE PATCH PROPFIND)) {
    my @got = http($method, '/', "Content-Length: 2\r\n", '{}');
    error_is($method, \@got, 405, 'UnknownOperationException');
}

for my $bytes ("\r\n\r\nGARBAGE\r\n\r\n", "\0\1\2\3\xff\r\n\r\n",
               "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\n\r\n",
               "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
               "POST / HTTP/1.1\r\nHost: localhost\r\n"
               . "Content-Length: x\r\n\r\n",
               "POST / HTTP/1.1\r\nHost: localhost\r\n"
               . "Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . 'x' x 40
               . "\r\n\r\n")
{
    my ($status, $json) = Kecs::parse($t->raw($bytes));
    my $name = substr $bytes, 0, 20;
    $name =~ s/[^ -~]/./g;
    like($status, qr/^(?:400|505)$/, "$name: refused");
    is(ref $json ? $json->{__type} : $json, $status == 505
       ? 'ServerException' : 'ClientException', "$name: in JSON");
}

error_is('a long request line', [Kecs::parse($t->raw('GET /' . 'x' x 40000
         . " HTTP/1.1\r\nHost: localhost\r\n\r\n"))], 414,
         'RequestEntityTooLargeException');
error_is('long headers', [Kecs::parse($t->raw("GET / HTTP/1.1\r\n"
         . "Host: localhost\r\nX: " . 'x' x 40000 . "\r\n\r\n"))], 400,
         'ClientException', qr/headers are too large/);
error_is('denied by nginx', [$t->api('ListClusters', {}, path => '/no')],
         403, 'AccessDeniedException');
error_is('denied by limit_except', [http('GET', '/limit', '')], 403,
         'AccessDeniedException');
is(($t->api('ListClusters', {}, path => '/limit'))[0], 200,
   'POST passes limit_except');
unlike((http('GET', '/other', ''))[1], qr/__type/,
       'other locations keep their pages');


# Bodies.

for my $bad ('{', '}', '[', '{"a":}', '{"a" 1}', 'nul', '{}x', '{}{}',
             "{\"clusterName\":\"\xff\xfe\"}", '{"clusterName":"\u0000"}',
             '[' x 100000, '{"a":' x 1000 . '1' . '}' x 1000,
             '[' . '1,' x 200000 . '1]', '"text"', '[]', '1')
{
    my $name = substr $bad, 0, 12;
    $name =~ s/[^ -~]/./g;
    error_is("$name...", [$t->api('CreateCluster', $bad)], 400,
             'SerializationException');
}

error_is('a wrong type', [$t->api('CreateCluster', { clusterName => [] })],
         400, 'SerializationException');
error_is('a huge number', [$t->api('ListClusters',
         '{"maxResults":1' . '0' x 400 . '}')], 400,
         'SerializationException');
is(($t->api('ListClusters', '{"maxResults":null,"x":{"y":[1]}}'))[0], 200,
   'null and unknown members do not matter');
($status, $json) = $t->api('CreateCluster',
                           '{"clusterName":"a","clusterName":"b"}');
is($json->{cluster}{clusterName}, 'b', 'the last of two equal members');

my $target = "X-Amz-Target: $Kecs::TARGET.CreateCluster\r\n";
my $ask = '{"clusterName":"chunky"}';

($status, $json) = http('POST', '/', $target
    . "Transfer-Encoding: chunked\r\n", sprintf("%x\r\n%s\r\n", 5,
    substr $ask, 0, 5) . sprintf("%x\r\n%s\r\n0\r\n\r\n",
    length($ask) - 5, substr $ask, 5));
is(ref $json && $json->{cluster}{clusterName}, 'chunky', 'a chunked body');

my $slow = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . "${target}Content-Length: " . length($ask) . "\r\n\r\n";
($status, $json) = Kecs::parse($t->raw(split //, $slow . $ask));
is(ref $json && $json->{cluster}{clusterName}, 'chunky', 'byte by byte');

$t->connect->syswrite($slow . substr $ask, 0, 7);
is(($t->api('ListClusters', {}))[0], 200,
   'a client that leaves in the middle of its body harms nobody');

for my $size (20_000, 300_000, 1_048_576) {
    my $body = '{"clusterName":"large","x":"';
    $body .= 'y' x ($size - length($body) - 2) . '"}';
    is(($t->api('CreateCluster', $body))[0], 200, "$size bytes");
    is(($t->api('CreateCluster', $body, path => '/file'))[0], 200,
       "$size bytes by way of a file");
}

my $large = '{"x":"' . 'y' x 1_048_576 . '"}';
error_is('over 1 MiB', [$t->api('CreateCluster', $large)], 413,
         'RequestEntityTooLargeException');
error_is('over 1 MiB in chunks', [http('POST', '/', $target
    . "Transfer-Encoding: chunked\r\n", sprintf("%x\r\n%s\r\n0\r\n\r\n",
    length $large, $large))], 413, 'RequestEntityTooLargeException');

($status, $json) = Kecs::parse($t->raw(
    "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: "
    . "$Kecs::TARGET.ListClusters\r\nContent-Length: 2\r\n\r\n{}"
    . "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    . "${target}Content-Length: 2\r\n\r\n{}"));
is($status, 200, 'the first of two pipelined requests');
like($json, qr/\}HTTP\/1.1 200.*"clusterName":"default"/s, 'and the second');


# Hosts.

sub with_host {
    my ($method, $host) = @_;

    return Kecs::parse($t->raw("$method / HTTP/1.1\r\nHost: $host\r\n"
        . "X-Amz-Target: $Kecs::TARGET.ListClusters\r\n"
        . "Content-Length: 2\r\nConnection: close\r\n\r\n{}"));
}

for my $host ('localhost', 'LOCALHOST:1', 'ecs.localhost', '127.0.0.1',
              '127.1.2.3:99', '[::1]', '[::1]:80', 'good.example',
              'a.wild.example', 'a.b.wild.example:8080')
{
    is((with_host('POST', $host))[0], 200, "Host $host");
}

for my $host ('evil.example', '127.0.0.1.evil.example', 'localhost.evil',
              'xlocalhost', 'wild.example', '10.0.0.1', '[::2]',
              'good.example.evil', '1270.0.1')
{
    error_is("Host $host", [with_host('POST', $host)], 400,
             'AccessDeniedException', qr/is not served here/);
}

is((Kecs::parse($t->raw("POST / HTTP/1.0\r\nX-Amz-Target: "
   . "$Kecs::TARGET.ListClusters\r\nContent-Length: 2\r\n\r\n{}")))[0],
   200, 'HTTP/1.0 without a Host');
error_is('a foreign Host on GET', [with_host('GET', 'evil.example')], 400,
         'AccessDeniedException');


# Variables.

(undef, undef, $headers) = $t->api('DescribeClusters',
    { clusters => ['first'] }, path => '/vars', region => 'eu-west-1',
    key => '111122223333');
(undef, $json) = $t->api('DeleteCluster', { cluster => 'arn:aws:ecs:us-east-1:'
    . '000000000000:cluster/none' }, path => '/vars');
is($json->{__type}, 'ClusterNotFoundException', 'an error of the API');
$t->api('ListTasks', { cluster => 'a"b' }, path => '/vars');

my @vars = $t->wait_for(sub {
    my @lines = split /\n/, $t->read_file('vars.log');
    @lines == 3 ? \@lines : undef;
});
@vars = map { $t->json->decode($_) } @{ $vars[0] };
is_deeply($vars[0], { action => 'DescribeClusters', service => 'ecs',
    cluster => '', error => '-', account => '111122223333',
    region => 'eu-west-1', id => $headers->{'x-amzn-requestid'},
    principal => 'arn:aws:iam::111122223333:root' }, 'variables');
is($vars[1]{error}, 'ClusterNotFoundException', '$kecs_error');
is($vars[2]{cluster}, 'a"b', '$kecs_cluster is the name as it was given');

$t->done;
