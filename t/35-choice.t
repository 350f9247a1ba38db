#!/usr/bin/perl
# Which runtime `auto` takes: Kubernetes only where nobody is surprised by
# it; otherwise tasks are simulated, and the banner says what was found and
# how to use it.

use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;
use KecsUp;

my $dir = tempdir('kecs-XXXXXXXX', DIR => $ENV{KECS_TMP} || '/tmp',
    CLEANUP => 1);

sub kubeconfig {
    my ($name, $server, $user) = @_;
    $user //= 'token: t';
    open my $f, '>', "$dir/$name" or die "$name: $!";
    print $f <<"END";
apiVersion: v1
kind: Config
current-context: $name
clusters: [{name: c, cluster: {server: "$server"}}]
users: [{name: u, user: {$user}}]
contexts: [{name: $name, context: {cluster: c, user: u}}]
END
    close $f or die "$name: $!";
    return "$dir/$name";
}

sub banner {
    my ($kubeconfig, @flags) = @_;
    my $k = KecsUp->new(runtime => 'auto', flags => \@flags,
        env => { KUBECONFIG => $kubeconfig, HOME => $dir })->start;
    my $text = $k->output;
    is($k->stop, 0, 'ended well');
    return $text;
}

my $far = kubeconfig('far', 'https://192.0.2.1:6443');
my $near = kubeconfig('near', 'https://127.0.0.1:1');

my $text = banner("$dir/none");
like($text, qr/runtime\s+simulated\n\s+no Kubernetes cluster is configured/,
    'nothing is configured: simulated, and told so');

$text = banner($far);
like($text, qr/runtime\s+simulated/, 'a context elsewhere is not taken');
like($text, qr/found context far \(https:\/\/192\.0\.2\.1:6443\)/,
    'but named');
like($text, qr/--runtime kubernetes --context far/,
    'with the command that would use it');

my $old = kubeconfig('old', 'https://192.0.2.1:6443',
    'auth-provider: {name: gcp}');
$text = banner($old);
like($text, qr/runtime\s+simulated\n\s+the kubeconfig is of no use: user "u" /,
    'a context that cannot be used: simulated, and told so');
like($text, qr/logs in by the auth-provider "gcp"/, 'and why');
like($text, qr/name another: --kubeconfig FILE/, 'and what to do');

$text = banner($far, '--kubeconfig', $old);
like($text, qr/cannot use the runtime auto: user "u" logs in by/,
    'one that is named has to be good');

$text = banner($near);
like($text, qr/runtime\s+kubernetes\n\s+context near/,
    'a context on this machine is taken');
like($text, qr/\[-\]reconciler failed: .*127\.0\.0\.1 port 1 /,
    'a server that does not answer: the banner says so');

# A store whose task is a pod, or may be one: without its cluster it is not
# simulated unless that is said.

my $k = KecsUp->new(runtime => 'auto',
    env => { KUBECONFIG => $near, HOME => $dir })->start;
$k->aws(qw(create-cluster --cluster-name demo));
$k->aws(qw(register-task-definition --family f --container-definitions),
    '[{"name":"a","image":"i","memory":8}]');
$k->aws(qw(run-task --cluster demo --task-definition f));
is($k->stop, 0, 'a task was run on a cluster');

sub status_of {
    my (@tasks) = @{ $k->aws(qw(list-tasks --cluster demo))->{taskArns} };
    return $k->aws(qw(describe-tasks --cluster demo --tasks), @tasks)
        ->{tasks}[0]{lastStatus};
}

my $refusal = join '.*', 'tasks of this store run on Kubernetes',
    'the kubeconfig is of no use: user "u"', '--kubeconfig FILE',
    '--runtime simulated';
$k->{env}{KUBECONFIG} = $old;

for my $verb (qw(down release)) {
    my ($status, $out) = $k->kecs($verb);
    is($status, 1, "$verb: refused without it");
    like($out, qr/$refusal/, 'and told so');
}

$k->launch;
KecsUp::wait_for('the refusal', sub { $k->output =~ /$refusal/ });
pass('up: refused without it, and told so');
isnt(status_of(), 'STOPPED', 'the task is as it was');
$k->stop;

my ($status, $out) = $k->kecs('down', '--runtime', 'simulated');
is($status, 0, 'down, when it is said') or diag($out);
($status, $out) = $k->kecs('down');
is($status, 0, 'then nothing is left to ask for') or diag($out);

done_testing();
