#!/usr/bin/perl

# The trace context and the request id of a call, all the way from its HTTP
# request to what Kubernetes is asked: an API server of our own, which writes
# down the headers of requests about pods and lets every pod be pending.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Fcntl qw(:flock);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Kecs;
use KecsUp;
use POSIX ();
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my $JSON = JSON::PP->new->utf8;
my $TRACE = '0af7651916cd43dd8448eb211c80319c';
my $SPAN = 'b7ad6b7169203331';


# The API server: a process for each connection.

sub reply {
    my ($to, $code, $json) = @_;

    print $to "HTTP/1.1 $code X\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($json) . "\r\n\r\n$json";
    $to->flush;
    return;
}

sub remember {
    my ($temp, $line) = @_;

    open my $f, '>>', "$temp/asked" or die "$temp/asked: $!";
    flock $f, LOCK_EX;
    print $f $line;
    close $f;
    return;
}

# A pod as it was posted, and with a uid.
sub pod {
    my ($temp, $name, $body) = @_;

    if (defined $body) {
        my $pod = $JSON->decode($body);
        $name = $pod->{metadata}{name};
        $pod->{metadata}{uid} = "uid-$name";
        open my $f, '>', "$temp/$name" or die "$temp/$name: $!";
        print $f $JSON->encode($pod);
        close $f;
    }
    open my $f, '<', "$temp/$name" or return undef;
    local $/;
    return scalar <$f>;
}

sub serve {
    my ($c, $temp) = @_;

    while (defined(my $request = <$c>)) {
        my ($method, $path) = $request =~ /^(\S+) (\S+)/ or return;
        my %header;
        while (defined(my $line = <$c>)) {
            last if $line eq "\r\n";
            $header{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r\n/;
        }
        my $body;
        read $c, $body, $header{'content-length'}
            if $header{'content-length'};

        if ($path eq '/version') {
            reply($c, 200, '{"major":"1","minor":"34"}');
        } elsif ($path =~ m{/leases|/nodes}) {
            reply($c, 403, '{"kind":"Status","message":"no"}');
        } elsif ($path =~ /watch=1/) {
            print $c "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                . "Transfer-Encoding: chunked\r\n\r\n";
            $c->flush;
            IO::Select->new($c)->can_read;
            return;
        } elsif ($path =~ m{/pods(?:/([^?]+))?} && $path !~ /limit=/) {
            remember($temp, join(' ', $method, $header{'audit-id'} // '-',
                $header{traceparent} // '-') . "\n");
            my $pod = pod($temp, $1, $method eq 'POST' ? $body : undef);
            reply($c, $pod ? 200 : 404, $pod // '{"reason":"NotFound"}');
        } else {
            reply($c, 200, '{"metadata":{"resourceVersion":"1"},"items":[]}');
        }
    }
    return;
}

sub api_server {
    my ($temp) = @_;

    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1,
        LocalAddr => '127.0.0.1') or die "an API server: $!";
    my $pid = fork // die $!;
    if ($pid == 0) {
        $SIG{CHLD} = 'IGNORE';
        setpgrp;
        while (my $c = $listen->accept) {
            next if fork // die $!;
            close $listen;
            serve($c, $temp);
            POSIX::_exit(0);
        }
        POSIX::_exit(0);
    }

    return ($pid, $listen->sockport);
}


# The requests about pods since the last time, once there is one of a method.

my $seen = 0;
sub asked {
    my ($temp, $method) = @_;

    my @new;
    ok(Kecs::wait_for(undef, sub {
        open my $f, '<', "$temp/asked" or return 0;
        my @lines = map { [split] } <$f>;
        @new = @lines[$seen .. $#lines];
        grep { $_->[0] eq $method } @new;
    }, 30), "Kubernetes is asked: $method");
    $seen += @new;

    return (grep { $_->[0] eq $method } @new)[0] // ['', '', ''];
}

my $k = KecsUp->new(build => $BUILD, env => Kecs::sanitizer_env(),
    runtime => 'kubernetes');
my $temp = "$k->{temp}/pods";
mkdir $temp or die "$temp: $!";
my ($server, $port) = api_server($temp);
END { kill 'KILL', -$server if $server }

open my $f, '>', "$k->{temp}/config" or die "$k->{temp}/config: $!";
print $f <<"CONFIG";
apiVersion: v1
kind: Config
current-context: c
clusters: [{name: c, cluster: {server: "http://127.0.0.1:$port"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u, namespace: here}}]
CONFIG
close $f or die "$k->{temp}/config: $!";

$k->{flags} = ['--kubeconfig', "$k->{temp}/config"];
$k->start;
$k->api('CreateCluster', {});
$k->api('RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => 'i', memory => 8 }] });

# A call; its request id and its answer.
sub call {
    my ($op, $in, $traceparent) = @_;

    my ($status, $json, $headers) = $k->api($op, $in, headers =>
        { defined $traceparent ? (traceparent => $traceparent) : () });
    is($status, 200, $op) or diag(explain($json));

    return ($headers->{'x-amzn-requestid'}, $json);
}

# Whether a request of ours bears the call and the trace, as its own span.
sub bears {
    my ($what, $got, $id, $flags) = @_;

    my (undef, $audit, $trace) = @$got;
    like($audit, qr/^\Q$id\E\.[0-9a-f]{16}$/, "$what: the request id");
    my ($span) = $audit =~ /\.(\w+)$/;
    isnt($span, $SPAN, "$what: a span of our own");
    is($trace, defined $flags ? "00-$TRACE-$span-$flags" : '-',
        "$what: traceparent");
    return;
}

my ($id, $ran) = call('RunTask', { taskDefinition => 'f' },
    "00-$TRACE-$SPAN-01");
my $arn = $ran->{tasks}[0]{taskArn};
bears('RunTask', asked($temp, 'POST'), $id, '01');
($id) = call('StopTask', { task => $arn }, "cc-$TRACE-$SPAN-00-later");
bears('StopTask', asked($temp, 'DELETE'), $id, '00');

($id) = call('RunTask', { taskDefinition => 'f' }, "00-$TRACE-$SPAN-01-x");
bears('a malformed traceparent', asked($temp, 'POST'), $id);
($id) = call('RunTask', { taskDefinition => 'f' });
bears('no traceparent', asked($temp, 'POST'), $id);

call('CreateService', { serviceName => 's', taskDefinition => 'f',
    desiredCount => 1 }, "00-$TRACE-$SPAN-01");
is(join(' ', @{ asked($temp, 'POST') }), 'POST - -',
    'a task that the scheduler starts is of no call');

is($k->stop, 0, 'ended');
$k->final_checks;
done_testing;
