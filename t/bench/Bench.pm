package Bench;

# What the benchmarks share: starting and ending programs, an nginx that
# serves the API beside plain answers of the same size, requests, the load
# generator, and figures about processes.  Everything runs on loopback; what
# was started is ended by its recorded pid.

use strict;
use warnings;

use Cwd ();
use File::Path ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time sleep);

my $json = JSON::PP->new->canonical;

sub new {
    my ($class, $root, $build) = @_;
    my $self = bless {
        root => $root,
        build => $build,
        dir => "$build/bench.tmp",
        pids => {},
        cpus => int `getconf _NPROCESSORS_ONLN`,
    }, $class;

    File::Path::remove_tree($self->{dir});
    File::Path::make_path($self->{dir}, "$build/bench");
    $self->compile('load', '-D_GNU_SOURCE');
    $self->compile('raw_lmdb', '-llmdb');
    $self->compile('streams', '-D_GNU_SOURCE');

    return $self;
}

sub compile {
    my ($self, $name, @flags) = @_;
    my $source = "$self->{root}/t/bench/$name.c";
    my $program = "$self->{build}/bench/$name";
    return if -x $program && -M $program < -M $source;
    my @cc = split ' ', $ENV{CC} || 'cc';
    system(@cc, '-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', $program,
        $source, grep { $_ } @flags) == 0
        or die "cannot build $name\n";
}

sub free_port {
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "no free port: $!\n";
    return $s->sockport;
}


# Processes.

sub spawn {
    my ($self, $log, @argv) = @_;
    my $pid = fork;
    die "fork: $!\n" unless defined $pid;
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        exec { $argv[0] } @argv or POSIX::_exit(127);
    }
    $self->{pids}{$pid} = $$;
    $self->{logs}{$pid} = $log;
    return $pid;
}

sub log_of {
    my ($self, $pid) = @_;
    open my $f, '<', $self->{logs}{$pid} or return '';
    local $/;
    return scalar <$f>;
}

sub alive {
    my ($self, $pid) = @_;
    return 0 unless $self->{pids}{$pid};
    return 1 if waitpid($pid, WNOHANG) == 0;
    delete $self->{pids}{$pid};
    return 0;
}

sub stop {
    my ($self, $pid, $signal) = @_;
    return unless $self->alive($pid);
    kill $signal || 'TERM', $pid;
    my $until = time + 20;
    while ($self->alive($pid)) {
        if (time > $until) {
            kill 'KILL', $pid;
            $until += 20;
        }
        sleep 0.005;
    }
}

sub stop_all {
    my ($self) = @_;
    for my $pid (keys %{ $self->{pids} }) {
        $self->stop($pid) if $self->{pids}{$pid} == $$;
    }
    File::Path::remove_tree($self->{dir});
}

# The process and everything below it.
sub tree {
    my ($self, $root) = @_;
    my %children;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $f, '<', $stat or next;
        my $line = <$f> // next;
        push @{ $children{$2} }, $1
            if $line =~ /^(\d+) \(.*\) \S (\d+) /;
    }
    my @all = ($root);
    for (my $i = 0; $i < @all; $i++) {
        push @all, @{ $children{ $all[$i] } || [] };
    }
    return @all;
}

sub rss_anon {
    my ($self, $pid) = @_;
    open my $f, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^RssAnon:\s+(\d+) kB/ ? $1 : () } <$f>;
    return ($kb || 0) / 1024;
}

sub name_of {
    my ($self, $pid) = @_;
    open my $f, '<', "/proc/$pid/cmdline" or return '?';
    my $line = <$f> // '';
    return $line =~ /worker/ ? 'nginx worker'
        : $line =~ /^nginx/ ? 'nginx master'
        : $line =~ m{([^/\0]+)\0} ? $1 : '?';
}

