package Kecs;

# Test harness: a temporary folder, an nginx with the module on free ports,
# a client for the API, and two tests at the end of every file: no alerts in
# the error log, no report of a sanitizer.
#
#     my $t = Kecs->new(workers => 4);
#     $t->start;
#     my ($status, $json, $headers) = $t->api('ListClusters', {});
#     $t->done;
#
# Environment:
#     KECS_MODULE      the module (default build/ngx_http_kecs_module.so)
#     KECS_NGINX       the nginx program (default nginx)
#     KECS_RECONCILER  the reconciler (default build/kecs-reconciler)
#     KECS_SANITIZE    1: the module is one under AddressSanitizer
#                      (then the defaults are in build/asan/)
#     KECS_LEAVE       1: keep the folder
#
# Only Perl's core modules are used.

use strict;
use warnings;

use Cwd qw(abs_path);
use Errno qw(EINTR);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Test::More;
use Time::HiRes qw(time sleep);

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $TARGET = 'AmazonEC2ContainerServiceV20141113';

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;
my $BUILD = $ENV{KECS_SANITIZE} ? "$ROOT/build/asan" : "$ROOT/build";

my $TEMPLATE = <<'END';
load_module %%MODULE%%;
%%USER%%
worker_processes %%WORKERS%%;
worker_shutdown_timeout %%SHUTDOWN%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
%%MAIN_CONF%%
events { worker_connections 512; }
http {
    kecs_store %%DATA%% size=256m;
    client_body_temp_path %%DIR%%/body;
    proxy_temp_path %%DIR%%/proxy;
    fastcgi_temp_path %%DIR%%/fastcgi;
    uwsgi_temp_path %%DIR%%/uwsgi;
    scgi_temp_path %%DIR%%/scgi;
    log_format kecs escape=json '%%LOG_FORMAT%%';
    access_log %%DIR%%/access.log kecs;
    keepalive_requests 100000;
    %%HTTP_CONF%%
    server {
        listen 127.0.0.1:%%PORT%% backlog=1024;
        %%SERVER_CONF%%
        location / { kecs on; %%API_CONF%% }
    }
    server {
        listen 127.0.0.1:%%ADMIN_PORT%%;
        location / { kecs_admin on; }
    }
}
END


# (status, output) of a command that ends by itself; no input, both outputs.
sub capture {
    my (@command) = @_;

    my $pid = open my $p, '-|';
    die "fork: $!\n" unless defined $pid;

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    my $text = do { local $/; <$p> } // '';
    close $p;

    return ($? >> 8, $text);
}


# Options: workers, template (text) and the values of its %%NAMES%% in lower
# case: main_conf, http_conf, server_conf, api_conf, user, log_format, ...;
# reconciler => 1 or [arguments]; uid => who runs it (for root);
# env => what nginx and the reconciler get.

sub new {
    my ($class, %o) = @_;

    my $dir = tempdir('kecs-test-XXXXXX', TMPDIR => 1,
                      CLEANUP => !$ENV{KECS_LEAVE});
    chmod 0755, $dir;

    my $self = bless {
        dir => $dir,
        data => "$dir/data",
        workers => 4,
        port => free_port(),
        admin_port => free_port(),
        module => $ENV{KECS_MODULE} || "$BUILD/ngx_http_kecs_module.so",
        nginx => $ENV{KECS_NGINX} || 'nginx',
        user => $> == 0 ? 'user root;' : '',
        log => $dir,
        shutdown => '30s',
        account => '000000000000',
        region => 'us-east-1',
        template => $TEMPLATE,
        log_format => '$kecs_action $kecs_error $status',
        allowed => [],
        env => {},
        owner => $$,
        %o,
    }, $class;

    $self->write_conf;

    return $self;
}

sub dir { $_[0]{dir} }
sub data { $_[0]{data} }
sub port { $_[0]{port} }
sub admin_port { $_[0]{admin_port} }
sub pid { $_[0]{pid} }
sub master_pid { $_[0]{pid} }
sub json { $JSON }


# A port that stays free for this suite, also while what listens there is
# stopped and started again: below those that the kernel gives to outgoing
# connections, and taken from other suites by a name that ends with this
# process.

my %given;

sub free_port {
    my ($low, $high) = (10000, ephemeral_from() - 1);

    for (1 .. 1000) {
        my $port = $low + int rand($high - $low);
        my $name = IO::Socket::UNIX->new(Listen => 1,
            Local => "\0kecs-test-port-$port") or next;
        IO::Socket::INET->new(Listen => 1, ReuseAddr => 1,
            LocalAddr => '127.0.0.1', LocalPort => $port) or next;
        $given{$port} = $name;

        return $port;
    }

    die "no free port: $!\n";
}

