#!/usr/bin/perl

# The web UI in a real browser against `kecs up`: its views, actions, keys,
# languages, accessibility, size and Content-Security-Policy.  The tests are
# those of t/clients/browser.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use KecsClient;
use KecsUp;
use Test::More;

my ($chromium) = grep { -x } map { ("/usr/bin/$_", "/usr/local/bin/$_") }
    qw(chromium google-chrome chromium-browser);

if (!$chromium) {
    BAIL_OUT('chromium is needed') if $ENV{CI};
    plan skip_all => 'chromium is needed: apt-get install chromium';
}

my $program = client('browser');
my $k = KecsUp->new(sets => [@KecsUp::SETS, 'simulated-nodes=3'])->start;
my $base = "http://127.0.0.1:$k->{port}/";


# What nginx says of the files.

my $page = $k->http->get("${base}ui/");
my ($script) = $page->{content} =~ /src="(assets\/ui-[^"]+)"/;

is($page->{status}, 200, 'the page is there');
is($page->{headers}{'cache-control'}, 'no-cache', 'and asked for each time');
unlike($page->{headers}{'content-security-policy'}, qr/unsafe/,
       'its policy allows nothing unsafe');
unlike($page->{content}, qr/<style|<script>| on\w+=| style=/,
       'nothing is inline');

my $asset = $k->http->get("${base}ui/$script",
                          { headers => { 'accept-encoding' => 'gzip' } });

is($asset->{headers}{'content-encoding'}, 'gzip', 'files are compressed');
like($asset->{headers}{'cache-control'}, qr/immutable/,
     'and kept, since their names hold a hash');
is($k->http->get("${base}ui/nothing")->{status}, 404,
   'what is not there is not found');


# What computes, without a browser.

my $node = `'$Kecs::ROOT/tools/find-node'`;
chomp $node;
relay("$node/node", '--test', '--test-reporter=tap', "$Kecs::ROOT/web/test");


# As a reader.

my $shots = $ENV{KECS_SHOTS} // '';

relay($program, 'ui', $base, $chromium, $shots);
$k->final_checks;


# Where it was not built, that is said.

my $bare = KecsUp->new(build => "$k->{temp}/bin");

mkdir "$k->{temp}/bin";
for my $file (map { glob } qw(build/kecs build/kecs-reconciler build/*.so
                              conf/kecs.conf conf/runtime.conf)) {
    symlink "$Kecs::ROOT/$file", "$k->{temp}/bin/" . ($file =~ s{.*/}{}r);
}
unlink "$k->{temp}/bin/kecs";
system 'cp', "$Kecs::ROOT/build/kecs", "$k->{temp}/bin/kecs";
$bare->start;

my $none = $bare->http->get("http://127.0.0.1:$bare->{port}/ui/");

is($none->{status}, 404, 'without the files there is no UI');
like($none->{content}, qr/not installed.*make ui/, 'which is said');
is(($bare->api('ListClusters', {}))[0], 200, 'and the API works');
$bare->final_checks;

done_testing();
