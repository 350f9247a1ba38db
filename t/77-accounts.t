#!/usr/bin/perl

# Four accounts in three regions at once, by a boto3 session each, strictly
# apart; and still so after a kill.  The tests are those of
# t/clients/boto3_accounts.py.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Kecs ();
use KecsClient;
use KecsUp;
use Test::More;

my $python = $ENV{KECS_PYTHON} || client('python') . '/bin/python';
my $k = KecsUp->new->start;
relay($python, "$Kecs::ROOT/t/clients/boto3_accounts.py",
      "http://127.0.0.1:$k->{port}");

$k->kill_all;
$k->start;

for my $key (qw(111122223333 444455556666)) {
    my ($status, $out) = $k->api('ListClusters', {}, key => $key,
                                 region => 'us-east-1');
    is($status, 200, "account $key is there after a kill");
    is(scalar(grep { !/^arn:aws:ecs:us-east-1:$key:/ }
              @{ $out->{clusterArns} }), 0, 'with nothing of others');
}

$k->final_checks;

done_testing();
