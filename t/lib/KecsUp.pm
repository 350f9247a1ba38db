package KecsUp;

# The whole system as a user starts it: `kecs up` in a temporary folder, on
# free ports, with short time constants; and the aws CLI against it.
# Everything is ended by recorded pid.

use strict;
use warnings;

use File::Temp ();
use JSON::PP ();
use Kecs ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(time sleep);

# Calls without the aws CLI, by HTTP from here, as in Kecs.pm.
*api = \&Kecs::api;
*get = \&Kecs::get;
*http = \&Kecs::http;

# What its reconciler says.
*said = \&Kecs::said;

# The workers of its nginx, and a reload that ends with a new generation.
*worker_pids = \&Kecs::worker_pids;
*reload = \&Kecs::reload;

our @SETS = qw(healthy-after=500 throttle-first=300 throttle-max=2000);

sub new {
    my ($class, %o) = @_;
    my $self = bless {
        build => $o{build} || $ENV{KECS_BUILD} || 'build',
        runtime => $o{runtime} || 'simulated',
        flags => $o{flags} || [],
        prefix => $o{prefix} || [],
        sets => $o{sets} || \@SETS,
        env => $o{env} || {},
        workers => $o{workers} || 4,
        region => 'us-east-1',
        key => 'kecs',
    }, $class;

    $self->{temp} = File::Temp->newdir('kecs-XXXXXXXX',
        DIR => $ENV{KECS_TMP} || '/tmp', CLEANUP => !$ENV{KECS_LEAVE});
    $self->{data} = $o{data} || "$self->{temp}/data";
    $self->{log} = "$self->{temp}/up.log";
    ($self->{port}, $self->{admin}) = (Kecs::free_port(), Kecs::free_port());
    $self->{admin_port} = $self->{admin};

    return $self;
}

# Polls until the block is true; dies with `what` after `within` seconds.
sub wait_for {
    my ($what, $code, $within) = @_;
    my $until = time + ($within || 60);
    while (1) {
        my $got = $code->();
        return $got if $got;
        die "timed out waiting for $what\n" if time > $until;
        sleep 0.05;
    }
}

sub start {
    my ($self, $within) = @_;
    return $self->launch->await($within);
}

sub launch {
    my ($self) = @_;
    my @argv = (@{ $self->{prefix} }, "$self->{build}/kecs", 'up',
        '--port', $self->{port}, '--admin-port', $self->{admin},
        '--data', $self->{data}, '--runtime', $self->{runtime},
        '--workers', $self->{workers},
        (map { ('--set', $_) } @{ $self->{sets} }), @{ $self->{flags} });
    $self->{shown} = () = $self->output =~ /In another terminal/g;

    my $pid = fork;
    die "fork: $!" unless defined $pid;
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $self->{log};
        open STDERR, '>&', \*STDOUT;
        $ENV{$_} = $self->{env}{$_} for keys %{ $self->{env} };
        exec @argv or POSIX::_exit(127);
    }
    $self->{pid} = $pid;

    return $self;
}

# Waits for the banner of this start.
sub await {
    my ($self, $within) = @_;
    my $pid = $self->{pid};

    eval {
        wait_for('the system to be ready', sub {
            if (waitpid($pid, POSIX::WNOHANG()) == $pid) {
                delete $self->{pid};
                die "kecs up ended:\n" . $self->output;
            }
            my $shown = () = $self->output =~ /In another terminal/g;
            return $shown > $self->{shown};
        }, $within || 60);
    };
    if ($@) {
        Test::More::diag($@, $self->output);
        die $@;
    }
    return $self;
}

sub output {
    my ($self) = @_;
    open my $f, '<', $self->{log} or return '';
    local $/;
    return scalar <$f>;
}

# SIGTERM, as Ctrl-C; returns the exit status.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    my $until = time + 60;
    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        if (time > $until) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
            return 255;
        }
        sleep 0.02;
    }
    return $? >> 8;
}

# Pids of the processes below `kecs up`, itself first.
sub pids {
    my ($self) = @_;
    my %parent;
    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $f, '<', $stat or next;
        my ($pid, $ppid) = (<$f> || '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
        $parent{$pid} = $ppid;
    }
    my @found = ($self->{pid});
    for (my $i = 0; $i < @found; $i++) {
        push @found, grep { $parent{$_} == $found[$i] } sort keys %parent;
    }
    return @found;
}

# The master of its nginx; undef while there is none.
sub master_pid {
    my ($self) = @_;
    open my $f, '<', "$self->{data}/nginx.pid" or return undef;
    return (<$f> || '') =~ /^(\d+)$/ ? $1 : undef;
}

sub kill_all {
    my ($self) = @_;
    my @pids = $self->pids;
    kill 'KILL', @pids;
    waitpid delete $self->{pid}, 0;
    wait_for('the killed processes to be gone', sub {
        return !grep { -d "/proc/$_" && state_of($_) ne 'Z' } @pids;
    });
    return;
}

sub state_of {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/stat" or return 'Z';
    return (<$f> || '') =~ /^\d+ \(.*\) (\S)/ ? $1 : 'Z';
}

# aws ecs VERB ...: the decoded answer; dies with its error text.
sub aws {
    my ($self, @args) = @_;
    my ($status, $text) = $self->try_aws(@args);
    die "aws @args: $text" if $status;
    return $text =~ /\S/ ? JSON::PP->new->utf8->decode($text) : {};
}

sub try_aws {
    my ($self, @args) = @_;
    local %ENV = (%ENV, $self->aws_env, %{ $self->{env} });
    my @cmd = (@{ $self->{prefix} }, $ENV{KECS_AWS} || 'aws', 'ecs', @args,
        '--output', 'json');
    return Kecs::capture(@cmd);
}

sub aws_env {
    my ($self) = @_;
    return (
        AWS_ENDPOINT_URL => "http://127.0.0.1:$self->{port}",
        AWS_REGION => $self->{region},
        AWS_DEFAULT_REGION => $self->{region},
        AWS_ACCESS_KEY_ID => $self->{key},
        AWS_SECRET_ACCESS_KEY => 'kecs',
        AWS_EC2_METADATA_DISABLED => 'true',
        AWS_PAGER => '',
        AWS_CONFIG_FILE => '/nonexistent',
        AWS_SHARED_CREDENTIALS_FILE => '/nonexistent',
    );
}

# The kecs tool on this store: (status, output).
sub kecs {
    my ($self, @args) = @_;
    local %ENV = (%ENV, %{ $self->{env} });
    return Kecs::capture(@{ $self->{prefix} }, "$self->{build}/kecs", @args,
        '--data', $self->{data});
}

# Two tests: the store keeps its invariants, the log is free of alarms.
sub final_checks {
    my ($self) = @_;
    my ($status, $text) = $self->kecs('check');
    Test::More::is($status, 0, 'kecs check finds no defect')
        or Test::More::diag($text);

    my @bad;
    if (open my $f, '<', "$self->{data}/error.log") {
        @bad = grep { /\[(alert|emerg|crit)\]|Sanitizer|runtime error/ } <$f>;
    }
    push @bad, grep { /Sanitizer|runtime error/ } split /\n/, $self->output;
    Test::More::is(scalar @bad, 0, 'no alerts, no sanitizer lines')
        or Test::More::diag(@bad);
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@);
    $self->stop if $self->{pid};
    return;
}

1;
