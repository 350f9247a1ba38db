#!/usr/bin/perl

# The web UI in a real browser against `kecs up` on a real cluster, with
# kubectl as the judge.  The tests are those of t/clients/browser/kubernetes.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use KecsClient;
use KecsCluster;
use KecsTasks;
use Test::More;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my ($chromium) = grep { -x } map { ("/usr/bin/$_", "/usr/local/bin/$_") }
    qw(chromium google-chrome chromium-browser);

if (!$chromium) {
    BAIL_OUT('chromium is needed') if $ENV{CI};
    plan skip_all => 'chromium is needed: apt-get install chromium';
}

my $program = client('browser');
my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $t = KecsTasks->new($cluster);
my $k = $t->k;

$ENV{KECS_KUBECTL} = JSON::PP::encode_json([ $cluster->kubectl_command ]);
relay(@{ $cluster->prefix }, $program, 'kubernetes',
    "http://127.0.0.1:$k->{port}/", $chromium, $ENV{KECS_SHOTS} // '');

$k->final_checks;
$k->stop;
$k->kecs('down', '--runtime', 'kubernetes', '--kubeconfig',
    $cluster->{kubeconfig}, '--namespace', $cluster->{namespace});
is(scalar @{ $cluster->get('pods')->{items} }, 0, 'nothing is left');

done_testing();
