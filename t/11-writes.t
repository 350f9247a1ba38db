#!/usr/bin/perl

# The write path: many writers over four workers, a reload in the middle,
# the death of the holder of the writer role.  Each writer counts what was
# acknowledged; afterwards exactly that must be there, and nothing twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use Test::More;
use Time::HiRes qw(time sleep);

my $WRITERS = 8;
my $t = Kecs->new(http_conf => 'kecs_write_timeout 20s;');
$t->start;


sub definition {
    my ($family) = @_;

    return { family => $family, containerDefinitions => [
        { name => 'main', image => 'busybox', memory => 16 } ] };
}

# One writer: registers one task definition after the other, each of a new
# family, for as long as the flag file exists, over keep-alive connections,
# and writes a line per request.  A call that is run twice gives the family
# a second revision.

sub writer {
    my ($n, $flag, $out) = @_;

    open my $f, '>', $out or die "$out: $!\n";
    $f->autoflush(1);

    for (my $i = 0; -e $flag; $i++) {
        my $name = "w$n-$i";
        my ($status, $json) = $t->api('RegisterTaskDefinition',
                                      definition($name));
        my $what = $status == 599 ? 'closed' : ref $json
                   ? $json->{__type} // $json->{taskDefinition}{revision}
                   : 'broken';
        print $f "$name $status $what\n";
        sleep 0.01 if $status == 599;
    }

    close $f;
}

# Runs the writers while the code does its harm; (acknowledged, others).
sub under_writes {
    my ($name, $code) = @_;

    my $flag = $t->write_file('flag', '1');
    my @pids;

    for my $n (1 .. $WRITERS) {
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            eval { writer("$name$n", $flag, $t->dir . "/out.$name$n") };
            POSIX::_exit($@ ? 1 : 0);
        }

        push @pids, $pid;
    }

    my $lines = sub {
        map { split /\n/, $t->read_file("out.$name$_") } 1 .. $WRITERS
    };

    $t->wait_for(sub { $lines->() > 10 * $WRITERS });
    $code->();
    my $now = () = $lines->();
    $t->wait_for(sub { $lines->() > $now + 10 * $WRITERS });

    unlink $flag;
    my $failed = grep { waitpid($_, 0); $? } @pids;
    is($failed, 0, "$name: the writers are well");

    my (@good, @bad);

    for my $line ($lines->()) {
        my ($family, $status) = split / /, $line;
        if ($status == 200) { push @good, $family }
        else { push @bad, $line }
    }

    return (\@good, \@bad);
}

# All task definitions: family => highest revision.
sub definitions {
    my (%revision, $token);

    do {
        my ($status, $json) = $t->api('ListTaskDefinitions',
            { maxResults => 100, $token ? (nextToken => $token) : () });
        is($status, 200, 'a page of task definitions') if $status != 200;

        for (@{ $json->{taskDefinitionArns} }) {
            m{/(.*):(\d+)$} or next;
            $revision{$1} = $2 if $2 > ($revision{$1} // 0);
        }

        $token = $json->{nextToken};
    } while ($token);

    return \%revision;
}

sub same_as_acknowledged {
    my ($name, $good) = @_;

    my $there = definitions();
    my @missing = grep { !$there->{$_} } @$good;
    is_deeply(\@missing, [], "$name: nothing acknowledged is lost");
    my @twice = grep { $there->{$_} > 1 } keys %$there;
    is_deeply(\@twice, [], "$name: nothing was done twice");
}


# Concurrency.

my ($good, $bad) = under_writes('calm', sub { });
is_deeply($bad, [], 'calm: no errors');
same_as_acknowledged('calm', $good);
cmp_ok(scalar(@$good), '>', 20 * $WRITERS, 'calm: many writes')
    or diag(scalar @$good);

my (undef, $metrics) = $t->get('/metrics');
my ($calls) = $metrics =~ /^kecs_batch_calls_total (\d+)/m;
ok($t->wait_for(sub {
    (undef, $metrics) = $t->get('/metrics');
    ($calls) = $metrics =~ /^kecs_batch_calls_total (\d+)/m;
    $calls == @$good;
}), 'every call was run once') or diag("$calls of ", scalar @$good);

# A worker counts a request after the client has its answer.
my $counted;
ok($t->wait_for(sub {
    ($counted) = ($t->get('/metrics'))[1] =~ /^kecs_requests_total
        \{action="RegisterTaskDefinition",code="200"\}\ (.*)/mx;
    $counted == @$good;
}), 'and counted once over all workers') or diag($counted);
like($metrics, qr/^kecs_writer_roles_total 1$/m, 'one worker wrote');


# A reload loses nothing and answers everything.

my @old = $t->worker_pids;

($good, $bad) = under_writes('reload', sub {
    for (1 .. 3) {
        ok($t->reload, "reload: generation $_ serves");
    }
});

# A keep-alive connection may be closed while a request is on its way; the
# client sees that before any answer, as with every nginx.
my @errors = grep { $_ !~ / 599 / } @$bad;
is_deeply(\@errors, [], 'reload: no request is answered with an error');
same_as_acknowledged('reload', $good);
ok($t->wait_for(sub { my %now = map { $_ => 1 } $t->worker_pids(1);
                      !grep { $now{$_} } @old }, 40),
   'reload: the first workers have left');
ok($t->wait_for(sub { my $pid = $t->writer_pid;
                      $pid && grep { $_ == $pid } $t->worker_pids }),
   'reload: a new worker writes');


# The holder of the role is killed; others take over.

my @killed;

($good, $bad) = under_writes('kill', sub {
    for (1 .. 3) {
        my $pid = $t->wait_for(sub { $t->writer_pid }) or last;
        push @killed, $pid;
        $t->slay($pid);
        ok($t->wait_for(sub { my $now = $t->writer_pid;
                              $now && $now != $pid }),
           'kill: another process takes the role');
        $t->wait_for(sub { $t->worker_pids == 4 });
    }
});

is(scalar @killed, 3, 'kill: three holders died');
@errors = grep { !/ 599 / && !/ 500 ServerException/ } @$bad;
is_deeply(\@errors, [], 'kill: only lost connections and lost answers');
same_as_acknowledged('kill', $good);
$t->allow(qr/exited on signal 9/);


# The holder dies with calls on their way: sent, run, or committed, but not
# answered.  The next holder carries each out once.

for my $round (1 .. 5) {
    my $pid = $t->wait_for(sub { $t->writer_pid });
    my @kids;

    for my $n (1 .. 6) {
        my $kid = fork // die "fork: $!\n";

        if ($kid == 0) {
            for (1 .. 20) {
                $t->api('RegisterTaskDefinition',
                        definition("once-$round-$n-$_"));
            }
            POSIX::_exit(0);
        }

        push @kids, $kid;
    }

    sleep rand 0.05;
    $t->slay($pid);
    waitpid $_, 0 for @kids;
    ok($t->wait_for(sub { $t->worker_pids == 4 }),
       "round $round: all workers are there again");
}

my $there = definitions();
my @once = grep { /^once-/ } keys %$there;
cmp_ok(scalar @once, '>', 5 * 6, 'most got through') or diag(scalar @once);
is_deeply([ grep { $there->{$_} > 1 } @once ], [], 'none was run twice');


# A restart.

is($t->stop, 0, 'stopped in good order');
$t->start;
is_deeply(definitions(), $there, 'all of it is there after a restart');

$t->done;
