#!/usr/bin/perl

# Other services of AWS on the same endpoint: STS GetCallerIdentity is
# answered, the rest is passed on to a named location or refused in the
# protocol of its service.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use Test::More;

my $FORM = 'application/x-www-form-urlencoded; charset=utf-8';
my $STS = 'Action=GetCallerIdentity&Version=2011-06-15';

sub scope {
    my ($service, $key) = @_;

    return 'AWS4-HMAC-SHA256 Credential=' . ($key // 'AKIDEXAMPLE')
           . "/20261121/eu-west-1/$service/aws4_request,"
           . ' SignedHeaders=host, Signature=00';
}

my $t;

sub call {
    my ($method, $path, $headers, $body) = @_;

    my $r = $t->http->request($method, 'http://127.0.0.1:' . $t->port . $path,
        { headers => $headers // {},
          defined $body ? (content => $body) : () });

    return @$r{qw(status content headers)};
}

sub signed { return { authorization => scope(@_) } }

sub form {
    my ($service, @key) = @_;

    return { 'content-type' => $FORM,
             $service ? (authorization => scope($service, @key)) : () };
}


# Without a place to pass them on to.

$t = Kecs->new(workers => 2,
    log_format => '$kecs_service $kecs_action $status');
$t->start;

my ($status, $text, $headers) = call('POST', '/',
                                     form('sts', '123456789012'), $STS);
is($status, 200, 'GetCallerIdentity');
is($headers->{'content-type'}, 'text/xml', 'it is XML');
like($headers->{'x-amzn-requestid'}, qr/^[0-9a-f-]{36}$/, 'a request id');
like($text, qr{^<GetCallerIdentityResponse\ xmlns="https://sts\.amazonaws\.com
               /doc/2011-06-15/">}x, 'the element');
like($text, qr{<Arn>arn:aws:iam::123456789012:root</Arn>}, 'the ARN');
like($text, qr{<Account>123456789012</Account>}, 'the account of the key');
like($text, qr{<RequestId>\Q$headers->{'x-amzn-requestid'}\E</RequestId>},
     'the same request id');

for my $case (
    [ 'unsigned', 'POST', '/', form(), $STS ],
    [ 'GET', 'GET', "/?$STS", signed('sts') ],
    [ 'GET, unsigned', 'GET', "/?$STS" ],
    [ 'presigned', 'GET', "/?$STS&X-Amz-Credential=AKID%2F20261121%2F"
      . 'us-east-1%2Fsts%2Faws4_request' ],
    [ 'POST with a query string', 'POST', "/?$STS", signed('sts'), '' ],
) {
    my ($name, @request) = @$case;
    ($status, $text) = call(@request);
    is($status, 200, "$name: 200");
    like($text, qr{<Account>000000000000</Account>}, "$name: the default");
}

($status, $text) = call('POST', '/', form('sts'),
                        'Action=AssumeRole&Version=2011-06-15');
is($status, 400, 'another operation of STS');
like($text, qr{<Type>Sender</Type>\s+<Code>InvalidAction</Code>\s+<Message>
               Could\ not\ find\ operation\ AssumeRole}x, 'its error');
($status, $text) = call('POST', '/', form('sts'), 'Version=2011-06-15');
like($text, qr{<Code>MissingAction</Code>}, 'no operation');
($status, $text) = call('POST', '/', form('sts'),
                        'Action=%3Cx%3E%ff%01&Version=2');
like($text, qr{operation &lt;x&gt;\?\? for version 2<}, 'what is sent is'
     . ' escaped');

my $hint = qr/set kecs_upstream_location/;

($status, $text) = $t->api('x', {}, headers => {
    'x-amz-target' => 'Logs_20140328.DescribeLogGroups' });
is($status, 400, 'JSON: 400');
is($text->{__type}, 'UnknownOperationException', 'JSON: its type');
like($text->{message}, qr/^The service "logs" is not part/, 'JSON: the name');
like($text->{message}, $hint, 'JSON: what helps');

($status, $text) = call('POST', '/', form('iam'),
                        'Action=ListRoles&Version=2010-05-08');
is($status, 400, 'query: 400');
like($text, qr{^<ErrorResponse>\s+<Error>\s+<Type>Sender</Type>\s+
               <Code>InvalidAction</Code>\s+<Message>The\ service\ &quot;iam}x,
     'query: its error');
like($text, $hint, 'query: what helps');
($status, $text) = call('POST', '/', form(),
                        'Action=ListRoles&Version=2010-05-08');
like($text, qr/&quot;iam&quot;/, 'query, unsigned: known by its version');

($status, $text) = call('POST', '/', form('ec2'),
                        'Action=DescribeSubnets&Version=2016-11-15');
like($text, qr{^<Response>\s+<Errors>\s+<Error>\s+<Code>InvalidAction}x,
     'EC2 has a form of its own');
($status, $text) = call('PUT', '/bucket/key', signed('s3'), 'data');
is($status, 501, 'S3: 501');
like($text, qr{^<Error>\s+<Code>NotImplemented</Code>}, 'S3: its error');
($status, $text, $headers) = call('GET', '/2015-03-31/functions/',
                                  signed('lambda'));
is($status, 400, 'REST: 400');
is($headers->{'x-amzn-errortype'}, 'UnknownOperationException', 'REST: type');
like($text, qr/"The service \\"lambda\\"/, 'REST: JSON');
($status, $text, $headers) = call('POST',
    '/service/GraniteServiceVersion20100801/operation/DescribeAlarms',
    { %{ signed('monitoring') }, 'smithy-protocol' => 'rpc-v2-cbor' }, '');
is($headers->{'smithy-protocol'}, 'rpc-v2-cbor', 'CBOR: the protocol');
is($headers->{'content-type'}, 'application/cbor', 'CBOR: the type');
like($text, qr/^\xa2y\0\x06__typey\0\x19UnknownOperationExceptiony\0\x07/s,
     'CBOR: a map');

# what says nothing of a service is ECS's

($status, $text) = call('GET', '/');
is($t->json->decode($text)->{service}, 'Amazon ECS', 'GET / as before');
($status, $text) = call('POST', '/',
    { 'content-type' => 'application/x-www-form-urlencoded' }, '{}');
like($text, qr/X-Amz-Target must name an operation/, 'a form without a word');
($status, $text) = $t->api('ListClusters', {}, headers => {
    'content-type' => 'application/x-www-form-urlencoded' });
is($status, 200, 'X-Amz-Target counts before the type of the body');
($status, $text) = $t->api('ListClusters', {}, headers => {
    authorization => scope('sts') });
is($status, 200, 'and before the signature');

SKIP: {
    my $aws = $ENV{KECS_AWS};

    if (!$aws) {
        BAIL_OUT('KECS_AWS is not set') if $ENV{CI};
        skip 'the aws CLI is needed', 3;
    }

    local $ENV{AWS_ACCESS_KEY_ID} = '210987654321';
    local $ENV{AWS_SECRET_ACCESS_KEY} = 'secret';
    local $ENV{AWS_DEFAULT_REGION} = 'eu-central-1';
    local $ENV{AWS_CONFIG_FILE} = '/dev/null';
    local $ENV{AWS_SHARED_CREDENTIALS_FILE} = '/dev/null';
    delete local $ENV{LD_PRELOAD};

    my $url = 'http://127.0.0.1:' . $t->port;
    my $out = `$aws --endpoint-url $url sts get-caller-identity 2>&1`;
    is_deeply(eval { $t->json->decode($out) }, {
        Account => '210987654321', UserId => '210987654321',
        Arn => 'arn:aws:iam::210987654321:root',
    }, 'aws sts get-caller-identity') or diag($out);

    $out = `$aws --endpoint-url $url iam list-roles 2>&1`;
    like($out, qr/\(InvalidAction\).*The service "iam"/, 'aws iam ...');
    $out = `$aws --endpoint-url $url logs describe-log-groups 2>&1`;
    like($out, qr/\(UnknownOperationException\).*The service "logs"/,
         'aws logs ...');
}

$t->stop;
my $log = $t->read_file('access.log');
like($log, qr/^sts GetCallerIdentity 200$/m, 'the log names STS');
like($log, qr/^logs  400$/m, 'and other services');
$t->no_alerts;


# Passed on.

$t = Kecs->new(workers => 2, other_port => Kecs::free_port(),
    echo_port => Kecs::free_port(), dead_port => Kecs::free_port(),
    http_conf => <<'END', api_conf => <<'END2', server_conf => <<'END3');
map $kecs_service $upstream {
    default http://127.0.0.1:%%OTHER_PORT%%;
    kms http://127.0.0.1:%%DEAD_PORT%%;
}
server {
    listen 127.0.0.1:%%OTHER_PORT%%;
    location / {
        add_header x-body $request_body always;
        proxy_pass http://127.0.0.1:%%ECHO_PORT%%;
    }
}
server {
    listen 127.0.0.1:%%ECHO_PORT%%;
    location / {
        return 200 "$request_method $request_uri $http_x_service";
    }
}
END
kecs_upstream_location @others;
END2
location @others {
    proxy_set_header X-Service $kecs_service;
    proxy_set_header Host $http_host;
    proxy_pass $upstream;
}
END3
$t->start;

($status, $text) = $t->api('x', { limit => 1 }, headers => {
    'x-amz-target' => 'Logs_20140328.DescribeLogGroups' });
is($status, 200, 'JSON is passed on');
is($text, 'POST / logs', 'with its method, path and service');
($status, $text, $headers) = call('POST', '/', { %{ form('iam') } },
                                  'Action=ListRoles&Version=2010-05-08');
is($text, 'POST / iam', 'a form is passed on');
is($headers->{'x-body'}, 'Action=ListRoles&Version=2010-05-08',
   'with its body');
($status, $text, $headers) = call('POST', '/', { %{ form() } },
                                  'Action=ListRoles&Version=2010-05-08');
is($text, 'POST / ', 'an unsigned one after its body was read');
is($headers->{'x-body'}, 'Action=ListRoles&Version=2010-05-08',
   'which is passed on');
($status, $text) = call('POST', '/', form('sts'),
                        'Action=AssumeRole&Version=2011-06-15');
is($text, 'POST / sts', 'so is what STS is not able to do here');
($status, $text) = call('POST', '/', form('sts'), $STS);
like($text, qr/GetCallerIdentityResult/, 'what it is able to do is not');
($status, $text) = call('GET', '/?Action=ListRoles&Version=2010-05-08');
is($text, 'GET /?Action=ListRoles&Version=2010-05-08 ', 'a query string');
($status, $text) = call('DELETE', '/bucket/key?x=1', signed('s3'));
is($text, 'DELETE /bucket/key?x=1 s3', 'any method, any path');
($status, $text) = call('PUT', '/bucket/key', signed('s3'), 'x' x 300_000);
is($text, 'PUT /bucket/key s3', 'a large body');

# in pieces, and with another request behind it on the same connection

my $body = 'Action=ListRoles&Version=2010-05-08';
my $request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: $FORM\r\n"
              . 'Content-Length: ' . length($body) . "\r\n";
my $got = $t->raw("$request\r\n", substr($body, 0, 10), substr($body, 10)
    . "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
like($got, qr{^HTTP/1\.1 200 .*POST / .*HTTP/1\.1 200 .*"Amazon ECS"}s,
     'the body in pieces, and the next request');

my @calls = map {
    [ $_ % 2 ? ($t->api('ListClusters', {}))[0]
             : (call('POST', '/', form(), $body))[0] ]
} 1 .. 40;
is_deeply([ map { $_->[0] } @calls ], [ (200) x 40 ], 'many, mixed');

($status, $text) = $t->api('x', {}, headers => {
    'x-amz-target' => 'TrentService.ListKeys' });
is($status, 502, 'a server that is not there: 502');
is(eval { $text->{__type} }, 'ServerException', 'as the protocol has it');
($status, $text) = call('POST', '/', form('kms'), 'Action=X&Version=1');
like($text, qr{<Type>Receiver</Type>\s+<Code>ServiceUnavailable</Code>},
     'XML too');

# configuration

my $template = $t->{template};
my %bad = (
    'names "@none", but there is no such location' => '@none',
    'it takes a named location' => 'others',
);

for my $message (sort keys %bad) {
    $t->{api_conf} = "kecs_upstream_location $bad{$message};";
    my ($ok, $out) = $t->check_conf($template);
    ok(!$ok, "kecs_upstream_location $bad{$message} is refused");
    $t->allow(qr/\Q$message\E/);
    like($out, qr/\Q$message\E/, 'and why');
}

$t->{api_conf} = 'kecs_upstream_location off;';
my ($ok, $out) = $t->check_conf($template);
ok($ok, 'off') or diag($out);

$t->done;
