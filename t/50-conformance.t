#!/usr/bin/perl

# The API against the service model that the clients have, and against what
# ECS is known to do: t/conformance/run.py, 4 workers, reloads in the middle;
# then what ECS itself has answered (t/data/golden).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use Kecs;
use KecsApi;
use Test::More;

my $python = $ENV{KECS_PYTHON} || 'python3';

if (system "$python -c 'import botocore' 2>/dev/null") {
    plan skip_all => 'botocore is needed' unless $ENV{CI};
    BAIL_OUT('botocore is needed');
}

api_start();

my %do = (reload => sub { $t->reload }, reconciler => sub { reconcile() });
$ENV{AWS_CONFIG_FILE} = $ENV{AWS_SHARED_CREDENTIALS_FILE} = '/nonexistent';
delete @ENV{qw(AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_ECS)};

my $pid = open2(my $tap, my $commands, $python,
                "$Kecs::ROOT/t/conformance/run.py", $t->port);
my ($plan, $n, $lines) = (0, 0, 0);

while (<$tap>) {
    chomp;

    if (/^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
        $n++;
    }

    if (/^do: (\w+)$/) {
        $do{$1}->();
        print $commands "done\n";
        $commands->flush;
    }

    if (/^# (\d+ operations, .*)/) {
        note($1);
        $lines++;
    } elsif (/^# (.*)/) {
        diag($1);
    }

    $plan = $1 if /^1\.\.(\d+)$/;
}

waitpid $pid, 0;
is($plan, $n, 'the script ran to its end');
is($lines, 1, 'and says what it has run');

# The document that says so.

my $build = $ENV{KECS_SANITIZE} ? 'build/asan' : 'build';
my $page = do {
    local $/;
    open my $made, '-|:utf8', $python,
         "$Kecs::ROOT/t/conformance/document.py",
         "$Kecs::ROOT/$build/unit/compatibility" or die "$python: $!\n";
    scalar <$made>;
};
my $committed = do {
    local $/;
    open my $f, '<:utf8', "$Kecs::ROOT/docs/compatibility.md";
    scalar <$f>;
};
ok(length($page // '') > 10000 && $page eq ($committed // ''),
   'docs/compatibility.md is what the tests hold (else: make docs)');

$t->stop_reconciler;
golden('revisions');

$t->done;
