#!/usr/bin/perl

# Real clients and an API that is part of somebody else's nginx: in a
# location of a site with static files, below a path prefix, behind TLS and
# HTTP/2, behind another reverse proxy that keeps or changes the Host.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi ();
use KecsClient;
use Test::More;

my $python = $ENV{KECS_PYTHON} || client('python') . '/bin/python';
my $aws = $ENV{KECS_AWS} || client('python') . '/bin/aws';
my $story = "$Kecs::ROOT/t/clients/boto3_endpoint.py";


# The site: a usual nginx.conf, with the module loaded and two locations.

my $SITE = <<'END';
load_module %%MODULE%%;
%%USER%%
worker_processes %%WORKERS%%;
worker_shutdown_timeout %%SHUTDOWN%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
events { worker_connections 768; }
http {
    kecs_store %%DATA%% size=256m;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    types { text/html html; text/css css; }
    default_type application/octet-stream;
    ssl_protocols TLSv1.2 TLSv1.3;
    gzip on;
    gzip_types *;
    gzip_min_length 1;
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
    log_format site '$status $server_protocol $http_host $request_uri';
    access_log %%DIR%%/access.log site;
    server {
        listen 127.0.0.1:%%PORT%%;
        listen 127.0.0.1:%%TLS_PORT%% ssl http2;
        server_name www.example.com;
        ssl_certificate %%DIR%%/server.crt;
        ssl_certificate_key %%DIR%%/server.key;
        root %%DIR%%/web;
        index index.html;
        error_page 404 /404.html;
        error_page 500 502 503 504 /50x.html;
        location / { try_files $uri $uri/ =404; }
        location /some/prefix/ { kecs on; }
        location /bare { kecs on; }
        location /named/ { kecs on; kecs_hosts backend; }
        location /health/ { kecs_admin on; }
    }
}
END

my $t = Kecs->new(workers => 2, template => $SITE,
                  tls_port => Kecs::free_port(),
                  reconciler => \@KecsApi::SHORT);
my ($dir, $port, $tls) = ($t->dir, $t->port, $t->{tls_port});

mkdir "$dir/web";
$t->write_file('web/index.html', "<p>a site</p>\n");
$t->write_file('web/404.html', "<p>nothing here</p>\n");
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout"
       . " $dir/server.key -out $dir/server.crt -subj /CN=www.example.com"
       . ' -addext subjectAltName=DNS:*.example.com,DNS:localhost'
       . ",IP:127.0.0.1 >>$dir/openssl.log 2>&1") == 0
    or die 'openssl: ', $t->read_file('openssl.log');
$t->start;


# The proxy in front, an nginx of its own that knows nothing of the API.

my $FRONT = <<'END';
%%USER%%
worker_processes %%WORKERS%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
events { worker_connections 512; }
http {
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
    access_log off;
    upstream backend { server 127.0.0.1:%%SITE%%; keepalive 4; }
    server {
        listen 127.0.0.1:%%PORT%%;
        location /kept/ {
            proxy_set_header Host $http_host;
            proxy_pass http://backend/some/prefix/;
        }
        location /changed/ {
            proxy_pass http://backend/some/prefix/;
        }
        location /changed/named/ {
            proxy_pass http://backend/named/;
        }
        location /address/ {
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://127.0.0.1:%%SITE%%/some/prefix/;
        }
        location /named/ {
            proxy_set_header Host www.example.com;
            proxy_pass http://backend/some/prefix/;
        }
        location /encrypted/ {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_verify on;
            proxy_ssl_server_name on;
            proxy_ssl_name localhost;
            proxy_request_buffering off;
            proxy_http_version 1.1;
            proxy_pass https://127.0.0.1:%%SITE_TLS%%/some/prefix/;
        }
    }
}
END

my $front = Kecs->new(workers => 1, template => $FRONT, site => $port,
                      site_tls => $tls, ca => "$dir/server.crt")->start;
my $front_port = $front->port;


# What the last call looked like at the site.

