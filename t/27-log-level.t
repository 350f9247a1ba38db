#!/usr/bin/perl

# Log levels that change by a reload: of nginx and its module, and of the
# reconciler, which both go on as they are.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsUp;
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');

sub lines {
    my ($file, $like) = @_;

    open my $f, '<', $file or return;

    return grep { $_ =~ $like } <$f>;
}

my $k = KecsUp->new(build => $BUILD, env => Kecs::sanitizer_env(),
    flags => [qw(--log-level error)])->start;
my $reconciler = $k->said->{pid};
my ($errors, $said) = ("$k->{data}/error.log", $k->{log});

# What the module tells when a new worker takes the writer's role.
my $ROLE = qr/\[notice\] .*kecs: this process writes the store now/;
my $READY = qr/^kecs: \[notice\] /;

$k->api('CreateCluster', {});
is(scalar lines($errors, $ROLE), 0, 'error: the module is quiet');
is(scalar lines($said, $READY), 0, 'error: so is the reconciler');

# Asks `kecs up` to reload, and waits for new workers; a call by one of them.
sub reload {
    my ($what, $level) = @_;

    my $file = "$k->{data}/log-level";
    if (defined $level) {
        open my $f, '>', $file or die "$file: $!";
        print $f "$level\n";
        close $f or die "$file: $!";
    } else {
        unlink $file or die "$file: $!";
    }
    my %old = map { $_ => 1 } $k->worker_pids;
    kill 'HUP', $k->{pid};
    ok(Kecs::wait_for(undef, sub {
        my @now = $k->worker_pids;
        @now && !grep { $old{$_} } @now;
    }, 60), "$what: new workers");
    delete $k->{http};
    is(($k->api('CreateCluster', {}))[0], 200, "$what: a write");

    return;
}

sub tells {
    my ($what, $file, $like, $n) = @_;

    ok(Kecs::wait_for(undef, sub { lines($file, $like) >= $n }, 30), $what)
        or diag($k->output);
    return;
}

reload('notice', 'notice');
tells('notice: the module tells', $errors, $ROLE, 1);
tells('notice: the reconciler tells', $said,
    qr/^kecs: \[notice\] log level notice, was error$/, 1);

my $told = lines($errors, $ROLE);
reload('another word', 'loud');
tells('another word: is complained about', $said,
    qr/^kecs: \[error\] .*log-level names no log level; it stays notice$/, 1);
tells('another word: the module goes on telling', $errors, $ROLE, $told + 1);

$told = lines($errors, $ROLE);
reload('no file', undef);
tells('no file: as in the flag again', $said,
    qr/^kecs: \[notice\] log level error, was notice$/, 1);
is(scalar lines($errors, $ROLE), $told, 'no file: the module is quiet');

reload('debug', 'debug');
tells('debug: the reconciler tells', $said,
    qr/^kecs: \[notice\] log level debug, was error$/, 1);

open my $f, '>', "$k->{data}/log-level" or die $!;
print $f 'info';
close $f or die $!;
kill 'HUP', $reconciler;
tells('a reload of the reconciler alone', $said,
    qr/^kecs: \[notice\] log level info, was debug$/, 1);
is($k->said->{pid}, $reconciler, 'it is the same reconciler');
is($k->stop, 0, 'ended');

my $quiet = lines($said, qr/^kecs: \[notice\] log level/);
$k->start;
is($k->stop, 0, 'started again');
is(scalar lines($said, qr/^kecs: \[notice\] log level info, was error$/), 1,
    'the file is read at the start');
is(scalar lines($said, qr/^kecs: \[notice\] log level/), $quiet + 1,
    'and changes nothing twice');
$k->final_checks;
done_testing;
