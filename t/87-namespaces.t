#!/usr/bin/perl
# A namespace for each ECS cluster on a real one, with the rights of k8s/
# and no others: made, mapped, left where they are when the option changes,
# emptied by `kecs down`; and policies for security groups.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours is not changed'
    if !$cluster->own;

sub kubectl {
    my (@args) = @_;
    my ($status, $text) = $cluster->kubectl(@args);
    die "kubectl @args: $text" if $status;
    return $text;
}

kubectl(qw(apply -f k8s/rbac-namespaces.yaml));
kubectl(qw(create clusterrolebinding), "test-$_", "--clusterrole=$_",
    '--user=kecs') for qw(kecs-spaces kecs-space);
kubectl(qw(create namespace team-b));
kubectl(qw(label namespace team-b kecs/cluster=other));

my @option = ('--namespace-per-cluster');
my $t = KecsTasks->new($cluster, flags => [ @option ]);
my $k = $t->k;
my $sleep = { stopTimeout => 2, entryPoint => [ 'sh', '-c' ],
    command => [ 'trap "exit 0" TERM; sleep 3600 & wait' ] };
$t->definition('app', [ { %$sleep, portMappings => [
    { containerPort => 8080, name => 'web' } ] } ]);
$t->definition('net', [ $sleep ], qw(--network-mode awsvpc));

sub of_cluster {
    my ($name) = @_;
    return "ecs-$name-" . substr(sha256_hex("000000000000/us-east-1/$name"),
        0, 10);
}

# Where the objects of a kind are, by label: "namespace/name ...".
sub where {
    my ($kind, $label) = @_;
    return join ' ', sort map {
        "$_->{metadata}{namespace}/$_->{metadata}{name}" }
        @{ $cluster->get($kind, '-A', '-l', $label)->{items} };
}

sub pod_space {
    my ($arn) = @_;
    my ($id) = $arn =~ m{([0-9a-f]{32})$};
    return (split m{/}, where('pods', "ecs/task-id=$id"))[0];
}

sub running {
    my ($family, @args) = @_;
    my $arn = $t->run($family, @args);
    $t->wait_status('RUNNING', $arn);
    return $arn;
}

my $space = of_cluster('demo');
my $home = $cluster->{namespace};

# Made when it is needed

my $first = running('app');
is(pod_space($first), $space, 'the pod is in the namespace of its cluster');
my $made = $cluster->get('namespace', $space)->{metadata};
is($made->{labels}{'kecs/cluster'}, 'demo', 'which says whose it is');
is($made->{annotations}{'kecs/cluster-arn'},
    'arn:aws:ecs:us-east-1:000000000000:cluster/demo', 'by ARN, too');
is($made->{labels}{'app.kubernetes.io/managed-by'}, 'kecs', 'and who made it');

$k->aws(qw(create-service --cluster demo --service-name web
    --task-definition app --desired-count 2));
KecsUp::wait_for('the service', sub {
    $k->aws(qw(describe-services --cluster demo --services web))
        ->{services}[0]{runningCount} == 2 });
my $at;
ok(eval { KecsUp::wait_for('its Service', sub {
    ($at = where('services', 'ecs/service=web')) =~ m{^\Q$space\E/web-\w+$} })
    }, 'the Service is there') || diag($at);
ok(eval { KecsUp::wait_for('its budget', sub {
    ($at = where('poddisruptionbudgets', 'ecs/service=web'))
        =~ m{^\Q$space\E/web-\w+$} }) }, 'and the budget') || diag($at);

# An existing one, by its label

$k->aws(qw(create-cluster --cluster-name other));
my $other = $k->aws(qw(run-task --cluster other --task-definition app))
    ->{tasks}[0]{taskArn};
KecsUp::wait_for('the task of the other cluster', sub {
    $k->aws(qw(describe-tasks --cluster other --tasks), $other)
        ->{tasks}[0]{lastStatus} eq 'RUNNING' });
is(pod_space($other), 'team-b', 'a namespace that bears the label is taken');

# One that is somebody else's

$k->aws(qw(create-cluster --cluster-name taken));
kubectl('create', 'namespace', of_cluster('taken'));
my $refused = $k->aws(qw(run-task --cluster taken --task-definition app))
    ->{tasks}[0]{taskArn};
my $task;
KecsUp::wait_for('the task to be refused', sub {
    $task = $k->aws(qw(describe-tasks --cluster taken --tasks), $refused)
        ->{tasks}[0];
    return $task->{lastStatus} eq 'STOPPED' });
like($task->{stoppedReason}, qr/exists and is not that of the cluster: it la/,
    'one that is not ours is not taken');
kubectl('label', 'namespace', of_cluster('taken'), 'kecs/cluster=taken');
$refused = $k->aws(qw(run-task --cluster taken --task-definition app))
    ->{tasks}[0]{taskArn};
KecsUp::wait_for('the task to run', sub {
    $k->aws(qw(describe-tasks --cluster taken --tasks), $refused)
        ->{tasks}[0]{lastStatus} eq 'RUNNING' });
is(pod_space($refused), of_cluster('taken'), 'until it bears the label');

# Policies for security groups select the pods of tasks

my @net = ('--network-configuration', 'awsvpcConfiguration={'
    . 'subnets=[subnet-1],securityGroups=[sg-db]}');