sub last_request { (split /\n/, $t->read_file('access.log'))[-1] // '' }

sub story_at {
    my ($endpoint, $name) = @_;

    note("boto3 at $endpoint");
    relay($python, $story, $endpoint, $name);
}

# How boto3 names the error of a call there.

sub refused_at {
    my ($endpoint) = @_;

    my $out = `'$python' '$story' '$endpoint' refused 2>&1`;

    return $out =~ /An error occurred \((\w+)\)/ ? $1 : $out;
}


# In a location of a site, below a prefix.

my $api = "http://127.0.0.1:$port/some/prefix/";
story_at($api, 'prefix');
story_at("http://127.0.0.1:$port/some/prefix", 'no-slash');
is(($t->get('/', $port))[1], "<p>a site</p>\n", 'the site is there');
is(($t->get('/nothing', $port))[1], "<p>nothing here</p>\n",
   'with its own pages');
is(($t->get('/health/livez', $port))[0], 200, 'and health beside it');
story_at("http://127.0.0.1:$port/bare", 'bare');
story_at("http://127.0.0.1:$port/bare/", 'bare-slash');
story_at("http://www.example.com:$port/some/prefix/", 'name');
like(last_request(), qr/ www\.example\.com:$port /, 'by the name of the site');
is(refused_at("http://evil.example.com:$port/some/prefix/"),
   'AccessDenied', 'by another name: refused');

{
    local $ENV{AWS_ACCESS_KEY_ID} = 'x';
    local $ENV{AWS_SECRET_ACCESS_KEY} = 'x';
    local $ENV{AWS_CONFIG_FILE} = '/nonexistent';
    my $out = `'$aws' --endpoint-url '$api' --region us-east-1 --output text \\
               ecs create-cluster --query cluster.status 2>&1`;
    is($out, "ACTIVE\n", 'the aws CLI below a prefix');
    $out = `'$aws' --endpoint-url 'https://localhost:$tls/some/prefix/' \\
            --ca-bundle '$dir/server.crt' --region us-east-1 --output text \\
            ecs describe-clusters --query 'clusters[].status' 2>&1`;
    is($out, "ACTIVE\n", 'the aws CLI with an authority of ours');
}


# Behind TLS; with HTTP/2, and everything.

{
    local $ENV{AWS_CA_BUNDLE} = "$dir/server.crt";
    story_at("https://localhost:$tls/some/prefix/", 'tls');
    story_at("https://www.example.com:$tls/some/prefix/", 'tls-name');
    like(last_request(), qr{^200 HTTP/1\.1 }, 'HTTP/1.1 over TLS');
}

like(refused_at("https://localhost:$tls/some/prefix/"),
     qr/CERTIFICATE_VERIFY_FAILED/, 'an authority nobody knows');

{
    local $ENV{SSL_CERT_FILE} = "$dir/server.crt";
    note('the SDK for Go, over HTTP/2');
    relay(client('go'), "https://localhost:$tls/some/prefix/",
          lossy($port, '/some/prefix/'));
    my @lines = split /\n/, $t->read_file('access.log');
    my $second = grep { m{ HTTP/2\.0 localhost:$tls } } @lines;
    cmp_ok($second, '>', 100, 'its calls came by HTTP/2');
}


# Behind another proxy.

my $at = "http://127.0.0.1:$front_port";
story_at("$at/kept/", 'kept');
like(last_request(), qr/ 127\.0\.0\.1:$front_port /, 'Host is kept');
story_at("http://www.example.com:$front_port/kept/", 'kept-name');
like(last_request(), qr/ www\.example\.com:$front_port /,
     'Host is kept: the name of the site');
is(refused_at("http://evil.example.com:$front_port/kept/"),
   'AccessDenied', 'Host is kept: another name is refused');
is(refused_at("$at/changed/"), 'AccessDenied',
   'Host is the name of the upstream: refused');
story_at("$at/changed/named/", 'changed');
like(last_request(), qr/ backend /, 'unless kecs_hosts has it');
story_at("http://evil.example.com:$front_port/address/", 'address');
like(last_request(), qr/ 127\.0\.0\.1:$port /,
     'Host is the address of the upstream');
story_at("$at/named/", 'named');
like(last_request(), qr/ www\.example\.com /, 'Host is set');
story_at("$at/encrypted/", 'encrypted');

$front->stop;
$front->no_alerts;
$t->done;
