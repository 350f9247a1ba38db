#!/usr/bin/perl
# The rules of a real cluster that is not ours alone: quotas, Pod Security,
# labels for NetworkPolicies, and people who edit and delete our pods.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use KecsCluster;
use KecsTasks;

if (my $why = KecsCluster::missing()) {
    plan skip_all => $why;
}

my $cluster = KecsCluster->new;
plan skip_all => 'a cluster that is not ours lacks the images'
    if !$cluster->own;

my $t = KecsTasks->new($cluster);
my $k = $t->k;

# It ends at SIGTERM, as PID 1 would not.
my $sleep = { stopTimeout => 2, entryPoint => [ 'sh', '-c' ],
    command => [ 'trap "exit 0" TERM; sleep 600 & wait' ] };

$t->definition('app', [ $sleep ]);
$t->definition('net', [ $sleep ], qw(--network-mode awsvpc));

sub kubectl {
    my (@args) = @_;
    my ($status, $text) = $cluster->kubectl(@args);
    die "kubectl @args: $text" if $status;
    return $text;
}

sub ended {
    my ($what, $arn, $code, $reason) = @_;
    my $task = $t->wait_status('STOPPED', $arn);
    is($task->{stopCode}, $code, "$what: the stop code");
    like($task->{stoppedReason}, $reason, "$what: the reason");
    return $task;
}

sub pod_gone {
    my ($what, $arn) = @_;
    my $name = KecsTasks::pod_name($arn);
    KecsUp::wait_for("pod $name to go", sub {
        return (kubectl(qw(get pods -o name)) !~ /\Q$name\E/);
    });
    return pass("$what: the pod is gone");
}

sub running {
    my ($family, @args) = @_;
    my $arn = $t->run($family, @args);
    $t->wait_status('RUNNING', $arn);
    return $arn;
}

sub service {
    my ($name) = @_;
    return $k->aws(qw(describe-services --cluster demo --services), $name)
        ->{services}[0];
}

# how the API server treats our service account when it is busy

kubectl(qw(apply -f k8s/flow-control.yaml));

