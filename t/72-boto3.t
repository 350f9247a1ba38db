#!/usr/bin/perl

# boto3: strict answers, waiters, paginators, exceptions, threads.  The tests
# are those of t/clients/boto3_api.py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs;
use KecsApi;
use KecsClient;
use Test::More;

api_start();
reconcile();
ok_api('ListClusters', {});

my $endpoint = 'http://127.0.0.1:' . $t->port;
my $python = $ENV{KECS_PYTHON} || client('python') . '/bin/python';
my $script = "$Kecs::ROOT/t/clients/boto3_api.py";
relay($python, $script, $endpoint);
$t->done;
