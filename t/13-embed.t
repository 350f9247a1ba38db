#!/usr/bin/perl

# The API inside other people's nginx: below a path prefix, behind TLS and
# HTTP/2, behind access control and limits, as an ordinary user; the sample
# configurations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Kecs;
use Test::More;

my $t = Kecs->new(workers => 2, tls_port => Kecs::free_port());
my $dir = $t->dir;

sub sample {
    my ($name) = @_;

    open my $f, '<', "$Kecs::ROOT/conf/$name" or die "conf/$name: $!\n";
    local $/;

    return scalar <$f>;
}

sub openssl {
    my (@args) = @_;

    system("cd $dir && openssl @args >>openssl.log 2>&1") == 0
        or die 'openssl: ', $t->read_file('openssl.log');
}

mkdir "$dir/web";
mkdir "$dir/ui";
mkdir "$dir/ui/assets";
$t->write_file('web/index.html', "<p>a site</p>\n");
$t->write_file('ui/index.html', "<p>the UI</p>\n");
$t->write_file('ui/assets/ui-1.js', "0;\n");
openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -keyout clients-ca.key',
        '-out clients-ca.crt -subj /CN=clients');
openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -keyout server.key',
        '-out server.crt -subj /CN=ecs.example.com',
        '-addext subjectAltName=DNS:ecs.example.com,DNS:localhost');
openssl('req -newkey rsa:2048 -nodes -keyout client.key -out client.csr',
        '-subj /CN=somebody');
openssl('x509 -req -in client.csr -CA clients-ca.crt -CAkey clients-ca.key',
        '-CAcreateserial -days 2 -out client.crt');

(my $tls = sample('tls.conf')) =~ s{/etc/nginx/kecs/}{$dir/}g;
$tls =~ s{listen +443}{listen 127.0.0.1:%%TLS_PORT%%};
(my $location = sample('location.conf')) =~
    s{/usr/share/kecs/ui/}{$dir/ui/};
$location =~ s{/usr/share/kecs/}{$Kecs::ROOT/conf/}g;
$location =~ s{/var/lib/kecs/}{$dir/};

$t->{http_conf} = <<"END";
$tls
limit_req_zone \$kecs_action zone=actions:1m rate=1r/m;
map \$kecs_action \$no_deletes { default 0; ~^Delete 1; }
END

$t->{server_conf} = <<"END";
server_name site.example;
root $dir/web;
location = /index.html { }
$location
location /limited/ { kecs on; limit_req zone=actions; limit_req_status 429; }
location /mapped/ { if (\$no_deletes) { return 403; } kecs on; }
location /auth/ { auth_request /_auth; kecs on; }
location = /_auth { internal; return 401; }
location /pages/ { kecs on; deny all; error_page 403 \@denied; }
location /own/ { kecs on; kecs_account 111122223333; }
location /exact/ { kecs on; }
location = /exact { return 204; }
location /longer { return 204; }
location /longer/ { kecs on; }
location /longer/still/ { kecs on; kecs_account 111122223333; }
location \@denied { default_type text/plain; return 403 "my own page"; }
END

$t->write_conf;
$t->start;


# A path prefix in a site.

my ($status, $json) = $t->api('CreateCluster', { clusterName => 'here' },
                              path => '/ecs/');
is($status, 200, 'below a prefix');
is($json->{cluster}{clusterName}, 'here', 'as anywhere');
is(($t->get('/index.html', $t->port))[1], "<p>a site</p>\n", 'the site');
unlike(($t->get('/nothing/x.html', $t->port))[1], qr/<html>/,
       'the test server has its own API at /');
is(($t->get('/ecs-admin/livez', $t->port))[0], 200, 'admin in a site');

($status, my $text, my $headers) = $t->get('/ecs/ui/', $t->port);
is("$status $text", "200 <p>the UI</p>\n", 'the UI below the API');
like($headers->{'content-security-policy'}, qr/^default-src 'none';/,
     'with its policy');
