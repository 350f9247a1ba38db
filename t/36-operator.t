#!/usr/bin/perl

# What an operator has: `kecs status`, `kecs doctor`, help, completions.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Kecs;
use KecsUp;
use Test::More;

my $BUILD = "$Kecs::ROOT/build" . ($ENV{KECS_SANITIZE} ? '/asan' : '');
my %PLACE = (build => $BUILD, env => Kecs::sanitizer_env(),
    sets => [@KecsUp::SETS, qw(simulated-start=20ms simulated-stop=20ms)]);
my $JSON = JSON::PP->new->utf8;


# Helpers.

sub kecs {
    my (@args) = @_;

    local %ENV = (%ENV, %{ $PLACE{env} });

    return Kecs::capture("$BUILD/kecs", @args);
}

# `kecs status --json` of a system: its exit status and what it says.
sub status_of {
    my ($k, @flags) = @_;

    my ($status, $text) = $k->kecs('status', '--json', @flags);
    my $said = eval { $JSON->decode($text) };
    ok($said, 'status: JSON') or diag($@, $text);

    return ($status, $said // {});
}

# Waits for a status that the block likes; the last one that was seen.
sub status_until {
    my ($k, $what, $code) = @_;

    my ($status, $said);
    ok(Kecs::wait_for(undef, sub {
        ($status, my $text) = $k->kecs('status', '--json');
        $said = eval { $JSON->decode($text) } // {};
        $code->($status, $said);
    }, 30), "status: $what") or diag(explain([$status, $said]));

    return $said;
}


# Status: nothing there, running, without its reconciler, ended.

my $k = KecsUp->new(%PLACE);

my ($status, $text) = $k->kecs('status');
is($status, 1, 'status without a store: not ready');
like($text, qr/^kecs 0\.1\.0: not ready: .*no store|^kecs .*: not ready: /,
    'told why');
($status, $text) = $k->kecs('status', 'now');
is($status, 2, 'status with an argument: usage');

$k->start;
$k->api('CreateCluster', {});
$k->api('CreateCluster', { clusterName => 'other' });
$k->api('RegisterTaskDefinition', { family => 'f', containerDefinitions => [
    { name => 'a', image => 'i', memory => 8 }] });
$k->api('RunTask', { taskDefinition => 'f', count => 3 });
$k->api('CreateService', { cluster => 'other', serviceName => 's',
    taskDefinition => 'f', desiredCount => 2 });

my $said = status_until($k, 'all tasks run', sub {
    my ($rc, $s) = @_;
    $rc == 0 && $s->{tasks}{running} == 5 && $s->{tasks}{pending} == 0;
});
is($said->{version}, '0.1.0', 'its version');
ok($said->{ready}, 'ready');
is($said->{why}, '', 'and no reason why not');
is($said->{clusters}, 2, 'clusters');
is($said->{services}{active}, 1, 'services');
is($said->{services}{draining}, 0, 'draining services');
is($said->{tasks}{notStopped}, 5, 'tasks');
is($said->{processes}{up}, $k->{pid}, 'the process of kecs up');
is($said->{processes}{reconciler}, $k->said->{pid}, 'of the reconciler');
ok((grep { $_ == $said->{processes}{writer} } $k->worker_pids),
    'the writer is a worker');
is($said->{api}, "http://127.0.0.1:$k->{port}", 'address of the API');
is($said->{admin}, "http://127.0.0.1:$k->{admin}", 'of the admin port');
is($said->{reconciler}{runtime}, 'simulated', 'runtime');
like($said->{reconciler}{choice}, qr/as asked for/, 'and why');
is(join(' ', sort keys %{ $said->{checks} }),
    'reconciler space store writer', 'the checks of readyz');
is((grep { !$_->{ok} } values %{ $said->{checks} }), 0, 'all pass');
cmp_ok($said->{store}{mapUsedBytes}, '>', 0, 'map in use');
cmp_ok($said->{store}{sequence}, '>', 5, 'position of the log');

($status, $text) = $k->kecs('status');
is($status, 0, 'status for a person: ready');
like($text, qr/^kecs 0\.1\.0: ready\n/, 'in the first line');
like($text, qr/^  tasks +5 running, 0 pending/m, 'tasks');
like($text, qr/^  API +http:\/\/127\.0\.0\.1:$k->{port}$/m, 'API');
like($text, qr/^  runtime +simulated: as asked for/m, 'runtime');

($status, $text) = $k->kecs('env');
like($text, qr{^export AWS_ENDPOINT_URL=http://127.0.0.1:$k->{port}\n},
    'env reads the address of the API alone');

my $other = KecsUp->new(%PLACE)->start;
($status, $said) = status_of($k, '--admin-port', $other->{admin});
is($status, 1, 'the admin port of another system: not ready');
like($said->{why}, qr/port $other->{admin} does not answer for this store/,
    'told why');
is($other->stop, 0, 'the other one has ended');

kill 'STOP', my $reconciler = $k->said->{pid};
$said = status_until($k, 'a reconciler that stands still', sub {
    my ($rc, $s) = @_;
    $rc == 1 && !$s->{reconciler}{alive};
});
like($said->{why}, qr/^reconciler: gave no sign for \d+ s$/, 'named');
kill 'CONT', $reconciler;
status_until($k, 'ready again', sub { $_[0] == 0 });

is($k->stop, 0, 'ended');
($status, $said) = status_of($k);
is($status, 1, 'status of an ended system');
is($said->{why}, 'nothing runs on this folder', 'told why');
is($said->{processes}{up}, undef, 'no process');
is($said->{clusters}, 2, 'what the store has is still told');
$k->final_checks;


# A system without `kecs up`: an nginx of one's own.

my $own = Kecs->new(workers => 1, reconciler => 1);
$own->start;
ok(Kecs::wait_for(undef, sub {
    ($status, $text) = kecs('status', '--json', '--data', $own->data);
    $status == 0;
}, 30), 'an nginx of one\'s own: ready by locks and signs') or diag($text);
$said = $JSON->decode($text);
is($said->{processes}{up}, undef, 'without kecs up');
ok(!$said->{checks}, 'and without an admin port that is known');
($status, $text) = kecs('status', '--json', '--data', $own->data,
    '--admin-port', $own->admin_port);
is($status, 0, 'with its admin port');
ok($JSON->decode($text)->{checks}{store}{ok}, 'the checks');


# Help.

my $tables = $JSON->decode((kecs('help', '--json'))[1]);
my @verbs = map { $_->{name} } @{ $tables->{verbs} };
my %flag = map { $_->{name} => $_ } @{ $tables->{flags} };
ok((grep { $_ eq 'status' } @verbs), 'help --json has the verbs');

for my $verb (@{ $tables->{verbs} }) {
    my ($rc, $help) = kecs('help', $verb->{name});
    is($rc, 0, "help $verb->{name}");
    like($help, qr/^usage: kecs \Q$verb->{name}\E\b.*\n\n\Q$verb->{help}\E\n/,
        'usage and purpose');
    is((kecs($verb->{name}, '--help'))[1], $help, 'the same by --help');
    like($help, qr/^  --$_ +\Q$flag{$_}{help}\E$/m, "with --$_")
        for @{ $verb->{flags} };
}
is((kecs('help', 'fly'))[0], 2, 'help of an unknown verb');
my %used = map { $_ => 1 } map { @{ $_->{flags} } } @{ $tables->{verbs} };
is_deeply([sort keys %used], [sort keys %flag], 'each flag has its verbs');


# Completion: the script of bash is run, as bash runs it.

sub completes {
    my ($wanted, @words) = @_;

    my $line = join ' ', map { "'$_'" } 'kecs', @words;
    my $script = (kecs('completion', 'bash'))[1]
        . "COMP_WORDS=($line)\nCOMP_CWORD=\$((\${#COMP_WORDS[@]} - 1))\n"
        . "_kecs\necho \"\${COMPREPLY[*]}\"\n";
    my ($rc, $got) = Kecs::capture('bash', '-c', $script);
    chomp $got;
    is($got, $wanted, "completes: $line");
}

completes(join(' ', @verbs), '');
completes('status', 'st');
for my $verb (@{ $tables->{verbs} }) {
    my %has = map { $_ => 1 } @{ $verb->{flags} };
    completes(join(' ', map { "--$_" } grep { $has{$_} }
        map { $_->{name} } @{ $tables->{flags} }), $verb->{name}, '--');
}
completes('kubernetes', 'up', '--runtime', 'k');
completes('bash zsh fish', 'completion', '');
completes('backup', 'help', 'ba');
completes("$Kecs::ROOT/Makefile", 'backup', "$Kecs::ROOT/Makef");
completes("$Kecs::ROOT/docs", 'up', '--data', "$Kecs::ROOT/doc");

($status, $text) = kecs(qw(completion zsh));
is($status, 0, 'completion zsh');
like($text, qr/^bashcompinit$/m, 'through bashcompinit');
($status, $text) = kecs(qw(completion fish));
is($status, 0, 'completion fish');
like($text, qr/-a \Q$_\E -d '/, "fish: $_") for @verbs;
like($text, qr/-l runtime -d '.*' -x -a 'auto kubernetes simulated'$/m,
    'fish: values');
for my $shell (qw(zsh fish)) {
    my ($there) = grep { -x "$_/$shell" } split /:/, $ENV{PATH} or next;
    my $file = "$k->{temp}/completion.$shell";
    open my $f, '>', $file or die "$file: $!";
    print $f((kecs('completion', $shell))[1]);
    close $f or die "$file: $!";
    is((Kecs::capture("$there/$shell", '-n', $file))[0], 0,
        "$shell can read it");
}
is((kecs(qw(completion tcsh)))[0], 2, 'no completion of tcsh');

$own->done;
