#!/usr/bin/perl
# Who we are to a real cluster, told by a program that the kubeconfig names:
# tokens that expire, that are rejected, that cannot be had, certificates.

use strict;
use warnings;

use JSON::PP ();
use MIME::Base64 ();
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $dir = "$cluster->{temp}/login";
mkdir $dir or die "$dir: $!";

sub slurp {
    open my $f, '<', $_[0] or return '';
    local $/;
    return scalar(<$f>) // '';
}

# Whole at once: the program may be reading it.
sub spew {
    my ($name, $text, $mode) = @_;
    open my $f, '>', "$dir/$name.new" or die "$dir/$name: $!";
    print $f $text;
    close $f or die "$dir/$name: $!";
    chmod $mode, "$dir/$name.new" if $mode;
    rename "$dir/$name.new", "$dir/$name" or die "$dir/$name: $!";
    return;
}

sub runs { return scalar(() = slurp("$dir/runs") =~ /\n/g) }

# What the program answers; it fills in when that expires.
sub answer {
    my (%status) = @_;
    spew('answer', JSON::PP->new->canonical->encode({
        kind => 'ExecCredential',
        apiVersion => 'client.authentication.k8s.io/v1',
        status => { %status, expirationTimestamp => '@EXPIRES@' } }));
    return;
}

my $plain = slurp($cluster->{kubeconfig});
my ($token) = $plain =~ /^\s+token: (\S+)$/m or die "no token in: $plain";
my $certificate = slurp("$cluster->{dir}/admin-cert.kubeconfig");

spew('program', <<'END', 0755);
#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo run >> runs
case $KUBERNETES_EXEC_INFO in
*'"server":"https://127.0.0.1:6443"'*) ;;
*) echo "not told of the cluster" >&2; exit 1 ;;
esac
if [ -e down ]; then
    echo "session expired; log in again" >&2
    exit 1
fi
at=$(date -u -d "+$LIFETIME seconds" +%Y-%m-%dT%H:%M:%SZ)
sed "s/@EXPIRES@/$at/" answer
END

$plain =~ s{^\s+token: \S+$}{    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: IfAvailable
      provideClusterInfo: true
      command: ./program
      env:
      - name: LIFETIME
        value: "10"}m or die;
spew('kubeconfig', $plain);
$cluster->{kubeconfig} = "$dir/kubeconfig";

sub wait_why {
    my ($k, $pattern) = @_;
    my $why;
    my $ok = eval {
        KecsUp::wait_for("a reason like $pattern", sub {
            my $said = $k->said;
            $why = $said->{why} // '';
            return ($said->{ready} // '') eq '0' && $why =~ $pattern;
        });
    };
    like($why, $pattern, 'the reason is told') if !$ok;
    return $ok;
}

# before anybody has logged in

answer(token => $token);
spew('down', '');

my $k = KecsUp->new(runtime => 'kubernetes', prefix => $cluster->prefix,
    flags => [ '--kubeconfig', $cluster->{kubeconfig}, '--namespace',
        $cluster->{namespace} ],
    sets => [ 'healthy-after=3s', @KecsUp::SETS[1 .. $#KecsUp::SETS] ]);
$k->launch;
ok(wait_why($k, qr/session expired; log in again/),
    'a program that fails: not ready, and its last line says why');
unlink "$dir/down" or die "down: $!";
$k->await;
pass('logged in: it comes up by itself');

my $t = bless { k => $k, cluster => $cluster }, 'KecsTasks';
$k->aws(qw(create-cluster --cluster-name demo));
$t->definition('app', [ { command => [ 'sleep', '600' ],
    stopTimeout => 2 } ]);
my $arn = $t->run('app');
$t->wait_status('RUNNING', $arn);
pass('a task runs');

# a token that expires

my $before = runs();
KecsUp::wait_for('the program to be asked again', sub {
    return runs() > $before + 1;
});
pass('a token that expires is renewed before');
$t->stop($arn);
pass('and work goes on');

# one that the server does not know, then a good one

answer(token => 'unknown');
ok(wait_why($k, qr/HTTP 401/), 'a token that is rejected: not ready');
answer(token => $token);
$t->wait_status('RUNNING', $arn = $t->run('app'));
pass('a good one: tasks run');

# a certificate

$k->stop;
answer(map { my ($name, $member) = @$_;
    $certificate =~ /$name-data: (\S+)/ or die "no $name";
    ($member => MIME::Base64::decode_base64($1)) }
    [ 'client-certificate', 'clientCertificateData' ],
    [ 'client-key', 'clientKeyData' ]);
$k->start;
is($t->task($arn)->{lastStatus}, 'RUNNING', 'logged in by a certificate');
$t->stop($arn);
pass('and a task is stopped');

# a certificate and its key in files, which somebody renews

$k->stop;
my %pem = map { $certificate =~ /$_-data: (\S+)/;
    ($_ => MIME::Base64::decode_base64($1)) } qw(client-certificate
    client-key);
my ($status, $text) = KecsCluster::run(qw(openssl req -x509 -newkey rsa:2048
    -nodes -days 1 -subj /CN=nobody -keyout), "$dir/client-key", '-out',
    "$dir/client-certificate");
is($status, 0, 'a certificate that the server does not know') or diag($text);
(my $files = $plain) =~ s{^    exec:\n(?:      .*\n)+}{    client-certificate: client-certificate
    client-key: client-key
}m or die 'no exec';
spew('kubeconfig', $files);
$k->launch;
ok(wait_why($k, qr/HTTP 401/), 'in files: not ready');
spew($_, $pem{$_}) for keys %pem;
$k->await;
$t->wait_status('RUNNING', $arn = $t->run('app'));
pass('another one in the files: tasks run');
$t->stop($arn);
spew('kubeconfig', $plain);
$k->stop;
$k->start;

# verbs that end by themselves

$k->stop;
($status, $text) = $k->kecs('down', '--runtime', 'kubernetes',
    '--kubeconfig', $cluster->{kubeconfig}, '--namespace',
    $cluster->{namespace});
is($status, 0, 'kecs down logs in, too') or diag($text);
spew('down', '');
($status, $text) = $k->kecs('down', '--runtime', 'kubernetes',
    '--kubeconfig', $cluster->{kubeconfig}, '--namespace',
    $cluster->{namespace});
isnt($status, 0, 'kecs down when that fails');
like($text, qr/session expired; log in again/, 'says why');

my @told = grep { slurp($_) =~ /\Q$token\E/ } $k->{log},
    grep { -f } glob "$k->{data}/*.log $k->{data}/reconciler.status";
is_deeply(\@told, [], 'the token is in no log');

$k->final_checks;
done_testing();