($status, undef, $headers) = $t->get('/ecs/ui/assets/ui-1.js', $t->port);
is($headers->{'content-type'}, 'text/javascript; charset=utf-8',
   'its scripts are scripts');
like($headers->{'cache-control'}, qr/immutable/, 'that may be kept');

IO::Socket::UNIX->new(Local => "$dir/runtime.sock", Listen => 1)->close;
($status, $json) = $t->get('/ecs/ui/runtime/v1/tasks/x', $t->port);
is($status, 503, 'without a reconciler the UI cannot ask it');
like($json, qr/"The reconciler does not answer/, 'which is said');

for my $path ('/own/', '/own', '/own?x=y', '/longer/still') {
    (undef, my $out) = $t->api('CreateCluster', { clusterName => 'own' },
                               path => $path);
    like($out->{cluster}{clusterArn}, qr/:111122223333:/,
         "the location of $path");
}

is(($t->api('ListClusters', {}, path => '/exact'))[0], 204,
   'not where a location has just that name');
is(($t->api('ListClusters', {}, path => '/longer'))[0], 204, 'of any kind');
is(($t->api('ListClusters', {}, path => '/longer/'))[0], 200, 'beside it');

my ($got) = Kecs::parse($t->raw("POST /ecs/ HTTP/1.1\r\n"
    . "Host: site.example\r\nConnection: close\r\nX-Amz-Target: "
    . "$Kecs::TARGET.ListClusters\r\nContent-Length: 2\r\n\r\n{}"));
is($got, 200, 'its own server_name is an allowed Host');


# nginx's own refusals, in words that an SDK understands.

is(($t->api('ListClusters', {}, path => '/limited/'))[0], 200, 'one');
($status, $json, $headers) = $t->api('ListClusters', {},
                                        path => '/limited/');
is($status, 429, 'limit_req by operation');
is($json->{__type}, 'ThrottlingException', 'is throttling');
ok($headers->{'x-amzn-requestid'}, 'with a request id');
is(($t->api('CreateCluster', {}, path => '/limited/'))[0], 200,
   'another operation has its own');

($status, $json) = $t->api('DeleteCluster', { cluster => 'here' },
                           path => '/mapped/');
is("$status $json->{__type}", '403 AccessDeniedException', 'a map by action');
is(($t->api('ListClusters', {}, path => '/mapped/'))[0], 200, 'lets reads in');

($status, $json) = $t->api('ListClusters', {}, path => '/auth/');
is("$status $json->{__type}", '401 AccessDeniedException', 'auth_request');

($status, $json) = $t->api('ListClusters', {}, path => '/pages/');
is("$status $json", '403 my own page', 'an error_page comes first');


# TLS with client certificates, HTTP/2, by curl.

sub curl {
    my (@args) = @_;

    my $url = "https://localhost:$t->{tls_port}/";
    my $command = join ' ', "curl -s --max-time 20 --cacert $dir/server.crt",
        q(-w '\n%{http_code} %{http_version}'),
        "-H 'X-Amz-Target: $Kecs::TARGET.ListClusters' -d '{}'", @args, $url;
    my $out = `$command 2>&1`;

    return $out =~ /^(.*)\n(\d+) (\S+)\z/s ? ($2, $1, $3) : (0, $out, 0);
}

my $cert = "--cert $dir/client.crt --key $dir/client.key";
($status, my $body) = curl("--http1.1 $cert");
is($status, 200, 'TLS') or diag($body);
like($body, qr{cluster/here}, 'the same store');

SKIP: {
    skip 'curl has no HTTP/2', 4 unless `curl -V` =~ /HTTP2/;
    ($status, $body, my $version) = curl("--http2 $cert");
    is("$status $version", '200 2', 'HTTP/2');
    ($status, $body) = curl("--http2 $cert -H 'Host: evil.example'");
    is($status, 400, 'a foreign Host over HTTP/2');
    like($body, qr/AccessDeniedException/, 'in JSON');
    my $large = $t->write_file('large', '{"x":"' . 'y' x 1_100_000 . '"}');
    ($status, $body) = curl("--http2 $cert --data-binary \@$large");
    like("$status $body", qr/^413 .*RequestEntityTooLargeException/,
         'too large over HTTP/2');
}

# The stream of events, until its first one has come.
for my $version (`curl -V` =~ /HTTP2/ ? qw(--http1.1 --http2) : '--http1.1')
{
    my $pid = open my $stream, '-|', 'curl', '-sN', '--max-time', 30,
        '--cacert', "$dir/server.crt", split(' ', $cert), $version, '-H',
        'Accept: text/event-stream',
        "https://localhost:$t->{tls_port}/events?since=0&kind=cluster"
        . '&account=*&region=*' or die "curl: $!\n";
    my $events = '';
    while (sysread $stream, $events, 65536, length $events) {
        last if $events =~ /^data: \{"version".*\n/m;
    }
    kill 'TERM', $pid;
    close $stream;
    like($events, qr/^id: \d+\ndata: \{"version":"0",.*cluster/m,
         "an event over TLS, $version");
}

($status, $body) = curl('--http1.1');
is($status, 400, 'no certificate');
like($body, qr/^\{"__type":/, 'in JSON too');
like(Kecs::read_all(do {
    my $s = $t->connect($t->{tls_port});
    print $s "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    $s->flush;
    $s;
}, 10), qr/400 Bad Request.*\{"__type":/s, 'plain HTTP on the TLS port');


# The configuration of `kecs up`, and as an ordinary user.

my $up = Kecs->new(workers => 2, template => sample('kecs.conf'),
                   error_log => 'error_log %%DIR%%/error.log info;',
                   user => '', account => '123456789012',
                   access_log => '%%DIR%%/access.log kecs',
                   region => 'eu-central-1', ui => 'return 404;',
                   runtime => "$Kecs::ROOT/conf/runtime.conf");
mkdir $up->data;
my ($ok, $out) = $up->check_conf;
ok($ok, 'conf/kecs.conf') or diag($out);
unlink $up->dir . '/error.log', $up->dir . '/check.out';

SKIP: {
    my $uid = (getpwnam 'nobody')[2];
    skip 'not started as root', 7 unless $> == 0 && defined $uid;

    chown $uid, -1, $up->dir, glob($up->dir . '/*'), glob($up->data . '/*');
    $up->{uid} = $uid;
    $up->start;

    my ($status, $json) = $up->api('CreateCluster', {});
    is($status, 200, 'an ordinary user: a write');
    is($json->{cluster}{clusterArn},
       'arn:aws:ecs:eu-central-1:123456789012:cluster/default',
       'account and region of the configuration');
    is(($up->get('/livez'))[0], 200, 'livez');
    is((stat $up->data . '/data.mdb')[4], $uid, 'the store is the user\'s');

    my $line = $up->wait_for(sub {
        (split /\n/, $up->read_file('access.log'))[0]
    });
    my $log = $up->json->decode($line);
    is($log->{action}, 'CreateCluster', 'the access log');
    is($log->{error}, '-', 'has our variables');
    is($up->stop, 0, 'stops in good order');
    $up->no_alerts;
    $up->no_sanitizer_errors;
}


# As root the folder of the store goes to the workers' user.

SKIP: {
    my $uid = (getpwnam 'nobody')[2];
    skip 'not started as root', 3 unless $> == 0 && defined $uid;

    my $drop = Kecs->new(workers => 1, user => 'user nobody nogroup;');
    $drop->start;
    is((stat $drop->data)[4], $uid, 'the new folder is the workers\'');
    is((stat _)[2] & 07777, 0700, 'and nobody else\'s');
    is(($drop->api('CreateCluster', {}))[0], 200, 'they can write');
    $drop->stop;
    $drop->no_alerts;
    $drop->no_sanitizer_errors;
}

$t->done;
