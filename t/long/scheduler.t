#!/usr/bin/perl

# The simulation of the service scheduler, at length: 100 million decisions,
# in as many processes as there are processors, each from seeds of its own.
#
# KECS_STEPS=n decisions, KECS_SEED=n the first seed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Kecs;
use Test::More;

my $STEPS = $ENV{KECS_STEPS} // 100_000_000;
my $SEED = $ENV{KECS_SEED} // time;
my $CPUS = grep { /^processor\s*:/ } do {
    open my $f, '<', '/proc/cpuinfo' or die "/proc/cpuinfo: $!\n";
    <$f>;
};
my $EACH = int($STEPS / $CPUS) + 1;
my @running;

diag("KECS_SEED=$SEED");

for my $i (0 .. $CPUS - 1) {
    my @args = ('--seed', $SEED + $i * 1_000_000_000, '--steps', $EACH);
    open my $out, '-|', "$Kecs::ROOT/build/unit/sim_scheduler", @args
        or die "sim_scheduler: $!\n";
    push @running, $out;
}

my $steps = 0;

for my $out (@running) {
    my @lines = <$out>;
    ok(close($out), 'it ends well');
    my @bad = grep { /^not ok|replay/ } @lines;
    is_deeply(\@bad, [], 'no seed breaks anything');
    $steps += $_ for map { / (\d+) steps$/ } @lines;
    diag($_) for grep { s/^# (.*\/s)\n/$1/ } @lines;
}

cmp_ok($steps, '>=', $STEPS, "$steps decisions");
done_testing();
