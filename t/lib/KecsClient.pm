package KecsClient;

# Programs of t/clients: made ready by t/clients/setup, run, and their TAP
# told as tests of the suite; and an endpoint that loses answers.
#
#     my $program = client('go');
#     relay($program, $endpoint);
#     my $endpoint = lossy($port);

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use Kecs ();
use POSIX ();
use Test::More;

our @EXPORT = qw(client relay lossy);

my @children;
my $owner = $$;


# The path of a client, installed where it is missing.

sub client {
    my ($name) = @_;

    my $path = `'$Kecs::ROOT/t/clients/setup' $name`;
    chomp $path;
    BAIL_OUT("the client for $name cannot be made ready") if $? || !-e $path;

    return $path;
}

# Runs a program that speaks TAP.  It must end well and have told its plan.

sub relay {
    my (@command) = @_;

    local %ENV = (%ENV, AWS_CONFIG_FILE => '/nonexistent',
                  AWS_SHARED_CREDENTIALS_FILE => '/nonexistent',
                  AWS_EC2_METADATA_DISABLED => 'true',
                  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED => 'true');
    delete @ENV{qw(AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_ECS)};
    open my $tap, '-|', @command or die "$command[0]: $!\n";
    my ($plan, $n, $good) = (0, 0, 1);

    while (<$tap>) {
        chomp;

        if (/^(not )?ok \d+ - (.*)/) {
            $good = ok(!$1, $2);
            $n++;
        }

        $good ? note($1) : diag($1) if /^# (.*)/;
        $plan = $1 if /^1\.\.(\d+)$/;
    }

    close $tap;
    is($plan, $n, 'the client ran to its end');
    cmp_ok($n, '>', 0, 'and has tested something');
}


# One request of a connection: its bytes; nothing at the end.

sub request {
    my ($client) = @_;

    my $head = '';
    local $/ = "\n";

    while (my $line = <$client>) {
        $head .= $line;
        last if $line =~ /^\r?\n/;
    }

    my ($length) = $head =~ /^content-length: *(\d+)/im;
    read $client, my $body, $length // 0;
    $head =~ s/^connection:[^\n]*\n//img;
    $head =~ s/\r\n\z/Connection: close\r\n\r\n/;

    return $head ? $head . ($body // '') : '';
}

sub serve {
    my ($listener, $port, $prefix) = @_;

    for (my $n = 1; my $client = $listener->accept; $n++) {
        my $request = request($client) or next;
        my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $port) or next;
        $request =~ s{^POST /}{POST $prefix};
        print $server $request;
        my $answer = Kecs::read_all($server, 60);
        print $client $answer if $n % 2 == 0;
        close $client;
    }
}

# An endpoint for the API on the port, below a prefix if need be: each call
# is made there, but of two answers the first is lost, as when a connection
# breaks.

sub lossy {
    my ($port, $prefix) = @_;

    my $listener = IO::Socket::INET->new(Listen => 16,
        LocalAddr => '127.0.0.1', LocalPort => 0) or die "listen: $!\n";
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        serve($listener, $port, $prefix // '/');
        POSIX::_exit(0);
    }

    push @children, $pid;

    return 'http://127.0.0.1:' . $listener->sockport;
}

END {
    if ($owner == $$) {
        local $?;
        kill 'KILL', $_ and waitpid $_, 0 for @children;
    }
}

1;