sub ephemeral_from {
    open my $f, '<', '/proc/sys/net/ipv4/ip_local_port_range'
        or return 32768;
    my ($from) = split ' ', <$f> // '';

    return $from > 12000 ? $from : 32768;
}


# Configuration.

sub render {
    my ($self, $text) = @_;

    $text =~ s{%%([A-Z_0-9]+)%%}{ $self->{lc $1} // '' }ge for 1 .. 2;

    return $text;
}

sub write_conf {
    my ($self, $template) = @_;

    $self->{template} = $template if defined $template;
    $self->write_file('nginx.conf', $self->render($self->{template}));
}

sub write_file {
    my ($self, $name, $text) = @_;

    open my $f, '>', "$self->{dir}/$name" or die "$name: $!\n";
    print $f $text;
    close $f or die "$name: $!\n";

    return "$self->{dir}/$name";
}

sub read_file {
    my ($self, $name) = @_;

    open my $f, '<', "$self->{dir}/$name" or return '';
    local $/;

    return scalar(<$f>) // '';
}

sub log_text { $_[0]->read_file('error.log') }

# Lines of the error log that match are expected ones.
sub allow { my $self = shift; push @{ $self->{allowed} }, @_ }

sub command {
    my ($self, @more) = @_;

    return ($self->{nginx}, '-p', $self->{dir}, '-e',
            "$self->{dir}/error.log", '-c', "$self->{dir}/nginx.conf",
            @more);
}

# nginx -t: (success, output).
sub check_conf {
    my ($self, $template) = @_;

    $self->write_conf($template);
    my $out = "$self->{dir}/check.out";
    my $pid = $self->spawn($out, {}, $self->command('-t'));
    my $rc = $self->reap($pid, 30);

    return ($rc == 0, $self->read_file('check.out'));
}


# Processes.

sub sanitizer_env {
    return {} unless $ENV{KECS_SANITIZE};

    my @libs = map { my $p = `cc -print-file-name=$_`; chomp $p; $p }
               qw(libasan.so libubsan.so);

    return {
        LD_PRELOAD => join(' ', @libs),
        ASAN_OPTIONS => 'detect_leaks=0:abort_on_error=0',
        UBSAN_OPTIONS => 'print_stacktrace=1',
    };
}

sub spawn {
    my ($self, $out, $env, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my %env = (%{ sanitizer_env() }, %$env);
        $ENV{$_} = $env{$_} for keys %env;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $out;
        open STDERR, '>>', $out;
        POSIX::setuid($self->{uid}) if $self->{uid};
        exec { $command[0] } @command or POSIX::_exit(127);
    }

    return $pid;
}

# Exit status of a child, undef when it has not ended in time.
sub reap {
    my ($self, $pid, $timeout) = @_;

    my $end = time + $timeout;

    while (time < $end) {
        my $got = waitpid $pid, WNOHANG;
        return $? if $got == $pid;
        return -1 if $got == -1;
        sleep 0.01;
    }

    return undef;
}

# Waits until the code is true.
sub wait_for {
    my ($self, $code, $timeout) = @_;

    my $end = time + ($timeout // 60);

    while (time < $end) {
        my $got = $code->();
        return $got if $got;
        sleep 0.02;
    }

    return;
}

sub start {
    my ($self) = @_;

    $self->{pid} = $self->spawn("$self->{dir}/stderr", $self->{env},
                                $self->command('-g', 'daemon off;'));

    $self->wait_for(sub {
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            die "nginx did not start:\n", $self->read_file('stderr'),
                $self->log_text, "\n";
        }
        $self->connect;
    }) or die "nginx does not listen\n", $self->log_text;

    $self->wait_for(sub { $self->worker_pids == $self->{workers} });
    $self->start_reconciler if $self->{reconciler};

    return $self;
}

sub start_reconciler {
    my ($self) = @_;

    my $program = $ENV{KECS_RECONCILER} || "$BUILD/kecs-reconciler";
    my @args = ref $self->{reconciler} ? @{ $self->{reconciler} } : ();
    my @command = ($program, '--data', $self->{data}, '--runtime',
                   'simulated', @args);

    $self->{reconciler_pid} = $self->spawn("$self->{dir}/reconciler.log",
                                           { LD_PRELOAD => '',
                                             %{ $self->{env} } }, @command);
}

sub stop_reconciler {
    my ($self, $signal) = @_;

    my $pid = delete $self->{reconciler_pid} or return;
    $self->end_process($pid, $signal // 'TERM', 'KILL');
}

# The first signal, and when that does not help in time the next.
sub end_process {
    my ($self, $pid, @signals) = @_;

    for my $signal (@signals) {
        kill $signal, $pid;
        my $rc = $self->reap($pid, 40);
        return $rc if defined $rc;
        diag("process $pid ignores $signal");
    }

    return;
}

# SIGSTOP, and waits until every thread of the process stands still: the
# signal is pending before it acts.
sub freeze {
    my ($self, $pid) = @_;

    kill 'STOP', $pid or die "cannot stop $pid: $!\n";
    $self->wait_for(sub {
        for my $stat (glob "/proc/$pid/task/*/stat") {
            open my $fh, '<', $stat or next;
            return if (<$fh> // '') !~ /\) [Tt] /;
        }
        1;
    }) or die "process $pid does not stop\n";
}

# SIGKILL to processes that are not ours to reap, and waits until they are
# no more, with their connections.
sub slay {
    my ($self, @pids) = @_;

    kill 'KILL', @pids;
    $self->wait_for(sub {
        for my $pid (@pids) {
            open my $stat, '<', "/proc/$pid/stat" or next;
            return if (<$stat> // '') =~ /\) [^ZX] /;
        }
        1;
    }) or die "@pids do not die\n";
}

sub stop {
    my ($self) = @_;

    $self->stop_reconciler;
    my $pid = delete $self->{pid} or return;

    return $self->end_process($pid, 'QUIT', 'TERM', 'KILL');
}

# Workers that serve: children of the master that are not shutting down.
sub worker_pids {
    my ($self, $all) = @_;

    my @pids;
    my $master = $self->master_pid // 0;
    opendir my $proc, '/proc' or die "/proc: $!\n";

    for my $pid (grep { /^\d+$/ } readdir $proc) {
        open my $stat, '<', "/proc/$pid/stat" or next;
        my $line = <$stat> // '';
        next unless $line =~ /\) (\S) (\d+)/ && $2 == $master && $1 ne 'Z';
        open my $cmd, '<', "/proc/$pid/cmdline" or next;
        my $title = <$cmd> // '';
        push @pids, $pid if $title =~ /worker process/
                            && ($all || $title !~ /shutting down/);
    }

    return @pids;
}

# HUP, and waits until the new generation serves and nobody of the old one
# accepts any more.  The next call is made over a new connection: the old
# workers close theirs.
sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->worker_pids(1);
    kill 'HUP', $self->master_pid;

    my $served = wait_for($self, sub {
        my @now = $self->worker_pids;
        @now == $self->{workers} && !grep { $old{$_} } @now;
    }, 30);
    delete $self->{http};

    return $served;
}

# Writes the reconciler's status as src/store/status_file.c does.
sub write_status {
    my ($self, $text) = @_;

    my $body = $text . ' ' x (2034 - length $text) . "\n";
    my $sum = 2166136261;
    $sum = (($sum ^ $_) * 16777619) & 0xffffffff for unpack 'C*', $body;
    $self->write_file('status.new', $body . sprintf "sum %08x\n", $sum);
    rename "$self->{dir}/status.new", "$self->{data}/reconciler.status"
        or die "status: $!\n";
}

# What the reconciler says of itself.
sub said {
    my ($self) = @_;

    open my $f, '<', "$self->{data}/reconciler.status" or return {};

    return { map { /^(\S+) (.*)$/ ? ($1 => $2) : () }
             <$f> };
}

# The process that holds the writer role, from the kernel's lock table.
sub writer_pid {
    my ($self) = @_;

    my $inode = (stat "$self->{data}/writer.lock")[1] or return;
    open my $locks, '<', '/proc/locks' or return;

    while (<$locks>) {
        return $1 if /FLOCK\s+\S+\s+WRITE\s+(\d+)\s+\S+:$inode\s/;
    }

    return;
}


# Clients.

sub connect {
    my ($self, $port) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port // $self->{port}, Timeout => 5);
}

sub http {
    my ($self) = @_;

    if (!$self->{http} || $self->{http_pid} != $$) {
        $self->{http} = HTTP::Tiny->new(keep_alive => 1, timeout => 70);
        $self->{http_pid} = $$;
    }

    return $self->{http};
}

# HTTP::Tiny sends head and body in two writes; with Nagle's algorithm the
# second would wait for the delayed acknowledgement of the first, 40 ms.

{
    no warnings 'redefine';
    my $connect = \&HTTP::Tiny::Handle::connect;

    *HTTP::Tiny::Handle::connect = sub {
        my $handle = $connect->(@_);
        setsockopt $handle->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;

        return $handle;
    };
}

sub credential {
    my ($key, $region) = @_;

    return "AWS4-HMAC-SHA256 Credential=$key/20261121/$region/ecs/"
           . 'aws4_request, SignedHeaders=host, Signature=00';
}

# (status, decoded answer, headers); the body may be text instead of data.
# Options: headers, path, port, region, key.
sub api {
    my ($self, $op, $in, %o) = @_;

    my $port = $o{port} // $self->{port};
    my $path = $o{path} // '/';
    my %headers = (
        'content-type' => 'application/x-amz-json-1.1',
        'x-amz-target' => "$TARGET.$op",
        %{ $o{headers} // {} },
    );

    if ($o{region} || $o{key}) {
        $headers{authorization} = credential($o{key} // 'AKIDEXAMPLE',
                                             $o{region} // 'us-east-1');
    }

    my $body = ref $in ? $JSON->encode($in) : $in // '';
    my $r = $self->http->request('POST', "http://127.0.0.1:$port$path",
                                 { headers => \%headers, content => $body });
    my $json = eval { $JSON->decode($r->{content}) };

    return ($r->{status}, $json // $r->{content}, $r->{headers});
}

sub get {
    my ($self, $path, $port) = @_;

    $port //= $self->{admin_port};
    my $r = $self->http->get("http://127.0.0.1:$port$path");

    return ($r->{status}, $r->{content}, $r->{headers});
}

# Waits until the server has taken in all that was sent on a connection.
sub taken_in {
    my ($self, $s) = @_;

    my @ends = map { sprintf '0100007F:%04X', $_ } $s->sockport, $s->peerport;
    my %queued = ("@ends" => 1, "@ends[1, 0]" => 2);    # to send, to read

    return $self->wait_for(sub {
        open my $tcp, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
        while (<$tcp>) {
            my (undef, $local, $remote, undef, $queues) = split;
            my $which = $queued{"$local $remote"} or next;
            return if (split /:/, $queues)[$which - 1] =~ /[^0]/;
        }
        1;
    });
}

# Sends bytes, returns all that comes until the server closes.  Several
# pieces are sent one by one, each as a packet of its own.
sub raw {
    my ($self, @pieces) = @_;

    my $s = $self->connect or return '';
    $s->autoflush(1);
    local $SIG{PIPE} = 'IGNORE';

    for my $i (0 .. $#pieces) {
        print $s $pieces[$i];
        sleep 0.02 if $i < $#pieces;
    }

    return read_all($s, 20);
}

sub read_all {
    my ($s, $timeout) = @_;

    my ($got, $select) = ('', IO::Select->new($s));
    my $end = time + $timeout;

    while ($select->can_read($end - time > 0 ? $end - time : 0)) {
        my $n = sysread $s, $got, 65536, length $got;
        next if !defined $n && $! == EINTR;
        last unless $n;
    }

    return $got;
}

# (status, decoded body, header text) of a raw answer.
sub parse {
    my ($text) = @_;

    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($status) = ($head // '') =~ m{^HTTP/1\.[01] (\d+)};
    my $json = eval { $JSON->decode($body // '') };

    return ($status // 0, $json // $body // '', $head // '');
}


# The end of a file.

sub no_alerts {
    my ($self) = @_;

    my @bad = grep { /\[(?:alert|emerg|crit)\]/ }
              split /\n/, $self->log_text;

    for my $allowed (@{ $self->{allowed} }) {
        @bad = grep { $_ !~ $allowed } @bad;
    }

    is(join("\n", @bad), '', 'no alerts');
}

sub no_sanitizer_errors {
    my ($self) = @_;

    my $text = join '', map { $self->read_file($_) }
                        qw(error.log stderr check.out reconciler.log);
    my @bad = $text =~ /^.*(?:Sanitizer|runtime error:).*$/mg;

    is(join("\n", @bad), '', 'no sanitizer errors');
}

sub done {
    my ($self) = @_;

    $self->stop;
    $self->no_alerts;
    $self->no_sanitizer_errors;

    if (!Test::More->builder->is_passing) {
        my @lines = split /\n/, $self->log_text;
        splice @lines, 0, @lines - 30 if @lines > 30;
        diag(join "\n", 'the end of error.log:', @lines);
    }

    done_testing();
}

sub DESTROY {
    my ($self) = @_;

    return if $self->{owner} != $$;
    local ($@, $?, $!);
    $self->stop;
}

1;