# The server names the schema that a request fell under by its uid.
sub schema_of {
    my (@args) = @_;
    my ($uid) = kubectl('--as=system:serviceaccount:kecs:kecs', '-v=8', @args)
        =~ /X-Kubernetes-Pf-Flowschema-Uid[:=\s"\[]+([0-9a-f-]{36})/i;
    my ($name) = map { $_->{metadata}{name} }
        grep { $_->{metadata}{uid} eq ($uid // '') }
        @{ $cluster->get('flowschemas')->{items} };
    return $name // '';
}

my $schema;
for ([ 'pods', 'kecs' ], [ 'lease/none', 'kecs-leader-election' ]) {
    my ($what, $want) = @$_;
    eval {
        KecsUp::wait_for("requests for $what under $want", sub {
            $schema = schema_of('get', '--ignore-not-found', $what);
            return $schema eq $want;
        });
    };
    is($schema, $want, "API priority: $what");
}

# security groups

sub groups {
    my ($pod) = @_;
    return join ' ', grep { m{^sg\.ecs/} }
        sort keys %{ $pod->{metadata}{labels} };
}

my @vpc = ('--network-configuration', 'awsvpcConfiguration={subnets=[subnet-1'
    . '],securityGroups=[sg-web,sg-0a1b2c3d4e5f60718]}');
my $arn = $t->run('net', @vpc);
$t->wait_status('RUNNING', $arn);
is(groups($t->pod($arn)), 'sg.ecs/sg-0a1b2c3d4e5f60718 sg.ecs/sg-web',
    'a task: its security groups are labels');
like(kubectl(qw(get pods -l sg.ecs/sg-web -o name)), qr/ecs-[0-9a-f]{32}/,
    'which select it');
$t->stop($arn);
$k->aws(qw(create-service --cluster demo --service-name net --task-definition
    net --desired-count 1), @vpc);
KecsUp::wait_for('the service', sub { service('net')->{runningCount} == 1 });
($arn) = @{ $k->aws(qw(list-tasks --cluster demo --service-name net))
    ->{taskArns} };
is(groups($t->pod($arn)), 'sg.ecs/sg-0a1b2c3d4e5f60718 sg.ecs/sg-web',
    'a task of a service, too');
is_deeply([ map { $_->{labelSelector}{matchLabels}{'kecs/service'} }
        @{ $t->pod($arn)->{spec}{topologySpreadConstraints} } ],
    [ ($t->pod($arn)->{metadata}{labels}{'kecs/service'}) x 2 ],
    'it is spread among its service alone');
$k->aws(qw(delete-service --cluster demo --service net --force));

# Pod Security: the namespace takes no such pods

my @level = ('label', 'namespace', $cluster->{namespace});
kubectl(@level, 'pod-security.kubernetes.io/enforce=restricted');
ended('Pod Security', $t->run('app'), 'TaskFailedToStart',
    qr/violates PodSecurity "restricted:latest"/);
kubectl(@level, 'pod-security.kubernetes.io/enforce-');
KecsUp::wait_for('the pod of the service that was deleted to go', sub {
    return kubectl(qw(get pods -o name)) eq '';
});

# a quota: what is over it does not start, a service tries again

kubectl(qw(create quota few --hard=pods=1));
KecsUp::wait_for('the quota to count', sub {
    return defined $cluster->get(qw(quota few))->{status}{hard}{pods};
});
my $first = running('app');
ended('a quota', $t->run('app'), 'TaskFailedToStart',
    qr/exceeded quota: few, requested: pods=1/);

$k->aws(qw(create-service --cluster demo --service-name many
    --task-definition app --desired-count 2));
KecsUp::wait_for('the service to be throttled', sub {
    return grep { $_->{message} =~ /unable to consistently start tasks/ }
        @{ service('many')->{events} };
});
pass('a service over the quota is throttled');
my @failed = @{ $k->aws(qw(list-tasks --cluster demo --service-name many
    --desired-status STOPPED))->{taskArns} };
cmp_ok(scalar @failed, '<', 60, 'and asks for few tasks meanwhile');
kubectl(qw(delete quota few));
KecsUp::wait_for('the service to run', sub {
    return service('many')->{runningCount} == 2;
}, 120);
pass('without the quota it gets there');
$k->aws(qw(delete-service --cluster demo --service many --force));
is($t->task($first)->{lastStatus}, 'RUNNING', 'what ran goes on');

# our pods, edited and deleted by others

sub edit {
    my ($arn, $type, $patch) = @_;
    return kubectl('patch', 'pod', KecsTasks::pod_name($arn),
        "--type=$type", '-p', JSON::PP->new->encode($patch));
}

edit($first, 'merge', { metadata => { labels => { 'ecs/service' => undef,
    'ecs/task-id' => 'another', mine => 'x' },
    annotations => { 'ecs/group' => undef } } });
edit($first, 'merge', { metadata => { finalizers => undef } });
is($t->task($first)->{lastStatus}, 'RUNNING',
    'labels that say something, and the finalizer: the task runs on');
$t->stop($first);
pod_gone('and can be stopped', $first);

$arn = running('app');
edit($arn, 'merge', { metadata => { finalizers => undef } });
kubectl('delete', 'pod', KecsTasks::pod_name($arn), qw(--grace-period=0
    --force --wait=false));
ended('finalizer taken off, then deleted by force', $arn,
    'ServiceSchedulerInitiated', qr/^Task stopped externally/);
pod_gone('deleted by force', $arn);

$arn = running('app');
kubectl('delete', 'pod', KecsTasks::pod_name($arn), qw(--grace-period=0
    --force --wait=false));
ended('deleted by force', $arn, 'ServiceSchedulerInitiated',
    qr/^Task stopped externally/);
pod_gone('deleted by force, and our finalizer', $arn);

$arn = running('app');
edit($arn, 'merge', { metadata => { labels => { 'kecs/store' => undef } } });
ended('our label taken off', $arn, 'ServiceSchedulerInitiated',
    qr/^Task stopped externally/);
pod_gone('our label taken off', $arn);

$arn = running('app');
$k->stop;
edit($arn, 'merge', { metadata => { labels => { 'kecs/store' => undef } } });
$k->start;
ended('our label taken off while we were away', $arn, 'TerminationNotice',
    qr/^Host EC2 \(instance node-[12]\) terminated\./);
pod_gone('our label taken off while we were away', $arn);

# phases that nobody but the kubelet should write

sub phase {
    my ($arn, $phase) = @_;
    return kubectl('patch', 'pod', KecsTasks::pod_name($arn),
        qw(--subresource=status --type=merge -p),
        JSON::PP->new->encode({ status => { phase => $phase,
            reason => 'Meddled', message => 'by hand' } }));
}

$arn = running('app');
phase($arn, 'Failed');
ended('a phase made Failed by hand', $arn, 'TerminationNotice',
    qr/^Meddled: by hand/);
pod_gone('a phase made Failed by hand', $arn);

$k->final_checks;
done_testing();
