#!/usr/bin/perl

# The AWS SDK for Java: typed answers and exceptions, waiters, paginators,
# calls that are sent again.  The tests are those of t/clients/java.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsClient;
use KecsUp;
use Test::More;

my $program = client('java');
my $k = KecsUp->new->start;
relay($program, "http://127.0.0.1:$k->{port}", lossy($k->{port}));
$k->final_checks;

done_testing();