sub cpu_seconds {
    my ($self, @pids) = @_;
    my $ticks = 0;
    for my $pid (@pids) {
        open my $f, '<', "/proc/$pid/stat" or next;
        my @fields = split ' ', (<$f> =~ s/^.*\) //r);
        $ticks += $fields[11] + $fields[12];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub until_true {
    my ($self, $what, $pid, $within, $code) = @_;
    my $until = time + $within;
    while (1) {
        my $got = $code->();
        return $got if $got;
        die "$what: not within $within s\n" if time > $until;
        die "$what: the program has ended:\n" . $self->log_of($pid)
            unless $self->alive($pid);
        sleep 0.001;
    }
}


# The bench's own nginx.  `plain` maps names to sizes: GET or POST /NAME is
# answered by nginx itself with so many bytes; `http` is more for the http
# block.

sub plain_locations {
    my ($plain) = @_;
    my $text = '';
    for my $name (sort keys %$plain) {
        my ($k, $rest) = (int($plain->{$name} / 1000), $plain->{$name} % 1000);
        my $body = '${kilo}' x $k . 'x' x $rest;
        $text .= "location = /$name { return 200 \"$body\"; }\n";
    }
    return $text;
}

sub nginx {
    my ($self, %o) = @_;
    my $dir = "$self->{dir}/$o{name}";
    my ($port, $admin) = (free_port(), free_port());
    my $user = $> == 0 ? 'user root;' : '';
    my $pin = $o{pin} && $self->{cpus} > 1 ? 'worker_cpu_affinity 1;' : '';
    my $plain = plain_locations($o{plain} || {});
    my $kilo = 'x' x 1000;
    my $connections = $o{connections} || 2048;
    my $http = $o{http} || '';

    File::Path::make_path("$dir/tmp");
    open my $f, '>', "$dir/nginx.conf" or die "$dir: $!\n";
    print $f <<"END";
load_module $self->{build}/ngx_http_kecs_module.so;
$user
daemon off;
worker_processes $o{workers};
$pin
pid $dir/nginx.pid;
error_log $dir/error.log warn;
events { worker_connections $connections; }
http {
    access_log off;
    default_type application/x-amz-json-1.1;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path $dir/tmp/body;
    proxy_temp_path $dir/tmp/proxy;
    fastcgi_temp_path $dir/tmp/fastcgi;
    uwsgi_temp_path $dir/tmp/uwsgi;
    scgi_temp_path $dir/tmp/scgi;
    kecs_store $dir/store;
    $http
    map \$host \$kilo { default "$kilo"; }
    server {
        listen 127.0.0.1:$port;
        client_body_buffer_size 64k;
        location / { kecs on; }
        $plain
    }
    server {
        listen 127.0.0.1:$admin;
        location / { kecs_admin on; }
    }
}
END
    close $f or die "$dir: $!\n";

    my $begin = time;
    my $pid = $self->spawn("$dir/out", 'nginx', '-p', $dir, '-e',
        "$dir/error.log", '-c', "$dir/nginx.conf");
    my $server = { pid => $pid, port => $port, admin => $admin, dir => $dir };
    $self->until_true('nginx to answer', $pid, 20, sub {
        my ($status) = $self->call($server, 'ListClusters', {});
        return $status == 200;
    });
    $server->{ready} = time - $begin;
    $server->{workers} = [grep { $_ != $pid } $self->tree($pid)];

    return $server;
}


# Requests.

sub request {
    my ($self, $path, $op, $input) = @_;
    my $body = $json->encode($input);
    return "POST $path HTTP/1.1\r\nHost: localhost\r\n"
        . "Content-Type: application/x-amz-json-1.1\r\n"
        . "X-Amz-Target: AmazonEC2ContainerServiceV20141113.$op\r\n"
        . 'Authorization: AWS4-HMAC-SHA256 Credential=kecs/20260101/'
        . 'us-east-1/ecs/aws4_request, SignedHeaders=host, Signature='
        . '0' x 64 . "\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

# Sends on a server's connection, which is kept; false: there is none.
sub give {
    my ($self, $server, $request) = @_;
    my $s = $server->{socket} //= IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $server->{port}, Timeout => 10);
    return 1 if $s && syswrite $s, $request;
    delete $server->{socket};
    return 0;
}

# Status (0: no connection), body and headers of what comes back.
sub take {
    my ($self, $server) = @_;
    my ($s, $text, $head) = ($server->{socket}, '');
    while (!defined $head) {
        sysread $s, $text, 65536, length $text
            or return delete $server->{socket} && (0, '', '');
        $head = $1 if $text =~ s/^(.*?\r\n)\r\n//s;
    }
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    while (length $text < ($length // 0)) {
        sysread $s, $text, 65536, length $text or last;
    }
    delete $server->{socket} if $head =~ /^Connection: close/mi;
    return ($head =~ m{^HTTP/1.1 (\d+)} ? $1 : 0, $text, $head);
}

sub exchange {
    my ($self, $server, $request) = @_;
    return $self->give($server, $request) ? $self->take($server)
        : (0, '', '');
}

# Calls one operation with each input, on several connections at once.
sub many {
    my ($self, $server, $op, @inputs) = @_;
    my @lanes = map { { port => $server->{port} } } 1 .. 32;
    while (@inputs) {
        my @now = splice @inputs, 0, scalar @lanes;
        $self->give($lanes[$_], $self->request('/', $op, $now[$_]))
            or die "$op: no connection\n" for 0 .. $#now;
        for my $lane (@lanes[0 .. $#now]) {
            my ($status, $body) = $self->take($lane);
            die "$op: $status $body\n" unless $status == 200;
        }
    }
}

sub call {
    my ($self, $server, $op, $input) = @_;
    return $self->exchange($server, $self->request('/', $op, $input));
}

# A call that has to succeed; the decoded answer.
sub must {
    my ($self, $server, $op, $input) = @_;
    my ($status, $body) = $self->call($server, $op, $input);
    die "$op: $status $body\n" unless $status == 200;
    return $json->decode($body);
}


# The load generator; `request` is what each connection sends.

sub load {
    my ($self, $server, $request, %o) = @_;
    my $file = "$self->{dir}/request";
    open my $f, '>', $file or die "$file: $!\n";
    print $f $request;
    close $f or die "$file: $!\n";

    my @argv = ("$self->{build}/bench/load", '-p', $server->{port},
        '-c', $o{connections}, '-t', $o{seconds},
        $o{warmup} ? ('-w', $o{warmup}) : (),
        $o{count} ? ('-n', $o{count}) : (),
        $o{pin} && $self->{cpus} > 1 ? ('-a', 1, '-s') : (), $file);
    my $before = $self->cpu_seconds(@{ $server->{workers} || [] });
    my $result = $self->json_of(@argv);
    my $cpu = $self->cpu_seconds(@{ $server->{workers} || [] }) - $before;
    die "load: $result->{errors} errors, $result->{unanswered} unanswered\n"
        if $result->{errors} || $result->{unanswered};
    $result->{server_usec} = $cpu * 1e6 / ($result->{answers} || 1);

    return $result;
}

sub lines_of {
    my ($self, @argv) = @_;
    open my $p, '-|', @argv or die "$argv[0]: $!\n";
    my @lines = <$p>;
    close $p or die "@argv: failed\n";
    return @lines;
}

sub json_of {
    my ($self, @argv) = @_;
    return $json->decode(join '', $self->lines_of(@argv));
}


# Figures.

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return 0 unless @sorted;
    my $mid = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$mid]
        : ($sorted[$mid - 1] + $sorted[$mid]) / 2;
}

sub percentile {
    my ($p, @values) = @_;
    my @sorted = sort { $a <=> $b } @values;
    my $i = int(@sorted * $p);
    return $sorted[$i > $#sorted ? $#sorted : $i];
}

1;
