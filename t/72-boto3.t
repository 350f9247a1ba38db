#!/usr/bin/perl

# boto3: strict answers, waiters, paginators, exceptions, threads.  The tests
# are those of t/clients/boto3_api.py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use Test::More;

my $python = $ENV{KECS_PYTHON} || 'python3';

if (system "$python -c 'import boto3' 2>/dev/null") {
    plan skip_all => 'boto3 is needed' unless $ENV{CI};
    BAIL_OUT('boto3 is needed');
}

api_start();
reconcile();
ok_api('ListClusters', {});

my $endpoint = 'http://127.0.0.1:' . $t->port;
my $script = "$Kecs::ROOT/t/clients/boto3_api.py";
$ENV{AWS_CONFIG_FILE} = $ENV{AWS_SHARED_CREDENTIALS_FILE} = '/nonexistent';
$ENV{AWS_EC2_METADATA_DISABLED} = 'true';
delete @ENV{qw(AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_ECS)};
open my $tap, '-|', $python, $script, $endpoint or die "$python: $!\n";

my ($plan, $n) = (0, 0);

while (<$tap>) {
    chomp;

    if (/^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
        $n++;
    }

    diag($1) if /^# (.*)/ && $1 !~ /members of the model/;
    $plan = $1 if /^1\.\.(\d+)$/;
}

close $tap;
is($plan, $n, 'the script ran to its end');

$t->done;
