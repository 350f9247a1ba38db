#!/usr/bin/perl

# The AWS SDK for JavaScript: typed answers and exceptions, waiters,
# paginators, calls that are sent again.  The tests are those of t/clients/js.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsClient;
use KecsUp;
use Test::More;

my $program = client('js');
my $k = KecsUp->new->start;
relay($program, "http://127.0.0.1:$k->{port}", lossy($k->{port}));
$k->final_checks;

done_testing();