my $db = running('net', @net);
kubectl('apply', '-n', $space, '-f', 'k8s/security-groups.yaml');
my $policy = $cluster->get('-n', $space, 'networkpolicy', 'sg-db')->{spec};
my $labels = join ',', map {
    die 'operator' if $_->{operator} ne 'Exists';
    $_->{key} } @{ $policy->{podSelector}{matchExpressions} };
is((split m{/}, where('pods', $labels))[0] . ' ' . (split ' ',
    where('pods', $labels)), "$space 1", 'the policy selects a task alone');
like(where('pods', $labels), qr/ecs-\Q@{[ $db =~ m{(\w+)$} ]}\E$/,
    'the one of its group');
$t->stop($db);

# Rights: those of the files are enough, and doctor knows them

my @at = ('--runtime', 'kubernetes', '--kubeconfig', $cluster->{kubeconfig},
    '--namespace', $home);
my ($status, $said) = $k->kecs('doctor', @at, @option);
unlike($said, qr/missing/, 'doctor: all rights are there');
like($said, qr/^ok +rights +to namespaces of the cluster: all$/m,
    'those to namespaces, too');
kubectl(qw(delete clusterrolebinding test-kecs-spaces));
($status, $said) = $k->kecs('doctor', @at, @option);
like($said, qr/^fail +rights +to namespaces of the cluster: missing create l/m,
    'doctor: a right is missing');
like($said, qr/-> kubectl apply -f k8s.rbac-namespaces.yaml/, 'and the fix');
kubectl(qw(create clusterrolebinding test-kecs-spaces
    --clusterrole=kecs-spaces --user=kecs));

# Starting again; DeleteCluster leaves the namespace

$k->stop;
$k->start;
is($t->task($first)->{lastStatus}, 'RUNNING', 'after a restart it runs on');
$k->aws(qw(stop-task --cluster taken --task), $refused);
KecsUp::wait_for('the cluster to be empty', sub {
    !@{ $k->aws(qw(list-tasks --cluster taken))->{taskArns} } });
$k->aws(qw(delete-cluster --cluster taken));
ok($cluster->get('namespace', of_cluster('taken')), 'DeleteCluster leaves it');

# Without the option what runs stays where it is

$k->stop;
my $flags = $k->{flags};
$k->{flags} = [ grep { $_ ne $option[0] } @$flags ];
$k->start;
my $here = running('app');
is(pod_space($here), $home, 'without the option: new tasks are at home');
is($t->task($first)->{lastStatus}, 'RUNNING', 'others run on');
is(pod_space($first), $space, 'where they were');
ok(eval { KecsUp::wait_for('the Service to be at home, too', sub {
    ($at = where('services', 'ecs/service=web'))
        =~ m{^\Q$space\E/(\S+) \Q$home\E/\g1$} }) },
    'their Service stays, beside the one at home') || diag($at);
ok(eval { KecsUp::wait_for('the budget to be at home', sub {
    ($at = where('poddisruptionbudgets', 'ecs/service=web'))
        =~ m{^\Q$home\E/\S+$} }) }, 'the budget moves') || diag($at);
$t->stop($first);
is(where('pods', 'ecs/task-id=' . ($first =~ m{(\w+)$})[0]), '',
    'and can be stopped');

# ... until it has gone

$k->aws(qw(update-service --cluster demo --service web
    --force-new-deployment));
$k->aws(qw(stop-task --cluster other --task), $other);
ok(eval { KecsUp::wait_for('all to be at home', sub {
    $at = join ' ', map { where($_, 'kecs/store') }
        qw(pods services poddisruptionbudgets);
    return $at !~ m{(?:^| )(?!\Q$home\E/)} }, 120) },
    'when nothing is elsewhere any more') || diag($at);
ok(KecsUp::wait_for('the Lease', sub {
    !$cluster->get('leases')->{items}[0]{metadata}{annotations}
        {'kecs/spread'} }), 'the Lease says no more that there is');
$k->stop;
kubectl('delete', 'clusterrolebinding', "test-$_")
    for qw(kecs-spaces kecs-space);
$k->start;
is($t->task($here)->{lastStatus}, 'RUNNING', 'and the rights can go');
kubectl(qw(create clusterrolebinding), "test-$_", "--clusterrole=$_",
    '--user=kecs') for qw(kecs-spaces kecs-space);

# With it again, and down

$k->stop;
$k->{flags} = $flags;
$k->start;
is($t->task($here)->{lastStatus}, 'RUNNING', 'with it again: it runs on');
is(pod_space($here), $home, 'at home');
ok(eval { KecsUp::wait_for('the Service to be in both places', sub {
    ($at = where('services', 'ecs/service=web'))
        =~ m{^\Q$space\E/(\S+) \Q$home\E/\g1$} }) },
    'the Service at home stays for the pods there') || diag($at);
$k->aws(qw(update-service --cluster demo --service web
    --force-new-deployment));
ok(eval { KecsUp::wait_for('the Service at home to go', sub {
    ($at = where('services', 'ecs/service=web'))
        =~ m{^\Q$space\E/\S+$} }, 120) },
    'and goes when they have') || diag($at);
like(where('pods', 'ecs/service=web'),
    qr{^\Q$space\E/\S+ \Q$space\E/\S+$}, 'which are elsewhere now');
$k->stop;
($status, $said) = $k->kecs('down', @at, @option);
is($status, 0, 'kecs down') or diag($said);
is(where($_, 'kecs/store'), '', "no $_ are left")
    for qw(pods services poddisruptionbudgets leases);
ok($cluster->get('namespace', $_), "$_ stays") for $space, 'team-b';

$k->final_checks;
done_testing();
